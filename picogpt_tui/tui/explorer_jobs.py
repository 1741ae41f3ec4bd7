"""What the explorer runs in a worker's thread: one inquiry looks, asks a view's question, and reads the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picogpt_tui.events import Progress
from picogpt_tui.settings import SamplingSettings
from picogpt_tui.tui.explorer_messages import Answered, Asking, AskingFailed, FactsTold, Looked
from picogpt_tui.tui.jobs import Post, ShouldStop, sentence

if TYPE_CHECKING:
    from picogpt_tui.session.instruments import Instruments, Place

Question = Callable[["Instruments", ShouldStop], Iterator[object]]
"""What a view wants to know; yields Progress, and answers: parts of one, or one whole."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """All that is asked at once."""

    instruments: Instruments
    place: Place
    sampling: SamplingSettings
    top_n: int
    view: str
    """Whose question it is."""
    question: Question | None
    lacking: Sequence[int]
    """Positions of tokens that nobody has asked the model about."""


def ask_job(inquiry: Inquiry, number: int, post: Post, should_stop: ShouldStop) -> None:
    """Look at a place, answer a view's question, then say what the model thinks of the text's other tokens.

    Posts Looked, Answered, FactsTold, Asking as it goes, AskingFailed for each of the three that breaks.
    """
    one, instruments = inquiry, inquiry.instruments

    def look() -> Iterator[object]:
        yield instruments.look(one.place, one.sampling, one.top_n, should_stop)

    def view() -> Iterator[object]:
        if one.question is not None:
            yield from one.question(instruments, should_stop)

    def rest() -> Iterator[object]:
        yield from instruments.read(one.place, one.lacking, should_stop)

    _tell(look(), lambda step: Looked(number, step), "", number, post, should_stop)
    _tell(view(), lambda step: Answered(number, one.view, step), one.view, number, post, should_stop)
    _tell(rest(), lambda step: FactsTold(number, step), "", number, post, should_stop)
    post(Asking(number, None))


def _tell(
    steps: Iterator[object],
    told: Callable[..., Looked | Answered | FactsTold],
    view: str,
    number: int,
    post: Post,
    should_stop: ShouldStop,
) -> None:
    try:
        for step in steps:
            if should_stop() or step is None:
                return
            post(Asking(number, step) if isinstance(step, Progress) else told(step))
    except Exception as error:  # a crash of the model must not take the screen with it
        post(AskingFailed(number, view, sentence(error)))
