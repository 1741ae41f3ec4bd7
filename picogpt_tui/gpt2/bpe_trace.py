"""Byte-pair merging step by step: what a word's pieces were, which two were joined when, and why no more were.

`bpe.merge_word` joins the same pairs in the same order and tells nobody: it is what texts are encoded with. The order
is that of OpenAI's encoder, the merge that was learned first in all its places from the left, and then the next.
Source: https://github.com/openai/gpt-2/blob/master/src/encoder.py, `Encoder.bpe`
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING

from picogpt_tui.gpt2.bpe import Merges, merge_word
from picogpt_tui.readings import Merge, TracedWord

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer

LONGEST_WORD_BYTES = 2**16
"""A longer word is not followed: nobody looks at so many merges, and their number costs time by its square."""
NO_MERGE = "no merge joins them"


def merges_of(ids: Sequence[int], merges: Merges) -> Iterator[Merge]:
    """Join neighbours by rank, lowest first, leftmost first among equals, and tell of each join.

    Args:
        ids: a word's bytes as tokens.
        merges: those that were learned.
    """
    pieces, starts = list(ids), list(range(len(ids)))  # a piece is known by the byte that it starts at
    places = [(merges[pair][0], start) for start, pair in enumerate(pairwise(pieces)) if pair in merges]
    heapify(places)
    while places:
        rank, start = heappop(places)
        at = bisect_left(starts, start)
        if at + 1 >= len(starts) or starts[at] != start:
            continue
        found = merges.get((pieces[at], pieces[at + 1]))
        # subtle: a place is not taken back when a neighbour changes, so a stale one is known by its rank
        if found is None or found[0] != rank:
            continue
        yield Merge(rank, at, pieces[at], pieces[at + 1], found[1])
        pieces[at : at + 2] = [found[1]]
        del starts[at + 1]
        for first in range(max(0, at - 1), min(at + 1, len(pieces) - 1)):
            if (found := merges.get((pieces[first], pieces[first + 1]))) is not None:
                heappush(places, (found[0], starts[first]))


def join(pieces: list[int], merge: Merge) -> None:
    """Writes into pieces: does one merge."""
    pieces[merge.at : merge.at + 2] = [merge.merged]


def traced(words: Iterable[str], byte_ids: Sequence[int], merges: Merges) -> Iterator[TracedWord]:
    """Each word of a text from its bytes to its tokens.

    Args:
        words: in their order, as the pattern cut them.
        byte_ids: the token of each of the 256 bytes.
        merges: those that were learned.
    """
    known: dict[str, TracedWord] = {}
    start = 0
    for word in words:
        if word not in known:
            known[word] = _traced_word([byte_ids[byte] for byte in word.encode("utf-8")], merges)
        at_zero = known[word]
        yield TracedWord(start, start + at_zero.byte_end, at_zero.pieces, at_zero.merges, at_zero.tokens)
        start += at_zero.byte_end


def _traced_word(ids: list[int], merges: Merges) -> TracedWord:
    if len(ids) > LONGEST_WORD_BYTES:
        tokens = tuple(merge_word(ids, merges))
        return TracedWord(0, len(ids), tokens, (), tokens)
    steps, pieces = tuple(merges_of(ids, merges)), list(ids)
    for merge in steps:
        join(pieces, merge)
    return TracedWord(0, len(ids), tuple(ids), steps, tuple(pieces))


def why_apart(tokenizer: Tokenizer, words: Sequence[TracedWord], index: int) -> str:
    """Why two neighbouring tokens of a traced text are two, in one sentence without its full stop.

    Merges are counted from #1, as people read them.

    Args:
        tokenizer: that traced the words.
        words: of the whole text.
        index: of the left token, counted over all words; not of the last one.

    Example:
        >>> why_apart(tokenizer, tokenizer.trace("Once upon"), 0)
        'another word begins: words are cut first, and no merge joins two of them'
    """
    left, right = list(chain.from_iterable(word.tokens for word in words))[index : index + 2]
    if index + 1 in accumulate(len(word.tokens) for word in words):
        rank = tokenizer.rank_of(left, right)
        within = f"; within one, merge #{rank + 1:,} would join them" if rank is not None else ""
        return f"another word begins: words are cut first, and no merge joins two of them{within}"
    joined = tokenizer.id_of_bytes(tokenizer.bytes_of(left) + tokenizer.bytes_of(right))
    made_by = tokenizer.made_by(joined) if joined is not None else None
    if joined is None or made_by is None:
        return NO_MERGE
    rank, *parts = made_by
    made_of = " and ".join(map(tokenizer.label, parts))
    return f"{NO_MERGE}: {tokenizer.label(joined)} is made of {made_of} (merge #{rank + 1:,})"
