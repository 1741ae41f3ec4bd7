"""Tokens: found in the vocabulary, made of bytes, and laid side by side."""

from __future__ import annotations

from dataclasses import dataclass

from picogpt_tui.events import Candidate


@dataclass(frozen=True, slots=True)
class VocabularyMatch:
    """Tokens of the vocabulary that a question found, at one position."""

    candidates: tuple[Candidate, ...]
    """The likeliest of them first."""
    n_found: int
    """How many there are, the ones not listed included."""
    prob: float
    """Their mass together."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A token near another in the embedding."""

    id: int
    label: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of byte-pair merging."""

    rank: int
    """Place in the list of merges that was learned: the lower, the earlier and the more frequent."""
    at: int
    """Index of the left piece before the step."""
    left: int
    right: int
    merged: int
    """Their ids."""


@dataclass(frozen=True, slots=True)
class TracedWord:
    """One word of the pre-split, from bytes to tokens."""

    byte_start: int
    byte_end: int
    pieces: tuple[int, ...]
    """Ids of its bytes; of a word too long to be followed (`bpe_trace.LONGEST_WORD_BYTES`) its tokens, at once."""
    merges: tuple[Merge, ...]
    """In the order they are done."""
    tokens: tuple[int, ...]
    """What is left."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a text between two places where both ways of cutting it have an end, with none between."""

    byte_start: int
    byte_end: int
    a: tuple[int, int]
    """Which pieces of the one lie here: the first, and one past the last."""
    b: tuple[int, int]
    """Those of the other."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """One text as two tokenizers cut it, side by side."""

    ends_a: tuple[int, ...]
    """Where each piece of the one ends: one past its last byte."""
    ends_b: tuple[int, ...]
    stretches: tuple[Stretch, ...]
    """Without gap from the first byte to the last."""

    @property
    def agree(self) -> tuple[int, ...]:
        """Where pieces of both end; the end of the text is such a place."""
        return tuple(stretch.byte_end for stretch in self.stretches)

    @property
    def n_bytes(self) -> int:
        """Of the text."""
        return self.ends_a[-1] if self.ends_a else 0
