"""The logit lens: every row by the plain formula, the last one the model's own answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import Distribution, Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.lens import logit_lens
from picogpt_tui.lens.logit_lens import lens_column, lens_grid
from picogpt_tui.paths import bundled_dir
from picogpt_tui.readings import LensCell, LensColumn, LensGrid
from picogpt_tui.settings import INT8, PURE, SamplingSettings

from ..golden.lens_peer import row_names, transformers_lens, transformers_seen
from ..golden.peers import transformers_model
from ..gpt2.checkpoints import TINY, random_ids, random_tensors
from .random_models import random_model

GOLDEN = Path(__file__).parents[1] / "golden" / "lens.npz"
LARGEST = 1e-4
"""Allowed difference, as a part of the largest logit."""
KING = "Once upon a time there was a king who"


def golden(name: str) -> npt.NDArray[Any]:
    with np.load(GOLDEN) as arrays:
        array: npt.NDArray[Any] = arrays[name]
    return array


ABOUT: dict[str, Any] = json.loads(str(golden("about")))


def column(model: LanguageModel, ids: Sequence[int], position: int, cache: KVCache | None = None) -> LensColumn:
    """With all candidates, and nothing cut."""
    cache = KVCache(model.config) if cache is None else cache
    return lens_column(model, ids, position, PURE, model.config.n_vocab, cache)


def logits_of(row: Distribution) -> FloatArray:
    """Of a row with all candidates, in the order of ids."""
    logits = np.full(len(row.candidates), np.nan, dtype=np.float32)
    for candidate in row.candidates:
        logits[candidate.id] = candidate.logit
    return logits


def grid(
    model: LanguageModel, ids: Sequence[int], positions: Sequence[int] | None = None, watched: int | None = None
) -> LensGrid:
    positions = range(len(ids)) if positions is None else positions
    *_, last = lens_grid(model, ids, positions, watched, cache=KVCache(model.config))
    assert isinstance(last, LensGrid)
    return last


def relative_difference(got: FloatArray, expected: npt.NDArray[Any]) -> float:
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def assert_rows_are(model: LanguageModel, ids: Sequence[int], expected: npt.NDArray[Any]) -> None:
    """Of every position, against logits [n_rows, n_seq, n_vocab]; the cache goes along."""
    cache = KVCache(model.config)
    for position in range(len(ids)):
        found = column(model, ids, position, cache)
        assert [name for name, _ in found.rows] == row_names(model.config.n_layer)
        got = np.stack([logits_of(row) for _, row in found.rows])
        assert relative_difference(got, expected[:, position]) <= LARGEST


# -- against transformers ----------------------------------------------------------------------------------------------


def test_the_numbers_say_where_they_come_from() -> None:
    assert set(ABOUT["libraries"]) == {"torch", "transformers", "numpy"}
    assert ABOUT["made_by"] == "python -m tests.golden.make_lens_golden"


@pytest.mark.parametrize("index", range(len(ABOUT["cases"])))
def test_every_row_equals_what_transformers_gave(index: int) -> None:
    case = ABOUT["cases"][index]
    model = random_model(GPT2Config(**case["config"]), case["seed"])

    assert_rows_are(model, case["ids"], golden(f"logits_{index}"))


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        GPT2Config(31, 17, 9, 3, 2, layer_norm_epsilon=0.2),
        GPT2Config(43, 13, 14, 7, 3),
        GPT2Config(37, 9, 33, 1, 4),
        GPT2Config(211, 7, 52, 13, 6),
    ],
    ids=str,
)
def test_every_row_equals_transformers_live(config: GPT2Config) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    ids = random_ids(config, config.n_ctx, seed=21)
    theirs = transformers_model(config, random_tensors(config, seed=20)).double()

    assert_rows_are(random_model(config, 20), ids, transformers_lens(theirs, transformers_seen(theirs, ids)))


@pytest.mark.parametrize("index", range(len(ABOUT["cases"])))
def test_cells_are_measured_as_the_formulas_say(index: int) -> None:
    """In float64 from the golden logits; the watched token is what came next in the text."""
    case, logits = ABOUT["cases"][index], golden(f"logits_{index}").astype(np.float64)
    model, ids = random_model(GPT2Config(**case["config"]), case["seed"]), case["ids"]
    logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    probs = np.exp(logprobs)
    found = grid(model, ids)

    assert found.watched == (*ids[1:], int(logits[-1, -1].argmax()))
    for row in range(len(logits)):
        for position, watched in enumerate(found.watched):
            p, log_p, cell = probs[row, position], logprobs[row, position], found.cells[row][position]
            assert cell.id == p.argmax()
            assert cell.label == model.tokenizer.label(cell.id)
            assert cell.prob == pytest.approx(p.max(), rel=1e-4)
            assert cell.entropy == pytest.approx(-(p * log_p).sum(), rel=1e-4)
            kl = (probs[-1, position] * (logprobs[-1, position] - log_p)).sum()
            assert cell.kl == pytest.approx(kl, rel=1e-3, abs=1e-5)
            assert cell.rank == (p > p[watched]).sum()
            assert cell.watched_prob == pytest.approx(p[watched], rel=1e-4)


# -- the last row is the model -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_last_row_is_the_models_own_answer(precision: str) -> None:
    """Final probabilities and all: what `next` says under the same settings."""
    *_, model = read_model(bundled_dir() / "stories", "stories", precision)
    assert isinstance(model, LanguageModel)
    ids, sampling = model.tokenizer.encode(KING), SamplingSettings(temperature=0.7, top_k=5)
    cache = KVCache(model.config)
    for id in ids:
        logits = model.forward([id], cache)[0]
    found = lens_column(model, ids, len(ids) - 1, sampling, 7, KVCache(model.config)).rows[-1][1]

    expected = distribution(shape(logits, sampling, ids), model.tokenizer, 7)
    # a compiled pass of int8 adds up in another order than one that is looked into
    assert_same_answer(found, expected, rel=1e-3 if precision == INT8 else 1e-5)


def assert_same_answer(got: Distribution, expected: Distribution, rel: float) -> None:
    assert [one.id for one in got.candidates] == [one.id for one in expected.candidates]
    assert [one.prob for one in got.candidates] == pytest.approx([one.prob for one in expected.candidates], rel=rel)
    final_probs = [one.final_prob for one in expected.candidates]
    assert [one.final_prob for one in got.candidates] == pytest.approx(final_probs, rel=rel)
    assert [one.cut_by for one in got.candidates] == [one.cut_by for one in expected.candidates]
    assert got.n_kept == expected.n_kept


def test_a_row_behind_the_last_would_be_our_own_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown as the answer is compared with what the model unembeds, each time."""
    model, hidden_states = random_model(), LanguageModel.hidden_states

    def other(self: LanguageModel, *args: Any, **options: Any) -> FloatArray:
        return hidden_states(self, *args, **options) + np.float32(0.001)

    monkeypatch.setattr(LanguageModel, "hidden_states", other)
    with pytest.raises(AssertionError, match="not what the model unembeds"):
        column(model, [1, 2, 3], 2)
    with pytest.raises(AssertionError, match="not what the model unembeds"):
        grid(model, [1, 2, 3])


# -- one position ------------------------------------------------------------------------------------------------------


def test_candidates_are_shaped_by_the_sampling_settings_in_every_row() -> None:
    """The context counts too: the penalty makes what stands in the text less likely."""
    model, ids = random_model(), random_ids(TINY, 7)
    sampling = SamplingSettings(repetition_penalty=1.5, temperature=0.5, top_k=3)
    found = lens_column(model, ids, 4, sampling, 5, KVCache(TINY))

    for (_, row), (_, raw) in zip(found.rows, column(model, ids, 4).rows, strict=True):
        assert row == distribution(shape(logits_of(raw), sampling, ids[:5]), model.tokenizer, 5)
        assert row.n_kept == 3


def held(ids: Sequence[int]) -> Callable[[LanguageModel], KVCache]:
    """A cache that holds these tokens."""

    def make(model: LanguageModel) -> KVCache:
        cache = KVCache(model.config)
        if ids:
            model.hidden_states(list(ids), cache)
        return cache

    return make


IDS = random_ids(TINY, 9, seed=5)


@pytest.mark.parametrize(
    "make",
    [held([]), held(IDS[:5]), held(IDS[:2]), held(IDS), held([*IDS[:3], 7, 7, 7])],
    ids=["cold", "warm", "half warm", "holds more", "holds another text"],
)
def test_a_cache_changes_no_number_and_is_left_at_the_position(make: Callable[[LanguageModel], KVCache]) -> None:
    model = random_model()
    cache, fresh = make(model), column(model, IDS[:6], 5)
    found = column(model, IDS, 5, cache)

    assert cache.ids == IDS[:6]
    for (_, got), (_, expected) in zip(found.rows, fresh.rows, strict=True):
        assert relative_difference(logits_of(got), logits_of(expected)) <= 1e-5


def test_a_text_in_a_tuple_reads_as_one_in_a_list() -> None:
    model = random_model()
    assert column(model, tuple(IDS), 5) == column(model, IDS, 5)
    assert grid(model, tuple(IDS)) == grid(model, IDS)


def test_a_text_longer_than_the_context_is_the_callers_mistake() -> None:
    model, ids = random_model(), random_ids(TINY, TINY.n_ctx + 1)
    with pytest.raises(AssertionError, match="position 2 of 14 tokens"):
        column(model, ids, 2)
    with pytest.raises(AssertionError, match="position 2 of 14 tokens"):
        grid(model, ids, [2])


# -- many positions ----------------------------------------------------------------------------------------------------


def test_a_grid_says_what_the_columns_say(stories: LanguageModel) -> None:
    """Many tokens at once or one by one: only float32's rounding is between them."""
    ids = stories.tokenizer.encode(KING)
    found, cache = grid(stories, ids), KVCache(stories.config)

    assert found.positions == tuple(range(len(ids)))
    for position in found.positions:
        one = lens_column(stories, ids, position, PURE, 1, cache)
        assert found.rows == tuple(name for name, _ in one.rows)
        for (_, row), cells in zip(one.rows, found.cells, strict=True):
            assert cells[position].id == row.candidates[0].id
            assert cells[position].prob == pytest.approx(row.candidates[0].prob, rel=1e-4)
            assert cells[position].entropy == pytest.approx(row.entropy, rel=1e-3, abs=1e-5)


def assert_same_cells(got: Sequence[Sequence[LensCell]], expected: Sequence[Sequence[LensCell]]) -> None:
    for row, expected_row in zip(got, expected, strict=True):
        for cell, other in zip(row, expected_row, strict=True):
            assert (cell.id, cell.rank) == (other.id, other.rank)
            numbers = (cell.prob, cell.entropy, cell.kl, cell.watched_prob)
            expected_numbers = (other.prob, other.entropy, other.kl, other.watched_prob)
            assert numbers == pytest.approx(expected_numbers, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("at_once, most", [(1, 1), (2, 2), (3, 3), (5, 5), (20, 18), (64, 54)])
def test_how_many_cells_are_looked_at_at_once_changes_none(
    at_once: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more logits are held: of 9 positions, or of as many rows of them as fit."""
    model = random_model()
    whole, unembed, held = grid(model, IDS), LanguageModel.unembed, []

    def counted(self: LanguageModel, x: FloatArray) -> FloatArray:
        held.append(len(x))
        return unembed(self, x)

    monkeypatch.setattr(LanguageModel, "unembed", counted)
    monkeypatch.setattr(logit_lens, "_CELLS_AT_ONCE", at_once)
    found = grid(model, IDS)

    assert max(held) == most
    assert (found.rows, found.positions, found.watched) == (whole.rows, whole.positions, whole.watched)
    assert_same_cells(found.cells, whole.cells)


@pytest.mark.parametrize("positions", [[8], [0], [2, 3, 4], [0, 3, 4, 8], [1, 3, 5]], ids=str)
def test_some_positions_are_looked_at_as_all_are(positions: list[int]) -> None:
    model = random_model()
    whole, found = grid(model, IDS), grid(model, IDS, positions)

    assert found.positions == tuple(positions)
    assert found.watched == tuple(whole.watched[position] for position in positions)
    assert_same_cells(found.cells, [[row[position] for position in positions] for row in whole.cells])


def test_the_last_row_is_at_no_distance_and_has_its_own_choice_first() -> None:
    """Behind the text's last token the watched one is that choice."""
    found = grid(random_model(), IDS)
    *_, last = found.cells

    assert all(cell.kl == 0 for cell in last)
    assert all(cell.kl > 0.01 for row in found.cells[:-1] for cell in row)
    assert (last[-1].rank, last[-1].watched_prob) == (0, last[-1].prob)
    assert found.watched[-1] == last[-1].id


def test_one_token_can_be_watched_everywhere() -> None:
    model = random_model()
    found = grid(model, IDS, watched=42)
    first = column(model, IDS, 0)

    assert set(found.watched) == {42}
    for (_, row), cells in zip(first.rows, found.cells, strict=True):
        (candidate,) = (candidate for candidate in row.candidates if candidate.id == 42)
        assert cells[0].rank == candidate.rank
        assert cells[0].watched_prob == pytest.approx(candidate.prob, rel=1e-4)


def test_of_equal_logits_the_lowest_id_is_named_and_all_are_first() -> None:
    """An embedding of zeros makes every logit 0."""
    model = random_model()
    mute = replace(model, params=replace(model.params, wte=np.zeros_like(model.params.wte[:])))

    for row in grid(mute, IDS, watched=42).cells:
        assert {(cell.id, cell.rank) for cell in row} == {(0, 0)}


@pytest.mark.parametrize("place", ["wte", "wpe"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_overflowed_are_an_error(bad: float, place: str) -> None:
    """In the logits alone, or in the stream from its beginning on."""
    model = random_model()
    weights = getattr(model.params, place)[:].copy()
    weights[2] = bad
    damaged = replace(model, params=replace(model.params, **{place: weights}))

    with np.errstate(invalid="ignore"), pytest.raises(PicoGPTError, match="overflowed"):
        grid(damaged, [1, 5, 3])
    with np.errstate(invalid="ignore"), pytest.raises(PicoGPTError, match="overflowed"):
        column(damaged, [1, 5, 3], 2)


# -- being told, and told to stop --------------------------------------------------------------------------------------


def test_progress_counts_the_text_before_and_then_cells() -> None:
    model = random_model()
    *steps, last = lens_grid(model, IDS, [6, 7], cache=KVCache(TINY))

    assert isinstance(last, LensGrid)
    assert all(isinstance(step, Progress) for step in steps)
    told = [(step.phase, step.done, step.total) for step in steps if isinstance(step, Progress)]
    assert told[0] == ("reading the prompt", 0, 6)
    assert told[1:] == [("looking at every layer", done, 14) for done in range(2, 15, 2)]


@dataclass
class _StopAfter:
    """Says so from the n-th time on that it is asked."""

    n: int

    def __call__(self) -> bool:
        self.n -= 1
        return self.n < 0


@pytest.mark.parametrize("n, n_rows", [(0, 0), (1, 0), (2, 2), (3, 4)])
def test_it_stops_between_rows_without_a_grid(n: int, n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked once for the text before, and before each two of the six rows that are not the answer itself."""
    monkeypatch.setattr(logit_lens, "_CELLS_AT_ONCE", 4)
    steps = list(lens_grid(random_model(), IDS, [6, 7], cache=KVCache(TINY), should_stop=_StopAfter(n)))

    assert all(isinstance(step, Progress) for step in steps)
    assert len(steps) == (1 if n else 0) + n_rows


def test_it_is_asked_four_times_and_then_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logit_lens, "_CELLS_AT_ONCE", 4)
    *_, last = lens_grid(random_model(), IDS, [6, 7], cache=KVCache(TINY), should_stop=_StopAfter(4))
    assert isinstance(last, LensGrid)
