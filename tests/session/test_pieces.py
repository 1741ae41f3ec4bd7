"""How a text is cut, beside what stands there and beside other ways of cutting it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.readings import TracedWord
from picogpt_tui.session.pieces import (
    CHARACTERS,
    LONGEST_WORD_BYTES,
    OtherTokenizers,
    cut,
    cut_beside,
    is_text,
)

from ..gpt2.checkpoints import END_OF_TEXT_ID, toy_tokenizer

PADDING = END_OF_TEXT_ID + 3
"""An id that the model has and the vocabulary has not."""


@pytest.fixture
def tokenizer() -> Tokenizer:
    return toy_tokenizer()


def texts(tokenizer: Tokenizer, words: tuple[TracedWord, ...]) -> list[bytes]:
    return [tokenizer.decode_bytes(word.tokens) for word in words]


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"in the end", [b"in", b" the", b" end"]),
        (b"in\n\n the", [b"in", b"\n\n", b" the"]),
        ("a 😀".encode(), [b"a", " 😀".encode()]),
        (b"a \xf0\x9f the", [b"a", b" ", b"\xf0\x9f", b" the"]),
        (b"", []),
    ],
    ids=["text", "line breaks", "an emoji", "bytes that are no text", "nothing"],
)
def test_words_cover_every_byte(tokenizer: Tokenizer, raw: bytes, words: list[bytes]) -> None:
    standing = cut(tokenizer, list(raw))  # the toy vocabulary's first ids are the bytes
    assert texts(tokenizer, standing.words) == words
    spans = [(word.byte_start, word.byte_end) for word in standing.words]
    assert [start for start, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert standing.starts[-1] == len(raw)


def test_what_stands_there_may_be_other_tokens_than_the_text_is_cut_into(tokenizer: Tokenizer) -> None:
    ids = [*tokenizer.encode("in"), ord(" "), *tokenizer.encode("the")]
    standing = cut(tokenizer, ids)
    at = standing.word_at(2)
    assert tokenizer.decode(standing.words[at].tokens) == " the"
    assert standing.words[at].tokens == (258,), "one token"
    assert standing.tokens_of(at) == (ord(" "), ord("t"), 257)
    assert standing.tokens_of(0) == standing.words[0].tokens


def test_every_position_has_a_word_and_every_word_its_tokens(tokenizer: Tokenizer) -> None:
    ids = [PADDING, *tokenizer.encode("in the"), END_OF_TEXT_ID, *tokenizer.encode(" end")]
    standing = cut(tokenizer, ids)
    found = [tokenizer.decode(standing.words[standing.word_at(position)].tokens) for position in range(len(ids) + 1)]
    assert found == ["in", "in", " the", "<|endoftext|>", " end", " end", " end", " end", " end"]
    assert standing.tokens_of(2) == (END_OF_TEXT_ID,)
    assert [standing.token_at(byte) for byte in (0, 2, 5, 6)] == [1, 2, 2, 3], "what has no byte holds none"


def test_one_goes_from_word_to_word_by_the_tokens_that_stand_there(tokenizer: Tokenizer) -> None:
    ids = [*b"in the", END_OF_TEXT_ID]
    standing = cut(tokenizer, ids)
    assert [standing.next_word(position, 1) for position in (0, 1, 2, 5, 6, 7)] == [2, 2, 6, 6, 6, 7]
    assert [standing.next_word(position, -1) for position in (0, 1, 2, 5, 6, 7)] == [0, 1, 0, 0, 2, 2]


def test_a_token_across_two_words_belongs_to_the_first(tokenizer: Tokenizer) -> None:
    """No training makes one, but a vocabulary may hold it, and a hand may take it."""
    token_bytes = {**tokenizer.token_bytes, 300: b"n the"}
    odd = Tokenizer(token_bytes, {}, {})
    standing = cut(odd, [ord("i"), 300, ord("n")])
    assert [standing.word_at(position) for position in range(3)] == [0, 0, 1]
    assert standing.tokens_of(1) == (300, ord("n"))
    assert standing.next_word(0, 1) == 2


def test_a_special_token_and_bytes_that_are_no_text_are_cut_by_nobody(tokenizer: Tokenizer) -> None:
    standing = cut(tokenizer, [END_OF_TEXT_ID, 260, ord("a")])
    assert [is_text(tokenizer, word) for word in standing.words] == [False, False, True]
    assert standing.words[0].tokens == (END_OF_TEXT_ID,)
    assert standing.words[1].tokens == (0xF0, 0x9F), "whatever token brought them"


def test_a_very_long_word_is_not_played(tokenizer: Tokenizer) -> None:
    (word,) = cut(tokenizer, tokenizer.encode("in" * LONGEST_WORD_BYTES)).words
    assert (word.merges, word.pieces) == ((), word.tokens)
    assert len(word.tokens) == LONGEST_WORD_BYTES


# -- side by side ------------------------------------------------------------------------------------------------------


@pytest.fixture
def toy_model_here(tiny_model_dir: Callable[..., Path]) -> str:
    """The name of a model with the toy vocabulary in the models directory."""
    paths.models_dir().mkdir(parents=True)
    tiny_model_dir().rename(paths.models_dir() / "toy")
    return "toy"


def test_only_models_that_are_here_are_offered(toy_model_here: str) -> None:
    assert OtherTokenizers("stories").names == (CHARACTERS, toy_model_here)
    assert OtherTokenizers(toy_model_here).names == (CHARACTERS, "stories")


def test_a_text_lies_beside_its_characters(tokenizer: Tokenizer) -> None:
    ids = [*tokenizer.encode("the 😀"), 0xE2, PADDING]
    (found,) = cut_beside(tokenizer, ids, OtherTokenizers("toy"), CHARACTERS)
    assert found.beside is not None
    assert found.beside.labels_b == ("t", "h", "e", "␣", "😀", "⟨E2⟩")
    assert found.beside.labels_a[:2] == ("t", "he")
    assert found.beside.alignment.agree == (1, 3, 4, 8, 9)


def test_a_text_lies_beside_another_model_s_tokens(tokenizer: Tokenizer, toy_model_here: str) -> None:
    ids = [*tokenizer.encode("in the<|endoftext|>"), END_OF_TEXT_ID]
    others = OtherTokenizers(toy_model_here)
    (found,) = cut_beside(tokenizer, ids, others, "stories")
    assert found.others == (CHARACTERS, "stories")
    assert found.beside is not None
    assert found.beside.labels_b[:2] == ("in", "␣the")
    assert found.beside.labels_b[-1] == "⟨|endoftext|⟩"
    assert "⟨|endoftext|⟩" not in found.beside.labels_b[:-1], "what was typed is text"


def test_without_a_name_nothing_lies_beside(tokenizer: Tokenizer) -> None:
    (found,) = cut_beside(tokenizer, tokenizer.encode("in"), OtherTokenizers("toy"))
    assert (found.beside, found.others) == (None, ())
    assert found.standing == cut(tokenizer, tokenizer.encode("in"))
