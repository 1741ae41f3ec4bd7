"""The stages that shape a distribution, pure logits -> logits; `sampling_orders` says which stand where.

Three programs mean different sets of tokens by the same names, in ties and at the edge above all. Cut tokens are -inf.

Hugging Face transformers, `generation/logits_process.py` (https://github.com/huggingface/transformers):

- top-k keeps every token that ties with the k-th.
- top-p (Holtzman et al. 2020) keeps the smallest set with mass >= p; the token that crosses p is kept. Where it cuts
  through tokens of equal logits the higher ids stay (torch's sort leaves that open).
- min-p (Nguyen et al. 2024) compares with the likeliest token after the stages before it.
- typical (Meister et al. 2023) keeps the tokens whose surprisal is nearest the entropy.
- temperature 0 is argmax, the lowest id on ties.

llama.cpp, `src/llama-sampler.cpp` (https://github.com/ggml-org/llama.cpp): each cut keeps an exact number of tokens.
Where it cuts through equals the lower ids stay (C++'s sort leaves that open). top-p keeps the crossing token as well;
typical goes on until the mass is more than p; min-p compares logits, not probabilities.

OpenAI's GPT-2, `src/sample.py` (https://github.com/openai/gpt-2): top-p drops the token that crosses p.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.ops import log_softmax

NEG_INF = np.float32(-np.inf)
_OFTEN_ENOUGH = 1024


def _ascending(values: FloatArray) -> npt.NDArray[np.intp]:
    """Indices that sort numbers, ties in the order of their indices."""
    # subtle: with the sign's bit turned, and for negative numbers all others too, the bits of a float32 are ordered as
    # the number is; with the index behind them no two keys are equal, and NumPy sorts whole numbers several times
    # faster than it sorts floats stably. Adding 0 makes -0 the 0 that it is equal to.
    bits = (values + np.float32(0)).view(np.int32)
    keys = (bits ^ ((bits >> 31) | np.int32(-(2**31)))).view(np.uint32).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(values.size, dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)


def likeliest(logits: FloatArray, n: int) -> npt.NDArray[np.intp]:
    """The ids of the n largest logits, the largest first, ties in the order of their ids; cut tokens are left out.

    Sorting all of a vocabulary costs more than all else that is done to it.
    """
    ids = np.flatnonzero(logits > NEG_INF)
    if n < ids.size:
        nth = np.partition(logits, -n)[-n]
        ids = np.flatnonzero(logits >= nth)
    return ids[_ascending(-logits[ids])[:n]]


def softmax(logits: FloatArray) -> FloatArray:
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


def repetition_penalty(logits: FloatArray, penalty: float, ids: Collection[int]) -> FloatArray:
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
    probs = softmax(logits)
    for n in (_OFTEN_ENOUGH, logits.size):  # sorting all of a vocabulary costs more than all else that is done to it
        n = min(n, logits.size)
        nth = np.partition(logits, logits.size - n)[logits.size - n]
        contenders = np.flatnonzero((logits >= nth) & (logits > NEG_INF))
        ascending = contenders[_ascending(logits[contenders])]
        below = probs[logits < nth].sum(dtype=np.float64)
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
    probs = softmax(logits)
    return np.where(probs < np.float32(p) * probs.max(), NEG_INF, logits)


def typical_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep the tokens whose surprisal is nearest to the entropy, until their mass reaches p; at least one."""
    alive = np.flatnonzero(logits > NEG_INF)
    logprobs = log_softmax(logits[alive])
    probs = np.exp(logprobs)
    entropy = -(probs * logprobs).sum()
    distance = np.abs(-logprobs - entropy)
    nearest = _ascending(distance)
    mass = np.cumsum(softmax(logits[alive][nearest]), dtype=np.float64).astype(np.float32)
    last = min(int((mass < np.float32(p)).sum()), mass.size - 1)
    out = logits.copy()
    out[alive[distance > distance[nearest[last]]]] = NEG_INF
    return out


def _only(logits: FloatArray, ids: npt.NDArray[np.intp]) -> FloatArray:
    out = np.full_like(logits, NEG_INF)
    out[ids] = logits[ids]
    return out


def _until(logits: FloatArray, probs: FloatArray, p: float) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """The largest logits' ids in falling order, and their cumulative `probs`: so many that these pass p, or all.

    It is summed one by one in float32, as llama.cpp does: where the sum meets p exactly, the rounding decides.
    """
    for n in (_OFTEN_ENOUGH, logits.size):
        ids = likeliest(logits, n)
        mass: FloatArray = np.cumsum(probs[ids])
        if mass[-1] > np.float32(p):
            break
    return ids, mass


def llama_top_k(logits: FloatArray, k: int) -> FloatArray:
    """Keep exactly the k largest."""
    return _only(logits, likeliest(logits, k))


def llama_top_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep the likeliest tokens until their mass is at least p, no more of equals than needed; at least one."""
    ids, mass = _until(logits, softmax(logits), p)
    n_below = int((mass < np.float32(p)).sum())
    return _only(logits, ids[: n_below + 1])


def llama_min_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep tokens whose logit is at least the largest plus log(p)."""
    least = logits.max() + np.float32(math.log(p))
    return np.where(logits < least, NEG_INF, logits)


def llama_typical_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep the tokens whose surprisal is nearest to the entropy until their mass is more than p, not all of equals."""
    alive = np.flatnonzero(logits > NEG_INF)
    logprobs = log_softmax(logits[alive])
    probs = np.exp(logprobs)
    entropy = -(probs * logprobs).sum()
    nearest, mass = _until(-np.abs(-logprobs - entropy), probs, p)
    n_below = int((mass <= np.float32(p)).sum())
    return _only(logits, alive[nearest[: n_below + 1]])


def gpt2_top_p(logits: FloatArray, p: float) -> FloatArray:
    """Keep the likeliest tokens whose mass together is at most p, and all that tie with the last; at least one."""
    ids, mass = _until(logits, softmax(logits), p)
    n_below = int((mass <= np.float32(p)).sum())
    return np.where(logits < logits[ids[max(n_below - 1, 0)]], NEG_INF, logits)
