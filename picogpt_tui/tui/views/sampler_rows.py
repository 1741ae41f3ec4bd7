"""What the sampler view draws of a waterfall: the stages side by side, the candidates below them, and the draw. Pure.

The stages stand as columns in their order, so that a candidate's row is its way through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from picogpt_tui.readings import StageRow, Waterfall
from picogpt_tui.tui.drawing import bits, cells, percent, two_bars
from picogpt_tui.tui.widgets.lines import Row
from picogpt_tui.visible import one_line

WORDS = {
    "raw": "raw",
    "repetition_penalty": "repetition",
    "temperature": "temperature",
    "top_k": "top-k",
    "top_p": "top-p",
    "min_p": "min-p",
    "typical_p": "typical",
}
"""The field's words for the stages."""
_NUMBER = 8  # cells of a column without its bar
SHORTER = {"repetition": "repeat", "temperature": "temp"}  # no wider than a number
_CUTTERS = WORDS | {"temperature": "greedy"}  # it cuts where it is 0
_SHORTEST_BAR, _LONGEST_BAR = 3, 24
_LABEL_CELLS = 24
_DOT = " · "
_NARROWEST = 4  # cells of the line that a tick and a few letters need


@dataclass(frozen=True, slots=True)
class Grid:
    """How the columns share a width.

    Attributes:
        left: cells for what a row is.
        shown: which stages there is room for: the last and, from the first on, as many as fit.
        bars: cells for the bar behind each one's numbers, 0 where there is no room.
    """

    left: int
    shown: tuple[int, ...]
    bars: tuple[int, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """Cells of each column."""
        return tuple(_NUMBER + bar + bool(bar) for bar in self.bars)


def _bars(n_shown: int, room: int) -> tuple[int, ...]:
    """Bars behind all numbers where there is room for that, else behind the last, else none."""
    each, last = room // n_shown - _NUMBER - 1, room - n_shown * _NUMBER - 1
    if each >= _SHORTEST_BAR:
        return (min(each, _LONGEST_BAR),) * n_shown
    return (*[0] * (n_shown - 1), min(last, _LONGEST_BAR) if last >= _SHORTEST_BAR else 0)


def grid(n_stages: int, width: int) -> Grid:
    """Share a width among the stages; bars have what is left."""
    left = 17 if width < 100 else 26
    n_shown = max(1, min(n_stages, (width - left) // _NUMBER))
    return Grid(left, (*range(n_shown - 1), n_stages - 1), _bars(n_shown, width - left))


def _column(text: str, style: str, n_cells: int) -> tuple[str, str]:
    """A cell whose number ends where all numbers of its column do."""
    return cells(f" {text:>{_NUMBER - 1}}", n_cells), style


def _titles(names: Sequence[str], knob: str, place: Grid) -> Row:
    """The stages' names, each ending where the numbers below it do; a long one begins above the bars before it."""
    runs: list[tuple[str, str]] = []
    room = 0
    for name, column in zip(names, place.columns, strict=True):
        room += _NUMBER
        word = WORDS[name] if len(WORDS[name]) < room else SHORTER[WORDS[name]]
        runs.append((word.rjust(room), "chosen" if name == knob else "heading"))
        room = column - _NUMBER
    return runs


def _named(name: str, place: Grid) -> tuple[str, str]:
    return cells(f" {name}", place.left), "quiet"


def head(waterfall: Waterfall, knob: str, place: Grid) -> list[Row]:
    """What each stage did to all tokens: its name, how many it keeps, the mass it removes, how open the choice is.

    Args:
        waterfall: the stages.
        knob: the setting that is chosen; its stage is marked.
        place: the columns.
    """
    stages = [waterfall.stages[index] for index in place.shown]
    removed = ["" if one.name == "raw" else percent(one.mass_removed) for one in stages]
    numbers = {
        "tokens kept": [f"{one.n_kept:,}" for one in stages],
        "mass removed": removed,
        "entropy, bits": [bits(one.entropy) for one in stages],
    }
    rows: list[Row] = [[_named("stage", place), *_titles([one.name for one in stages], knob, place)]]
    for name, row in numbers.items():
        columns = zip(row, place.columns, strict=True)
        rows.append([_named(name, place), *(_column(number, "text", n_cells) for number, n_cells in columns)])
    return rows


def worth_showing(waterfall: Waterfall, chosen: int | None, taken: int | None, n: int) -> list[StageRow]:
    """The n likeliest candidates; those that matter most here have the last rows where they are further down."""
    matter = [id for id in dict.fromkeys((chosen, waterfall.drawn, taken)) if id is not None][:n]
    must = [row for row in waterfall.rows[n:] if row.candidate.id in matter]
    first = list(waterfall.rows[:n])
    spare = [row for row in reversed(first) if row.candidate.id not in matter][: len(must)]
    return [*(row for row in first if row not in spare), *must]


def _bar(prob: float, width: int) -> str:
    return "".join(text for text, _, _ in two_bars(prob, 0, width))


def candidate(row: StageRow, waterfall: Waterfall, place: Grid, rank_cells: int, *, is_chosen: bool) -> Row:
    """One candidate behind each stage; from the one that cut it there is its name, and then nothing."""
    one = row.candidate
    names = [stage.name for stage in waterfall.stages]
    cut_at = names.index(one.cut_by) if one.cut_by else len(names)
    style = "chosen" if is_chosen else "cut" if one.cut_by else "text"
    left = f"{'▸' if is_chosen else ' '}{one.rank + 1:>{rank_cells}} "
    runs = [(left, style if style != "text" else "quiet"), (cells(one.label, place.left - len(left)), style)]
    for index, n_cells, bar in zip(place.shown, place.columns, place.bars, strict=True):
        is_final = index == len(names) - 1
        if index >= cut_at:
            return [*runs, _column(_CUTTERS[names[cut_at]], style, n_cells)]
        number = style if is_final or style != "text" else "quiet"
        runs.append((f" {percent(row.probs[index]):>{_NUMBER - 1}}", number))
        if bar:
            runs += [(" ", style), (_bar(row.probs[index], bar), "bar" if is_final else "bar-raw")]
    return runs


def draw_words(
    waterfall: Waterfall, taken: int | None, label: Callable[[int], str], *, is_greedy: bool
) -> tuple[str, str]:
    """What was drawn, or why nothing was; and what stands there, where that is another token."""

    def named(id: int | None) -> str:
        return one_line(label(id), _LABEL_CELLS) if id is not None else ""

    drawn = waterfall.drawn
    other = f"{named(taken)} stands here" if taken is not None and taken != drawn else ""
    if is_greedy:
        return f"no draw: greedy takes {named(drawn)}", other
    if waterfall.u is not None:
        return f"u = {waterfall.u:.4f} picks {named(drawn)}", other
    if taken is None:
        return "no draw yet: space lets the model say one", ""
    return f"no draw here: {named(taken)} was typed, taken by hand, or greedy", ""


def _block(label: str, n_cells: int, fill: str) -> str:
    """A tick, the label as far as it fits, and what fills the rest."""
    if n_cells < _NARROWEST:
        return "▏".ljust(n_cells, fill)
    text = cells(f"▏{label}", min(n_cells, 1 + cell_len(label)))
    return text + fill * (n_cells - cell_len(text))


def _line(rows: Sequence[StageRow], chosen: int | None, width: int) -> Row:
    """Each candidate as wide as it is likely; a rule for what is too narrow for a label, and for all other tokens."""
    runs = [(" ", "text")]
    at = 0
    for row in sorted(rows, key=lambda row: row.cumulative):
        start, end = (round(edge * width) for edge in row.cumulative)
        is_chosen = row.candidate.id == chosen and row.probs[-1] > 0
        if is_chosen:  # however narrow
            start, end = min(start, width - 1), max(end, start + 1)
        start, end = max(start, at), min(end, width)
        if end - start < (1 if is_chosen else _NARROWEST):
            continue
        style = "chosen" if is_chosen else "ab"[len(runs) // 2 % 2]
        runs += [
            ("─" * (start - at), "bar-raw"),
            (_block(row.candidate.label, end - start, "━ "[not is_chosen]), style),
        ]
        at = end
    return [*runs, ("─" * (width - at), "bar-raw")]


def _beside(words: tuple[str, str], before: int, behind: int) -> tuple[str, str]:
    """Share what is to be said between so many cells before a mark and behind it."""
    first, second = words
    whole = _DOT.join(part for part in words if part)
    for left, right in (("", whole), (whole, ""), (first, second), (second, first)):
        if cell_len(left) <= before and cell_len(right) <= behind:
            return left, right
    return ("", cells(whole, behind)) if behind >= before else (cells(whole, before), "")


def draw_rows(
    waterfall: Waterfall, words: tuple[str, str], chosen: int | None, width: int, *, is_greedy: bool
) -> list[Row]:
    """The line from 0 to 1 that a draw falls on, tokens in the order of their ids, and above it where it fell.

    Args:
        waterfall: the candidates and the draw.
        words: what was drawn, and what stands there.
        chosen: id of the candidate that is chosen.
        width: cells of the line; a margin of one comes before it.
        is_greedy: whether nothing is drawn.
    """
    line = _line(waterfall.rows, chosen, width)
    if waterfall.u is None or is_greedy:
        return [[(" ", "text"), (cells(_DOT.join(part for part in words if part), width), "quiet")], line]
    at = min(int(waterfall.u * width), width - 1)
    left, right = _beside(words, max(0, at - 1), max(0, width - at - 2))
    margin = " " * (at - cell_len(left) - 1)
    return [[(f" {margin}{left} " if at else " ", "text"), ("▼", "chosen"), (f" {right}", "text")], line]
