"""The forward pass: cached decoding equals full recompute, both equal pico.py, and taps show what passes by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2 import model, pico
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.model import forward, unembed
from picogpt_tui.gpt2.ops import linear
from picogpt_tui.gpt2.params import Params
from picogpt_tui.gpt2.taps import ATTN_OUT, EMBED, HEADS, MLP_OUT, NAMES, WEIGHTS, Tap, Taps

from .checkpoints import TINY, random_ids, random_params

CONFIGS = [
    GPT2Config(11, 1, 4, 2, 1),
    GPT2Config(13, 7, 6, 3, 1),
    GPT2Config(23, 5, 7, 1, 2),
    GPT2Config(17, 9, 5, 5, 4),
    GPT2Config(19, 8, 12, 2, 13),
    TINY,
]


def full(ids: Sequence[int], params: Params, config: GPT2Config, tap: Tap | None = None) -> FloatArray:
    """Logits of all positions in one pass."""
    return forward(ids, params, config, KVCache(config), all_logits=True, tap=tap)


def in_pieces(ids: Sequence[int], cuts: Sequence[int], params: Params, config: GPT2Config) -> FloatArray:
    """Logits of all positions, computed piece by piece through one cache."""
    cache, bounds = KVCache(config), [0, *cuts, len(ids)]
    pieces = [forward(ids[start:end], params, config, cache, all_logits=True) for start, end in pairwise(bounds)]
    assert cache.ids == list(ids)
    return np.concatenate(pieces)


def assert_same_logits(got: FloatArray, expected: FloatArray, largest: float = 1e-5) -> None:
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= largest * np.abs(expected).max()


def every_cut(n: int) -> Iterator[tuple[int, ...]]:
    for n_cuts in range(n):
        yield from combinations(range(1, n), n_cuts)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_cached_decoding_equals_full_recompute_for_every_split_in_two(config: GPT2Config) -> None:
    """Every length up to n_ctx, every place to split it: the cache may change no digit that matters."""
    params, ids = random_params(config), random_ids(config, config.n_ctx)
    for n in range(1, config.n_ctx + 1):
        expected = full(ids[:n], params, config)
        for cut in range(1, n):
            assert_same_logits(in_pieces(ids[:n], [cut], params, config), expected)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_cached_decoding_equals_full_recompute_for_every_composition(config: GPT2Config) -> None:
    """All 2^(n - 1) ways to cut seven tokens into pieces, one by one among them."""
    n = min(config.n_ctx, 7)
    params, ids = random_params(config), random_ids(config, n)
    expected = full(ids, params, config)
    for cuts in every_cut(n):
        assert_same_logits(in_pieces(ids, cuts, params, config), expected)


@given(st.sets(st.integers(1, TINY.n_ctx - 1)), st.integers(0, 2**32))
def test_cached_decoding_equals_full_recompute_for_any_prompt(cuts: set[int], seed: int) -> None:
    params, ids = random_params(TINY, seed=3), random_ids(TINY, TINY.n_ctx, seed)
    assert_same_logits(in_pieces(ids, sorted(cuts), params, TINY), full(ids, params, TINY))


@pytest.mark.parametrize("kept", range(TINY.n_ctx))
def test_a_truncated_cache_goes_on_as_if_the_rest_had_never_been(kept: int) -> None:
    params, ids = random_params(TINY), random_ids(TINY, TINY.n_ctx)
    cache = KVCache(TINY)
    forward(random_ids(TINY, TINY.n_ctx, seed=9), params, TINY, cache)
    cache.keep_common_prefix(ids, at_most=kept)  # the two texts begin differently: nothing may be left of the first
    forward(ids, params, TINY, cache)
    cache.truncate(kept)
    expected = full([*ids[:kept], 3], params, TINY)[-1:]
    assert_same_logits(forward([3], params, TINY, cache), expected)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_equals_pico(config: GPT2Config) -> None:
    """The executable specification computes in float64 and without a cache."""
    params, ids = random_params(config), random_ids(config, config.n_ctx)
    assert_same_logits(full(ids, params, config), pico.gpt2(ids, **params.to_dict(), n_head=config.n_head))


def test_greedy_decoding_equals_picos() -> None:
    params, prompt = random_params(TINY), random_ids(TINY, 4)
    cache, ids, block = KVCache(TINY), list(prompt), list(prompt)
    for _ in range(TINY.n_ctx - 4):
        block = [int(forward(block, params, TINY, cache).argmax())]
        ids += block
    assert ids[4:] == pico.generate(prompt, params.to_dict(), TINY.n_head, TINY.n_ctx - 4)


def test_pico_leaves_the_callers_list() -> None:
    prompt = [1, 2, 3]
    pico.generate(prompt, random_params(TINY).to_dict(), TINY.n_head, 2)
    assert prompt == [1, 2, 3]


def test_the_configs_epsilon_is_used_in_every_layer_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is large enough to see; pico.py, whose signatures know none, gets it by hand."""
    config = GPT2Config(13, 7, 6, 3, 2, layer_norm_epsilon=0.5)
    params, ids = random_params(config), random_ids(config, 7)
    monkeypatch.setattr(pico, "layer_norm", partial(pico.layer_norm, eps=0.5))
    assert_same_logits(full(ids, params, config), pico.gpt2(ids, **params.to_dict(), n_head=3))


def test_float32_end_to_end() -> None:
    """In prefill and decode, logits and taps alike: an untyped cache would turn all behind it into float64."""
    params, cache, taps = random_params(TINY), KVCache(TINY), Taps()
    prefill = forward([1, 2, 3], params, TINY, cache, all_logits=True, tap=taps)
    decode = forward([4], params, TINY, cache, tap=taps)
    arrays = [prefill, decode, *taps.values.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_only_the_last_position_is_unembedded_unless_asked() -> None:
    params, ids = random_params(TINY), random_ids(TINY, 5)
    last = forward(ids, params, TINY, KVCache(TINY))
    assert last.shape == (1, TINY.n_vocab)
    assert_same_logits(last, full(ids, params, TINY)[-1:])


def test_one_token_past_the_context_is_our_own_bug() -> None:
    """Both at once and one by one; NumPy alone would quietly answer a full cache with no logits at all."""
    params, ids = random_params(TINY), random_ids(TINY, TINY.n_ctx + 1)
    with pytest.raises(AssertionError, match="14 tokens do not fit a context of 13"):
        forward(ids, params, TINY, KVCache(TINY))
    cache = KVCache(TINY)
    forward(ids[:-1], params, TINY, cache)
    with pytest.raises(AssertionError, match="14 tokens do not fit a context of 13"):
        forward(ids[-1:], params, TINY, cache)
    assert len(cache.ids) == TINY.n_ctx


def test_no_token_sees_a_later_one() -> None:
    params, ids = random_params(TINY), random_ids(TINY, 9)
    before = full(ids, params, TINY)
    for changed in range(9):
        other = [*ids[:changed], (ids[changed] + 1) % TINY.n_vocab, *ids[changed + 1 :]]
        after = full(other, params, TINY)
        np.testing.assert_array_equal(after[:changed], before[:changed])
        assert (np.abs(after[changed:] - before[changed:]).max(axis=-1) > 1e-4).all()


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_last_residual_unembedded_is_the_logits(config: GPT2Config) -> None:
    """What makes a logit lens honest: its last row is the model's answer, ln_f applied exactly once."""
    params, ids, taps = random_params(config), random_ids(config, config.n_ctx), Taps()
    logits = full(ids, params, config, taps)
    name, x = taps.stream()[-1]
    assert name == f"h.{config.n_layer - 1}.mlp"
    np.testing.assert_array_equal(unembed(x, params, config), logits)


def test_taps_name_every_half_block() -> None:
    params, taps = random_params(TINY), Taps()
    full([1, 2], params, TINY, taps)
    halves = [f"h.{layer}.{half}" for layer in range(3) for half in ("attn", "mlp")]
    assert [name for name, _ in taps.stream()] == ["embed", *halves]
    np.testing.assert_array_equal(taps.stream()[0][1], params.wte[[1, 2]] + params.wpe[:2])
    different = {x.tobytes() for _, x in taps.stream()}
    assert len(different) == len(taps.stream()), "a tap must be a copy of its moment, not the stream that goes on"


def test_attention_rows_are_distributions_over_the_past() -> None:
    params, taps, cache = random_params(TINY), Taps(), KVCache(TINY)
    forward([1, 2, 3], params, TINY, cache)
    forward([4, 5], params, TINY, cache, tap=taps)
    for layer in range(TINY.n_layer):
        weights = taps.values[WEIGHTS, layer]
        assert weights.shape == (TINY.n_head, 2, 5)  # queries are rows, keys columns
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
        assert (weights[:, 0, 4] == 0).all(), "the first of the new tokens sees the second"
        assert (weights[:, 1] > 0).all()


def test_what_a_tap_shows_adds_up_to_the_stream() -> None:
    """The parts that an attribution is made of: heads through c_proj are attention's answer, and both halves add up."""
    params, taps = random_params(TINY), Taps()
    full([1, 2, 3], params, TINY, taps)
    stream, seen = dict(taps.stream()), taps.values
    before = stream["embed"]
    for layer, block in enumerate(params.blocks):
        merged = seen[HEADS, layer].reshape(3, TINY.n_embd)
        np.testing.assert_allclose(
            linear(merged, block.attn.c_proj.w, block.attn.c_proj.b), seen[ATTN_OUT, layer], atol=1e-6
        )
        np.testing.assert_array_equal(before + seen[ATTN_OUT, layer], stream[f"h.{layer}.attn"])
        np.testing.assert_array_equal(stream[f"h.{layer}.attn"] + seen[MLP_OUT, layer], stream[f"h.{layer}.mlp"])
        before = stream[f"h.{layer}.mlp"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != EMBED])
def test_the_pass_goes_on_with_what_a_tap_writes(name: str) -> None:
    """Surgery is written into the values themselves."""

    class Zero:
        names = (name,)

        def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
            if layer == 1:
                value[:] = 0

    params = random_params(TINY)
    kept, changed = full([1, 2, 3], params, TINY), full([1, 2, 3], params, TINY, Zero())
    assert np.abs(changed - kept).max() > 1e-3


def test_a_tap_is_told_where_its_tokens_stand() -> None:
    class First:
        names = (EMBED, HEADS)

        def __init__(self) -> None:
            self.told: list[tuple[str, int, int]] = []

        def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
            self.told.append((name, layer, first))

    params, cache, tap = random_params(TINY), KVCache(TINY), First()
    forward([1, 2, 3], params, TINY, cache)
    forward([4, 5], params, TINY, cache, tap=tap)
    assert tap.told == [(EMBED, -1, 3), *((HEADS, layer, 3) for layer in range(TINY.n_layer))]


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_queries_look_back_by_so_many_at_once_as_all_together(
    monkeypatch: pytest.MonkeyPatch, config: GPT2Config, at_once: int
) -> None:
    params, ids = random_params(config), random_ids(config, config.n_ctx)
    cuts = [config.n_ctx // 2] if config.n_ctx > 1 else []
    expected, taps, small_taps = in_pieces(ids, cuts, params, config), Taps(), Taps()
    full(ids, params, config, taps)
    monkeypatch.setattr(model, "_QUERIES_AT_ONCE", at_once)
    assert_same_logits(in_pieces(ids, cuts, params, config), expected)
    full(ids, params, config, small_taps)
    for layer in range(config.n_layer):
        np.testing.assert_array_equal(small_taps.values[WEIGHTS, layer], taps.values[WEIGHTS, layer])


def test_taps_change_nothing() -> None:
    params, ids = random_params(TINY), random_ids(TINY, 9)
    np.testing.assert_array_equal(full(ids, params, TINY, Taps()), full(ids, params, TINY))


def test_the_weights_are_never_written_to() -> None:
    params = random_params(TINY)
    before = {name: array.copy() for name, array in params.walk()}
    for _, array in params.walk():
        array.flags.writeable = False  # as a memory-mapped file is
    full(random_ids(TINY, 5), params, TINY)
    for name, array in params.walk():
        np.testing.assert_array_equal(array, before[name])
