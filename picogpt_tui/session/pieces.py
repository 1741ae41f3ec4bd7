"""A text as tokenizers cut it: its words beside the tokens that stand there, and those beside another tokenizer's.

What stands in a document need not be what its text is cut into: a token may have been taken by hand, and a model writes
as it likes. Bytes that are not UTF-8 are no text; in what a tokenizer cuts each of them stands for itself. No weight is
read for any of this. How a word came to its tokens is `theatre`'s.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, groupby

from picogpt_tui.gpt2.segmentation import align, characters
from picogpt_tui.gpt2.tokenizer import Tokenizer, read_tokenizer
from picogpt_tui.hub.store import find_model, list_models
from picogpt_tui.readings import Alignment, TracedWord
from picogpt_tui.visible import label

CHARACTERS = "characters"
LONGEST_WORD_BYTES = 1000
"""A longer word is not played merge by merge."""
_NO_TEXT = re.compile("([\udc80-\udcff]+)")


@dataclass(frozen=True, slots=True)
class Standing:
    """The tokens of a text, and the words that its bytes are cut into."""

    ids: tuple[int, ...]
    """What stands there."""
    starts: tuple[int, ...]
    """The first byte of each, and behind the last the number of bytes."""
    words: tuple[TracedWord, ...]
    """Without gap from the first byte to the last. A special token is one, whose only piece it is."""

    def word_at(self, position: int) -> int:
        """Index of the word in which a token begins; behind the last token, that of the last word."""
        byte = self.starts[min(position, len(self.ids))]
        return max(0, min(bisect_right(self.words, byte, key=lambda word: word.byte_end), len(self.words) - 1))

    def tokens_of(self, index: int) -> tuple[int, ...]:
        """What stands where a word is, whether or not it ends where the word does."""
        word = self.words[index]
        return self.ids[self.token_at(word.byte_start) : bisect_left(self.starts, word.byte_end, 0, self._n)]

    def token_at(self, byte: int) -> int:
        """Position of the token that holds a byte."""
        return bisect_right(self.starts, byte, 0, self._n) - 1

    def next_word(self, position: int, by: int) -> int:
        """Position of the token with which the next word begins (by 1) or the one before (by -1); else the same."""
        at = min(position, self._n - 1)
        here = self.word_at(at)
        while 0 <= at < self._n and self.word_at(at) == here:
            at += by
        if not 0 <= at < self._n:
            return position
        return next(one for one in range(at, -1, -1) if one == 0 or self.word_at(one - 1) != self.word_at(at))

    @property
    def _n(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The tokens of a text, and how another tokenizer cuts it."""

    name: str
    labels_a: tuple[str, ...]
    """Of the tokens that stand there, those without a byte left out."""
    labels_b: tuple[str, ...]
    alignment: Alignment
    """a is what stands there."""


@dataclass(frozen=True, slots=True)
class CutText:
    """All that is known of how a text is cut."""

    standing: Standing
    beside: SideBySide | None = None
    others: tuple[str, ...] = ()
    """What it could be laid beside, where somebody asked for that."""


# -- words -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring bytes of one kind: a special token, text, or bytes that are none."""

    raw: bytes
    special: int | None = None
    is_text: bool = True


def _runs(tokenizer: Tokenizer, ids: Sequence[int]) -> Iterator[_Run]:
    for is_special, group in groupby(ids, tokenizer.special.__contains__):
        if is_special:
            yield from (_Run(tokenizer.bytes_of(id), id) for id in group)
            continue
        parts = _NO_TEXT.split(tokenizer.decode_bytes(group).decode("utf-8", "surrogateescape"))
        for index, part in enumerate(parts):
            if part:
                yield _Run(part.encode("utf-8", "surrogateescape"), is_text=index % 2 == 0)


def _untraced(n_bytes: int, ids: Sequence[int]) -> TracedWord:
    return TracedWord(0, n_bytes, tuple(ids), (), tuple(ids))


def _words(tokenizer: Tokenizer, run: _Run) -> Iterator[TracedWord]:
    if run.special is not None:
        yield _untraced(len(run.raw), [run.special])
    elif run.is_text:
        for word in tokenizer.trace(run.raw.decode("utf-8")):
            n_bytes = word.byte_end - word.byte_start
            yield _untraced(n_bytes, word.tokens) if n_bytes > LONGEST_WORD_BYTES else word
    else:
        ids = [tokenizer.id_of_bytes(bytes([byte])) for byte in run.raw]
        yield _untraced(len(run.raw), [id for id in ids if id is not None])


def _in_a_row(words: Iterator[TracedWord]) -> Iterator[TracedWord]:
    """The words, each where the one before ends."""
    start = 0
    for word in words:
        end = start + word.byte_end - word.byte_start
        yield replace(word, byte_start=start, byte_end=end)
        start = end


def cut(tokenizer: Tokenizer, ids: Sequence[int]) -> Standing:
    """The words that the text of some tokens is cut into, beside the tokens."""
    lengths = (len(tokenizer.bytes_of(id)) for id in ids)
    words = _in_a_row(word for run in _runs(tokenizer, ids) for word in _words(tokenizer, run))
    return Standing(tuple(ids), (0, *accumulate(lengths)), tuple(words))


def is_text(tokenizer: Tokenizer, word: TracedWord) -> bool:
    """Whether a word is text that a tokenizer cuts, and no special token and no bytes that are not UTF-8."""
    if any(id in tokenizer.special for id in word.tokens):
        return False
    try:
        tokenizer.decode_bytes(word.tokens).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# -- side by side ------------------------------------------------------------------------------------------------------

_Cutter = Callable[[str, bool], list[tuple[str, bytes]]]
"""(text, whether it names a special token) -> the labels and the bytes of its pieces."""


def _by_characters(text: str, is_special: bool) -> list[tuple[str, bytes]]:
    return [(label(raw), raw) for raw in characters(text)]


def _by(tokenizer: Tokenizer) -> _Cutter:
    def cut_it(text: str, is_special: bool) -> list[tuple[str, bytes]]:
        ids = tokenizer.encode(text, allow_special=is_special)
        return [(tokenizer.label(id), tokenizer.bytes_of(id)) for id in ids]

    return cut_it


def _cut_run(run: _Run, cutter: _Cutter) -> list[tuple[str, bytes]]:
    if run.is_text:
        return cutter(run.raw.decode("utf-8"), run.special is not None)
    return [(label(bytes([byte])), bytes([byte])) for byte in run.raw]


class OtherTokenizers:
    """What a text can be laid beside: its characters, and the tokenizers of the models that are here.

    A tokenizer is read when it is first asked for; which models there are, once.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._cutters: dict[str, _Cutter] = {CHARACTERS: _by_characters}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`characters`, then the models that are here, all but the one whose tokens are shown."""
        return CHARACTERS, *(model.name for model in list_models() if model.is_here and model.name != self._own)

    def beside(self, tokenizer: Tokenizer, ids: Sequence[int], name: str) -> SideBySide:
        """Some tokens, and how the tokenizer of this name cuts their text.

        Raises:
            ModelNotFound, ModelNotHere, TokenizerError: it is gone, or damaged.
        """
        if name not in self._cutters:
            self._cutters[name] = _by(read_tokenizer(find_model(name)))
        here = [id for id in ids if tokenizer.bytes_of(id)]
        theirs = [piece for run in _runs(tokenizer, here) for piece in _cut_run(run, self._cutters[name])]
        alignment = align([tokenizer.bytes_of(id) for id in here], [raw for _, raw in theirs])
        return SideBySide(name, tuple(map(tokenizer.label, here)), tuple(name for name, _ in theirs), alignment)


def cut_beside(tokenizer: Tokenizer, ids: Sequence[int], others: OtherTokenizers, name: str = "") -> Iterator[CutText]:
    """How the text of some tokens is cut, and with a name how another tokenizer cuts it; an iterator of one."""
    standing = cut(tokenizer, ids)
    yield CutText(standing, others.beside(tokenizer, ids, name), others.names) if name else CutText(standing)
