"""What a question finds in a vocabulary, how likely that is, and which tokens lie near one: in float64 as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.int8 import Int8Matrix, quantize
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.vocabulary import Neighbours, ask, search, search_one
from picogpt_tui.settings import PURE, SamplingSettings

from ..gpt2.checkpoints import END_OF_TEXT_ID, N_TOY_VOCAB, TINY, toy_tokenizer

SPACE_T, HE, SPACE_THE, IN = 256, 257, 258, 259


# --- questions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question, found",
    [
        ("he", [HE, SPACE_THE]),
        (" t", [SPACE_T, SPACE_THE]),
        ("␣t", [SPACE_T, SPACE_THE]),
        ("=␣t", [SPACE_T]),
        ("= t", [SPACE_T]),
        ("=t", [ord("t")]),
        ("t", [ord("T"), ord("t"), SPACE_T, SPACE_THE, END_OF_TEXT_ID]),
        ("T", [ord("T")]),
        ("⏎", [ord("\n")]),
        ("⟨F0 9F⟩", [260, 261]),
        ("=⟨F0 9F⟩", [260]),
        ("/^ t/", [SPACE_T, SPACE_THE]),
        ("/^T$/", [ord("T")]),
        ("/^T$/i", [ord("T"), ord("t")]),
        ("#258", [258]),
        ("#258..260", [258, 259, 260]),
        ("#258..#260", [258, 259, 260]),
        ("endoftext", [END_OF_TEXT_ID]),
        ("<|endoftext|>", [END_OF_TEXT_ID]),
        ("⟨|endoftext|⟩", [END_OF_TEXT_ID]),
        ("=<|endoftext|>", [END_OF_TEXT_ID]),
        ("=⟨|endoftext|⟩", [END_OF_TEXT_ID]),
        ("", list(range(N_TOY_VOCAB))),
        ("no such text", []),
        ("=no such text", []),
        (f"=⟨id {N_TOY_VOCAB + 1}⟩", []),
        ("=⟨id 65⟩", []),
    ],
    ids=ascii,
)
def test_a_question_finds(question: str, found: list[int]) -> None:
    assert search(toy_tokenizer(), question) == found


@pytest.mark.parametrize("question", ["#", "/", "="])
def test_a_sign_alone_is_a_text(question: str) -> None:
    assert search(toy_tokenizer(), question) == [ord(question)]


@pytest.mark.parametrize("question", ["#x", "#1..", "/x", "//", "==", "#-1"])
def test_what_only_begins_like_a_question_is_a_text(question: str) -> None:
    assert search(toy_tokenizer(), question) == ([ord("=")] if question == "==" else [])


@pytest.mark.parametrize("question", [f"#{N_TOY_VOCAB}", "#5..4", f"#0..{N_TOY_VOCAB}", "#999999999"])
def test_ids_that_are_none_are_refused(question: str) -> None:
    with pytest.raises(PicoGPTError, match=f"^There is no token {question}; ids go from #0 to #{N_TOY_VOCAB - 1}"):
        search(toy_tokenizer(), question)


def test_a_bad_pattern_is_refused() -> None:
    with pytest.raises(PicoGPTError, match=r"^/\(/ is not a regular expression: "):
        search(toy_tokenizer(), "/(/")


def test_each_tokenizer_has_texts_of_its_own() -> None:
    assert search(toy_tokenizer(), "he") == [HE, SPACE_THE]
    assert search(Tokenizer({byte: bytes([byte]) for byte in range(256)}, {}, {}), "he") == []


def test_every_label_is_a_question_that_finds_its_token(stories: LanguageModel) -> None:
    tokenizer = stories.tokenizer
    for id in range(0, tokenizer.n_vocab, 31):
        assert search(tokenizer, f"={tokenizer.label(id)}") == [id]
        assert id in search(tokenizer, f"#{id}")


@given(question=st.text(st.characters(), max_size=8))
def test_any_question_is_answered_or_refused(stories: LanguageModel, question: str) -> None:
    """A person types into a search box, and each key is a question."""
    try:
        found = search(stories.tokenizer, question)
    except PicoGPTError:
        return
    assert found == sorted(set(found))
    assert all(0 <= id < stories.tokenizer.n_vocab for id in found)


@pytest.mark.parametrize(
    "question, id", [("= t", SPACE_T), ("#258", 258), (" the", SPACE_THE), ("he", HE), ("␣t", SPACE_T), ("T", ord("T"))]
)
def test_one_token_is_the_only_one_or_the_one_that_is_just_that(question: str, id: int) -> None:
    assert search_one(toy_tokenizer(), question) == id


def test_of_several_none_is_guessed() -> None:
    with pytest.raises(PicoGPTError) as caught:
        search_one(toy_tokenizer(), "/t/")

    said = (
        "/t/ finds 4 tokens where one is needed: t  ␣t  ␣the  ⟨|endoftext|⟩; name one by its id (#116) or whole (=t)."
    )
    assert str(caught.value) == said


def test_where_nothing_is_found_that_is_said() -> None:
    with pytest.raises(PicoGPTError, match=r"^zz finds no token"):
        search_one(toy_tokenizer(), "zz")


# --- how likely ----------------------------------------------------------------------------------------------------


def logits_of(model: LanguageModel) -> FloatArray:
    """Of one position."""
    last: FloatArray = model.logits([7, 258, 101])[-1]
    return last


def test_each_has_the_rank_and_probability_of_the_whole_distribution(tiny_model: LanguageModel) -> None:
    logits = logits_of(tiny_model)
    exact = np.exp(logits.astype(np.float64))
    exact /= exact.sum()
    ids = [3, 258, 70, 261]
    match = ask(shape(logits, PURE), tiny_model.tokenizer, ids, 3)

    assert match.n_found == 4
    assert match.prob == pytest.approx(exact[ids].sum(), rel=1e-5)
    assert [one.id for one in match.candidates] == sorted(ids, key=exact.__getitem__)[:0:-1]
    for one in match.candidates:
        assert one.rank == int((logits > logits[one.id]).sum())
        assert one.prob == pytest.approx(exact[one.id], rel=1e-5)
        assert one.logit == float(logits[one.id])
        assert one.label == tiny_model.tokenizer.label(one.id)


def test_all_tokens_together_are_certain(tiny_model: LanguageModel) -> None:
    shaped = shape(logits_of(tiny_model), PURE)
    match = ask(shaped, tiny_model.tokenizer, range(TINY.n_vocab), 5)

    assert match.prob == pytest.approx(1)
    assert match.candidates == distribution(shaped, tiny_model.tokenizer, 5).candidates


def test_no_tokens_have_no_mass(tiny_model: LanguageModel) -> None:
    match = ask(shape(logits_of(tiny_model), PURE), tiny_model.tokenizer, [], 5)

    assert (match.candidates, match.n_found, match.prob) == ((), 0, 0.0)


def test_equal_logits_have_equal_ranks_and_the_order_of_their_ids() -> None:
    logits = np.array([1, 3, 2, 3, 2], dtype=np.float32)
    match = ask(shape(logits, PURE), toy_tokenizer(), [4, 2, 3, 1], 9)

    assert [(one.id, one.rank) for one in match.candidates] == [(1, 0), (3, 0), (2, 2), (4, 2)]


def test_what_sampling_does_to_them_is_told(tiny_model: LanguageModel) -> None:
    logits = logits_of(tiny_model)
    best, worst = int(logits.argmax()), int(logits.argmin())
    match = ask(shape(logits, SamplingSettings(top_k=1)), tiny_model.tokenizer, [worst, best], 2)

    assert [(one.final_prob, one.cut_by) for one in match.candidates] == [(1, None), (0, "top_k")]


# --- neighbours ----------------------------------------------------------------------------------------------------


def exact_cosines(wte: FloatArray, id: int) -> Any:
    """In float64, by the definition."""
    rows = wte.astype(np.float64)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit[id]


def as_int8(model: LanguageModel) -> LanguageModel:
    """The model with a quantized embedding."""
    assert isinstance(model.params.wte, np.ndarray)
    return replace(model, params=replace(model.params, wte=quantize(model.params.wte)))


def wte_of(model: LanguageModel) -> FloatArray:
    """The embedding, widened where it is int8."""
    wte = model.params.wte
    return wte.widened() if isinstance(wte, Int8Matrix) else wte


@pytest.mark.parametrize("is_int8", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("id", [0, 101, 258, END_OF_TEXT_ID])
def test_neighbours_are_those_with_the_largest_cosine(tiny_model: LanguageModel, id: int, is_int8: bool) -> None:
    model = as_int8(tiny_model) if is_int8 else tiny_model
    exact = exact_cosines(wte_of(model), id)[:N_TOY_VOCAB]
    neighbours = Neighbours(model).of(id, 7)
    expected = [other for other in np.argsort(-exact) if other != id][:7]

    assert [near.id for near in neighbours] == expected
    assert [near.cosine for near in neighbours] == pytest.approx(exact[expected], abs=1e-5)
    assert [near.label for near in neighbours] == [model.tokenizer.label(other) for other in expected]


def test_cosines_agree_with_torch(stories: LanguageModel) -> None:
    torch = pytest.importorskip("torch")
    wte = torch.from_numpy(wte_of(stories))
    king = search_one(stories.tokenizer, " king")
    theirs = torch.nn.functional.cosine_similarity(wte, wte[king][None])
    values, ids = theirs.topk(11)
    neighbours = Neighbours(stories).of(king, 10)

    assert [near.id for near in neighbours] == ids[1:].tolist()
    assert [near.cosine for near in neighbours] == pytest.approx(values[1:].tolist(), abs=1e-5)


def test_a_model_of_stories_knows_what_lies_near_a_king(stories: LanguageModel) -> None:
    nearest = Neighbours(stories).of(search_one(stories.tokenizer, " king"), 5)

    assert "␣queen" in [near.label for near in nearest]


def test_all_but_itself_and_the_padding_are_neighbours(tiny_model: LanguageModel) -> None:
    neighbours = Neighbours(tiny_model).of(5, 10_000)

    assert sorted(near.id for near in neighbours) == [id for id in range(N_TOY_VOCAB) if id != 5]


def with_rows(model: LanguageModel, rows: dict[int, float]) -> LanguageModel:
    """The model with some tokens' rows all one number."""
    wte = wte_of(model).copy()
    for id, value in rows.items():
        wte[id] = value
    return replace(model, params=replace(model.params, wte=wte))


def test_a_token_without_a_direction_is_near_nothing(tiny_model: LanguageModel) -> None:
    model = with_rows(tiny_model, {4: 0.0, 9: 0.0})

    assert {near.cosine for near in Neighbours(model).of(4, 10)} == {0.0}
    assert all(np.isfinite(near.cosine) for near in Neighbours(model).of(5, 10_000))


def test_equal_directions_have_cosine_1_in_the_order_of_their_ids(tiny_model: LanguageModel) -> None:
    model = with_rows(tiny_model, {id: 0.1 * (id + 1) for id in range(6)})
    neighbours = Neighbours(model).of(5, 3)

    assert [near.cosine for near in neighbours] == pytest.approx([1, 1, 1])
    assert max(near.cosine for near in neighbours) <= 1
    exact = with_rows(tiny_model, dict.fromkeys(range(6), 1.0))
    assert [near.id for near in Neighbours(exact).of(5, 3)] == [0, 1, 2]


def test_a_padding_token_has_neighbours_as_well(tiny_model: LanguageModel) -> None:
    """A model may write one: its row is as good as any."""
    assert len(Neighbours(tiny_model).of(TINY.n_vocab - 1, 3)) == 3
