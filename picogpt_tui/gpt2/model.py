"""The forward pass: ids in, logits out. Prefill and decode are the same code with many or one new token.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and
https://github.com/openai/gpt-2/blob/master/src/model.py for what the paper leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.ops import gelu, layer_norm, linear, softmax
from picogpt_tui.gpt2.params import MLP, Attention, Block, FloatArray, Params


@dataclass(slots=True)
class Taps:
    """What a lens wants to see of a forward pass. Filled in place; without it nothing is copied.

    Attributes:
        residual: the residual stream as (name, [n_seq, n_embd]): `embed`, then `h.<i>.attn` and `h.<i>.mlp`
            after each block's halves, before ln_f.
        attention: per layer, the attention weights [n_head, n_seq, n_kv]; rows are queries.
    """

    residual: list[tuple[str, FloatArray]] = field(default_factory=list)
    attention: list[FloatArray] = field(default_factory=list)


def forward(
    ids: Sequence[int],
    params: Params,
    config: GPT2Config,
    cache: KVCache,
    *,
    all_logits: bool = False,
    taps: Taps | None = None,
) -> FloatArray:
    """Run new tokens through the model behind those the cache holds.

    Args:
        ids: the n_seq new tokens, at least one; n_past + n_seq may not pass n_ctx.
        params: the weights.
        config: their shape.
        cache: holds n_past tokens; holds n_past + n_seq afterwards.
        all_logits: whether to unembed every new position or only the last.
        taps: filled with what passes by, if given.

    Returns:
        Logits: [n_seq, n_vocab] with all_logits, else [1, n_vocab].
    """
    n_past = len(cache.ids)
    # subtle: behind a full cache NumPy would broadcast the token against no position and answer with no logits
    assert n_past + len(ids) <= config.n_ctx, f"{n_past + len(ids)} tokens do not fit a context of {config.n_ctx}"
    x: FloatArray = params.wte[ids] + params.wpe[n_past : n_past + len(ids)]  # [n_seq] -> [n_seq, n_embd]
    _tap(taps, "embed", x)
    for layer, block in enumerate(params.blocks):
        x = transformer_block(x, block, layer, config, cache, taps)
    cache.ids.extend(ids)
    if not all_logits:
        x = x[-1:]  # [n_seq, n_embd] -> [1, n_embd]
    return unembed(x, params, config)


def transformer_block(
    x: FloatArray, block: Block, layer: int, config: GPT2Config, cache: KVCache, taps: Taps | None = None
) -> FloatArray:
    """Writes into x, the residual stream [n_seq, n_embd]: adds attention's answer, then the MLP's."""
    eps = config.layer_norm_epsilon
    x += attention(layer_norm(x, block.ln_1.g, block.ln_1.b, eps), block.attn, layer, config, cache, taps)
    _tap(taps, f"h.{layer}.attn", x)
    x += mlp(layer_norm(x, block.ln_2.g, block.ln_2.b, eps), block.mlp)
    _tap(taps, f"h.{layer}.mlp", x)
    return x


def attention(
    x: FloatArray, attn: Attention, layer: int, config: GPT2Config, cache: KVCache, taps: Taps | None = None
) -> FloatArray:
    """Multi-head causal self-attention of the new tokens over all tokens so far. x: [n_seq, n_embd]."""
    n_seq = x.shape[0]
    qkv = linear(x, attn.c_attn.w, attn.c_attn.b)  # [n_seq, n_embd] -> [n_seq, 3 * n_embd]
    heads = qkv.reshape(n_seq, 3, config.n_head, config.d_head)  # -> [n_seq, 3, n_head, d_head]
    q, k, v = heads.transpose(1, 2, 0, 3)  # -> 3 x [n_head, n_seq, d_head]
    keys, values = cache.write(layer, k, v)  # -> [n_head, n_kv, d_head]

    weights = q @ keys.transpose(0, 2, 1)  # -> [n_head, n_seq, n_kv]
    weights *= np.float32(1.0 / np.sqrt(config.d_head))
    if n_seq > 1:
        weights += causal_mask(n_seq, keys.shape[1])
    weights = softmax(weights)
    if taps is not None:
        taps.attention.append(weights)

    mixed = weights @ values  # [n_head, n_seq, n_kv] -> [n_head, n_seq, d_head]
    merged = mixed.transpose(1, 0, 2).reshape(n_seq, config.n_embd)  # -> [n_seq, n_embd]
    return linear(merged, attn.c_proj.w, attn.c_proj.b)


def causal_mask(n_seq: int, n_kv: int) -> FloatArray:
    """What the new tokens may not see: 0 or -inf, [n_seq, n_kv].

    The queries are the last n_seq of n_kv positions, so key j is visible to query i when j <= i + n_kv - n_seq.
    """
    visible = np.tri(n_seq, n_kv, n_kv - n_seq, dtype=np.bool_)
    return np.where(visible, np.float32(0), np.float32(-np.inf))


def mlp(x: FloatArray, weights: MLP) -> FloatArray:
    """Widen fourfold, bend, narrow. x: [n_seq, n_embd]."""
    wide = gelu(linear(x, weights.c_fc.w, weights.c_fc.b))  # [n_seq, n_embd] -> [n_seq, 4 * n_embd]
    return linear(wide, weights.c_proj.w, weights.c_proj.b)  # -> [n_seq, n_embd]


def unembed(x: FloatArray, params: Params, config: GPT2Config) -> FloatArray:
    """Final layer norm, then the similarity to every token's embedding: [n, n_embd] -> [n, n_vocab]."""
    x = layer_norm(x, params.ln_f.g, params.ln_f.b, config.layer_norm_epsilon)
    if x.shape[0] == 1:
        # subtle: as matrix times vector BLAS reads wte once in its stored order, on both cores
        logits: FloatArray = params.wte @ x[0]  # [n_vocab, n_embd] @ [n_embd] -> [n_vocab]
        return logits[None]
    return x @ params.wte.T


def _tap(taps: Taps | None, name: str, x: FloatArray) -> None:
    if taps is not None:
        taps.residual.append((name, x.copy()))
