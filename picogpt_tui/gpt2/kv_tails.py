"""Keys and values that a cache had to forget, for when its text comes back: a branch is left, and gone back to.

A cache holds one text. Where another begins, the rest of the first is put aside here, and taken from here again as far
as a later text agrees with it. Keys and values of a token depend on the tokens before it alone, so the ids say all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.gpt2.arrays import FloatArray


@dataclass(slots=True)
class Tail:
    """The end of a text that was forgotten.

    Attributes:
        ids: the whole text.
        first: position of the first token whose keys and values are here.
        layers: [2, n_head, len(ids) - first, d_head] each.
    """

    ids: list[int]
    first: int
    layers: list[FloatArray]

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(layer.nbytes for layer in self.layers)


def _n_common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two texts begin with that are the same."""
    n = min(len(a), len(b))
    if list(a[:n]) == list(b[:n]):
        return n
    return next(index for index, (one, other) in enumerate(zip(a, b, strict=False)) if one != other)


def _holds(one: Tail, other: Tail) -> bool:
    """Whether all that is in the other is in the one."""
    return one.first <= other.first and _n_common(one.ids, other.ids) == len(other.ids)


class Tails:
    """Tails, as many as fit into some memory; those that were of no use for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._tails: list[Tail] = []

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return sum(tail.nbytes for tail in self._tails)

    def keep(self, tail: Tail) -> None:
        """Put a tail aside, unless it is larger than all that may be kept, or kept already."""
        if tail.nbytes > self._most_bytes or any(_holds(one, tail) for one in self._tails):
            return
        self._tails = [one for one in self._tails if not _holds(tail, one)]
        self._tails.append(tail)
        while self.nbytes > self._most_bytes:
            del self._tails[0]

    def longest(self, ids: Sequence[int], n: int, at_most: int) -> tuple[int, list[FloatArray]]:
        """What is kept of a text behind its first n tokens.

        Returns:
            Up to which position, n where nothing is, and the keys and values from n on: views, [2, n_head, n_found,
            d_head] for each layer.
        """
        stop, best = n, None
        for tail in self._tails:
            n_common = min(_n_common(ids, tail.ids), at_most)
            if tail.first <= n and n_common > stop:
                stop, best = n_common, tail
        if best is None:
            return n, []
        self._tails.remove(best)
        self._tails.append(best)  # of use just now
        return stop, [layer[:, :, n - best.first : stop - best.first] for layer in best.layers]
