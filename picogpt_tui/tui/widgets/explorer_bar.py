"""The explorer's top line: which model, where the cursor is, how the text as a whole was to it."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from picogpt_tui.tui.drawing import NATS_TO_BITS
from picogpt_tui.tui.widgets.style_cache import StyleCache


class ExplorerBar(StyleCache):
    """Draws a line of facts; every reactive is one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--name", "bar--model", "bar--quiet", "bar--live", "bar--cuts"}
    model: reactive[str] = reactive("")
    state: reactive[str] = reactive("")
    """What is being worked on, "" for nothing."""
    n_cuts: reactive[int] = reactive(0)
    """What is taken out of the model that the text goes on with."""
    position: reactive[int] = reactive(0)
    n_tokens: reactive[int] = reactive(0)
    n_ctx: reactive[int] = reactive(0)
    n_branches: reactive[int] = reactive(1)
    surprisals: reactive[tuple[float, int]] = reactive((0.0, 0))
    """Nats of the tokens that were scored, in all, and how many those are."""
    n_bytes: reactive[int] = reactive(0)
    """Of the scored tokens."""

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return self.render_line(0).text

    def render_line(self, y: int) -> Strip:
        """The one line; what does not fit is left out, the least important first."""
        width = self.size.width
        left = [
            Segment(" explore ", self.style_of("bar--name")),
            Segment(f" {self.model} ", self.style_of("bar--model")),
            *self._cuts(),
            Segment(f" {self.state}", self.style_of("bar--live")),
        ]
        used = sum(cell_len(segment.text) for segment in left)
        facts = self._facts()
        while facts and used + cell_len("   ".join(facts)) + 2 > width:
            facts.pop(0)
        right = "   ".join(facts) + " "
        gap = " " * max(1, width - used - cell_len(right))
        return Strip([*left, Segment(gap + right, self.style_of("bar--quiet"))]).adjust_cell_length(
            width, self.style_of("bar--quiet")
        )

    def _cuts(self) -> list[Segment]:
        if not self.n_cuts:
            return []
        return [Segment(f" under {self.n_cuts} cut{'s' if self.n_cuts > 1 else ''} ", self.style_of("bar--cuts"))]

    def _facts(self) -> list[str]:
        nats, n = self.surprisals
        numbers = []
        if self.n_tokens > self.n_ctx:
            numbers.append(f"in windows of {self.n_ctx:,}")
        if n:
            numbers.append(f"perplexity {math.exp(min(nats / n, 50)):,.1f} of {n:,}")
            numbers.append(f"{nats * NATS_TO_BITS / max(1, self.n_bytes):.2f} bits/byte")
        where = f"token {min(self.position + 1, self.n_tokens)} of {self.n_tokens:,}"
        if self.position >= self.n_tokens:
            where = f"behind {self.n_tokens:,} tokens"
        branches = [f"{self.n_branches:,} branches"] if self.n_branches > 1 else []
        return [*numbers, *branches, where]
