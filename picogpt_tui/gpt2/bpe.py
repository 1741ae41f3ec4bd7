"""Byte-pair merging of one word: the heart of the tokenizer.

Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909), over bytes as in GPT-2: start from single bytes and join the
neighbours whose merge was learned first, until no learned merge is left.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

Merges = Mapping[tuple[int, int], tuple[int, int]]
"""(left id, right id) -> (rank, merged id)."""


def merge_word(ids: list[int], merges: Merges) -> list[int]:
    """Join neighbours by rank, lowest first, leftmost first on a tie. `ids` is left as it was.

    The pieces form a linked list and the possible merges a heap, so that a megabyte without a space costs
    n log n and not n squared.
    """
    pieces = list(ids)
    n = len(pieces)
    if n < 2:
        return pieces
    right = list(range(1, n + 1))  # index of the right neighbour, n at the end
    left = list(range(-1, n - 1))
    heap = [
        (found[0], i, pieces[i], pieces[i + 1])
        for i in range(n - 1)
        if (found := merges.get((pieces[i], pieces[i + 1]))) is not None
    ]
    heapq.heapify(heap)
    while heap:
        _, i, a, b = heapq.heappop(heap)
        j = right[i]
        # subtle: entries are never removed when a neighbour changes, so a stale one is recognised by its two ids
        if pieces[i] != a or j >= n or pieces[j] != b:
            continue
        pieces[i] = merges[a, b][1]
        pieces[j] = -1
        right[i] = right[j]
        if right[i] < n:
            left[right[i]] = i
        for first in (left[i], i):
            second = right[first] if first >= 0 else n
            if second < n and (found := merges.get((pieces[first], pieces[second]))) is not None:
                heapq.heappush(heap, (found[0], first, pieces[first], pieces[second]))
    return [piece for piece in pieces if piece >= 0]
