"""Join a stream of events so that a screen is told about twenty times a second, whatever the model's speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from picogpt_tui.events import Event, Finished

FLUSH_SECONDS = 0.05


def in_batches(
    events: Iterable[Event], clock: Callable[[], float], flush_seconds: float = FLUSH_SECONDS
) -> Iterator[list[Event]]:
    """Yield events in order, together where they come faster than `flush_seconds` apart; the first and last at once.

    Args:
        events: what the engine tells.
        clock: seconds, monotonic.
        flush_seconds: the least time between two batches.
    """
    batch: list[Event] = []
    last_flush = -flush_seconds
    for event in events:
        batch.append(event)
        now = clock()
        if now - last_flush >= flush_seconds or isinstance(event, Finished):
            yield batch
            batch, last_flush = [], now
    if batch:
        yield batch
