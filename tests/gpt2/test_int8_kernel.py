"""The kernel comes beside the work, once, or says in one sentence why it does not come."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from picogpt_tui.gpt2 import int8_kernel
from picogpt_tui.gpt2.int8_kernel import Compiled, Kernel, compile_here, compile_in_a_child

from .kernels import compiled

COMPILED = compiled(lambda rows, scales, x, y: None)


def test_it_is_compiled_once_however_many_ask() -> None:
    n_compiled = 0

    def compile() -> Compiled:
        nonlocal n_compiled
        n_compiled += 1
        return COMPILED

    kernel = Kernel(compile, lambda: None)
    askers = [threading.Thread(target=kernel.wait) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert n_compiled == 1
    assert (kernel.compiled, kernel.trouble) == (COMPILED, "")


def test_nobody_waits_for_it() -> None:
    may_go_on = threading.Event()

    def slow() -> Compiled:
        may_go_on.wait(20)
        return COMPILED

    kernel = Kernel(slow, lambda: None)
    kernel.prepare()
    assert kernel.compiled is None
    may_go_on.set()
    assert kernel.wait()


@pytest.mark.parametrize(
    "error, sentence",
    [
        (
            ImportError("it is not installed"),
            "int8 runs without numba (it is not installed); pip install -U numba makes it faster.",
        ),
        (RuntimeError("no such target"), "int8 runs without numba, which failed: RuntimeError: no such target"),
    ],
)
def test_why_it_does_not_come(error: Exception, sentence: str) -> None:
    def fails() -> Compiled:
        raise error

    kernel = Kernel(fails, lambda: None)
    assert not kernel.wait()
    assert (kernel.compiled, kernel.trouble) == (None, sentence)


def test_what_goes_wrong_before_it_is_compiled_is_told() -> None:
    def ahead() -> None:
        raise OSError("no more processes")

    kernel = Kernel(lambda: COMPILED, ahead)
    assert not kernel.wait()
    assert kernel.trouble == "int8 runs without numba, which failed: OSError: no more processes"


@pytest.fixture
def numba_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a source that numba, which is installed there, has not compiled yet."""
    for name in ("int8_kernel.py", "int8_compiled.py", "numba.py"):
        (tmp_path / name).touch()
    (tmp_path / "__pycache__").mkdir()
    monkeypatch.setattr(int8_kernel, "__file__", str(tmp_path / "int8_kernel.py"))
    spec = SimpleNamespace(origin=str(tmp_path / "numba.py"))
    monkeypatch.setattr(int8_kernel, "find_spec", lambda name: spec)
    return tmp_path


@pytest.mark.usefixtures("numba_elsewhere")
def test_a_child_that_cannot_be_started_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compiled here then."""

    def refuse(command: list[str], **options: object) -> object:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    kernel = Kernel(lambda: COMPILED, compile_in_a_child)
    assert kernel.wait()
    assert (kernel.compiled, kernel.trouble) == (COMPILED, "")


def test_others_get_short_turns_only_while_it_is_compiled() -> None:
    before, during = sys.getswitchinterval(), []

    def compile() -> Compiled:
        during.append(sys.getswitchinterval())
        return COMPILED

    Kernel(compile, lambda: None).wait()
    assert sys.getswitchinterval() == before
    assert during[0] < before


@pytest.mark.parametrize("version, why", [((0, 59), "0.59.1 is too old, 0.60 is needed"), ((0, 9), "is too old")])
def test_an_old_numba_is_not_used(version: tuple[int, int], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(version_info=SimpleNamespace(short=version), __version__=f"{version[0]}.{version[1]}.1")
    monkeypatch.setitem(sys.modules, "numba", old)
    monkeypatch.delitem(sys.modules, "picogpt_tui.gpt2.int8_compiled", raising=False)
    with pytest.raises(ImportError, match=why):
        compile_here()


def test_without_numba_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "picogpt_tui.gpt2.int8_compiled", raising=False)
    with pytest.raises(ImportError, match=r"numba|it is not installed"):
        compile_here()


def test_a_child_compiles_only_what_is_not_compiled_yet(monkeypatch: pytest.MonkeyPatch, numba_elsewhere: Path) -> None:
    """Nothing, the first function alone, all; then a newer source, and a newer numba."""
    children: list[list[str]] = []

    def popen(command: list[str], **options: object) -> object:
        children.append(command)
        return SimpleNamespace(poll=lambda: 0)

    def asked_for_a_child() -> bool:
        children.clear()
        compile_in_a_child()
        return [command[-1].rpartition("; ")[2] for command in children] == ["import picogpt_tui.gpt2.int8_compiled"]

    def made_at(seconds: int, *names: str) -> None:
        for name in names:
            (numba_elsewhere / name).touch()
            os.utime(numba_elsewhere / name, (seconds, seconds))

    monkeypatch.setattr(subprocess, "Popen", popen)
    made_at(1000, "int8_compiled.py", "numba.py")
    assert asked_for_a_child()
    made_at(2000, "__pycache__/int8_compiled.product-55.py311.nbi")
    assert asked_for_a_child()
    made_at(2000, "__pycache__/int8_compiled.block-126.py311.nbi")
    assert not asked_for_a_child()
    for newer in ("int8_compiled.py", "numba.py"):
        made_at(2000, "__pycache__/int8_compiled.block-126.py311.nbi")
        made_at(3000, newer)
        assert asked_for_a_child()
        assert not asked_for_a_child()  # numba need not have written anything
        made_at(1000, newer)


def test_a_child_finds_what_its_parent_finds_wherever_it_is_started(
    monkeypatch: pytest.MonkeyPatch, numba_elsewhere: Path
) -> None:
    """Not the files of the folder that the user happens to be in."""
    ended: list[subprocess.CompletedProcess[str]] = []
    start = subprocess.Popen

    def popen(command: list[str], **options: object) -> object:
        where = command[-1].replace("import picogpt_tui.gpt2.int8_compiled", "import pico, picogpt_tui; print(pico)")
        monkeypatch.setattr(subprocess, "Popen", start)
        ended.append(subprocess.run([*command[:-1], where], capture_output=True, text=True, check=False))
        return SimpleNamespace(poll=lambda: 0)

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])  # "" is wherever one is
    monkeypatch.chdir(numba_elsewhere)
    (numba_elsewhere / "pico.py").touch()
    compile_in_a_child()
    assert "No module named 'pico'" in ended[0].stderr
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.syspath_prepend(str(numba_elsewhere))
    compile_in_a_child()
    assert str(numba_elsewhere / "pico.py") in ended[1].stdout


def test_a_child_is_not_asked_where_there_is_no_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_kernel, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **options: pytest.fail("a child was started"))
    compile_in_a_child()


def test_two_threads_may_multiply_at_once() -> None:
    """Some of numba's thread pools end the process where two threads enter them."""
    try:
        product = compile_here().product
    except ImportError as error:
        pytest.skip(str(error))
    rows = np.arange(-60, 60, dtype=np.int8).reshape(12, 10)
    scales, x = np.full(12, 0.5, dtype=np.float32), np.ones((1, 10), dtype=np.float32)
    results = [np.empty((1, 12), dtype=np.float32) for _ in range(4)]
    threads = [threading.Thread(target=lambda y=y: [product(rows, scales, x, y) for _ in range(200)]) for y in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for y in results:
        np.testing.assert_array_equal(y[0], rows.sum(axis=1) * 0.5)
