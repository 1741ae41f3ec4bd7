"""Asks the model for the explorer, one inquiry at a time. Takes no room on the screen."""

from __future__ import annotations

from threading import Event as StopEvent

from textual import work
from textual.widget import Widget
from textual.worker import get_current_worker

from picogpt_tui.tui.explorer_jobs import Inquiry, ask_job


class Asker(Widget):
    """Posts the messages of `explorer_jobs.ask_job`; those of an older inquiry are to be dropped.

    Attributes:
        is_busy: whether one is being worked on.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.is_busy = False
        self._number = 0
        self._stop = StopEvent()

    def ask(self, inquiry: Inquiry) -> None:
        """Begin an inquiry; the one before is let go."""
        self.stop()
        self.is_busy = True
        self._ask(inquiry, self._number, self._stop)

    def stop(self) -> None:
        """Let go of what was asked."""
        self._stop.set()
        self._stop = StopEvent()
        self._number += 1
        self.is_busy = False

    def is_current(self, number: int) -> bool:
        """Whether a message belongs to the newest inquiry."""
        return number == self._number

    @work(thread=True, group="ask", exit_on_error=False)
    def _ask(self, inquiry: Inquiry, number: int, stop: StopEvent) -> None:
        worker = get_current_worker()
        ask_job(inquiry, number, self.post_message, lambda: stop.is_set() or worker.is_cancelled)
