"""How far one distribution is from another: Kullback and Leibler 1951, https://doi.org/10.1214/aoms/1177729694."""

from __future__ import annotations

import numpy as np

from picogpt_tui.gpt2.sampler import Shaped


def kl(a: Shaped, b: Shaped) -> float:
    """KL(a || b) in nats, of the raw distributions over the whole vocabulary; rounding never makes it negative."""
    # subtle: where p underflows to 0 its logarithm is still finite, and their product 0
    return max(0.0, float(np.dot(np.exp(a.logprobs), a.logprobs - b.logprobs)))
