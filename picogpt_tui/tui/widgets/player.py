"""Runs the model for the main screen, one request at a time. Takes no room on the screen.

Every request has a number, which its messages carry; a handler drops those that are not of the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as StopEvent
from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget
from textual.worker import get_current_worker

from picogpt_tui.session.document import Request
from picogpt_tui.settings import SamplingSettings
from picogpt_tui.tui import jobs

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine


class Player(Widget):
    """Posts EventsArrived, Peeked and WorkFailed.

    Attributes:
        engine: the model that is played with, None before one is loaded.
        is_generating: whether an answer is on its way.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.engine: Engine | None = None
        self.is_generating = False
        self._number = 0
        self._stop = StopEvent()

    def generate(self, request: Request) -> None:
        """Begin an answer; whatever ran before is stopped."""
        assert self.engine is not None
        self.stop()
        self.is_generating = True
        self._generate(self.engine, request, self._number, self._stop)

    def peek(self, ids: list[int], sampling: SamplingSettings, top_n: int) -> None:
        """Ask what would come after these tokens; whatever ran before is stopped."""
        if self.engine is not None:
            self.stop()
            self._peek(self.engine, ids, sampling, top_n, self._number, self._stop)

    def stop(self) -> None:
        """Stop at once: the model within a token, and nothing more is heard of it."""
        self._stop.set()
        self._stop = StopEvent()
        self._number += 1
        self.is_generating = False

    def is_current(self, generation: int) -> bool:
        """Whether a message belongs to the newest request; what an older one says is to be dropped."""
        return generation == self._number

    @work(thread=True, group="generate", exit_on_error=False)
    def _generate(self, engine: Engine, request: Request, number: int, stop: StopEvent) -> None:
        jobs.generate_job(engine, request, number, self.post_message, self._asker(stop))

    @work(thread=True, group="generate", exit_on_error=False)
    def _peek(
        self, engine: Engine, ids: list[int], sampling: SamplingSettings, top_n: int, number: int, stop: StopEvent
    ) -> None:
        jobs.peek_job(engine, ids, sampling, top_n, number, self.post_message, self._asker(stop))

    def _asker(self, stop: StopEvent) -> Callable[[], bool]:
        """What the model asks once a token, in the worker's thread."""
        worker = get_current_worker()
        return lambda: stop.is_set() or worker.is_cancelled
