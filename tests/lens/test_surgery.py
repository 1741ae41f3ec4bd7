"""What a model says under cuts equals transformers with hooks; and goes on under them, token by token."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picogpt_tui.errors import SettingError
from picogpt_tui.events import Finished, Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import generate
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.ops import log_softmax
from picogpt_tui.gpt2.params import params_from_tensors
from picogpt_tui.gpt2.taps import EMBED, HEADS, MLP_OUT, Taps
from picogpt_tui.lens.surgery import ReferenceMeans, ablated, check_cuts, operate, reference_means
from picogpt_tui.readings import Cut, Surgery
from picogpt_tui.settings import GREEDY, INT8, PURE, GenerationSettings, SamplingSettings

from ..gpt2.checkpoints import TINY, random_ids
from ..gpt2.test_goldens import LARGEST, relative_difference
from .random_models import SMALL, random_model
from .test_attention import golden

CONFIGS = [
    GPT2Config(31, 17, 9, 3, 2, layer_norm_epsilon=0.2),
    GPT2Config(37, 9, 33, 1, 4),
    GPT2Config(211, 29, 52, 13, 3),
    GPT2Config(59, 12, 16, 16, 13),
]
SOME_CUTS = (
    (Cut("head", 1, 0),),
    (Cut("head", 0, 0, how="mean"),),
    (Cut("mlp", 0),),
    (Cut("mlp", 1, how="mean"),),
    (Cut("position", position=3),),
    (Cut("position", position=0, how="mean"),),
    (Cut("mlp", 1), Cut("head", 0, 0), Cut("head", 1, 0, how="mean"), Cut("position", position=5, how="mean")),
)


def means_of(model: LanguageModel, ids: Sequence[int]) -> ReferenceMeans:
    *_, means = reference_means(model, ids, KVCache(model.config))
    assert isinstance(means, ReferenceMeans)
    return means


def logits_under(model: LanguageModel, ids: Sequence[int], cuts: Sequence[Cut]) -> FloatArray:
    """Of every position, means over the whole text."""
    return ablated(model, cuts, means_of(model, ids)).forward(ids, KVCache(model.config), all_logits=True)


def surgery(
    model: LanguageModel,
    ids: Sequence[int],
    position: int,
    cuts: Sequence[Cut],
    top_n: int = 5,
    cache: KVCache | None = None,
) -> Surgery:
    cache = KVCache(model.config) if cache is None else cache
    *steps, found = operate(model, ids, position, cuts, PURE, top_n, cache=cache)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(found, Surgery)
    return found


def stopping_after(n_asked: int) -> Callable[[], bool]:
    answers = iter([False] * n_asked)
    return lambda: next(answers, True)


@pytest.mark.parametrize("index", range(len(SMALL)))
def test_logits_under_cuts_equal_the_golden_ones(index: int) -> None:
    arrays = golden()
    case = arrays["about"]["cases"][index]
    model = random_model(GPT2Config(**case["config"]), case["seed"])
    assert len(case["cuts"]) == 2
    for number, fields in enumerate(case["cuts"]):
        got = logits_under(model, case["ids"], [Cut(**cut) for cut in fields])
        assert relative_difference(got, arrays[f"ablated_{index}_{number}"]) <= LARGEST


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_logits_under_cuts_equal_transformers_with_hooks(config: GPT2Config) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from ..golden.attention_peer import transformers_ablated
    from ..golden.peers import transformers_logits, transformers_model
    from ..gpt2.checkpoints import random_tensors

    ids, model = random_ids(config, config.n_ctx, seed=71), random_model(config, 72)
    theirs = transformers_model(config, random_tensors(config, 72))
    untouched = transformers_logits(theirs, ids)
    last = Cut("head", config.n_layer - 1, config.n_head - 1)
    for cuts in (*SOME_CUTS, (last,)):
        expected = transformers_ablated(theirs, ids, cuts)
        assert relative_difference(logits_under(model, ids, cuts), expected) <= LARGEST
        assert relative_difference(untouched, expected) > 10 * LARGEST, "a cut that nobody feels proves nothing"


# -- means -------------------------------------------------------------------------------------------------------------


def test_means_are_over_the_positions_of_an_untouched_pass() -> None:
    model, ids, taps = random_model(), random_ids(TINY, 11), Taps([EMBED, HEADS, MLP_OUT])
    model.forward(ids, KVCache(TINY), tap=taps)
    means = means_of(model, ids)
    layers = range(TINY.n_layer)
    np.testing.assert_allclose(means.embed, taps.values[EMBED, -1].mean(axis=0), rtol=1e-4, atol=1e-6)
    heads = np.stack([taps.values[HEADS, layer].mean(axis=0) for layer in layers])
    np.testing.assert_allclose(means.heads, heads, rtol=1e-4, atol=1e-6)
    mlp = np.stack([taps.values[MLP_OUT, layer].mean(axis=0) for layer in layers])
    np.testing.assert_allclose(means.mlp, mlp, rtol=1e-4, atol=1e-6)
    assert {means.embed.dtype, means.heads.dtype, means.mlp.dtype} == {np.dtype(np.float32)}


def test_means_of_a_text_read_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids = random_model(), random_ids(TINY, 11)
    at_once = means_of(model, ids)
    monkeypatch.setattr("picogpt_tui.gpt2.reader.prefill_block", lambda config: 3)
    in_blocks = means_of(model, ids)
    for name in ("embed", "heads", "mlp"):
        np.testing.assert_allclose(getattr(in_blocks, name), getattr(at_once, name), rtol=1e-4, atol=1e-6)


def test_a_cache_that_holds_the_text_is_read_again_for_its_means() -> None:
    model, ids, cache = random_model(), random_ids(TINY, 11), KVCache(TINY)
    model.forward(ids, cache)
    *_, means = reference_means(model, ids, cache)
    assert isinstance(means, ReferenceMeans)
    np.testing.assert_array_equal(means.mlp, means_of(model, ids).mlp)
    assert cache.ids == ids


# -- before and after --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 4, 8])
@pytest.mark.parametrize("cuts", SOME_CUTS[:6], ids=lambda cuts: cuts[0].name)
def test_before_and_after_are_the_models_own_and_that_under_cuts(cuts: tuple[Cut, ...], position: int) -> None:
    """Means are over the whole text, wherever in it one looks."""
    model, ids = random_model(), random_ids(TINY, 9)
    found = surgery(model, ids, position, cuts)
    before, after = (log_softmax(logits[position]) for logits in (model.logits(ids), logits_under(model, ids, cuts)))
    for side, logprobs in ((found.before, before), (found.after, after)):
        assert [one.logprob for one in side.candidates] == pytest.approx(
            [float(logprobs[one.id]) for one in side.candidates], abs=1e-4
        )
        assert side.entropy == pytest.approx(-float((np.exp(logprobs) * logprobs).sum()), abs=1e-4)
    kl = float((np.exp(before.astype(np.float64)) * (before - after)).sum())
    assert found.kl == pytest.approx(kl, abs=1e-4)
    assert (found.position, found.cuts) == (position, cuts)


def test_both_sides_have_the_same_candidates_the_likeliest_before_and_then_those_after() -> None:
    model, ids = random_model(), random_ids(TINY, 9)
    found = surgery(model, ids, 8, [Cut("mlp", 0)], top_n=4)
    listed = [one.id for one in found.before.candidates]
    assert [one.id for one in found.after.candidates] == listed
    assert [one.rank for one in found.before.candidates[:4]] == [0, 1, 2, 3]
    newcomers = [one.rank for one in found.after.candidates[4:]]
    assert newcomers == sorted(newcomers)
    assert newcomers, "or the cut shows too little"
    assert max(newcomers) < 4
    assert {one.rank for one in found.after.candidates} >= {0, 1, 2, 3}
    for side in (found.before, found.after):
        assert sum(one.prob for one in side.candidates) + side.other_prob == pytest.approx(1)
        assert side.n_other == TINY.n_vocab - len(listed)


def test_without_cuts_nothing_changes() -> None:
    found = surgery(random_model(), random_ids(TINY, 9), 8, [])
    assert found.kl == pytest.approx(0, abs=1e-6)
    assert [one.logit for one in found.after.candidates] == pytest.approx(
        [one.logit for one in found.before.candidates], rel=1e-4
    )


def test_no_candidates_leave_all_the_mass_to_the_others() -> None:
    found = surgery(random_model(), random_ids(TINY, 9), 8, [Cut("mlp", 0)], top_n=0)
    assert (found.before.candidates, found.after.candidates) == ((), ())
    assert (found.before.other_prob, found.after.n_other) == (1, TINY.n_vocab)
    assert found.kl > 0


def test_sampling_shapes_the_final_probabilities_of_both_sides() -> None:
    model, ids = random_model(), random_ids(TINY, 9)
    *_, found = operate(model, ids, 8, [Cut("mlp", 0)], SamplingSettings(top_k=2), 5, cache=KVCache(TINY))
    assert isinstance(found, Surgery)
    for side in (found.before, found.after):
        assert side.n_kept == 2
        kept = [one.rank for one in side.candidates if one.cut_by is None]
        assert sorted(kept) == [0, 1]


def test_a_position_is_cut_for_all_that_comes_behind_it_and_nothing_before() -> None:
    model, ids = random_model(), random_ids(TINY, 9)
    changed = np.abs(logits_under(model, ids, [Cut("position", position=4)]) - model.logits(ids)).max(axis=-1)
    assert (changed[:4] < 1e-4).all()
    assert (changed[4:] > 1e-3).all()


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_the_untouched_models_cache_stays_one(how: str) -> None:
    model, ids, cache = random_model(), random_ids(TINY, 9), KVCache(TINY)
    first = surgery(model, ids, 8, [Cut("mlp", 0, how=how)], cache=cache)
    again = surgery(model, ids, 8, [Cut("mlp", 0, how=how)], cache=cache)
    assert again.kl == pytest.approx(first.kl, rel=1e-4)
    np.testing.assert_allclose(model.forward([7], cache), model.forward([*ids, 7], KVCache(TINY)), rtol=1e-4, atol=1e-4)


def test_known_means_are_used_as_they_are() -> None:
    model, ids, cuts = random_model(), random_ids(TINY, 9), [Cut("mlp", 0, how="mean")]
    other = means_of(model, random_ids(TINY, 9, seed=5))
    *_, own = operate(model, ids, 8, cuts, PURE, 3, cache=KVCache(TINY))
    *_, given = operate(model, ids, 8, cuts, PURE, 3, cache=KVCache(TINY), means=means_of(model, ids))
    *_, strange = operate(model, ids, 8, cuts, PURE, 3, cache=KVCache(TINY), means=other)
    kls = [found.kl for found in (own, given, strange) if isinstance(found, Surgery)]
    assert kls[1] == pytest.approx(kls[0], rel=1e-4)
    assert kls[2] != pytest.approx(kls[0], rel=1e-2)


def test_an_operation_can_be_stopped_between_any_two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picogpt_tui.gpt2.reader.prefill_block", lambda config: 2)
    model, ids, cuts = random_model(), random_ids(TINY, 9), [Cut("mlp", 0, how="mean")]
    whole = list(operate(model, ids, 8, cuts, PURE, 3, cache=KVCache(TINY)))
    assert {step.phase for step in whole if isinstance(step, Progress)} == {"taking means", "reading it under the cuts"}
    for n_asked in itertools.count():
        stop = stopping_after(n_asked)
        steps = list(operate(model, ids, 8, cuts, PURE, 3, cache=KVCache(TINY), should_stop=stop))
        if steps == whole:
            break
        assert all(isinstance(step, Progress) for step in steps)
    assert n_asked == 11, "five blocks of the text, its last token, five blocks under the cuts"


def test_an_int8_model_is_cut_as_the_float32_it_stands_for(tiny_model_dir: Callable[..., Path]) -> None:

    *_, model = read_model(tiny_model_dir(), "tiny", INT8)
    assert isinstance(model, LanguageModel)
    wide = replace(model, params=params_from_tensors(dict(model.params.walk()), TINY))
    ids = random_ids(TINY, 9)
    for cuts in SOME_CUTS:
        assert relative_difference(logits_under(model, ids, cuts), logits_under(wide, ids, cuts)) <= LARGEST


# -- going on under the cuts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", SOME_CUTS, ids=lambda cuts: cuts[0].name)
def test_token_by_token_under_cuts_equals_all_at_once(cuts: tuple[Cut, ...]) -> None:
    """Heads and MLPs are cut at the new positions too, and the means stay those of the prompt."""
    model, ids = random_model(), random_ids(TINY, TINY.n_ctx)
    under_cuts = ablated(model, cuts, means_of(model, ids[:6]))
    expected = under_cuts.forward(ids, KVCache(TINY), all_logits=True)
    for n_prompt in (1, 4, 6, 12):
        cache = KVCache(TINY)
        parts = [ids[:n_prompt], *([id] for id in ids[n_prompt:])]
        got = np.concatenate([under_cuts.forward(part, cache, all_logits=True) for part in parts])
        assert relative_difference(got, expected) <= LARGEST


def finished(model: LanguageModel, ids: Sequence[int], cuts: Sequence[Cut], settings: GenerationSettings) -> Finished:
    under_cuts = ablated(model, cuts, means_of(model, ids))
    *_, end = generate(under_cuts, ids, settings)
    assert isinstance(end, Finished)
    return end


@pytest.mark.parametrize("cuts", SOME_CUTS, ids=lambda cuts: cuts[0].name)
def test_generating_under_cuts_takes_the_likeliest_of_full_recomputes(cuts: tuple[Cut, ...]) -> None:
    model, ids = random_model(), random_ids(TINY, 6)
    under_cuts, text = ablated(model, cuts, means_of(model, ids)), list(ids)
    for _ in range(7):
        text.append(int(under_cuts.forward(text, KVCache(TINY)).argmax()))
    assert list(finished(model, ids, cuts, GenerationSettings(GREEDY, 7)).ids) == text[6:]


def test_guessing_ahead_under_cuts_changes_no_token(stories: LanguageModel) -> None:
    ids = stories.tokenizer.encode("One, two, three, " * 12)
    cuts = [Cut("head", 0, 2), Cut("position", position=3)]
    settings = GenerationSettings(GREEDY, 24)
    fast, slow = (finished(stories, ids, cuts, replace(settings, prompt_lookup=looks_up)) for looks_up in (True, False))
    assert fast.n_guessed > 0
    assert fast.ids == slow.ids


def test_an_ablated_model_says_of_itself_what_generate_asks() -> None:
    model = random_model()
    under_cuts = ablated(model, [Cut("mlp", 0)])
    assert (under_cuts.config, under_cuts.tokenizer) == (model.config, model.tokenizer)
    assert under_cuts.worth_guessing == model.worth_guessing


# -- cuts that cannot be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cut, message",
    [
        (Cut("head", 3, 0), "layer must be from 0 to 2 in the cut of h.3.head.0, not 3."),
        (Cut("head", -1, 0), "layer must be from 0 to 2 in the cut of h.-1.head.0, not -1."),
        (Cut("head", 2, 3), "head must be from 0 to 2 in the cut of h.2.head.3, not 3."),
        (Cut("mlp", 7), "layer must be from 0 to 2 in the cut of h.7.mlp, not 7."),
        (Cut("position", position=13), "position must be from 0 to 12 in the cut of position 13, not 13."),
        (Cut("position"), "position must be from 0 to 12 in the cut of position -1, not -1."),
        (Cut("attn", 1), "kind must be 'head', 'mlp' or 'position' in a cut, not 'attn'."),
        (Cut("mlp", 1, how="max"), "how must be 'zero' or 'mean' in the cut of h.1.mlp, not 'max'."),
    ],
)
def test_what_the_model_does_not_have_cannot_be_cut(cut: Cut, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        ablated(random_model(), [Cut("mlp", 0), cut])
    assert str(caught.value) == message


def test_nothing_is_cut_twice() -> None:
    check_cuts([Cut("mlp", 1), Cut("mlp", 2), Cut("head", 1, 2), Cut("position", position=1)], TINY)
    with pytest.raises(SettingError, match=r"not 'h\.1\.mlp'"):
        check_cuts([Cut("mlp", 1), Cut("head", 1, 1), Cut("mlp", 1, how="mean")], TINY)


def test_a_mean_without_means_is_our_own_bug() -> None:
    with pytest.raises(AssertionError, match=r"h\.1\.mlp = mean needs the means of a text"):
        ablated(random_model(), [Cut("mlp", 1, how="mean")])


def test_kl_is_in_nats() -> None:
    """Whatever the candidates: over the whole vocabulary, by the definition."""
    model, ids = random_model(), random_ids(TINY, 3)
    found = surgery(model, ids, 2, [Cut("mlp", 2)], top_n=TINY.n_vocab)
    kl = math.fsum(
        one.prob * (one.logprob - then.logprob)
        for one, then in zip(found.before.candidates, found.after.candidates, strict=True)
    )
    assert found.kl == pytest.approx(kl, abs=1e-5)
    assert found.kl > 0.01
