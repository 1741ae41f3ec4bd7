"""The sampling knobs in one table: what each sets, its steps, how it is read from the settings and written to them.

The panel of the main screen and the sampler view of the explorer are made from it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from picogpt_tui.settings import ORDERS, GenerationSettings, SamplingSettings
from picogpt_tui.tui.widgets.knob import KnobSpec, Value


def _number(value: Value) -> str:
    return f"{value:g}" if value is not None else ""


def _off_at(neutral: float, value: Value) -> str:
    return "off" if value == neutral else _number(value)


SPECS = (
    KnobSpec(
        "temperature",
        "temperature",
        tuple(i / 20 for i in range(41)),
        lambda value: "greedy" if value == 0 else f"{value:.2f}",
        is_whole=False,
        help="Divides the logits: below 1 sharper, above 1 flatter, 0 always the likeliest token.",
    ),
    KnobSpec(
        "top_k",
        "top-k",
        (0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 50, 75, 100, 200, 500, 1000),
        lambda value: _off_at(0, value),
        is_whole=True,
        help="Keeps the k likeliest tokens.",
    ),
    KnobSpec(
        "top_p",
        "top-p",
        (*(i / 20 for i in range(1, 20)), 0.97, 0.99, 1.0),
        lambda value: _off_at(1, value),
        is_whole=False,
        help="Keeps the smallest set of likeliest tokens with at least this mass.",
    ),
    KnobSpec(
        "min_p",
        "min-p",
        (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
        lambda value: _off_at(0, value),
        is_whole=False,
        help="Keeps tokens at least this fraction as likely as the likeliest.",
    ),
    KnobSpec(
        "typical_p",
        "typical",
        (*(i / 20 for i in range(1, 20)), 0.97, 0.99, 1.0),
        lambda value: _off_at(1, value),
        is_whole=False,
        help="Keeps tokens that are about as surprising as the model expects, up to this mass.",
    ),
    KnobSpec(
        "repetition_penalty",
        "repetition",
        tuple(1 + i / 20 for i in range(21)),
        lambda value: _off_at(1, value),
        is_whole=False,
        help="Makes tokens that are already in the text less likely; 1 changes nothing.",
    ),
    KnobSpec(
        "order",
        "order",
        tuple(range(len(ORDERS))),
        lambda value: ORDERS[int(value or 0)],
        is_whole=True,
        help="Whose order and edge rules the stages follow: transformers', llama.cpp's or those of OpenAI's GPT-2.",
        can_be_typed=False,
    ),
    KnobSpec(
        "max_tokens",
        "max tokens",
        (1, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000),
        _number,
        is_whole=True,
        help="The most tokens of one answer. Enter on an empty prompt goes on.",
    ),
    KnobSpec(
        "seed",
        "seed",
        tuple(range(101)),
        lambda value: "random" if value is None else f"{value:.0f}",
        is_whole=True,
        help="The same seed, text and settings give the same tokens. Backspace makes it random.",
        can_be_none=True,
    ),
)
_OF_SAMPLING = {field.name for field in fields(SamplingSettings)}
_BY_NAME = {spec.name: spec for spec in SPECS}


def spec_of(name: str) -> KnobSpec:
    """The knob of this setting."""
    return _BY_NAME[name]


def value_of(spec: KnobSpec, settings: GenerationSettings) -> Value:
    """Where a knob stands; a word by its place among those that it can be."""
    if spec.name == "order":
        return ORDERS.index(settings.sampling.order)
    value: Value = getattr(settings.sampling if spec.name in _OF_SAMPLING else settings, spec.name)
    return value


def with_value(spec: KnobSpec, settings: GenerationSettings, value: Value) -> GenerationSettings:
    """The settings with a knob turned to a value.

    Raises:
        SettingError: the value is out of its range.
    """
    change: dict[str, Any] = {spec.name: ORDERS[int(value or 0)] if spec.name == "order" else value}
    if spec.name in _OF_SAMPLING:
        return replace(settings, sampling=replace(settings.sampling, **change))
    return replace(settings, **change)


def stepped(spec: KnobSpec, settings: GenerationSettings, direction: int) -> GenerationSettings:
    """The settings with a knob turned by one step."""
    return with_value(spec, settings, spec.fit(spec.step(value_of(spec, settings), direction)))


def next_order(settings: GenerationSettings) -> GenerationSettings:
    """The settings in the next order; the last is followed by the first."""
    spec = spec_of("order")
    at = spec.nearest(value_of(spec, settings))
    return with_value(spec, settings, spec.stops[(at + 1) % len(spec.stops)])
