"""Logits equal those of transformers' GPT2LMHeadModel, live, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.model import forward
from picogpt_tui.gpt2.params import params_from_tensors

from ..golden.peers import transformers_logits, transformers_model
from .checkpoints import random_ids, random_tensors
from .test_goldens import LARGEST, relative_difference

pytest.importorskip("torch")
pytest.importorskip("transformers")

CONFIGS = [
    GPT2Config(29, 11, 10, 5, 1),
    GPT2Config(31, 17, 9, 3, 2, layer_norm_epsilon=0.2),
    GPT2Config(43, 23, 14, 7, 3),
    GPT2Config(37, 9, 33, 1, 4),
    GPT2Config(211, 37, 52, 13, 6),
    GPT2Config(59, 12, 16, 16, 13),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_logits_for_every_split_across_the_cache_up_to_n_ctx(config: GPT2Config) -> None:
    tensors, ids = random_tensors(config, seed=31), random_ids(config, config.n_ctx, seed=32)
    params = params_from_tensors(tensors, config)
    expected = transformers_logits(transformers_model(config, tensors), ids)
    for n_past in range(config.n_ctx):
        cache = KVCache(config)
        parts = [ids[:n_past], ids[n_past:]] if n_past else [ids]
        logits = [forward(part, params, config, cache, all_logits=True) for part in parts]
        assert relative_difference(np.concatenate(logits), expected) <= LARGEST


@pytest.mark.parametrize("n", [1, 2, 64, 512])
def test_the_bundled_model(stories: LanguageModel, n: int) -> None:
    ids = random_ids(stories.config, n, seed=33)
    model = transformers_model(stories.config, dict(stories.params.walk()))
    assert relative_difference(stories.logits(ids), transformers_logits(model, ids)) <= LARGEST
