"""A block for one token as numba compiles it is the block that NumPy computes."""

from __future__ import annotations

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.int8 import quantize
from picogpt_tui.gpt2.int8_block import compiled_block
from picogpt_tui.gpt2.int8_kernel import KERNEL, Compiled, Kernel
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.model import forward, transformer_block
from picogpt_tui.gpt2.params import Params, is_matrix, params_from_tensors
from picogpt_tui.gpt2.taps import Taps

from .checkpoints import random_tensors
from .kernels import absent_kernel, use_kernel

SHAPES = [(1, 1), (3, 15), (4, 64), (12, 768)]


def config_of(n_head: int, n_embd: int) -> GPT2Config:
    return GPT2Config(n_vocab=50, n_ctx=400, n_embd=n_embd, n_head=n_head, n_layer=2)


def int8_params(config: GPT2Config) -> Params:
    tensors = random_tensors(config, 3)
    quantized = {
        name: quantize(values if name == "wte.weight" else values.T) if is_matrix(name) else values
        for name, values in tensors.items()
    }
    return params_from_tensors(quantized, config)


def assert_close(ours: FloatArray, other: FloatArray) -> None:
    """To float32's rounding of the largest number; some sums are of large ones that cancel."""
    np.testing.assert_allclose(ours, other, atol=5e-6 * float(np.abs(other).max()), rtol=0)


@pytest.fixture
def compiles() -> None:
    if not KERNEL.wait():
        pytest.skip(KERNEL.trouble)


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize("n_past", [0, 1, 7, 255, 256, 399])
@pytest.mark.parametrize("n_head, n_embd", SHAPES)
def test_one_token_passes_as_it_does_in_numpy(
    monkeypatch: pytest.MonkeyPatch, n_head: int, n_embd: int, n_past: int
) -> None:
    """Residual stream, keys and values, with the memory of the cache as it is and grown for this token."""
    config = config_of(n_head, n_embd)
    params, caches, streams = int8_params(config), [KVCache(config), KVCache(config)], list[FloatArray]()
    for cache, absent in zip(caches, (False, True), strict=True):
        if n_past:
            forward([id % 50 for id in range(n_past)], params, config, cache)
        if absent:
            use_kernel(monkeypatch, absent_kernel())
        x = np.random.default_rng(2).standard_normal((1, n_embd), dtype=np.float32)
        for layer, block in enumerate(params.blocks):
            assert compiled_block(x.copy(), block, layer, config, cache) != absent
            assert transformer_block(x, block, layer, config, cache) is x
        streams.append(x)
    assert_close(*streams)
    for layer in range(config.n_layer):
        for ours, other in zip(*(cache.room(layer, 1) for cache in caches), strict=True):
            held = slice(0, n_past + 1)
            assert_close(ours[:, held], other[:, held])


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_has_overflowed_stays_seen(bad: float) -> None:
    config = config_of(3, 15)
    x = np.ones((1, 15), dtype=np.float32)
    x[0, 4] = bad
    assert compiled_block(x, int8_params(config).blocks[0], 0, config, KVCache(config))
    assert not np.isfinite(x).any()


@pytest.mark.usefixtures("compiles")
def test_huge_scores_do_not_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax subtracts the largest first; GELU far below zero is zero."""
    config, answers = config_of(3, 15), list[FloatArray]()
    tensors = {name: values * np.float32(100) for name, values in random_tensors(config, 3).items()}
    params = params_from_tensors(
        {name: quantize(value.T) if value.ndim == 2 and "h." in name else value for name, value in tensors.items()},
        config,
    )
    for absent in (False, True):
        if absent:
            use_kernel(monkeypatch, absent_kernel())
        cache = KVCache(config)
        forward([1, 2, 3], params, config, cache, tap=Taps())
        answers.append(forward([4], params, config, cache))
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-3)


@pytest.mark.usefixtures("compiles")
def test_several_tokens_and_whoever_looks_inside_go_the_plain_way() -> None:
    config = config_of(3, 15)
    params, cache = int8_params(config), KVCache(config)
    x = np.ones((2, 15), dtype=np.float32)
    assert not compiled_block(x, params.blocks[0], 0, config, cache)
    assert (x == 1).all()
    taps = Taps()
    forward([1], params, config, cache, tap=taps)
    assert [name for name, _ in taps.stream()] == ["embed", "h.0.attn", "h.0.mlp", "h.1.attn", "h.1.mlp"]


def test_float32_is_no_affair_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    kernel = Compiled(lambda rows, scales, x, y: asked.append("product"), lambda *args: asked.append("block"))
    assert use_kernel(monkeypatch, Kernel(lambda: kernel, lambda: None)).wait()
    config = config_of(3, 15)
    for is_int8 in (False, True):
        params = int8_params(config) if is_int8 else params_from_tensors(random_tensors(config, 3), config)
        forward([1], params, config, KVCache(config))
        assert asked == (["block", "block", "product"] if is_int8 else [])
