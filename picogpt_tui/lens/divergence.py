"""How far one distribution is from another: Kullback and Leibler 1951, https://doi.org/10.1214/aoms/1177729694."""

from __future__ import annotations

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.sampler import Shaped


def kl(a: Shaped, b: Shaped, probs_a: FloatArray | None = None) -> float:
    """KL(a || b) in nats, of the raw distributions over the whole vocabulary; rounding never makes it negative.

    Args:
        a: the one that is measured from.
        b: the other.
        probs_a: a's raw probabilities, [n_vocab], where somebody has them already.
    """
    # subtle: where p underflows to 0 its logarithm is still finite, and their product 0
    probs = np.exp(a.logprobs) if probs_a is None else probs_a
    return max(0.0, float(np.dot(probs, a.logprobs - b.logprobs)))
