"""A word on its stage: each merge in its turn, and why the tokens are what they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.session.pieces import cut
from picogpt_tui.session.theatre import Play, as_one, frames, play, stage, with_or_without_space

from ..gpt2.checkpoints import END_OF_TEXT_ID, toy_tokenizer


@pytest.fixture
def tokenizer() -> Tokenizer:
    return toy_tokenizer()


def of(text: str, tokenizer: Tokenizer, index: int = 0) -> Play:
    return play(tokenizer, cut(tokenizer, tokenizer.encode(text)), index)


def test_frames_go_from_the_bytes_to_the_tokens(tokenizer: Tokenizer) -> None:
    (word,) = tokenizer.trace(" then")
    assert [[tokenizer.label(id) for id in frame] for frame in frames(word)] == [
        ["␣", "t", "h", "e", "n"],
        ["␣t", "h", "e", "n"],
        ["␣t", "he", "n"],
        ["␣the", "n"],
    ]


def test_words_can_be_played_as_one(tokenizer: Tokenizer) -> None:
    word = as_one(tokenizer.trace("in the"))
    played = frames(word)
    assert [tokenizer.decode(frame) for frame in played] == ["in the"] * len(played)
    assert played[-1] == word.tokens == tuple(tokenizer.encode("in the"))
    assert [merge.at for merge in word.merges] == [0, 1, 2, 1]


@pytest.mark.parametrize(
    "text, other, n_words",
    [(" the", "the", 1), ("the", " the", 1), ("'s", " 's", 2), ("\n", " \n", 1)],
    ids=["without", "with", "a contraction is one no more", "white space"],
)
def test_a_word_with_or_without_its_space(tokenizer: Tokenizer, text: str, other: str, n_words: int) -> None:
    (word,) = tokenizer.trace(text)
    words = with_or_without_space(tokenizer, word)
    assert ("".join(tokenizer.decode(word.tokens) for word in words), len(words)) == (other, n_words)


def test_without_its_space_a_lone_space_is_nothing(tokenizer: Tokenizer) -> None:
    assert with_or_without_space(tokenizer, tokenizer.trace(" ")[0]) == []


def test_reasons_tell_why_tokens_are_apart_and_why_the_word_ends(tokenizer: Tokenizer) -> None:
    told = [
        (tokenizer.label(one.left), tokenizer.label(one.right), one.why) for one in of("hind the", tokenizer).reasons
    ]
    assert [(left, right) for left, right, _ in told] == [("h", "in"), ("in", "d"), ("d", "␣the")]
    assert told[0][2] == "no merge joins them"
    assert told[2][2].startswith("another word begins")


def test_the_last_word_has_no_word_behind_it(tokenizer: Tokenizer) -> None:
    assert of("in the", tokenizer, 1).reasons == ()


def test_a_play_knows_that_other_tokens_stand_there(tokenizer: Tokenizer) -> None:
    assert not of("in the", tokenizer, 1).is_cut_otherwise
    by_hand = play(tokenizer, cut(tokenizer, list(b"in the")), 1)
    assert by_hand.is_cut_otherwise
    assert by_hand.stands == tuple(b" the")
    assert not replace(by_hand, is_changed=True).is_cut_otherwise, "that is another text"


def test_a_special_token_and_bytes_that_are_no_text_are_shown_as_they_are(tokenizer: Tokenizer) -> None:
    standing = cut(tokenizer, [END_OF_TEXT_ID, 260, ord("a")])
    for index in (0, 1):
        shown = play(tokenizer, standing, index, is_changed=True)
        assert (shown.is_text, shown.is_changed, shown.is_cut_otherwise, shown.reasons) == (False, False, False, ())
        assert shown.frames == (standing.words[index].tokens,)


def test_a_word_is_played_without_its_space(tokenizer: Tokenizer) -> None:
    shown = play(tokenizer, cut(tokenizer, tokenizer.encode("in the end")), 1, is_changed=True)
    assert (shown.is_changed, tokenizer.decode(shown.frames[0])) == (True, "the")
    assert [tokenizer.label(id) for id in shown.word.tokens] == ["t", "he"]
    assert [tokenizer.label(one.right) for one in shown.reasons] == ["he"]


def test_a_stage_shows_what_was_made_and_characters_that_pieces_share(tokenizer: Tokenizer) -> None:
    shown = of(" 😀", tokenizer)
    assert stage(tokenizer, shown, 0).shared == ((1, 4, "😀"),)
    done = stage(tokenizer, shown, 2)
    assert [(one.label, one.raw) for one in done.pieces] == [
        ("␣", b" "),
        ("⟨F0 9F 98⟩", b"\xf0\x9f\x98"),
        ("⟨80⟩", b"\x80"),
    ]
    assert (done.made, done.shared) == (1, ((1, 2, "😀"),))
