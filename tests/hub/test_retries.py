"""When it is tried again, how long is waited before, and what a slow server is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from picogpt_tui.errors import NotReachable
from picogpt_tui.hub.manifest import ModelFile

from .fetching import BYTES, QUICK, sha256
from .one_file import HERE, NAME, SIZE, SURE, Bench, Waits, assert_came


def test_tries_in_a_row_are_counted_anew_when_bytes_came(bench: Bench) -> None:
    bench.fault("drop", times=20, after=10_000)
    assert_came(bench, bench.bring(SURE, replace(QUICK, tries=2)))
    assert bench.sent() == SIZE


def test_only_so_many_tries_bring_nothing(bench: Bench) -> None:
    bench.fault("drop", times=None, after=0)
    with pytest.raises(NotReachable, match="connection"):
        bench.bring(SURE, replace(QUICK, tries=5))
    assert len(bench.net.requests(NAME)) == 5
    assert bench.state.note == "the connection broke off, trying again (5/5)"


def test_each_wait_is_about_twice_the_one_before(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(bench.stop, monkeypatch)
    bench.fault("status", times=None)
    with pytest.raises(NotReachable, match=r"answered 500 Internal Server Error to every try for data\.bin"):
        bench.bring(SURE, replace(QUICK, tries=8, backoff_seconds=1.0))
    for seconds, expected in zip(waits.seconds, [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert 0.8 * expected <= seconds <= 1.2 * expected


@pytest.mark.parametrize(
    "value, expected",
    [("7", 7.0), ("0", 0.0), ("86400", 120.0), ("9" * 30, None), ("soon", None), ("-5", None), ("", None)],
)
def test_retry_after_is_honoured_up_to_two_minutes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, value: str, expected: float | None
) -> None:
    waits = Waits(bench.stop, monkeypatch)
    bench.fault("status", code=429, headers={"Retry-After": value})
    bench.bring(SURE, replace(QUICK, backoff_seconds=1.0))
    (seconds,) = waits.seconds
    assert seconds == expected or (expected is None and 0.8 <= seconds <= 1.2)


@pytest.mark.parametrize("ahead, least, most", [(3600, 120, 120), (60, 50, 61), (-60, 0, 0)])
def test_retry_after_may_be_a_date(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, ahead: float, least: float, most: float
) -> None:
    waits = Waits(bench.stop, monkeypatch)
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    bench.fault("status", code=503, headers={"Retry-After": at})
    bench.bring()
    assert least <= waits.seconds[0] <= most


def test_a_crawl_is_given_up_for_a_new_connection(bench: Bench) -> None:
    crawl = bench.fault("trickle", after=HERE, bytes=1, every=0.005)
    assert_came(bench, bench.bring(SURE, replace(QUICK, slow_bytes=2000, slow_seconds=0.1)))
    assert crawl.reached.is_set()
    assert bench.sent() < SIZE + 500  # a few may have been under way
    bench.net.wait_open(0)


def test_a_slow_but_steady_server_is_not_given_up(bench: Bench) -> None:
    bench.net.add_plain(NAME, BYTES[:3000])
    file = ModelFile(NAME, 3000, sha256(BYTES[:3000]))
    bench.fault("trickle", bytes=100, every=0.01)
    bench.bring(file, replace(QUICK, slow_bytes=50, slow_seconds=0.05))
    assert len(bench.net.requests(NAME)) == 1
