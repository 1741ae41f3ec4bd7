"""Shades follow the field's buckets, and say so."""

from __future__ import annotations

import math

import pytest

from picogpt_tui.session.tree import TokenFacts
from picogpt_tui.tui.shading import NAMES, SCALES, SHADES, Scale, digit, levels, scale_of


def facts(*, prob: float = 0.5, rank: int = 0, entropy_bits: float = 1.0) -> TokenFacts:
    return TokenFacts(math.log(prob), rank, entropy_bits * math.log(2), ())


@pytest.mark.parametrize(
    "name, given, level, sign",
    [
        ("surprisal", facts(prob=0.9), 0, "0"),
        ("surprisal", facts(prob=0.5), 1, "1"),
        ("surprisal", facts(prob=2**-6.5), 3, "6"),
        ("surprisal", facts(prob=2**-12), 4, "9"),
        ("rank", facts(rank=0), 0, "0"),
        ("rank", facts(rank=9), 0, "1"),
        ("rank", facts(rank=10), 1, "1"),
        ("rank", facts(rank=99), 1, "2"),
        ("rank", facts(rank=100), 2, "2"),
        ("rank", facts(rank=1000), 3, "3"),
        ("probability", facts(prob=0.6), 0, "6"),
        ("probability", facts(prob=0.3), 1, "3"),
        ("probability", facts(prob=0.004), 4, "0"),
        ("entropy", facts(entropy_bits=0.4), 0, "0"),
        ("entropy", facts(entropy_bits=8), 4, "8"),
    ],
)
def test_a_number_s_shade_and_digit(name: str, given: TokenFacts, level: int, sign: str) -> None:
    scale = scale_of(name)
    assert scale is not None
    assert scale.level(given) == level
    assert digit(scale, given) == sign


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
def test_the_legend_names_every_shade(scale: Scale) -> None:
    assert len(scale.legend()) == len(scale.edges) + 1 <= len(SHADES)


def test_the_legends_read_as_one_says_them() -> None:
    by_name = {scale.name: scale.legend() for scale in SCALES}
    assert by_name["surprisal"] == ["<1", "<3", "<6", "<10", "≥10 bits"]
    assert by_name["rank"] == ["top 10", "top 100", "top 1,000", "others"]
    assert by_name["probability"] == ["≥50", "≥20", "≥5", "≥1", "<1 %"]


def test_what_nobody_asked_about_has_no_shade() -> None:
    assert levels(SCALES[0], [None, facts(prob=0.9)]) == [None, 0]


def test_plain_boundaries_have_no_scale() -> None:
    assert [name for name in NAMES if scale_of(name) is None] == ["boundaries"]
