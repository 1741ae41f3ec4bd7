"""The tree of branches as rows of styled text, each made when it comes into view. Pure.

Total surprisal is the sum of -log2 of the model's own probabilities (temperature 1, nothing cut).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from rich.cells import cell_len

from picogpt_tui.session.tree import TokenTree
from picogpt_tui.tui.drawing import bits, cells, percent, two_bars
from picogpt_tui.tui.views.tree_data import Surprise, surprise
from picogpt_tui.tui.views.tree_layout import Branch
from picogpt_tui.tui.widgets.lines import Row
from picogpt_tui.visible import SPACE, one_line

_TOKENS, _PROB, _BITS = 8, 10, 10  # cells of the columns
_BAR, _ROOM_FOR_BAR = 13, 100
_LONGEST_NAME = 24
_CHOSEN = "▸"
_HERE, _AT_HAND, _OTHER, _PRUNED = "◉", "●", "○", "◌"
_UNKNOWN = "·"
_LEGEND = f"{_AT_HAND} the text at hand  {_HERE} its cursor  {_OTHER} elsewhere"
EMPTY = " All ways the text ever took will stand here: esc goes back to it, space lets the model say a token."
LONELY = (
    " No fork yet: ↑ ↓ in the text choose another token, enter takes it,",
    " and the way that was there stays here.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """All that is drawn.

    Attributes:
        lines: from top to bottom.
        tree: their tokens, and what is known of them.
        label: how a token is written.
        chosen: the line one is on.
        here: the line of the text's cursor, NOWHERE for none.
        found: the node from which on the chosen line is written, None for its first.
        title: what stands above.
    """

    lines: Sequence[Branch]
    tree: TokenTree
    label: Callable[[int], str]
    chosen: int
    here: int
    found: int | None = None
    title: str = ""


class LazyRows(Sequence[Row]):
    """Rows that are made when they are drawn: of a long tree only a few are in view."""

    def __init__(self, n_rows: int, make: Callable[[int], Row]) -> None:
        self._numbers = range(n_rows)
        self._make = make

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._make(number) for number in self._numbers[index]]
        return self._make(self._numbers[index])


def title(n_branches: int, n_pruned: int, *, shows_pruned: bool) -> str:
    """How many ends the tree has, and how many branches are put away."""
    words = f"{n_branches:,} branch{'es' if n_branches != 1 else ''}"
    return words if not n_pruned else f"{words} · {n_pruned:,} pruned{'' if shows_pruned else ', hidden'}"


def found_title(query: str, number: int, n_found: int) -> str:
    """Which of the lines that a search found this is."""
    return f"{one_line(query, _LONGEST_NAME)!r} {number + 1} of {n_found:,}, f enter for the next"


def keys(n_pruned: int, *, is_inside: bool, is_pruned: bool, shows_pruned: bool) -> str:
    """What the keys do."""
    tab = "" if is_inside else "tab "
    show = f"  h {'hide' if shows_pruned else 'show'} pruned" if n_pruned else ""
    prune = "unprune" if is_pruned else "prune"
    return f" {tab}↑↓ walk  ←→ fold  enter go  n name  x {prune}  f find{show}"


def _bar_cells(width: int) -> int:
    return _BAR if width >= _ROOM_FOR_BAR else 0


def _text_cells(width: int) -> int:
    return max(0, width - _TOKENS - _PROB - _bar_cells(width) - _BITS)


def heading(picture: Picture, width: int) -> Row:
    """What stands above, and the columns' names."""
    room = _text_cells(width)
    left = f" {picture.title}"
    legend = _LEGEND if cell_len(left) + len(_LEGEND) + 3 <= room else ""
    columns = f"{'tokens':>{_TOKENS}}{'p(first)':>{_PROB}}{'':{_bar_cells(width)}}{'bits':>{_BITS}}"
    return [
        (cells(left, room - len(legend)), "heading"),
        (legend, "quiet"),
        (columns, "heading"),
    ]


def guides(branch: Branch, index: int, width: int) -> str:
    """The ways that go on beside a line, and where it leaves one; on a narrow screen the last of them."""
    if not branch.depth:
        return ""
    fork = ("┌─" if index == 0 else "├─") if branch.is_side else "│ "
    text = "│ " * (branch.depth - 1) + fork
    most = max(2, _text_cells(width) // 3)
    return text if len(text) <= most else "…" + text[len(text) - most + 1 :]


def excerpt(picture: Picture, index: int, width: int) -> str:
    """A run's first tokens as labels, or those from what was found on; exactly so many cells."""
    nodes = picture.lines[index].run.nodes
    start = nodes.index(picture.found) if index == picture.chosen and picture.found in nodes else 0
    text = "…" if start else ""
    for node in nodes[start : start + width + 1]:
        text += picture.label(picture.tree.id(node))
        if cell_len(text) > width:
            break
    return cells(text, width)


def _written(text: str, style: str) -> list[tuple[str, str]]:
    """A text in which the signs for spaces keep back."""
    return [(part, "cut" if part[0] == SPACE else style) for part in re.split(f"({SPACE}+)", text) if part]


def _named(name: str, most: int) -> str:
    """A name in its quotation marks, in at most so many cells; nothing where those have no room."""
    words = one_line(name, _LONGEST_NAME)
    room = min(cell_len(words), most - 3)
    return f"“{cells(words, room)}” " if room > 0 else ""


def _sign(picture: Picture, index: int) -> tuple[str, str]:
    branch = picture.lines[index]
    if branch.is_pruned:
        return _PRUNED, "cut"
    if not branch.run.is_on_path:
        return _OTHER, "quiet"
    return (_HERE if index == picture.here else _AT_HAND), "chosen"


def _columns(known: Surprise, n_tokens: int, width: int, style: str) -> Row:
    prob = math.exp(known.first) if known.first is not None else None
    is_first_unscored = prob is None and known.n_known + known.n_unknown < n_tokens
    first = percent(prob) if prob is not None else "" if is_first_unscored else _UNKNOWN
    total = f"{'≥' if known.n_unknown else ''}{bits(known.nats)}"
    if not known.n_known:
        total = _UNKNOWN if known.n_unknown else ""
    n_bar = max(0, _bar_cells(width) - 1)
    bar = "".join(text for text, _, _ in two_bars(prob or 0.0, 0, n_bar))
    return [
        (f"{n_tokens:>{_TOKENS},}{first:>{_PROB}}", style),
        (f" {bar}" if n_bar else "", "bar" if style in ("text", "chosen") else "bar-raw"),
        (f"{total:>{_BITS}}", style),
    ]


def branch_row(picture: Picture, index: int, width: int) -> Row:
    """One line: where it stands, its name, its first tokens, how many there are, and how surprising."""
    branch, is_chosen = picture.lines[index], index == picture.chosen
    style = "cut" if branch.is_pruned else "text" if branch.run.is_on_path else "quiet"
    style = "chosen" if is_chosen else style
    sign, sign_style = _sign(picture, index)
    ways = guides(branch, index, width)
    folded = f" +{branch.n_folded}" if branch.n_folded else ""
    room = max(0, _text_cells(width) - len(ways) - 3 - len(folded))
    name = _named(branch.run.name, room * 2 // 3)
    text = excerpt(picture, index, room - cell_len(name)).rstrip()  # a label's own spaces are signs
    rest = max(0, room - cell_len(name) - cell_len(text) + len(folded))
    return [
        (_CHOSEN if is_chosen else " ", "chosen"),
        (ways, "quiet"),
        (f"{sign} ", "chosen" if is_chosen else sign_style),
        (name, "chosen" if is_chosen else "bar"),
        *_written(text, style),
        (folded.ljust(rest), "chosen" if is_chosen else "quiet"),
        *_columns(surprise(picture.tree, branch.run.nodes), len(branch.run.nodes), width, style),
    ]


def tree_rows(picture: Picture, width: int) -> Sequence[Row]:
    """The heading, and a row for each line; where there is nothing, or no fork, how to come to one."""
    if not picture.lines:
        return [[(EMPTY, "quiet")]]
    first: list[Row] = [heading(picture, width)]
    rest: list[Row] = [[], *([(line, "quiet")] for line in LONELY)] if len(picture.lines) == 1 else []
    n_lines = len(picture.lines)

    def make(number: int) -> Row:
        if number < len(first):
            return first[number]
        index = number - len(first)
        return branch_row(picture, index, width) if index < n_lines else rest[index - n_lines]

    return LazyRows(len(first) + n_lines + len(rest), make)
