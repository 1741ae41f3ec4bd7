"""The same knobs in three orders: each keeps what the program keeps that it is named after."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.sampler import Shaped, shape
from picogpt_tui.gpt2.sampling_orders import chain, unused
from picogpt_tui.gpt2.sampling_stages import (
    gpt2_top_p,
    likeliest,
    llama_min_p,
    llama_top_k,
    llama_top_p,
    llama_typical_p,
    top_k,
)
from picogpt_tui.settings import GPT_2, GREEDY, HUGGINGFACE, LLAMA_CPP, ORDERS, PURE, SamplingSettings

from ..golden.llama_cpp_peer import llama_cpp_probs
from ..golden.make_sampling_orders import context
from .test_sampler import LOGITS, SIX, SOME_LOGITS, kept, kept_by, logits_of, random_settings

HERE = Path(__file__).parents[1] / "golden"
GOLDEN: dict[str, Any] = json.loads((HERE / "sampling_orders.json").read_text("utf-8"))
LOGITS_OF: dict[str, list[float]] = json.loads((HERE / "sampler.json").read_text("utf-8"))["logits"]
EVERYTHING = SamplingSettings(1.2, 0.7, 5, 0.9, 0.1, 0.8)


def assert_same_choice(ours: Shaped, kept: list[int], probs: FloatArray, *, has_ties: bool) -> None:
    """The same tokens with the same probabilities; of equal ones as many: C++'s sort leaves open which."""
    found = kept_by(ours)
    if has_ties:
        np.testing.assert_array_equal(np.sort(ours.logits[found]), np.sort(ours.logits[kept]))
        np.testing.assert_allclose(np.sort(ours.final_probs), np.sort(probs), rtol=2e-5, atol=1e-7)
    else:
        assert found == kept
        np.testing.assert_allclose(ours.final_probs, probs, rtol=2e-5, atol=1e-7)


# --- llama.cpp -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", GOLDEN["rows"], ids=lambda row: f"{row['logits']}-{row['settings']}")
def test_golden_rows_of_llama_cpp(row: dict[str, Any]) -> None:
    logits = np.array(LOGITS_OF[row["logits"]], dtype=np.float32)
    theirs = np.zeros_like(logits)
    theirs[row["kept"]] = row["probs"]
    shaped = shape(logits, SamplingSettings(**row["settings"]), context(logits.size))
    assert_same_choice(shaped, row["kept"], theirs, has_ties=row["logits"] not in ("random", "peaked"))


def test_the_golden_rows_say_where_they_come_from() -> None:
    assert set(GOLDEN["about"]["libraries"]) == {"llama-cpp-python", "numpy"}
    assert {row["settings"]["order"] for row in GOLDEN["rows"]} == {LLAMA_CPP}


@pytest.mark.parametrize("kind", LOGITS)
def test_stages_equal_llama_cpp_live(kind: str) -> None:
    """Alone and chained, where llama-cpp-python is installed."""
    pytest.importorskip("llama_cpp")
    rng = np.random.default_rng(list(LOGITS).index(kind))
    for _ in range(600):
        n = int(rng.integers(1, 50))
        logits, ids = LOGITS[kind](rng, n), rng.integers(0, n, 90).tolist()
        settings = replace(random_settings(rng), order=LLAMA_CPP)
        kept, probs = llama_cpp_probs(logits, settings, ids)
        assert_same_choice(shape(logits, settings, ids), kept, probs, has_ties=kind != "random")


@pytest.mark.parametrize(
    "logits, k, expected",
    [
        pytest.param([3, 1, 2, 0], 2, [0, 2], id="the two largest"),
        pytest.param([3, 1, 1, 1], 2, [0, 1], id="no more than two, where others keep all that tie"),
        pytest.param([1, 1, 1], 1, [0], id="of equals the lower ids"),
        pytest.param([3, 1], 100, [0, 1], id="more than there are"),
    ],
)
def test_llama_top_k_keeps_exactly_k(logits: list[float], k: int, expected: list[int]) -> None:
    assert kept(llama_top_k(np.array(logits, dtype=np.float32), k)) == expected


@pytest.mark.parametrize(
    "probs, p, expected",
    [
        pytest.param(SIX, 0.5, [0, 1], id="the token that crosses p is kept"),
        pytest.param(SIX, 1e-9, [0], id="at least one"),
        pytest.param([0.25] * 4, 0.5, [0, 1], id="of equals the lower ids, where Hugging Face's keeps the higher"),
        pytest.param([0.2, 0.5, 0.3], 0.7, [1, 2], id="in any order of ids"),
    ],
)
def test_llama_top_p(probs: list[float], p: float, expected: list[int]) -> None:
    assert kept(llama_top_p(logits_of(probs), p)) == expected


@pytest.mark.parametrize("p, expected", [(0.3, [0, 1, 2]), (1.0, [0]), (1e-300, [0, 1, 2, 3, 4, 5])])
def test_llama_min_p_compares_with_the_likeliest(p: float, expected: list[int]) -> None:
    assert kept(llama_min_p(logits_of(SIX), p)) == expected


@pytest.mark.parametrize(
    "probs, p, expected",
    [
        pytest.param([0.6, 0.2, 0.1, 0.1], 0.1, [1], id="the likeliest is not the most typical"),
        pytest.param([0.6, 0.2, 0.1, 0.1], 0.85, [0, 1, 2], id="no more of equals than needed"),
        pytest.param([0.25] * 4, 0.25, [0, 1], id="until the mass is more than p"),
        pytest.param([1.0], 0.3, [0], id="one"),
    ],
)
def test_llama_typical_p(probs: list[float], p: float, expected: list[int]) -> None:
    assert kept(llama_typical_p(logits_of(probs), p)) == expected


def test_llama_penalty_forgets_what_is_65_tokens_ago() -> None:
    """Hugging Face's sees the whole context."""
    logits = np.array([8, 8, 8], dtype=np.float32)
    context = [0, *[1] * 64]
    settings = SamplingSettings(repetition_penalty=2, temperature=1, top_k=0)
    [(_, all_of_it)], [(_, its_end)] = chain(settings, context), chain(replace(settings, order=LLAMA_CPP), context)
    assert all_of_it(logits).tolist() == [4, 4, 8]
    assert its_end(logits).tolist() == [8, 4, 8]


# --- OpenAI's GPT-2 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "probs, p, expected",
    [
        pytest.param(SIX, 0.5, [0], id="the token that crosses p is dropped"),
        pytest.param(SIX, 0.75, [0, 1], id="likewise"),
        pytest.param(SIX, 0.1, [0], id="at least one"),
        pytest.param([0.25] * 4, 0.5, [0, 1, 2, 3], id="all that tie with the last"),
        pytest.param([0.2, 0.5, 0.3], 0.85, [1, 2], id="in any order of ids"),
    ],
)
def test_gpt2_top_p(probs: list[float], p: float, expected: list[int]) -> None:
    assert kept(gpt2_top_p(logits_of(probs), p)) == expected


def sample_py_keeps(logits: FloatArray, settings: SamplingSettings) -> list[int]:
    """OpenAI's `src/sample.py` written down step by step, in float64."""
    z = logits.astype(np.float64) / settings.temperature
    if settings.top_k:
        z[z < np.sort(z)[::-1][: settings.top_k][-1]] = -1e10
    descending = np.sort(z)[::-1]
    cumulative = np.cumsum(np.exp(descending - descending[0]) / np.exp(descending - descending[0]).sum())
    index = max(int(np.sum(cumulative <= settings.top_p)) - 1, 0)
    ids: list[int] = np.flatnonzero((z >= descending[index]) & (z > -1e10)).tolist()
    return ids


@pytest.mark.parametrize("kind", LOGITS)
def test_the_order_of_gpt_2_is_that_of_sample_py(kind: str) -> None:
    rng = np.random.default_rng(list(LOGITS).index(kind))
    for _ in range(600):
        logits = LOGITS[kind](rng, int(rng.integers(1, 50)))
        settings = replace(random_settings(rng), order=GPT_2)
        if settings.top_p < 1:  # at 1 its sum's last digit decides whether the tail stays; here all stays
            assert kept_by(shape(logits, settings, [0])) == sample_py_keeps(logits, settings), (logits, settings)


# --- the orders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order, names",
    [
        (HUGGINGFACE, ["repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p"]),
        (LLAMA_CPP, ["repetition_penalty", "top_k", "typical_p", "top_p", "min_p", "temperature"]),
        (GPT_2, ["temperature", "top_k", "top_p"]),
    ],
)
def test_the_stages_stand_in_the_order_of_the_program(order: str, names: list[str]) -> None:
    assert [name for name, _ in chain(replace(EVERYTHING, order=order), [])] == names
    assert chain(replace(PURE, order=order), []) == [], "and neutral ones are absent"


@pytest.mark.parametrize(
    "order, settings, expected",
    [
        (HUGGINGFACE, EVERYTHING, []),
        (LLAMA_CPP, EVERYTHING, []),
        (GPT_2, EVERYTHING, ["repetition_penalty", "min_p", "typical_p"]),
        (GPT_2, SamplingSettings(min_p=0.1), ["min_p"]),
        (GPT_2, SamplingSettings(), []),
    ],
)
def test_what_an_order_does_without_is_told(order: str, settings: SamplingSettings, expected: list[str]) -> None:
    assert unused(replace(settings, order=order)) == expected


@pytest.mark.parametrize(
    "order, temperature, n_kept",
    [
        (HUGGINGFACE, 0.5, 2),
        (HUGGINGFACE, 2, 4),
        (LLAMA_CPP, 0.5, 3),
        (LLAMA_CPP, 2, 3),
        (GPT_2, 0.5, 1),
        (GPT_2, 2, 3),
    ],
)
def test_the_same_knobs_keep_another_set_in_another_order(order: str, temperature: float, n_kept: int) -> None:
    """llama.cpp's temperature comes last and changes no cut."""
    settings = SamplingSettings(temperature=temperature, top_k=0, top_p=0.75, order=order)
    assert len(kept_by(shape(logits_of(SIX), settings))) == n_kept


def test_where_the_temperature_is_last_greedy_cuts_only_what_the_others_left() -> None:
    shaped = shape(logits_of(SIX), SamplingSettings(temperature=0, top_k=3, order=LLAMA_CPP))
    assert [shaped.cut_name(id) for id in range(6)] == [None, "temperature", "temperature", "top_k", "top_k", "top_k"]


@pytest.mark.parametrize("order", ORDERS)
def test_greedy_takes_the_lowest_id_of_equals_in_every_order(order: str) -> None:
    shaped = shape(np.array([1, 5, 5, 2], dtype=np.float32), replace(GREEDY, order=order))
    assert shaped.final_probs.tolist() == [0, 1, 0, 0]


@given(SOME_LOGITS, st.sampled_from(ORDERS), st.integers(0, 2**32 - 1))
def test_whatever_is_asked_a_distribution_is_left(values: list[float], order: str, seed: int) -> None:
    logits = np.array(values, dtype=np.float32)
    before = logits.copy()
    settings = replace(random_settings(np.random.default_rng(seed)), order=order)
    shaped = shape(logits, settings, [0])
    np.testing.assert_array_equal(logits, before)
    assert shaped.final_probs.dtype == np.float32
    assert shaped.final_probs.sum() == pytest.approx(1, abs=1e-5)
    assert (shaped.final_probs[shaped.cut_by >= 0] == 0).all()
    assert (shaped.cut_by < 0).any()


@pytest.mark.parametrize("order", ORDERS)
def test_a_cut_deep_in_a_large_vocabulary_is_found(order: str) -> None:
    """Only the likeliest are sorted, as long as the cut lies among them; here it does not."""
    logits = np.linspace(0, 1, 3001, dtype=np.float32)
    probs = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum()
    shaped = shape(logits, SamplingSettings(temperature=1, top_k=0, top_p=0.9, order=order))
    mass = probs[kept_by(shaped)].sum()
    assert mass == pytest.approx(0.9, abs=probs.max())
    assert (mass < 0.9) == (order == GPT_2)


@pytest.mark.parametrize("p", [0.2, 0.9])
def test_typical_finds_the_same_tokens_in_a_large_vocabulary(p: float) -> None:
    """As many as it takes from the nearest on, however many are sorted."""
    logits = np.random.default_rng(3).normal(0, 1, 5001).astype(np.float32)
    logprobs = logits - np.log(np.exp(logits.astype(np.float64)).sum())
    distance = np.abs(-logprobs + (np.exp(logprobs) * logprobs).sum())
    nearest = np.argsort(distance, kind="stable")
    n = int(np.searchsorted(np.cumsum(np.exp(logprobs[nearest])), p, side="right")) + 1
    for order in (HUGGINGFACE, LLAMA_CPP):
        shaped = shape(logits, SamplingSettings(temperature=1, top_k=0, typical_p=p, order=order))
        assert kept_by(shaped) == sorted(nearest[:n].tolist())


def test_the_likeliest_leave_out_what_is_cut() -> None:
    logits = np.array([1, 5, 5, 2, 0], dtype=np.float32)
    assert likeliest(logits, 3).tolist() == [1, 2, 3]
    assert likeliest(top_k(logits, 2), 3).tolist() == [1, 2]


@given(st.lists(st.sampled_from([0.0, -0.0, 1.5, -1.5, 1e-45, -1e-45, 3e38, -3e38]), min_size=1, max_size=300))
def test_the_likeliest_of_any_sign_stand_in_the_order_of_a_stable_sort(values: list[float]) -> None:
    """They are sorted by the bits of their floats; 0 and -0 are equal for all that."""
    logits = np.array(values, dtype=np.float32)
    assert likeliest(logits, logits.size).tolist() == np.argsort(-logits, kind="stable").tolist()
