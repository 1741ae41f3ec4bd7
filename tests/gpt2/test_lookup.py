"""Guesses come from the text itself, from where its end stood before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.lookup import guess


@pytest.mark.parametrize(
    "ids, n, least, expected",
    [
        pytest.param([1, 2, 3, 9, 8, 1, 2, 3], 2, 3, [9, 8], id="what followed"),
        pytest.param([1, 2, 3, 9, 8, 1, 2, 3], 7, 3, [9, 8, 1, 2, 3, 9, 8], id="and on, as it repeats itself"),
        pytest.param([5, 5, 5, 5], 4, 3, [5, 5, 5, 5], id="one token again and again"),
        pytest.param([1, 2, 3, 7, 1, 2, 3, 9, 1, 2, 3], 1, 3, [9], id="the last place, not the first"),
        pytest.param([4, 1, 2, 3, 7, 1, 2, 3, 9, 4, 1, 2, 3], 1, 3, [7], id="the longest end, not the last place"),
        pytest.param([1, 2, 9, 1, 2], 1, 3, [], id="too short a match"),
        pytest.param([1, 2, 9, 1, 2], 1, 2, [9], id="unless that is enough"),
        pytest.param([1, 2, 3], 3, 3, [], id="nothing before"),
        pytest.param([], 3, 3, [], id="nothing at all"),
        pytest.param([0x01020304, 0x01, 0x03040102, 0x99, 0x01], 1, 1, [0x03040102], id="whole ids, not halves"),
        pytest.param([0x00000100, 0x00010000, 7, 0x01000000, 8, 0x00000001], 1, 1, [], id="no id across two"),
    ],
)
def test_guess(ids: list[int], n: int, least: int, expected: list[int]) -> None:
    assert guess(ids, n, least) == expected


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 20), st.integers(1, 4))
def test_a_guess_is_what_a_plain_search_finds(ids: list[int], n: int, least: int) -> None:
    def plainly() -> list[int]:
        for n_match in range(min(12, len(ids) - 1), least - 1, -1):
            end = ids[-n_match:]
            for start in range(len(ids) - n_match - 1, -1, -1):
                if ids[start : start + n_match] == end:
                    text = list(ids)
                    for at in range(start + n_match, start + n_match + n):
                        text.append(text[at])
                    return text[len(ids) :]
        return []

    assert guess(ids, n, least) == plainly()
