"""What could come next: a row a candidate, with the model's own probability and what sampling makes of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip

from picogpt_tui.events import Candidate, Distribution
from picogpt_tui.tui.drawing import NATS_TO_BITS, bits, cells, percent, sparkline, two_bars
from picogpt_tui.tui.messages import RoomChanged
from picogpt_tui.tui.widgets.style_cache import StyleCache
from picogpt_tui.visible import one_line

STAGE_NAMES = {
    "temperature": "greedy",
    "top_k": "top-k",
    "top_p": "top-p",
    "min_p": "min-p",
    "typical_p": "typ-p",
}
"""The stage that cut a token, in six cells."""
HEADING = "NEXT TOKEN"
_SPARK_TOKENS = 64
_FOOT_LINES = 2


class NextToken(StyleCache):
    """The candidates at one position; the one that was taken carries a mark."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "next-token--heading",
        "next-token--quiet",
        "next-token--text",
        "next-token--chosen",
        "next-token--cut",
        "next-token--bar",
        "next-token--bar-raw",
    }

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._distribution: Distribution | None = None
        self._chosen: int | None = None
        self.heading = HEADING
        self._is_shaped = False
        """Whether sampling changes any probability that is shown."""
        self._entropies: deque[float] = deque(maxlen=_SPARK_TOKENS)

    @property
    def n_rows(self) -> int:
        """How many candidates there is room for."""
        return max(1, self.size.height - 2 - _FOOT_LINES)

    def show(self, distribution: Distribution, chosen: int | None, entropies: Sequence[float] = ()) -> None:
        """Draw a distribution.

        Args:
            distribution: the candidates, the likeliest first.
            chosen: id of the token that was taken there, or None where none was yet.
            entropies: of the tokens since the last call, in nats, for the sparkline.
        """
        self._distribution, self._chosen = distribution, chosen
        self._is_shaped = any(abs(one.final_prob - one.prob) > 1e-6 for one in distribution.candidates)
        self._entropies.extend(entropies)
        self.refresh()

    def forget(self) -> None:
        """Begin the sparkline anew."""
        self._entropies.clear()
        self.refresh()

    @property
    def chosen(self) -> int | None:
        """Id of the token that was taken where the distribution stands."""
        return self._chosen

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))

    def on_resize(self) -> None:
        """More rows want more candidates."""
        self.post_message(RoomChanged())

    def render_line(self, y: int) -> Strip:
        """One line of the panel."""
        width = self.size.width
        return Strip(self._segments(y, width)).adjust_cell_length(width, self.style_of(""))

    def _segments(self, y: int, width: int) -> list[Segment]:
        shown = self._distribution
        if y == 0:
            return self._heading(width)
        if shown is None:
            return [self._quiet("the model's guesses will stand here")] if y == 2 else []
        if y < 2:
            return []
        rows = self._rows(shown)
        if y - 2 < len(rows):
            return self._row(rows[y - 2], width)
        if y - 2 == len(rows):
            return self._others(shown, rows)
        if y - 3 == len(rows):
            return self._entropy(shown, width)
        return []

    def _rows(self, shown: Distribution) -> list[Candidate]:
        """The candidates there is room for; the one that was taken has the last row where it is further down."""
        rows = list(shown.candidates[: self.n_rows])
        chosen = next((one for one in shown.candidates[self.n_rows :] if one.id == self._chosen), None)
        return [*rows[:-1], chosen] if chosen is not None else rows

    def _heading(self, width: int) -> list[Segment]:
        name = Segment(self.heading, self.style_of("next-token--heading"))
        columns = " raw · final" if self._is_shaped else " raw"
        end = self._label_width(width) + 13 + (7 if self._is_shaped else 0)
        return [name, self._quiet(columns.rjust(max(0, end - len(self.heading))))]

    def _label_width(self, width: int) -> int:
        return min(18, max(7, width - 30))

    def _row(self, one: Candidate, width: int) -> list[Segment]:
        is_chosen = one.id == self._chosen
        style = "chosen" if is_chosen else "cut" if one.cut_by else "text"
        text = self.style_of(f"next-token--{style}")
        quiet = text if style != "text" else self.style_of("next-token--quiet")
        label_width = self._label_width(width)
        segments = [
            Segment("▸" if is_chosen else " ", text),
            Segment(f"{one.rank + 1:>3} ", quiet),
            Segment(cells(one.label, label_width), text),
            Segment(f" {percent(one.prob)}", quiet),
        ]
        used = 5 + label_width + 7
        if self._is_shaped:
            final = STAGE_NAMES.get(one.cut_by, one.cut_by) if one.cut_by else percent(one.final_prob)
            segments.append(Segment(f" {final:>6}", text))
            used += 7
        return [*segments, Segment(" ", text), *self._bar(one, max(0, width - used - 1), is_chosen)]

    def _bar(self, one: Candidate, width: int, is_chosen: bool) -> list[Segment]:
        front = self.style_of("next-token--chosen" if is_chosen else "next-token--bar")
        back = self.style_of("next-token--bar-raw")
        overlap = front.from_color(front.color, back.color)
        return [
            Segment(text, (overlap if shows_raw else front) if is_final else back)
            for text, is_final, shows_raw in two_bars(one.final_prob, one.prob, width)
        ]

    def _others(self, shown: Distribution, rows: list[Candidate]) -> list[Segment]:
        n_vocab = shown.n_other + len(shown.candidates)
        n_other = n_vocab - len(rows)
        prob = max(0.0, 1 - sum(one.prob for one in rows))  # of all that have no row
        kept = f" · {shown.n_kept:,} kept" if shown.n_kept < n_vocab else ""
        return [self._quiet(f"     {n_other:,} others {percent(prob).strip()}{kept}")]

    def _entropy(self, shown: Distribution, width: int) -> list[Segment]:
        text = f"     entropy {bits(shown.entropy)} bits "
        spark_width = min(24, width - len(text) - 1)
        most = max([8.0, *(value * NATS_TO_BITS for value in self._entropies)])
        spark = sparkline([value * NATS_TO_BITS for value in self._entropies], spark_width, most).strip()
        return [self._quiet(text), Segment(spark, self.style_of("next-token--bar"))]

    def _quiet(self, text: str) -> Segment:
        return Segment(text, self.style_of("next-token--quiet"))


class CandidateStrip(NextToken):
    """The same on one line, for narrow screens: as many candidates as fit, and the entropy."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    def render_line(self, y: int) -> Strip:
        """The one line."""
        width = self.size.width
        segments = [self._quiet(" next ")]
        shown = self._distribution
        if shown is not None and y == 0:
            entropy = f" {bits(shown.entropy)} bits "
            room = width - 6 - len(entropy)
            for one in shown.candidates:
                mark = "▸" if one.id == self._chosen else ""
                final = "cut" if one.cut_by else percent(one.final_prob).strip()
                text = f"{mark}{one_line(one.label, 16)} {final}"
                item = Strip([Segment(f"{text}  ")])
                if item.cell_length > room:
                    break
                room -= item.cell_length
                style = "chosen" if mark else "cut" if one.cut_by else "text"
                segments.append(Segment(f"{text}  ", self.style_of(f"next-token--{style}")))
            segments += [self._quiet(" " * room), self._quiet(entropy)]
        return Strip(segments).adjust_cell_length(width, self.style_of(""))
