"""The cache keeps what it was given, forgets what it was told to, and knows which tokens it holds."""

from __future__ import annotations

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.kv_tails import Tails
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


def held(cache: KVCache) -> list[FloatArray]:
    return [np.concatenate(cache.held(layer)) for layer in range(TINY.n_layer)]


def test_a_text_that_was_left_comes_back_without_being_computed(tiny_model: LanguageModel) -> None:
    """A branch at the third token, and back to the ninth: that costs the branch, and nothing else."""
    ids, cache = random_ids(TINY, 9), KVCache(TINY, Tails(10**6))
    tiny_model.forward(ids, cache)
    before = held(cache)
    branch = [*ids[:3], (ids[3] + 1) % TINY.n_vocab]
    assert cache.change_to(branch, at_most=4) == 3
    tiny_model.forward(branch[3:], cache)
    assert cache.change_to(ids, at_most=9) == 9
    assert cache.ids == ids
    for now, was in zip(held(cache), before, strict=True):
        np.testing.assert_array_equal(now, was)
    assert cache.change_to([*branch, 7], at_most=4) == 4, "the branch was put aside in its turn"


def test_a_step_back_in_the_same_text_forgets_nothing(tiny_model: LanguageModel) -> None:
    ids, cache = random_ids(TINY, 9), KVCache(TINY, Tails(10**6))
    tiny_model.forward(ids, cache)
    assert cache.change_to(ids[:5], at_most=4) == 4
    assert cache.change_to(ids, at_most=8) == 8


def test_without_tails_what_is_forgotten_is_gone(tiny_model: LanguageModel) -> None:
    ids, cache = random_ids(TINY, 9), KVCache(TINY)
    tiny_model.forward(ids, cache)
    cache.change_to(ids[:3], at_most=3)
    assert cache.change_to(ids, at_most=9) == 3


def test_tails_take_no_more_memory_than_they_may(tiny_model: LanguageModel) -> None:
    """The one that was of no use for longest goes first."""
    bytes_a_token = 2 * TINY.n_layer * TINY.n_embd * 4
    tails = Tails(10 * bytes_a_token)
    cache, texts = KVCache(TINY, tails), [[n, *random_ids(TINY, 6, seed=n)] for n in range(5)]
    for text in texts:
        tiny_model.forward(text[cache.change_to(text, at_most=6) :], cache)
        assert tails.nbytes <= 10 * bytes_a_token
    assert cache.change_to(texts[3], at_most=7) == 7
    assert cache.change_to(texts[0], at_most=7) == 0


def test_a_tail_that_is_in_another_is_not_kept_twice(tiny_model: LanguageModel) -> None:
    ids, tails = random_ids(TINY, 9), Tails(10**6)
    cache = KVCache(TINY, tails)
    tiny_model.forward(ids, cache)
    cache.change_to(ids[:3], at_most=2)
    n = tails.nbytes
    cache.change_to(ids, at_most=7)
    cache.change_to(ids[:3], at_most=2)
    assert tails.nbytes == n
