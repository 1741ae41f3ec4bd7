"""A stream of events is joined to few batches, by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.events import ContextShifted, Distribution, Event, Finished, Progress, TokenEvent
from picogpt_tui.tui.batches import FLUSH_SECONDS, in_batches

NOTHING = Distribution((), 0.0, 1.0, 0, 0)
DONE = Finished("max_tokens", (), (), "", 0.0)


def token(index: int) -> TokenEvent:
    return TokenEvent(index, 1, "a", "a", -0.5, 0, 1.0, 1.0, 0.5, NOTHING, index + 1, 0.0)


class Clock:
    """Time stands still until an event arrives."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def tokens(self, gaps: Sequence[float]) -> Iterator[Event]:
        """Numbered tokens, each `gap` seconds after the one before."""
        for number, gap in enumerate(gaps):
            self.now += gap
            yield token(number)


def numbers(batches: Sequence[Sequence[Event]]) -> list[list[int]]:
    return [[event.index for event in batch if isinstance(event, TokenEvent)] for batch in batches]


def test_what_comes_fast_comes_together() -> None:
    clock = Clock()
    batches = list(in_batches(clock.tokens([0, 0.02, 0.02, 0.02, 0.02]), clock, 0.05))
    assert numbers(batches) == [[0], [1, 2, 3], [4]]


def test_what_comes_slowly_comes_at_once() -> None:
    clock = Clock()
    assert numbers(list(in_batches(clock.tokens([9, 1, 1]), clock, 0.05))) == [[0], [1], [2]]


def test_the_first_token_does_not_wait() -> None:
    """The reader sees at once that something began."""
    clock = Clock()
    assert numbers([next(in_batches(clock.tokens([0, 0, 0]), clock, 0.05))]) == [[0]]


@pytest.mark.parametrize(
    "event",
    [DONE, Progress("refilling the context", 0, 9), ContextShifted(5, 4)],
    ids=lambda event: type(event).__name__,
)
def test_what_is_no_token_is_told_at_once_behind_the_tokens_before_it(event: Event) -> None:
    """The model may be busy for long after it, and nothing must wait for the next event meanwhile."""
    events = [token(0), token(1), token(2), event, token(3)]
    assert list(in_batches(events, Clock(), 0.05)) == [[token(0)], [token(1), token(2), event], [token(3)]]


def test_the_usual_pace_is_twenty_a_second() -> None:
    assert FLUSH_SECONDS == 0.05
    clock = Clock()
    n_batches = len(list(in_batches(clock.tokens([0.001] * 1000), clock)))
    assert 19 <= n_batches <= 22


def test_no_events_make_no_batch() -> None:
    assert list(in_batches([], Clock())) == []


@given(st.lists(st.floats(0, 0.2), max_size=40))
def test_no_token_is_lost_or_moved_and_no_batch_follows_too_soon(gaps: list[float]) -> None:
    clock = Clock()
    flushed: list[float] = []
    batches: list[list[Event]] = []
    for batch in in_batches(clock.tokens(gaps), clock, 0.05):
        flushed.append(clock.now)
        batches.append(batch)
    assert [event for batch in batches for event in batch] == list(Clock().tokens(gaps))
    assert all(batches)
    on_time = flushed[:-1]  # the last one does not wait
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(on_time))


def test_what_came_before_an_error_is_yielded_before_it() -> None:
    """Else the last words before a crash would be missing from screen and document."""
    clock = Clock()

    def breaks() -> Iterator[Event]:
        yield from clock.tokens([0, 0.01, 0.01])
        raise RuntimeError("the model broke")

    stream = in_batches(breaks(), clock, 0.05)
    assert numbers([next(stream), next(stream)]) == [[0], [1, 2]]
    with pytest.raises(RuntimeError, match="the model broke"):
        next(stream)


def test_an_error_with_nothing_before_it_makes_no_batch() -> None:
    def breaks() -> Iterator[Event]:
        yield DONE
        raise RuntimeError

    stream = in_batches(breaks(), Clock())
    assert next(stream) == [DONE]
    with pytest.raises(RuntimeError):
        next(stream)
