"""What two models' numbers over a whole text come to, a line each: as much of it as there is room for. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from picogpt_tui.readings import Comparison
from picogpt_tui.tui.drawing import NATS_TO_BITS, cells
from picogpt_tui.tui.views.compare_data import Side, more_bits, sides
from picogpt_tui.tui.widgets.lines import Row
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.session.comparison import Found

_SUMS = 42  # the cells of a line but the model's name and what it ends in
_ENDS = 19
_LEAST_NAME, _MOST_NAME = 8, 40


def small(nats: float) -> str:
    """A divergence in bits, in at most six cells."""
    value = nats * NATS_TO_BITS
    if math.isnan(value):
        return "–"
    return f"{value:.4f}" if value < 9.99995 else f"{value:.3f}" if value < 99.9995 else f"{value:.1f}"


def short_name(name: str, width: int) -> str:
    """A model's name in a width; of a long one the end, in which checkpoints differ."""
    line = one_line(name, 400)
    return cells(line if len(line) <= width else f"…{line[1 - width :]}", width)


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.{digits}f}" if value < 1e5 else f"{value:.1e}"


def _sum_row(letter: str, side: Side, ends: Sequence[str], n_name: int, width: int) -> Row:
    ratio, per_byte = _number(side.perplexity, 2), _number(side.bits_per_byte, 3)
    said, room = "", width - 3 - n_name
    for part in (f"perplexity{ratio:>9}", f"{per_byte:>6} bits/byte", *ends):
        if len(said) + 2 + len(part) > room:
            break
        said += f"  {part}"
    return [(f" {letter} ", "heading"), (short_name(side.name, n_name), "text"), (said, "quiet")]


def _ends(found: Found) -> tuple[list[str], list[str]]:
    """What the lines of A and B end in."""
    if not isinstance(found, Comparison):
        a, b = (f"{one.n_scored:,} of {len(one.tokens):,} tokens" for one in (found.a, found.b))
        return [a], [b]
    front = "<|endoftext|> in front" if found.bos else "nothing in front of the first"
    a_ends = [f"{found.n_scored:,} of {len(found.tokens):,} tokens", front]
    if found.n_windows > 1:
        a_ends.insert(1, f"{found.n_windows:,} windows of {found.n_ctx:,}")
    n_better = sum((more_bits(token) or 0.0) < 0 for token in found.tokens)
    return a_ends, [f"KL {small(found.mean_kl)} a token", f"B knew {n_better:,} better"]


def sums(found: Found, width: int) -> list[Row]:
    """A line for A and one for B."""
    both = sides(found)
    n_name = min(
        max(len(one_line(side.name, 400)) for side in both), max(_LEAST_NAME, width - _SUMS - _ENDS), _MOST_NAME
    )
    return [
        _sum_row(letter, side, ends, n_name, width) for letter, side, ends in zip("AB", both, _ends(found), strict=True)
    ]
