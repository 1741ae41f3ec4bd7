"""Direct logit attribution: every part by the plain formula, and their sum the difference that the model computed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.gpt2.taps import ATTN_OUT, HEADS, Taps
from picogpt_tui.lens.attribution import attribute, by_layer, head_answers
from picogpt_tui.paths import bundled_dir
from picogpt_tui.readings import Attribution, Part
from picogpt_tui.settings import PURE

from ..golden.lens_peer import transformers_parts, transformers_seen
from ..golden.make_lens_golden import pairs_of
from ..golden.peers import transformers_model
from ..gpt2.checkpoints import TINY, random_ids, random_tensors
from .random_models import random_model

GOLDEN = Path(__file__).parents[1] / "golden" / "lens.npz"
LARGEST = 1e-4
"""Allowed difference of a part, as a share of the largest."""
LARGEST_SUM = 1e-3
"""Allowed difference of the sum from the model's own, in nats."""
KING = "Once upon a time there was a king who"


def golden(name: str) -> npt.NDArray[Any]:
    with np.load(GOLDEN) as arrays:
        array: npt.NDArray[Any] = arrays[name]
    return array


CASES: list[dict[str, Any]] = json.loads(str(golden("about")))["cases"]


def why(
    model: LanguageModel, ids: Sequence[int], position: int, a: int | None = None, b: int | None = None
) -> Attribution:
    return attribute(model, ids, position, a, b, KVCache(model.config))


def assert_parts(found: Attribution, names: Sequence[str], expected: Sequence[float]) -> None:
    assert [part.name for part in found.parts] == list(names)
    difference = np.abs(np.array([part.value for part in found.parts]) - expected).max()
    assert difference <= LARGEST * max(1.0, np.abs(expected).max())


def assert_adds_up(found: Attribution) -> None:
    assert found.total == pytest.approx(sum(part.value for part in found.parts))
    assert found.difference == pytest.approx(found.a.logit - found.b.logit)
    assert abs(found.total - found.difference) <= LARGEST_SUM


# -- against transformers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(CASES)))
def test_every_part_equals_what_transformers_gave(index: int) -> None:
    case, expected = CASES[index], golden(f"parts_{index}")
    model, cache = random_model(GPT2Config(**case["config"]), case["seed"]), KVCache(GPT2Config(**case["config"]))
    for (position, a, b), values in zip(case["pairs"], expected, strict=True):
        found = attribute(model, case["ids"], position, a, b, cache)
        assert (found.position, found.a.id, found.b.id) == (position, a, b)
        assert_parts(found, case["parts"], values)
        assert_adds_up(found)


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
def test_every_part_equals_transformers_live(config: GPT2Config) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    ids, model = random_ids(config, config.n_ctx, seed=41), random_model(config, 40)
    theirs = transformers_model(config, random_tensors(config, seed=40)).double()
    seen = transformers_seen(theirs, ids)
    for position, a, b in pairs_of(config):
        expected = transformers_parts(theirs, seen, ids, position, a, b)
        found = why(model, ids, position, a, b)
        assert_parts(found, list(expected), list(expected.values()))
        assert_adds_up(found)


# -- the sum -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stories_int8() -> LanguageModel:
    *_, model = read_model(bundled_dir() / "stories", "stories", "int8")
    assert isinstance(model, LanguageModel)
    return model


def some_pairs(n_vocab: int, position: int) -> list[tuple[int | None, int | None]]:
    """The default, one token against the likeliest, and tokens from all over the vocabulary."""
    spread = [(997 * position + 641 * index) % n_vocab for index in range(5)]
    return [(None, None), (spread[0], None), (None, spread[1]), *pairwise(spread)]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_parts_add_up_to_the_models_own_difference(
    precision: str, stories: LanguageModel, stories_int8: LanguageModel
) -> None:
    model = stories if precision == "float32" else stories_int8
    ids = random_ids(model.config, 300, seed=3)
    ids[:9] = model.tokenizer.encode(KING)
    cache = KVCache(model.config)
    for position in [*range(12), 77, 150, 299]:
        for a, b in some_pairs(model.config.n_vocab, position):
            assert_adds_up(attribute(model, ids, position, a, b, cache))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_heads_and_the_bias_are_all_that_attention_adds(
    precision: str, stories: LanguageModel, stories_int8: LanguageModel
) -> None:
    """Read from a file c_proj is no plain array: it may lie turned in memory, or in int8."""
    model = stories if precision == "float32" else stories_int8
    taps = Taps((HEADS, ATTN_OUT))
    model.forward(model.tokenizer.encode(KING), KVCache(model.config), tap=taps)
    for layer, block in enumerate(model.params.blocks):
        heads, added = taps.values[HEADS, layer][4], taps.values[ATTN_OUT, layer][4]
        answers = head_answers(heads, block.attn.c_proj)
        assert answers.shape == (model.config.n_head, model.config.n_embd)
        assert np.abs(answers.sum(axis=0) + block.attn.c_proj.b - added).max() <= LARGEST * np.abs(added).max()


# -- which tokens ------------------------------------------------------------------------------------------------------


def test_by_default_the_likeliest_is_held_against_the_next(stories: LanguageModel) -> None:
    ids = stories.tokenizer.encode(KING)
    first, second = distribution(shape(stories.logits(ids)[-1], PURE), stories.tokenizer, 2).candidates

    found = why(stories, ids, len(ids) - 1)
    assert (found.a.label, found.b.label) == (first.label, second.label) == ("␣had", "␣was")
    assert (found.a.rank, found.b.rank) == (0, 1)
    assert found.a.prob == pytest.approx(first.prob, rel=1e-4)


def test_the_likeliest_is_not_held_against_itself(stories: LanguageModel) -> None:
    ids = stories.tokenizer.encode(KING)
    first, second = (why(stories, ids, 8).a.id, why(stories, ids, 8).b.id)

    assert (why(stories, ids, 8, b=first).a.id, why(stories, ids, 8, b=first).b.id) == (second, first)
    assert (why(stories, ids, 8, a=first).a.id, why(stories, ids, 8, a=first).b.id) == (first, second)
    assert why(stories, ids, 8, a=second).b.id == first


def test_a_token_far_down_the_list_keeps_its_true_rank() -> None:
    model, ids = random_model(), random_ids(TINY, 5)
    found, logits = why(model, ids, 4, 100, 200), model.logits(ids)[4]

    assert (found.a.rank, found.b.rank) == ((logits > logits[100]).sum(), (logits > logits[200]).sum())


def test_the_other_way_round_every_part_speaks_for_the_other() -> None:
    model, ids = random_model(), random_ids(TINY, 9)
    one, other = why(model, ids, 6, 17, 99), why(model, ids, 6, 99, 17)

    assert [part.value for part in one.parts] == pytest.approx([-part.value for part in other.parts])
    assert (one.total, one.difference) == pytest.approx((-other.total, -other.difference))


def test_what_comes_behind_the_position_counts_for_nothing_and_the_cache_ends_there() -> None:
    model, ids, cache = random_model(), random_ids(TINY, 9), KVCache(TINY)
    model.hidden_states(ids, cache)

    assert attribute(model, ids, 4, 1, 2, cache).total == pytest.approx(why(model, ids[:5], 4, 1, 2).total, abs=1e-5)
    assert cache.ids == ids[:5]


# -- parts -------------------------------------------------------------------------------------------------------------


def test_a_part_says_where_it_belongs() -> None:
    parts = {part.name: (part.layer, part.head) for part in why(random_model(), [1, 2, 3], 2).parts}

    assert list(parts)[:6] == ["wte", "wpe", "h.0.head.0", "h.0.head.1", "h.0.head.2", "h.0.attn.bias"]
    assert len(parts) == 2 + TINY.n_layer * (TINY.n_head + 2) + 1
    assert parts["h.2.head.1"] == (2, 1)
    assert parts["h.1.mlp"] == parts["h.1.attn.bias"] == (1, -1)
    assert parts["wte"] == parts["wpe"] == parts["ln_f.bias"] == (-1, -1)


def test_by_layer_heads_and_bias_are_one() -> None:
    parts = [
        Part("wte", -1, -1, 1.0),
        Part("h.0.head.0", 0, 0, 2.0),
        Part("h.0.head.1", 0, 1, 4.0),
        Part("h.0.attn.bias", 0, -1, -0.5),
        Part("h.0.mlp", 0, -1, 8.0),
        Part("h.1.head.0", 1, 0, 16.0),
        Part("h.1.head.1", 1, 1, 32.0),
        Part("h.1.attn.bias", 1, -1, 0.25),
        Part("h.1.mlp", 1, -1, 64.0),
        Part("ln_f.bias", -1, -1, 128.0),
    ]
    assert by_layer(parts) == (
        parts[0],
        Part("h.0.attn", 0, -1, 5.5),
        parts[4],
        Part("h.1.attn", 1, -1, 48.25),
        parts[8],
        parts[9],
    )
