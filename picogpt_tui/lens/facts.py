"""What the model said of tokens that stand in a text, from the logits that predicted them; many positions at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.ops import log_softmax

ROWS_AT_ONCE = 64
"""Positions whose logits are held together: at 50,257 tokens 13 MB."""


class Facts(NamedTuple):
    """Of one token; nats, raw."""

    logprob: float
    rank: int
    """How many tokens had a strictly larger logit."""
    entropy: float
    """Of the distribution it stands in."""
    alternatives: tuple[tuple[int, float], ...]
    """The likeliest (id, logprob), ties in the order of their ids."""


def stacked(rows: Sequence[FloatArray]) -> FloatArray:
    """Hidden states of single tokens, [n_embd] each, as one array [n, n_embd]."""
    return np.stack(rows)


def token_facts(logits: FloatArray, ids: Sequence[int], top_n: int) -> list[Facts]:
    """The facts of tokens, each under its own row of logits.

    Args:
        logits: [n, n_vocab], at most ROWS_AT_ONCE rows if memory counts.
        ids: the n tokens that stand there.
        top_n: how many alternatives, at least one.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    with np.errstate(invalid="ignore"):  # what comes of infinities is told below
        logprobs = log_softmax(logits)  # [n, n_vocab]
        entropies = -np.einsum("ij,ij->i", np.exp(logprobs), logprobs)  # [n, n_vocab] -> [n]
    if not np.isfinite(entropies).all():
        raise PicoGPTError("The model's numbers overflowed: its weights are damaged or too large. Fetch it again.")
    rows = np.arange(len(ids))
    taken = logits[rows, ids]  # [n, n_vocab] -> [n]
    ranks = np.count_nonzero(logits > taken[:, None], axis=1)
    likeliest = _likeliest(logits, min(top_n, logits.shape[1]))
    return [
        Facts(float(logprobs[row, id]), int(ranks[row]), max(0.0, float(entropies[row])), _pairs(logprobs[row], top))
        for row, (id, top) in enumerate(zip(ids, likeliest, strict=True))
    ]


def _likeliest(logits: FloatArray, n: int) -> list[list[int]]:
    """The n largest of each row, the largest first, ties in the order of their ids: as `sampler.Shaped.top_ids`."""
    n_vocab = logits.shape[1]
    least = np.partition(logits, n_vocab - n, axis=1)[:, n_vocab - n]
    found = []
    for row, nth in zip(logits, least, strict=True):
        contenders = np.flatnonzero(row >= nth)
        found.append(contenders[np.argsort(-row[contenders], kind="stable")[:n]].tolist())
    return found


def _pairs(logprobs: FloatArray, ids: list[int]) -> tuple[tuple[int, float], ...]:
    return tuple(zip(ids, logprobs[ids].tolist(), strict=True))
