"""Merging rank by rank equals merging by the book."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from picogpt_tui.gpt2.bpe import Merges, merge_word


def by_the_book(ids: list[int], merges: Merges) -> list[int]:
    """Search the whole word for the merge learned first, join its leftmost place, start over."""
    pieces = list(ids)
    while True:
        found = [(*merges[pair], i) for i, pair in enumerate(pairwise(pieces)) if pair in merges]
        if not found:
            return pieces
        _, merged, i = min(found, key=lambda entry: (entry[0], entry[2]))
        pieces[i : i + 2] = [merged]


@st.composite
def merge_tables(draw: st.DrawFn) -> Merges:
    """Merges in any order, also ones no training would learn: a pair of late tokens may rank first."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), unique=True, max_size=12))
    ranks = draw(st.permutations(range(len(pairs))))
    return {pair: (rank, 4 + index) for index, (pair, rank) in enumerate(zip(pairs, ranks, strict=True))}


@settings(max_examples=500)
@given(st.lists(st.integers(0, 3), max_size=24), merge_tables())
def test_equals_the_quadratic_reference(ids: list[int], merges: Merges) -> None:
    before = list(ids)
    assert merge_word(ids, merges) == by_the_book(ids, merges)
    assert ids == before


def test_nothing_to_merge() -> None:
    assert merge_word([], {(1, 2): (0, 3)}) == []
    assert merge_word([1], {(1, 2): (0, 3)}) == [1]
    assert merge_word([2, 1], {(1, 2): (0, 3)}) == [2, 1]


def test_the_leftmost_of_overlapping_pairs_goes_first() -> None:
    assert merge_word([1] * 5, {(1, 1): (0, 2)}) == [2, 2, 1]


def test_the_rank_decides_not_the_place() -> None:
    assert merge_word([1, 2, 3], {(1, 2): (1, 4), (2, 3): (0, 5)}) == [1, 5]


class CountingMerges(dict[tuple[int, int], tuple[int, int]]):
    """A table that counts how often it is asked."""

    lookups = 0

    def get(self, key: tuple[int, int], default: object = None) -> tuple[int, int] | None:  # type: ignore[override]  # narrower on purpose
        self.lookups += 1
        return super().get(key)


def test_a_word_of_any_length_takes_a_few_lookups_a_byte() -> None:
    """A megabyte without a space would take hours if every merge searched the word again."""
    doubling = CountingMerges({(level, level): (level, level + 1) for level in range(40)})
    n = 2**15
    assert merge_word([0] * n, doubling) == [15]
    assert doubling.lookups < 6 * n
