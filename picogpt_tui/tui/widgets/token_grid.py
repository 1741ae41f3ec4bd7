"""The text cut at its token boundaries: each token's label, and its id below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from picogpt_tui.tui.drawing import bits, cells, percent
from picogpt_tui.tui.widgets.style_cache import StyleCache

_WIDEST_LABEL = 16
MOST_TOKENS = 600


@dataclass(frozen=True, slots=True)
class GridToken:
    """One cell of the grid."""

    label: str
    id: int
    logprob: float | None = None
    """Nats; None where the model was not asked."""
    rank: int | None = None


class TokenGrid(StyleCache):
    """The last tokens of the text in rows; rows stay as they are while tokens come."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "token-grid--heading",
        "token-grid--quiet",
        "token-grid--a",
        "token-grid--b",
        "token-grid--last",
        "token-grid--detail",
    }

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._tokens: list[GridToken] = []
        self._n_before = 0
        self._rows: list[list[int]] = []
        self._rows_width = 0

    def show(self, tokens: Sequence[GridToken], n_before: int = 0) -> None:
        """Draw these tokens from the beginning; `n_before` stand before them and are not shown."""
        n_dropped = max(0, len(tokens) - MOST_TOKENS)
        self._tokens = list(tokens[n_dropped:])
        self._n_before = n_before + n_dropped
        self._lay_out_all()

    def append(self, tokens: Sequence[GridToken]) -> None:
        """Put tokens at the end."""
        if len(self._tokens) + len(tokens) > 2 * MOST_TOKENS:
            self.show([*self._tokens, *tokens], self._n_before)
            return
        for token in tokens:
            self._tokens.append(token)
            self._lay_out(len(self._tokens) - 1)
        self.refresh()

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))

    def on_resize(self) -> None:
        """Fill the rows anew."""
        self._lay_out_all()

    def render_line(self, y: int) -> Strip:
        """One line of the panel."""
        width, height = self.size.width, self.size.height
        if y == 0:
            segments = self._heading()
        elif y == height - 1:
            segments = self._detail()
        else:
            segments = self._grid_line(y - 1, max(0, height - 2))
        return Strip(segments).adjust_cell_length(width, self.style_of(""))

    def _lay_out_all(self) -> None:
        self._rows, self._rows_width = [], self.size.width
        for index in range(len(self._tokens)):
            self._lay_out(index)
        self.refresh()

    def _lay_out(self, index: int) -> None:
        width = self._cell_width(index)
        if not self._rows or sum(map(self._cell_width, self._rows[-1])) + width > self._rows_width:
            self._rows.append([])
        self._rows[-1].append(index)

    def _cell_width(self, index: int) -> int:
        token = self._tokens[index]
        return max(min(_WIDEST_LABEL, cell_len(token.label)), len(str(token.id))) + 1

    def _heading(self) -> list[Segment]:
        n = self._n_before + len(self._tokens)
        count = f"   {n:,} in the text" if n else ""
        return [
            Segment("TOKENS", self.style_of("token-grid--heading")),
            Segment(count, self.style_of("token-grid--quiet")),
        ]

    def _grid_line(self, y: int, n_lines: int) -> list[Segment]:
        quiet = self.style_of("token-grid--quiet")
        if not self._tokens:
            return [Segment("the text, cut as the model reads it", quiet)] if y == 1 else []
        shown = self._rows[-max(1, n_lines // 2) :]
        if y // 2 >= len(shown):
            return []
        segments: list[Segment] = []
        for index in shown[y // 2]:
            token, width = self._tokens[index], self._cell_width(index)
            if y % 2:
                segments.append(Segment(cells(str(token.id), width), quiet))
                continue
            style = "last" if index == len(self._tokens) - 1 else "ab"[(self._n_before + index) % 2]
            text = cells(cells(token.label, min(_WIDEST_LABEL, cell_len(token.label))), width - 1)
            segments += [
                Segment(text, self.style_of(f"token-grid--{style}")),
                Segment(" ", self.style_of("")),
            ]
        return segments

    def _detail(self) -> list[Segment]:
        if not self._tokens:
            return []
        token = self._tokens[-1]
        quiet = self.style_of("token-grid--quiet")
        facts = f"  id {token.id}"
        if token.logprob is not None and token.rank is not None:
            facts += f"  #{token.rank + 1}  {percent(math.exp(token.logprob)).strip()}  {bits(-token.logprob)} bits"
        room = max(1, self.size.width - 2 - len(facts))
        label = cells(token.label, min(room, cell_len(token.label)))
        return [Segment(f"▸ {label}", self.style_of("token-grid--detail")), Segment(facts, quiet)]
