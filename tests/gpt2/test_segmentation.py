"""Two ways of cutting one text, aligned by bytes; and characters that only several tokens hold."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.segmentation import align, characters, spans
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.readings import Alignment, Stretch

from .checkpoints import N_TOY_VOCAB, toy_tokenizer
from .test_tokenizer import nasty_texts


def test_pieces_of_both_are_laid_side_by_side() -> None:
    assert align([b"the", b"re", b"by"], [b"th", b"e", b"reby"]) == Alignment(
        ends_a=(3, 5, 7),
        ends_b=(2, 3, 7),
        stretches=(Stretch(0, 3, (0, 1), (0, 2)), Stretch(3, 7, (1, 3), (2, 3))),
    )


def test_where_they_agree_are_the_ends_that_both_have() -> None:
    aligned = align([b"the", b"re", b"by"], [b"th", b"e", b"reby"])

    assert (aligned.agree, aligned.n_bytes) == ((3, 7), 7)


def test_no_text_has_no_stretches() -> None:
    assert align([], []) == Alignment((), (), ())
    assert align([], []).n_bytes == 0


def cut_at(raw: bytes, cuts: set[int]) -> list[bytes]:
    """Bytes in pieces that begin at these places."""
    places = sorted({0, len(raw)} | {cut for cut in cuts if cut < len(raw)})
    return [raw[a:b] for a, b in pairwise(places)]


CUTS = st.sets(st.integers(1, 20))


@given(raw=st.binary(min_size=1, max_size=20), a=CUTS, b=CUTS)
def test_any_two_ways_of_cutting_agree_where_both_end(raw: bytes, a: set[int], b: set[int]) -> None:
    left, right = cut_at(raw, a), cut_at(raw, b)
    aligned = align(left, right)

    assert set(aligned.agree) == set(accumulate(map(len, left))) & set(accumulate(map(len, right)))
    for stretch in aligned.stretches:
        part = raw[stretch.byte_start : stretch.byte_end]
        assert b"".join(left[slice(*stretch.a)]) == part == b"".join(right[slice(*stretch.b)])
    assert [stretch.byte_start for stretch in aligned.stretches] == [0, *aligned.agree[:-1]]


def test_characters_are_code_points_in_utf8() -> None:
    assert characters("né👋") == [b"n", b"\xc3\xa9", b"\xf0\x9f\x91\x8b"]
    assert characters("e\u0301") == [b"e", b"\xcc\x81"]


def test_a_lone_surrogate_is_the_character_that_tokenizers_read_it_as() -> None:
    assert characters("\ud800") == ["\ufffd".encode()]


# --- characters over several tokens --------------------------------------------------------------------------------


def test_tokens_that_together_are_one_character() -> None:
    tokenizer = toy_tokenizer()
    ids = tokenizer.encode("he😀e")  # he | F0 9F 98 | 80 | e

    assert spans(tokenizer, ids) == [(1, 2, "😀")]


def test_each_character_has_its_own_group() -> None:
    tokenizer = toy_tokenizer()

    assert spans(tokenizer, tokenizer.encode("é😀é")) == [(0, 1, "é"), (2, 3, "😀"), (4, 5, "é")]


def test_a_token_that_ends_one_character_and_begins_the_next_joins_both_groups() -> None:
    tokens = {byte: bytes([byte]) for byte in range(256)} | {256: b"\xa9\xc3"}
    tokenizer = Tokenizer(tokens, {}, {})

    assert spans(tokenizer, [0xC3, 256, 0xA9, ord("x")]) == [(0, 2, "éé")]


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([0xF0, 0x9F, ord("a")], id="a character that was broken off"),
        pytest.param([0x80, 0x80], id="bytes that begin none"),
        pytest.param([0xED, 0xA0, 0x80], id="a surrogate, which UTF-8 does not know"),
        pytest.param([ord("a"), 0xE2, 0x80], id="one that is not yet whole"),
        pytest.param([], id="no tokens"),
    ],
)
def test_bytes_that_are_no_character_join_nothing(ids: list[int]) -> None:
    """A model may write any bytes."""
    assert spans(toy_tokenizer(), ids) == []


def test_a_character_behind_broken_bytes_is_found() -> None:
    assert spans(toy_tokenizer(), [0xF0, 0x9F, 0xC3, 0xA9]) == [(2, 3, "é")]


def test_padding_within_a_character_is_part_of_its_group() -> None:
    assert spans(toy_tokenizer(), [0xC3, N_TOY_VOCAB + 1, 0xA9]) == [(0, 2, "é")]


@given(text=nasty_texts())
def test_groups_and_single_tokens_are_whole_text(stories: LanguageModel, text: str) -> None:
    tokenizer = stories.tokenizer
    ids = tokenizer.encode(text)
    groups = spans(tokenizer, ids)
    inside = {index for first, last, _ in groups for index in range(first, last + 1)}

    assert [tokenizer.decode(ids[first : last + 1]) for first, last, _ in groups] == [said for *_, said in groups]
    assert all(tokenizer.text_of(id) is not None for index, id in enumerate(ids) if index not in inside)
    assert all("\ufffd" not in said or "\ufffd" in text for *_, said in groups)
    assert all(last > first for first, last, _ in groups)
