"""Every stage keeps what transformers' keeps, says what it cut, and the draw is an inverse CDF."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.sampler import Shaped, draw, shape
from picogpt_tui.gpt2.sampling_orders import chain
from picogpt_tui.gpt2.sampling_stages import min_p, repetition_penalty, temperature, top_k, top_p, typical_p
from picogpt_tui.settings import GREEDY, PURE, SamplingSettings

from ..golden.peers import transformers_chain, transformers_probs

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "sampler.json").read_text("utf-8"))


def logits_of(probs: list[float]) -> FloatArray:
    return np.array([math.log(prob) for prob in probs], dtype=np.float32)


def kept(z: FloatArray) -> list[int]:
    ids: list[int] = np.flatnonzero(z > -np.inf).tolist()
    return ids


def kept_by(shaped: Shaped) -> list[int]:
    ids: list[int] = np.flatnonzero(shaped.cut_by < 0).tolist()
    return ids


# --- equality with the trusted implementation ---------------------------------------------------------------------


@pytest.mark.parametrize("row", GOLDEN["rows"], ids=lambda row: f"{row['logits']}-{_brief(row['settings'])}")
def test_golden_rows(row: dict[str, Any]) -> None:
    logits = np.array(GOLDEN["logits"][row["logits"]], dtype=np.float32)
    settings = SamplingSettings(**row["settings"])
    theirs = np.zeros_like(logits)
    theirs[row["kept"]] = row["probs"]
    shaped = shape(logits, settings, row["ids"])
    assert len(kept_by(shaped)) == len(row["kept"])
    assert_same_choice(shaped.final_probs, theirs, splits_ties=settings.top_p < 1 and row["logits"] != "random")


def assert_same_choice(ours: FloatArray, theirs: FloatArray, *, splits_ties: bool) -> None:
    """The same probabilities for the same ids; for as many ids of each probability where top-p cuts through equals.

    Which of several equal tokens then stay is not defined: torch's sort is not stable.
    """
    if splits_ties:
        ours, theirs = np.sort(ours), np.sort(theirs)
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-7)


def _brief(settings: dict[str, Any]) -> str:
    neutral = SamplingSettings(temperature=1, top_k=0)
    return " ".join(f"{name}={value}" for name, value in settings.items() if value != getattr(neutral, name))


def test_the_golden_rows_say_where_they_come_from() -> None:
    assert set(GOLDEN["about"]["libraries"]) == {"torch", "transformers", "numpy"}


def random_settings(rng: np.random.Generator) -> SamplingSettings:
    """Any set of stages, one to all."""

    def maybe(value: float, neutral: float) -> float:
        return value if rng.random() < 0.5 else neutral

    return SamplingSettings(
        repetition_penalty=maybe(rng.uniform(0.5, 2), 1),
        temperature=maybe(rng.uniform(0.2, 3), 1),
        top_k=int(maybe(int(rng.integers(1, 60)), 0)),
        top_p=maybe(rng.uniform(0.02, 0.999), 1),
        min_p=maybe(rng.uniform(0, 0.6), 0),
        typical_p=maybe(rng.uniform(0.02, 0.999), 1),
    )


LOGITS: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "random": lambda rng, n: rng.normal(0, rng.uniform(0.1, 6), n).astype(np.float32),
    "small whole numbers": lambda rng, n: rng.integers(-3, 4, n).astype(np.float32),
    "all equal": lambda rng, n: np.full(n, rng.normal(), dtype=np.float32),
    "two values": lambda rng, n: rng.choice(rng.normal(0, 2, 2).astype(np.float32), n),
}


@pytest.mark.parametrize("kind", LOGITS)
def test_stages_equal_transformers_live(kind: str) -> None:
    """Alone and chained, where transformers is installed."""
    pytest.importorskip("transformers")
    rng = np.random.default_rng(list(LOGITS).index(kind))
    for _ in range(600):
        n = int(rng.integers(1, 50))
        logits, settings, ids = LOGITS[kind](rng, n), random_settings(rng), rng.integers(0, n, 5).tolist()
        theirs, ours = transformers_chain(logits, settings, ids), shape(logits, settings, ids)
        assert len(kept_by(ours)) == len(kept(theirs)), (logits, settings)
        splits_ties = settings.top_p < 1 and kind != "random"
        assert_same_choice(ours.final_probs, transformers_probs(theirs), splits_ties=splits_ties)


# --- the conventions, by example -----------------------------------------------------------------------------------

HALF_THIRD_FIFTH = [0.5, 0.3, 0.2]
SIX = [0.40, 0.25, 0.15, 0.10, 0.06, 0.04]


@pytest.mark.parametrize(
    "probs, p, expected",
    [
        pytest.param(HALF_THIRD_FIFTH, 0.7, [0, 1], id="smallest set with mass >= p; OpenAI's code would keep 1"),
        pytest.param(SIX, 0.5, [0, 1], id="the token that crosses p is kept"),
        pytest.param(SIX, 0.75, [0, 1, 2], id="likewise"),
        pytest.param(SIX, 1e-9, [0], id="at least one"),
        pytest.param(SIX, 0.9999999, [0, 1, 2, 3, 4, 5], id="nearly all"),
        pytest.param([0.25] * 4, 0.5, [2, 3], id="of equals the later ids"),
        pytest.param([0.2, 0.5, 0.3], 0.7, [1, 2], id="in any order of ids"),
    ],
)
def test_top_p(probs: list[float], p: float, expected: list[int]) -> None:
    assert kept(top_p(logits_of(probs), p)) == expected


@pytest.mark.parametrize(
    "logits, k, expected",
    [
        pytest.param([3, 1, 2, 0], 2, [0, 2], id="the two largest"),
        pytest.param([3, 1, 1, 1], 2, [0, 1, 2, 3], id="all that tie with the second"),
        pytest.param([1, 1, 1], 1, [0, 1, 2], id="all equal"),
        pytest.param([3, 1], 100, [0, 1], id="more than there are"),
        pytest.param([3, 1, 2], 3, [0, 1, 2], id="all"),
    ],
)
def test_top_k(logits: list[float], k: int, expected: list[int]) -> None:
    assert kept(top_k(np.array(logits, dtype=np.float32), k)) == expected


@pytest.mark.parametrize(
    "p, expected", [(0.05, [0, 1, 2, 3, 4, 5]), (0.3, [0, 1, 2]), (0.7, [0]), (1.0, [0]), (0.0, [0, 1, 2, 3, 4, 5])]
)
def test_min_p_compares_with_the_likeliest(p: float, expected: list[int]) -> None:
    assert kept(min_p(logits_of(SIX), p)) == expected


def test_min_p_one_keeps_all_that_tie_for_the_first() -> None:
    assert kept(min_p(logits_of([0.3, 0.4, 0.3, 0.4]), 1)) == [1, 3]


@pytest.mark.parametrize(
    "probs, p, expected",
    [
        pytest.param([0.6, 0.2, 0.1, 0.1], 0.1, [1], id="the likeliest is not the most typical"),
        pytest.param([0.6, 0.2, 0.1, 0.1], 0.5, [0, 1], id="until the mass reaches p"),
        pytest.param([0.6, 0.2, 0.1, 0.1], 0.85, [0, 1, 2, 3], id="equal surprisals go together"),
        pytest.param([0.25] * 4, 0.3, [0, 1, 2, 3], id="all equal"),
        pytest.param([1.0], 0.3, [0], id="one"),
    ],
)
def test_typical_p(probs: list[float], p: float, expected: list[int]) -> None:
    assert kept(typical_p(logits_of(probs), p)) == expected


def test_repetition_penalty_divides_above_zero_and_multiplies_below() -> None:
    logits = np.array([2, -2, 0, 3, -3], dtype=np.float32)
    np.testing.assert_array_equal(repetition_penalty(logits, 2, [0, 1, 2]), [1, -4, 0, 3, -3])


def test_repetition_penalty_counts_a_token_once() -> None:
    logits = np.array([8, 1], dtype=np.float32)
    np.testing.assert_array_equal(repetition_penalty(logits, 2, [0, 0, 0]), [4, 1])


def test_repetition_penalty_of_nothing_is_nothing() -> None:
    logits = np.array([8, 1], dtype=np.float32)
    np.testing.assert_array_equal(repetition_penalty(logits, 2, []), logits)


def test_temperature_zero_is_argmax_with_the_lowest_id_on_ties() -> None:
    assert kept(temperature(np.array([1, 5, 5, 2], dtype=np.float32), 0)) == [1]


@pytest.mark.parametrize("value", [1e-9, 1e-30, 1e-300, 5e-324])
def test_a_tiny_temperature_is_argmax_without_overflow(value: float) -> None:
    shaped = shape(np.array([1, 40, -40, 2], dtype=np.float32), SamplingSettings(temperature=value, top_k=0))
    np.testing.assert_array_equal(shaped.final_probs, [0, 1, 0, 0])


@pytest.mark.parametrize("value", [1e-300, 1e-30, 1e30])
def test_an_extreme_penalty_does_not_make_nan(value: float) -> None:
    logits = np.array([1, 40, -40, 0], dtype=np.float32)
    shaped = shape(logits, SamplingSettings(repetition_penalty=value, temperature=1, top_k=0), [0, 1, 2, 3])
    assert shaped.final_probs.sum() == pytest.approx(1)


def test_a_huge_temperature_is_uniform() -> None:
    shaped = shape(np.array([1, 40, -40, 2], dtype=np.float32), SamplingSettings(temperature=1e30, top_k=0))
    np.testing.assert_array_equal(shaped.final_probs, [0.25] * 4)


# --- the chain -----------------------------------------------------------------------------------------------------


def test_the_order_is_hugging_faces_and_neutral_stages_are_absent() -> None:
    everything = SamplingSettings(1.2, 0.7, 5, 0.9, 0.1, 0.8)
    names = ["repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p"]
    assert [name for name, _ in chain(everything, [])] == names
    assert chain(PURE, []) == []


def test_the_order_matters() -> None:
    """Temperature comes first: at 2 the same top-p keeps more tokens than at 0.5."""
    cool, warm = (
        kept_by(shape(logits_of(SIX), SamplingSettings(temperature=t, top_k=0, top_p=0.75))) for t in (0.5, 2)
    )
    assert (len(cool), len(warm)) == (2, 4)


def test_a_token_knows_which_stage_cut_it() -> None:
    logits = logits_of([0.30, 0.25, 0.20, 0.15, 0.06, 0.04])
    shaped = shape(logits, SamplingSettings(temperature=1, top_k=5, top_p=0.85, min_p=0.8))
    assert [shaped.cut_name(id) for id in range(6)] == [None, None, "min_p", "min_p", "top_p", "top_k"]


def test_greedy_is_said_to_be_the_temperatures_doing() -> None:
    shaped = shape(np.array([1, 3, 2], dtype=np.float32), GREEDY)
    assert [shaped.cut_name(id) for id in range(3)] == ["temperature", None, "temperature"]
    np.testing.assert_array_equal(shaped.final_probs, [0, 1, 0])


SAMPLING = st.builds(
    SamplingSettings,
    st.floats(0.1, 3),
    st.floats(0, 3),
    st.integers(0, 20),
    st.floats(0.001, 1),
    st.floats(0, 1),
    st.floats(0.001, 1),
)
SOME_LOGITS = st.lists(st.one_of(st.integers(-3, 3), st.floats(-30, 30, width=32)), min_size=1, max_size=15)


@given(SOME_LOGITS, SAMPLING)
def test_whatever_is_asked_a_distribution_is_left(values: list[float], settings: SamplingSettings) -> None:
    logits = np.array(values, dtype=np.float32)
    before = logits.copy()
    shaped = shape(logits, settings, [0])
    np.testing.assert_array_equal(logits, before)
    assert shaped.final_probs.dtype == shaped.logprobs.dtype == np.float32
    assert shaped.final_probs.sum() == pytest.approx(1, abs=1e-5)
    assert (shaped.final_probs[shaped.cut_by >= 0] == 0).all()
    assert (shaped.cut_by < 0).any()
    assert shaped.entropy >= 0


def test_raw_numbers_are_of_the_model_itself() -> None:
    """Temperature and cuts show in final_probs only; logprob and entropy are the model's."""
    shaped = shape(logits_of(SIX), SamplingSettings(temperature=0.3, top_k=2))
    np.testing.assert_allclose(np.exp(shaped.logprobs), SIX, rtol=1e-5)
    assert shaped.entropy == pytest.approx(-sum(p * math.log(p) for p in SIX), rel=1e-5)


def test_the_entropy_of_certainty_is_zero_and_not_minus_zero() -> None:
    """Which would be printed as "-0.00 bits"."""
    assert str(shape(np.array([0, -200, -200], dtype=np.float32), PURE).entropy) == "0.0"


def test_rank_counts_strictly_larger_logits() -> None:
    shaped = shape(np.array([1, 5, 5, 2], dtype=np.float32), PURE)
    assert [shaped.rank(id) for id in range(4)] == [3, 0, 0, 2]


@pytest.mark.parametrize("n, expected", [(0, []), (1, [1]), (3, [1, 2, 3]), (4, [1, 2, 3, 0]), (9, [1, 2, 3, 0])])
def test_top_ids_come_by_likelihood_then_id(n: int, expected: list[int]) -> None:
    assert shape(np.array([1, 5, 5, 2], dtype=np.float32), PURE).top_ids(n) == expected


# --- the draw ------------------------------------------------------------------------------------------------------

EIGHTHS = np.array([0.25, 0, 0.5, 0.125, 0, 0.125, 0], dtype=np.float32)
ALMOST_ONE = math.nextafter(1, 0)


@pytest.mark.parametrize(
    "u, id",
    [(0, 0), (0.2499, 0), (0.25, 2), (0.7499, 2), (0.75, 3), (0.8749, 3), (0.875, 5), (ALMOST_ONE, 5), (1, 5)],
)
def test_draw_is_the_inverse_cdf_in_the_order_of_ids(u: float, id: int) -> None:
    assert draw(EIGHTHS, u) == id


def test_draw_gives_every_token_its_share() -> None:
    """Evenly spaced numbers instead of random ones: the counts are exact."""
    counts = np.bincount([draw(EIGHTHS, i / 1000) for i in range(1000)], minlength=7)
    assert counts.tolist() == [250, 0, 500, 125, 0, 125, 0]


@given(
    st.lists(st.one_of(st.just(0.0), st.floats(0, 1, width=32)), min_size=1, max_size=12).filter(any),
    st.one_of(st.just(0.0), st.just(ALMOST_ONE), st.floats(0, ALMOST_ONE)),
)
def test_a_token_of_probability_zero_is_never_drawn(weights: list[float], u: float) -> None:
    probs = np.array(weights, dtype=np.float32)
    assert probs[draw(probs, u)] > 0


def test_a_sum_that_is_not_quite_one_changes_no_share() -> None:
    for u in (0, 0.2499, 0.25, 0.7499, 0.75, ALMOST_ONE):
        assert draw(EIGHTHS * np.float32(0.75), u) == draw(EIGHTHS * np.float32(1.25), u) == draw(EIGHTHS, u)
