"""The compiled product of int8 weights with few tokens: the only place that knows numba, which need not be there.

Activations become 15-bit whole numbers, a unit for each token, so that what the loop multiplies and adds are integers:
processors do many of those at once, nothing is rounded on the way, and any order gives the same sum.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray, Int8Array

OLDEST_NUMBA = (0, 60)

Product = Callable[[Int8Array, FloatArray, FloatArray, FloatArray], None]
"""(rows [n_out, n_in], scales [n_out], x [n_seq, n_in], y [n_seq, n_out]): y = x @ (rows * scales).T."""


class Kernel:
    """The compiled product, once there is one. Compiling takes seconds the first time and goes on beside the work.

    Attributes:
        product: None until it is ready, and where it cannot be had.
        trouble: why it cannot be had, one sentence; "" otherwise.
    """

    def __init__(self, compile: Callable[[], Product]) -> None:
        self.product: Product | None = None
        self.trouble = ""
        self._compile = compile
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def prepare(self) -> None:
        """Begin to compile it, unless somebody has."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="picogpt-compile")
                self._thread.start()

    def wait(self) -> bool:
        """Wait until it is ready or known not to come; says which."""
        self.prepare()
        assert self._thread is not None
        self._thread.join()
        return self.product is not None

    def _run(self) -> None:
        try:
            self.product = self._compile()
        except ImportError as error:
            self.trouble = f"int8 runs without numba ({error}); pip install 'picogpt-tui[fast]' makes it faster."
        except Exception as error:  # a compiler fails in its own ways, and the other way still works
            self.trouble = f"int8 runs without numba, which failed: {type(error).__name__}: {error}"


def compile_product() -> Product:
    """Compile the kernel with numba, or read it from numba's cache on disk.

    Raises:
        ImportError: numba is not installed, or older than OLDEST_NUMBA.
    """
    try:
        import numba
    except ImportError as error:
        raise ImportError("it is not installed" if error.name == "numba" else str(error)) from error
    if numba.version_info.short < OLDEST_NUMBA:
        raise ImportError(f"{numba.__version__} is too old, {'.'.join(map(str, OLDEST_NUMBA))} is needed")

    def product(rows: Any, scales: Any, x: Any, y: Any) -> None:
        n_seq, n_in = x.shape
        whole = np.empty((n_seq, n_in), np.int16)
        units = np.empty(n_seq, np.float32)
        for token in range(n_seq):
            largest, total = np.float32(0), np.float32(0)
            for i in range(n_in):
                largest = max(largest, abs(x[token, i]))
                total += abs(x[token, i])
            if not np.isfinite(total):  # what has overflowed stays seen: it must not become a whole number
                largest = total
            units[token] = largest / np.float32(16383)
            per_unit = np.float32(16383) / largest if largest > 0 else np.float32(0)
            for i in range(n_in):
                whole[token, i] = np.int16(np.rint(x[token, i] * per_unit))
        for out in numba.prange(rows.shape[0]):
            row = rows[out]
            for token in range(n_seq):
                these = whole[token]
                y_float = np.float32(0)
                for first in range(0, n_in, 1024):  # 1024 * 127 * 16383 < 2**31
                    exact = np.int32(0)
                    for i in range(first, min(first + 1024, n_in)):
                        exact = np.int32(exact + np.int32(np.int32(row[i]) * np.int32(these[i])))
                    y_float += np.float32(exact)
                y[token, out] = y_float * scales[out] * units[token]

    def read_only(dtype: Any, ndim: int) -> Any:
        return numba.types.Array(dtype, ndim, "C", readonly=True)

    f4 = numba.types.float32
    signature = (read_only(numba.types.int8, 2), read_only(f4, 1), read_only(f4, 2), f4[:, ::1])
    try:
        compiled = numba.njit(signature, parallel=True, nogil=True, cache=True)(product)
    except RuntimeError:  # there is no folder that numba could keep it in
        compiled = numba.njit(signature, parallel=True, nogil=True)(product)
    one_at_a_time = threading.Lock()  # some of numba's thread pools end the process where two threads enter them

    def call(rows: Int8Array, scales: FloatArray, x: FloatArray, y: FloatArray) -> None:
        with one_at_a_time:
            compiled(rows, scales, x, y)

    return call


KERNEL = Kernel(compile_product)
"""The one of this process."""
