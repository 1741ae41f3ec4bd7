"""The downloads on the main screen: a line for each, its files where there is room, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.events import Click
from textual.geometry import Size
from textual.strip import Strip

from picogpt_tui.tui.commands import BY_ID, key_name
from picogpt_tui.tui.downloads import (
    FAILED,
    NAME,
    OFFERED,
    READY,
    Download,
    Segments,
    active_files,
    file_line,
    note_line,
    total_line,
)
from picogpt_tui.tui.flow import wrap
from picogpt_tui.tui.messages import DownloadWanted
from picogpt_tui.tui.widgets.style_cache import StyleCache

if TYPE_CHECKING:
    from picogpt_tui.tui.app import PicoGPTApp

_ROOMY_LINES = 30


class DownloadPanel(StyleCache):
    """Takes no room while there is nothing to tell. A click on a line does what its key would."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"download--{kind}" for kind in ("name", "bar", "track", "quiet", "number", "bad", "good")
    }

    app: PicoGPTApp

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._downloads: list[Download] = []
        self._key = ""
        self._lines: list[tuple[str, Segments]] = []

    def on_mount(self) -> None:
        """Hear of the downloads."""
        self._key = key_name(self.app.own_keys.get("fetched", BY_ID["fetched"].key)).upper()
        models = self.app.main.models
        models.changed.subscribe(self, lambda _: self.show(list(models.downloads.values())))

    def show(self, downloads: list[Download]) -> None:
        """Show these, the first on top."""
        self._downloads = downloads
        self.set_class(bool(downloads), "-active")
        height = len(self._lines)
        self._lines = self._draw(self.size.width or self.app.size.width)
        self.refresh(layout=len(self._lines) != height)

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return "\n".join("".join(text for text, _ in line) for _, line in self._lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there is to tell."""
        self._lines = self._draw(width)
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.size.width
        segments = self._lines[y][1] if y < len(self._lines) else []
        drawn = [Segment(text, self.style_of(f"download--{kind}")) for text, kind in segments]
        return Strip([Segment(" ", self.style_of("")), *drawn]).adjust_cell_length(width, self.style_of(""))

    def on_click(self, event: Click) -> None:
        """Do what the line offers."""
        if event.y < len(self._lines):
            self.post_message(DownloadWanted(self._lines[event.y][0]))

    def _draw(self, width: int) -> list[tuple[str, Segments]]:
        is_roomy = self.app.size.height >= _ROOMY_LINES
        return [
            (one.name, line) for one in self._downloads for line in self._lines_of(one, max(20, width - 2), is_roomy)
        ]

    def _lines_of(self, download: Download, width: int, is_roomy: bool) -> list[Segments]:
        line = total_line(download, width, self._key)
        if download.state in (FAILED, OFFERED, READY):
            return _wrapped(line, width)
        lines = [line]
        if is_roomy and download.is_running:
            lines += [file_line(file, width) for file in active_files(download)]
        if note := note_line(download):
            lines += [[(f"  {one.text}", NAME)] for one in wrap(note, width - 2)]
        return lines


def _wrapped(line: Segments, width: int) -> list[Segments]:
    """A sentence that may be longer than a line: mark, words, and what to press at the end."""
    (mark, mark_kind), (sentence, kind), *action = line
    words = [one.text for one in wrap(sentence, width - len(mark))]
    lines: list[Segments] = [
        [(mark if index == 0 else " " * len(mark), mark_kind), (text, kind)] for index, text in enumerate(words)
    ]
    if cell_len(mark + words[-1]) + sum(len(text) for text, _ in action) <= width:
        lines[-1] += action
    else:
        lines.append([(" ", kind), *action])
    return lines
