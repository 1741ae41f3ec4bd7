"""What the tracing tells is what encoding does: the same pairs, in OpenAI's order, ending in the same tokens."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picogpt_tui.gpt2 import bpe_trace
from picogpt_tui.gpt2.bpe import Merges, merge_word
from picogpt_tui.gpt2.bpe_trace import join, merges_of, why_apart
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.tokenizer import Tokenizer, cut_words, read_tokenizer
from picogpt_tui.readings import Merge, TracedWord

from ..conftest import FULL, SHARED
from .checkpoints import toy_tokenizer
from .test_bpe import merge_tables
from .test_tokenizer import nasty_texts

T, H, E, SPACE = b"the "
SPACE_T, HE, SPACE_THE = 256, 257, 258
GPT2_VOCABULARY = SHARED / "data" / "gpt2-vocab"


def pieces_after(word: TracedWord, n_merges: int) -> list[int]:
    """The pieces of a word after its first merges: its bytes after none, its tokens after all."""
    pieces = list(word.pieces)
    for merge in word.merges[:n_merges]:
        join(pieces, merge)
    return pieces


def vocabulary_of(*merges: tuple[bytes, bytes]) -> Tokenizer:
    """All bytes, and what these merges make of them, the first learned first."""
    tokens = {byte: bytes([byte]) for byte in range(256)}
    ids = {raw: id for id, raw in tokens.items()}
    table: dict[tuple[int, int], tuple[int, int]] = {}
    for rank, (left, right) in enumerate(merges):
        ids[left + right] = 256 + rank
        tokens[256 + rank] = left + right
        table[ids[left], ids[right]] = (rank, 256 + rank)
    return Tokenizer(tokens, table, {})


def in_passes(ids: list[int], merges: Merges) -> list[list[int]]:
    """The pieces behind each pass of OpenAI's `Encoder.bpe`: take the pair learned first, join it wherever it stands.

    Written after the description of its loop; with learned merges, of which none makes what an earlier one needs.
    """
    passes, word = [], list(ids)
    while known := [merges[pair] for pair in pairwise(word) if pair in merges]:
        _, merged = min(known)
        out: list[int] = []
        i = 0
        while i < len(word):
            is_it = i + 1 < len(word) and merges.get((word[i], word[i + 1]), (0, -1))[1] == merged
            out.append(merged if is_it else word[i])
            i += 2 if is_it else 1
        word = out
        passes.append(word)
    return passes


# --- the steps -----------------------------------------------------------------------------------------------------


def test_a_word_from_its_bytes_to_its_token() -> None:
    (word,) = toy_tokenizer().trace(" the")

    assert word == TracedWord(
        byte_start=0,
        byte_end=4,
        pieces=(SPACE, T, H, E),
        merges=(
            Merge(rank=0, at=0, left=SPACE, right=T, merged=SPACE_T),
            Merge(rank=1, at=1, left=H, right=E, merged=HE),
            Merge(rank=2, at=0, left=SPACE_T, right=HE, merged=SPACE_THE),
        ),
        tokens=(SPACE_THE,),
    )


def test_the_merge_learned_first_goes_first_in_all_its_places_from_the_left() -> None:
    tokenizer = vocabulary_of((b"a", b"b"), (b"x", b"y"))
    (word,) = tokenizer.trace("xyabxyab")

    assert [(merge.rank, merge.at) for merge in word.merges] == [(0, 2), (0, 5), (1, 0), (1, 2)]


def test_places_that_overlap_are_joined_from_the_left() -> None:
    (word,) = vocabulary_of((b"a", b"a"), (b"aa", b"aa")).trace("aaaaaaa")

    assert [(merge.rank, merge.at) for merge in word.merges] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert word.tokens == (257, 256, ord("a"))


def test_the_words_are_those_of_the_pattern_with_their_bytes() -> None:
    words = toy_tokenizer().trace("é the the's")

    assert [(word.byte_start, word.byte_end) for word in words] == [(0, 2), (2, 6), (6, 10), (10, 12)]
    assert words[1].merges == words[2].merges


@pytest.mark.parametrize("n_merges", range(5))
def test_replaying_goes_from_the_bytes_to_the_tokens(n_merges: int) -> None:
    (word,) = toy_tokenizer().trace(" the")
    steps = [[SPACE, T, H, E], [SPACE_T, H, E], [SPACE_T, HE], [SPACE_THE], [SPACE_THE]]

    assert pieces_after(word, n_merges) == steps[n_merges]


def test_no_text_has_no_words() -> None:
    assert toy_tokenizer().trace("") == []


def test_a_lone_surrogate_is_traced_as_it_is_encoded() -> None:
    tokenizer = toy_tokenizer()

    assert tokenizer.trace("a\ud800") == tokenizer.trace("a\ufffd")


def test_special_tokens_are_text() -> None:
    tokenizer = toy_tokenizer()
    tokens = [id for word in tokenizer.trace("<|endoftext|>") for id in word.tokens]

    assert tokenizer.end_of_text not in tokens
    assert tokens == tokenizer.encode("<|endoftext|>")


# --- the same as encoding ------------------------------------------------------------------------------------------


@settings(max_examples=20_000 if FULL else 300)
@given(text=nasty_texts())
def test_the_trace_of_any_text_ends_in_its_tokens(stories: LanguageModel, text: str) -> None:
    tokenizer = stories.tokenizer
    words = tokenizer.trace(text)

    assert [id for word in words for id in word.tokens] == tokenizer.encode(text)
    assert [pieces_after(word, len(word.merges)) for word in words] == [list(word.tokens) for word in words]
    assert tokenizer.decode_bytes(id for word in words for id in word.pieces) == text.encode()
    assert [word.byte_end - word.byte_start for word in words] == [len(word.encode()) for word in cut_words(text)]


@settings(max_examples=200)
@given(ids=st.lists(st.integers(0, 3), max_size=24), merges=merge_tables())
def test_any_table_of_merges_is_followed_as_encoding_follows_it(ids: list[int], merges: Merges) -> None:
    """Also ones that no training learns, where a join makes what an earlier merge needs."""
    pieces = list(ids)
    for merge in merges_of(ids, merges):
        assert (pieces[merge.at], pieces[merge.at + 1]) == (merge.left, merge.right)
        assert merges[merge.left, merge.right] == (merge.rank, merge.merged)
        join(pieces, merge)
    assert pieces == merge_word(ids, merges)


WORDS = [" unbelievable", " antidisestablishmentarianism", "aaaaaaaaaaaaaaaa", " Mississippi", "👋🏽", " naïvely"]


@pytest.fixture(scope="module", params=["stories", "gpt2"])
def learned(request: pytest.FixtureRequest, stories: LanguageModel) -> Tokenizer:
    """A vocabulary whose merges were learned from texts."""
    if request.param == "stories":
        return stories.tokenizer
    if not GPT2_VOCABULARY.is_dir():
        pytest.skip(f"no {GPT2_VOCABULARY}: set PICOGPT_SHARED")
    return read_tokenizer(GPT2_VOCABULARY)


@pytest.mark.parametrize("word", [*WORDS, "the theinin" * 40], ids=lambda word: ascii(word)[:20])
def test_the_order_is_that_of_openai_s_passes(learned: Tokenizer, word: str) -> None:
    for traced in learned.trace(word):
        states = [pieces_after(traced, n) for n in range(len(traced.merges) + 1)]
        ranks = [merge.rank for merge in traced.merges]
        ends_of_passes = [n for n in range(1, len(states)) if n == len(ranks) or ranks[n] != ranks[n - 1]]

        assert [states[n] for n in ends_of_passes] == in_passes(list(traced.pieces), learned._merges)


def test_a_long_word_is_followed_to_its_end(stories: LanguageModel) -> None:
    text = "the" * 2000
    (word,) = stories.tokenizer.trace(text)

    assert len(word.pieces) == 6000
    assert list(word.tokens) == pieces_after(word, len(word.merges)) == stories.tokenizer.encode(text)


def test_a_word_too_long_to_be_followed_has_its_tokens_and_no_merges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte without a space must not take a minute."""
    monkeypatch.setattr(bpe_trace, "LONGEST_WORD_BYTES", 7)
    tokenizer = toy_tokenizer()
    seven, eight = tokenizer.trace("thehehe")[0], tokenizer.trace("thehehee")[0]

    assert len(seven.merges) == 3
    assert (eight.pieces, eight.merges) == (eight.tokens, ())
    assert list(eight.tokens) == tokenizer.encode("thehehee")
    assert (eight.byte_start, eight.byte_end) == (0, 8)


# --- why two tokens are two ----------------------------------------------------------------------------------------


def test_within_a_word_no_merge_joins_them() -> None:
    tokenizer = toy_tokenizer()

    assert why_apart(tokenizer, tokenizer.trace(" then"), 0) == "no merge joins them"


def test_two_tokens_that_together_are_one_say_how_that_is_made() -> None:
    """`a` went to `ab` before `bc` could be made of the rest."""
    tokenizer = vocabulary_of((b"a", b"b"), (b"b", b"c"), (b"a", b"bc"))
    words = tokenizer.trace("abc")

    assert words[0].tokens == (256, ord("c"))
    assert why_apart(tokenizer, words, 0) == "no merge joins them: abc is made of a and bc (merge #3)"


def test_between_words_no_merge_is_looked_for() -> None:
    tokenizer = toy_tokenizer()
    said = "another word begins: words are cut first, and no merge joins two of them"

    assert why_apart(tokenizer, tokenizer.trace("in the"), 0) == said


def test_between_words_the_merge_that_would_have_joined_them_is_named() -> None:
    tokenizer = vocabulary_of((b"x", b"y"), (b"a", b"1"))
    said = (
        "another word begins: words are cut first, and no merge joins two of them; within one, merge #2 would join them"
    )

    assert why_apart(tokenizer, tokenizer.trace("a1"), 0) == said


def test_tokens_are_counted_over_all_words() -> None:
    tokenizer = toy_tokenizer()
    words = tokenizer.trace(" the inn")  # ␣the | ␣ in n
    reasons = [why_apart(tokenizer, words, index).partition(":")[0] for index in range(3)]

    assert reasons == ["another word begins", "no merge joins them", "no merge joins them"]
