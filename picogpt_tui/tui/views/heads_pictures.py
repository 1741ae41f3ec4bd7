"""All heads of a layer as small pictures in braille: rows are the tokens that look, columns those they look at. Pure.

A dot stands where a token gives at least half of what it gives to its favourite; so a stripe down the left is the first
token, a diagonal the token before, a full triangle a head that looks everywhere alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.readings import HeadPictures
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.views.heads_rows import Picture, keys, n_above, n_beside
from picogpt_tui.tui.widgets.lines import Row

_MEANING = "a row for each token, dots where it looks: half its favourite or more"
_GAP = 2
_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, [row][column]."""
_HALF = 0.5
_SHADES = ((0.5, "bar"), (0.2, "text"), (0.0, "quiet"))
"""From which weight on which style."""
_CHOSEN = "▸"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the pictures stand.

    Attributes:
        n_beside: how many in a line.
        dots: rows and columns of a picture.
        field: cells of a picture and the gap behind it.
    """

    n_beside: int
    dots: int
    field: int

    @property
    def width(self) -> int:
        """Cells of a picture."""
        return -(-self.dots // 2)

    @property
    def height(self) -> int:
        """Lines of a picture, and one for its name."""
        return -(-self.dots // 4) + 1


def layout(n_head: int, width: int, height: int) -> Layout:
    """The largest pictures that all fit."""

    def dots(n_beside: int) -> int:
        n_lines = -(-n_head // n_beside)
        return max(1, min(2 * ((width - 1) // n_beside - _GAP), 4 * (height // n_lines - 1)))

    n_beside = max(range(1, n_head + 1), key=dots)
    return Layout(n_beside, dots(n_beside), (width - 1) // n_beside)


def head_at(place: Layout, n_head: int, x: int, y: int) -> int | None:
    """The head whose picture covers a cell."""
    column = (x - 1) // place.field
    head = y // place.height * place.n_beside + column
    return head if 0 <= column < place.n_beside and head < n_head else None


def dots_of(matrix: Sequence[Sequence[float]], no_sink: bool) -> list[list[bool]]:
    """Where a picture has dots, [row][column]; without the first column where the first token is left out."""
    found = []
    for row in matrix:
        seen = [0.0, *row[1:]] if no_sink else list(row)
        most = max(seen)
        found.append([value > 0 and value >= _HALF * most for value in seen])
    return found


def _char(dots: Sequence[Sequence[bool]], scale: int, line: int, column: int) -> str:
    bits, n = 0, len(dots) * scale
    for y, row in enumerate(_DOTS, 4 * line):
        for x, bit in enumerate(row, 2 * column):
            if x < n and y < n and dots[y // scale][x // scale]:
                bits |= bit
    return chr(_BLANK + bits) if bits else " "  # some fonts draw the empty one as circles


def _style(matrix: Sequence[Sequence[float]], scale: int, line: int) -> str:
    """By the largest weight that a line of the picture shows."""
    rows = matrix[4 * line // scale : (4 * line + 3) // scale + 1]
    most = max((value for row in rows for value in row), default=0.0)
    return next((style for least, style in _SHADES if most >= least), "quiet")


def _one(matrix: Sequence[Sequence[float]], place: Layout, no_sink: bool) -> list[tuple[str, str]]:
    """The lines of a picture; a short text is drawn larger."""
    dots, scale = dots_of(matrix, no_sink), max(1, place.dots // len(matrix))
    return [
        ("".join(_char(dots, scale, line, column) for column in range(place.width)), _style(matrix, scale, line))
        for line in range(place.height - 1)
    ]


def picture_rows(pictures: HeadPictures, chosen: int, no_sink: bool, width: int, height: int) -> list[Row]:
    """All heads, each with its number above, in as many lines of pictures as make them largest.

    Args:
        pictures: of one layer.
        chosen: the head that is marked.
        no_sink: whether the first column is left out.
        width: cells there are.
        height: lines there are.
    """
    place = layout(len(pictures.heads), width, height)
    rows: list[Row] = []
    for first in range(0, len(pictures.heads), place.n_beside):
        heads = range(first, min(first + place.n_beside, len(pictures.heads)))
        drawn = [_one(pictures.heads[head], place, no_sink) for head in heads]
        names = [f"{_CHOSEN if head == chosen else ' '}{head}" for head in heads]
        rows.append([(cells(name, place.field), "chosen" if name[0] == _CHOSEN else "heading") for name in names])
        for line in zip(*drawn, strict=True):
            rows.append([(" ", "quiet"), *((cells(text, place.field), style) for text, style in line)])
    return rows


def pictures_view(picture: Picture, pictures: HeadPictures | None, width: int, height: int) -> list[Row]:
    """The whole view, `height` rows.

    Args:
        picture: who looks, and the chosen head.
        pictures: of its layer; None while they are made.
        width: cells there are.
        height: lines there are.
    """
    room = n_beside(height)
    body = [] if pictures is None else picture_rows(pictures, picture.at[1], picture.no_sink, width, room)
    name = f" h.{picture.at[0]} "
    head: Row = [(name, "chosen"), (cells(_MEANING, width - len(name)), "quiet")]
    padding: list[Row] = [[]] * (height - n_above(height) - len(body) - 1)
    return [head, *[[]] * (n_above(height) - 1), *body, *padding, keys(picture, "t grid", width)]
