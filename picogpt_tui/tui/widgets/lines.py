"""Rows of styled text that a view has drawn, scrolled where they do not fit, with one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from picogpt_tui.tui.explorer_messages import LinePointed
from picogpt_tui.tui.widgets.style_cache import StyleCache

Row = Sequence[tuple[str, str]]
"""Runs of (text, style), each style one of `Lines.STYLES`."""
STYLES = (
    *("text", "quiet", "heading", "chosen", "cut", "bar", "bar-raw", "good", "bad", "warn", "mark"),
    *("a", "b", "unknown", "ghost"),
    *(f"heat-{level}" for level in range(5)),
    *(f"rank-{level}" for level in range(4)),
    *(f"cool-{level}" for level in range(9)),
    *(f"diff-{level}" for level in range(7)),
)


class Lines(StyleCache, ScrollView, can_focus=True, inherit_bindings=False):
    """Shows rows; posts LinePointed where one is clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{style}" for style in STYLES}

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: Sequence[Row] = ()
        self._chosen: int | None = None
        self._n_fixed = 0

    @property
    def text(self) -> str:
        """All that is shown, for tests and for copying."""
        return "\n".join("".join(text for text, _ in row).rstrip() for row in self._rows)

    def show(self, rows: Sequence[Row], chosen: int | None = None, n_fixed: int = 0) -> None:
        """Draw these rows.

        Args:
            rows: the first on top.
            chosen: the row to keep in view.
            n_fixed: how many of the first stay on top while the others scroll.
        """
        self._rows, self._chosen, self._n_fixed = rows, chosen, n_fixed
        self.virtual_size = Size(max(1, self.size.width), len(rows))
        self._keep_in_view()
        self.refresh()

    def on_resize(self) -> None:
        """The chosen row stays in view."""
        self.virtual_size = Size(max(1, self.size.width), len(self._rows))
        self._keep_in_view()

    def on_click(self, event: events.Click) -> None:
        """Tell which row."""
        line = self._row_at(event.y)
        if line < len(self._rows):
            self.post_message(LinePointed(line, event.x))

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width, index = self.size.width, self._row_at(y)
        row = self._rows[index] if index < len(self._rows) else ()
        segments = [Segment(text, self.style_of(f"lines--{style}")) for text, style in row]
        return Strip(segments).adjust_cell_length(width, self.style_of(""))

    def _row_at(self, y: int) -> int:
        return y if y < self._n_fixed else y + self.scroll_offset.y

    def _keep_in_view(self) -> None:
        height = self.size.height
        if self._chosen is None or height <= self._n_fixed:
            return
        top, bottom = self.scroll_offset.y + self._n_fixed, self.scroll_offset.y + height - 1
        if self._chosen < top:
            self.scroll_to(y=self._chosen - self._n_fixed, animate=False)
        elif self._chosen > bottom:
            self.scroll_to(y=self._chosen - height + 1, animate=False)
