"""The top line: which model, what it does, how fast, how full its context is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip

from picogpt_tui.quantities import parameters_text
from picogpt_tui.tui.drawing import cells, meter
from picogpt_tui.tui.widgets.style_cache import StyleCache
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.session.engine import ModelInfo
    from picogpt_tui.tui.app import PicoGPTApp
    from picogpt_tui.tui.downloads import Download

_METER = 10
_ROOMY = 100


class StatusBar(StyleCache):
    """Draws a line of facts; every reactive is one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status--name",
        "status--model",
        "status--quiet",
        "status--live",
        "status--bad",
        "status--meter",
    }
    app: PicoGPTApp
    model: reactive[str] = reactive("")
    """Name and size of the model, "" before there is one."""
    precision: reactive[str] = reactive("")
    state: reactive[str] = reactive("starting")
    """What it does: `ready`, `generating`, `loading 124M 40 %` ..."""
    is_live: reactive[bool] = reactive(False)
    """Whether something runs."""
    tokens_per_second: reactive[float] = reactive(0.0)
    guesses: reactive[tuple[int, int]] = reactive((0, 0))
    """Of an answer: how many tokens that prompt lookup guessed came true, and how many it guessed."""
    downloads: reactive[tuple[str, ...]] = reactive(())
    """Which models are on their way, and how far, each in a few cells."""
    n_context: reactive[int] = reactive(0)
    n_ctx: reactive[int] = reactive(0)

    def on_mount(self) -> None:
        """Hear of the downloads."""
        models = self.app.main.models
        models.changed.subscribe(self, lambda _: self._show_downloads(models.downloads.values()))

    def _show_downloads(self, downloads: Iterable[Download]) -> None:
        self.downloads = tuple(one.in_short for one in downloads if one.in_short)

    def show_model(self, info: ModelInfo) -> None:
        """Name this model."""
        name, size = one_line(info.name, 40), parameters_text(info.n_params)
        self.model = name if size == name else f"{name} {size}"
        self.precision, self.n_ctx = info.precision, info.n_ctx

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return self.render_line(0).text

    def render_line(self, y: int) -> Strip:
        """The one line; a narrow screen gets the shorter words."""
        width = self.size.width
        left, right = self._left(width >= _ROOMY), self._right(width >= _ROOMY)
        used = sum(cell_len(segment.text) for segment in right)
        rest = max(0, width - used)
        left += self._guesses(rest - sum(cell_len(segment.text) for segment in left))
        line = Strip(left).adjust_cell_length(rest, self.style_of(""))
        return Strip([*line, *right]).adjust_cell_length(width, self.style_of(""))

    def _left(self, is_roomy: bool) -> list[Segment]:
        style = self.style_of
        segments = [Segment(" picogpt ", style("status--name")), Segment("  ", self.style_of(""))]
        if self.model:
            precision = f" · {self.precision}" if is_roomy else ""
            segments.append(Segment(f"{self.model}{precision}   ", style("status--model")))
        speed = f" {self.tokens_per_second:,.0f} tok/s" if self.tokens_per_second else ""
        words = f"{self.state}{speed}" if is_roomy or not (self.is_live and speed) else speed.strip()
        return [*segments, Segment(f"{'●' if self.is_live else '○'} {words}", self._state_style())]

    def _guesses(self, rest: int) -> list[Segment]:
        """How prompt lookup does, where it guessed at all and a whole number finds room."""
        n_accepted, n_guessed = self.guesses
        words = f"   {'lookup ' if self.size.width >= _ROOMY else ''}{n_accepted:,}/{n_guessed:,} "
        return [Segment(words, self.style_of("status--quiet"))] if n_guessed and len(words) <= rest else []

    def _short_downloads(self) -> list[str]:
        """As many as a third of the line takes, then how many more there are."""
        shown: list[str] = []
        rest = self.size.width // 3
        for index, words in enumerate(self.downloads):
            rest -= cell_len(words) + 2
            if rest < 0:
                return [*shown, f"{'+' if shown else '↓ '}{len(self.downloads) - index}"]
            shown.append(words)
        return shown

    def _state_style(self) -> Style:
        return self.style_of("status--live" if self.is_live else "status--quiet")

    def _right(self, is_roomy: bool) -> list[Segment]:
        bad, live = self.style_of("status--bad"), self.style_of("status--live")
        downloads = [Segment(f" {short} ", bad if short[0] == "✗" else live) for short in self._short_downloads()]
        if not self.n_ctx:
            return downloads
        filled, empty = meter(self.n_context / self.n_ctx, _METER)
        number = cells(f"{self.n_context}/{self.n_ctx}", len(str(self.n_ctx)) * 2 + 1).strip()
        quiet = self.style_of("status--quiet")
        words = "context " if is_roomy else ""
        return [
            *downloads,
            Segment(f" {words}{number} ", quiet),
            Segment(filled, self.style_of("status--meter")),
            Segment(f"{empty} ", quiet),
        ]
