"""The compiled functions of `int8_compiled`, which come beside the work and which numba, not always there, compiles."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from picogpt_tui.gpt2.arrays import FloatArray, Int8Array

_MODULE = f"{__package__}.int8_compiled"

Product = Callable[[Int8Array, FloatArray, FloatArray, FloatArray], None]
"""(rows [n_out, n_in], scales [n_out], x [n_seq, n_in], y [n_seq, n_out]): y = x @ (rows * scales).T."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What numba has compiled; see `int8_compiled` for both."""

    product: Product
    block: Callable[..., None]


class Kernel:
    """The compiled functions, once there are any. They are compiled beside the work, which goes on without them.

    Attributes:
        compiled: None until they are ready, and where they cannot be had.
        trouble: why it cannot be had, one sentence; "" otherwise.
    """

    def __init__(self, compile: Callable[[], Compiled], compile_ahead: Callable[[], None]) -> None:
        self.compiled: Compiled | None = None
        self.trouble = ""
        self._compile = compile
        self._compile_ahead = compile_ahead
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def prepare(self) -> None:
        """Begin to compile them, unless somebody has."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="picogpt-compile")
                    thread.start()
                    self._thread = thread  # not before: others join what they see here

    def wait(self) -> bool:
        """Wait until they are ready or known not to come; says which."""
        self.prepare()
        assert self._thread is not None
        self._thread.join()
        return self.compiled is not None

    def _run(self) -> None:
        try:
            self._compile_ahead()
            with _short_turns():
                self.compiled = self._compile()
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
    """Have another process compile into numba's cache, where that is empty or old: seconds of Python's time.

    In this process they would be taken from everyone else. Whatever goes wrong there will be told here.
    """
    numba = find_spec("numba")
    if numba is None or _is_compiled(numba.origin):
        return
    with suppress(OSError):
        # -P and this path: it must find our package and numba, not what lies where the program was started
        command = [sys.executable, "-P", "-c", f"import sys; sys.path[:] = {sys.path!r}; import {_MODULE}"]
        child = subprocess.Popen(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        while (ended := child.poll()) is None:
            if not threading.main_thread().is_alive():  # the program ends; the child finishes what it began
                child.returncode = 0  # and nobody need be told that it still runs
                return
            time.sleep(0.05)
        for index in _indices() if ended == 0 else ():
            index.touch()  # numba leaves it alone where only the dates are new


def _is_compiled(numba_file: str | None) -> bool:
    """Whether the last function was compiled since numba and the source came here; else all may be compiled anew."""
    newest = max(Path(file).stat().st_mtime for file in (_source(), numba_file or _source()))
    return any(index.stat().st_mtime >= newest for index in _indices())


def _source() -> Path:
    return Path(__file__).with_name("int8_compiled.py")


def _indices() -> Iterator[Path]:
    """What numba writes last when it keeps what it compiled, for each version of Python."""
    return (_source().parent / "__pycache__").glob(f"{_source().stem}.block-*.nbi")


def compile_here() -> Compiled:
    """Compile with numba, or read what it has compiled from its cache on disk.

    Raises:
        ImportError: numba is not installed, or too old.
    """
    try:
        int8_compiled = import_module(_MODULE)
    except ImportError as error:
        raise ImportError("it is not installed" if error.name == "numba" else str(error)) from error
    one_at_a_time = threading.Lock()  # some of numba's thread pools end the process where two threads enter them

    def alone(compiled: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any) -> None:
            with one_at_a_time:
                compiled(*args)

        return call

    return Compiled(alone(int8_compiled.product), alone(int8_compiled.block))


KERNEL = Kernel(compile_here, compile_in_a_child)
"""The one of this process."""
