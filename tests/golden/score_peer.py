"""Perplexity as transformers' page on fixed-length models computes it, and what its logits say of every token.

https://huggingface.co/docs/transformers/perplexity; the loss is the model's own, of labels that are masked. Here each
window's loss is weighed by the number of labels that it is the mean of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

_IGNORED = -100


@dataclass(frozen=True)
class PeerScore:
    """What the trusted implementation says of a text."""

    tokens: list[tuple[float, int, float, float] | None]
    """Log-probability, rank, entropy, probability of the likeliest; None where a token was not scored."""
    nll: float
    """The sum of the losses."""
    n_scored: int


def transformers_score(model: Any, ids: Sequence[int], n_ctx: int, stride: int) -> PeerScore:
    """Score a text in windows by a GPT2LMHeadModel."""
    torch = import_module("torch")
    tokens: list[tuple[float, int, float, float] | None] = [None] * len(ids)
    nll, n_scored, end_before = 0.0, 0, 0
    for begin in range(0, len(ids), stride):
        end = min(begin + n_ctx, len(ids))
        window = torch.tensor([list(ids[begin:end])])
        labels = window.clone()
        labels[:, : end_before - begin] = _IGNORED
        n_labels = int((labels[:, 1:] != _IGNORED).sum())  # the model shifts them: what is first is no label
        with torch.no_grad():
            out = model(window, labels=labels)
        if n_labels:
            nll += float(out.loss) * n_labels
            n_scored += n_labels
        for position in range(max(begin + 1, end_before), end):
            tokens[position] = _facts(out.logits[0, position - begin - 1], ids[position])
        end_before = end
        if end == len(ids):
            break
    return PeerScore(tokens, nll, n_scored)


def transformers_kl(model_a: Any, model_b: Any, ids: Sequence[int]) -> list[float]:
    """KL(a || b) in nats behind every token of a text that fits the context, in float64 by torch."""
    torch = import_module("torch")
    with torch.no_grad():
        a, b = (model(torch.tensor([list(ids)])).logits[0].double().log_softmax(-1) for model in (model_a, model_b))
    kl = torch.nn.functional.kl_div(b, a, reduction="none", log_target=True).sum(-1)
    return [float(one) for one in kl]


def _facts(logits: Any, id: int) -> tuple[float, int, float, float]:
    logprobs = logits.double().log_softmax(-1)
    entropy = -(logprobs.exp() * logprobs).sum()
    return float(logprobs[id]), int((logits > logits[id]).sum()), float(entropy), float(logprobs.max().exp())
