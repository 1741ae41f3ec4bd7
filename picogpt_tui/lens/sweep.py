"""A sweep: take the heads and MLPs of a model out one at a time, and see which of them the next token hangs on.

A cut changes nothing below its layer. So the residual stream in front of every layer is kept once, and each cut costs
only the layers from its own on: half of a pass, on the average. Zero ablation as in `surgery`; one part at a time as in
Michel et al. 2019, "Are Sixteen Heads Really Better than One?" (https://arxiv.org/abs/1905.10650).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.ops import log_softmax
from picogpt_tui.gpt2.reader import read_context
from picogpt_tui.gpt2.taps import AFTER_MLP, EMBED
from picogpt_tui.lens.surgery import SurgeryTap, check_cuts
from picogpt_tui.lens.tapped import TappedModel
from picogpt_tui.readings import Cut, CutEffect


class _Streams:
    """A tap that keeps the residual stream in front of every layer.

    Attributes:
        values: [n_layer, n_tokens, n_embd].
    """

    names = (EMBED, AFTER_MLP)

    def __init__(self, config: GPT2Config, n_tokens: int) -> None:
        self.values: FloatArray = np.empty((config.n_layer, n_tokens, config.n_embd), dtype=np.float32)

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        if layer + 1 < len(self.values):  # the embedding's layer is -1, and behind the last there is none
            self.values[layer + 1, first : first + len(value)] = value


class _Begun:
    """A tap that lets a pass begin with a stream that is known, and cuts one part of it."""

    def __init__(self, stream: FloatArray, cut: Cut) -> None:
        self._stream = stream  # [n_tokens, n_embd]
        self._surgery = SurgeryTap([cut], None)
        self.names = {EMBED, *self._surgery.names}

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        """Writes into value."""
        if name == EMBED:
            value[:] = self._stream[first : first + len(value)]
        else:
            self._surgery.see(name, layer, first, value)


def _from(model: LanguageModel, layer: int) -> LanguageModel:
    """The model without the layers below this one: it wants the stream that they make."""
    config = replace(model.config, n_layer=model.config.n_layer - layer)
    return replace(model, config=config, params=replace(model.params, blocks=model.params.blocks[layer:]))


def _kl(before: FloatArray, after: FloatArray) -> float:
    """KL(before || after) in nats, of log-probabilities [n_vocab]."""
    return max(0.0, float(np.dot(np.exp(before), before - after)))


def _last_logits(
    model: TappedModel, ids: Sequence[int], cache: KVCache, should_stop: Callable[[], bool]
) -> FloatArray | None:
    """Read a text anew, and say what comes after it, [n_vocab]; None when told to stop."""
    cache.truncate(0)
    steps = read_context(model, ids, cache, "", should_stop)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            logits: FloatArray | None = end.value
            return logits


def sweep(
    model: LanguageModel, ids: Sequence[int], parts: Sequence[Cut], *, should_stop: Callable[[], bool] = never
) -> Iterator[Progress | CutEffect]:
    """How far the next token's distribution moves when one part alone is made zero, for each of these parts.

    Args:
        model: float32 or int8.
        ids: the text, 1 to n_ctx tokens.
        parts: heads and MLPs, those of the lowest layer first, which is tried first.
        should_stop: asked once a block of the text for each part.

    Yields:
        Progress before each part and its CutEffect behind it, until told to stop.

    Raises:
        SettingError: the model has no such part.
    """
    check_cuts(parts, model.config)
    assert all(cut.layer >= 0 and cut.how == "zero" for cut in parts), "a sweep makes heads and MLPs zero"
    streams = _Streams(model.config, len(ids))
    untouched = _last_logits(TappedModel(model, streams), ids, KVCache(model.config), should_stop)
    if untouched is None:
        return
    before, n_done = log_softmax(untouched), 0
    for layer, of_layer in groupby(parts, lambda cut: cut.layer):
        upper = _from(model, layer)
        cache = KVCache(upper.config)
        for cut in of_layer:
            yield Progress("trying without one part", n_done, len(parts))
            tap = _Begun(streams.values[layer], replace(cut, layer=0))
            logits = _last_logits(TappedModel(upper, tap), ids, cache, should_stop)
            if logits is None:
                return
            n_done += 1
            yield CutEffect(cut, _kl(before, log_softmax(logits)))
