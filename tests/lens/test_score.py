"""How likely a text is: sums, and every token against transformers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.score import score, score_rows
from picogpt_tui.lens.windows import HiddenRows, hidden_rows, with_end_of_text
from picogpt_tui.readings import Score, TokenScore

from ..golden.peers import transformers_model
from ..golden.score_peer import transformers_score
from ..gpt2.checkpoints import END_OF_TEXT_ID, TINY, random_ids, random_tensors, toy_tokenizer
from .random_models import SMALL, random_model

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "score.json").read_text(encoding="utf-8"))


def scored(model: LanguageModel, ids: Sequence[int], **options: Any) -> Score:
    """The score of a text that nobody stops."""
    *steps, last = score(model, ids, **{"bos": False, "n_bytes": 7} | options)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(last, Score)
    return last


def values(token: TokenScore) -> tuple[float | None, int | None, float | None, float | None]:
    return token.logprob, token.rank, token.entropy, token.top_prob


def assert_agrees(got: Sequence[TokenScore], expected: Sequence[Sequence[float] | None]) -> None:
    """Within 1e-4 of the largest; where logits lie as near as a rounding, ranks may differ a little."""
    assert len(got) == len(expected)
    largest = max(abs(known[0]) for known in expected if known)
    for token, known in zip(got, expected, strict=True):
        if known is None:
            assert values(token) == (None, None, None, None)
            continue
        logprob, rank, entropy, top_prob = known
        assert token.logprob == pytest.approx(logprob, abs=1e-4 * largest)
        assert token.rank == pytest.approx(rank, abs=1, rel=0.01)
        assert token.entropy == pytest.approx(entropy, abs=1e-4 * largest)
        assert token.top_prob == pytest.approx(top_prob, abs=1e-4)


def test_a_token_s_numbers_are_those_of_its_row_of_logits() -> None:
    """In float64, straight from the definitions."""
    model, ids = random_model(), random_ids(TINY, 11)
    logits = model.logits(ids)[:-1].astype(np.float64)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = [
        (math.log(row[id]), int((row > row[id]).sum()), float(-(row * np.log(row)).sum()), float(row.max()))
        for row, id in zip(probs, ids[1:], strict=True)
    ]

    assert_agrees(scored(model, ids).tokens, [None, *expected])


def test_sums() -> None:
    """Nats in all, the exponential of their mean, and bits by all bytes of the text."""
    tokens = tuple(TokenScore(7, logprob, 0, entropy, 0.9) for logprob, entropy in ((-1.0, 2.0), (-4.0, 3.0)))
    one = Score((TokenScore(9, None, None, None, None), *tokens), False, n_bytes=11, n_ctx=13, stride=6, n_windows=1)

    assert (one.n_scored, one.nll, one.mean_entropy) == (2, 5, 2.5)
    assert one.perplexity == pytest.approx(math.exp(2.5))
    assert one.bits_per_byte == pytest.approx(5 / math.log(2) / 11)


def test_what_no_float_holds_is_infinite() -> None:
    one = Score((TokenScore(9, -800.0, 3, 0.0, 1.0),), True, n_bytes=1, n_ctx=13, stride=6, n_windows=1)

    assert one.perplexity == math.inf


def test_a_text_with_nothing_to_score_has_no_perplexity() -> None:
    model = random_model()
    alone = scored(model, [5])

    assert (alone.logprobs, alone.nll) == ([], 0)
    assert math.isnan(alone.perplexity)
    assert math.isnan(alone.bits_per_byte)
    assert math.isnan(alone.mean_entropy)
    assert scored(model, [], bos=True).tokens == scored(model, []).tokens == ()


def test_with_end_of_text_in_front_every_token_is_scored_as_behind_it() -> None:
    model, ids = random_model(), random_ids(TINY, 9)
    plain = scored(model, [END_OF_TEXT_ID, *ids])
    one = scored(model, ids, bos=True)

    assert [token.id for token in one.tokens] == ids
    assert one.n_scored == 9
    assert one.tokens == plain.tokens[1:]


def test_end_of_text_and_a_long_text_are_windowed_as_one_text() -> None:
    """Only the first window begins with it; a text that fills the context has a token too many."""
    model, ids = random_model(), random_ids(TINY, 33)
    one = scored(model, ids, bos=True, stride=6)

    assert one.tokens == scored(model, [END_OF_TEXT_ID, *ids], stride=6).tokens[1:]
    assert (one.n_windows, one.n_scored) == (5, 33)
    assert [scored(model, ids[:n], bos=True).n_windows for n in (12, 13)] == [1, 2]


def test_windows_that_do_not_overlap_leave_the_first_token_of_each_unscored() -> None:
    one = scored(random_model(), random_ids(TINY, 31), stride=13)

    assert [index for index, token in enumerate(one.tokens) if token.logprob is None] == [0, 13, 26]


def test_a_vocabulary_without_end_of_text_cannot_have_it_in_front() -> None:
    toy = toy_tokenizer()
    model = random_model(replace(TINY, end_of_text=None), name="bare")
    bare = replace(model, tokenizer=Tokenizer(toy.token_bytes, {}, {}))

    with pytest.raises(PicoGPTError, match=r"bare has no <\|endoftext\|> .*--no-bos"):
        with_end_of_text(bare, [1])
    with pytest.raises(PicoGPTError, match="bare has no"):
        scored(bare, [1, 2], bos=True)
    assert scored(bare, [1, 2]).n_scored == 1


def test_a_distribution_on_one_token_has_no_entropy_and_no_nan() -> None:
    """Where a probability underflows to 0 its logarithm is still a number: -90 000 here."""
    model = random_model()
    sharp = replace(model, params=replace(model.params, wte=model.params.wte[:] * np.float32(20_000)))
    (rows,) = (step for step in hidden_rows(sharp, random_ids(TINY, 9)) if isinstance(step, HiddenRows))
    tokens = score_rows(sharp, rows, random_ids(TINY, 9))

    assert [(token.entropy, token.top_prob) for token in tokens] == [(0, 1)] * 8
    assert all(token.logprob is not None and -math.inf < token.logprob < -1000 for token in tokens if token.rank)
    assert any(token.rank for token in tokens)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_no_numbers_are_an_error(bad: float) -> None:
    model = random_model()
    wte = model.params.wte[:].copy()
    wte[100] = bad
    damaged = replace(model, params=replace(model.params, wte=wte))

    with pytest.raises(PicoGPTError, match="overflowed"):
        scored(damaged, [1, 2, 3])


def test_whoever_looks_is_shown_all_that_the_scores_were_made_of() -> None:
    """An app keeps a row a token, and makes the whole distribution where somebody looks."""
    model, ids = random_model(), random_ids(TINY, 29)
    kept: list[HiddenRows] = []
    one = scored(model, ids, bos=True, stride=7, seen=kept.append)
    hidden = np.concatenate([rows.hidden for rows in kept])

    again = score_rows(model, HiddenRows(1, hidden), [END_OF_TEXT_ID, *ids])
    assert [values(token) for token in again] == [pytest.approx(values(token), rel=1e-4) for token in one.tokens]


# -- stopping ----------------------------------------------------------------------------------------------------------


def after(n: int) -> Callable[[], bool]:
    """A wish to stop, from the n-th time on that one is asked."""
    asked = iter(range(n))
    return lambda: next(asked, None) is None


def test_whenever_it_is_stopped_there_is_no_score() -> None:
    model, ids = random_model(), random_ids(TINY, 31)
    n_asked = 0

    def counted() -> bool:
        nonlocal n_asked
        n_asked += 1
        return False

    assert isinstance(list(score(model, ids, n_bytes=1, stride=6, should_stop=counted))[-1], Score)
    assert n_asked == 11  # before each of five windows is read, before what it said is handed out, and at the end
    for n in range(n_asked):
        steps = list(score(model, ids, n_bytes=1, stride=6, should_stop=after(n)))
        assert all(isinstance(step, Progress) for step in steps)


def test_progress_counts_the_text_s_tokens_and_never_goes_back() -> None:
    model, ids = random_model(), random_ids(TINY, 31)
    steps = [step for step in score(model, ids, bos=False, n_bytes=1, stride=6) if isinstance(step, Progress)]

    assert [step.done for step in steps] == [0, 12, 18, 24]
    assert {(step.phase, step.total, step.detail) for step in steps} == {("scoring", 31, "tiny")}


# -- against the trusted implementation --------------------------------------------------------------------------------


def test_the_golden_numbers_say_where_they_come_from() -> None:
    assert set(GOLDEN["about"]["libraries"]) == {"torch", "transformers"}
    assert GOLDEN["about"]["made_by"] == "python -m tests.golden.make_score_golden"


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{len(case['ids'])} by {case['stride']}")
def test_windows_score_as_transformers_did(case: dict[str, Any]) -> None:
    one = scored(random_model(GPT2Config(**case["config"]), case["seed"]), case["ids"], stride=case["stride"])

    assert_agrees(one.tokens, case["tokens"])
    assert one.n_scored == case["n_scored"]
    assert one.nll == pytest.approx(case["nll"], rel=1e-4)


def test_the_bundled_model_scores_as_transformers_did(stories: LanguageModel) -> None:
    case = GOLDEN["stories"]
    ids = stories.tokenizer.encode(case["text"])
    one = scored(stories, ids, bos=True, n_ctx=case["n_ctx"], stride=case["stride"])

    assert [stories.tokenizer.end_of_text, *ids] == case["ids"]
    assert_agrees(one.tokens, case["tokens"][1:])
    assert one.nll == pytest.approx(case["nll"], rel=1e-4)


@pytest.fixture
def needs_transformers() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")


@pytest.mark.usefixtures("needs_transformers")
@pytest.mark.parametrize("config", SMALL, ids=str)
def test_every_stride_scores_as_transformers_recipe_does(config: GPT2Config) -> None:
    ids, theirs = random_ids(config, 37), transformers_model(config, random_tensors(config, 5))
    model = random_model(config, 5)
    for stride in (1, 2, 5, config.n_ctx // 2, config.n_ctx - 1, config.n_ctx):
        known, one = transformers_score(theirs, ids, config.n_ctx, stride), scored(model, ids, stride=stride)
        assert_agrees(one.tokens, known.tokens)
        assert one.n_scored == known.n_scored
        assert one.nll == pytest.approx(known.nll, rel=1e-4)


@pytest.mark.usefixtures("needs_transformers")
@pytest.mark.parametrize("stride", [256, 512])
def test_the_bundled_model_scores_a_long_text_as_transformers_recipe_does(stories: LanguageModel, stride: int) -> None:
    ids = stories.tokenizer.encode(GOLDEN["stories"]["text"] * 8)
    theirs = transformers_model(stories.config, dict(stories.params.walk()))
    known, one = transformers_score(theirs, ids, 512, stride), scored(stories, ids, stride=stride)

    assert 512 < len(ids) < 768
    assert_agrees(one.tokens, known.tokens)
    assert one.perplexity == pytest.approx(math.exp(known.nll / known.n_scored), rel=1e-4)
