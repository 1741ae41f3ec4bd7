"""A thin line that says how far a model is read, or why it could not be."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from picogpt_tui.events import Progress
from picogpt_tui.tui.drawing import cells, eighths
from picogpt_tui.tui.flow import wrap
from picogpt_tui.tui.widgets.style_cache import StyleCache
from picogpt_tui.visible import one_line

_BAR, _LEAST_BAR, _PERCENT, _DETAIL = 24, 6, len(" 100 %  "), 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"


class ModelLoader(StyleCache):
    """Shown while a model loads (`-active`) and after it failed (`-failed`); else it takes no room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"loader--name", "loader--bar", "loader--track", "loader--bad"}
    fraction: reactive[float] = reactive(0.0)
    detail: reactive[str] = reactive("")

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._name, self._phase = "", "loading"

    def begin(self, name: str) -> None:
        """A model begins to load."""
        self._name, self._phase, self.fraction, self.detail = one_line(name, 40), "loading", 0.0, ""
        self.remove_class("-failed").add_class("-active")
        self.refresh()

    def show(self, progress: Progress) -> None:
        """It is this far."""
        self._phase = progress.phase
        self.fraction, self.detail = progress.done / max(1, progress.total), one_line(progress.detail, 60)

    def end(self) -> None:
        """It is loaded, or no longer wanted."""
        self.remove_class("-active", "-failed")

    def fail(self, sentence: str) -> None:
        """It could not be loaded; stays until something else is loaded or Escape is pressed."""
        self.detail = one_line(sentence, 400)
        self.remove_class("-active").add_class("-failed")
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line; for a failure as many as its sentence needs."""
        return len(self._sentence(width)) if self.has_class("-failed") else 1

    def render_line(self, y: int) -> Strip:
        """One line: name, bar, percent, detail; or the sentence."""
        width = self.size.width
        style = self.style_of
        if self.has_class("-failed"):
            mark = " ✗ " if y == 0 else "   "
            lines = self._sentence(width)
            text = lines[y] if y < len(lines) else ""
            return Strip([Segment(mark + text, style("loader--bad"))]).adjust_cell_length(width, self.style_of(""))
        name = f" {self._phase} {self._name} "
        n_bar = max(_LEAST_BAR, min(_BAR, width - cell_len(name) - _PERCENT))
        filled = eighths(self.fraction, n_bar)
        whole, part = divmod(filled, 8)
        bar = "█" * whole + (_EIGHTHS[part] if part else "")
        segments = [
            Segment(name, style("loader--name")),
            Segment(bar, style("loader--bar")),
            Segment("╌" * (n_bar - len(bar)), style("loader--track")),
            Segment(f" {self.fraction * 100:3.0f} %  {cells(self.detail, _DETAIL)}", style("loader--track")),
        ]
        return Strip(segments).adjust_cell_length(width, self.style_of(""))

    def _sentence(self, width: int) -> list[str]:
        return [line.text for line in wrap(self.detail, max(8, width - 4))]
