"""The sampling stages one by one: they add up to what `shape` makes of all together."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.sampler import draw, shape
from picogpt_tui.gpt2.waterfall import waterfall
from picogpt_tui.readings import Waterfall
from picogpt_tui.settings import GPT_2, GREEDY, LLAMA_CPP, ORDERS, PURE, SamplingSettings

from .checkpoints import toy_tokenizer
from .test_sampler import SIX, SOME_LOGITS, logits_of, random_settings

EVERYTHING = SamplingSettings(1.2, 0.7, 40, 0.9, 0.02, 0.95)


def fall(
    logits: FloatArray, settings: SamplingSettings, *, taken: int | None = None, u: float | None = None
) -> Waterfall:
    """The first five candidates, after token 0."""
    return waterfall(logits, settings, [0], toy_tokenizer(), 5, taken, u)


@given(SOME_LOGITS, st.sampled_from(ORDERS), st.integers(0, 2**32 - 1))
def test_its_end_is_what_shape_makes_of_all_stages(values: list[float], order: str, seed: int) -> None:
    logits = np.array(values, dtype=np.float32)
    settings = replace(random_settings(np.random.default_rng(seed)), order=order)
    fallen, shaped = fall(logits, settings), shape(logits, settings, [0])
    assert tuple(stage.name for stage in fallen.stages) == ("raw", *shaped.stages)
    assert fallen.stages[0].entropy == shaped.entropy
    assert fallen.stages[-1].n_kept == np.count_nonzero(shaped.cut_by < 0)
    for row in fallen.rows:
        assert len(row.probs) == len(fallen.stages)
        assert row.probs[0] == row.candidate.prob
        assert row.probs[-1] == pytest.approx(shaped.final_probs[row.candidate.id], rel=1e-6)


@given(SOME_LOGITS, st.integers(0, 2**32 - 1))
def test_what_is_kept_and_what_was_removed_make_a_whole(values: list[float], seed: int) -> None:
    """Of any stage: the mass that it removed is what the others share anew."""
    logits = np.array(values, dtype=np.float32)
    settings = random_settings(np.random.default_rng(seed))
    fallen = fall(logits, settings)
    assert all(before.n_kept >= stage.n_kept >= 1 for before, stage in pairwise(fallen.stages))
    for row in fallen.rows:
        for index, stage in enumerate(fallen.stages[1:], 1):
            assert 0 <= stage.mass_removed < 1
            if stage.name not in ("temperature", "repetition_penalty") and row.probs[index]:
                shared = row.probs[index - 1] / (1 - stage.mass_removed)
                assert row.probs[index] == pytest.approx(shared, rel=1e-4, abs=1e-6)


def test_each_stage_by_example() -> None:
    """0.40 0.25 0.15 0.10 0.06 0.04: the first three of four are kept, which of 0.90 hold 0.80."""
    fallen = fall(logits_of(SIX), SamplingSettings(temperature=1, top_k=4, top_p=0.85))
    raw, top_k, top_p = fallen.stages
    assert [stage.name for stage in fallen.stages] == ["raw", "top_k", "top_p"]
    assert [stage.n_kept for stage in fallen.stages] == [6, 4, 3]
    assert [stage.mass_removed for stage in fallen.stages] == pytest.approx([0, 0.10, 0.10 / 0.90], rel=1e-5)
    assert raw.entropy == pytest.approx(-sum(p * math.log(p) for p in SIX), rel=1e-5)
    assert top_k.entropy == pytest.approx(-sum(p / 0.9 * math.log(p / 0.9) for p in SIX[:4]), rel=1e-5)
    assert top_p.entropy == pytest.approx(-sum(p / 0.8 * math.log(p / 0.8) for p in SIX[:3]), rel=1e-5)
    assert fallen.rows[2].probs == pytest.approx([0.15, 0.15 / 0.9, 0.15 / 0.8], rel=1e-5)
    assert fallen.rows[3].probs == pytest.approx([0.10, 0.10 / 0.9, 0], rel=1e-5)
    assert fallen.rows[4].probs == pytest.approx([0.06, 0, 0], rel=1e-5)


def test_a_row_s_probability_is_nothing_from_the_stage_on_that_cut_it() -> None:
    logits = np.random.default_rng(2).normal(0, 1, 257).astype(np.float32)
    fallen = waterfall(logits, EVERYTHING, [3, 4], toy_tokenizer(), 257)
    names = [stage.name for stage in fallen.stages]
    assert {row.candidate.cut_by for row in fallen.rows} > {None, "top_k"}
    for row in fallen.rows:
        end = len(names) if row.candidate.cut_by is None else names.index(row.candidate.cut_by)
        assert [prob > 0 for prob in row.probs] == [index < end for index in range(len(names))]


@pytest.mark.parametrize("order", ORDERS)
def test_the_candidates_are_those_of_the_distribution(order: str) -> None:
    """The panel of candidates and this one beside it say the same."""
    logits, settings = logits_of(SIX), replace(EVERYTHING, order=order)
    fallen = fall(logits, settings, taken=5)
    shown = distribution(shape(logits, settings, [0]), toy_tokenizer(), 5, 5)
    assert tuple(row.candidate for row in fallen.rows) == shown.candidates
    assert [row.candidate.id for row in fallen.rows] == [0, 1, 2, 3, 4, 5], "the one that was taken stands last"
    assert fallen.order == order


@pytest.mark.parametrize("settings", [PURE, GREEDY, EVERYTHING, replace(EVERYTHING, order=LLAMA_CPP)], ids=str)
def test_every_token_has_its_own_part_of_the_line_that_u_falls_on(settings: SamplingSettings) -> None:
    logits = np.random.default_rng(2).normal(0, 1, 257).astype(np.float32)
    fallen = waterfall(logits, settings, [3], toy_tokenizer(), 257)
    probs = shape(logits, settings, [3]).final_probs
    parts = {row.candidate.id: row.cumulative for row in fallen.rows}
    edges = [0.0, *(parts[id][1] for id in range(257))]
    assert [parts[id] for id in range(257)] == list(pairwise(edges)), "in the order of ids, no gaps"
    assert edges[-1] == 1
    np.testing.assert_allclose(np.diff(edges), probs, rtol=1e-5, atol=1e-7)
    for u in np.linspace(0.001, 0.999, 97):
        start, end = parts[draw(probs, u)]
        assert start <= u < end


def test_the_same_u_may_draw_another_token_under_other_settings() -> None:
    logits = logits_of(SIX)
    assert fall(logits, PURE, u=0.97).drawn == 5
    assert fall(logits, SamplingSettings(temperature=1, top_k=2), u=0.97).drawn == 1
    assert fall(logits, SamplingSettings(temperature=1, top_k=0, top_p=0.75, order=GPT_2), u=0.1).drawn == 0


@pytest.mark.parametrize("u", [None, math.nan])
def test_where_no_u_is_known_nothing_is_drawn(u: float | None) -> None:
    """A greedy answer's events say nan."""
    fallen = fall(logits_of(SIX), PURE, u=u)
    assert (fallen.u, fallen.drawn) == (None, None)


def test_greedy_needs_no_u() -> None:
    assert fall(logits_of([0.2, 0.4, 0.4]), GREEDY).drawn == 1


def test_an_entropy_of_nothing_is_zero_and_not_minus_zero() -> None:
    """Which would be printed as "-0.00 bits"."""
    assert [str(stage.entropy) for stage in fall(logits_of(SIX), GREEDY).stages[1:]] == ["0.0"]


def test_what_it_was_given_stays_as_it_was() -> None:
    logits = logits_of(SIX)
    before = logits.copy()
    fall(logits, EVERYTHING)
    np.testing.assert_array_equal(logits, before)


@given(SOME_LOGITS, st.sampled_from(ORDERS), st.integers(0, 2**32 - 1))
def test_a_list_of_its_candidates_is_the_distribution_that_generate_tells(
    values: list[float], order: str, seed: int
) -> None:
    logits = np.array(values, dtype=np.float32)
    settings = replace(random_settings(np.random.default_rng(seed)), order=order)
    taken = int(np.random.default_rng(seed).integers(logits.size))
    expected = distribution(shape(logits, settings, [0]), toy_tokenizer(), 5, taken)
    assert fall(logits, settings, taken=taken).distribution == expected
