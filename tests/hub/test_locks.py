"""One process at a time changes a folder, and the others are told who."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import filelock
import pytest

from picogpt_tui.errors import Busy, FileError
from picogpt_tui.hub.locks import only_one

from .fetching import sentence

HOLD = """
import sys
from pathlib import Path
import filelock
from picogpt_tui.hub.locks import only_one
if sys.argv[2]:
    def refuse(lock): raise NotImplementedError
    filelock.FileLock._acquire = refuse
with only_one(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(directory: Path, *, soft: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder, and is killed."""
    command = [sys.executable, "-c", HOLD, str(directory), "soft" if soft else ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def hold(directory: Path) -> None:
    with only_one(directory, "it"):
        pass


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on some network file systems."""

    def refuse(_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)


def test_a_folder_that_is_not_there_yet_can_be_held(tmp_path: Path) -> None:
    with only_one(tmp_path / "models" / "124M", "124M"):
        assert not (tmp_path / "models" / "124M").exists()
        holder = json.loads((tmp_path / "models" / ".locks" / "124M.json").read_text())
        assert (holder["pid"], holder["host"]) == (os.getpid(), socket.gethostname())
    assert not (tmp_path / "models" / ".locks" / "124M.json").exists()


@pytest.mark.parametrize("soft", [False, True], ids=["flock", "soft"])
def test_another_process_is_named_and_gone_when_it_is_killed(
    tmp_path: Path, request: pytest.FixtureRequest, soft: bool
) -> None:
    if soft:
        request.getfixturevalue("no_flock")
    with another_process(tmp_path / "it", soft=soft) as process:
        with pytest.raises(Busy) as caught:
            hold(tmp_path / "it")
        text = sentence(caught.value)
        assert text.startswith(f"Process {process.pid} (since ")
        assert text.endswith(" is at work on it; wait until it is done, or stop it.")
        hold(tmp_path / "other")
    hold(tmp_path / "it")


@pytest.mark.parametrize("soft", [False, True], ids=["flock", "soft"])
def test_another_thread_is_told_too(tmp_path: Path, request: pytest.FixtureRequest, soft: bool) -> None:
    if soft:
        request.getfixturevalue("no_flock")
    with only_one(tmp_path / "it", "it"), pytest.raises(Busy, match="This program itself"):
        hold(tmp_path / "it")
    hold(tmp_path / "it")


def test_another_thread_may_let_go(tmp_path: Path) -> None:
    """A download that is dropped is ended by whoever drops it, and that may be the garbage collector."""
    stack = ExitStack()
    stack.enter_context(only_one(tmp_path / "it", "it"))
    thread = threading.Thread(target=stack.close)
    thread.start()
    thread.join()
    hold(tmp_path / "it")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_gets_by_with_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
    with only_one(tmp_path / "it", "it"):
        assert (tmp_path / ".locks" / "it.lock.soft").exists()
        with pytest.raises(Busy):
            hold(tmp_path / "it")
    hold(tmp_path / "it")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"pid": 5}', "[" * 100_000, "\x00", '{"pid": 1, "host": 2}'],
    ids=lambda text: text[:10] or "empty",
)
def test_a_note_that_says_nothing_is_no_trouble(tmp_path: Path, text: str) -> None:
    with only_one(tmp_path / "it", "it"):
        (tmp_path / ".locks" / "it.json").write_text(text)
        with pytest.raises(Busy, match="Another process is at work on it"):
            hold(tmp_path / "it")


def test_a_hostile_note_is_shown_as_signs(tmp_path: Path) -> None:
    with only_one(tmp_path / "it", "it"):
        note = {"pid": "\x1b[31m", "host": "a\u202eb", "since": "\n" * 50}
        (tmp_path / ".locks" / "it.json").write_text(json.dumps(note))
        with pytest.raises(Busy) as caught:
            hold(tmp_path / "it")
    sentence(caught.value)


def test_another_machine_is_named(tmp_path: Path) -> None:
    with only_one(tmp_path / "it", "it"):
        note = {"pid": os.getpid(), "host": "elsewhere", "since": "10:00"}
        (tmp_path / ".locks" / "it.json").write_text(json.dumps(note))
        with pytest.raises(Busy, match=rf"Process {os.getpid()} on elsewhere \(since 10:00\) is at work"):
            hold(tmp_path / "it")


def test_a_note_that_cannot_be_written_is_only_a_courtesy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with only_one(tmp_path / "it", "it"), pytest.raises(Busy, match="Another process"):
        hold(tmp_path / "it")


def test_a_models_directory_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FileError, match=r"Cannot write .*\.locks: Permission denied"):
        hold(tmp_path / "it")
