"""The sampling stages seen one by one on the same logits: what each keeps, removes, and makes of every candidate.

It stands beside `generate`: the same `shape` and the same `distribution`, with the steps between them kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from picogpt_tui.events import Candidate
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.sampler import Shaped, draw, shape
from picogpt_tui.gpt2.sampling_stages import NEG_INF, softmax
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.readings import Stage, StageRow, Waterfall
from picogpt_tui.settings import SamplingSettings


def waterfall(
    logits: FloatArray,
    settings: SamplingSettings,
    ids: Sequence[int],
    tokenizer: Tokenizer,
    top_n: int,
    taken: int | None = None,
    u: float | None = None,
) -> Waterfall:
    """Send one position's logits through the sampling stages and note what each does.

    Args:
        logits: [n_vocab], finite; not written to.
        settings: which stages, how strong, in which order.
        ids: the context, for the repetition penalty.
        tokenizer: names the tokens.
        top_n: how many of the likeliest candidates to follow.
        taken: the token that was drawn; it stands last where it is not among them.
        u: the draw in [0, 1) that picked it; None or nan where it is not known. At temperature 0 none is needed.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    behind: list[FloatArray] = []
    shaped = shape(logits, settings, ids, seen=behind.append)
    probs = [np.exp(shaped.logprobs), *map(softmax, behind)]
    u = None if u is None or math.isnan(u) else u
    drawn = _drawn(shaped, settings, u)
    candidates = distribution(shaped, tokenizer, top_n, taken).candidates
    rows = tuple(_rows(candidates, probs, shaped.final_probs))
    return Waterfall(settings.order, tuple(_stages(shaped, behind, probs)), rows, u, drawn)


def _drawn(shaped: Shaped, settings: SamplingSettings, u: float | None) -> int | None:
    if settings.temperature == 0:
        return int(shaped.final_probs.argmax())
    return None if u is None else draw(shaped.final_probs, u)


def _entropy(probs: FloatArray) -> float:
    """Nats."""
    probs = probs[probs > 0]
    return max(0.0, -float(np.dot(probs, np.log(probs))))


def _stages(shaped: Shaped, behind: list[FloatArray], probs: list[FloatArray]) -> Iterator[Stage]:
    """The stages with what they did, `raw` first: `behind` are the logits behind each but that, `probs` behind all."""
    yield Stage("raw", shaped.logits.size, 0.0, shaped.entropy)
    for index, (name, logits) in enumerate(zip(shaped.stages, behind, strict=True)):
        removed = probs[index][shaped.cut_by == index].sum(dtype=np.float64)
        n_kept = int(np.count_nonzero(logits > NEG_INF))
        yield Stage(name, n_kept, float(removed), _entropy(probs[index + 1]))


def _rows(candidates: Sequence[Candidate], probs: list[FloatArray], final_probs: FloatArray) -> Iterator[StageRow]:
    """Each candidate with its probability behind every stage and its place on the line that a draw falls on."""
    alive = np.flatnonzero(final_probs > 0)
    cumulative = np.concatenate(([0.0], np.cumsum(final_probs[alive], dtype=np.float64)))
    cumulative /= cumulative[-1]
    for candidate in candidates:
        start, end = (float(cumulative[np.searchsorted(alive, candidate.id, side)]) for side in ("left", "right"))
        behind = tuple(float(stage_probs[candidate.id]) for stage_probs in probs[1:])
        yield StageRow(candidate, (candidate.prob, *behind), (start, end))
