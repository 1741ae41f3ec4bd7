"""The prompt as the model reads it while it is being typed: its tokens, shaded by surprisal, and the text's numbers.

It waits a moment after each key, asks in a worker's thread, and lets go of what it asked when the text changes again;
so typing never waits for the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Event as StopEvent
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.getters import query_one
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from picogpt_tui.settings import SamplingSettings
from picogpt_tui.tui import shading
from picogpt_tui.tui.drawing import NATS_TO_BITS, bits
from picogpt_tui.tui.jobs import sentence
from picogpt_tui.tui.token_flow import TokenBytes
from picogpt_tui.tui.widgets.token_text import TokenText

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.session.live import LiveReader, LiveReading

_DEBOUNCE_SECONDS = 0.12
_SURPRISAL = shading.SCALES[0]


@dataclass
class LiveRead(Message):
    """This is what the model thinks of the text as it is typed."""

    number: int
    reading: LiveReading


@dataclass
class LiveFailed(Message):
    """The text cannot be read, told in one sentence."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What is to be read."""

    engine: Engine
    context_ids: tuple[int, ...]
    text: str
    sampling: SamplingSettings
    top_n: int


class LivePanel(Vertical):
    """Posts LiveRead, which bubbles to the screen."""

    tokens = query_one("#live-tokens", TokenText)
    numbers = query_one("#live-numbers", Static)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._reader: tuple[Engine, LiveReader] | None = None
        self._number = 0
        self._stop = StopEvent()
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The tokens, and a line of numbers."""
        yield TokenText(id="live-tokens")
        yield Static(id="live-numbers")

    def on_mount(self) -> None:
        """It shows and never has the focus."""
        self.tokens.can_focus = False
        self.say("what you type is read as you type it")

    def say(self, text: str) -> None:
        """Put something in the line of numbers."""
        self.numbers.update(Content(f"live  {text}"))

    def read(self, typed: Typed) -> None:
        """Read this text in a moment, unless another comes before."""
        self.stop()
        number, stop = self._number, self._stop
        self._timer = self.set_timer(_DEBOUNCE_SECONDS, lambda: self._begin(typed, number, stop))

    def stop(self) -> None:
        """Let go of what was asked."""
        self._stop.set()
        self._stop = StopEvent()
        self._number += 1
        if self._timer is not None:
            self._timer.stop()

    def _begin(self, typed: Typed, number: int, stop: StopEvent) -> None:
        from picogpt_tui.session.live import LiveReader  # needs NumPy, which came with the model

        if self._reader is None or self._reader[0] is not typed.engine:
            self._reader = typed.engine, LiveReader(typed.engine)
        self._read(self._reader[1], typed, number, stop)

    @work(thread=True, group="live", exit_on_error=False)
    def _read(self, reader: LiveReader, typed: Typed, number: int, stop: StopEvent) -> None:
        worker = get_current_worker()

        def should_stop() -> bool:
            return stop.is_set() or worker.is_cancelled

        try:
            reading = reader.read(typed.context_ids, typed.text, typed.sampling, typed.top_n, should_stop)
        except Exception as error:  # a crash of the model must not take the screen with it
            self.post_message(LiveFailed(number, sentence(error)))
        else:
            if reading is not None:
                self.post_message(LiveRead(number, reading))

    @on(LiveRead)
    def _show(self, message: LiveRead) -> None:
        if message.number != self._number or self._reader is None:
            message.stop()
            return
        reading, tokenizer = message.reading, self._reader[0].tokenizer
        self.tokens.show(
            [TokenBytes(tokenizer.bytes_of(id), tokenizer.label(id)) for id in reading.ids], len(reading.ids)
        )
        levels = shading.levels(_SURPRISAL, reading.facts)
        self.tokens.shade(levels)
        if self.app.no_color:
            self.tokens.mark([" " if level is None else shading.SHADES[level] for level in levels])
        self.say(_numbers(reading))

    @on(LiveFailed)
    def _tell(self, message: LiveFailed) -> None:
        if message.number == self._number:
            self.say(message.sentence)


def _numbers(reading: LiveReading) -> str:
    """Tokens, perplexity, bits per byte of what is typed; entropy of what comes next."""
    known = [facts.logprob for facts in reading.facts if facts is not None]
    n = len(reading.ids)
    parts = [f"{n:,} token{'s' if n != 1 else ''}"]
    if known:
        nats = -math.fsum(known)
        parts.append(f"perplexity {math.exp(min(50.0, nats / len(known))):,.1f}")
        parts.append(f"{nats * NATS_TO_BITS / max(1, reading.n_bytes):.2f} bits/byte")
    parts.append(f"next: entropy {bits(reading.distribution.entropy)} bits")
    return " · ".join(parts)
