"""How the text is shaded, and what the shades mean: one line, with the keys that change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from picogpt_tui.tui import shading
from picogpt_tui.tui.explorer_messages import TextShaded
from picogpt_tui.tui.shading import SHADES, TokenNumbers
from picogpt_tui.tui.widgets.style_cache import StyleCache
from picogpt_tui.tui.widgets.token_text import TokenText

NO_MARKS, SHADE_MARKS, DIGIT_MARKS = MARKS = ("", "shades", "digits")


class ShadingLegend(StyleCache):
    """Draws the legend, and shades a `TokenText` by it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "legend--quiet",
        *(f"legend--heat-{level}" for level in range(5)),
        *(f"legend--rank-{level}" for level in range(4)),
    }
    scale: reactive[str] = reactive("surprisal")
    """One of `shading.NAMES`."""
    marks: reactive[str] = reactive("")
    """One of MARKS."""

    _lent: TextShaded | None = None

    def on_mount(self) -> None:
        """Without colour the shades are characters from the beginning."""
        if self.app.no_color and not self.marks:
            self.marks = SHADE_MARKS

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return self.render_line(0).text

    def next_scale(self) -> None:
        """The next of `shading.NAMES`."""
        names = shading.NAMES
        self.scale = names[(names.index(self.scale) + 1) % len(names)]

    def next_marks(self) -> None:
        """The next of MARKS."""
        self.marks = MARKS[(MARKS.index(self.marks) + 1) % len(MARKS)]

    def lend(self, lent: TextShaded | None) -> None:
        """Let a view shade the text by its own numbers; None ends that."""
        self._lent = lent
        self.refresh()

    def show_on(self, tokens: TokenText, facts: Sequence[TokenNumbers | None]) -> None:
        """Shade and mark a text, of whose tokens these are the numbers."""
        if (lent := self._lent) is not None:
            tokens.shade(lent.levels, lent.palette)
            tokens.mark(lent.marks if self.marks else None)
            return
        scale = shading.scale_of(self.scale)
        if scale is None:
            tokens.shade(None)
            tokens.mark(["│"] * (len(facts) + 1) if self.marks else None)
            return
        levels = shading.levels(scale, facts)
        tokens.shade(levels, scale.palette)
        if self.marks == SHADE_MARKS:
            tokens.mark([" " if level is None else SHADES[level] for level in levels])
        elif self.marks == DIGIT_MARKS:
            tokens.mark([" " if one is None else shading.digit(scale, one) for one in facts])
        else:
            tokens.mark(None)

    def render_line(self, y: int) -> Strip:
        """The one line."""
        width = self.size.width
        quiet = self.style_of("legend--quiet")
        if self._lent is not None:
            return Strip([Segment(f" {self._lent.meaning}", quiet)]).adjust_cell_length(width, quiet)
        segments = [Segment(f" {self.scale}  ", quiet)]
        if (scale := shading.scale_of(self.scale)) is not None:
            for level, meaning in enumerate(scale.legend()):
                sign = f"{SHADES[level]} " if self.marks == SHADE_MARKS else ""
                segments.append(Segment(f" {sign}{meaning} ", self.style_of(f"legend--{scale.palette}-{level}")))
                segments.append(Segment(" ", quiet))
        keys = "c colour  m marks "
        used = sum(segment.cell_length for segment in segments)
        if used + len(keys) < width:
            segments.append(Segment(keys.rjust(width - used), quiet))
        return Strip(segments).adjust_cell_length(width, quiet)
