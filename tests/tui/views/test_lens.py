"""The lens in the explorer: layers by positions, the answer on top, and each row's candidates in the list."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Candidate, Distribution, Progress
from picogpt_tui.readings import LensCell, LensGrid
from picogpt_tui.session import probes
from picogpt_tui.session.instruments import Instruments, Place, ShouldStop
from picogpt_tui.tui.views.lens import LensView
from picogpt_tui.tui.views.lens_data import lens_numbers, lens_table
from picogpt_tui.tui.views.lens_measures import MEASURES, UNKNOWN, Measure
from picogpt_tui.tui.views.lens_memory import LensMemory, in_part
from picogpt_tui.tui.views.lens_rows import Column, Picture, column_at, lens_rows, n_columns, row_at
from picogpt_tui.tui.views.window import first_in_view
from picogpt_tui.tui.widgets.lines import STYLES, Lines, Row
from picogpt_tui.tui.widgets.shading_legend import DIGIT_MARKS, SHADE_MARKS

from ..playing import Play
from .exploring import exploring, looked, screen_of, view_of

NAMES = ("embed", "h.0.attn", "h.0.mlp", "h.1.attn", "h.1.mlp")
WORDS = ("␣a", "␣the", "⏎", "␣respectfully", "␣king")
PROBABILITY, ENTROPY, KL, RANK = MEASURES


def cell(**fields: object) -> LensCell:
    """A cell of which a test names what it is about."""
    usual = {"id": 3, "label": "␣a", "prob": 0.25, "entropy": 1.0, "kl": 0.5, "rank": 0, "watched_prob": 0.25}
    return LensCell(**{**usual, **fields})  # type: ignore[arg-type]  # each has the type of its field


def column(cursor: int, *, label: str = "␣king", watched: int = 4) -> Column:
    """The rows say the five words one after the other, ever more surely; the last is the watched one."""
    cells = [
        cell(id=id, label=word, prob=(id + 1) / 5, rank=9 - 2 * id - (id == 4), watched_prob=id / 5)
        for id, word in enumerate(WORDS)
    ]
    return Column(cursor, label, watched, tuple(cells))


def picture(n: int = 4, **fields: object) -> Picture:
    """So many columns, with the cursor in the second."""
    usual = {"names": NAMES, "columns": tuple(column(at) for at in range(n)), "cursor": 1, "watched": "␣king"}
    return Picture(**{**usual, "why": "came next", "n_vocab": 100, **fields})  # type: ignore[arg-type]  # likewise


def text(row: Row) -> str:
    return "".join(part for part, _ in row).rstrip()


def lines(shown: Picture, width: int = 73, height: int = 19) -> list[str]:
    return [text(row) for row in lens_rows(shown, width, height)]


def styles(rows: Sequence[Row]) -> set[str]:
    return {style for row in rows for _, style in row}


# -- the grid ----------------------------------------------------------------------------------------------------------


def test_the_answer_stands_on_top_and_the_embedding_below() -> None:
    heading, *rows = lines(picture(2))
    assert heading.split() == ["p", "␣king", "▾␣king"]
    assert [row.split()[0] for row in rows[:5]] == ["h.1.mlp", "h.1.attn", "h.0.mlp", "h.0.attn", "embed"]


def test_a_row_begins_with_the_number_of_the_column_at_the_cursor() -> None:
    columns = column(0), replace(column(1), cells=tuple(cell(prob=0.01 * at) for at in range(5)))
    rows = lines(picture(columns=columns))
    assert [row.split()[1] for row in rows[1:6]] == ["4.0%", "3.0%", "2.0%", "1.0%", "0"]
    assert {row[10:16] for row in rows[1:6]} == {"  4.0%", "  3.0%", "  2.0%", "  1.0%", "     0"}


def test_a_row_that_says_the_watched_token_is_ticked() -> None:
    rows = lines(picture(1, cursor=0))
    assert [("✓" in row) for row in rows[1:6]] == [True, False, False, False, False]
    assert "✓␣king" in rows[1]


def test_every_column_has_exactly_its_cells_whatever_stands_in_them() -> None:
    """␣respectfully is cut, and a token of wide characters takes no more than its cells."""
    wide = replace(column(2), cells=tuple(cell(label="日本語日本語") for _ in NAMES))
    shown = picture(columns=(column(0), column(1), wide, column(3)))
    rows = lens_rows(shown, 73, 19)[:6]
    widths = [[cell_len(part) for part, _ in row] for row in rows]
    assert len(set(map(tuple, (row[-4:] for row in widths)))) == 1
    assert sum(widths[0]) <= 73
    assert "␣respe…" in text(rows[2])


@pytest.mark.parametrize("marks", ["", SHADE_MARKS, DIGIT_MARKS])
@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.title)
@pytest.mark.parametrize("size", [(77, 8), (77, 9), (73, 19), (153, 26), (68, 5)], ids=str)
def test_it_fits_any_screen(size: tuple[int, int], measure: Measure, marks: str) -> None:
    n = n_columns(1 + len("h.1.attn"), size[0])
    shown = picture(n, measure=measure, marks=marks, chosen=2, candidate="␣prince")
    rows = lens_rows(shown, *size)
    assert len(rows) <= size[1]
    assert max(sum(cell_len(part) for part, _ in row) for row in rows) <= size[0]
    assert styles(rows) <= set(STYLES)


@pytest.mark.parametrize("width, n", [(77, 7), (73, 7), (153, 13), (40, 2), (10, 1), (0, 1)])
def test_as_many_columns_as_fit_and_one_at_least(width: int, n: int) -> None:
    assert n_columns(1 + len("h.1.attn"), width) == n


def test_columns_that_nobody_has_told_are_left_open() -> None:
    rows = lines(picture(columns=(column(0), column(1), Column(2, "␣who"))))
    assert rows[0].split()[-1] == "␣who"
    assert rows[1].endswith("·")


def test_behind_the_last_token_the_heading_says_that_something_is_to_come() -> None:
    assert lines(picture(columns=(column(0), column(1), column(2, label=""))))[0].endswith("⟨next⟩")


def test_without_an_answer_one_line_says_what_will_stand_there() -> None:
    (row,) = lens_rows(picture(columns=(Column(0, "␣a"), Column(1, "␣b"))), 73, 19)
    assert text(row).startswith("What each layer would say")
    assert styles([row]) == {"quiet"}


def test_the_rows_after_attention_can_be_left_out() -> None:
    rows = lines(picture(has_attention=False))
    assert [row.split()[0] for row in rows[1:4]] == ["h.1.mlp", "h.0.mlp", "embed"]
    assert " ▅▅█ #1" in "".join(rows), "and the curves leave them out, too"


def test_the_chosen_row_is_in_view_and_signs_tell_where_there_are_more() -> None:
    names = ("embed", *(f"h.{layer}.{part}" for layer in range(12) for part in ("attn", "mlp")))
    many = replace(column(1), cells=tuple(cell() for _ in names))
    shown = picture(names=names, columns=(many,), chosen=12)
    rows = lines(shown, 77, 9)
    assert [row.split()[0] for row in rows[1:7]][-1] == "▸h.5.mlp"
    assert rows[1].startswith("↑")
    top = lines(replace(shown, chosen=24), 77, 9)
    assert top[1].startswith("▸h.11.mlp")
    assert top[6].startswith("↓")
    assert lines(replace(shown, chosen=0), 77, 9)[6].startswith("▸embed")


def test_a_click_finds_its_row_and_its_column() -> None:
    shown = picture()
    assert row_at(shown, 0, 73, 19) is None
    assert [row_at(shown, line, 73, 19) for line in (1, 5)] == [4, 0]
    assert row_at(shown, 6, 73, 19) is None
    assert column_at(shown, 5, 73) is None
    found = [column_at(shown, x, 73) for x in (17, 24, 25)]
    assert [one.cursor if one else None for one in found] == [0, 0, 1]


# -- shades ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "measure, told, style, digit, written",
    [
        pytest.param(PROBABILITY, {"prob": 0.0}, "cool-0", "0", "0", id="never"),
        pytest.param(PROBABILITY, {"prob": 0.199}, "cool-2", "1", "19.9%", id="a fifth"),
        pytest.param(PROBABILITY, {"prob": 1.0}, "cool-8", "9", "100.0%", id="sure"),
        pytest.param(ENTROPY, {"entropy": 0.0}, "heat-0", "0", "0.0", id="no doubt"),
        pytest.param(ENTROPY, {"entropy": 3 * math.log(2) + 1e-6}, "heat-2", "3", "3.0", id="three bits"),
        pytest.param(ENTROPY, {"entropy": 10.8}, "heat-4", "9", "15.6", id="all of GPT-2's vocabulary"),
        pytest.param(KL, {"kl": 0.0}, "heat-0", "0", "0.0", id="the answer itself"),
        pytest.param(KL, {"kl": 5.0}, "heat-4", "7", "7.2", id="far from it"),
        pytest.param(RANK, {"rank": 0}, "rank-0", "0", "#1", id="the first"),
        pytest.param(RANK, {"rank": 10}, "rank-1", "1", "#11", id="not among ten"),
        pytest.param(RANK, {"rank": 50256}, "rank-3", "4", "#50257", id="the last of GPT-2's"),
    ],
)
def test_a_number_is_a_shade_and_a_digit(
    measure: Measure, told: dict[str, object], style: str, digit: str, written: str
) -> None:
    shown = cell(**told)
    level = measure.level(shown)
    assert level is not None
    assert (measure.style(level), measure.sign(shown), measure.text(shown)) == (style, digit, written.rjust(6))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.title)
def test_what_is_not_a_number_has_no_shade(measure: Measure) -> None:
    unknown = LensCell(1, "␣a", math.nan, math.nan, math.nan, UNKNOWN, math.nan)
    assert measure.level(unknown) is None
    assert (measure.sign(unknown), measure.text(unknown)) == (" ", " " * 6)
    columns = (replace(column(1), cells=(unknown,) * 5),)
    assert styles(lens_rows(picture(columns=columns, measure=measure), 73, 19)[1:3]) == {"quiet", "text"}


@pytest.mark.parametrize(
    "marks, sign",
    [pytest.param(SHADE_MARKS, "█", id="shades"), pytest.param(DIGIT_MARKS, "9", id="digits")],
)
def test_without_colour_the_shades_are_characters(marks: str, sign: str) -> None:
    rows = lines(picture(1, cursor=0, marks=marks), 40)
    assert rows[1].endswith(sign)
    assert ("█ ≥80" in "".join(rows)) == (marks == SHADE_MARKS)


def test_the_unit_is_named_whatever_is_measured() -> None:
    for measure, unit in zip(MEASURES, ("%", "bits", "bits", "top 10"), strict=True):
        rows = lines(picture(measure=measure))
        assert measure.title in rows[-1]
        assert unit in rows[-2]


# -- the watched token -------------------------------------------------------------------------------------------------


def test_the_watched_token_s_rank_and_probability_are_curves_from_the_embedding_to_the_answer() -> None:
    rows = lines(picture())
    assert rows[7].split() == ["␣king", "came", "next", "rank", "#10", "▅▅▅▆█", "#1"]
    assert rows[8].split() == ["p", "0", "▁▃▅▆█", "80.0%"]


def test_on_a_short_screen_they_are_one_line() -> None:
    rows = lines(picture(), 77, 9)
    assert rows[-2].split() == ["␣king", "came", "next", "rank", "#10", "▅▅▅▆█", "#1", "p", "0", "→", "80.0%"]


def test_where_one_stands_is_marked_in_the_curves_and_told() -> None:
    rows = lens_rows(picture(chosen=2), 73, 19)
    assert ("▅", "chosen") in rows[7]
    assert text(rows[7]).endswith("here #6")
    assert text(rows[8]).endswith("here 40.0%")


def test_while_a_rank_is_not_known_there_is_no_curve() -> None:
    part = replace(column(1), cells=(*column(1).cells[:-1], cell(rank=UNKNOWN, watched_prob=math.nan)))
    rows = lines(picture(columns=(part,)))
    assert rows[7].split() == ["␣king", "came", "next", "rank"]


# -- what is remembered ------------------------------------------------------------------------------------------------


def test_a_column_is_known_by_its_token_and_by_what_is_watched() -> None:
    memory = LensMemory()
    cells = column(1).cells
    assert memory.get(7, 4) is None
    memory.put(7, 4, cells)
    assert memory.get(7, 4) == (4, cells)
    assert memory.get(7, 5) is None
    assert memory.get(7, None) == (4, cells), "the answer's first choice is 4"


def test_behind_the_end_another_watched_token_does_not_stand_for_the_first_choice() -> None:
    memory = LensMemory()
    memory.put(7, 2, column(1).cells)
    assert memory.get(7, None) is None


def test_the_oldest_columns_are_forgotten() -> None:
    memory = LensMemory()
    for node in range(600):
        memory.put(node, 4, column(1).cells)
    assert memory.get(0, 4) is None
    assert memory.get(599, 4) is not None


def test_a_row_s_candidates_are_a_cell_in_part() -> None:
    first = Candidate(0, 3, " a", b" a", "␣a", 2.0, math.log(0.6), 0.6, 0.6, None)
    second = replace(first, rank=1, id=4, label="␣king", prob=0.3)
    row = Distribution((first, second), 1.2, 0.1, 8, 10)
    part = in_part(row, 4)
    assert math.isnan(part.kl)
    assert replace(part, kl=0.0) == LensCell(3, "␣a", 0.6, 1.2, 0.0, 1, 0.3)
    assert in_part(row, 5).rank == UNKNOWN


@pytest.mark.parametrize(
    "first, at, n_visible, n, margin, expected",
    [
        pytest.param(0, 3, 5, 20, 1, 0, id="in view, it stays"),
        pytest.param(0, 4, 5, 20, 1, 1, id="at the edge, one further"),
        pytest.param(6, 6, 5, 20, 1, 5, id="the other edge"),
        pytest.param(0, 19, 5, 20, 1, 15, id="at the end there is no margin"),
        pytest.param(9, 0, 5, 20, 1, 0, id="nor at the beginning"),
        pytest.param(3, 1, 5, 2, 1, 0, id="all fit"),
        pytest.param(0, 7, 1, 20, 1, 7, id="one at a time"),
        pytest.param(8, 9, 4, 20, 0, 8, id="no margin"),
    ],
)
def test_as_little_as_possible_is_scrolled(
    first: int, at: int, n_visible: int, n: int, margin: int, expected: int
) -> None:
    assert first_in_view(first, at, n_visible, n, margin) == expected


# -- as data -----------------------------------------------------------------------------------------------------------


def test_the_numbers_are_json_and_nothing_is_made_up() -> None:
    part = replace(column(1), cells=(cell(kl=math.nan, rank=UNKNOWN, watched_prob=math.nan),) * 5)
    numbers = lens_numbers(NAMES, [column(0), part, Column(2, "␣who")], lambda number: bytes([number]))
    told = json.loads(json.dumps(numbers, allow_nan=False))
    assert told["rows"] == list(NAMES)
    assert [one["cursor"] for one in told["columns"]] == [0, 1]
    first = told["columns"][0]["cells"][-1]
    assert (first["id"], first["label"], first["bytes"], first["prob"], first["rank"]) == (4, "␣king", "04", 1.0, 0)
    assert (told["columns"][1]["cells"][0]["kl"], told["columns"][1]["cells"][0]["rank"]) == (None, None)


def test_the_table_has_a_line_for_each_cell() -> None:
    heading, *rows = lens_table(NAMES, [column(0), Column(1, "␣who")])
    assert len(rows) == 5
    assert all(len(row) == len(heading) for row in rows)
    assert dict(zip(heading, rows[-1], strict=True))["row"] == "h.1.mlp"


def test_before_an_answer_there_is_no_data() -> None:
    assert lens_numbers((), [Column(0, "␣a")], bytes) is None
    assert lens_table((), [Column(0, "␣a")]) == []


# -- in the app --------------------------------------------------------------------------------------------------------


def row_of(view: LensView, name: str) -> str:
    """The line of a row of the lens."""
    return next(line for line in view.text.split("\n") if line.strip(" ▸↑↓").startswith(name))


def columns_of(view: LensView) -> dict[int, list[dict[str, object]]]:
    """The cells that are shown, by cursor."""
    told = view.numbers()
    assert isinstance(told, dict)
    return {one["cursor"]: one["cells"] for one in told["columns"]}


async def test_the_top_row_is_the_model_s_own_answer() -> None:
    async with exploring("lens", n_tokens=5) as play:
        view, screen = view_of(play, LensView), screen_of(play)
        for key in ("left", "left", "end", "home"):
            await play.press(key)
            await looked(play)
            assert screen.scene.look is not None
            answer = screen.scene.look.distribution.candidates[0]
            top = columns_of(view)[screen.exploration.cursor][-1]
            assert top["id"] == answer.id
            assert top["prob"] == pytest.approx(answer.prob, abs=1e-5)
            assert top["kl"] == pytest.approx(0, abs=1e-6)
            assert answer.label[:6] in row_of(view, "h.5.mlp")


async def test_with_the_focus_in_it_the_list_shows_the_candidates_of_the_row() -> None:
    async with exploring("lens") as play:
        view, screen = view_of(play, LensView), screen_of(play)
        await play.press("tab")
        assert screen.candidates.text.startswith("h.5.mlp")
        assert "▸h.5.mlp" in view.text
        await play.press("down", "down")
        assert screen.candidates.text.startswith("h.4.mlp")
        first = columns_of(view)[screen.exploration.cursor][-3]
        assert f"1 {first['label']}" in screen.candidates.text
        await play.press(*["up"] * 4)
        assert screen.candidates.text.startswith("h.5.mlp")
        await play.press(*["down"] * 30)
        assert screen.candidates.text.startswith("embed")
        await play.press("escape")
        assert screen.candidates.text.startswith("NEXT TOKEN")
        assert "▸" not in view.text


async def test_moving_the_cursor_takes_the_row_along() -> None:
    async with exploring("lens") as play:
        screen = screen_of(play)
        await play.press("tab", "down")
        await play.press("left")
        await looked(play)
        assert screen.exploration.cursor == 5
        assert screen.candidates.text.startswith("h.5.attn")
        assert "▾␣was" in screen_of(play).view.text  # type: ignore[union-attr]  # it is open


async def test_moving_by_one_asks_only_for_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[int]] = []
    ask = probes.lens_grid

    def ask_and_tell(
        instruments: Instruments, place: Place, cursors: Sequence[int], watched: int | None, should_stop: ShouldStop
    ) -> Iterator[Progress | LensGrid]:
        asked.append(cursors)
        return ask(instruments, place, cursors, watched, should_stop)

    monkeypatch.setattr(probes, "lens_grid", ask_and_tell)
    async with exploring("lens", n_tokens=12) as play:
        known = {cursor for cursors in asked for cursor in cursors}
        assert max(known) == 19
        asked.clear()
        await play.press("left")
        await looked(play)
        assert asked == []
        for _ in range(6):
            await play.press("left")
            await looked(play)
        new = [cursor for cursors in asked for cursor in cursors]
        assert new
        assert not known & set(new)
        assert len(set(new)) == len(new)


async def test_k_shows_the_next_number() -> None:
    async with exploring("lens") as play:
        view = view_of(play, LensView)
        await play.press("tab")
        seen = []
        for _ in range(4):
            seen.append(view.text.split("\n")[0].split()[0])
            await play.press("k")
        assert seen == ["p", "bits", "KL", "rank"]
        assert view.text.split("\n")[0].split()[0] == "p"


async def test_a_leaves_out_the_rows_after_attention_and_stands_on_what_remains() -> None:
    async with exploring("lens") as play:
        view, screen = view_of(play, LensView), screen_of(play)
        await play.press("tab", "down")
        await play.press("a")
        assert ".attn" not in view.text
        assert screen.candidates.text.startswith("h.5.mlp")
        await play.press("down")
        assert screen.candidates.text.startswith("h.4.mlp")
        await play.press("a")
        assert "h.4.attn" in view.text


async def test_w_watches_the_chosen_candidate_in_every_column_until_it_is_let_go() -> None:
    async with exploring("lens") as play:
        view, screen = view_of(play, LensView), screen_of(play)
        assert "came next" in view.text
        await play.press("down", "down")
        chosen = screen.scene.chosen
        assert chosen is not None
        assert chosen != screen.exploration.taken
        await play.press("tab", "w")
        await looked(play)
        assert f"{screen.scene.label(chosen)} " in view.text
        assert "pinned" in view.text
        told = view.numbers()
        assert isinstance(told, dict)
        assert {one["watched"] for one in told["columns"]} == {chosen}
        await play.press("left")
        await looked(play)
        assert "pinned" in view.text
        await play.press("w")
        await looked(play)
        assert "came next" in view.text


async def test_behind_the_last_token_the_model_s_own_choice_is_watched() -> None:
    async with exploring("lens") as play:
        await play.press("end")
        await looked(play)
        view = view_of(play, LensView)
        assert "▾⟨next⟩" in view.text
        assert "its choice" in view.text
        assert row_of(view, screen_of(play).scene.label(choice_of(play))).endswith("█ #1")


def choice_of(play: Play) -> int:
    """The likeliest token at the cursor."""
    look = screen_of(play).scene.look
    assert look is not None
    return look.distribution.candidates[0].id


@pytest.mark.parametrize("text", ["", "a", "Once upon a time"])
async def test_at_the_beginning_there_is_only_end_of_text_before_it(text: str) -> None:
    async with exploring("lens", text) as play:
        await play.press("home")
        await looked(play)
        view = view_of(play, LensView)
        assert columns_of(view)[0][-1]["id"] == choice_of(play)
        assert row_of(view, "embed")


async def test_a_click_on_a_cell_goes_there() -> None:
    async with exploring("lens") as play:
        view, screen = view_of(play, LensView), screen_of(play)
        line = view.text.split("\n").index(row_of(view, "h.3.mlp"))
        await play.pilot.click(Lines, offset=(20, line))
        await looked(play)
        assert screen.exploration.cursor == 1
        assert "▸h.3.mlp" in view.text
        assert screen.candidates.text.startswith("h.3.mlp")


async def test_a_knob_shapes_the_row_s_candidates_too() -> None:
    async with exploring("lens") as play:
        screen = screen_of(play)
        await play.press("tab", "down")
        sampling = replace(screen.settings.sampling, top_k=3)
        screen.set_settings(replace(screen.settings, sampling=sampling))
        await looked(play)
        await play.until(lambda: screen.candidates.text.startswith("h.5.attn"), "the row's candidates")
        assert screen.candidates.text.count("top-k") > 5


async def test_other_widths_have_other_columns() -> None:
    async with exploring("lens", n_tokens=20, size=(80, 24)) as play:
        view = view_of(play, LensView)
        n = len(columns_of(view))
        assert n == 7
        assert len(view.text.split("\n")) <= view.size.height
        assert row_of(view, "h.5.mlp")
        await play.pilot.resize_terminal(200, 50)
        await play.until(lambda: len(columns_of(view)) == 13, "more columns")


async def test_without_colour_each_cell_ends_with_its_shade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with exploring("lens") as play:
        view = view_of(play, LensView)
        row = row_of(view, "h.5.mlp")
        assert sum(row.count(sign) for sign in "·░▒▓█") >= len(columns_of(view))
        await play.press("m")
        assert sum(row_of(view, "h.5.mlp").count(sign) for sign in "·░▒▓█") == 0
