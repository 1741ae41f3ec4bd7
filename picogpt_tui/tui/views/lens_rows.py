"""The lens as rows of styled text: layers by positions, the answer on top and the embedding below. Pure.

A column stands below the token whose place it is; its cells are what each row would have said there, if the model ended
in it. So the answer forms upwards, and meets what really came.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.readings import LensCell
from picogpt_tui.tui.drawing import cells, percent, sparkline
from picogpt_tui.tui.shading import SHADES
from picogpt_tui.tui.views.lens_measures import MEASURES, UNKNOWN, Measure
from picogpt_tui.tui.views.window import first_in_view
from picogpt_tui.tui.widgets.lines import Row
from picogpt_tui.tui.widgets.shading_legend import NO_MARKS, SHADE_MARKS

_NUMBER = 8  # of the column at the cursor, with a space on either side
_NARROW, _CELL, _WIDE_CELL = 100, 8, 10  # cells of the screen: the least that a column takes
_TALL = 14
_LABEL, _SHORT_LABEL = 14, 9  # of the watched token
_HIT, _HERE, _CHOSEN, _ABOVE, _BELOW = "✓", "▾", "▸", "↑", "↓"
_NOTHING = "What each layer would say here will stand in this place: tab goes into it."


@dataclass(frozen=True, slots=True)
class Column:
    """The lens at one cursor.

    Attributes:
        cursor: where.
        label: of the token that stands there, "" behind the last.
        watched: the token whose rank is in the cells; None where no cell is known.
        cells: from the embedding to the answer; none where nothing is known.
    """

    cursor: int
    label: str
    watched: int | None = None
    cells: tuple[LensCell, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn.

    Attributes:
        names: of the rows, from the embedding to the answer; none before there was an answer.
        columns: ascending.
        cursor: where one is.
        measure: what shades the cells.
        has_attention: whether the rows after attention are shown.
        chosen: the row one is on, None for none.
        top: the first shown row that was in view so far, counted from the answer.
        marks: how the shades show without colour, one of `shading_legend.MARKS`.
        watched: label of the watched token in the column of the cursor.
        why: why that one.
        candidate: label of the candidate that could be watched, "" for none.
        n_vocab: how many tokens there are.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    cursor: int
    measure: Measure = MEASURES[0]
    has_attention: bool = True
    chosen: int | None = None
    top: int = 0
    marks: str = NO_MARKS
    watched: str = ""
    why: str = ""
    candidate: str = ""
    n_vocab: int = 1

    @property
    def shown(self) -> list[int]:
        """The rows that are drawn, the answer first."""
        return [row for row in reversed(range(len(self.names))) if self.has_attention or not _is_attention(self, row)]

    @property
    def here(self) -> Column:
        """The column of the cursor."""
        return next(column for column in self.columns if column.cursor == self.cursor)

    @property
    def name_width(self) -> int:
        """Of the rows' names, with the mark before them."""
        return 1 + max((len(name) for name in self.names), default=8)


def _is_attention(picture: Picture, row: int) -> bool:
    return picture.names[row].endswith(".attn")


# -- where things are --------------------------------------------------------------------------------------------------


def n_columns(name_width: int, width: int) -> int:
    """How many columns fit in a view so wide."""
    return max(1, (width - name_width - _NUMBER) // (_CELL if width < _NARROW else _WIDE_CELL))


def _cell_width(picture: Picture, width: int) -> int:
    """Of one column, so that as many as fit fill the view."""
    return max(_CELL, (width - picture.name_width - _NUMBER) // n_columns(picture.name_width, width))


def column_at(picture: Picture, x: int, width: int) -> Column | None:
    """The column that covers a cell of the screen."""
    index = (x - picture.name_width - _NUMBER) // _cell_width(picture, width)
    return picture.columns[index] if 0 <= index < len(picture.columns) else None


def row_at(picture: Picture, line: int, width: int, height: int) -> int | None:
    """The row of the lens that a line shows."""
    in_view = _in_view(picture, width, height)
    return in_view[line - 1] if 1 <= line <= len(in_view) else None


def top_in_view(picture: Picture, width: int, height: int) -> int:
    """The first shown row that is in view, so that the chosen one is."""
    shown = picture.shown
    at = shown.index(picture.chosen) if picture.chosen in shown else picture.top
    return first_in_view(picture.top, at, _n_in_view(picture, width, height), len(shown))


def _n_in_view(picture: Picture, width: int, height: int) -> int:
    return max(1, height - 1 - len(_below(picture, width, height)))


def _in_view(picture: Picture, width: int, height: int) -> list[int]:
    top = top_in_view(picture, width, height)
    return picture.shown[top : top + _n_in_view(picture, width, height)]


# -- drawing -----------------------------------------------------------------------------------------------------------


def lens_rows(picture: Picture, width: int, height: int) -> list[Row]:
    """The whole view, `height` rows at most where there is room for one row of the lens."""
    if not any(column.cells for column in picture.columns):
        return [[(cells(_NOTHING, width), "quiet")]]
    in_view, shown = _in_view(picture, width, height), picture.shown
    more = {in_view[0]: _ABOVE, in_view[-1]: _BELOW} | {shown[0]: " ", shown[-1]: " "}
    body = [_lens_row(picture, row, more.get(row, " "), width) for row in in_view]
    return [_heading(picture, width), *body, *_below(picture, width, height)]


def _heading(picture: Picture, width: int) -> Row:
    runs = [(f"{'':{picture.name_width}} {picture.measure.heading:>6} ", "heading")]
    for column in picture.columns:
        is_here = column.cursor == picture.cursor
        label = cells(column.label or "⟨next⟩", _cell_width(picture, width) - 1)
        runs.append((f"{_HERE if is_here else ' '}{label}", "chosen" if is_here else "quiet"))
    return runs


def _lens_row(picture: Picture, row: int, sign: str, width: int) -> Row:
    is_chosen = row == picture.chosen
    name = f"{_CHOSEN if is_chosen else sign}{picture.names[row]:<{picture.name_width - 1}}"
    here = picture.here.cells
    number = picture.measure.text(here[row]) if here else " " * 6
    runs = [(name, "chosen" if is_chosen else "quiet"), (f" {number} ", "chosen" if is_chosen else "text")]
    for column in picture.columns:
        text, style = _cell(picture, column, row, _cell_width(picture, width))
        runs.append((text, "chosen" if is_chosen and column is picture.here else style))
    return runs


def _cell(picture: Picture, column: Column, row: int, width: int) -> tuple[str, str]:
    if not column.cells:
        return cells(" ·", width), "quiet"
    cell, measure = column.cells[row], picture.measure
    level = measure.level(cell)
    sign = ""
    if picture.marks:
        shade = " " if level is None else SHADES[level]
        sign = shade if picture.marks == SHADE_MARKS else measure.sign(cell)
    hit = _HIT if cell.id == column.watched else " "
    return f"{hit}{cells(cell.label, width - 1 - len(sign))}{sign}", "text" if level is None else measure.style(level)


# -- below -------------------------------------------------------------------------------------------------------------


def _below(picture: Picture, width: int, height: int) -> list[Row]:
    """What is watched, what the shades mean, the keys."""
    if height < _TALL:
        return [_watch_in_short(picture, width), _keys(picture, width)]
    return [[], *_watch(picture), _legend(picture), _keys(picture, width)]


def _watched_cells(picture: Picture) -> list[LensCell]:
    """Of the rows that are shown, from the embedding to the answer; none where not all are known."""
    here = picture.here.cells
    found = [here[row] for row in reversed(picture.shown)] if here else []
    return found if all(cell.rank != UNKNOWN for cell in found) else []


def _curve(picture: Picture, values: Sequence[float], most: float) -> Row:
    """Numbers of the shown rows as block heights, with that of the chosen one marked."""
    rows = list(reversed(picture.shown))
    curve = sparkline(values, len(rows), most)
    if picture.chosen not in rows:
        return [(curve, "bar")]
    at = rows.index(picture.chosen)
    return [(curve[:at], "bar"), (curve[at], "chosen"), (curve[at + 1 :], "bar")]


def _ranks(picture: Picture, found: Sequence[LensCell]) -> Row:
    """The higher the better: full where it is the first, half at the square root of the vocabulary."""
    top = math.log(max(2, picture.n_vocab))
    return _curve(picture, [1 - math.log(cell.rank + 1) / top for cell in found], 1.0)


def _watch(picture: Picture) -> list[Row]:
    """The watched token's rank and probability from the embedding to the answer, and in the chosen row."""
    found = _watched_cells(picture)
    probs = [cell.watched_prob for cell in found]
    rank = (f" {cells(picture.watched, _LABEL)} ", picture.why, "rank", [_place(cell) for cell in found])
    prob = ("", "", "p", [percent(prob).strip() for prob in probs])
    curves = _ranks(picture, found), _curve(picture, probs, max(probs, default=0.0))
    shown = list(reversed(picture.shown))
    lines: list[Row] = []
    for (name, why, title, written), curve in zip((rank, prob), curves, strict=True):
        first, last = (written[0], written[-1]) if written else ("", "")
        here = f"here {written[shown.index(picture.chosen)]}" if written and picture.chosen in shown else ""
        start = [(f"{name:<{_LABEL + 2}}", "text"), (f"{why:<11}{title:<5}{first:>7} ", "quiet")]
        lines.append([*start, *curve, (f" {last:<9}", "text"), (here, "chosen")])
    return lines


def _watch_in_short(picture: Picture, width: int) -> Row:
    """The same on one line: the curve of the rank, and of the probability only the ends, where they fit."""
    found = _watched_cells(picture)
    first, last = (_place(found[0]), _place(found[-1])) if found else ("", "")
    start = [(f" {cells(picture.watched, _SHORT_LABEL)} ", "text"), (f"{picture.why:<10} rank {first:>7} ", "quiet")]
    runs: Row = [*start, *_ranks(picture, found), (f" {last:<7}", "text")]
    if found and _SHORT_LABEL + 34 + len(found) + 18 <= width:
        probs = " → ".join(percent(cell.watched_prob).strip() for cell in (found[0], found[-1]))
        runs = [*runs, (f"  p {probs}", "quiet")]
    return runs


def _place(cell: LensCell) -> str:
    return f"#{cell.rank + 1:,}"


def _legend(picture: Picture) -> Row:
    measure = picture.measure
    runs: list[tuple[str, str]] = [(" ", "quiet")]
    for level, meaning in enumerate(measure.legend()):
        sign = f"{SHADES[level]} " if picture.marks == SHADE_MARKS else ""
        runs += [(f" {sign}{meaning} ", measure.style(level)), (" ", "quiet")]
    return [*runs, (f"{measure.meaning}   {_HIT} watched", "quiet")]


def _keys(picture: Picture, width: int) -> Row:
    tab = "" if picture.chosen is not None else "tab "
    watch = "w let go" if picture.why == "pinned" else f"w watch {cells(picture.candidate, 9).rstrip()}"
    keys = f" {tab}↑↓ layer  k {picture.measure.title}  a attention  {watch}"
    return [(cells(keys, width), "quiet")]
