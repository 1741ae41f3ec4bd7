"""Why one token and not another, as rows of styled text: every part's say as a bar around a middle line. Pure.

A bar to the right, and a plus, speaks for A; a bar to the left, and a minus, for B. Values are in nats, as logits are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from picogpt_tui.readings import Attribution, Part
from picogpt_tui.tui.drawing import cells, eighths, percent
from picogpt_tui.tui.views.why_layers import layer_rows, signed
from picogpt_tui.tui.views.window import first_in_view
from picogpt_tui.tui.widgets.lines import Row

SIZE, LAYER, PASS = ORDERS = ("by size", "by layer", "in the order of the pass")
_NEAR = 1e-3
_LABEL, _NAME, _VALUE, _LAST = 16, 16, 8, 9
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_CHOSEN, _ABOVE, _BELOW = "▸", "↑", "↓"
_NOTHING = "What speaks for one token and against another will stand here: tab, then a and b choose them."


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn.

    Attributes:
        found: the parts.
        order: one of ORDERS.
        at: the line one is on, None for none.
        top: the first line that was in view so far.
        candidate: label of the candidate that could be A or B, "" for none.
    """

    found: Attribution | None = None
    order: str = SIZE
    at: int | None = None
    top: int = 0
    candidate: str = ""


# -- words -------------------------------------------------------------------------------------------------------------


def times(nats: float) -> str:
    """What a difference of two logits means: how many times as likely."""
    if math.isnan(nats):
        return "?"
    ratio = math.exp(min(abs(nats), 700.0))
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}" if ratio < 1e6 else f"{ratio:.1e}"


def meaning(found: Attribution) -> str:
    """The difference in words."""
    winner = found.a.label if found.difference >= 0 else found.b.label
    size = abs(found.difference)
    return f"{signed(found.difference)} nats: {winner} is e^{size:.2f} = {times(size)} times as likely"


def _heading(found: Attribution) -> list[Row]:
    runs: list[tuple[str, str]] = []
    for word, one, style in ((" why ", found.a, "bar"), ("  and not ", found.b, "warn")):
        label = cells(one.label, _LABEL).rstrip()
        runs += [(word, "quiet"), (label, style), (f" #{one.rank + 1:,} {percent(one.prob).strip()}", "quiet")]
    return [runs, [(" logits differ by ", "quiet"), (meaning(found), "text")]]


def _sum(found: Attribution) -> Row:
    apart = abs(found.total - found.difference)
    is_near = apart <= _NEAR
    sign, style = ("✓", "good") if is_near else ("✗", "bad")
    told = f" {len(found.parts):,} parts sum to {signed(found.total)}, the model says {signed(found.difference)}"
    return [(f" {sign}", style), (told, "text"), (f"   {apart:.0e} apart", "quiet" if is_near else "bad")]


def _keys(picture: Picture, width: int) -> Row:
    tab = "" if picture.at is not None else "tab "
    label = cells(picture.candidate, 9).rstrip()
    choose = f"a why {label}  b not {label}  " if label else ""
    return [(cells(f" {tab}↑↓ parts  {choose}s swap  v {picture.order}", width), "quiet")]


# -- bars --------------------------------------------------------------------------------------------------------------


def bar_to_the_right(fraction: float, width: int) -> str:
    """A bar with eighth-block precision."""
    whole, part = divmod(eighths(fraction, width), 8)
    return cells("█" * whole + _EIGHTHS[part].strip(), width)


def bar_to_the_left(fraction: float, width: int) -> str:
    """A bar that grows from its right end; there are halves and one eighth only on that side."""
    whole, part = divmod(eighths(fraction, width), 8)
    end = "" if part == 0 else "▕" if part < 3 else "▐" if part < 7 else "█"
    return (end + "█" * whole).rjust(width)


def _bars(value: float, most: float, half: int) -> Row:
    fraction = abs(value) / most if most > 0 and not math.isnan(value) else 0.0
    left = bar_to_the_left(fraction if value < 0 else 0.0, half)
    right = bar_to_the_right(fraction if value > 0 else 0.0, half)
    return [(left, "warn"), ("│", "quiet"), (right, "bar")]


# -- parts -------------------------------------------------------------------------------------------------------------


def parts_in(found: Attribution, order: str) -> list[Part]:
    """The parts as they are listed."""
    return found.largest() if order == SIZE else list(found.parts)


def shares(parts: Sequence[Part]) -> list[float]:
    """How much of all that is said, whichever way, stands up to each part: 0 to 1."""
    total = math.fsum(abs(part.value) for part in parts)
    return [one / total if total else 0.0 for one in accumulate(abs(part.value) for part in parts)]


def sums(parts: Sequence[Part]) -> list[float]:
    """What the parts up to each come to."""
    return list(accumulate(part.value for part in parts))


def _part_heading(found: Attribution, order: str, half: int) -> Row:
    last = "of all" if order == SIZE else "so far"
    right, left = f" for {found.a.label}", f"for {found.b.label} "
    bars = [(cells(left, half).strip().rjust(half - 1) + " ", "warn"), ("│", "quiet"), (cells(right, half), "bar")]
    return [(f" {'part':<{_NAME - 1}}{'nats':>{_VALUE}} ", "heading"), *bars, (f"{last:>{_LAST}}", "heading")]


def _part_rows(found: Attribution, order: str, width: int) -> Iterator[Row]:
    parts, half = parts_in(found, order), _half(width)
    most = max((abs(part.value) for part in parts), default=0.0)
    written = [f"{share:.0%}" for share in shares(parts)] if order == SIZE else [signed(one) for one in sums(parts)]
    for part, last in zip(parts, written, strict=True):
        numbers = [(f"{signed(part.value):>{_VALUE}} ", "text"), *_bars(part.value, most, half)]
        yield [(f"{part.name:<{_NAME - 1}}", "quiet"), *numbers, (f"{last:>{_LAST}}", "quiet")]


def _half(width: int) -> int:
    """Of the bars' room, on either side of the middle line."""
    return max(4, (width - _NAME - _VALUE - 1 - 1 - _LAST) // 2)


# -- the whole ---------------------------------------------------------------------------------------------------------


def _body(picture: Picture, found: Attribution, width: int) -> tuple[Row, list[Row]]:
    """The heading of the list, and its lines."""
    if picture.order == LAYER:
        heading, *lines = layer_rows(found.parts, width)
        return heading, lines
    return _part_heading(found, picture.order, _half(width)), list(_part_rows(found, picture.order, width))


def n_lines(picture: Picture) -> int:
    """How many lines the list has."""
    if picture.found is None:
        return 0
    parts = picture.found.parts
    if picture.order != LAYER:
        return len(parts)
    return sum(part.layer < 0 for part in parts) + len({part.layer for part in parts if part.layer >= 0})


def top_in_view(picture: Picture, height: int) -> int:
    """The first line in view, so that the one that one is on is."""
    at = picture.top if picture.at is None else picture.at
    return first_in_view(picture.top, at, _n_in_view(height), n_lines(picture))


def line_at(picture: Picture, line: int, height: int) -> int | None:
    """The line of the list that a line of the view shows."""
    index = line - _n_above(height)
    at = top_in_view(picture, height) + index
    return at if 0 <= index < _n_in_view(height) and at < n_lines(picture) else None


def why_rows(picture: Picture, width: int, height: int) -> list[Row]:
    """The whole view, `height` rows where there is room for one line of the list."""
    found = picture.found
    if found is None:
        return [[(cells(_NOTHING, width), "quiet")]]
    heading, lines = _body(picture, found, width)
    top, n = top_in_view(picture, height), _n_in_view(height)
    shown = lines[top : top + n]
    rows: list[Row] = []
    for index, line in enumerate(shown, top):
        is_first, is_last = index == top, index == top + n - 1
        sign = _ABOVE if is_first and top else _BELOW if is_last and index < len(lines) - 1 else " "
        rows.append(_marked(line, sign, index == picture.at))
    blank: list[Row] = [[]] if _is_tall(height) else []
    return [*_heading(found), *blank, heading, *rows, *blank, _sum(found), _keys(picture, width)]


def _marked(line: Row, sign: str, is_chosen: bool) -> Row:
    if not is_chosen:
        return [(sign, "quiet"), *line]
    (name, _), *rest = line
    return [(f"{_CHOSEN}{name}", "chosen"), *rest]


def _is_tall(height: int) -> bool:
    return height >= 14


def _n_above(height: int) -> int:
    return 3 + _is_tall(height)


def _n_in_view(height: int) -> int:
    return max(1, height - _n_above(height) - _is_tall(height) - 2)
