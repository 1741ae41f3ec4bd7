"""A model as a grid of parts: wide columns have numbers and labels, narrow ones signs; the chosen part is marked."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from picogpt_tui.tui.views.part_grid import (
    GridCell,
    PartGrid,
    beside,
    column_width,
    grid_rows,
    grid_width,
    moved,
    part_at,
    top_in_view,
)
from picogpt_tui.tui.widgets.lines import Row


def grid(n_layer: int = 3, n_head: int = 2, at: tuple[int, int] = (1, 0), *, label: str = "", top: int = 0) -> PartGrid:
    """Heads and an MLP; the number of a cell is ten times its layer and its column."""
    names = (*map(str, range(n_head)), "mlp")
    cells = tuple(
        tuple(GridCell(str(10 * layer + column), str(column % 10), "cool-3", label) for column in range(n_head + 1))
        for layer in range(n_layer)
    )
    return PartGrid(names, cells, at, "%", top)


def text(row: Row) -> str:
    return "".join(part for part, _ in row)


@pytest.mark.parametrize(
    "column, expected",
    [
        pytest.param(
            4, [" %     ▾0   1 mlp", " h.0    0   1   2", "▸h.1   10  11  12", " h.2   20  21  22"], id="numbers"
        ),
        pytest.param(3, [" %    ▾0  1mlp", " h.0   0  1  2", "▸h.1  10 11 12", " h.2  20 21 22"], id="no blanks"),
        pytest.param(2, [" %   ▾0 1 m", " h.0  0 1 2", "▸h.1  0 1 2", " h.2  0 1 2"], id="signs"),
        pytest.param(1, [" %   ▾1m", " h.0 012", "▸h.1 012", " h.2 012"], id="signs side by side"),
    ],
)
def test_a_grid_in_columns_of_any_width(column: int, expected: list[str]) -> None:
    rows = grid_rows(grid(), column, 9)
    assert [text(row) for row in rows] == expected
    assert {cell_len(text(row)) for row in rows} == {grid_width(grid(), column)}


def test_where_there_is_room_a_cell_says_more() -> None:
    rows = grid_rows(grid(1, 1, (0, 1), label="␣king and queen"), 10, 9)
    assert [text(row) for row in rows] == [" %      0      ▾mlp      ", "▸h.0    0 ␣ki…    1 ␣ki… "]


def test_the_chosen_cell_has_the_accent_and_the_others_their_shade() -> None:
    _, _, row, _ = grid_rows(grid(), 4, 9)
    assert [style for _, style in row] == ["chosen", "chosen", "cool-3", "cool-3"]


@pytest.mark.parametrize(
    "n_head, label, room, expected",
    [
        pytest.param(6, "", 45, 4, id="six heads beside a list"),
        pytest.param(12, "", 44, 3, id="twelve"),
        pytest.param(20, "", 48, 2, id="twenty"),
        pytest.param(25, "", 31, 1, id="twenty-five, and if there is no room at all"),
        pytest.param(6, "", 200, 4, id="numbers alone need no more"),
        pytest.param(6, "x", 200, 14, id="labels do"),
        pytest.param(12, "x", 124, 9, id="shorter ones"),
    ],
)
def test_columns_are_as_wide_as_all_of_them_fit(n_head: int, label: str, room: int, expected: int) -> None:
    assert column_width(grid(12, n_head, label=label), room) == expected


def test_what_has_no_line_is_above_or_below_and_says_so() -> None:
    tall = grid(12, 1, (6, 0), top=3)
    assert [text(row)[:6] for row in grid_rows(tall, 4, 5)] == [" %    ", "↑h.3  ", " h.4  ", " h.5  ", "▸h.6  "]
    assert top_in_view(grid(12, 1, (9, 0), top=3), 5) == 6
    assert [text(row)[0] for row in grid_rows(grid(12, 1, (0, 0)), 4, 4)] == [" ", "▸", " ", "↓"]


def test_the_mouse_finds_what_is_drawn() -> None:
    one = grid(12, 2, (6, 0), top=5)
    rows = grid_rows(one, 4, 4)
    for y, layer in ((1, 5), (2, 6), (3, 7)):
        assert f"h.{layer}" in text(rows[y])
        assert [part_at(one, x, y, 4, 4) for x in (5, 8, 9, 16)] == [(layer, 0), (layer, 0), (layer, 1), (layer, 2)]
    nothing = [part_at(one, x, y, 4, 4) for x, y in ((4, 1), (17, 1), (7, 0), (7, 4))]
    assert nothing == [None] * 4


def test_the_edges_hold() -> None:
    assert moved(grid(), 1, 1) == (2, 1)
    assert moved(grid(at=(2, 2)), 1, 1) == (2, 2)
    assert moved(grid(at=(0, 0)), -1, -1) == (0, 0)


def test_two_blocks_stand_side_by_side_whichever_is_longer() -> None:
    left: list[Row] = [[("日本", "text")], [("b", "text")]]
    right: list[Row] = [[("1", "bar")], [("2", "bar")], [("3", "bar")]]
    assert [text(row) for row in beside(left, right, 6)] == ["日本  1", "b     2", "      3"]
    assert [text(row) for row in beside(right, left, 3)] == ["1  日本", "2  b", "3  "]
