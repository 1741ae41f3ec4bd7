"""How `tokenize --trace` is printed for people: each word from its bytes to its tokens, and why it stops there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from picogpt_tui.cli.output import n_cells, pad
from picogpt_tui.visible import label

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer
    from picogpt_tui.readings import TracedWord

_MOST_PIECES = 24
"""Of a word, on one line; of more only those around the join are shown."""
_MOST_CHARACTERS = 60
_WIDEST_CELL = 40


def _around(tokenizer: Tokenizer, pieces: Sequence[int], at: int) -> str:
    """The pieces on one line; of very many those around one place."""
    first = max(0, min(at - _MOST_PIECES // 2, len(pieces) - _MOST_PIECES))
    last = min(len(pieces), first + _MOST_PIECES)
    labels = [tokenizer.label(id) for id in pieces[first:last]]
    return " ".join(["…"] * (first > 0) + labels + ["…"] * (last < len(pieces)))


def _ids(tokens: Sequence[int]) -> str:
    more = f" … ({len(tokens):,} tokens)" if len(tokens) > _MOST_PIECES else ""
    return " ".join(map(str, tokens[:_MOST_PIECES])) + more


def _merge_lines(tokenizer: Tokenizer, word: TracedWord) -> Iterator[str]:
    from picogpt_tui.gpt2.bpe_trace import join

    n_bytes = word.byte_end - word.byte_start
    if len(word.pieces) != n_bytes:
        yield f"  {'bytes':>8}  {n_bytes:,} of them: too long to follow merge by merge"
        return
    pieces = list(word.pieces)
    yield f"  {'bytes':>8}  {_around(tokenizer, pieces, 0)}"
    width = max((n_cells(tokenizer.label(merge.merged)) for merge in word.merges), default=0)
    for merge in word.merges:
        join(pieces, merge)
        made = pad(tokenizer.label(merge.merged), min(width, _WIDEST_CELL))
        yield f"  {f'#{merge.rank + 1:,}':>8}  {made}  {_around(tokenizer, pieces, merge.at)}"


def _reasons(tokenizer: Tokenizer, word: TracedWord) -> Iterator[str]:
    """Why its tokens stay apart: that no merge is left, and of two that together are a token how that is made."""
    from picogpt_tui.gpt2.bpe_trace import NO_MERGE, why_apart

    if len(word.tokens) > 1:
        yield f"  {'':>8}  no merge joins any two of them"
    places = {pair: index for index, pair in enumerate(pairwise(word.tokens))}
    for pair, index in places.items():
        if (reason := why_apart(tokenizer, [word], index)) != NO_MERGE:
            yield f"  {'':>8}  {' | '.join(map(tokenizer.label, pair))}: {reason}"


def _below_its_name(tokenizer: Tokenizer, word: TracedWord) -> Iterator[str]:
    yield from _merge_lines(tokenizer, word)
    yield f"  {'tokens':>8}  {_around(tokenizer, word.tokens, 0)}  = {_ids(word.tokens)}"
    yield from _reasons(tokenizer, word)
    yield ""


def trace_lines(tokenizer: Tokenizer, words: Sequence[TracedWord]) -> Iterator[str]:
    """Each word: where it stands, its bytes, every merge with its rank and what it makes, the tokens left."""
    known: dict[tuple[int, ...], list[str]] = {}  # a text says the same words again and again
    for word in words:
        text = tokenizer.decode(word.tokens)
        more = "…" if len(text) > _MOST_CHARACTERS else ""
        yield f"bytes {word.byte_start} to {word.byte_end}  {label(text[:_MOST_CHARACTERS].encode('utf-8'))}{more}"
        if word.pieces not in known:
            known[word.pieces] = list(_below_its_name(tokenizer, word))
        yield from known[word.pieces]


def leading_space_lines(tokenizer: Tokenizer, text: str) -> Iterator[str]:
    """What a space before the text would change, up to where the tokens are the same; nothing where it has one."""
    if not text or text.startswith(" "):
        return
    without, spaced = tokenizer.encode(text), tokenizer.encode(" " + text)
    n_same = 0
    while n_same < min(len(without), len(spaced)) and without[-1 - n_same] == spaced[-1 - n_same]:
        n_same += 1
    before = _around(tokenizer, without[: len(without) - n_same], 0)
    after = _around(tokenizer, spaced[: len(spaced) - n_same], 0)
    yield f"with a leading space it begins {after}{f', not {before}' if before else ''}"
