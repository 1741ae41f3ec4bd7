"""Numbers become cells, and always as many cells as promised: a row that is too wide breaks a panel."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from picogpt_tui.tui.drawing import bits, cells, eighths, meter, percent, sparkline, two_bars

PROBS = st.floats(0, 1)
FRACTIONS = st.floats(-1, 2)
WIDTHS = st.integers(0, 30)


@pytest.mark.parametrize(
    "prob, shown",
    [
        (1.0, "100.0%"),
        (1.0000002, "100.0%"),
        (0.99996, "100.0%"),
        (0.9994, " 99.9%"),
        (0.312, " 31.2%"),
        (0.01, "  1.0%"),
        (0.001, "  0.1%"),
        (0.00099, " 0.10%"),
        (0.0004, " 0.04%"),
        (0.0001, " 0.01%"),
        (0.00009, "<0.01%"),
        (1e-30, "<0.01%"),
        (0.0, "     0"),
    ],
    ids=str,
)
def test_percent(prob: float, shown: str) -> None:
    assert percent(prob) == shown


@given(PROBS)
def test_percent_is_six_cells_wide(prob: float) -> None:
    assert cell_len(percent(prob)) == 6


def test_bits() -> None:
    assert bits(-1e-9) == "0.0", "certainty is no less than nothing"
    assert (bits(0.0), bits(math.log(2)), bits(math.log(50257))) == ("0.0", "1.0", "15.6")


@pytest.mark.parametrize(
    "text, width, shown",
    [
        ("king", 6, "king  "),
        ("king", 4, "king"),
        ("kingdom", 4, "kin…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日 …"),
        ("日", 1, "…"),
        ("king", 0, ""),
        ("", 0, ""),
        ("", 2, "  "),
    ],
)
def test_cells(text: str, width: int, shown: str) -> None:
    assert cells(text, width) == shown


@given(st.text(st.characters(exclude_categories=["C", "Z", "M"])), WIDTHS)
def test_cells_are_exactly_as_many_as_asked_for(text: str, width: int) -> None:
    assert cell_len(cells(text, width)) == width


@pytest.mark.parametrize(
    "fraction, width, filled",
    [(0, 10, 0), (1, 10, 80), (0.5, 10, 40), (1e-9, 10, 1), (0.0125, 10, 1), (2, 10, 80), (-1, 10, 0)],
)
def test_eighths(fraction: float, width: int, filled: int) -> None:
    """What is not nothing is at least one eighth of a cell, so that it can be seen."""
    assert eighths(fraction, width) == filled


@pytest.mark.parametrize(
    "first, second, runs",
    [
        (0.0, 0.0, [("    ", False, False)]),
        (1.0, 1.0, [("████", True, False)]),
        (0.5, 0.5, [("██", True, False), ("  ", False, False)]),
        (0.5, 1.0, [("██", True, False), ("██", False, False)]),
        (1.0, 0.5, [("████", True, False)]),
        (3 / 32, 1.0, [("▍", True, True), ("███", False, False)]),
        (5 / 32, 9 / 32, [("▋", True, True), ("▏  ", False, False)]),
        (2 / 32, 5 / 32, [("▎", True, False), ("   ", False, False)]),
    ],
    ids=["none", "both full", "alike", "second longer", "first longer", "behind a part", "parts", "hidden"],
)
def test_two_bars(first: float, second: float, runs: list[tuple[str, bool, bool]]) -> None:
    assert two_bars(first, second, 4) == runs


@given(FRACTIONS, FRACTIONS, WIDTHS)
def test_two_bars_fill_the_width_and_the_first_is_as_long_as_it_should(first: float, second: float, width: int) -> None:
    runs = two_bars(first, second, width)
    assert sum(cell_len(text) for text, _, _ in runs) == width
    n_first = sum(cell_len(text) for text, is_first, _ in runs if is_first)
    assert n_first == min(math.ceil(eighths(first, width) / 8), width)
    assert all(runs[i][1:] != runs[i + 1][1:] for i in range(len(runs) - 1))


@pytest.mark.parametrize(
    "values, width, shown",
    [
        ([], 3, "   "),
        ([0, 4, 8], 3, "▁▅█"),
        ([8, 0, 4], 2, "▁▅"),
        ([8], 3, "  █"),
        ([-1, 99], 2, "▁█"),
        ([1, 2], 0, ""),
    ],
)
def test_sparkline(values: list[float], width: int, shown: str) -> None:
    assert sparkline(values, width, most=8) == shown


def test_a_sparkline_of_nothing_but_zeros_is_flat() -> None:
    assert sparkline([0, 0], 2, most=0) == "▁▁"


@given(st.lists(st.floats(-5, 50), max_size=40), WIDTHS, st.floats(0, 20))
def test_a_sparkline_is_as_wide_as_asked_for(values: list[float], width: int, most: float) -> None:
    assert cell_len(sparkline(values, width, most)) == width


@pytest.mark.parametrize(
    "fraction, filled, empty",
    [
        (0, "", "▱▱▱▱"),
        (0.1, "", "▱▱▱▱"),
        (0.2, "▰", "▱▱▱"),
        (0.5, "▰▰", "▱▱"),
        (1, "▰▰▰▰", ""),
        (7, "▰▰▰▰", ""),
        (-1, "", "▱▱▱▱"),
    ],
)
def test_meter(fraction: float, filled: str, empty: str) -> None:
    assert meter(fraction, 4) == (filled, empty)


@given(FRACTIONS, WIDTHS)
def test_a_meter_is_as_wide_as_asked_for(fraction: float, width: int) -> None:
    assert cell_len("".join(meter(fraction, width))) == width
