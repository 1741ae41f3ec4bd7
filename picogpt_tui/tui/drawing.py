"""How numbers become cells: percents, bits, bars, sparklines. Pure functions, every result of a known width."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

NATS_TO_BITS = 1 / math.log(2)
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def percent(prob: float) -> str:
    """Six cells, right-aligned: `100.0%`, ` 31.2%`, ` 0.04%`, `<0.01%`, and nothing but a 0 for 0."""
    if prob <= 0:
        return "     0"
    value = prob * 100
    if value < 0.01:
        return "<0.01%"
    return f"{value:5.1f}%" if value >= 0.1 else f"{value:5.2f}%"


def bits(nats: float) -> str:
    """A number of nats, written in bits with one decimal."""
    return f"{max(0.0, nats) * NATS_TO_BITS:.1f}"  # certainty may come out as -0.0


def cells(text: str, width: int) -> str:
    """A text in exactly `width` cells: padded, or cut with an ellipsis."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(0, width - 1)) + "…" if width > 0 else ""


def eighths(fraction: float, width: int) -> int:
    """How many eighths of a cell a bar of this fraction fills; at least one where the fraction is not 0."""
    filled = round(min(max(fraction, 0.0), 1.0) * width * 8)
    return max(filled, 1) if fraction > 0 else 0


def two_bars(first: float, second: float, width: int) -> list[tuple[str, bool, bool]]:
    """Two bars on the same cells, one behind the other, with eighth-block precision.

    Returns:
        Runs of (text, whether it belongs to the first bar, whether the second shows behind it), `width` cells in all.
    """
    front, back = eighths(first, width), eighths(second, width)
    runs: list[tuple[str, bool, bool]] = []
    for cell in range(width):
        of_front = min(max(front - cell * 8, 0), 8)
        of_back = min(max(back - cell * 8, 0), 8)
        run = (_EIGHTHS[of_front], True, of_back == 8 > of_front) if of_front else (_EIGHTHS[of_back], False, False)
        if runs and runs[-1][1:] == run[1:]:
            runs[-1] = (runs[-1][0] + run[0], *run[1:])
        else:
            runs.append(run)
    return runs


def sparkline(values: Sequence[float], width: int, most: float) -> str:
    """The last `width` values as block heights, scaled from 0 to `most`; padded on the left."""
    shown = values[-width:] if width > 0 else []
    top = max(most, 1e-9)
    marks = [_HEIGHTS[min(7, max(0, math.floor(value / top * 8)))] for value in shown]
    return "".join(marks).rjust(max(width, 0))


def meter(fraction: float, width: int) -> tuple[str, str]:
    """A gauge in slanted cells: its filled and its empty part."""
    filled = round(min(max(fraction, 0.0), 1.0) * width)
    return "▰" * filled, "▱" * (width - filled)
