"""Byte-pair merging of one word: the heart of the tokenizer.

Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909), over bytes as in GPT-2: start from single bytes and join the
neighbours whose merge was learned first, until no learned merge is left.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import pairwise

Merges = Mapping[tuple[int, int], tuple[int, int]]
"""(left id, right id) -> (rank, merged id)."""


def merge_word(ids: list[int], merges: Merges) -> list[int]:
    """Join neighbours by rank, lowest first, leftmost first on a tie. `ids` is left as it was.

    The pieces form a linked list, and where each merge may be done is kept by its rank, so that a megabyte without a
    space costs little more than its length.
    """
    pieces = list(ids)
    n = len(pieces)
    right = list(range(1, n + 1))  # index of the right neighbour, n at the end
    left = list(range(-1, n - 1))
    places: dict[int, list[int]] = {}  # by rank, the left piece of each pair
    for i, pair in enumerate(pairwise(pieces)):
        if (found := merges.get(pair)) is not None:
            places.setdefault(found[0], []).append(i)
    ranks = list(places)
    heapq.heapify(ranks)
    while ranks:
        rank = heapq.heappop(ranks)
        here = sorted(places.pop(rank))
        for n_done, i in enumerate(here, 1):
            j = right[i]
            found = merges.get((pieces[i], pieces[j])) if j < n else None
            # subtle: a place is not taken back when a neighbour changes, so a stale one is known by its rank
            if found is None or found[0] != rank:
                continue
            pieces[i] = found[1]
            pieces[j] = -1
            right[i] = right[j]
            if right[i] < n:
                left[right[i]] = i
            for first in (left[i], i):
                second = right[first] if first >= 0 else n
                if second < n and (found := merges.get((pieces[first], pieces[second]))) is not None:
                    if found[0] not in places:
                        places[found[0]] = []
                        heapq.heappush(ranks, found[0])
                    places[found[0]].append(first)
            if ranks and ranks[0] <= rank:  # what came of it goes first; no training learns such merges
                if rank not in places:
                    heapq.heappush(ranks, rank)
                places[rank] = [*places.get(rank, ()), *here[n_done:]]
                break
    return [piece for piece in pieces if piece >= 0]
