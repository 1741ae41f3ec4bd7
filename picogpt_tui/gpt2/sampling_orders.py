"""In which order the sampling stages stand: the same knobs, three programs' readings of them.

    huggingface  repetition penalty -> temperature -> top-k -> top-p -> min-p -> typical
    llama.cpp    repetition penalty -> top-k -> typical -> top-p -> min-p -> temperature
    gpt-2        temperature -> top-k -> top-p

`huggingface` is what `generate` of transformers does (`generation/utils.py`, `_get_logits_processor`). `llama.cpp` is
its default chain (`common/common.h`, `samplers`) without DRY, top-n-sigma and XTC, for which there is no knob here: the
cuts see the model's own distribution, because the temperature comes last. Its penalty sees the last 64 tokens (its
default, `penalty_last_n`), where the others' sees the whole context. `gpt-2` is OpenAI's `src/sample.py`, which has no
repetition penalty, min-p and typical. What it does at temperature 0 is undefined there; here 0 is greedy in all three.

The stages and their edge rules are in `sampling_stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from picogpt_tui.gpt2 import sampling_stages as stages
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.settings import HUGGINGFACE, LLAMA_CPP, PURE, SamplingSettings

Stage = Callable[[FloatArray], FloatArray]
_Knob = Callable[[FloatArray, Any], FloatArray]

_LLAMA_CPP_WINDOW = 64


def _knobs(order: str, ids: Sequence[int]) -> dict[str, _Knob]:
    """All stages of an order, under the names of the settings that they take."""
    if order == HUGGINGFACE:
        return {
            "repetition_penalty": partial(stages.repetition_penalty, ids=ids),
            "temperature": stages.temperature,
            "top_k": stages.top_k,
            "top_p": stages.top_p,
            "min_p": stages.min_p,
            "typical_p": stages.typical_p,
        }
    if order == LLAMA_CPP:
        return {
            "repetition_penalty": partial(stages.repetition_penalty, ids=ids[-_LLAMA_CPP_WINDOW:]),
            "top_k": stages.llama_top_k,
            "typical_p": stages.llama_typical_p,
            "top_p": stages.llama_top_p,
            "min_p": stages.llama_min_p,
            "temperature": stages.temperature,
        }
    return {"temperature": stages.temperature, "top_k": stages.top_k, "top_p": stages.gpt2_top_p}


def stage_names(order: str) -> list[str]:
    """The settings that an order has a stage for, in its order."""
    return list(_knobs(order, ()))


def _turned(knob: _Knob, value: float) -> Stage:
    return lambda logits: knob(logits, value)


def chain(settings: SamplingSettings, ids: Sequence[int]) -> list[tuple[str, Stage]]:
    """The stages these settings ask for, named and in order; a neutral setting has no stage.

    Args:
        settings: what to apply, in which order.
        ids: the context, for the repetition penalty.
    """
    turned = ((name, knob, getattr(settings, name)) for name, knob in _knobs(settings.order, ids).items())
    return [(name, _turned(knob, value)) for name, knob, value in turned if value != getattr(PURE, name)]


def unused(settings: SamplingSettings) -> list[str]:
    """The settings that ask for a stage which their order does not have."""
    known = _knobs(settings.order, ())
    return [
        name for name in _knobs(HUGGINGFACE, ()) if name not in known and getattr(settings, name) != getattr(PURE, name)
    ]
