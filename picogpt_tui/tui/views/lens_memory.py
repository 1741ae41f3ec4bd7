"""What the lens has said so far, by the token behind which it looked: a column stays true wherever one goes. Pure."""

from __future__ import annotations

import math

from picogpt_tui.events import Distribution
from picogpt_tui.readings import LensCell
from picogpt_tui.tui.views.lens_measures import UNKNOWN

_COLUMNS = 512

Known = tuple[int, tuple[LensCell, ...]]
"""The token that is watched, and the cells from the embedding to the answer."""


class LensMemory:
    """The columns that were told last."""

    def __init__(self) -> None:
        self._columns: dict[tuple[int, int], tuple[LensCell, ...]] = {}
        self._choices: dict[int, int] = {}

    def put(self, node: int, watched: int, cells: tuple[LensCell, ...]) -> None:
        """Keep a column.

        Args:
            node: of the token before the cursor.
            watched: the token whose rank is in the cells.
            cells: from the embedding to the answer.
        """
        self._columns[node, watched] = cells
        self._choices[node] = cells[-1].id
        while len(self._columns) > _COLUMNS:
            del self._columns[next(iter(self._columns))]

    def get(self, node: int, watched: int | None) -> Known | None:
        """The column behind a node; None for `watched` is the model's own first choice."""
        id = self._choices.get(node, UNKNOWN) if watched is None else watched
        cells = self._columns.get((node, id))
        return None if cells is None else (id, cells)


def in_part(distribution: Distribution, watched: int | None) -> LensCell:
    """A row's candidates as a cell that is not wholly known yet."""
    first = distribution.candidates[0]
    found = next((one for one in distribution.candidates if one.id == watched), None)
    rank, prob = (UNKNOWN, math.nan) if found is None else (found.rank, found.prob)
    return LensCell(first.id, first.label, first.prob, distribution.entropy, math.nan, rank, prob)
