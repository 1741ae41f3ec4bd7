"""Bytes, times and parameters as people say them; a number that grows must not push what stands beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.quantities import duration_text, parameters_text, size_text


@pytest.mark.parametrize(
    "n_bytes, text",
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_940, "9.9 kB"),
        (9_960, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (7_100_000, "7.1 MB"),
        (498e6, "498 MB"),
        (999_600_000, "1.00 GB"),
        (1.42e9, "1.42 GB"),
        (9.996e9, "10 GB"),
        (1e15, "1,000,000 GB"),
    ],
)
def test_size(n_bytes: float, text: str) -> None:
    assert size_text(n_bytes) == text


@given(st.floats(0, 999e9))
def test_a_size_has_its_place(n_bytes: float) -> None:
    assert len(size_text(n_bytes)) <= 7


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1m 00s"),
        (248, "4m 08s"),
        (3599.6, "1h 00m"),
        (3720, "1h 02m"),
        (86_400, "24h 00m"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


@pytest.mark.parametrize("n, shown", [(3_600_000, "3.6M"), (124_439_808, "124M"), (1_557_611_200, "1558M")])
def test_parameters(n: int, shown: str) -> None:
    assert parameters_text(n) == shown
