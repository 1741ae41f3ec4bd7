"""A block for one token in int8 as numba compiled it, where it has."""

from __future__ import annotations

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray, Int8Array
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.int8 import Int8Matrix
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.params import Block, Linear


def compiled_block(x: FloatArray, block: Block, layer: int, config: GPT2Config, cache: KVCache) -> bool:
    """Do what `model.transformer_block` does, if it can be done so; says whether it was.

    Args:
        x: the residual stream, [n_seq, n_embd]; written into.
        block: the layer's weights.
        layer: its index.
        config: the model's.
        cache: holds the tokens before; the new one's keys and values are put behind theirs.
    """
    compiled = KERNEL.compiled
    if compiled is None or len(x) != 1 or not isinstance(block.attn.c_attn.w, Int8Matrix):
        return False
    keys, values = cache.room(layer, 1)
    compiled.block(
        x,
        *(block.ln_1.g, block.ln_1.b, *_arrays(block.attn.c_attn), *_arrays(block.attn.c_proj)),
        *(block.ln_2.g, block.ln_2.b, *_arrays(block.mlp.c_fc), *_arrays(block.mlp.c_proj)),
        *(keys, values, len(cache.ids), np.float32(config.layer_norm_epsilon)),
    )
    return True


def _arrays(linear: Linear) -> tuple[Int8Array, FloatArray, FloatArray]:
    assert isinstance(linear.w, Int8Matrix), "a block's matrices are all of one precision"
    return linear.w.rows, linear.w.scales, linear.b
