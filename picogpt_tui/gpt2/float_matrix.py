"""A float32 matrix that lies as its file has it, until tokens come one at a time.

Many tokens at once are multiplied as fast either way. One alone is limited by the reading of the weights, which BLAS
does at the speed of the memory where what belongs to one output lies together, and at four fifths of it row by row. So
a prompt is read at once, and who asks for a second token waits a moment for the first copy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.threads import in_parts

_ROWS_AT_ONCE = 32
_TURNING = threading.Lock()


class FloatMatrix:
    """A layer's matrix.

    Attributes:
        array: [n_in, n_out]; its rows lie together in memory, or later its columns.
    """

    def __init__(self, array: FloatArray, let_go: Callable[[], None]) -> None:
        """Take the array as it is.

        Args:
            array: [n_in, n_out].
            let_go: called when `array` has been copied, and what it lies in is not needed any more.
        """
        self.array = array
        self._let_go: Callable[[], None] | None = let_go

    @property
    def size(self) -> int:
        """How many weights it has."""
        return self.array.size

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self.array.nbytes

    def product(self, x: FloatArray, b: FloatArray | None = None, out: FloatArray | None = None) -> FloatArray:
        """X @ w + b.

        Args:
            x: [n_seq, n_in].
            b: [n_out].
            out: where to write, [n_seq, n_out].
        """
        if self._let_go is not None and len(x) == 1:
            self._turn()
        y: FloatArray = np.matmul(x, self.array, out=out)
        if b is not None:
            y += b
        return y

    def _turn(self) -> None:
        with _TURNING:
            if self._let_go is not None:
                self.array = by_columns(self.array)
                self._let_go()
                self._let_go = None


def by_columns(matrix: FloatArray) -> FloatArray:
    """The same matrix, each column in one piece of memory."""
    columns = np.empty(matrix.shape[::-1], dtype=np.float32)

    def part(start: int, stop: int) -> None:
        for row in range(start, stop, _ROWS_AT_ONCE):
            last = min(row + _ROWS_AT_ONCE, stop)
            columns[:, row:last] = matrix[row:last].T

    in_parts(part, len(matrix), _ROWS_AT_ONCE)
    return columns.T
