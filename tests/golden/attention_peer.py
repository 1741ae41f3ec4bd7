"""Attention and ablation as transformers has them: its own attention weights, and hooks that write over its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.readings import Cut


def transformers_attention(model: Any, ids: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Weights and norms of every layer and head, [n_layer, n_head, n, n] each; rows are queries.

    A norm is that of the vector itself, weight times value times c_proj's rows, in float64 (Kobayashi et al. 2020).
    """
    torch = import_module("torch")
    blocks, seen = model.transformer.h, []
    handles = [block.attn.c_attn.register_forward_hook(lambda module, x, y: seen.append(y[0])) for block in blocks]
    with torch.no_grad():
        weights = model(torch.tensor([list(ids)]), output_attentions=True).attentions
    for handle in handles:
        handle.remove()
    norms = []
    for block, qkv, (alpha,) in zip(blocks, seen, weights, strict=True):
        split = (block.attn.num_heads, block.attn.head_dim)
        v, w = qkv[:, 2 * block.attn.embed_dim :].double(), block.attn.c_proj.weight.detach().double()
        values = v.unflatten(1, split).transpose(0, 1)  # [n, n_embd] -> [n_head, n, d_head]
        through = values @ w.unflatten(0, split)  # @ [n_head, d_head, n_embd] -> [n_head, n, n_embd]
        norms.append((alpha.double()[..., None] * through[:, None]).norm(dim=-1))  # -> [n_head, n, n]
    return np.stack([layer[0].numpy() for layer in weights]), np.stack([layer.float().numpy() for layer in norms])


def transformers_ablated(model: Any, ids: Sequence[int], cuts: Sequence[Cut]) -> FloatArray:
    """Logits of every position under the cuts, [n, n_vocab]; means are over the positions of an untouched pass."""
    torch = import_module("torch")
    text = torch.tensor([list(ids)])
    means: dict[Cut, Any] = {}
    with ExitStack() as hooks, torch.no_grad():
        for cut in cuts:
            hooks.enter_context(_on(model, cut, partial(_keep_mean, means, cut)))
        model(text)
    with ExitStack() as hooks, torch.no_grad():
        for cut in cuts:
            new = means[cut] if cut.how == "mean" else torch.zeros_like(means[cut])
            hooks.enter_context(_on(model, cut, partial(_write, cut, new)))
        logits: FloatArray = model(text).logits[0].numpy()
    return logits


def _keep_mean(means: dict[Cut, Any], cut: Cut, part: Any) -> None:
    means[cut] = part.mean(1, keepdim=True)


def _write(cut: Cut, new: Any, part: Any) -> None:
    at = slice(cut.position, cut.position + 1) if cut.kind == "position" else slice(None)
    part[:, at] = new


@contextmanager
def _on(model: Any, cut: Cut, see: Callable[[Any], None]) -> Iterator[None]:
    """Show a function the values that a cut is about as they pass by, [1, n, width]; it may write into them."""
    if cut.kind == "head":
        attn = model.transformer.h[cut.layer].attn
        part = slice(cut.head * attn.head_dim, (cut.head + 1) * attn.head_dim)
        handle = attn.c_proj.register_forward_pre_hook(lambda module, x: see(x[0][:, :, part]))
    else:
        module = model.transformer.h[cut.layer].mlp if cut.kind == "mlp" else model.transformer.drop
        handle = module.register_forward_hook(lambda module, x, y: see(y))
    try:
        yield
    finally:
        handle.remove()
