"""The logit lens and direct logit attribution from what transformers' GPT-2 computes, in float64, by the plain formula.

Hooks see the residual stream before each layer norm, the heads' answers before c_proj and each MLP's output. The model
has to be `peers.transformers_model(...).double()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]


def transformers_seen(model: Any, ids: Sequence[int]) -> dict[str, Any]:
    """What passes by, [n_seq, n_embd] each: the stream as `embed`, `h.0.attn`, `h.0.mlp` ..., and parts of it.

    The parts are `h.0.heads`, all heads' answers side by side before c_proj, and `h.0.mlp.out`.
    """
    torch = import_module("torch")
    blocks, seen = model.transformer.h, {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: Any, args: Any, output: Any = None) -> None:
            value = args[0] if output is None else output
            seen[name] = value[0].clone()  # [1, n_seq, n_embd] -> [n_seq, n_embd]

        return hook

    with ExitStack() as hooks, torch.no_grad():
        before = {"embed": blocks[0]} | {f"h.{i}.mlp": block for i, block in enumerate(blocks[1:])}
        before |= {f"h.{len(blocks) - 1}.mlp": model.transformer.ln_f}
        before |= {f"h.{i}.attn": block.ln_2 for i, block in enumerate(blocks)}
        before |= {f"h.{i}.heads": block.attn.c_proj for i, block in enumerate(blocks)}
        for name, module in before.items():
            hooks.callback(module.register_forward_pre_hook(keep(name)).remove)
        for i, block in enumerate(blocks):
            hooks.callback(block.mlp.register_forward_hook(keep(f"h.{i}.mlp.out")).remove)
        model(torch.tensor([list(ids)]))
    return seen


def row_names(n_layer: int) -> list[str]:
    """The rows of the lens, in order."""
    return ["embed"] + [f"h.{layer}.{part}" for layer in range(n_layer) for part in ("attn", "mlp")]


def transformers_lens(model: Any, seen: dict[str, Any]) -> Float64Array:
    """Logits of every row and position: [n_rows, n_seq, n_vocab]."""
    torch = import_module("torch")
    rows = [seen[name] for name in row_names(len(model.transformer.h))]
    with torch.no_grad():
        logits: Float64Array = model.lm_head(model.transformer.ln_f(torch.stack(rows))).numpy()
    return logits


def transformers_parts(
    model: Any, seen: dict[str, Any], ids: Sequence[int], position: int, a: int, b: int
) -> dict[str, float]:
    """What every part adds to logit(a) - logit(b) at one position, in the order of the forward pass."""
    body, n_layer = model.transformer, len(model.transformer.h)
    x, ln_f = seen[f"h.{n_layer - 1}.mlp"][position], body.ln_f
    sigma = (x.var(unbiased=False) + ln_f.eps).sqrt()
    difference = model.lm_head.weight[a] - model.lm_head.weight[b]

    def value(part: Any) -> float:
        return float((((part - part.mean()) / sigma * ln_f.weight) @ difference).detach())

    parts = {"wte": value(body.wte.weight[ids[position]]), "wpe": value(body.wpe.weight[position])}
    for layer, block in enumerate(body.h):
        d_head = block.attn.head_dim
        for head in range(block.attn.num_heads):
            rows = slice(head * d_head, (head + 1) * d_head)
            answer = seen[f"h.{layer}.heads"][position, rows] @ block.attn.c_proj.weight[rows]
            parts[f"h.{layer}.head.{head}"] = value(answer)
        parts[f"h.{layer}.attn.bias"] = value(block.attn.c_proj.bias)
        parts[f"h.{layer}.mlp"] = value(seen[f"h.{layer}.mlp.out"][position])
    return parts | {"ln_f.bias": float((ln_f.bias @ difference).detach())}
