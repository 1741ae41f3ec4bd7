"""One word as it is played on a stage: from its bytes to its tokens merge by merge, and why these stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from picogpt_tui.gpt2.bpe_trace import join, why_apart
from picogpt_tui.gpt2.segmentation import spans
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.readings import TracedWord
from picogpt_tui.session.pieces import Standing, is_text

_MOST_REASONS = 6


@dataclass(frozen=True, slots=True)
class Apart:
    """Two neighbouring tokens, and why they are two."""

    left: int
    right: int
    why: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What is shown of a piece of a word."""

    id: int
    label: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Stage:
    """A word after some of its merges."""

    pieces: tuple[Piece, ...]
    made: int | None
    """Index of the piece that the last merge made, None before the first."""
    shared: tuple[tuple[int, int, str], ...]
    """Characters that no piece holds whole: the first of their pieces, the last, the text."""


@dataclass(frozen=True, slots=True)
class Play:
    """A word of a text, to be played."""

    word: TracedWord
    frames: tuple[tuple[int, ...], ...]
    """Its pieces after each number of merges: its bytes first, its tokens last."""
    reasons: tuple[Apart, ...]
    is_text: bool
    """Whether a tokenizer cuts it at all; else it is a special token, or bytes that are not UTF-8."""
    is_changed: bool
    """Whether its leading space was taken away, or one given to it."""
    stands: tuple[int, ...]
    """The tokens that stand there, cut otherwise or not."""

    @property
    def is_cut_otherwise(self) -> bool:
        """Whether the tokens that stand there are not those that its text is cut into."""
        return self.is_text and not self.is_changed and self.stands != self.word.tokens


def with_or_without_space(tokenizer: Tokenizer, word: TracedWord) -> list[TracedWord]:
    """What a word is cut into without its leading space, or with one if it has none; nothing where nothing is left."""
    text = tokenizer.decode(word.tokens)
    return tokenizer.trace(text[1:] if text.startswith(" ") else f" {text}")


def as_one(words: Sequence[TracedWord]) -> TracedWord:
    """Words one behind the other as if they were one, whose merges are done word by word."""
    merges, n_done = [], 0
    for word in words:
        merges += [replace(merge, at=merge.at + n_done) for merge in word.merges]
        n_done += len(word.tokens)
    pieces = tuple(piece for word in words for piece in word.pieces)
    tokens = tuple(token for word in words for token in word.tokens)
    return TracedWord(words[0].byte_start, words[-1].byte_end, pieces, tuple(merges), tokens)


def frames(word: TracedWord) -> tuple[tuple[int, ...], ...]:
    """A word's pieces after each number of merges."""
    pieces = list(word.pieces)
    found = [tuple(pieces)]
    for merge in word.merges:
        join(pieces, merge)
        found.append(tuple(pieces))
    return tuple(found)


def reasons(tokenizer: Tokenizer, words: Sequence[TracedWord]) -> tuple[Apart, ...]:
    """Why the tokens of a word stay apart, and why the word behind it is another; not more than a few.

    Args:
        tokenizer: that traced them.
        words: the word, and the one behind it if there is one.
    """
    tokens = [*words[0].tokens, *(token for word in words[1:] for token in word.tokens[:1])]
    pairs = islice(enumerate(pairwise(tokens)), _MOST_REASONS)
    return tuple(Apart(left, right, why_apart(tokenizer, words, at)) for at, (left, right) in pairs)


def play(tokenizer: Tokenizer, standing: Standing, index: int, *, is_changed: bool = False) -> Play:
    """A word of a text.

    Args:
        tokenizer: that cut it.
        standing: the text.
        index: which word.
        is_changed: whether to play it without its leading space, or with one if it has none; where nothing would be
            left, or it is no text, it is played as it is.
    """
    word, behind = standing.words[index], standing.words[index + 1 : index + 2]
    is_cut = is_text(tokenizer, word)
    changed = with_or_without_space(tokenizer, word) if is_changed and is_cut else []
    words = changed or [word, *(one for one in behind if is_text(tokenizer, one))]
    played = as_one(changed) if changed else word
    why = reasons(tokenizer, words) if is_cut else ()
    return Play(played, frames(played), why, is_cut, bool(changed), standing.tokens_of(index))


def stage(tokenizer: Tokenizer, played: Play, n_merges: int) -> Stage:
    """A word after its first merges."""
    ids = played.frames[n_merges]
    pieces = tuple(Piece(id, tokenizer.label(id), tokenizer.bytes_of(id)) for id in ids)
    made = played.word.merges[n_merges - 1].at if n_merges else None
    return Stage(pieces, made, tuple(spans(tokenizer, ids)))
