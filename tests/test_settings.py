"""Every value out of its range is refused by name; every neutral one is accepted."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from picogpt_tui.errors import PicoGPTError, SettingError
from picogpt_tui.settings import GREEDY, MAX_SEED, PURE, GenerationSettings, SamplingSettings

NAN, INFINITY = math.nan, math.inf


@pytest.mark.parametrize(
    "name, values",
    [
        ("temperature", [-0.1, -1, NAN, INFINITY, -INFINITY, "1", None, True, 10**400]),
        ("top_k", [-1, 1.5, 40.0, NAN, "40", None, True]),
        ("top_p", [0, -0.5, 1.5, 1.0000001, NAN, INFINITY, "0.9", None, False]),
        ("min_p", [-0.01, 1.01, NAN, INFINITY, "0", None]),
        ("typical_p", [0, -0.5, 1.5, NAN, None]),
        ("repetition_penalty", [0, -1, NAN, INFINITY, None, "1.2", 10**400]),
        ("order", ["", "HuggingFace", "llama", "gpt2", None, 0, ["gpt-2"]]),
    ],
)
def test_a_sampling_value_out_of_range_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(SettingError) as caught:
            SamplingSettings(**{name: value})
        assert caught.value.name == name
        assert caught.value.value is value
        assert str(caught.value).startswith(name.replace("_", " ") + " must be ")
        assert str(caught.value).endswith(f"not {value!r}.")


@pytest.mark.parametrize(
    "name, values",
    [
        ("temperature", [0, 0.0, 1e-9, 1, 5, 1e9]),
        ("top_k", [0, 1, 10**9]),
        ("top_p", [1, 1.0, 1e-9, 0.5]),
        ("min_p", [0, 0.0, 1, 0.5]),
        ("typical_p", [1, 1e-9, 0.5]),
        ("repetition_penalty", [1, 0.01, 1.0, 100]),
        ("order", ["huggingface", "llama.cpp", "gpt-2"]),
    ],
)
def test_the_ends_of_the_ranges_are_inside(name: str, values: list[Any]) -> None:
    for value in values:
        assert getattr(SamplingSettings(**{name: value}), name) == value


@pytest.mark.parametrize(
    "name, values",
    [
        ("max_tokens", [-1, 1.5, "5", None, True]),
        ("top_n", [-1, 2.5, None]),
        ("seed", [-1, MAX_SEED + 1, 1.5, "1", True]),
        ("first_draw", [-1, MAX_SEED + 1, 1.5, None, True]),
        ("stop", [("",), ("a", ""), "a text alone", ["a list"], (5,), None]),
        ("when_full", ["", "SHIFT", None, ["stop"]]),
    ],
)
def test_a_limit_out_of_range_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(SettingError) as caught:
            GenerationSettings(**{name: value})
        assert caught.value.name == name


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 0},
        {"seed": None},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"stop": ()},
        {"stop": ("\n", "END")},
        {"when_full": "stop"},
        {"top_n": 0},
        {"first_draw": 0},
        {"first_draw": MAX_SEED},
    ],
    ids=str,
)
def test_what_makes_sense_is_accepted(fields: dict[str, Any]) -> None:
    settings = GenerationSettings(**fields)
    assert all(getattr(settings, name) == value for name, value in fields.items())


def test_pure_and_greedy() -> None:
    assert SamplingSettings(1, 1.0, 0) == PURE
    assert GREEDY.temperature == 0


def test_the_order_is_hugging_faces_unless_said_otherwise() -> None:
    assert {SamplingSettings().order, PURE.order, GREEDY.order} == {"huggingface"}


def test_settings_do_not_change_behind_anyones_back() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PURE.temperature = 2  # type: ignore[misc]  # the point of the test


def test_one_net_catches_all() -> None:
    with pytest.raises(PicoGPTError, match=r"top p must be more than 0 and at most 1 \(1 is off\), not 1\.5\."):
        SamplingSettings(top_p=1.5)
