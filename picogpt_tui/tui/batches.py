"""Join a stream of events so that a screen is told about twenty times a second, whatever the model's speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from picogpt_tui.events import Event, TokenEvent

FLUSH_SECONDS = 0.05


def in_batches(
    events: Iterable[Event], clock: Callable[[], float], flush_seconds: float = FLUSH_SECONDS
) -> Iterator[list[Event]]:
    """Yield events in order, tokens together where they come faster than `flush_seconds` apart.

    What is no token is told at once, with what waits before it: the model may be busy for long after it. Where `events`
    breaks, what came before is yielded before the error goes on.

    Args:
        events: what the engine tells.
        clock: seconds, monotonic.
        flush_seconds: the least time between two batches.
    """
    batch: list[Event] = []
    last_flush = -flush_seconds
    try:
        for event in events:
            batch.append(event)
            now = clock()
            if now - last_flush >= flush_seconds or not isinstance(event, TokenEvent):
                whole, batch, last_flush = batch, [], now
                yield whole
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
