"""The sampler under the microscope: stages as columns, candidates as rows, the draw, and knobs that run no model."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from picogpt_tui import paths
from picogpt_tui.gpt2.waterfall import waterfall
from picogpt_tui.readings import Waterfall
from picogpt_tui.session.sampling import unused_knobs, used_knobs
from picogpt_tui.settings import (
    GPT_2,
    GREEDY,
    HUGGINGFACE,
    LLAMA_CPP,
    ORDERS,
    PURE,
    GenerationSettings,
    SamplingSettings,
)
from picogpt_tui.tui.views.sampler import SamplerView
from picogpt_tui.tui.views.sampler_picture import Picture, Subject, picture
from picogpt_tui.tui.views.sampler_rows import grid
from picogpt_tui.tui.widgets.knob import Knob
from picogpt_tui.tui.widgets.lines import STYLES, Row

from ...gpt2.checkpoints import toy_tokenizer
from ..playing import Play
from .exploring import exploring, looked, screen_of, view_of

A = 65  # the toy vocabulary's ids are bytes: this one's label is "A"
PROBS = {"A": 0.40, "B": 0.25, "C": 0.15, "D": 0.10, "E": 0.06, "F": 0.04}
ALL_STAGES = SamplingSettings(0.9, 0.7, 5, 0.97, 0.01, 0.99)


def fall(settings: SamplingSettings, *, taken: str = "", u: float | None = None) -> Waterfall:
    """Six letters, of which A is the likeliest, through the stages."""
    logits = np.full(256, -200, dtype=np.float32)
    for letter, prob in PROBS.items():
        logits[ord(letter)] = math.log(prob)
    return waterfall(logits, settings, [A], toy_tokenizer(), 6, ord(taken) if taken else None, u)


def drawn(
    settings: SamplingSettings,
    size: tuple[int, int] = (73, 19),
    *,
    knob: str = "temperature",
    chosen: str = "",
    taken: str = "",
    u: float | None = None,
) -> Picture:
    """The view of these letters."""
    subject = Subject(
        fall(settings, taken=taken, u=u),
        GenerationSettings(settings),
        used_knobs(settings.order),
        unused_knobs(settings.order),
        knob,
        ord(chosen) if chosen else None,
        ord(taken) if taken else None,
        chr,
    )
    return picture(subject, *size)


def text(row: Row) -> str:
    return "".join(part for part, _ in row).rstrip()


def line(shown: Picture, start: str) -> str:
    """The line that begins so."""
    return next(text(row) for row in shown.rows if text(row).strip(" ▸").startswith(start))


def words(shown: Picture, start: str) -> list[str]:
    """The words of that line, without bars."""
    return [word for word in line(shown, start).split() if word.strip("▏▎▍▌▋▊▉█")]


def styles(shown: Picture, start: str) -> set[str]:
    """The styles of that line."""
    return {style for row in shown.rows if text(row).strip(" ▸").startswith(start) for _, style in row}


# -- the stages and the candidates -------------------------------------------------------------------------------------


def test_a_stage_is_a_column_with_what_it_keeps_removes_and_leaves_open() -> None:
    """0.40 0.25 0.15 0.10 0.06 0.04: the first three of four are kept, which of 0.90 hold 0.80."""
    shown = drawn(SamplingSettings(temperature=1, top_k=4, top_p=0.85))
    assert words(shown, "stage") == ["stage", "raw", "top-k", "top-p"]
    assert words(shown, "tokens kept") == ["tokens", "kept", "256", "4", "3"]
    assert words(shown, "mass removed") == ["mass", "removed", "10.0%", "11.1%"]
    assert words(shown, "entropy, bits") == ["entropy,", "bits", "2.2", "1.8", "1.5"]


def test_a_candidate_s_row_ends_with_the_name_of_the_stage_that_cut_it() -> None:
    shown = drawn(SamplingSettings(temperature=1, top_k=4, top_p=0.85))
    assert words(shown, "1 A") == ["1", "A", "40.0%", "44.4%", "50.0%"]
    assert words(shown, "4 D") == ["4", "D", "10.0%", "11.1%", "top-p"]
    assert words(shown, "5 E") == ["5", "E", "6.0%", "top-k"]
    assert styles(shown, "5 E") == {"cut", "bar-raw"}
    assert styles(shown, "1 A") == {"text", "quiet", "bar-raw", "bar"}


def test_numbers_stand_below_one_another() -> None:
    shown = drawn(SamplingSettings(temperature=1, top_k=4, top_p=0.85))
    ends = [line(shown, start).index(number) + len(number) for start, number in (
        ("stage", "top-k"), ("tokens kept", "4"), ("mass removed", "10.0%"), ("entropy", "1.8"), ("1 A", "44.4%"),
    )]  # fmt: skip
    assert len(set(ends)) == 1


def test_at_temperature_0_all_but_one_are_cut_by_greedy() -> None:
    shown = drawn(SamplingSettings(temperature=0, top_k=0), taken="A")
    assert words(shown, "1 A") == ["1", "A", "40.0%", "100.0%"]
    assert words(shown, "2 B") == ["2", "B", "25.0%", "greedy"]
    assert line(shown, "no draw") == " no draw: greedy takes A"


@pytest.mark.parametrize(
    "n_stages, width, shown, bars",
    [
        pytest.param(3, 73, (0, 1, 2), (9, 9, 9), id="three with bars"),
        pytest.param(5, 77, (0, 1, 2, 3, 4), (3, 3, 3, 3, 3), id="five with short ones"),
        pytest.param(6, 73, (0, 1, 2, 3, 4, 5), (0, 0, 0, 0, 0, 7), id="six, and the last with a bar"),
        pytest.param(7, 73, (0, 1, 2, 3, 4, 5, 6), (0, 0, 0, 0, 0, 0, 0), id="all seven fit beside the list"),
        pytest.param(7, 41, (0, 1, 6), (0, 0, 0), id="the last is always there"),
        pytest.param(7, 20, (6,), (0,), id="alone if need be"),
        pytest.param(3, 153, (0, 1, 2), (24, 24, 24), id="bars do not grow for ever"),
    ],
)
def test_columns_share_a_width(n_stages: int, width: int, shown: tuple[int, ...], bars: tuple[int, ...]) -> None:
    place = grid(n_stages, width)
    assert (place.shown, place.bars) == (shown, bars)
    assert place.left + sum(place.columns) <= max(width, place.left + 8)


def test_a_stage_without_room_still_names_what_it_cut() -> None:
    """Three columns fit: raw, the first stage and the last."""
    shown = drawn(ALL_STAGES, (41, 19), chosen="F")
    assert words(shown, "stage") == ["stage", "raw", "repeat", "typical"]
    assert words(shown, "6 F")[-1] == "top-k"


@pytest.mark.parametrize("size", [(77, 9), (77, 13), (73, 19), (153, 26), (40, 12)], ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_it_fits_any_screen(size: tuple[int, int], order: str) -> None:
    """No line is longer than the view is wide, nor are there more lines than it is high; one candidate at least."""
    shown = drawn(replace(ALL_STAGES, order=order), size, taken="B", u=0.99)
    assert max(cell_len(text(row)) for row in shown.rows) <= size[0]
    assert len(shown.rows) <= max(size[1], 10)
    assert shown.ids
    assert {style for row in shown.rows for _, style in row} <= set(STYLES)


@pytest.mark.parametrize(
    "chosen, taken, expected",
    [
        pytest.param("", "", "AB", id="the likeliest"),
        pytest.param("F", "", "AF", id="the chosen one has the last row"),
        pytest.param("B", "F", "BF", id="and so has the one that stands there"),
        pytest.param("E", "F", "EF", id="both"),
    ],
)
def test_where_there_are_few_rows_those_that_matter_are_among_them(chosen: str, taken: str, expected: str) -> None:
    shown = drawn(SamplingSettings(), (73, 10), chosen=chosen, taken=taken)
    assert "".join(map(chr, shown.ids.values())) == expected
    assert [text(row)[0] == "▸" for row in (shown.rows[at] for at in shown.ids)] == [c == chosen for c in expected]


def test_before_the_model_has_answered_it_says_what_will_stand_there_and_the_knobs_can_be_turned() -> None:
    subject = Subject(None, GenerationSettings(), used_knobs(HUGGINGFACE), [], "temperature", None, None, chr)
    shown = picture(subject, 73, 19)
    assert "will stand here" in text(shown.rows[1])
    assert "▸temp 0.80" in line(shown, "repeat off")
    assert line(shown, "[ ] knob") == " [ ] knob   - = turn it   o order   or tab and arrows"


# -- the draw ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, taken, u, said",
    [
        pytest.param(PURE, "B", 0.5, "u = 0.5000 picks B", id="drawn"),
        pytest.param(PURE, "C", 0.5, "u = 0.5000 picks B · C stands here", id="other settings than then"),
        pytest.param(PURE, "B", None, "no draw here: B was typed, taken by hand, or greedy", id="not drawn"),
        pytest.param(PURE, "B", math.nan, "no draw here: B was typed, taken by hand, or greedy", id="nan"),
        pytest.param(PURE, "", None, "no draw yet: space lets the model say one", id="behind the end"),
        pytest.param(GREEDY, "B", 0.5, "no draw: greedy takes A · B stands here", id="greedy now"),
    ],
)
def test_it_says_what_was_drawn_or_why_nothing_was(
    settings: SamplingSettings, taken: str, u: float | None, said: str
) -> None:
    shown = drawn(settings, (102, 19), taken=taken, u=u)
    assert said in [text(row).strip(" ▼") for row in shown.rows]


@pytest.mark.parametrize("u", [0.0, 0.02, 0.2, 0.39, 0.41, 0.64, 0.66, 0.79, 0.95, 0.9999])
def test_the_mark_stands_above_the_token_that_was_drawn(u: float) -> None:
    """The letters lie on the line in the order of their ids: A to 0.40, B to 0.65, C to 0.80."""
    shown = drawn(PURE, (102, 19), taken="A", u=u)
    at = next(n for n, row in enumerate(shown.rows) if "▼" in text(row))
    below = text(shown.rows[at + 1])
    ticks = [index for index, sign in enumerate(below) if sign == "▏"]
    before = max(tick for tick in ticks if tick <= text(shown.rows[at]).index("▼"))
    assert f"picks {below[before + 1]}" in text(shown.rows[at])


def test_a_candidate_has_as_much_of_the_line_as_it_is_likely() -> None:
    """Of 100 cells A has 40, B 25, C 15, D 10, E 6 and F 4; the chosen one is drawn in its whole length."""
    shown = drawn(PURE, (102, 19), chosen="B")
    at = next(text(row) for row in shown.rows if "▏A" in text(row))
    assert at == " ▏A" + " " * 38 + "▏B" + "━" * 23 + "▏C" + " " * 13 + "▏D" + " " * 8 + "▏E" + " " * 4 + "▏F"
    assert ("▏B" + "━" * 23, "chosen") in next(row for row in shown.rows if text(row) == at)


def test_what_is_too_narrow_for_a_label_is_part_of_the_rule_unless_it_is_chosen() -> None:
    shown = drawn(PURE, (42, 19), chosen="F")
    at = next(text(row) for row in shown.rows if "▏A" in text(row))
    assert at == " ▏A              ▏B        ▏C    ▏D  ──▏━"
    shown = drawn(PURE, (42, 19))
    at = next(text(row) for row in shown.rows if "▏A" in text(row))
    assert at == " ▏A              ▏B        ▏C    ▏D  ────"


@pytest.mark.parametrize(
    "u, expected",
    [
        pytest.param(0.1, r"     ▼ u = 0.1000 picks A · F stands here", id="all behind it"),
        pytest.param(0.5, r"    u = 0.5000 picks B ▼ F stands here", id="on both sides"),
        pytest.param(0.36, r" F stands here ▼ u = 0.3600 picks A", id="the other way round"),
        pytest.param(0.9, r"u = 0.9000 picks D · F stands here ▼", id="all before it"),
    ],
)
def test_the_words_find_room_beside_the_mark(u: float, expected: str) -> None:
    shown = drawn(PURE, (47, 19), taken="F", u=u)
    assert expected in next(text(row) for row in shown.rows if "▼" in text(row))


# -- the knobs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order, knobs, rules",
    [
        (HUGGINGFACE, "repeat 0.9  temp 0.70   top-k 5    top-p 0.97 min-p 0.01 typical 0.99", "ties at k stay"),
        (LLAMA_CPP, "repeat 0.9  top-k 5    typical 0.99 top-p 0.97 min-p 0.01 temp 0.70", "exactly k stay"),
        (GPT_2, "temp 0.70   top-k 5    top-p 0.97 repeat n/a  min-p n/a  typical n/a", "what crosses p goes"),
    ],
)
def test_the_knobs_stand_in_the_order_of_their_stages(order: str, knobs: str, rules: str) -> None:
    shown = drawn(replace(ALL_STAGES, order=order), (77, 13), knob="")
    assert line(shown, knobs[:6]) == f" {knobs}"
    assert rules in line(shown, f"order {order}")


def test_a_knob_that_is_turned_moves_no_other() -> None:
    places = [drawn(replace(ALL_STAGES, top_k=k), knob="top_k").knobs for k in (0, 5, 40, 1000)]
    assert all(place == places[0] for place in places)


def test_the_mouse_finds_candidates_and_knobs() -> None:
    shown = drawn(ALL_STAGES, (40, 19))
    at = next(n for n, row in enumerate(shown.rows) if "min-p" in text(row) and n >= shown.knobs_at)
    assert at == shown.knobs_at + 1, "the knobs take two lines here"
    assert shown.knob_at(at, text(shown.rows[at]).index("min-p")) == "min_p"
    assert shown.knob_at(at, 39) is None
    assert [chr(shown.ids[n]) for n, row in enumerate(shown.rows) if n in shown.ids and "B" in text(row)] == ["B"]


# -- in the app --------------------------------------------------------------------------------------------------------


def shown_text(play: Play) -> str:
    return view_of(play, SamplerView).text


def shown_line(play: Play, start: str) -> str:
    return next(line for line in shown_text(play).split("\n") if line.strip(" ▸").startswith(start))


def sampling(play: Play) -> SamplingSettings:
    return screen_of(play).settings.sampling


def offset_of(play: Play, part: str) -> tuple[int, int]:
    """Where this stands in the view."""
    lines = shown_text(play).split("\n")
    y = max(n for n, line in enumerate(lines) if part in line)
    return lines[y].index(part), y


async def test_it_opens_with_the_draw_that_picked_the_token_under_the_cursor() -> None:
    """The same settings and the same number pick the same token."""
    async with exploring("sampler", n_tokens=3) as play:
        exploration = screen_of(play).exploration
        for _ in range(3):
            u, id = exploration.draw(), exploration.taken
            assert u is not None
            assert id is not None
            label = screen_of(play).scene.label(id)
            marked = next(line for line in shown_text(play).split("\n") if "▼" in line)
            assert marked.strip(" ▼") == f"u = {u:.4f} picks {label}"
            assert f" {label} " in shown_line(play, str(screen_of(play).candidates.selected.rank + 1))  # type: ignore[union-attr]
            await play.press("left")
            await looked(play)
        assert "no draw here" in shown_text(play), "the prompt's last token"


async def test_the_beginning_and_the_end_of_a_text_have_their_stages_too() -> None:
    async with exploring("sampler", "Once") as play:
        assert screen_of(play).exploration.cursor == 0
        assert "no draw here: Once was typed" in shown_text(play)
        await play.press("end")
        await looked(play)
        assert "no draw yet: space lets the model say one" in shown_text(play)


async def test_an_empty_text_has_a_first_token_to_be_said() -> None:
    async with exploring("sampler", "") as play:
        assert shown_line(play, "tokens kept").split()[2:] == ["4,096", "4,096", "40"]
        assert "no draw yet" in shown_text(play)


async def test_keys_turn_the_knobs_from_the_text_and_no_model_runs() -> None:
    async with exploring("sampler", n_tokens=3) as play:
        n_computed = screen_of(play).scene.instruments.n_computed
        before = shown_line(play, "entropy").split()
        assert "▸temp 0.80" in shown_text(play)
        await play.press("right_square_bracket", "minus", "minus")
        assert sampling(play) == SamplingSettings(top_k=20)
        assert "▸top-k 20" in shown_text(play)
        assert shown_line(play, "tokens kept").split()[-1] == "20"
        assert float(shown_line(play, "entropy").split()[-1]) < float(before[-1])
        await play.press("left_square_bracket", "equals_sign", "plus")
        assert sampling(play) == SamplingSettings(temperature=0.9, top_k=20)
        assert screen_of(play).scene.instruments.n_computed == n_computed


async def test_the_ends_of_the_knobs_are_joined() -> None:
    async with exploring("sampler") as play:
        for name in ("repeat", "typical", "min-p", "top-p", "top-k", "temp"):
            await play.press("left_square_bracket")
            assert f"▸{name}" in shown_text(play)


async def test_o_is_the_next_order_and_a_knob_that_it_lacks_lets_the_temperature_be_chosen() -> None:
    async with exploring("sampler") as play:
        await play.press("left_square_bracket", "equals_sign")
        assert "▸repeat 1.05" in shown_text(play)
        for order in (LLAMA_CPP, GPT_2):
            await play.press("o")
            assert sampling(play).order == order
            assert f" order {order} " in shown_text(play)
        assert "▸temp 0.80" in shown_text(play)
        assert " repeat n/a" in shown_text(play)
        await play.press("o")
        assert "▸repeat 1.05" in shown_text(play)
        assert sampling(play) == SamplingSettings(repetition_penalty=1.05)


async def test_inside_the_view_the_arrows_are_those_of_the_knobs() -> None:
    async with exploring("sampler", n_tokens=3) as play:
        cursor = screen_of(play).exploration.cursor
        await play.press("tab", "down", "right", "up", "left", "left")
        assert sampling(play) == SamplingSettings(temperature=0.7, top_k=50)
        await play.press("escape", "left")
        await looked(play)
        assert screen_of(play).exploration.cursor == cursor - 1, "and in the text they walk again"


async def test_without_the_view_its_keys_do_nothing() -> None:
    async with exploring("sampler") as play:
        await play.press("0", "minus", "right_square_bracket", "o")
        assert sampling(play) == SamplingSettings()


async def test_a_knob_makes_the_same_number_pick_another_token() -> None:
    """Greedy draws nothing; with the knob back, the draw is there again."""
    async with exploring("sampler", n_tokens=3) as play:
        drawn = next(line for line in shown_text(play).split("\n") if "▼" in line)
        await play.press(*["minus"] * 20)
        assert sampling(play).temperature == 0
        assert "no draw: greedy takes" in shown_text(play)
        assert "greedy" in shown_line(play, "2 ")
        await play.press(*["equals_sign"] * 16)
        assert drawn in shown_text(play)


async def test_the_chosen_candidate_is_marked_however_unlikely() -> None:
    async with exploring("sampler", size=(80, 24)) as play:
        n_rows = sum(line.strip(" ▸")[:1].isdigit() for line in shown_text(play).split("\n"))
        await play.press(*["down"] * n_rows)
        chosen = screen_of(play).candidates.selected
        assert chosen is not None
        marked = next(line for line in shown_text(play).split("\n") if line.startswith("▸ "))
        assert marked.split()[1:3] == [str(chosen.rank + 1), chosen.label]


async def test_the_mouse_chooses_a_candidate_and_takes_it_with_a_second_click() -> None:
    async with exploring("sampler") as play:
        screen = screen_of(play)
        second = screen.candidates.rows[1]
        lines = view_of(play, SamplerView).lines
        await play.pilot.click(lines, offset=offset_of(play, f" 2 {second.label}"))
        await play.until(lambda: screen.scene.chosen == second.id)
        await play.pilot.click(lines, offset=offset_of(play, f" 2 {second.label}"))
        await play.until(lambda: screen.exploration.ids()[-1] == second.id, "it stands there")


async def test_the_mouse_chooses_a_knob_and_the_next_order() -> None:
    async with exploring("sampler") as play:
        lines = view_of(play, SamplerView).lines
        await play.pilot.click(lines, offset=offset_of(play, "top-p off"))
        await play.until(lambda: "▸top-p off" in shown_text(play))
        await play.pilot.click(lines, offset=offset_of(play, "order huggingface"))
        await play.until(lambda: sampling(play).order == LLAMA_CPP)


async def test_back_at_the_prompt_the_knobs_stand_as_they_were_left() -> None:
    async with exploring("sampler") as play:
        await play.press("minus", "o", "escape")
        await play.ready()
        knobs = {knob.spec.label: knob.render_line(0).text for knob in play.stage.sampling.query(Knob)}
        assert "0.75" in knobs["temperature"]
        assert LLAMA_CPP in knobs["order"]
        await play.press("ctrl+t", "right")
        assert play.main.settings.sampling == SamplingSettings(order=LLAMA_CPP)
        saved = json.loads(paths.settings_file().read_text("utf-8"))
        assert saved["generation"]["sampling"]["order"] == LLAMA_CPP


async def test_its_numbers_and_its_table_say_the_same() -> None:
    async with exploring("sampler", n_tokens=3) as play:
        await play.press("right_square_bracket", *["minus"] * 7)
        view, look = view_of(play, SamplerView), screen_of(play).scene.look
        assert look is not None
        numbers = json.loads(json.dumps(view.numbers(), allow_nan=False))
        assert numbers["sampling"]["top_k"] == 3
        assert [stage["name"] for stage in numbers["stages"]] == ["raw", "temperature", "top_k"]
        assert numbers["stages"][-1]["n_kept"] == 3
        assert (numbers["u"], numbers["drawn"]) == (look.waterfall.u, look.waterfall.drawn)
        heading, kept, _, entropy, *rows = view.table()
        assert heading == ["rank", "id", "token", "bytes", "raw", "temperature", "top_k", "cut by", "from", "to"]
        assert kept[4:7] == [4096, 4096, 3]
        assert entropy[4] == pytest.approx(numbers["stages"][0]["entropy"])
        assert all(len(row) == len(heading) for row in rows)
        for row, candidate in zip(rows, numbers["candidates"], strict=True):
            assert row[:2] == [candidate["rank"], candidate["id"]]
            assert row[4:7] == candidate["probs"]
            assert row[7] == (candidate["cut_by"] or "")
        assert rows[3][7] == "top_k"


async def test_before_the_model_has_answered_there_is_nothing_to_export() -> None:
    async with exploring("sampler") as play:
        view = view_of(play, SamplerView)
        screen_of(play).scene.look = None
        view.look_changed()
        assert "will stand here" in view.text
        assert (view.numbers(), view.table()) == (None, [])


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (40, 10)], ids=str)
async def test_it_fills_the_view_and_no_more(size: tuple[int, int]) -> None:
    async with exploring("sampler", n_tokens=2, size=size) as play:
        lines = view_of(play, SamplerView).lines
        width, height = lines.scrollable_content_region.size
        rows = lines.text.split("\n")
        assert max(map(cell_len, rows)) <= width
        assert len(rows) == max(height, 10)
        await play.pilot.resize_terminal(100, 30)
        await play.until(lambda: len(lines.text.split("\n")) == lines.size.height)
