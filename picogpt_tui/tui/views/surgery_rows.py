"""Surgery as rows of styled text: what can be cut, what is, and the next token before and after. Pure.

A number in the grid says in bits how far the answer moves when that part alone is made zero: KL(before || after).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from picogpt_tui.events import Candidate
from picogpt_tui.readings import Cut, Surgery
from picogpt_tui.tui.drawing import NATS_TO_BITS, bits, cells, eighths, percent
from picogpt_tui.tui.views.part_grid import GridCell, PartGrid, beside, column_width, grid_rows, grid_width
from picogpt_tui.tui.widgets.lines import Row

_TALL = 14
_GAP = 2  # between the grid and the table
_LEAST_TABLE = 38
_LABEL, _WIDE_LABEL, _SIDE, _POINTS = 9, 16, 7, 6
_WIDE_TABLE = 56
_LEAST_BAR, _MOST_BAR = 3, 16
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STEPS = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
"""Bits: where the next shade begins."""
_ZERO, _MEAN = "×", "≈"
_SIGNS = {"+": "good", "−": "warn"}
_LESSON = (
    ("x", "makes the marked part 0"),
    ("n", "makes it its mean over the text"),
    ("p", "cuts the token under the cursor"),
    ("f", "tries each part alone, KL in bits"),
    ("k", "lets the text go on under the cuts"),
)

_ROUNDING_BITS = 1e-5
"""A distance below it is float32's, for the same sums are done in another order."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn.

    Attributes:
        n_layer: of the model.
        n_head: of the model.
        at: layer and column of the chosen part; behind the heads stands the MLP.
        cuts: in the order in which they were made.
        labels: of the tokens whose positions are cut.
        effects: KL in nats of the parts that were tried alone, by name.
        found: before and after, None before there was an answer.
        target: position and label of the token that `p` cuts, None for none.
        cursor: where one looks.
        grows: whether the text goes on under the cuts.
        grown_under: what was cut when the token under the cursor was said.
        top: the first layer that was in view so far.
        is_inside: whether the arrows move here.
    """

    n_layer: int
    n_head: int
    at: tuple[int, int] = (0, 0)
    cuts: tuple[Cut, ...] = ()
    labels: Mapping[int, str] = field(default_factory=dict)
    effects: Mapping[str, float] = field(default_factory=dict)
    found: Surgery | None = None
    target: tuple[int, str] | None = None
    cursor: int = 0
    grows: bool = False
    grown_under: tuple[Cut, ...] = ()
    top: int = 0
    is_inside: bool = False

    @property
    def part(self) -> Cut:
        """The chosen part, made zero."""
        return part_cut(self.at, self.n_head)


def part_cut(at: tuple[int, int], n_head: int, how: str = "zero") -> Cut:
    """The cut of the part at a cell of the grid."""
    layer, column = at
    return Cut("head", layer, column, how=how) if column < n_head else Cut("mlp", layer, how=how)


def all_parts(n_layer: int, n_head: int) -> list[Cut]:
    """Every head and MLP, made zero, in the order of the pass."""
    return [part_cut((layer, column), n_head) for layer in range(n_layer) for column in range(n_head + 1)]


# -- numbers -----------------------------------------------------------------------------------------------------------


def kl_level(kl: float) -> int:
    """Which of the shades 0 to 8 stands for so many nats."""
    return sum(kl * NATS_TO_BITS >= step for step in _STEPS)


def kl_text(kl: float) -> str:
    """Nats in bits, in at most three cells."""
    value = kl * NATS_TO_BITS
    if math.isnan(value):
        return "?"
    if value >= 99.5:
        return "99+"
    written = f"{value:.2f}".removeprefix("0"), f"{value:.1f}", f"{value:.0f}"
    return next(text for text in written if len(text) <= 3)


def _place(effects: Mapping[str, float], part: str) -> int:
    """Which one it is by size, from 1."""
    return 1 + sum(value > effects[part] for value in effects.values())


# -- the grid ----------------------------------------------------------------------------------------------------------


def _cell(cut: Cut, cuts: Mapping[str, Cut], effects: Mapping[str, float]) -> GridCell:
    if cut.part in cuts:
        sign = _ZERO if cuts[cut.part].how == "zero" else _MEAN
        return GridCell(sign, sign, "bad")
    if cut.part not in effects:
        return GridCell("·", "·", "quiet")
    level = kl_level(effects[cut.part])
    return GridCell(kl_text(effects[cut.part]), str(level), f"cool-{level}")


def grid_of(picture: Picture) -> PartGrid:
    """All heads and MLPs."""
    by_part = {cut.part: cut for cut in picture.cuts}
    columns = range(picture.n_head + 1)
    lines = tuple(
        tuple(_cell(part_cut((layer, column), picture.n_head), by_part, picture.effects) for column in columns)
        for layer in range(picture.n_layer)
    )
    names = (*map(str, range(picture.n_head)), "mlp")
    return PartGrid(names, lines, picture.at, "bits" if picture.effects else "", picture.top)


def grid_column(picture: Picture, width: int) -> int:
    """How wide a column of the grid is, so that the table has room beside it."""
    return column_width(grid_of(picture), width - _GAP - _LEAST_TABLE)


# -- before and after --------------------------------------------------------------------------------------------------


def pairs(found: Surgery) -> list[tuple[Candidate, Candidate]]:
    """Each candidate before and after, the one that is likeliest on either side first."""
    both = zip(found.before.candidates, found.after.candidates, strict=True)
    return sorted(both, key=lambda pair: -max(one.prob for one in pair))


def points(before: float, after: float) -> str:
    """How many percentage points it is more or less, with a minus as long as the plus."""
    text = f"{100 * (after - before):+.1f}"
    return "0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _bar_cells(width: int) -> int:
    """Of the bars before and after, 0 where there is no room for them."""
    label = _WIDE_LABEL if width >= _WIDE_TABLE else _LABEL
    room = (width - label - 2 * _SIDE - _POINTS - 2) // 2
    return min(_MOST_BAR, room) if room >= _LEAST_BAR else 0


def _side(prob: float, most: float, n_bar: int, style: str) -> list[tuple[str, str]]:
    whole, part = divmod(eighths(prob / most if most > 0 else 0.0, n_bar), 8)
    bar = f" {cells('█' * whole + _EIGHTHS[part].strip(), n_bar)}" if n_bar else ""
    return [(f"{percent(prob):>{_SIDE}}", "text"), (bar, style)]


def _table(found: Surgery, width: int, height: int) -> list[Row]:
    n_bar = _bar_cells(width)
    label, bar = _WIDE_LABEL if width >= _WIDE_TABLE else _LABEL, n_bar + 1 if n_bar else 0
    blank = " " * bar
    rows: list[Row] = [
        [(f"{'token':<{label}}{'before':>{_SIDE}}{blank}{'after':>{_SIDE}}{blank}{'points':>{_POINTS}}", "heading")]
    ]
    shown = pairs(found)[: max(1, height - 2)]
    most = max((one.prob for pair in shown for one in pair), default=0.0)
    for before, after in shown:
        runs = [(cells(before.label, label), "text"), *_side(before.prob, most, n_bar, "bar-raw")]
        runs += _side(after.prob, most, n_bar, "bar")
        change = points(before.prob, after.prob)
        rows.append(
            [*runs, (f"{change:>{_POINTS}}", "good" if change[0] == "+" else "warn" if change != "0" else "quiet")]
        )
    return [*rows, _distance(found, width)]


def _distance(found: Surgery, width: int) -> Row:
    value = found.kl * NATS_TO_BITS
    name, moved = "KL(before || after) ", f"{0 if value < _ROUNDING_BITS else value:.3g} bits"
    entropies = f"   entropy {bits(found.before.entropy)} → {bits(found.after.entropy)} bits"
    has_room = len(name + moved + entropies) <= width
    return [(name, "quiet"), (moved, "chosen"), (entropies if has_room else "", "quiet")]


def _beside_grid(picture: Picture, width: int, height: int) -> list[Row]:
    if not picture.cuts:
        lesson: list[Row] = [[(f"{key}  ", "chosen"), (cells(what, width - 3), "quiet")] for key, what in _LESSON]
        return [[], *lesson][:height]
    if picture.found is None:
        return [[], [(cells("what comes then will stand here", width), "quiet")]]
    return _table(picture.found, width, height)


# -- the whole ---------------------------------------------------------------------------------------------------------


def named(cut: Cut, picture: Picture) -> str:
    """A cut with the token that it is about, and whether it is felt where one looks."""
    if cut.kind != "position":
        return cut.name
    label, how = picture.labels.get(cut.position, "⟨nothing⟩"), cut.name.rpartition(" = ")[2]
    return f"{cut.part} {label} = {how}{'' if cut.position < picture.cursor else ' (felt behind it)'}"


def _grown(picture: Picture) -> str:
    names = ", ".join(cut.name for cut in picture.grown_under)
    return f"the token under the cursor was said under {names}" if names else ""


def _title(picture: Picture, width: int) -> Row:
    if not picture.cuts:
        grown = _grown(picture) or "the model is as it was trained"
        return [(cells(f" nothing is cut: {grown}", width), "quiet")]
    names = ", ".join(named(cut, picture) for cut in picture.cuts)
    return [(" cut ", "quiet"), (cells(names, width - 5), "bad")]


def _story(picture: Picture) -> str:
    """What there is to say of the chosen part."""
    part, effects = picture.part.part, picture.effects
    if part not in effects:
        return (picture.cuts and _grown(picture)) or f"{part} is marked"
    alone, place = f"{effects[part] * NATS_TO_BITS:.3g} bits", f"#{_place(effects, part)} of {len(effects):,} tried"
    return f"{part} alone: KL {alone}, {place}"


def _keys(picture: Picture, width: int) -> Row:
    tab = "" if picture.is_inside else "tab "
    target = "" if picture.target is None else f"p {cells(picture.target[1], 6).rstrip()}  "
    grows = "on" if picture.grows else "off"
    keys = f" {tab}←↑↓→  x zero  n mean  {target}z undo  Z clear  f find  k grow: {grows}"
    return [(cells(keys, width), "quiet")]


def surgery_rows(picture: Picture, width: int, height: int) -> list[Row]:
    """The whole view, `height` rows where there is room for one layer."""
    grid, column, room = grid_of(picture), grid_column(picture, width), n_beside(height)
    left = grid_width(grid, column) + _GAP
    body = beside(grid_rows(grid, column, room), _beside_grid(picture, width - left, room), left)
    head, foot = _title(picture, width), _keys(picture, width)
    if height < _TALL:
        return [head, *body, foot]
    padding: list[Row] = [[]] * (room - len(body))
    return [head, [], *body, *padding, [(cells(f" {_story(picture)}", width), "quiet")], foot]


def n_above(height: int) -> int:
    """Lines above the grid."""
    return 2 if height >= _TALL else 1


def n_beside(height: int) -> int:
    """Lines for the grid and the table, their headings included."""
    return max(2, height - 2 - 2 * (height >= _TALL))
