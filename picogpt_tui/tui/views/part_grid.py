"""A model as a grid: a line for each layer, a column for each head, perhaps one for the MLP; one cell is chosen. Pure.

A cell has a number of at most three cells, and a sign that stands for it where the columns are narrower. The chosen one
is marked at its line's name and at its column's, so that it is found without colour too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.views.window import first_in_view
from picogpt_tui.tui.widgets.lines import Row

_HERE, _CHOSEN, _ABOVE, _BELOW = "▾", "▸", "↑", "↓"
_NUMBER = 4  # a number, and a blank before it
_WIDTHS = (14, 12, 10, 9, _NUMBER, 3, 2, 1)
"""Of a column: from _NUMBER up a number and then a label, below it a number alone, or a sign."""


@dataclass(frozen=True, slots=True)
class GridCell:
    """What is told of one part of the model."""

    text: str
    """At most three cells."""
    sign: str
    """The same in one cell."""
    style: str
    """One of `lines.STYLES`."""
    label: str = ""
    """What else there is to say, where there is room."""


@dataclass(frozen=True, slots=True)
class PartGrid:
    """What is drawn.

    Attributes:
        names: of the columns.
        cells: [layer][column].
        at: layer and column of the chosen one.
        title: over the names of the layers, in at most four cells.
        top: the first layer that was in view so far.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[GridCell, ...], ...]
    at: tuple[int, int]
    title: str = ""
    top: int = 0

    @property
    def name_width(self) -> int:
        """Of the layers' names, with the mark before them."""
        return 1 + max(4, len(f"h.{len(self.cells) - 1}"))

    @property
    def has_labels(self) -> bool:
        """Whether any cell has one."""
        return any(cell.label for line in self.cells for cell in line)


# -- where things are --------------------------------------------------------------------------------------------------


def column_width(grid: PartGrid, room: int) -> int:
    """The widest that lets the whole grid be in so many cells."""
    most = _WIDTHS[0] if grid.has_labels else _NUMBER
    fits = (one for one in _WIDTHS if one <= most and grid_width(grid, one) <= room)
    return next(fits, _WIDTHS[-1])


def grid_width(grid: PartGrid, column: int) -> int:
    """Cells of a line, if the columns are so wide."""
    return grid.name_width + column * len(grid.names)


def top_in_view(grid: PartGrid, height: int) -> int:
    """The first layer in view, so that the chosen one is."""
    return first_in_view(grid.top, grid.at[0], max(1, height - 1), len(grid.cells))


def part_at(grid: PartGrid, x: int, y: int, column: int, height: int) -> tuple[int, int] | None:
    """Layer and column of what is drawn at a cell of the grid, whose heading is its line 0."""
    layer, at = top_in_view(grid, height) + y - 1, (x - grid.name_width) // column
    if 1 <= y < height and layer < len(grid.cells) and 0 <= at < len(grid.names):
        return layer, at
    return None


def moved(grid: PartGrid, by_layers: int, by_columns: int) -> tuple[int, int]:
    """The part so many lines and columns away from the chosen one; the edges hold."""
    layer, column = grid.at[0] + by_layers, grid.at[1] + by_columns
    return min(max(layer, 0), len(grid.cells) - 1), min(max(column, 0), len(grid.names) - 1)


# -- drawing -----------------------------------------------------------------------------------------------------------


def grid_rows(grid: PartGrid, column: int, height: int) -> list[Row]:
    """The heading, and as many layers as there is room for.

    Args:
        grid: what is drawn.
        column: cells of a column, see `column_width`.
        height: lines, at least two.
    """
    top, n_layer = top_in_view(grid, height), len(grid.cells)
    bottom = min(n_layer, top + max(1, height - 1))
    rows = [_heading(grid, column)]
    for layer in range(top, bottom):
        more = _ABOVE if layer == top > 0 else _BELOW if layer == bottom - 1 < n_layer - 1 else " "
        rows.append(_line(grid, layer, more, column))
    return rows


def _heading(grid: PartGrid, column: int) -> Row:
    runs = [(f" {cells(grid.title, grid.name_width - 1)}", "heading")]
    for at, name in enumerate(grid.names):
        is_here = at == grid.at[1]
        runs.append((_column_name(name, _HERE if is_here else "", column), "chosen" if is_here else "heading"))
    return runs


def _column_name(name: str, mark: str, column: int) -> str:
    """In narrow columns the last digit of a number, the first letter of a word, the mark in its place."""
    if column == 1:
        return mark or (name[-1] if name.isdigit() else name[0])
    if column == 2:
        return f"{mark:1}{name[-1] if name.isdigit() else name[0]}"
    text = mark + name[: min(column, _NUMBER) - len(mark)]
    return cells(text.rjust(min(column, _NUMBER)), column)


def _line(grid: PartGrid, layer: int, more: str, column: int) -> Row:
    is_here = layer == grid.at[0]
    name = f"{_CHOSEN if is_here else more}{f'h.{layer}':<{grid.name_width - 1}}"
    runs = [(name, "chosen" if is_here else "quiet")]
    for at, cell in enumerate(grid.cells[layer]):
        runs.append((_cell(cell, column), "chosen" if (layer, at) == grid.at else cell.style))
    return runs


def _cell(cell: GridCell, column: int) -> str:
    if column < 3:
        return cell.sign.rjust(column)
    text = cell.text.rjust(min(column, _NUMBER))
    return text if column <= _NUMBER else f"{text} {cells(cell.label, column - _NUMBER - 2)} "


# -- beside another ----------------------------------------------------------------------------------------------------


def beside(left: Sequence[Row], right: Sequence[Row], left_width: int) -> list[Row]:
    """Two blocks of lines side by side, the left one in a field of so many cells."""
    rows: list[Row] = []
    for at in range(max(len(left), len(right))):
        one, other = left[at] if at < len(left) else (), right[at] if at < len(right) else ()
        used = sum(cell_len(text) for text, _ in one)
        rows.append([*one, (" " * max(0, left_width - used), "quiet"), *other])
    return rows
