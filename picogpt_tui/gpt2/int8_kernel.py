"""The compiled product of int8 weights with few tokens: the only place that knows numba, which need not be there.

Weights are widened on their way into the processor and multiplied as float32, so that a quarter of the bytes is read.
Activations stay float32. Rounding them to whole numbers makes the loop half as fast again on processors with narrow
vectors, and was tried: but what is rounded parts where its input differs in the last bit, as it does between a token
that is read along with others and one that is read alone, and of answers of 120 tokens half came out otherwise.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray, Int8Array

OLDEST_NUMBA = (0, 60)

Product = Callable[[Int8Array, FloatArray, FloatArray, FloatArray], None]
"""(rows [n_out, n_in], scales [n_out], x [n_seq, n_in], y [n_seq, n_out]): y = x @ (rows * scales).T."""


class Kernel:
    """The compiled product, once there is one. It is compiled beside the work, which goes on without it.

    Attributes:
        product: None until it is ready, and where it cannot be had.
        trouble: why it cannot be had, one sentence; "" otherwise.
    """

    def __init__(self, compile: Callable[[], Product], compile_ahead: Callable[[], None]) -> None:
        self.product: Product | None = None
        self.trouble = ""
        self._compile = compile
        self._compile_ahead = compile_ahead
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def prepare(self) -> None:
        """Begin to compile it, unless somebody has."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="picogpt-compile")
                    thread.start()
                    self._thread = thread  # not before: others join what they see here

    def wait(self) -> bool:
        """Wait until it is ready or known not to come; says which."""
        self.prepare()
        assert self._thread is not None
        self._thread.join()
        return self.product is not None

    def _run(self) -> None:
        try:
            self._compile_ahead()
            with _short_turns():
                self.product = self._compile()
        except ImportError as error:
            self.trouble = f"int8 runs without numba ({error}); pip install -U numba makes it faster."
        except Exception as error:  # a compiler fails in its own ways, and the other way still works
            self.trouble = f"int8 runs without numba, which failed: {type(error).__name__}: {error}"


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let other threads have the interpreter after half a millisecond: each call of theirs to NumPy waits for it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def compile_in_a_child() -> None:
    """Have another process compile the kernel into numba's cache, where there is none yet: seconds of Python's time.

    In this process they would be taken from everyone else. Whatever goes wrong there will be told here.
    """
    if find_spec("numba") is None or any((Path(__file__).parent / "__pycache__").glob(f"{Path(__file__).stem}.*.nbi")):
        return
    code = f"from {__name__} import compile_product; compile_product()"
    with suppress(OSError):
        child = subprocess.Popen([sys.executable, "-c", code], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        while child.poll() is None:
            if not threading.main_thread().is_alive():  # the program ends; the child finishes what it began
                child.returncode = 0  # and nobody need be told that it still runs
                return
            time.sleep(0.05)


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
        for out in numba.prange(rows.shape[0]):
            row = rows[out]
            if n_seq == 1:
                total = np.float32(0)
                for i in range(n_in):
                    total += np.float32(row[i]) * x[0, i]
                y[0, out] = total * scales[out]
                continue
            wide = np.empty(n_in, np.float32)
            for i in range(n_in):
                wide[i] = np.float32(row[i])
            for token in range(n_seq):
                total = np.float32(0)
                for i in range(n_in):
                    total += wide[i] * x[token, i]
                y[token, out] = total * scales[out]

    def read_only(dtype: Any, ndim: int) -> Any:
        return numba.types.Array(dtype, ndim, "C", readonly=True)

    f4 = numba.types.float32
    signature = (read_only(numba.types.int8, 2), read_only(f4, 1), read_only(f4, 2), f4[:, ::1])
    # any order of additions, so that they are done side by side; but nan and infinity stay what they are
    options: dict[str, Any] = {"parallel": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}
    try:
        compiled = numba.njit(signature, cache=True, **options)(product)
    except RuntimeError:  # there is no folder that numba could keep it in
        compiled = numba.njit(signature, **options)(product)
    one_at_a_time = threading.Lock()  # some of numba's thread pools end the process where two threads enter them

    def call(rows: Int8Array, scales: FloatArray, x: FloatArray, y: FloatArray) -> None:
        with one_at_a_time:
            compiled(rows, scales, x, y)

    return call


KERNEL = Kernel(compile_product, compile_in_a_child)
"""The one of this process."""
