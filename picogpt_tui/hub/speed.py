"""How fast bytes come, and how long the rest will take."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 5.0
_EARLIEST_ETA_SECONDS = 3.0
_LONGEST_ETA_SECONDS = 24 * 3600.0


class SpeedMeter:
    """Speed over the last seconds: when nothing comes any more, it falls to 0.

    Only what the network brought may be told to it, not what was there before.
    """

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])
        self._first_byte: float | None = None

    def add(self, now: float, fetched_bytes: int) -> None:
        """So much was fetched in all until now."""
        if fetched_bytes and self._first_byte is None:
            self._first_byte = now
        self._samples.append((now, fetched_bytes))
        # subtle: the sample before the window stays, it says what was there when the window began
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def bytes_per_second(self) -> float:
        """Over the window."""
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else 0.0

    def eta_seconds(self, rest_bytes: int) -> float | None:
        """How long the rest takes at this speed; None in the first seconds, and where nobody would believe it."""
        now = self._samples[-1][0]
        speed = self.bytes_per_second
        if self._first_byte is None or now - self._first_byte < _EARLIEST_ETA_SECONDS or speed <= 0:
            return None
        seconds = rest_bytes / speed
        return seconds if seconds <= _LONGEST_ETA_SECONDS else None
