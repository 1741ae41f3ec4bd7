"""Where the heads look, as rows of styled text: all of them as a grid, and one with the tokens it looks at. Pure.

A head's values are parts of 1, of weights or of norms, and on the screen percents; its entropy is in bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.readings import HeadGlance
from picogpt_tui.tui.drawing import NATS_TO_BITS, cells, eighths, percent
from picogpt_tui.tui.views.part_grid import GridCell, PartGrid, beside, column_width, grid_rows, grid_width
from picogpt_tui.tui.widgets.lines import Row

LARGEST, OFF, ENTROPY = MEASURES = ("largest", "off first", "entropy")
_TALL = 14
_GAP = 2  # between the grid and the list
_LEAST_LIST = 28
_POSITION, _LABEL, _WIDE_LABEL, _VALUE = 5, 10, 16, 6
_WIDE_LIST = 48
_SHADES = 8
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_CHOSEN = "▸"
_NOTHING = "Where the heads look will stand here: type a text, then tab goes in, and arrows from head to head."
_NO_PROOF = "Where a head looks is no proof of what it does: surgery (6) tries that."


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn.

    Attributes:
        labels: of the tokens that the heads see; the last of them is the one that looks.
        first: the first one's position in the text.
        glances: [layer][head]; none before there was an answer.
        values: of the chosen head, by token.
        at: layer and head of the chosen one.
        measure: what the grid shows, one of MEASURES.
        by_norm: whether values are parts of all that comes through, not weights.
        no_sink: whether the first token is left out.
        top: the first layer that was in view so far.
        is_inside: whether the arrows move here.
    """

    labels: tuple[str, ...] = ()
    first: int = 0
    glances: tuple[tuple[HeadGlance, ...], ...] = ()
    values: Sequence[float] = ()
    at: tuple[int, int] = (0, 0)
    measure: str = LARGEST
    by_norm: bool = False
    no_sink: bool = False
    top: int = 0
    is_inside: bool = False

    @property
    def head(self) -> str:
        """What the chosen head is called."""
        return f"h.{self.at[0]}.head.{self.at[1]}"

    @property
    def where(self) -> int:
        """Position of the token that looks."""
        return self.first + len(self.labels) - 1


# -- shades ------------------------------------------------------------------------------------------------------------


def share_level(value: float, most: float) -> int:
    """Which of the shades 0 to 8 stands for a part of the largest value."""
    return 0 if math.isnan(value) or most <= 0 else min(_SHADES, round(_SHADES * value / most))


def tenths(value: float, most: float) -> str:
    """The same as a digit."""
    return "?" if math.isnan(value) else "0" if most <= 0 else str(min(9, int(10 * value / most)))


def text_levels(picture: Picture, n_tokens: int) -> list[int | None]:
    """A shade for each token of the text; None for what the head does not see, or that was left out."""
    most = max(picture.values, default=0.0)
    shades: list[int | None] = [None] * n_tokens
    for key, value in enumerate(picture.values):
        shades[picture.first + key] = None if picture.no_sink and not key else share_level(value, most)
    return shades


def text_marks(picture: Picture, n_tokens: int) -> list[str]:
    """The same as characters: tenths of the largest value, `×` for what was left out."""
    most = max(picture.values, default=0.0)
    signs = [" "] * n_tokens
    for key, value in enumerate(picture.values):
        signs[picture.first + key] = "×" if picture.no_sink and not key else tenths(value, most)
    return signs


def text_meaning(picture: Picture) -> str:
    """What the shades mean."""
    values = picture.values
    at = max(range(len(values)), key=values.__getitem__)
    if not values[at] > 0:
        return f"{picture.head} looks at nothing beside the first token"
    share = "share of the norms" if picture.by_norm else "weight"
    return f"{picture.head}: shaded by its {share}; {picture.labels[at]} has most, {percent(values[at]).strip()}"


# -- the grid ----------------------------------------------------------------------------------------------------------


def _fraction(glance: HeadGlance, picture: Picture) -> float:
    """What a cell shows, as a part of the most it could be."""
    if picture.measure == ENTROPY:
        n_seen = len(picture.labels) - picture.no_sink
        return glance.entropy / math.log(n_seen) if n_seen > 1 else 0.0
    if picture.measure == OFF:
        return 1 - glance.sink
    return glance.weight if glance.key else 0.0


def _number(glance: HeadGlance, picture: Picture, fraction: float) -> str:
    if math.isnan(fraction):
        return "?"
    return f"{glance.entropy * NATS_TO_BITS:.1f}" if picture.measure == ENTROPY else f"{100 * fraction:.0f}"


def _cell(glance: HeadGlance, picture: Picture) -> GridCell:
    fraction = _fraction(glance, picture)
    label = picture.labels[glance.key] if glance.key else ""
    return GridCell(
        _number(glance, picture, fraction), tenths(fraction, 1.0), f"cool-{share_level(fraction, 1.0)}", label
    )


def grid_of(picture: Picture) -> PartGrid:
    """All heads."""
    lines = tuple(tuple(_cell(one, picture) for one in layer) for layer in picture.glances)
    names = tuple(str(head) for head in range(len(lines[0])))
    return PartGrid(names, lines, picture.at, "bits" if picture.measure == ENTROPY else "%", picture.top)


def grid_column(picture: Picture, width: int) -> int:
    """How wide a column of the grid is, so that the list has room beside it."""
    return column_width(grid_of(picture), width - _GAP - _LEAST_LIST)


def list_start(picture: Picture, width: int) -> int:
    """The first cell of the list, behind the grid."""
    return grid_width(grid_of(picture), grid_column(picture, width)) + _GAP


def most_looking(glances: Sequence[Sequence[HeadGlance]]) -> tuple[int, int]:
    """The head that looks most at one token beside the first."""
    every = ((layer, head) for layer, heads in enumerate(glances) for head in range(len(heads)))
    return max(every, key=lambda at: glances[at[0]][at[1]].weight if glances[at[0]][at[1]].key else 0.0)


# -- the list ----------------------------------------------------------------------------------------------------------


def looked_at(picture: Picture) -> list[int]:
    """What the chosen head looks at, by index: most at the first; the earlier token on ties."""
    first = 1 if picture.no_sink else 0
    return sorted(range(first, len(picture.values)), key=lambda key: -picture.values[key])


def _list_heading(picture: Picture, width: int) -> Row:
    layer, head = picture.at
    glance = picture.glances[layer][head]
    entropy = f"  {glance.entropy * NATS_TO_BITS:.1f} bits"
    sink = f", {percent(glance.sink).strip()} on the first"
    has_room = len(picture.head + entropy + sink) <= width
    return [(picture.head, "chosen"), (entropy + (sink if has_room else ""), "quiet")]


def _list_line(picture: Picture, key: int, width: int) -> Row:
    value, most = picture.values[key], max(picture.values)
    label = cells(picture.labels[key], _label_width(width))
    fraction = value / most if most > 0 and not math.isnan(value) else 0.0
    room = width - _POSITION - _label_width(width) - _VALUE - 2
    whole, part = divmod(eighths(fraction, max(0, room)), 8)
    share = "     ?" if math.isnan(value) else percent(value)
    bar = "█" * whole + _EIGHTHS[part].strip()
    return [(f"{picture.first + key:>{_POSITION - 1}} ", "quiet"), (f"{label} {share} ", "text"), (bar, "bar")]


def _label_width(width: int) -> int:
    return _WIDE_LABEL if width >= _WIDE_LIST else _LABEL


def list_rows(picture: Picture, width: int, height: int) -> list[Row]:
    """The chosen head, and what it looks at; what has no line is told together."""
    keys = looked_at(picture)
    n_shown = len(keys) if len(keys) < height else max(0, height - 2)
    rows = [_list_heading(picture, width)]
    rows += [_list_line(picture, key, width) for key in keys[:n_shown]]
    if rest := keys[n_shown:]:
        others = cells(f"{len(rest):,} others", _label_width(width))
        value = percent(math.fsum(picture.values[key] for key in rest))
        rows.append([(f"{'':{_POSITION}}{others} {value}", "quiet")])
    elif not keys:
        rows.append([(f"{'':{_POSITION}}nothing else", "quiet")])
    return rows


# -- the whole ---------------------------------------------------------------------------------------------------------


def title(picture: Picture, what: str, width: int) -> Row:
    """Who looks, and what is shown of it."""
    label = picture.labels[-1]
    runs = [(" from ", "quiet"), (cells(label, min(14, len(label) + 1)).rstrip(), "chosen")]
    used = sum(len(text) for text, _ in runs)
    return [*runs, (cells(f" at {picture.where}: {what}", max(0, width - used)), "quiet")]


def _meaning(picture: Picture) -> str:
    share = "norm share" if picture.by_norm else "weight"
    if picture.measure == OFF:
        return f"{share} off the first token"
    without = ", the first token left out" if picture.no_sink else ""
    if picture.measure == ENTROPY:
        return f"entropy of the {share}s{without}"
    return f"each head's largest {share}{without or ' beside the first token'}"


def keys(picture: Picture, more: str, width: int) -> Row:
    """What can be pressed."""
    tab = "" if picture.is_inside else "tab "
    sink = "out" if picture.no_sink else "in"
    return [(cells(f" {tab}←↑↓→  i sink {sink}  {more}", width), "quiet")]


def heads_rows(picture: Picture, width: int, height: int) -> list[Row]:
    """The whole view, `height` rows where there is room for one layer."""
    if not picture.glances:
        return [[(cells(_NOTHING, width), "quiet")]]
    grid, column, room = grid_of(picture), grid_column(picture, width), n_beside(height)
    left = list_start(picture, width)
    body = beside(grid_rows(grid, column, room), list_rows(picture, width - left, room), left)
    more = f"k {picture.measure}  v {'norms' if picture.by_norm else 'weights'}  t pictures  enter follow"
    head, foot = title(picture, _meaning(picture), width), keys(picture, more, width)
    if height < _TALL:
        return [head, *body, foot]
    padding: list[Row] = [[]] * (room - len(body))
    return [head, [], *body, *padding, [(cells(f" {_NO_PROOF}", width), "quiet")], foot]


def n_above(height: int) -> int:
    """Lines above the grid."""
    return 2 if height >= _TALL else 1


def n_beside(height: int) -> int:
    """Lines for the grid and the list, their headings included."""
    return max(2, height - 2 - 2 * (height >= _TALL))
