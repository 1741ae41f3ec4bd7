"""Speed and time left: over the last seconds, so that a silence shows."""

from __future__ import annotations

import pytest

from picogpt_tui.hub.speed import SpeedMeter


def after(*samples: tuple[float, int]) -> SpeedMeter:
    """A meter that began at second 100 and was told so much at these seconds after."""
    meter = SpeedMeter(100.0)
    for second, fetched in samples:
        meter.add(100.0 + second, fetched)
    return meter


@pytest.mark.parametrize(
    "samples, expected",
    [
        ([], 0),
        ([(0, 0)], 0),
        ([(1, 500)], 500),
        ([(1, 500), (2, 1000)], 500),
        ([(0.5, 0), (1, 900)], 900),
        ([(n, n * 100) for n in range(1, 60)], 100),
    ],
    ids=["nothing told", "at once", "one second", "two", "half a second of nothing", "a minute"],
)
def test_bytes_per_second(samples: list[tuple[float, int]], expected: float) -> None:
    assert after(*samples).bytes_per_second == pytest.approx(expected)


def test_a_new_pace_is_the_only_one_seen_after_the_window() -> None:
    fast = [(n / 10, n * 1000) for n in range(1, 101)]  # 10 kB/s for 10 s
    slow = [(10 + n / 10, 100_000 + n) for n in range(1, 61)]  # 10 B/s for 6 s
    assert after(*fast, *slow).bytes_per_second == pytest.approx(10)


def test_the_speed_falls_to_nothing_in_a_silence() -> None:
    """A meter that keeps the last speed lies as long as nothing comes."""
    came = [(n / 10, n * 1000) for n in range(1, 51)]
    speeds = [after(*came, *((5 + n / 10, 50_000) for n in range(1, m))).bytes_per_second for m in range(2, 60)]
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[-1] == 0


def test_told_rarely_it_still_looks_back_no_further_than_one_sample() -> None:
    assert after((1, 1000), (100, 1000)).bytes_per_second == 0


@pytest.mark.parametrize(
    "samples, rest, expected",
    [
        ([(1, 100)], 1000, None),
        ([(1, 100), (3.9, 390)], 1000, None),
        ([(1, 100), (4, 400)], 1000, 10),
        ([(1, 100), (4, 400)], 0, 0),
        ([(9, 0), (10, 100), (12, 300)], 1000, None),
        ([(1, 100), (4, 100), (10, 100)], 1000, None),
        ([(1, 1), (4, 4)], 86_400, 86_400),
        ([(1, 1), (4, 4)], 86_401, None),
    ],
    ids=[
        "1 s",
        "just not 3 s",
        "3 s",
        "all here",
        "late first byte",
        "in silence",
        "a day",
        "too long",
    ],
)
def test_time_left(samples: list[tuple[float, int]], rest: int, expected: float | None) -> None:
    assert after(*samples).eta_seconds(rest) == (None if expected is None else pytest.approx(expected))
