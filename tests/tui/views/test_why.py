"""Why one token and not another: signed bars that sum to the true difference, and the two tokens that one chooses."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Candidate
from picogpt_tui.readings import Attribution, Part
from picogpt_tui.tui.views.why import WhyView
from picogpt_tui.tui.views.why_data import why_numbers, why_table
from picogpt_tui.tui.views.why_layers import layer_rows, level, number, signed, style
from picogpt_tui.tui.views.why_rows import (
    LAYER,
    ORDERS,
    PASS,
    SIZE,
    Picture,
    bar_to_the_left,
    bar_to_the_right,
    line_at,
    meaning,
    n_lines,
    parts_in,
    shares,
    sums,
    times,
    why_rows,
)
from picogpt_tui.tui.widgets.lines import STYLES, Lines, Row

from ..playing import Play
from .exploring import exploring, looked, screen_of, view_of

PARTS = (
    Part("wte", -1, -1, 0.25),
    Part("wpe", -1, -1, 0.0),
    Part("h.0.head.0", 0, 0, -1.0),
    Part("h.0.head.1", 0, 1, 0.5),
    Part("h.0.attn.bias", 0, -1, 0.125),
    Part("h.0.mlp", 0, -1, 2.0),
    Part("ln_f.bias", -1, -1, -0.125),
)
KING = Candidate(0, 4, " king", b" king", "␣king", 3.0, math.log(0.6), 0.6, 0.6, None)
QUEEN = replace(KING, rank=11, id=5, text=" queen", bytes=b" queen", label="␣queen", logit=1.25, prob=0.104)
FOUND = Attribution(2, KING, QUEEN, PARTS, total=1.75, difference=1.7500002)


def text(row: Row) -> str:
    return "".join(part for part, _ in row).rstrip()


def lines(shown: Picture, width: int = 73, height: int = 19) -> list[str]:
    return [text(row) for row in why_rows(shown, width, height)]


def styles(rows: Sequence[Row]) -> set[str]:
    return {style for row in rows for _, style in row}


def parts_of_model(n_layer: int, n_head: int) -> tuple[Part, ...]:
    """All parts of a model of this size, in the order of the pass, each worth another number."""
    parts = [Part("wte", -1, -1, 0.3), Part("wpe", -1, -1, -0.3)]
    for layer in range(n_layer):
        for head in range(n_head):
            parts.append(Part(f"h.{layer}.head.{head}", layer, head, (layer - head) / 7))
        parts += [Part(f"h.{layer}.attn.bias", layer, -1, 0.01), Part(f"h.{layer}.mlp", layer, -1, -12.34)]
    return (*parts, Part("ln_f.bias", -1, -1, 0.1))


# -- what it says ------------------------------------------------------------------------------------------------------


def test_it_begins_with_the_two_tokens_and_what_their_difference_means() -> None:
    first, second, *_ = lines(Picture(FOUND))
    assert first == " why ␣king #1 60.0%  and not ␣queen #12 10.4%"
    assert second == " logits differ by +1.750 nats: ␣king is e^1.75 = 5.75 times as likely"


def test_where_the_other_is_likelier_it_says_so() -> None:
    other_way = replace(FOUND, difference=-0.5)
    assert meaning(other_way) == "−0.500 nats: ␣queen is e^0.50 = 1.65 times as likely"


@pytest.mark.parametrize(
    "nats, told",
    [
        (0.0, "1.00"),
        (2.0, "7.39"),
        (-3.0, "20"),
        (10.0, "22,026"),
        (20.0, "4.9e+08"),
        (9e9, "1.0e+304"),
        (math.nan, "?"),
    ],
)
def test_times_as_likely(nats: float, told: str) -> None:
    assert times(nats) == told


@pytest.mark.parametrize("order", ORDERS)
def test_the_sum_stands_beside_what_the_model_computed(order: str) -> None:
    rows = lines(Picture(FOUND, order))
    assert rows[-2] == " ✓ 7 parts sum to +1.750, the model says +1.750   2e-07 apart"


def test_a_sum_that_is_not_the_model_s_is_told_as_such() -> None:
    apart = replace(FOUND, total=1.752)
    rows = why_rows(Picture(apart), 73, 19)
    assert text(rows[-2]).startswith(" ✗")
    assert "bad" in styles(rows[-2:-1])
    assert "good" not in styles(rows)


# -- bars --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fraction, right, left",
    [
        pytest.param(0.0, "    ", "    ", id="nothing"),
        pytest.param(0.001, "▏   ", "   ▕", id="hardly anything"),
        pytest.param(0.125, "▌   ", "   ▐", id="half a cell"),
        pytest.param(0.5, "██  ", "  ██", id="half"),
        pytest.param(0.6, "██▍ ", " ▐██", id="two and three eighths"),
        pytest.param(1.0, "████", "████", id="all"),
    ],
)
def test_bars_grow_from_the_middle(fraction: float, right: str, left: str) -> None:
    assert bar_to_the_right(fraction, 4) == right
    assert bar_to_the_left(fraction, 4) == left


def test_what_speaks_for_a_grows_to_the_right_and_for_b_to_the_left() -> None:
    rows = lines(Picture(FOUND))
    assert rows[3].split() == ["part", "nats", "for", "␣queen", "│", "for", "␣king", "of", "all"]
    middle = rows[3].index("│")
    assert {row.index("│") for row in rows[4:11]} == {middle}
    mlp, head = rows[4], rows[5]
    assert (mlp.split()[0], mlp[middle + 1], mlp[middle - 1]) == ("h.0.mlp", "█", " ")
    assert (head.split()[0], head[middle + 1], head[middle - 1]) == ("h.0.head.0", " ", "█")
    assert mlp.count("█") == 2 * head.count("█") + head.count("▐")
    found = why_rows(Picture(FOUND), 73, 19)
    assert {style for part, style in found[4] if "█" in part} == {"bar"}
    assert {style for part, style in found[5] if "█" in part} == {"warn"}


# -- orders ------------------------------------------------------------------------------------------------------------


def test_by_size_the_largest_stand_first_with_their_share_of_all() -> None:
    rows = lines(Picture(FOUND, SIZE))
    assert [row.split()[0] for row in rows[4:11]] == [
        *("h.0.mlp", "h.0.head.0", "h.0.head.1", "wte", "h.0.attn.bias", "ln_f.bias", "wpe")
    ]
    assert [row.split()[-1] for row in rows[4:11]] == ["50%", "75%", "88%", "94%", "97%", "100%", "100%"]
    assert shares([]) == []
    assert shares([Part("wte", -1, -1, 0.0)]) == [0.0]


def test_in_the_order_of_the_pass_each_part_has_the_sum_so_far() -> None:
    rows = lines(Picture(FOUND, PASS))
    assert [row.split()[0] for row in rows[4:11]] == [part.name for part in PARTS]
    assert [row.split()[-1] for row in rows[4:11]] == [
        *("+0.250", "+0.250", "−0.750", "−0.250", "−0.125", "+1.875", "+1.750")
    ]
    assert sums(PARTS)[-1] == FOUND.total


def test_by_layer_there_is_a_column_for_each_head() -> None:
    heading, *rows = [text(row).split() for row in layer_rows(PARTS, 73)]
    assert heading == ["heads", "0", "1", "bias", "mlp", "sum"]
    assert rows == [
        ["wte", "+0.250"],
        ["wpe", "+0.000"],
        ["h.0", "−1.00", "+0.50", "+0.12", "+2.00", "+1.625"],
        ["ln_f.bias", "−0.125"],
    ]


def test_blue_is_for_a_and_warm_for_b() -> None:
    (_, _, _, layer, _) = layer_rows(PARTS, 73)
    assert [style for _, style in layer] == ["quiet", "heat-3", "cool-4", "cool-2", "cool-8", "text"]


@pytest.mark.parametrize(
    "n_head, width, cells",
    [
        pytest.param(3, 73, ["  −0.14", "  −0.29"], id="room for numbers"),
        pytest.param(12, 200, ["  −0.14", "  −0.29"], id="on a wide screen, too"),
        pytest.param(7, 73, [" −0.1", " −0.3"], id="less of them"),
        pytest.param(12, 73, ["· ", "−░"], id="a sign and a shade"),
        pytest.param(25, 73, ["·", "−"], id="a sign"),
    ],
)
def test_heads_without_room_are_shades(n_head: int, width: int, cells: list[str]) -> None:
    """Of a model as large as 1558M, too."""
    rows = layer_rows(parts_of_model(3, n_head), width)
    (name, _), *runs = rows[3]
    assert name.rstrip() == "h.0"
    assert [text for text, _ in runs[1:3]] == cells
    assert {sum(cell_len(part) for part, _ in row) for row in rows[1:]} == {cell_len(text(rows[0])) - 1}


@pytest.mark.parametrize(
    "value, width, written",
    [
        pytest.param(0.1234, 8, "  +0.123", id="three digits"),
        pytest.param(-0.1234, 6, " −0.12", id="two"),
        pytest.param(123.456, 6, "  +123", id="none"),
        pytest.param(123456.0, 5, "    +", id="only the sign"),
        pytest.param(math.nan, 6, "  +nan", id="no number"),
    ],
)
def test_as_many_digits_as_fit(value: float, width: int, written: str) -> None:
    assert number(value, width) == written


@pytest.mark.parametrize(
    "value, most, strength, shade",
    [
        (0.0, 1.0, 0, "cool-0"),
        (0.05, 1.0, 1, "cool-2"),
        (-0.05, 1.0, 1, "heat-1"),
        (1.0, 1.0, 4, "cool-8"),
        (-1.0, 1.0, 4, "heat-4"),
        (0.0, 0.0, 0, "cool-0"),
        (math.nan, 1.0, 0, "cool-0"),
    ],
)
def test_a_value_is_a_shade(value: float, most: float, strength: int, shade: str) -> None:
    assert level(value, most) == strength
    assert style(value, most) == shade


def test_a_number_has_its_sign() -> None:
    assert [signed(value) for value in (1.0, -1.0, 0.0)] == ["+1.000", "−1.000", "+0.000"]


# -- the whole ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [(77, 9), (77, 13), (73, 19), (153, 26), (68, 7)], ids=str)
def test_it_fits_any_screen(size: tuple[int, int], order: str) -> None:
    found = replace(FOUND, parts=parts_of_model(12, 12), a=replace(KING, label="⟨F0 9F 98⟩␣日本語日本語"))
    for at in (None, 0, 13, 10**6):
        at = None if at is None else min(at, n_lines(Picture(found, order)) - 1)
        rows = why_rows(Picture(found, order, at, candidate="␣prince"), *size)
        assert len(rows) <= size[1]
        assert max(sum(cell_len(part) for part, _ in row) for row in rows[2:]) <= size[0]
        assert styles(rows) <= set(STYLES)


@pytest.mark.parametrize("order", ORDERS)
def test_there_are_as_many_lines_as_are_counted(order: str) -> None:
    assert n_lines(Picture(FOUND, order)) == (4 if order == LAYER else 7)
    assert n_lines(Picture(None, order)) == 0
    rows = lines(Picture(FOUND, order), 73, 40)
    assert len(rows) == n_lines(Picture(FOUND, order)) + 7


def test_the_line_one_is_on_is_in_view_and_signs_tell_where_there_are_more() -> None:
    found = replace(FOUND, parts=parts_of_model(3, 4))
    shown = Picture(found, PASS, at=9)
    rows = lines(shown, 77, 9)
    assert [row.split()[0] for row in rows[3:7]] == ["↑h.0.attn.bias", "h.0.mlp", "h.1.head.0", "▸h.1.head.1"]
    assert lines(replace(shown, at=0), 77, 9)[6].startswith("↓")
    assert lines(replace(shown, at=20), 77, 9)[6].startswith("▸ln_f.bias")


def test_a_click_finds_its_line() -> None:
    shown = Picture(FOUND)
    assert [line_at(shown, line, 19) for line in (3, 4, 10, 11)] == [None, 0, 6, None]
    assert [line_at(replace(shown, top=2), line, 9) for line in (2, 3, 6, 7)] == [None, 2, 5, None]


def test_without_an_answer_one_line_says_what_will_stand_there() -> None:
    (row,) = why_rows(Picture(), 73, 19)
    assert text(row).startswith("What speaks for one token")
    assert styles([row]) == {"quiet"}


def test_values_that_are_no_numbers_are_drawn_without_a_bar() -> None:
    broken = replace(FOUND, parts=tuple(replace(part, value=math.nan) for part in PARTS), total=math.nan)
    for order in ORDERS:
        rows = lines(Picture(broken, order))
        assert any("nan" in row for row in rows)
        assert rows[-2].startswith(" ✗")
        assert not any("█" in row for row in rows)


# -- as data -----------------------------------------------------------------------------------------------------------


def test_the_numbers_are_json_in_the_order_of_the_pass() -> None:
    told = json.loads(json.dumps(why_numbers(FOUND, 3), allow_nan=False))
    assert (told["cursor"], told["total"], told["difference"]) == (3, 1.75, 1.7500002)
    assert [part["name"] for part in told["parts"]] == [part.name for part in PARTS]
    assert told["parts"][2] == {"name": "h.0.head.0", "layer": 0, "head": 0, "value": -1.0}
    assert told["parts"][0]["layer"] is None
    assert (told["this"]["id"], told["this"]["bytes"], told["that"]["rank"]) == (4, "206b696e67", 11)
    broken = replace(FOUND, total=math.nan, parts=(replace(PARTS[0], value=math.inf),))
    told = json.loads(json.dumps(why_numbers(broken, 3), allow_nan=False))
    assert (told["total"], told["parts"][0]["value"]) == (None, None)


def test_the_table_is_as_it_is_listed() -> None:
    heading, *rows = why_table(parts_in(FOUND, SIZE))
    assert heading == ["part", "layer", "head", "nats", "sum_so_far"]
    assert rows[0] == ["h.0.mlp", 0, None, 2.0, 2.0]
    assert rows[-1][-1] == FOUND.total


def test_before_an_answer_there_is_no_data() -> None:
    assert why_numbers(None, 0) is None
    assert why_table([]) == []


# -- in the app --------------------------------------------------------------------------------------------------------


def pair_of(play: Play) -> tuple[int, int]:
    """A and B."""
    told = view_of(play, WhyView).numbers()
    assert isinstance(told, dict)
    return told["this"]["id"], told["that"]["id"]


def likeliest(play: Play, n: int = 3) -> list[int]:
    look = screen_of(play).scene.look
    assert look is not None
    return [one.id for one in look.distribution.candidates[:n]]


async def test_the_token_that_stands_there_is_asked_about_and_its_parts_sum_to_the_difference() -> None:
    async with exploring("why", n_tokens=5) as play:
        screen, view = screen_of(play), view_of(play, WhyView)
        for key in ("left", "left", "home"):
            await play.press(key)
            await looked(play)
            taken = screen.exploration.taken
            top = [id for id in likeliest(play) if id != taken]
            assert pair_of(play) == (taken, top[0])
            told = view.numbers()
            assert isinstance(told, dict)
            assert len(told["parts"]) == 2 + 6 * (6 + 2) + 1
            assert math.fsum(part["value"] for part in told["parts"]) == pytest.approx(told["difference"], abs=1e-3)
            assert told["difference"] == pytest.approx(told["this"]["logit"] - told["that"]["logit"], abs=1e-5)
            assert "✓ 51 parts sum to" in view.text


@pytest.mark.parametrize("prompt", ["", "a", "Once upon a time"])
async def test_behind_the_last_token_it_is_the_likeliest_against_the_next(prompt: str) -> None:
    async with exploring("why", prompt) as play:
        await play.press("end")
        await looked(play)
        assert pair_of(play) == tuple(likeliest(play, 2))


async def test_a_and_b_choose_the_tokens_and_s_swaps_them() -> None:
    async with exploring("why") as play:
        await play.press("end")
        await looked(play)
        first, _, third = likeliest(play)
        await play.press("down", "down")
        assert screen_of(play).scene.chosen == third
        await play.press("tab")
        assert f"b not {screen_of(play).scene.label(third)}" in view_of(play, WhyView).text
        await play.press("b")
        await looked(play)
        assert pair_of(play) == (first, third)
        await play.press("s")
        await looked(play)
        assert pair_of(play) == (third, first)
        await play.press("full_stop")
        chosen = screen_of(play).scene.chosen
        assert chosen is not None
        await play.press("a")
        await looked(play)
        assert pair_of(play) == (chosen, first if chosen != first else third)
        await play.press("left")
        await looked(play)
        assert pair_of(play)[0] == screen_of(play).exploration.taken, "elsewhere they are chosen anew"


async def test_to_choose_the_other_one_is_to_swap_them() -> None:
    async with exploring("why") as play:
        await play.press("end")
        await looked(play)
        first, second, _ = likeliest(play)
        await play.press("down")
        await play.press("tab", "a")
        await looked(play)
        assert pair_of(play) == (second, first)


async def test_v_shows_the_parts_by_layer_and_in_the_order_of_the_pass() -> None:
    async with exploring("why") as play:
        view = view_of(play, WhyView)
        await play.press("tab", "down", "down")
        assert "of all" in view.text
        await play.press("v")
        assert "heads" in view.text
        assert "▸wte" in view.text
        await play.press("v")
        assert "so far" in view.text
        await play.press(*["down"] * 60)
        assert "▸ln_f.bias" in view.text
        assert "↑" in view.text
        await play.press("v", "escape")
        assert "of all" in view.text
        assert "▸" not in view.text


async def test_a_click_stands_on_a_part() -> None:
    async with exploring("why") as play:
        view = view_of(play, WhyView)
        line = view.text.split("\n")[6]
        await play.pilot.click(Lines, offset=(3, 6))
        await play.pilot.pause()
        assert view.text.split("\n")[6] == f"▸{line[1:]}"


async def test_on_a_small_screen_all_that_matters_is_there() -> None:
    async with exploring("why", size=(80, 24)) as play:
        view = view_of(play, WhyView)
        rows = view.text.split("\n")
        assert len(rows) <= view.size.height
        assert rows[0].startswith(" why ")
        assert "times as likely" in rows[1]
        assert "parts sum to" in rows[-2]
        assert "s swap" in rows[-1]
