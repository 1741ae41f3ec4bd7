"""The names of the explorer's views, each with its key; the one that is open is marked."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.reactive import reactive
from textual.strip import Strip

from picogpt_tui.tui.explorer_commands import VIEWS
from picogpt_tui.tui.explorer_messages import ViewPointed
from picogpt_tui.tui.widgets.style_cache import StyleCache


class ViewTabs(StyleCache):
    """Posts ViewPointed where one is clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"view-tabs--key", "view-tabs--name", "view-tabs--open"}
    open: reactive[str] = reactive("")
    """The id of the view that is open, "" for none."""

    def render_line(self, y: int) -> Strip:
        """The one line."""
        width = self.size.width
        segments = [segment for _, part in self._tabs(width) for segment in part]
        return Strip(segments).adjust_cell_length(width, self.style_of(""))

    def on_click(self, event: events.Click) -> None:
        """Open the view below the mouse."""
        end = 0
        for id, part in self._tabs(self.size.width):
            end += sum(segment.cell_length for segment in part)
            if event.x < end:
                self.post_message(ViewPointed(id))
                return

    def _most_letters(self, width: int) -> int:
        """How many letters of a name there is room for, where the open view's stands whole."""
        lengths = [len(title) for id, title, _ in VIEWS if id != self.open]
        room = width - 3 * len(VIEWS) - max((len(title) for id, title, _ in VIEWS if id == self.open), default=0)
        return next((n for n in range(max(lengths), 1, -1) if sum(min(n, one) for one in lengths) <= room), 1)

    def _tabs(self, width: int) -> list[tuple[str, list[Segment]]]:
        gap = "  " if sum(len(title) + 4 for _, title, _ in VIEWS) <= width else " "
        most = self._most_letters(width)
        tabs = []
        for number, (id, title, _) in enumerate(VIEWS, 1):
            name = title.lower()[: most if id != self.open else None]
            if id == self.open:
                part = [Segment(f"{gap[1:]}▸{number} {name}", self.style_of("view-tabs--open"))]
            else:
                key = Segment(f"{gap}{number}", self.style_of("view-tabs--key"))
                part = [key, Segment(f" {name}", self.style_of("view-tabs--name"))]
            tabs.append((id, part))
        return tabs
