"""Weight-only int8: every row of a matrix as 8-bit whole numbers and one float32 scale, a quarter of float32's memory.

Symmetric absmax quantization per output (Dettmers et al. 2022, https://arxiv.org/abs/2208.07339, its row-wise form):
row = round(w / scale), scale = max|w| / 127. Everything else stays float32.

A product with few tokens is limited by the reading of the weights. With numba a compiled kernel multiplies the bytes as
they are (`int8_kernel`). Without it a block of rows at a time is widened into memory that stays in the cache, and BLAS
multiplies that. Products with many tokens always go the second way.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray, Int8Array
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.threads import in_parts

_LARGEST = 127
_NEXT_TO_ZERO = np.float32(1e-30)
"""A scale so small has no inverse that float32 could hold well; its row adds nothing to any sum."""
_BLOCK_BYTES = 1 << 20
_FEW_TOKENS = 16
"""Up to so many, reading the weights is what costs."""


@dataclass(frozen=True, slots=True)
class Int8Matrix:
    """A quantized matrix, a row for each output.

    It stands for w in `x @ w.T + b`: the transpose of a layer's [n_in, n_out], or the unembedding as it is.
    """

    rows: Int8Array
    """[n_out, n_in]."""
    scales: FloatArray
    """[n_out]; a row's numbers times its scale are its weights."""

    @property
    def size(self) -> int:
        """How many weights it has."""
        return self.rows.size

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self.rows.nbytes + self.scales.nbytes

    def __getitem__(self, ids: Sequence[int] | slice) -> FloatArray:
        """Rows as float32: [n] -> [n, n_in]."""
        picked: FloatArray = self.rows[ids].astype(np.float32)
        picked *= self.scales[ids][..., None]
        return picked

    def widened(self) -> FloatArray:
        """All of it as float32, [n_out, n_in]."""
        return self[:]

    def product(self, x: FloatArray, b: FloatArray | None = None, out: FloatArray | None = None) -> FloatArray:
        """X @ w.T + b.

        Args:
            x: [n_seq, n_in].
            b: [n_out].
            out: where to write, [n_seq, n_out].
        """
        y = np.empty((len(x), len(self.rows)), dtype=np.float32) if out is None else out
        kernel = None
        if len(x) <= _FEW_TOKENS:
            kernel = KERNEL.compiled
            if kernel is None and len(x) == 1:
                KERNEL.prepare()
        if kernel is not None:
            kernel.product(self.rows, self.scales, np.ascontiguousarray(x), y)
        else:
            _product_in_blocks(self, x, y)
        if b is not None:
            y += b
        return y


def quantize(w: FloatArray) -> Int8Matrix:
    """Round each row to 255 levels between -max|row| and max|row|; a row next to zero becomes one of zeros.

    Args:
        w: [n_out, n_in].
    """
    scales: FloatArray = np.maximum(w.max(axis=1, initial=0), -w.min(axis=1, initial=0)) / np.float32(_LARGEST)
    scales[scales < _NEXT_TO_ZERO] = 0
    inverse = np.divide(np.float32(1), scales, out=np.zeros_like(scales), where=scales > 0)
    rows = np.empty(w.shape, dtype=np.int8)
    at_once = max(1, _BLOCK_BYTES // (4 * w.shape[1]))

    def part(start: int, stop: int) -> None:
        for first in range(start, stop, at_once):
            piece = slice(first, min(first + at_once, stop))
            scaled = w[piece] * inverse[piece, None]
            np.rint(scaled, out=scaled)
            np.copyto(rows[piece], scaled, casting="unsafe")

    in_parts(part, len(w), at_once)
    return Int8Matrix(rows, scales)


_LOCAL = threading.local()


def _product_in_blocks(matrix: Int8Matrix, x: FloatArray, y: FloatArray) -> None:
    """Without numba: widen rows into a block that stays in the cache, and let BLAS multiply it."""
    rows, (n_out, n_in) = matrix.rows, matrix.rows.shape
    at_once = max(1, _BLOCK_BYTES // (4 * n_in))

    def part(start: int, stop: int) -> None:
        memory: FloatArray | None = getattr(_LOCAL, "memory", None)
        if memory is None or memory.size < at_once * n_in:
            memory = _LOCAL.memory = np.empty(at_once * n_in, dtype=np.float32)
        block = memory[: at_once * n_in].reshape(at_once, n_in)
        for first in range(start, stop, at_once):
            last = min(first + at_once, stop)
            wide = block[: last - first]
            np.copyto(wide, rows[first:last])
            if len(x) == 1:
                np.dot(wide, x[0], out=y[0, first:last])
            else:
                np.matmul(x, wide.T, out=y[:, first:last])

    if len(x) == 1:
        in_parts(part, n_out, at_once // 2)
    else:
        part(0, n_out)  # BLAS has work for all cores
    y *= matrix.scales
