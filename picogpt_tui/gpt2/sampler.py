"""From logits to the next token: pure stages in Hugging Face's order, then a draw.

    repetition penalty -> temperature -> top-k -> top-p -> min-p -> typical -> draw

Order and edge rules are those of transformers' `generation/logits_process.py`
(https://github.com/huggingface/transformers), so that the same settings mean the same set of tokens:

- top-k keeps every token that ties with the k-th.
- top-p (Holtzman et al. 2020) keeps the smallest set with mass >= p; the token that crosses p is kept. Where it cuts
  through tokens of equal logits the higher ids stay (torch's sort leaves that open).
- min-p (Nguyen et al. 2024) compares with the likeliest token after the stages before it.
- typical (Meister et al. 2023) keeps the tokens whose surprisal is nearest the entropy.
- temperature 0 is argmax, the lowest id on ties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.ops import log_softmax
from picogpt_tui.settings import SamplingSettings

NEG_INF = np.float32(-np.inf)
_OFTEN_ENOUGH = 1024
_NEVER_CUT = ("repetition_penalty",)


def repetition_penalty(logits: FloatArray, ids: Collection[int], penalty: float) -> FloatArray:
    """Make each token of `ids` less likely (once, however often it stands there): z / penalty, or z * penalty below 0.

    Keskar et al. 2019 (CTRL).
    """
    out = logits.copy()
    seen = np.fromiter(set(ids), dtype=np.intp)
    z = out[seen]
    factor = np.float32(max(penalty, 1e-30))  # smaller still is 0 in float32, and no number divides by that
    out[seen] = np.where(z < 0, z * factor, z / factor)
    return out


def temperature(logits: FloatArray, value: float) -> FloatArray:
    """Divide by the temperature; at 0 only the likeliest token is left, the lowest id on ties."""
    if value > 0:
        return logits / np.float32(max(value, 1e-30))  # smaller still would overflow, and is argmax long before
    out = np.full_like(logits, NEG_INF)
    best = int(logits.argmax())
    out[best] = logits[best]
    return out


def top_k(logits: FloatArray, k: int) -> FloatArray:
    """Keep the k largest, and all that tie with the k-th."""
    k = min(k, logits.size)
    kth = np.partition(logits, logits.size - k)[logits.size - k]
    return np.where(logits < kth, NEG_INF, logits)


def top_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep the smallest set of likeliest tokens whose mass is at least p; at least one."""
    probs = _softmax(logits)
    for n in (_OFTEN_ENOUGH, logits.size):  # sorting all of a vocabulary costs more than all else that is done to it
        n = min(n, logits.size)
        nth = np.partition(logits, logits.size - n)[logits.size - n]
        likeliest = np.flatnonzero((logits >= nth) & (logits > NEG_INF))
        ascending = likeliest[np.argsort(logits[likeliest], kind="stable")]
        below = probs.sum(dtype=np.float64, where=logits < nth)
        mass = (below + np.cumsum(probs[ascending], dtype=np.float64)).astype(np.float32)
        remove = mass <= np.float32(1 - p)
        if remove[0] or n == logits.size:  # the cut lies among them
            break
    remove[-1] = False
    out = np.full_like(logits, NEG_INF)
    kept = ascending[~remove]
    out[kept] = logits[kept]
    return out


def min_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep tokens that are at least p times as likely as the likeliest."""
    probs = _softmax(logits)
    return np.where(probs < np.float32(p) * probs.max(), NEG_INF, logits)


def typical_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep the tokens whose surprisal is nearest to the entropy, until their mass reaches p; at least one."""
    alive = np.flatnonzero(logits > NEG_INF)
    logprobs = log_softmax(logits[alive])
    probs = np.exp(logprobs)
    entropy = -(probs * logprobs).sum()
    distance = np.abs(-logprobs - entropy)
    nearest = np.argsort(distance, kind="stable")
    mass = np.cumsum(_softmax(logits[alive][nearest]), dtype=np.float64).astype(np.float32)
    last = min(int((mass < np.float32(p)).sum()), mass.size - 1)
    out = logits.copy()
    out[alive[distance > distance[nearest[last]]]] = NEG_INF
    return out


def chain(settings: SamplingSettings, ids: Collection[int]) -> list[tuple[str, Callable[[FloatArray], FloatArray]]]:
    """The stages these settings ask for, named and in order; a neutral setting has no stage.

    Args:
        settings: what to apply.
        ids: the context, for the repetition penalty.
    """
    s = settings
    stages: list[tuple[str, Callable[[FloatArray], FloatArray]]] = []
    if s.repetition_penalty != 1:
        stages.append(("repetition_penalty", lambda z: repetition_penalty(z, ids, s.repetition_penalty)))
    if s.temperature != 1:
        stages.append(("temperature", lambda z: temperature(z, s.temperature)))
    if s.top_k > 0:
        stages.append(("top_k", lambda z: top_k(z, s.top_k)))
    if s.top_p < 1:
        stages.append(("top_p", lambda z: top_p(z, s.top_p)))
    if s.min_p > 0:
        stages.append(("min_p", lambda z: min_p(z, s.min_p)))
    if s.typical_p < 1:
        stages.append(("typical_p", lambda z: typical_p(z, s.typical_p)))
    return stages


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
        n = min(n, self.logits.size)
        if n == 0:
            return []
        kth = np.partition(self.logits, self.logits.size - n)[self.logits.size - n]
        contenders = np.flatnonzero(self.logits >= kth)
        order = np.argsort(-self.logits[contenders], kind="stable")
        ids: list[int] = contenders[order[:n]].tolist()
        return ids

    def cut_name(self, id: int) -> str | None:
        """The stage that removed this token, or None."""
        index = int(self.cut_by[id])
        return self.stages[index] if index >= 0 else None


def shape(logits: FloatArray, settings: SamplingSettings, ids: Collection[int] = ()) -> Shaped:
    """Apply the stages to one position's logits.

    Args:
        logits: [n_vocab], finite; not written to.
        settings: which stages, how strong.
        ids: the context, for the repetition penalty.

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
        if name not in _NEVER_CUT and (name != "temperature" or settings.temperature == 0):
            cut_by[(z == NEG_INF) & (before != NEG_INF)] = index
    final_probs = _softmax(z) if stages else probs
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


def _softmax(logits: FloatArray) -> FloatArray:
    """The probabilities; where most tokens are cut, only of the others is an exponential taken."""
    alive = np.flatnonzero(logits > NEG_INF)
    if alive.size > logits.size // 2:
        exp = np.exp(logits - logits.max())
        total: FloatArray = exp / exp.sum()
        return total
    kept = np.exp(logits[alive] - logits.max())
    out = np.zeros_like(logits)
    out[alive] = kept / kept.sum()
    return out
