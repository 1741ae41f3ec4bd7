"""Who watches the threads: what they tell of tasks that are done before anyone looks."""

from __future__ import annotations

from threading import Event

from picogpt_tui.events import DownloadProgress
from picogpt_tui.hub.connection import Stop
from picogpt_tui.hub.crew import Task, wait_for


def test_a_task_that_is_done_at_once_is_told_of_all_the_same() -> None:
    """On a busy machine a look-up may end before anyone waits for it; scripts count on its phase."""
    ended = Event()
    task = Task(lambda: 7, ended)
    task.start()
    task.join()
    looking_up = DownloadProgress("124M", "looking up", "hub.example")

    assert list(wait_for([task], ended, Stop(), lambda: False, lambda: looking_up)) == [looking_up]
    assert task.result == 7
