"""Parts are all of the work, and an error in one is everybody's."""

from __future__ import annotations

import os
import threading

import pytest

from picogpt_tui.gpt2 import threads
from picogpt_tui.gpt2.threads import in_parts, n_threads, usable_cores


@pytest.fixture(params=[1, 2, 5])
def n(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(threads, "n_threads", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize("size, least", [(0, 1), (1, 1), (4, 1), (100, 1), (100, 30), (100, 1000)])
def test_parts_cover_everything_once(n: int, size: int, least: int) -> None:
    parts: list[tuple[int, int]] = []
    in_parts(lambda start, stop: parts.append((start, stop)), size, least)
    assert [i for start, stop in sorted(parts) for i in range(start, stop)] == list(range(size))
    assert len(parts) <= n
    assert len(parts) == 1 or min(stop - start for start, stop in parts) >= least


def test_an_error_in_any_part_is_told(n: int) -> None:
    def work(start: int, stop: int) -> None:
        if stop == 10:
            raise ValueError("the last part")

    with pytest.raises(ValueError, match="the last part"):
        in_parts(work, 10)


def test_one_part_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[threading.Thread] = []
    in_parts(lambda start, stop: where.append(threading.current_thread()), 10, least=10)
    assert where == [threading.current_thread()]


@pytest.mark.parametrize(
    "wished, expected",
    [("", 4), ("1", 1), ("3", 3), ("99", 4), ("2,1", 2), ("0", 4), ("-1", 4), ("many", 4)],
)
def test_a_wish_for_fewer_threads_is_heard(wished: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wished)
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    n_threads.cache_clear()
    try:
        assert n_threads() == expected
    finally:
        n_threads.cache_clear()


def test_cores_are_those_this_process_may_use() -> None:
    if hasattr(os, "sched_getaffinity"):
        assert usable_cores() == len(os.sched_getaffinity(0))
    assert usable_cores() >= 1
