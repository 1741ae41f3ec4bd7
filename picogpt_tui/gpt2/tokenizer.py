"""Byte-level BPE: text to ids and back, without losing a byte.

Text is cut by a pattern into words, each word's UTF-8 bytes are merged by `bpe.merge_word`, and every piece has an id.
`vocab.json` and `merges.txt` write bytes as printable characters; that alphabet is undone once, at load, and from then
on a token is its bytes. Source: https://github.com/openai/gpt-2/blob/master/src/encoder.py
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import regex

from picogpt_tui.errors import TokenizerError
from picogpt_tui.gpt2.bpe import Merges, merge_word
from picogpt_tui.gpt2.bpe_trace import traced
from picogpt_tui.gpt2.token_texts import TokenTexts
from picogpt_tui.gpt2.tokenizer_files import byte_alphabet, read_vocabulary
from picogpt_tui.readings import TracedWord
from picogpt_tui.visible import from_label, label, replace_surrogates

END_OF_TEXT = "<|endoftext|>"
WORD = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
# The same for ASCII, which the standard library cuts twice as fast, and the sooner the more it meets what it tries
# first: letters, which no contraction begins with. And where a word ends in any case, before a line.
_ASCII_WORD = re.compile(r" ?[A-Za-z]+|'(?:[sdmt]|ll|ve|re)| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)
_LINE = re.compile(r"(?<=\S)(?=\n)")
_ID_LABEL = regex.compile("⟨id ([0-9]{1,9})⟩")
_CACHED_WORDS = 2**17
_CACHED_WORD_BYTES = 64


_NO_BYTE = "\uffff"
_TO_BYTES = str.maketrans(
    dict.fromkeys(map(chr, range(256)), _NO_BYTE) | {char: chr(byte) for char, byte in byte_alphabet().items()}
)
"""A byte's stand-in to the character of its number; what stands for none to one that is no byte."""


class IncrementalDecoder:
    """Turns a stream of token bytes into text, holding back a character until its last byte has come.

    Invalid bytes become U+FFFD, exactly as in `Tokenizer.decode` of all tokens at once.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token_bytes: bytes) -> str:
        """Take one token's bytes; return the characters that are now complete."""
        return self._decoder.decode(token_bytes)

    def flush(self) -> str:
        """End the stream: an unfinished character becomes U+FFFD."""
        return self._decoder.decode(b"", final=True)


def _special_label(text: str) -> str:
    # subtle: no other label begins with two brackets, so a token "x" and a token "<|x|>" differ
    if text.startswith("<|") and text.endswith("|>"):
        return f"⟨|{label(text[2:-2].encode('utf-8'))}|⟩"
    return f"⟨⟨{label(text.encode('utf-8'))}⟩⟩"


class Tokenizer:
    """A byte-level BPE vocabulary.

    Attributes:
        token_bytes: the bytes of every ordinary token, by id.
        special: the special tokens' texts, by id; `<|endoftext|>` is one.
        n_vocab: one more than the highest id.
        end_of_text: the id of `<|endoftext|>`, or None where the vocabulary has none.
    """

    def __init__(self, token_bytes: dict[int, bytes], merges: Merges, special: dict[int, str]) -> None:
        self.token_bytes = token_bytes
        self.special = special
        self.n_vocab = 1 + max([*token_bytes, *special])
        self.end_of_text = next((id for id, text in special.items() if text == END_OF_TEXT), None)
        self._merges = merges
        self._ids = {raw: id for id, raw in token_bytes.items()}
        self._byte_ids = [self._ids[bytes([byte])] for byte in range(256)]
        self._words = _Words(self._byte_ids, merges)
        self._labels: dict[int, str] = {}

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """Cut text into token ids.

        Args:
            text: any string; a lone surrogate, which UTF-8 cannot hold, is read as U+FFFD.
            allow_special: whether `<|endoftext|>` in the text becomes that one token. By default it is text like
                any other, so that nobody's typing can end a document.

        Example:
            >>> tokenizer.decode(tokenizer.encode("Once upon a time"))
            'Once upon a time'
        """
        text = replace_surrogates(text)
        if not allow_special or not self.special:
            return self._encode_ordinary(text)
        ids: list[int] = []
        special_ids = {text: id for id, text in self.special.items()}
        for part in self._special_pattern.split(text):
            ids += [special_ids[part]] if part in special_ids else self._encode_ordinary(part)
        return ids

    def trace(self, text: str) -> list[TracedWord]:
        """Cut text into token ids as `encode` does, and keep every step; special tokens are text.

        A word longer than `bpe_trace.LONGEST_WORD_BYTES` is not followed: its pieces are its tokens at once.
        """
        return list(traced(cut_words(replace_surrogates(text)), self._byte_ids, self._merges))

    def decode(self, ids: Iterable[int]) -> str:
        """Join the tokens' bytes and read them as UTF-8; what is not UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Join the tokens' bytes."""
        return b"".join(map(self.bytes_of, ids))

    def bytes_of(self, id: int) -> bytes:
        """One token's bytes; empty for an id that the model has but the vocabulary does not (padding)."""
        raw = self.token_bytes.get(id)
        return raw if raw is not None else self.special.get(id, "").encode("utf-8")

    def text_of(self, id: int) -> str | None:
        """One token's text, or None where its bytes alone are not valid UTF-8."""
        try:
            return self.bytes_of(id).decode("utf-8")
        except UnicodeDecodeError:
            return None

    def id_of_bytes(self, raw: bytes) -> int | None:
        """The ordinary token with these bytes, or None."""
        return self._ids.get(raw)

    def rank_of(self, left: int, right: int) -> int | None:
        """The rank of the merge that joins these two tokens, or None."""
        found = self._merges.get((left, right))
        return found[0] if found is not None else None

    def made_by(self, id: int) -> tuple[int, int, int] | None:
        """The first merge that makes this token: (rank, left, right); None for a byte."""
        made = ((rank, *pair) for pair, (rank, merged) in self._merges.items() if merged == id)
        return min(made, default=None)

    def offsets(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Where each token stands in the encoded text: (first byte, one past the last byte)."""
        spans, start = [], 0
        for id in ids:
            end = start + len(self.bytes_of(id))
            spans.append((start, end))
            start = end
        return spans

    def label(self, id: int) -> str:
        """How a token is written in a list: unique, printable, reversible (see `visible.label`).

        `<|endoftext|>` is written ⟨|endoftext|⟩, another special token in ⟨⟨ ⟩⟩, an id without a token in ⟨id ⟩.
        """
        known = self._labels.get(id)
        if known is None:
            raw = self.token_bytes.get(id)
            if raw is not None:
                known = label(raw)
            else:
                known = _special_label(self.special[id]) if id in self.special else f"⟨id {id}⟩"
            self._labels[id] = known
        return known

    def id_of_label(self, text: str) -> int | None:
        """The id whose label this is, or None."""
        if match := _ID_LABEL.fullmatch(text):
            return int(match[1])
        special = next((id for id in self.special if self.label(id) == text), None)
        return special if special is not None else self._ids.get(from_label(text))

    @cached_property
    def texts(self) -> TokenTexts:
        """All tokens as texts, to be searched."""
        return TokenTexts(map(self.bytes_of, range(self.n_vocab)))

    @cached_property
    def _special_pattern(self) -> regex.Pattern[str]:
        return regex.compile("(" + "|".join(map(regex.escape, self.special.values())) + ")")

    def _encode_ordinary(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._words.__getitem__, cut_words(text))))


class _Words(dict[str, list[int]]):
    """The ids of words that were met, merged when they are first asked for; as many as are worth their memory."""

    def __init__(self, byte_ids: Sequence[int], merges: Merges) -> None:
        super().__init__()
        self._byte_ids = byte_ids
        self._merges = merges

    def __missing__(self, word: str) -> list[int]:
        raw = word.encode("utf-8")
        ids = merge_word([self._byte_ids[byte] for byte in raw], self._merges)
        if len(raw) <= _CACHED_WORD_BYTES:
            if len(self) >= _CACHED_WORDS:
                self.clear()
            self[word] = ids
        return ids


def cut_words(text: str) -> Iterable[str]:
    """GPT-2's words: letters, digits or signs with at most one space before them, and white space."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    lines = _LINE.split(text)
    return chain.from_iterable((_ASCII_WORD if line.isascii() else WORD).findall(line) for line in lines)


def read_tokenizer(directory: Path) -> Tokenizer:
    """Read the vocabulary of a model directory; see `tokenizer_files` for the files.

    Raises:
        TokenizerError: one is missing or damaged, or a merge or a byte has no id.
    """
    vocab_path, vocab, merges = read_vocabulary(directory)
    token_bytes: dict[int, bytes] = {}
    special: dict[int, str] = {}
    for text, id in vocab.items():
        try:
            token_bytes[id] = text.translate(_TO_BYTES).encode("latin-1")
        except UnicodeEncodeError:  # it is not written in the alphabet of bytes
            special[id] = text
    for id, text in special.items():
        if replace_surrogates(text) != text:
            raise TokenizerError(f"{vocab_path}: token {id}, {text[:40]!r}, holds a lone surrogate.", vocab_path)
    if END_OF_TEXT in vocab:  # which could be ordinary text
        special[vocab[END_OF_TEXT]] = END_OF_TEXT
        del token_bytes[vocab[END_OF_TEXT]]
    return Tokenizer(token_bytes, merges, special)
