"""Two models on one text: both scores, and how far their distributions lie apart."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picogpt_tui.errors import PicoGPTError, SettingError, TokenizerError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.compare import compare, vocabulary_difference
from picogpt_tui.lens.score import score
from picogpt_tui.readings import Comparison, Score

from ..golden.peers import transformers_model
from ..golden.score_peer import transformers_kl
from ..gpt2.checkpoints import END_OF_TEXT_ID, TINY, random_ids, random_tensors, toy_tokenizer
from .random_models import SMALL, random_model

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "score.json").read_text(encoding="utf-8"))
WIDER = GPT2Config(TINY.n_vocab, n_ctx=19, n_embd=16, n_head=2, n_layer=1, end_of_text=END_OF_TEXT_ID)
"""Another shape with the same vocabulary and a longer context."""


def compared(a: LanguageModel, b: LanguageModel, ids: Sequence[int], **options: Any) -> Comparison:
    """The comparison on a text that nobody stops."""
    *steps, last = compare(a, b, ids, **{"bos": False, "n_bytes": 7} | options)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(last, Comparison)
    return last


def scored(model: LanguageModel, ids: Sequence[int], **options: Any) -> Score:
    *_, last = score(model, ids, **{"bos": False, "n_bytes": 7} | options)
    assert isinstance(last, Score)
    return last


def kls(comparison: Comparison) -> list[float]:
    """Of the scored tokens."""
    return [token.kl for token in comparison.tokens if token.kl is not None]


def test_each_model_s_numbers_are_those_of_scoring_with_it_alone() -> None:
    a, b, ids = random_model(seed=3), random_model(seed=4), random_ids(TINY, 29)
    both, alone_a, alone_b = compared(a, b, ids, stride=5), scored(a, ids, stride=5), scored(b, ids, stride=5)

    assert [token.id for token in both.tokens] == ids
    assert [token.logprob_a for token in both.tokens] == [token.logprob for token in alone_a.tokens]
    assert [token.logprob_b for token in both.tokens] == [token.logprob for token in alone_b.tokens]
    assert [token.rank_a for token in both.tokens] == [token.rank for token in alone_a.tokens]
    assert [token.rank_b for token in both.tokens] == [token.rank for token in alone_b.tokens]
    assert (both.nll_a, both.nll_b, both.n_scored) == (alone_a.nll, alone_b.nll, 28)
    assert (both.n_bytes, both.n_ctx, both.stride, both.n_windows) == (7, 13, 5, alone_a.n_windows)


def test_kl_is_that_of_the_whole_distributions() -> None:
    """In float64, straight from the definition."""
    a, b, ids = random_model(seed=3), random_model(WIDER, seed=4), random_ids(TINY, 12)
    p, q = (_probs(model, ids) for model in (a, b))
    expected = (p * np.log(p / q)).sum(axis=1)[:-1]
    both = compared(a, b, ids)

    assert both.tokens[0].kl is None
    assert kls(both) == pytest.approx(expected.tolist(), rel=1e-4)
    assert both.mean_kl == pytest.approx(expected.mean(), rel=1e-4)


def _probs(model: LanguageModel, ids: Sequence[int]) -> Any:
    exp = np.exp(model.logits(ids).astype(np.float64))
    return exp / exp.sum(axis=1, keepdims=True)


def test_a_model_does_not_differ_from_itself() -> None:
    model = random_model()
    both = compared(model, model, random_ids(TINY, 31), bos=True)

    assert kls(both) == [0] * 31
    assert both.nll_a == both.nll_b
    assert both.mean_kl == 0


def test_kl_is_not_symmetric_and_never_negative() -> None:
    a, b, ids = random_model(seed=3), random_model(seed=4), random_ids(TINY, 13)
    there, back = kls(compared(a, b, ids)), kls(compared(b, a, ids))

    assert min(there + back) > 0
    assert there != pytest.approx(back, rel=0.01)


def test_where_a_probability_underflows_the_divergence_is_still_a_number() -> None:
    """What A is sure of and B excludes costs B's surprisal: tens of thousands of nats, and not infinity."""
    a, b = (_sharp(random_model(seed=seed)) for seed in (3, 4))
    found = kls(compared(a, b, random_ids(TINY, 9)))

    assert max(found) > 1000
    assert all(map(math.isfinite, found))


def _sharp(model: LanguageModel) -> LanguageModel:
    return replace(model, params=replace(model.params, wte=model.params.wte[:] * np.float32(20_000)))


def test_both_see_as_much_before_a_token_as_the_shorter_context_holds() -> None:
    a, b, ids = random_model(), random_model(WIDER), random_ids(TINY, 30)
    both = compared(b, a, ids)

    assert (both.n_ctx, both.stride, both.n_windows) == (13, 6, 4)
    assert [token.logprob_a for token in both.tokens] == [token.logprob for token in scored(b, ids, n_ctx=13).tokens]
    with pytest.raises(SettingError, match="stride must be a whole number from 1 to 13, not 14"):
        compared(b, a, ids, stride=14)


def test_end_of_text_stands_before_the_text_for_both() -> None:
    a, b, ids = random_model(seed=3), random_model(seed=4), random_ids(TINY, 20)
    both = compared(a, b, ids, bos=True)

    assert (both.bos, both.n_scored, len(both.tokens)) == (True, 20, 20)
    assert both.tokens == compared(a, b, [END_OF_TEXT_ID, *ids]).tokens[1:]


def test_nothing_to_score_is_no_mean() -> None:
    model = random_model()

    for ids in ([], [5]):
        both = compared(model, model, ids)
        assert (both.nll_a, both.nll_b, both.n_scored) == (0, 0, 0)
        assert math.isnan(both.mean_kl)


def test_the_names_tell_two_precisions_apart() -> None:
    a, b = random_model(name="tiny"), replace(random_model(name="tiny"), precision="int8")
    both = compared(a, b, [1, 2])

    assert (both.name_a, both.name_b) == ("tiny", "tiny int8")


def _other_tokens() -> Tokenizer:
    """Two bytes have traded their ids."""
    toy = toy_tokenizer()
    return Tokenizer({**toy.token_bytes, 65: b"B", 66: b"A"}, {}, toy.special)


@pytest.mark.parametrize(
    "other, why",
    [
        pytest.param(random_model(SMALL[1]), "one has 269 tokens, the other 271", id="of another size"),
        pytest.param(
            replace(random_model(), tokenizer=_other_tokens()), "2 of their 269 tokens differ", id="with other tokens"
        ),
        pytest.param(
            replace(random_model(), tokenizer=Tokenizer(toy_tokenizer().token_bytes, {}, {262: "<|end|>"})),
            "1 of their 269 tokens differ",
            id="with another special token",
        ),
    ],
)
def test_models_with_different_vocabularies_are_not_compared(other: LanguageModel, why: str) -> None:
    expected = f"tiny and tiny have different vocabularies ({why}); compare their bits per byte instead."

    assert vocabulary_difference(random_model(), other) == expected
    with pytest.raises(TokenizerError, match="have different vocabularies"):
        compared(random_model(), other, [1, 2, 3])


def test_the_same_vocabulary_in_another_shape_is_no_difference() -> None:
    assert vocabulary_difference(random_model(), random_model(WIDER)) is None


def test_logits_that_are_no_numbers_are_an_error() -> None:
    model = random_model()
    wte = model.params.wte[:].copy()
    wte[100] = math.inf
    damaged = replace(model, params=replace(model.params, wte=wte))

    with pytest.raises(PicoGPTError, match="overflowed"):
        compared(model, damaged, [1, 2, 3])


def after(n: int) -> Callable[[], bool]:
    """A wish to stop, from the n-th time on that one is asked."""
    asked = iter(range(n))
    return lambda: next(asked, None) is None


def test_whenever_it_is_stopped_there_is_no_comparison() -> None:
    """Two windows: each model is asked before it reads one and before it hands it out, and both once at the end."""
    a, b, ids = random_model(seed=3), random_model(seed=4), random_ids(TINY, 18)
    ends = [[*compare(a, b, ids, n_bytes=1, should_stop=after(n))][-1:] for n in range(10)]

    assert [[type(end) for end in one] for one in ends] == [[]] + [[Progress]] * 8 + [[Comparison]]


def test_progress_says_which_model_reads() -> None:
    a, b, ids = random_model(name="one"), random_model(name="two"), random_ids(TINY, 18)
    steps = [step for step in compare(a, b, ids, n_bytes=1) if isinstance(step, Progress)]

    assert [(step.detail, step.done) for step in steps] == [("one", 0), ("two", 0), ("one", 12), ("two", 12)]
    assert {(step.phase, step.total) for step in steps} == {("scoring", 19)}


@pytest.mark.parametrize("case", GOLDEN["comparisons"], ids=lambda case: str(case["config"]["n_ctx"]))
def test_kl_is_what_torch_said(case: dict[str, Any]) -> None:
    a, b = (random_model(GPT2Config(**case["config"]), seed) for seed in case["seeds"])
    both = compared(a, b, case["ids"])

    assert kls(both) == pytest.approx(case["kl"][:-1], abs=1e-4 * max(case["kl"]))


@pytest.mark.parametrize("config", SMALL, ids=str)
def test_kl_is_what_torch_says(config: GPT2Config) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    ids = random_ids(config, config.n_ctx, seed=9)
    theirs = [transformers_model(config, random_tensors(config, seed)) for seed in (6, 7)]
    expected = transformers_kl(theirs[0], theirs[1], ids)[:-1]
    both = compared(random_model(config, 6), random_model(config, 7), ids)

    assert kls(both) == pytest.approx(expected, abs=1e-4 * max(expected))
