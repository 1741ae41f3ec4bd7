"""Two models on one text as rows of styled text: what it was to each, token by token, and what each would say. Pure.

A bar to the right, and a plus, is a token that B found less likely than A; one to the left, and a minus, one that B
knew better. The longest bar is the largest difference of the text, but at least a bit, so that what is nearly the same
looks so. All is in bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picogpt_tui.events import Candidate, Distribution
from picogpt_tui.readings import ComparedToken, Comparison
from picogpt_tui.tui.drawing import NATS_TO_BITS, bits, cells, percent
from picogpt_tui.tui.flow import wrap
from picogpt_tui.tui.views.compare_data import in_order, level, more_bits
from picogpt_tui.tui.views.compare_sums import short_name, small, sums
from picogpt_tui.tui.views.why_rows import bar_to_the_left, bar_to_the_right
from picogpt_tui.tui.views.window import first_in_view
from picogpt_tui.tui.widgets.lines import Row

if TYPE_CHECKING:
    from picogpt_tui.session.comparison import Found

ORDERS = ("position", "difference", "KL")
_NUMBERS = 29  # the cells of a table row but its label and its bars
_LISTS = 19  # of the two lists but their labels
_LEAST_LABEL, _LEAST_NAME, _LEAST_BAR = 7, 7, 2
_LEAST_WITH_LISTS = _NUMBERS + _LEAST_LABEL + 2 * _LEAST_BAR + _LISTS + 2 * _LEAST_NAME
_MOST_BAR = 12
_TALL = 14
_NO_OTHER = "What another model makes of the same text will stand here: o chooses one."
_NO_ANSWER = "It is loaded and reads the text; the top line says how far it is."
_NO_TOKEN = "No token stands here yet that could be compared."


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn.

    Attributes:
        names: of A and B; B's is "" where none was chosen.
        found: both on the text, None before they have read it.
        tokens: those of the text at hand that were compared, in the order of the text.
        cursor: a position.
        here: what A says could stand at the cursor.
        there: what B says.
        chosen: id of the candidate that is chosen.
        trouble: why B says nothing, in one sentence.
        order: one of ORDERS.
        bos: whether `<|endoftext|>` stands in front.
        label: how a token is written.
        top: the first row of the table that was in view so far.
    """

    names: tuple[str, str]
    found: Found | None
    tokens: Sequence[ComparedToken]
    cursor: int
    here: Distribution | None
    there: Distribution | None
    chosen: int | None
    trouble: str
    order: str
    bos: bool
    label: Callable[[int], str]
    top: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """How many cells each part of a line has."""

    label: int
    bar: int
    """On either side of the middle."""
    name: int
    """A candidate's label; 0 where there is no room for the lists."""

    @property
    def table(self) -> int:
        """All of the table."""
        return _NUMBERS + self.label + 2 * self.bar


def grid(width: int) -> Grid:
    """Share a width."""
    rest = width - _LEAST_WITH_LISTS
    if rest < 0:
        label = max(4, min(16, width - _NUMBERS))
        return Grid(label, max(0, min(_MOST_BAR, (width - _NUMBERS - label) // 2)), 0)
    label, name = _LEAST_LABEL + min(10, rest // 4), _LEAST_NAME + min(9, rest // 5)
    return Grid(label, min(_MOST_BAR, (width - _NUMBERS - label - _LISTS - 2 * name) // 2), name)


# -- the table ---------------------------------------------------------------------------------------------------------


def _surprisal(logprob: float | None) -> str:
    if logprob is None:
        return f"{'–':>6}"
    value = max(0.0, -logprob * NATS_TO_BITS)
    return f"{value:6.2f}" if value < 99.995 else f"{value:6.1f}"


def _table_heading(place: Grid) -> Row:
    ends = f"{'KL':>{2 * place.bar + 9}}"
    return [(f" {cells('in bits', place.label)}{'A':>6}{'B':>6}{'B-A':>7}", "heading"), (ends, "heading")]


def _bars(more: float, most: float, half: int) -> Row:
    if not half:
        return [("  ", "text")]
    fraction = abs(more) / most
    left = bar_to_the_left(fraction if more < 0 else 0.0, half)
    right = bar_to_the_right(fraction if more > 0 else 0.0, half)
    return [(f" {left}", "good"), ("│", "quiet"), (right, "bad")]


def _table_row(picture: Picture, at: int, most: float, place: Grid) -> Row:
    token, is_here = picture.tokens[at], at == picture.cursor
    style = "chosen" if is_here else "text"
    name = [(f"{'▸' if is_here else ' '}{cells(picture.label(token.id), place.label)}", style)]
    numbers = [(f"{_surprisal(token.logprob_a)}{_surprisal(token.logprob_b)}", "text")]
    more = more_bits(token)
    if more is None or token.kl is None:
        return [*name, *numbers, (cells("  nothing before it", 2 * place.bar + 16), "quiet")]
    difference = f"{more:+.2f}" if abs(more) < 99.995 else f"{more:+.1f}"
    shaded = [(" ", "text"), (f"{difference:>6}", f"diff-{level(more)}")]
    return [*name, *numbers, *shaded, *_bars(more, most, place.bar), (f" {small(token.kl):>6}", "quiet")]


def _table(picture: Picture, place: Grid, n: int) -> Iterator[Row]:
    """The rows in view."""
    listed = in_order(picture.tokens, picture.order)
    most = max([1.0, *(abs(more_bits(token) or 0.0) for token in picture.tokens)])
    yield _table_heading(place)
    top = _top(picture, n)
    for at in listed[top : top + n]:
        yield _table_row(picture, at, most, place)
    if not listed:
        yield [(f" {cells(_NO_TOKEN, place.table - 1)}", "quiet")]


def _top(picture: Picture, n: int) -> int:
    listed = in_order(picture.tokens, picture.order)
    is_listed = picture.cursor < len(listed)
    at = listed.index(picture.cursor) if is_listed else len(listed) - 1 if picture.order == ORDERS[0] else 0
    return first_in_view(picture.top, max(0, at), n, len(listed))


# -- the lists ---------------------------------------------------------------------------------------------------------


def _candidate(one: Candidate | None, chosen: int | None, name: int) -> Row:
    if one is None:
        return [(" " * (name + 8), "quiet")]
    is_chosen = one.id == chosen
    mark, style = ("▸", "chosen") if is_chosen else (" ", "text")
    return [(f"{mark}{cells(one.label, name)}", style), (f" {percent(one.prob)}", style if is_chosen else "quiet")]


def _lists(picture: Picture, place: Grid, n: int) -> list[Row]:
    """Both models' candidates at the cursor, with a heading; nothing where there is no room."""
    if not place.name:
        return []
    columns: list[list[Row]] = []
    for letter, shown in (("A", picture.here), ("B", picture.there)):
        heading = f" {letter} entropy {bits(shown.entropy)}" if shown is not None else f" {letter}"
        column: list[Row] = [[(cells(heading, place.name + 8), "heading")]]
        found: list[Candidate | None] = list(shown.candidates[:n]) if shown is not None else []
        column += [_candidate(one, picture.chosen, place.name) for one in found + [None] * (n - len(found))]
        columns.append(column)
    return [[("  ", "text"), *a, (" ", "text"), *b] for a, b in zip(*columns, strict=True)]


def _beside(left: Sequence[Row], width: int, right: Sequence[Row]) -> list[Row]:
    """Two columns of rows, the left one of this width."""
    n = max(len(left), len(right))
    blank: Row = [(" " * width, "text")]
    lefts, rights = [*left, *[blank] * (n - len(left))], [*right, *[()] * (n - len(right))]
    return [[*a, *b] for a, b in zip(lefts, rights, strict=True)]


# -- the whole ---------------------------------------------------------------------------------------------------------


def _keys(picture: Picture, width: int) -> Row:
    front = "<|endoftext|>" if picture.bos else "nothing"
    keys = f" o other model  tab ↑↓ tokens  v by {picture.order}  b {front} in front"
    return [(cells(keys, width), "quiet")]


def _gap(height: int) -> list[Row]:
    return [()] if height >= _TALL else []


def n_in_view(height: int) -> int:
    """How many rows of the table there are room for: two sums, a heading and the keys stand besides."""
    return max(1, height - 4 - 2 * len(_gap(height)))


def top_in_view(picture: Picture, height: int) -> int:
    """The first row of the table in view, so that the cursor's is."""
    return _top(picture, n_in_view(height))


def position_at(picture: Picture, line: int, height: int) -> int | None:
    """The position of the token in a line of the view."""
    row = line - 3 - len(_gap(height))
    listed = in_order(picture.tokens, picture.order)
    at = _top(picture, n_in_view(height)) + row
    return listed[at] if 0 <= row < n_in_view(height) and at < len(listed) else None


def _quiet(sentence: str, width: int, style: str = "quiet") -> list[Row]:
    return [[(f" {line.text}", style)] for line in wrap(sentence, max(8, width - 2))]


def _waiting(picture: Picture, width: int) -> list[Row]:
    """What stands here before there is anything to compare."""
    if picture.trouble:
        return [*_quiet(picture.trouble, width, "bad"), *_quiet("o chooses another one.", width)]
    if not picture.names[1]:
        return _quiet(_NO_OTHER, width)
    a, b = picture.names
    names: list[Row] = [
        [(f" {letter} ", "heading"), (short_name(name, 40), "text")] for letter, name in (("A", a), ("B", b))
    ]
    return [*names, *_quiet(_NO_ANSWER, width)]


def compare_rows(picture: Picture, width: int, height: int) -> list[Row]:
    """The whole view, `height` rows where there is room for one of the table."""
    found, place, gap = picture.found, grid(width), _gap(height)
    if found is None:
        return _waiting(picture, width)
    n = n_in_view(height)
    if isinstance(found, Comparison):
        left = list(_table(picture, place, n))
    else:
        left = [[(cells(text, place.table), style) for text, style in row] for row in _quiet(found.why, place.table)]
    body = _beside(left, place.table, _lists(picture, place, n))
    body += [()] * (n + 1 - len(body))
    return [*sums(found, width), *gap, *body, *gap, _keys(picture, width)]
