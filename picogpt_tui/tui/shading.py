"""How a number of each token becomes one of a few shades, with the legend that says so. Pure.

Surprisal is -log2 of the token's raw probability, entropy that of the whole distribution it was drawn from, rank counts
the tokens that were likelier: its buckets are GLTR's (Gehrmann et al. 2019), on ranks from 0.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from picogpt_tui.tui.drawing import NATS_TO_BITS

PLAIN = "boundaries"
SHADES = "·░▒▓█"
"""The shades without colour, as characters below the text."""


class TokenNumbers(Protocol):
    """What the model said of a token that stands in a text."""

    @property
    def logprob(self) -> float:
        """Nats."""

    @property
    def rank(self) -> int:
        """0-based."""

    @property
    def entropy(self) -> float:
        """Nats."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One way to colour a text.

    Attributes:
        name: what it is called.
        edges: where the next shade begins.
        unit: of the edges, for the legend.
        palette: the component classes that draw the shades: `heat`, `rank`.
    """

    name: str
    edges: tuple[float, ...]
    unit: str
    palette: str = "heat"

    def value(self, facts: TokenNumbers) -> float:
        """The number that is shown, in the unit of the legend."""
        match self.name:
            case "surprisal":
                return -facts.logprob * NATS_TO_BITS
            case "rank":
                return facts.rank
            case "probability":
                return -math.exp(facts.logprob) * 100  # the less, the darker
            case _:
                return facts.entropy * NATS_TO_BITS

    def level(self, facts: TokenNumbers) -> int:
        """Which shade, from 0."""
        return bisect_right(self.edges, self.value(facts))

    def legend(self) -> list[str]:
        """What each shade means, the palest first."""
        edges = [f"{abs(edge):,g}" for edge in self.edges]
        if self.name == "rank":
            return [f"top {edge}" for edge in edges] + ["others"]
        if self.name == "probability":
            return [f"≥{edge}" for edge in edges] + [f"<{edges[-1]} {self.unit}"]
        return [f"<{edge}" for edge in edges] + [f"≥{edges[-1]} {self.unit}"]


SCALES = (
    Scale("surprisal", (1, 3, 6, 10), "bits"),
    Scale("rank", (10, 100, 1000), "", "rank"),
    Scale("probability", (-50, -20, -5, -1), "%"),
    Scale("entropy", (1, 3, 5, 7), "bits"),
)
NAMES = (PLAIN, *(scale.name for scale in SCALES))


def scale_of(name: str) -> Scale | None:
    """The scale of this name; None for plain boundaries."""
    return next((scale for scale in SCALES if scale.name == name), None)


def levels(scale: Scale, facts: Sequence[TokenNumbers | None]) -> list[int | None]:
    """The shade of every token, None where the model was not asked."""
    return [None if one is None else scale.level(one) for one in facts]


def digit(scale: Scale, facts: TokenNumbers) -> str:
    """The number itself as one character: bits up to 9, tenths of a probability, powers of ten of a rank."""
    match scale.name:
        case "rank":
            return str(min(9, int(math.log10(facts.rank + 1))))
        case "probability":
            return str(min(9, int(math.exp(facts.logprob) * 10)))
        case _:
            return str(min(9, int(scale.value(facts))))
