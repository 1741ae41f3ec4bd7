"""What could stand at the cursor, with one candidate chosen: the explorer's list."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events

from picogpt_tui.events import Candidate, Distribution
from picogpt_tui.tui.explorer_messages import CandidatePointed
from picogpt_tui.tui.widgets.next_token import NextToken

_FIRST_ROW = 2


class Candidates(NextToken):
    """Posts CandidatePointed where one is clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"candidates--selected"}

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._selected: int | None = None

    @property
    def rows(self) -> list[Candidate]:
        """Those there is room for; all of them where the list is not shown, and another widget shows them."""
        shown = self._distribution
        if shown is None:
            return []
        return self._rows(shown) if self.size.height else list(shown.candidates)

    @property
    def selected(self) -> Candidate | None:
        """The chosen one."""
        return next((one for one in self.rows if one.id == self._selected), None)

    def show_at(self, distribution: Distribution, taken: int | None) -> None:
        """Draw another position's candidates; the token that stands there is chosen, else the likeliest."""
        self.forget()
        self.show(distribution, taken)
        known = taken if taken is not None else self._selected
        ids = [one.id for one in self.rows]
        self._selected = known if known in ids else ids[0] if ids else None

    def select(self, by: int) -> Candidate | None:
        """Choose another one, so many rows down; the ends are joined."""
        rows = self.rows
        if not rows:
            return None
        at = next((index for index, one in enumerate(rows) if one.id == self._selected), -1 if by > 0 else 0)
        self.choose(rows[(at + by) % len(rows)].id)
        return self.selected

    def choose(self, id: int) -> None:
        """Choose this one."""
        self._selected = id
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Choose; a click on the chosen one takes it."""
        index = event.y - _FIRST_ROW
        if 0 <= index < len(self.rows):
            id = self.rows[index].id
            self.post_message(CandidatePointed(id, takes=id == self._selected))

    def _row(self, one: Candidate, width: int) -> list[Segment]:
        segments = super()._row(one, width)
        if one.id != self._selected:
            return segments
        selected = self.style_of("candidates--selected")
        n_text = 4 + self._is_shaped  # mark, rank, label, raw, and perhaps final; behind them the bar
        return [Segment(part.text, selected) for part in segments[:n_text]] + segments[n_text:]
