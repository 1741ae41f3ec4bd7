"""The forward pass: ids in, logits out. Prefill and decode are the same code with many or one new token.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and
https://github.com/openai/gpt-2/blob/master/src/model.py for what the paper leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.int8 import Int8Matrix
from picogpt_tui.gpt2.int8_block import compiled_block
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.ops import causal_softmax, gelu, layer_norm, linear
from picogpt_tui.gpt2.params import MLP, Attention, Block, Params
from picogpt_tui.gpt2.scratch import Scratch
from picogpt_tui.gpt2.taps import AFTER_ATTN, AFTER_MLP, ATTN_OUT, EMBED, HEADS, MLP_OUT, WEIGHTS, Tap

_QUERIES_AT_ONCE = 128
"""Tokens of a prompt that look back together: the fewer, the less is computed of what they may not see."""


def forward(
    ids: Sequence[int],
    params: Params,
    config: GPT2Config,
    cache: KVCache,
    *,
    all_logits: bool = False,
    tap: Tap | None = None,
) -> FloatArray:
    """Run new tokens through the model behind those the cache holds.

    Args:
        ids: the n_seq new tokens, at least one; n_past + n_seq may not pass n_ctx.
        params: the weights.
        config: their shape.
        cache: holds n_past tokens; holds n_past + n_seq afterwards.
        all_logits: whether to unembed every new position or only the last.
        tap: is shown what passes by, if given, and may change it.

    Returns:
        Logits: [n_seq, n_vocab] with all_logits, else [1, n_vocab].
    """
    x = hidden_states(ids, params, config, cache, tap=tap)
    if not all_logits:
        x = x[-1:]  # [n_seq, n_embd] -> [1, n_embd]
    return unembed(x, params, config)


def hidden_states(
    ids: Sequence[int], params: Params, config: GPT2Config, cache: KVCache, *, tap: Tap | None = None
) -> FloatArray:
    """The residual stream behind the last block, which is all that `unembed` needs: [n_seq, n_embd].

    The arguments are those of `forward`.
    """
    n_past = len(cache.ids)
    # subtle: behind a full cache NumPy would broadcast the token against no position and answer with no logits
    assert n_past + len(ids) <= config.n_ctx, f"{n_past + len(ids)} tokens do not fit a context of {config.n_ctx}"
    x: FloatArray = params.wte[list(ids)] + params.wpe[n_past : n_past + len(ids)]  # [n_seq] -> [n_seq, n_embd]
    _show(tap, EMBED, -1, n_past, x)
    for layer, block in enumerate(params.blocks):
        x = transformer_block(x, block, layer, config, cache, tap)
    cache.ids.extend(ids)
    return x


def transformer_block(
    x: FloatArray, block: Block, layer: int, config: GPT2Config, cache: KVCache, tap: Tap | None = None
) -> FloatArray:
    """Writes into x, the residual stream [n_seq, n_embd]: adds attention's answer, then the MLP's."""
    if tap is None and compiled_block(x, block, layer, config, cache):
        return x
    eps, normed, n_past = config.layer_norm_epsilon, cache.scratch.array("normed", *x.shape), len(cache.ids)
    added = attention(layer_norm(x, block.ln_1.g, block.ln_1.b, eps, normed), block.attn, layer, config, cache, tap)
    _show(tap, ATTN_OUT, layer, n_past, added)
    x += added
    _show(tap, AFTER_ATTN, layer, n_past, x)
    added = mlp(layer_norm(x, block.ln_2.g, block.ln_2.b, eps, normed), block.mlp, cache.scratch)
    _show(tap, MLP_OUT, layer, n_past, added)
    x += added
    _show(tap, AFTER_MLP, layer, n_past, x)
    return x


def attention(
    x: FloatArray, attn: Attention, layer: int, config: GPT2Config, cache: KVCache, tap: Tap | None = None
) -> FloatArray:
    """Multi-head causal self-attention of the new tokens over all tokens so far. x: [n_seq, n_embd]."""
    (n_seq, n_embd), n_head, d_head = x.shape, config.n_head, config.d_head
    array = cache.scratch.array
    qkv = linear(x, attn.c_attn.w, attn.c_attn.b, array("qkv", n_seq, 3 * n_embd))
    split = qkv.reshape(n_seq, 3, n_head, d_head).transpose(1, 2, 0, 3)  # -> [3, n_head, n_seq, d_head]
    q, (keys, values) = split[0], cache.write(layer, split[1:])  # -> 2 x [n_head, n_kv, d_head]
    n_past = keys.shape[1] - n_seq

    q *= np.float32(1 / math.sqrt(d_head))
    merged = array("merged", n_seq, n_head, d_head)
    n_at_once = n_seq if tap is not None and WEIGHTS in tap.names else _QUERIES_AT_ONCE
    for first in range(0, n_seq, n_at_once):
        queries = slice(first, min(first + n_at_once, n_seq))
        n_kv = n_past + queries.stop  # no query sees what is behind it
        weights = array("weights", n_head, queries.stop - first, n_kv)
        np.matmul(q[:, queries], keys[:, :n_kv].transpose(0, 2, 1), out=weights)
        causal_softmax(weights, n_past + first)
        _show(tap, WEIGHTS, layer, n_past + first, weights)
        np.matmul(weights, values[:, :n_kv], out=merged[queries].transpose(1, 0, 2))  # -> [n_head, n_seq, d_head]
    _show(tap, HEADS, layer, n_past, merged)
    return linear(merged.reshape(n_seq, n_embd), attn.c_proj.w, attn.c_proj.b, array("projected", n_seq, n_embd))


def mlp(x: FloatArray, weights: MLP, scratch: Scratch) -> FloatArray:
    """Widen fourfold, bend, narrow. x: [n_seq, n_embd]."""
    n_seq, n_embd = x.shape
    wide = linear(x, weights.c_fc.w, weights.c_fc.b, scratch.array("wide", n_seq, 4 * n_embd))
    gelu(wide, out=wide)
    return linear(wide, weights.c_proj.w, weights.c_proj.b, scratch.array("projected", n_seq, n_embd))


def unembed(x: FloatArray, params: Params, config: GPT2Config) -> FloatArray:
    """Final layer norm, then the similarity to every token's embedding: [n, n_embd] -> [n, n_vocab]."""
    x = layer_norm(x, params.ln_f.g, params.ln_f.b, config.layer_norm_epsilon)
    if isinstance(params.wte, Int8Matrix):
        return params.wte.product(x)
    if x.shape[0] == 1:
        # subtle: as matrix times vector BLAS reads wte once in its stored order, on both cores
        logits: FloatArray = params.wte @ x[0]  # [n_vocab, n_embd] @ [n_embd] -> [n_vocab]
        return logits[None]
    return x @ params.wte.T


def _show(tap: Tap | None, name: str, layer: int, first: int, value: FloatArray) -> None:
    if tap is not None and name in tap.names:
        tap.see(name, layer, first, value)
