"""The cache keeps what it was given, forgets what it was told to, and knows which tokens it holds."""

from __future__ import annotations

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel

from .checkpoints import TINY, random_ids

CONFIG = GPT2Config(n_vocab=11, n_ctx=7, n_embd=6, n_head=3, n_layer=2)


def heads(n_seq: int, value: float) -> FloatArray:
    return np.full((CONFIG.n_head, n_seq, CONFIG.d_head), value, dtype=np.float32)


def pair(n_seq: int, key: float, value: float) -> FloatArray:
    """Keys and values of new tokens."""
    return np.stack([heads(n_seq, key), heads(n_seq, value)])


def test_write_returns_what_was_held_and_what_is_new() -> None:
    cache = KVCache(CONFIG)
    cache.write(1, pair(3, 1, -1))
    cache.ids += [4, 5, 6]
    keys, values = cache.write(1, pair(2, 2, -2))
    np.testing.assert_array_equal(keys[:, :, 0], [[1, 1, 1, 2, 2]] * 3)
    np.testing.assert_array_equal(values, -keys)
    assert keys.dtype == values.dtype == np.float32


def test_layers_do_not_mix() -> None:
    cache = KVCache(CONFIG)
    first, _ = cache.write(0, pair(3, 1, 1))
    cache.write(1, pair(3, 9, 9))
    np.testing.assert_array_equal(first, heads(3, 1))


def test_exactly_n_ctx_tokens_fit_and_one_more_does_not() -> None:
    cache = KVCache(CONFIG)
    keys, _ = cache.write(0, pair(7, 1, 1))
    assert keys.shape == (3, 7, 2)
    with pytest.raises(AssertionError, match="8 tokens do not fit a context of 7"):
        cache.write(0, pair(8, 1, 1))


def test_memory_grows_with_the_text_and_keeps_what_it_holds() -> None:
    config = GPT2Config(n_vocab=11, n_ctx=700, n_embd=6, n_head=3, n_layer=2)
    cache = KVCache(config)
    for_one = cache.nbytes
    written = []
    for n_new in (1, 255, 1, 300, 143):
        part = np.random.default_rng(n_new).standard_normal((3, n_new, 2), dtype=np.float32)
        written.append(part)
        for layer in range(2):
            keys, values = cache.write(layer, np.stack([part * np.float32(layer + 1), -part]))
            np.testing.assert_array_equal(keys, np.concatenate(written, axis=1) * np.float32(layer + 1))
            np.testing.assert_array_equal(values, -np.concatenate(written, axis=1))
        cache.ids += [0] * n_new
        if len(cache.ids) == 256:
            assert cache.nbytes == for_one
    assert cache.nbytes == 2 * 2 * 700 * 6 * 4
    assert for_one == 2 * 2 * 256 * 6 * 4


def test_truncate_forgets_the_end() -> None:
    cache = KVCache(CONFIG)
    cache.ids += [1, 2, 3, 4]
    cache.truncate(2)
    assert cache.ids == [1, 2]
    cache.truncate(5)
    assert cache.ids == [1, 2]


@pytest.mark.parametrize(
    "held, wanted, at_most, kept",
    [
        pytest.param([], [1, 2], 1, 0, id="empty"),
        pytest.param([1, 2, 3], [1, 2, 3], 2, 2, id="the same text: its last token is computed again, for its logits"),
        pytest.param([1, 2, 3], [1, 2, 3, 4], 3, 3, id="one token more"),
        pytest.param([1, 2, 3], [1, 2], 1, 1, id="a shorter text"),
        pytest.param([1, 2, 3], [1, 9, 3], 2, 1, id="edited in the middle"),
        pytest.param([1, 2, 3], [9, 2, 3], 2, 0, id="edited at the beginning"),
        pytest.param([1, 2, 3], [1, 2, 3], 0, 0, id="nothing allowed"),
    ],
)
def test_keep_common_prefix(held: list[int], wanted: list[int], at_most: int, kept: int) -> None:
    cache = KVCache(CONFIG)
    cache.ids += held
    assert cache.keep_common_prefix(wanted, at_most) == kept
    assert cache.ids == held[:kept]


def test_a_look_at_the_middle_leaves_the_cache_as_it_was(tiny_model: LanguageModel) -> None:
    """Of a text that is a hundred tokens long, one look at the third must not cost ninety-seven."""
    ids, cache = random_ids(TINY, 9), KVCache(TINY)
    tiny_model.forward(ids, cache)
    before = [np.concatenate(cache.held(layer)) for layer in range(TINY.n_layer)]
    with cache.rewound(3):
        assert cache.ids == ids[:3]
        tiny_model.forward([(ids[3] + 1) % TINY.n_vocab], cache)
    assert cache.ids == ids
    for layer, was in enumerate(before):
        np.testing.assert_array_equal(np.concatenate(cache.held(layer)), was)


def test_a_look_puts_the_cache_back_even_if_it_breaks(tiny_model: LanguageModel) -> None:
    cache = KVCache(TINY)
    tiny_model.forward([1, 2, 3], cache)
    with pytest.raises(ZeroDivisionError), cache.rewound(1):
        raise ZeroDivisionError
    assert cache.ids == [1, 2, 3]
