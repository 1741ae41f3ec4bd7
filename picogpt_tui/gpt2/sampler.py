"""From logits to the next token: the sampling stages one after another, then a draw.

`Shaped` is one position's distribution before and after the stages; a screen shows it, `draw` picks from it.
The stages themselves are in `sampling_stages`, which of them stand where in `sampling_orders`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.sampling_orders import chain
from picogpt_tui.gpt2.sampling_stages import NEG_INF, likeliest, softmax
from picogpt_tui.settings import SamplingSettings

_NEVER_CUT = ("repetition_penalty",)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A distribution before and after the sampling stages. All arrays are [n_vocab]."""

    logits: FloatArray
    """Raw."""
    logprobs: FloatArray
    """Raw log-softmax, nats."""
    final_probs: FloatArray
    """After the stages; they sum to 1, and a cut token has exactly 0."""
    cut_by: npt.NDArray[np.int8]
    """Index into `stages` of the stage that removed the token, -1 where it is kept."""
    stages: tuple[str, ...]
    """The names of the stages that were applied."""
    entropy: float
    """Nats, of the raw distribution."""

    def rank(self, id: int) -> int:
        """How many tokens have a strictly larger logit."""
        return int(np.count_nonzero(self.logits > self.logits[id]))

    def top_ids(self, n: int) -> list[int]:
        """The n likeliest ids, the likeliest first; ties in the order of their ids."""
        return likeliest(self.logits, n).tolist() if n else []

    def cut_name(self, id: int) -> str | None:
        """The stage that removed this token, or None."""
        index = int(self.cut_by[id])
        return self.stages[index] if index >= 0 else None


def nobody(logits: FloatArray) -> None:
    """The `seen` of one who looks at nothing."""


def shape(
    logits: FloatArray,
    settings: SamplingSettings,
    ids: Sequence[int] = (),
    *,
    seen: Callable[[FloatArray], None] = nobody,
) -> Shaped:
    """Apply the stages to one position's logits.

    Args:
        logits: [n_vocab], finite; not written to.
        settings: which stages, how strong.
        ids: the context, for the repetition penalty.
        seen: told the logits behind each stage, -inf where cut.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    logprobs: FloatArray = logits - logits.max()
    probs = np.exp(logprobs)
    total = probs.sum()
    probs /= total
    logprobs -= np.log(total)
    entropy = -float(np.dot(probs, logprobs))
    if not math.isfinite(entropy):
        raise PicoGPTError("The model's numbers overflowed: its weights are damaged or too large. Fetch it again.")
    cut_by = np.full(logits.shape, -1, dtype=np.int8)
    stages = chain(settings, ids)
    z = logits
    for index, (name, stage) in enumerate(stages):
        before, z = z, stage(z)
        seen(z)
        if name not in _NEVER_CUT and (name != "temperature" or settings.temperature == 0):
            cut_by[(z == NEG_INF) & (before != NEG_INF)] = index
    final_probs = softmax(z) if stages else probs
    return Shaped(logits, logprobs, final_probs, cut_by, tuple(name for name, _ in stages), max(0.0, entropy))


def draw(probs: FloatArray, u: float) -> int:
    """Pick a token by inverse CDF in the order of ids: the first whose cumulative probability exceeds u.

    Args:
        probs: [n_vocab]; a token of probability 0 is never picked.
        u: uniform in [0, 1).
    """
    alive = np.flatnonzero(probs > 0)
    cumulative = np.cumsum(probs[alive], dtype=np.float64)
    index = int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))
    return int(alive[min(index, alive.size - 1)])
