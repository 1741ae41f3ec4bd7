"""What a cell of the lens is shaded by: a number, the shade it has, and how it is written. Pure.

Probability and entropy are of what the row itself says; KL(answer || row) and the rank tell how far it is from the
answer, and from the token that is watched. The measures are those of Belrose et al. 2023 (arXiv 2303.08112), in bits.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from picogpt_tui.readings import LensCell
from picogpt_tui.tui.drawing import NATS_TO_BITS, percent

UNKNOWN = -1
"""The rank in a cell that is not wholly known yet; its KL and the watched token's probability are nan."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a cell.

    Attributes:
        title: what it is, with its unit.
        heading: the same in six cells, above its numbers.
        palette: the family of styles, see `Lines.STYLES`.
        edges: where the next shade begins.
        meaning: how the legend goes on behind the shades.
        value: the number, in the unit of the edges; nan where it is not known.
        written: as it is written.
        digit: as one character.
    """

    title: str
    heading: str
    palette: str
    edges: tuple[float, ...]
    meaning: str
    value: Callable[[LensCell], float]
    written: Callable[[LensCell], str]
    digit: Callable[[float], int]

    def level(self, cell: LensCell) -> int | None:
        """Which shade, from 0; None where the number is not known."""
        value = self.value(cell)
        return None if math.isnan(value) else bisect_right(self.edges, value)

    def style(self, level: int) -> str:
        """Of a shade."""
        return f"{self.palette}-{2 * level if self.palette == 'cool' else level}"

    def text(self, cell: LensCell) -> str:
        """The number in six cells, on the right; nothing where it is not known."""
        return f"{'' if self.level(cell) is None else self.written(cell):>6}"

    def sign(self, cell: LensCell) -> str:
        """The number in one character."""
        return " " if self.level(cell) is None else str(min(9, self.digit(self.value(cell))))

    def legend(self) -> list[str]:
        """What each shade means, the palest first."""
        edges = [f"{edge:,g}" for edge in self.edges]
        if self.palette == "rank":
            return [*(f"top {edge}" for edge in edges), "others"]
        return [*(f"<{edge}" for edge in edges), f"≥{edges[-1]}"]


def _rank(cell: LensCell) -> float:
    return math.nan if cell.rank == UNKNOWN else float(cell.rank)


MEASURES = (
    Measure(
        "probability, %",
        "p",
        "cool",
        (5, 20, 50, 80),
        "% for what is said",
        lambda cell: cell.prob * 100,
        lambda cell: percent(cell.prob),
        lambda value: int(value / 10),
    ),
    Measure(
        "entropy, bits",
        "bits",
        "heat",
        (1, 3, 5, 7),
        "bits of doubt",
        lambda cell: cell.entropy * NATS_TO_BITS,
        lambda cell: f"{cell.entropy * NATS_TO_BITS:.1f}",
        int,
    ),
    Measure(
        "KL, bits",
        "KL",
        "heat",
        (1, 3, 5, 7),
        "bits from the answer",
        lambda cell: cell.kl * NATS_TO_BITS,
        lambda cell: f"{cell.kl * NATS_TO_BITS:.1f}",
        int,
    ),
    Measure(
        "rank",
        "rank",
        "rank",
        (10, 100, 1000),
        "by its rank",
        _rank,
        lambda cell: f"#{cell.rank + 1}",
        lambda value: int(math.log10(value + 1)),
    ),
)
"""Probabilities and entropies as the text's own shades have them; ranks as GLTR (Gehrmann et al. 2019)."""
