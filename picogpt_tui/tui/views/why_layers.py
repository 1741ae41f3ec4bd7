"""What every layer says for one token or the other: a small table with a column for each head. Pure.

A cell is shaded blue where it speaks for A and warm where it speaks for B; where there is no room for its number, a
sign and a shade stand for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from picogpt_tui.readings import Part
from picogpt_tui.tui.shading import SHADES
from picogpt_tui.tui.widgets.lines import Row

_NAME, _NUMBER = 10, 8
_WIDTHS = (7, 6, 5, 2, 1)  # of a head's cell: a number, less of it, a sign and a shade, only a sign
_STEPS = (0.02, 0.1, 0.3, 0.6)  # of the largest value: where the next shade begins


def signed(nats: float, digits: int = 3) -> str:
    """A number that always has its sign, and a minus as long as the plus."""
    return f"{nats:+.{digits}f}".replace("-", "−")


def level(value: float, most: float) -> int:
    """How strong, 0 to 4."""
    return 0 if most <= 0 or math.isnan(value) else sum(abs(value) >= step * most for step in _STEPS)


def style(value: float, most: float) -> str:
    """Blue for A, warm for B."""
    strength = level(value, most)
    return f"heat-{strength}" if value < 0 else f"cool-{2 * strength}"


def number(value: float, width: int) -> str:
    """As many digits as fit on the right of so many cells, a blank before them; a sign where none does."""
    written = (signed(value, digits) for digits in (3, 2, 1, 0))
    fits = next((text for text in written if len(text) < width), "")
    return fits.rjust(width) if fits else ("−" if value < 0 else "+").rjust(width)


def _cell(value: float, most: float, width: int) -> tuple[str, str]:
    strength = level(value, most)
    sign = "·" if not strength else "−" if value < 0 else "+"
    if width > 2:
        text = number(value, min(width, _WIDTHS[0] - 1)).rjust(width)
    else:
        text = sign if width == 1 else f"{sign}{SHADES[strength] if strength else ' '}"
    return text, style(value, most)


def _head_width(n_head: int, width: int) -> int:
    room = width - 1 - _NAME - 3 * _NUMBER
    return next((one for one in _WIDTHS if one * n_head <= room), _WIDTHS[-1])


def _heading(n_head: int, head_width: int) -> Row:
    heads = "".join(f"{head if head_width > 2 else head % 10:>{head_width}}" for head in range(n_head))
    return [(f" {'heads':<{_NAME}}{heads}{'bias':>{_NUMBER}}{'mlp':>{_NUMBER}}{'sum':>{_NUMBER}}", "heading")]


def _layer(layer: int, parts: Sequence[Part], most: float, head_width: int) -> Row:
    runs: list[tuple[str, str]] = [(f"{f'h.{layer}':<{_NAME}}", "quiet")]
    for part in parts:
        runs.append(_cell(part.value, most, head_width if part.head >= 0 else _NUMBER))
    return [*runs, (number(math.fsum(part.value for part in parts), _NUMBER), "text")]


def _other(part: Part, n_cells: int) -> Row:
    return [(f"{part.name:<{_NAME}}", "quiet"), (" " * n_cells, "quiet"), (number(part.value, _NUMBER), "text")]


def layer_rows(parts: Sequence[Part], width: int) -> list[Row]:
    """A heading, then a line for each part that is in no layer and one for each layer, in the order of the pass.

    Args:
        parts: in the order of the pass.
        width: cells there are; one is left for a mark before each line.
    """
    n_head = max(part.head for part in parts) + 1
    head_width = _head_width(n_head, width)
    most = max((abs(part.value) for part in parts if part.layer >= 0), default=0.0)
    lines: list[Row] = []
    done: set[int] = set()
    for part in parts:
        if part.layer < 0:
            lines.append(_other(part, n_head * head_width + 2 * _NUMBER))
        elif part.layer not in done:
            done.add(part.layer)
            lines.append(_layer(part.layer, [one for one in parts if one.layer == part.layer], most, head_width))
    return [_heading(n_head, head_width), *lines]
