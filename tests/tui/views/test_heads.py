"""Where the heads look: a grid of all, one in the text, pictures of a layer; with the first token and without it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from rich.cells import cell_len

from picogpt_tui.readings import HeadGlance, HeadPictures
from picogpt_tui.tui.views.heads import HeadsView
from picogpt_tui.tui.views.heads_data import heads_table
from picogpt_tui.tui.views.heads_pictures import dots_of, head_at, layout, picture_rows
from picogpt_tui.tui.views.heads_rows import (
    ENTROPY,
    LARGEST,
    OFF,
    Picture,
    heads_rows,
    list_rows,
    looked_at,
    most_looking,
    share_level,
    tenths,
    text_levels,
    text_marks,
    text_meaning,
)
from picogpt_tui.tui.widgets.lines import STYLES, Row

from ..playing import Play
from .exploring import exploring, looked, screen_of, view_of

BITS = math.log(2)
GLANCES = (
    (HeadGlance(0.9, 1, 0.05, 0.5 * BITS), HeadGlance(0.1, 2, 0.6, 1.3 * BITS)),
    (HeadGlance(0.25, 3, 0.254, 2.0 * BITS), HeadGlance(1.0, 1, 0.0, 0.0)),
)
"""Of four tokens: layers by heads."""


LABELS = ("The", "␣king", "␣and", "␣the")


def picture(
    at: tuple[int, int] = (0, 1), values: Sequence[float] = (0.1, 0.2, 0.6, 0.1), *, measure: str = LARGEST,
    by_norm: bool = False, no_sink: bool = False, first: int = 0, top: int = 0, is_inside: bool = True,
) -> Picture:  # fmt: skip
    """From the last of four tokens."""
    return Picture(LABELS, first, GLANCES, values, at, measure, by_norm, no_sink, top, is_inside)


def alone(value: float = 1.0, *, no_sink: bool = False) -> Picture:
    """One token, which can look at nothing but itself."""
    return Picture(("The",), 0, ((HeadGlance(1.0, 0, 1.0, 0.0),),), (value,), no_sink=no_sink)


def text(row: Row) -> str:
    return "".join(part for part, _ in row).rstrip()


def texts(rows: Sequence[Row]) -> list[str]:
    return [text(row) for row in rows]


# -- the grid and the list ---------------------------------------------------------------------------------------------


def test_all_heads_at_a_glance_and_beside_them_what_one_of_them_looks_at() -> None:
    assert texts(heads_rows(picture(), 78, 9)) == [
        " from ␣the at 3: each head's largest weight beside the first token",
        " %      0            ▾1            h.0.head.1  1.3 bits, 10.0% on the first",
        "▸h.0    5 ␣king      60 ␣and          2 ␣and        60.0% ████████████████████",
        " h.1   25 ␣the        0 ␣king         1 ␣king       20.0% ██████▋",
        "                                      0 The         10.0% ███▍",
        "                                      3 ␣the        10.0% ███▍",
        " ←↑↓→  i sink in  k largest  v weights  t pictures  enter follow",
    ]


@pytest.mark.parametrize(
    "measure, title, expected",
    [
        pytest.param(LARGEST, "%", ["5", "60", "25", "0"], id="percents"),
        pytest.param(OFF, "%", ["10", "90", "75", "0"], id="what does not lie on the first token"),
        pytest.param(ENTROPY, "bits", ["0.5", "1.3", "2.0", "0.0"], id="bits"),
    ],
)
def test_the_grid_shows_one_of_three_numbers(measure: str, title: str, expected: list[str]) -> None:
    rows = texts(heads_rows(picture(measure=measure), 46, 9))
    assert rows[1].split()[0] == title
    assert [word for row in rows[2:4] for word in row[5:14].split()] == expected


@pytest.mark.parametrize(
    "shown, expected",
    [
        (picture(), "each head's largest weight beside the first token"),
        (picture(by_norm=True, no_sink=True), "each head's largest norm share, the first token left out"),
        (picture(measure=OFF, no_sink=True), "weight off the first token"),
        (picture(measure=ENTROPY, by_norm=True), "entropy of the norm shares"),
        (picture(measure=ENTROPY, no_sink=True), "entropy of the weights, the first token left out"),
    ],
)
def test_the_heading_says_who_looks_and_what_is_shown(shown: Picture, expected: str) -> None:
    assert texts(heads_rows(shown, 90, 9))[0] == f" from ␣the at 3: {expected}"


def test_what_a_head_looks_at_most_stands_first_and_what_has_no_line_is_told_together() -> None:
    shown = picture(values=(0.4, 0.1, 0.2, 0.3), first=100)
    assert looked_at(shown) == [0, 3, 2, 1]
    assert texts(list_rows(shown, 26, 4))[1:] == [
        " 100 The         40.0% ███",
        " 103 ␣the        30.0% ██▎",
        "     2 others    30.0%",
    ]
    assert looked_at(picture(values=(0, 0.5, 0.5, 0), no_sink=True)) == [1, 2, 3], "the earlier one on ties"


def test_the_head_that_looks_most_at_one_token_is_shown_first() -> None:
    assert most_looking(GLANCES) == (0, 1)
    assert most_looking([[HeadGlance(1.0, 0, 1.0, 0.0), HeadGlance(0.9, 1, 0.1, 0.3)]]) == (0, 1)


def test_one_token_alone() -> None:
    assert texts(heads_rows(alone(), 46, 9))[1:4] == [
        " %     ▾0  h.0.head.0  0.0 bits",
        "▸h.0    0     0 The        100.0% ████████████",
        " tab ←↑↓→  i sink in  k largest  v weights  t…",
    ]
    assert texts(heads_rows(alone(0.0, no_sink=True), 46, 9))[2] == "▸h.0    0       nothing else"
    assert text_meaning(alone(0.0, no_sink=True)) == "h.0.head.0 looks at nothing beside the first token"


def test_before_there_is_an_answer_it_says_what_will_stand_there() -> None:
    (row,) = texts(heads_rows(Picture(), 110, 9))
    assert "will stand here" in row
    assert "tab" in row


def test_numbers_that_overflowed_are_told_as_such() -> None:
    nan = math.nan
    broken = Picture(("a", "b"), 0, ((HeadGlance(nan, 1, nan, 0.0),),), (nan, nan))
    rows = texts(heads_rows(broken, 60, 9))
    assert rows[2].split() == ["▸h.0", "?", "b", "0", "a", "?"]
    assert text_marks(broken, 2) == ["?", "?"]
    assert text_levels(broken, 2) == [0, 0]
    assert heads_table(broken.glances, 0)[1] == [0, 0, None, 1, None, 0.0]


@pytest.mark.parametrize("size", [(77, 9), (73, 19), (153, 26), (60, 6)], ids=str)
@pytest.mark.parametrize("n_layer, n_head", [(6, 6), (12, 12), (48, 25)])
def test_it_fits_any_screen(size: tuple[int, int], n_layer: int, n_head: int) -> None:
    glances = tuple(tuple(HeadGlance(0.5, 1, 1.0, 3.0) for _ in range(n_head)) for _ in range(n_layer))
    at = n_layer - 1, n_head - 1
    shown = Picture(LABELS * 250, 24, glances, (0.001,) * 1000, at, no_sink=True)
    rows = heads_rows(shown, *size)
    assert len(rows) == size[1]
    assert max(cell_len(text(row)) for row in rows) <= size[0]
    assert {style for row in rows for _, style in row} <= set(STYLES)
    assert any(text(row).startswith(f"▸h.{n_layer - 1}") for row in rows)


# -- the text ----------------------------------------------------------------------------------------------------------


def test_the_text_is_shaded_by_parts_of_the_largest_value_and_marked_in_tenths() -> None:
    shown = picture(values=(0.3, 0.06, 0.6, 0.04), first=1)
    assert text_levels(shown, 6) == [None, 4, 1, 8, 1, None]
    assert text_marks(shown, 6) == [" ", "5", "1", "9", "0", " "]
    assert text_meaning(shown) == "h.0.head.1: shaded by its weight; ␣and has most, 60.0%"
    assert text_meaning(picture(by_norm=True)) == "h.0.head.1: shaded by its share of the norms; ␣and has most, 60.0%"


def test_the_first_token_that_is_left_out_has_no_shade() -> None:
    shown = picture(values=(0.0, 0.5, 0.25, 0.25), no_sink=True)
    assert text_levels(shown, 4) == [None, 8, 4, 4]
    assert text_marks(shown, 4) == ["×", "9", "5", "5"]


@pytest.mark.parametrize(
    "value, level, digit", [(0, 0, "0"), (0.04, 0, "0"), (0.5, 4, "5"), (0.99, 8, "9"), (1, 8, "9")]
)
def test_shades(value: float, level: int, digit: str) -> None:
    assert (share_level(value, 1), tenths(value, 1)) == (level, digit)
    assert (share_level(value / 4, 0.25), tenths(value / 4, 0.25)) == (level, digit)
    assert (share_level(value, 0), tenths(value, 0)) == (0, "0")


# -- pictures ----------------------------------------------------------------------------------------------------------

MATRIX = ((1.0, 0, 0), (0.6, 0.4, 0), (0.5, 0.1, 0.4))
"""The second token looks at both alike, the third not at the second."""


def test_a_dot_is_half_of_the_favourite_or_more() -> None:
    assert dots_of(MATRIX, no_sink=False) == [[True, False, False], [True, True, False], [True, False, True]]
    assert dots_of(MATRIX, no_sink=True) == [[False, False, False], [False, True, False], [False, False, True]]


def test_pictures_are_as_large_as_all_of_them_fit() -> None:
    assert (layout(6, 73, 15).n_beside, layout(6, 73, 15).dots) == (3, 24)
    assert (layout(6, 77, 7).n_beside, layout(6, 77, 7).dots) == (6, 20)
    assert (layout(25, 73, 15).n_beside, layout(25, 73, 15).dots) == (9, 12)
    for n_head in (1, 12, 25):
        place = layout(n_head, 73, 15)
        assert place.n_beside * place.field <= 73
        assert place.width < place.field
        assert -(-n_head // place.n_beside) * place.height <= 15


def test_a_short_text_is_drawn_larger() -> None:
    pictures = HeadPictures(0, 3, (MATRIX, MATRIX))
    assert texts(picture_rows(pictures, 1, False, 21, 4)) == [
        " 0        ▸1",
        " ⣿⣿        ⣿⣿",
        " ⣿⣿⣿⣿      ⣿⣿⣿⣿",
        " ⣿⣿  ⣿⣿    ⣿⣿  ⣿⣿",
    ]
    rows = picture_rows(pictures, 1, True, 21, 2)
    assert [style for _, style in rows[0]] == ["heading", "chosen"]


def test_the_mouse_finds_a_picture() -> None:
    place = layout(5, 73, 15)
    assert (place.n_beside, place.field, place.height) == (3, 24, 7)
    assert [head_at(place, 5, x, y) for x, y in ((1, 0), (24, 6), (25, 0), (1, 7), (49, 8), (0, 0))] == [
        0,
        0,
        1,
        3,
        None,
        None,
    ]


# -- in the app --------------------------------------------------------------------------------------------------------


def heads_of(play: Play) -> HeadsView:
    return view_of(play, HeadsView)


def title_of(play: Play) -> str:
    return heads_of(play).text.split("\n")[0].strip()


def chosen(play: Play) -> str:
    """The head that shades the text, as the line below it says."""
    return screen_of(play).stage.legend.text.strip().partition(":")[0]


async def test_the_token_under_the_cursor_looks_and_the_text_is_shaded_at_once() -> None:
    async with exploring("heads") as play:
        assert title_of(play).startswith("from ␣a at 6: each head's largest weight")
        first = chosen(play)
        assert first.startswith("h.")
        assert f"▸{first.split('.head')[0]}" in heads_of(play).text
        await play.press("left")
        await looked(play)
        assert title_of(play).startswith("from ␣was at 5:")
        assert chosen(play) == first, "the head stays the same wherever one goes"
        await play.press("end")
        await looked(play)
        assert title_of(play).startswith("from ␣a at 6:"), "behind the last token the last one looks"


async def test_opened_for_the_first_time_it_asks_at_once() -> None:
    async with exploring("") as play:
        await play.press("5")
        await play.until(lambda: title_of(play).startswith("from ␣a at 6:"))


async def test_arrows_go_from_head_to_head_without_asking_the_model_again() -> None:
    async with exploring("heads") as play:
        screen = screen_of(play)
        n_computed = screen.scene.instruments.n_computed
        await play.press("tab", *["up"] * 6, *["left"] * 6)
        assert chosen(play) == "h.0.head.0"
        await play.press("down", "right", "right")
        assert chosen(play) == "h.1.head.2"
        assert "▸h.1" in heads_of(play).text
        assert "▾2" in heads_of(play).text
        assert screen.scene.instruments.n_computed == n_computed
        assert screen.exploration.cursor == 6
        await play.press("escape", "left")
        await looked(play)
        assert screen.exploration.cursor == 5


async def test_without_colour_digits_stand_below_the_text_and_i_leaves_the_first_token_out() -> None:
    async with exploring("heads") as play:
        tokens = screen_of(play).tokens
        await play.press("m", "tab")
        below = tokens.text.split("\n")[1].split()
        assert len(below) == 7
        assert all(mark in "0123456789▲" for mark in below)
        await play.press("i")
        assert tokens.text.split("\n")[1].split()[0] == "×"
        assert "the first token left out" in title_of(play)
        assert "i sink out" in heads_of(play).text


async def test_v_measures_what_comes_through_and_k_changes_the_grid() -> None:
    async with exploring("heads") as play:
        await play.press("tab", "v")
        assert "largest norm share" in title_of(play)
        assert "share of the norms" in screen_of(play).stage.legend.text
        await play.press("k", "k")
        assert "entropy of the norm shares" in title_of(play)
        assert "bits" in heads_of(play).text


async def test_pictures_of_a_layer_and_up_asks_for_the_layer_above() -> None:
    async with exploring("heads") as play:
        await play.press("tab", *["down"] * 6, "t")
        await looked(play)
        assert title_of(play).startswith("h.5 a row for each token")
        assert any("⠀" < char <= "⣿" for char in heads_of(play).text)
        await play.press("up", *["left"] * 6)
        await looked(play)
        assert title_of(play).startswith("h.4 ")
        assert "▸0" in heads_of(play).text
        await play.pilot.click("HeadsView Lines", offset=(30, 4))
        assert "▸1" in heads_of(play).text
        await play.press("t")
        assert title_of(play).startswith("from ␣a at 6:")


async def test_enter_goes_where_the_head_looks_most_and_a_click_to_any_token_of_the_list() -> None:
    async with exploring("heads") as play:
        screen = screen_of(play)
        await play.press("tab", *["up"] * 6, *["left"] * 6, "i")
        lines = [line[31:].split() for line in heads_of(play).text.split("\n")]
        assert lines[2][0] == "h.0.head.0"
        first, third = int(lines[3][0]), int(lines[5][0])
        await play.press("enter")
        await looked(play)
        assert screen.exploration.cursor == first
        assert title_of(play).startswith(f"from {lines[3][1]} at {first}:")
        await play.press("end")
        await looked(play)
        await play.pilot.click("HeadsView Lines", offset=(40, 5))
        await looked(play)
        assert screen.exploration.cursor == third


async def test_a_click_chooses_a_head() -> None:
    async with exploring("heads") as play:
        await play.pilot.click("HeadsView Lines", offset=(7, 3))
        assert chosen(play) == "h.0.head.0"


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=str)
async def test_it_is_whole_on_small_and_large_screens(size: tuple[int, int]) -> None:
    async with exploring("heads", size=size) as play:
        assert all(f"h.{layer}" in play.screen for layer in range(6))
        assert "enter follow" in play.screen


async def test_nothing_to_look_from_says_what_will_stand_there() -> None:
    async with exploring("heads", "") as play:
        assert "will stand here" in heads_of(play).text
        assert heads_of(play).numbers() is None
        assert heads_of(play).table() == []
        await play.press("tab", "down", "i", "v", "k", "enter", "t", "t", "escape")
        await looked(play)
        await play.press("down", "enter")
        await looked(play)
        assert " at 0: entropy" not in heads_of(play).text
        assert " at 0: norm share off the first token" in heads_of(play).text


async def test_another_view_gives_the_text_its_own_shades_back_and_this_one_takes_them_again() -> None:
    async with exploring("heads") as play:
        before = chosen(play)
        await play.press("0")
        await looked(play)
        assert "surprisal" in screen_of(play).stage.legend.text
        await play.press("5")
        await looked(play)
        assert chosen(play) == before


async def test_numbers_and_table_tell_every_head() -> None:
    async with exploring("heads") as play:
        numbers = json.loads(json.dumps(heads_of(play).numbers(), allow_nan=False))
        assert (numbers["position"], numbers["first_position"], len(numbers["layers"])) == (6, 0, 6)
        weights = numbers["layers"][2]["heads"][3]["weights"]
        assert len(weights) == len(numbers["layers"][2]["heads"][3]["norms"]) == 7
        assert sum(weights) == pytest.approx(1, abs=1e-5)
        table = heads_of(play).table()
        assert table[0] == ["layer", "head", "first_token", "looks_at", "value", "entropy_nats"]
        assert len(table) == 37
        assert table[15][:3] == [2, 2, pytest.approx(numbers["layers"][2]["heads"][2]["weights"][0])]
