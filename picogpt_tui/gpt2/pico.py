"""All of GPT-2, forward pass and greedy decoding, in about sixty lines: no cache, no types beyond arrays, no speed.

The functions keep the names, signatures and parameter tree of picoGPT (https://github.com/jaymody/picoGPT), so that a
reader of its article is at home here; `Params.to_dict()` makes the tree. It is the specification: the tests hold the
fast path of `model.py` against it.
"""

from typing import Any

import numpy as np

Array = Any  # a NumPy array of any float type
Tree = dict[str, Any]


def gelu(x: Array) -> Array:  # noqa: D103 (the formula is its own sentence; so below)
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softmax(x: Array) -> Array:  # noqa: D103
    exp_x = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return exp_x / np.sum(exp_x, axis=-1, keepdims=True)


def layer_norm(x: Array, g: Array, b: Array, eps: float = 1e-5) -> Array:  # noqa: D103
    mean, variance = np.mean(x, axis=-1, keepdims=True), np.var(x, axis=-1, keepdims=True)
    return g * (x - mean) / np.sqrt(variance + eps) + b


def linear(x: Array, w: Array, b: Array) -> Array:  # noqa: D103
    return x @ w + b  # [n_seq, n_in] @ [n_in, n_out] + [n_out] -> [n_seq, n_out]


def ffn(x: Array, c_fc: Tree, c_proj: Tree) -> Array:  # noqa: D103
    return linear(gelu(linear(x, **c_fc)), **c_proj)  # n_embd -> 4 * n_embd -> n_embd


def attention(q: Array, k: Array, v: Array, mask: Array) -> Array:  # noqa: D103
    return softmax(q @ k.T / np.sqrt(q.shape[-1]) + mask) @ v  # each [n_seq, d_head]


def mha(x: Array, c_attn: Tree, c_proj: Tree, n_head: int) -> Array:  # noqa: D103
    q, k, v = (np.split(part, n_head, axis=-1) for part in np.split(linear(x, **c_attn), 3, axis=-1))
    mask = (1 - np.tri(x.shape[0], dtype=x.dtype)) * -1e10  # no token sees a later one
    heads = [attention(*qkv, mask) for qkv in zip(q, k, v, strict=True)]
    return linear(np.hstack(heads), **c_proj)  # n_head x [n_seq, d_head] -> [n_seq, n_embd]


def transformer_block(x: Array, mlp: Tree, attn: Tree, ln_1: Tree, ln_2: Tree, n_head: int) -> Array:  # noqa: D103
    x = x + mha(layer_norm(x, **ln_1), **attn, n_head=n_head)
    return x + ffn(layer_norm(x, **ln_2), **mlp)


def gpt2(inputs: list[int], wte: Array, wpe: Array, blocks: list[Tree], ln_f: Tree, n_head: int) -> Array:
    """Logits of every position: [n_seq] -> [n_seq, n_vocab]."""
    x = wte[inputs] + wpe[range(len(inputs))]
    for block in blocks:
        x = transformer_block(x, **block, n_head=n_head)
    return layer_norm(x, **ln_f) @ wte.T


def generate(inputs: list[int], params: Tree, n_head: int, n_tokens_to_generate: int) -> list[int]:
    """The likeliest next token, again and again; only the new ids, and `inputs` is left as it was."""
    ids = list(inputs)
    for _ in range(n_tokens_to_generate):
        ids.append(int(np.argmax(gpt2(ids, **params, n_head=n_head)[-1])))
    return ids[len(inputs) :]
