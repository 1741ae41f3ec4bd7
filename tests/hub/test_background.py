"""Threads that bring bytes give way, and no other thread of the program does."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from picogpt_tui.hub.background import give_way
from picogpt_tui.hub.crew import Task
from picogpt_tui.hub.digests import BackgroundHasher

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone can do this to a single thread")


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@linux
def test_a_task_gives_way_and_who_started_it_does_not() -> None:
    before = _niceness()
    task = Task(_niceness, threading.Event())
    task.start()
    task.join()

    assert task.result == max(10, before)
    assert _niceness() == before


@linux
def test_a_hash_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    hasher = BackgroundHasher("sha256", None)
    monkeypatch.setattr(hasher, "_hash", lambda _: seen.append(_niceness()))
    hasher.update(b"a")
    hasher.hexdigest()
    hasher.close()

    assert seen == [max(10, _niceness())]


@linux
def test_who_gives_way_already_gives_no_less() -> None:
    def twice() -> int:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        give_way()
        return _niceness()

    task = Task(twice, threading.Event())
    task.start()
    task.join()

    assert task.result == 19


@linux
def test_where_it_is_not_allowed_work_goes_on_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = _niceness()
    monkeypatch.setattr(os, "setpriority", refuse)
    task = Task(_niceness, threading.Event())
    task.start()
    task.join()

    assert task.result == before
