"""Where the heads look equals what transformers gives out; the norms are those of the vectors themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.float_matrix import FloatMatrix
from picogpt_tui.gpt2.int8 import Int8Matrix
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.params import params_from_tensors
from picogpt_tui.gpt2.taps import WEIGHTS, Taps
from picogpt_tui.lens.attention import attention_at, glance, head_pictures, hide_sink, shares
from picogpt_tui.readings import Attention, HeadGlance, HeadPictures
from picogpt_tui.settings import INT8

from ..gpt2.checkpoints import TINY, random_ids
from ..gpt2.test_goldens import LARGEST, relative_difference
from .random_models import SMALL, random_model

GOLDEN = Path(__file__).parents[1] / "golden" / "attention.npz"
CONFIGS = [
    GPT2Config(31, 17, 9, 3, 2, layer_norm_epsilon=0.2),
    GPT2Config(37, 9, 33, 1, 4),
    GPT2Config(211, 29, 52, 13, 3),
    GPT2Config(59, 12, 16, 16, 13),
]


def golden() -> dict[str, Any]:
    with np.load(GOLDEN) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    return arrays | {"about": json.loads(str(arrays["about"]))}


def of_every_position(model: LanguageModel, ids: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Weights and norms as transformers has them, [n_layer, n_head, n, n]: 0 where a token does not see."""
    config, n, cache = model.config, len(ids), KVCache(model.config)
    weights, norms = np.zeros((2, config.n_layer, config.n_head, n, n), dtype=np.float32)
    for position in range(n):
        found = attention_at(model, ids, position, cache)
        weights[..., position, : position + 1] = found.weights
        norms[..., position, : position + 1] = found.norms
    return weights, norms


def as_arrays(found: Attention) -> tuple[FloatArray, FloatArray]:
    return np.array(found.weights, dtype=np.float32), np.array(found.norms, dtype=np.float32)


def test_the_numbers_say_where_they_come_from() -> None:
    about = golden()["about"]
    assert about["made_by"] == "python -m tests.golden.make_attention_golden"
    assert set(about["libraries"]) == {"torch", "transformers", "numpy"}


@pytest.mark.parametrize("index", range(len(SMALL)))
def test_weights_and_norms_equal_the_golden_ones(index: int) -> None:
    arrays = golden()
    case = arrays["about"]["cases"][index]
    model = random_model(GPT2Config(**case["config"]), case["seed"])
    weights, norms = of_every_position(model, case["ids"])
    assert relative_difference(weights, arrays[f"weights_{index}"]) <= LARGEST
    assert relative_difference(norms, arrays[f"norms_{index}"]) <= LARGEST


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_weights_and_norms_equal_transformers(config: GPT2Config) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from ..golden.attention_peer import transformers_attention
    from ..golden.peers import transformers_model
    from ..gpt2.checkpoints import random_tensors

    ids = random_ids(config, config.n_ctx, seed=61)
    expected = transformers_attention(transformers_model(config, random_tensors(config, 62)), ids)
    weights, norms = of_every_position(random_model(config, 62), ids)
    assert relative_difference(weights, expected[0]) <= LARGEST
    assert relative_difference(norms, expected[1]) <= LARGEST


def test_weights_sum_to_one_over_the_tokens_that_can_be_seen() -> None:
    found = attention_at(random_model(), random_ids(TINY, 9), 5, KVCache(TINY))
    assert (found.position, found.n_layer, found.n_head) == (5, TINY.n_layer, TINY.n_head)
    for layer in found.weights:
        assert [len(head) for head in layer] == [6] * TINY.n_head
        assert [sum(head) for head in layer] == pytest.approx([1.0] * TINY.n_head)


def test_they_are_arrays_of_float32_which_cost_four_bytes_a_number() -> None:
    found = attention_at(random_model(), [1, 2, 3], 2, KVCache(TINY))
    assert {head.itemsize for layer in found.weights + found.norms for head in layer} == {4}  # type: ignore[attr-defined] # a Sequence to others


@pytest.mark.parametrize("held", [0, 3, 5, 9])
def test_what_the_cache_holds_already_changes_nothing(held: int) -> None:
    model, ids = random_model(), random_ids(TINY, 9)
    cold, cache = attention_at(model, ids, 5, KVCache(TINY)), KVCache(TINY)
    if held:
        model.forward(ids[:held], cache)
    for got, expected in zip(as_arrays(attention_at(model, ids, 5, cache)), as_arrays(cold), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    assert cache.ids == ids[:6]


def test_an_int8_model_is_asked_as_the_float32_it_stands_for(tiny_model_dir: Callable[..., Path]) -> None:
    *_, model = read_model(tiny_model_dir(), "tiny", INT8)
    assert isinstance(model, LanguageModel)
    assert isinstance(model.params.blocks[0].attn.c_proj.w, Int8Matrix)
    wide = replace(model, params=params_from_tensors(dict(model.params.walk()), TINY))
    ids = random_ids(TINY, 8)
    for got, expected in zip(of_every_position(model, ids), of_every_position(wide, ids), strict=True):
        assert relative_difference(got, expected) <= LARGEST


def test_norms_are_the_same_before_and_after_a_matrix_was_turned_in_memory(tiny_model_dir: Callable[..., Path]) -> None:
    """The first token that is read alone turns them; the text before it was read at once."""
    *_, model = read_model(tiny_model_dir(), "tiny")
    assert isinstance(model, LanguageModel)
    w = model.params.blocks[0].attn.c_proj.w
    assert isinstance(w, FloatMatrix)
    assert w.array.flags.c_contiguous
    plain, ids = random_model(), random_ids(TINY, 8)
    for got, expected in zip(of_every_position(model, ids), of_every_position(plain, ids), strict=True):
        assert relative_difference(got, expected) <= LARGEST
    assert not w.array.flags.c_contiguous


# -- pictures ----------------------------------------------------------------------------------------------------------


def pooled(model: LanguageModel, ids: Sequence[int], layer: int, size: int) -> FloatArray:
    """The largest weight of each cell, the plain way."""
    taps = Taps([WEIGHTS])
    model.forward(ids, KVCache(model.config), tap=taps)
    weights, n = taps.values[WEIGHTS, layer], len(ids)
    cells = np.zeros((model.config.n_head, size, size), dtype=np.float32)
    parts = [slice(n * cell // size, n * (cell + 1) // size) for cell in range(size)]
    for row in range(size):
        for column in range(size):
            cells[:, row, column] = weights[:, parts[row], parts[column]].max(axis=(1, 2))
    return cells


def picture(steps: Sequence[object]) -> HeadPictures:
    assert all(isinstance(step, Progress) for step in steps[:-1])
    assert isinstance(steps[-1], HeadPictures)
    return steps[-1]


@pytest.mark.parametrize("size", [1, 2, 5, 7, 11, 12, 13])
@pytest.mark.parametrize("layer", range(TINY.n_layer))
def test_a_cell_keeps_the_largest_weight_of_its_part(layer: int, size: int) -> None:
    model, ids = random_model(), random_ids(TINY, TINY.n_ctx)
    found = picture(list(head_pictures(model, ids, layer, size)))
    assert (found.layer, found.size) == (layer, size)
    np.testing.assert_allclose(np.array(found.heads), pooled(model, ids, layer, size), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n_block", [1, 2, 5, 12])
def test_a_text_read_in_blocks_gives_the_same_picture(n_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block may end within a cell, or hold several."""
    monkeypatch.setattr("picogpt_tui.gpt2.reader.prefill_block", lambda config: n_block)
    model, ids = random_model(), random_ids(TINY, TINY.n_ctx)
    steps = list(head_pictures(model, ids, 1, 5))
    assert len(steps) >= math.ceil(TINY.n_ctx / n_block), "one for each block"
    np.testing.assert_allclose(np.array(picture(steps).heads), pooled(model, ids, 1, 5), rtol=1e-4, atol=1e-6)


def test_a_text_shorter_than_the_picture_has_a_cell_for_each_pair_of_tokens() -> None:
    model, ids = random_model(), random_ids(TINY, 4)
    found = picture(list(head_pictures(model, ids, 0, 24)))
    assert found.size == 4
    for head in found.heads:
        assert [sum(row) for row in head] == pytest.approx([1.0] * 4)
        assert all(row[key] == 0 for query, row in enumerate(head) for key in range(query + 1, 4))


def test_a_picture_that_is_stopped_comes_to_nothing() -> None:
    assert list(head_pictures(random_model(), random_ids(TINY, 9), 0, 5, should_stop=lambda: True)) == []


# -- one head's row ----------------------------------------------------------------------------------------------------


def test_without_the_sink_the_rest_sums_to_one() -> None:
    assert list(hide_sink([0.6, 0.1, 0.3])) == pytest.approx([0, 0.25, 0.75])


def test_a_head_that_looks_only_at_the_first_token_has_nothing_left_without_it() -> None:
    assert list(hide_sink([1.0, 0.0, 0.0])) == [0, 0, 0]
    assert list(hide_sink([1.0])) == [0]


def test_hiding_the_sink_leaves_the_weights_it_was_given() -> None:
    found = attention_at(random_model(), [1, 2, 3], 2, KVCache(TINY))
    before = list(found.weights[0][0])
    hide_sink(found.weights[0][0])
    assert list(found.weights[0][0]) == before


def test_norms_as_shares_sum_to_one() -> None:
    assert list(shares([0.5, 1.5, 2.0])) == pytest.approx([0.125, 0.375, 0.5])
    assert list(shares([0.0, 0.0])) == [0, 0]


def test_a_glance_says_how_much_is_on_the_first_token_and_where_else_most_is() -> None:
    found = glance([0.5, 0.125, 0.25, 0.125])
    assert (found.sink, found.key, found.weight) == (0.5, 2, 0.25)
    assert found.entropy == pytest.approx(1.75 * math.log(2)), "nats"
    assert glance([0.5, 0.25, 0.25]).key == 1, "the earlier on ties"


def test_a_glance_of_the_first_token_sees_only_itself() -> None:
    assert glance([1.0]) == HeadGlance(sink=1.0, key=0, weight=1.0, entropy=0.0)
