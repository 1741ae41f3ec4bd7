"""Logits equal those transformers gave when the golden numbers were made (see golden/make_golden.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.model import forward

from .checkpoints import random_params

GOLDEN = Path(__file__).parents[1] / "golden" / "logits.npz"
LARGEST = 1e-4
"""Allowed difference, as a part of the largest logit."""


def about() -> dict[str, Any]:
    with np.load(GOLDEN) as golden:
        fields: dict[str, Any] = json.loads(str(golden["about"]))
    return fields


def golden_logits(name: str) -> FloatArray:
    with np.load(GOLDEN) as golden:
        logits: FloatArray = golden[name]
    return logits


def relative_difference(got: FloatArray, expected: FloatArray) -> float:
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / np.abs(expected).max())


CASES = about()["cases"]


def test_the_numbers_say_where_they_come_from() -> None:
    assert set(about()["libraries"]) == {"torch", "transformers", "numpy"}
    assert about()["made_by"] == "python -m tests.golden.make_golden"


def test_the_cases_are_worth_their_name() -> None:
    configs = [GPT2Config(**case["config"]) for case in CASES]
    assert len(configs) >= 6
    assert {config.n_layer for config in configs} >= {1, 2, 3, 5, 13}
    assert any(config.layer_norm_epsilon != 1e-5 for config in configs)
    assert all(len(case["ids"]) == case["config"]["n_ctx"] for case in CASES)


@pytest.mark.parametrize("index", range(len(CASES)))
def test_logits_equal_transformers(index: int) -> None:
    """All positions in one pass, and again token by token through the cache."""
    case = CASES[index]
    config, ids = GPT2Config(**case["config"]), case["ids"]
    params, expected = random_params(config, case["seed"]), golden_logits(f"case_{index}")
    at_once = forward(ids, params, config, KVCache(config), all_logits=True)
    assert relative_difference(at_once, expected) <= LARGEST
    cache = KVCache(config)
    one_by_one = np.concatenate([forward([id], params, config, cache) for id in ids])
    assert relative_difference(one_by_one, expected) <= LARGEST


def test_the_bundled_models_logits_equal_transformers(stories: LanguageModel) -> None:
    fields = about()["stories"]
    assert stories.tokenizer.encode(fields["prompt"]) == fields["ids"]
    assert relative_difference(stories.logits(fields["ids"]), golden_logits("stories")) <= LARGEST
