"""The tree of weights: names and shapes of the checkpoint, counts, and picoGPT's nested dict."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from picogpt_tui.gpt2 import pico
from picogpt_tui.gpt2.config import GPT2_SIZES, GPT2Config
from picogpt_tui.gpt2.params import expected_shapes, params_from_tensors

from .checkpoints import TINY, random_ids, random_params, random_tensors


def test_walk_visits_every_tensor_of_the_checkpoint_once() -> None:
    walked = list(random_params(TINY).walk())
    assert {name: array.shape for name, array in walked} == expected_shapes(TINY)
    assert len(walked) == 2 + 12 * TINY.n_layer + 2


def test_a_tree_built_from_its_walk_is_the_same_tree() -> None:
    params = random_params(TINY)
    again = params_from_tensors(dict(params.walk()), TINY)
    assert all(a is b for (_, a), (_, b) in zip(params.walk(), again.walk(), strict=True))


def test_as_many_blocks_as_the_config_says() -> None:
    """A well-known copy of GPT-2 has 12 in its code whatever the config says."""
    assert len(random_params(TINY).blocks) == 3


@pytest.mark.parametrize(
    "size, n_params",
    [("124M", 124_439_808), ("355M", 354_823_168), ("774M", 774_030_080), ("1558M", 1_557_611_200)],
)
def test_the_published_sizes_have_the_published_counts(size: str, n_params: int) -> None:
    assert sum(int(np.prod(shape)) for shape in expected_shapes(GPT2_SIZES[size]).values()) == n_params


def test_n_params_counts_the_tied_embedding_once() -> None:
    config = GPT2Config(n_vocab=11, n_ctx=5, n_embd=4, n_head=2, n_layer=1)
    block = 2 * (4 + 4) + (4 * 12 + 12) + (4 * 4 + 4) + (4 * 16 + 16) + (16 * 4 + 4)
    params = random_params(config)
    assert params.n_params == 11 * 4 + 5 * 4 + block + (4 + 4)
    assert params.n_params_non_embedding == params.n_params - 5 * 4


def test_to_dict_is_what_picogpt_takes() -> None:
    params = random_params(TINY)
    tree = params.to_dict()
    assert list(tree) == ["wte", "wpe", "blocks", "ln_f"]
    assert {key: set(value) for key, value in tree["blocks"][0].items()} == {
        "ln_1": {"g", "b"},
        "attn": {"c_attn", "c_proj"},
        "ln_2": {"g", "b"},
        "mlp": {"c_fc", "c_proj"},
    }
    logits = pico.gpt2(random_ids(TINY, 5), **tree, n_head=TINY.n_head)
    assert logits.shape == (5, TINY.n_vocab)


def test_to_dict_shares_the_arrays() -> None:
    params = random_params(TINY)
    tree = params.to_dict()
    assert tree["blocks"][2]["mlp"]["c_proj"]["w"] is params.blocks[2].mlp.c_proj.w


def test_nobody_swaps_a_weight_by_accident() -> None:
    params = params_from_tensors(random_tensors(TINY, 1), TINY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.wte = params.wpe  # type: ignore[misc]  # the point of the test
