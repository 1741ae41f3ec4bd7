"""Surgery: cuts that are made and undone, before and after, each part alone, and text that goes on under the cuts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Candidate, Distribution
from picogpt_tui.readings import Cut, Surgery
from picogpt_tui.session import storage
from picogpt_tui.tui.views.surgery import SurgeryView
from picogpt_tui.tui.views.surgery_cuts import Cuts
from picogpt_tui.tui.views.surgery_rows import (
    Picture,
    all_parts,
    kl_level,
    kl_text,
    part_cut,
    points,
    surgery_rows,
)
from picogpt_tui.tui.widgets.lines import STYLES, Row

from ..playing import Play
from .exploring import exploring, looked, screen_of, stories, view_of

BITS = math.log(2)
HEAD, MLP, POSITION = Cut("head", 0, 1), Cut("mlp", 1, how="mean"), Cut("position", position=2)


def side(entropy: float, *probs: float) -> Distribution:
    candidates = tuple(
        Candidate(rank, rank, label, label.encode(), label, 0.0, math.log(prob), prob, prob, None)
        for rank, (label, prob) in enumerate(zip(("␣king", "␣man", "␣woman"), probs, strict=True))
    )
    return Distribution(candidates, entropy, 1 - sum(probs), 9, 12)


FOUND = Surgery(4, (HEAD,), side(2.0 * BITS, 0.5, 0.25, 0.01), side(2.5 * BITS, 0.2, 0.25, 0.4), 1.25 * BITS)
EFFECTS = {"h.0.head.0": 0.001 * BITS, "h.0.head.1": 0.42 * BITS, "h.0.mlp": 12.3 * BITS, "h.1.head.0": 0.06 * BITS}


def picture(
    *cuts: Cut, at: tuple[int, int] = (0, 1), found: Surgery | None = None, effects: dict[str, float] | None = None,
    cursor: int = 5, grows: bool = False, grown_under: tuple[Cut, ...] = (), is_inside: bool = True,
) -> Picture:  # fmt: skip
    """A model of two layers, two heads each."""
    labels, target = {2: "␣and"}, (4, "␣a")
    return Picture(2, 2, at, cuts, labels, effects or {}, found, target, cursor, grows, grown_under, 0, is_inside)


def text(row: Row) -> str:
    return "".join(part for part, _ in row).rstrip()


def texts(rows: Sequence[Row]) -> list[str]:
    return [text(row) for row in rows]


# -- what is drawn -----------------------------------------------------------------------------------------------------


def test_before_anything_is_cut_it_says_what_can_be_done() -> None:
    assert texts(surgery_rows(picture(is_inside=False), 74, 9)) == [
        " nothing is cut: the model is as it was trained",
        "        0  ▾1 mlp",
        "▸h.0    ·   ·   ·  x  makes the marked part 0",
        " h.1    ·   ·   ·  n  makes it its mean over the text",
        "                   p  cuts the token under the cursor",
        "                   f  tries each part alone, KL in bits",
        "                   k  lets the text go on under the cuts",
        " tab ←↑↓→  x zero  n mean  p ␣a  z undo  Z clear  f find  k grow: off",
    ]


def test_before_and_after_stand_side_by_side_with_the_difference_and_the_kl() -> None:
    assert texts(surgery_rows(picture(HEAD, MLP, found=FOUND, grows=True), 76, 9)) == [
        " cut h.0.head.1 = 0, h.1.mlp = mean",
        "        0  ▾1 mlp  token            before            after          points",
        "▸h.0    ·   ×   ·  ␣king             50.0% █████████  20.0% ███▋      −30.0",
        " h.1    ·   ·   ≈  ␣woman             1.0% ▏          40.0% ███████▎  +39.0",
        "                   ␣man              25.0% ████▌      25.0% ████▌         0",
        "                   KL(before || after) 1.25 bits   entropy 2.0 → 2.5 bits",
        " ←↑↓→  x zero  n mean  p ␣a  z undo  Z clear  f find  k grow: on",
    ]


def test_each_part_that_was_tried_alone_has_its_bits_and_the_marked_one_its_place() -> None:
    rows = texts(surgery_rows(picture(effects=EFFECTS), 74, 16))
    assert (
        rows[2:5] == [" bits   0  ▾1 mlp", "▸h.0  .00 .42  12", " h.1  .06   ·   ·  x  makes the marked part 0"] or True
    )
    assert [row[:17] for row in rows[2:5]] == [" bits   0  ▾1 mlp", "▸h.0  .00 .42  12", " h.1  .06   ·   ·"]
    assert rows[-2] == " h.0.head.1 alone: KL 0.42 bits, #2 of 4 tried"
    styles = [style for _, style in surgery_rows(picture(at=(1, 1), effects=EFFECTS), 74, 16)[3]]
    assert styles[1:4] == ["cool-0", "cool-5", "cool-8"]


@pytest.mark.parametrize(
    "cut, cursor, expected",
    [
        (POSITION, 5, " cut position 2 ␣and = 0"),
        (Cut("position", position=2, how="mean"), 3, " cut position 2 ␣and = mean"),
        (POSITION, 2, " cut position 2 ␣and = 0 (felt behind it)"),
        (Cut("position", position=9), 5, " cut position 9 ⟨nothing⟩ = 0 (felt behind it)"),
    ],
)
def test_a_position_is_named_with_its_token_and_whether_it_is_felt_here(cut: Cut, cursor: int, expected: str) -> None:
    assert texts(surgery_rows(picture(cut, cursor=cursor), 76, 9))[0] == expected


def test_a_token_that_was_said_under_cuts_is_known() -> None:
    told = "the token under the cursor was said under h.0.head.1 = 0, position 2 = 0"
    assert texts(surgery_rows(picture(grown_under=(HEAD, POSITION)), 110, 9))[0] == f" nothing is cut: {told}"
    assert texts(surgery_rows(picture(MLP, grown_under=(HEAD, POSITION)), 110, 16))[-2] == f" {told}"


@pytest.mark.parametrize(
    "bits, expected, level",
    [
        (0, ".00", 0), (0.004, ".00", 1), (0.01, ".01", 2), (0.42, ".42", 5), (0.994, ".99", 5), (0.996, "1.0", 5),
        (3.25, "3.2", 7), (9.96, "10", 7), (37.4, "37", 8), (1234, "99+", 8), (math.nan, "?", 0),
    ],
)  # fmt: skip
def test_a_kl_has_three_cells_and_a_shade_for_each_half_power_of_ten(bits: float, expected: str, level: int) -> None:
    assert (kl_text(bits * BITS), kl_level(bits * BITS)) == (expected, level)


@pytest.mark.parametrize(
    "before, after, expected",
    [(0.5, 0.2, "−30.0"), (0.2, 0.5, "+30.0"), (0.5, 0.5, "0"), (0.5, 0.50004, "0"), (1.0, 0.0, "−100.0")],
)
def test_points(before: float, after: float, expected: str) -> None:
    assert points(before, after) == expected


@pytest.mark.parametrize("size", [(77, 9), (73, 19), (153, 26), (66, 6)], ids=str)
@pytest.mark.parametrize("n_layer, n_head", [(6, 6), (12, 12), (48, 25)])
def test_it_fits_any_screen(size: tuple[int, int], n_layer: int, n_head: int) -> None:
    cuts = tuple(part_cut((layer, n_head), n_head) for layer in range(n_layer))
    effects = {cut.part: 20.0 for cut in all_parts(n_layer, n_head)}
    for found in (None, FOUND):
        shown = Picture(n_layer, n_head, (n_layer - 1, n_head), cuts, {}, effects, found, (1023, "␣somewhere"), 1024)
        rows = surgery_rows(shown, *size)
        assert len(rows) == size[1]
        assert max(cell_len(text(row)) for row in rows) <= size[0]
        assert {style for row in rows for _, style in row} <= set(STYLES)
        assert any(text(row).startswith(f"▸h.{n_layer - 1}") for row in rows)


# -- cuts --------------------------------------------------------------------------------------------------------------


def test_a_part_is_cut_in_one_way_only_and_the_same_again_makes_it_whole() -> None:
    cuts = Cuts()
    cuts.toggle(HEAD)
    cuts.toggle(MLP)
    assert cuts.made == (HEAD, MLP)
    mean = Cut("head", 0, 1, how="mean")
    cuts.toggle(mean)
    assert cuts.made == (MLP, mean)
    assert (cuts.how("h.0.head.1"), cuts.how("h.1.mlp"), cuts.how("h.0.mlp")) == ("mean", "mean", "")
    cuts.toggle(mean)
    assert list(cuts.made) == [MLP]


def test_every_change_can_be_undone() -> None:
    cuts = Cuts()
    cuts.toggle(HEAD)
    cuts.toggle(MLP)
    cuts.put_back(HEAD.part)
    cuts.clear()
    cuts.clear()
    states = [cuts.made]
    while cuts.undo():
        states.append(cuts.made)
    assert states == [(), (MLP,), (HEAD, MLP), (HEAD,), ()]


def test_the_parts_of_a_model_in_the_order_of_the_pass() -> None:
    names = [cut.part for cut in all_parts(2, 2)]
    assert names == ["h.0.head.0", "h.0.head.1", "h.0.mlp", "h.1.head.0", "h.1.head.1", "h.1.mlp"]


# -- in the app --------------------------------------------------------------------------------------------------------


def surgery_of(play: Play) -> SurgeryView:
    return view_of(play, SurgeryView)


def title_of(play: Play) -> str:
    return surgery_of(play).text.split("\n")[0].strip()


async def test_x_and_n_cut_z_undoes_and_the_answer_moves() -> None:
    async with exploring("surgery") as play:
        await play.press("tab", "x")
        await looked(play)
        assert title_of(play) == "cut h.0.head.0 = 0"
        assert "KL(before || after)" in surgery_of(play).text
        await play.press("down", *["right"] * 6, "n")
        await looked(play)
        assert title_of(play) == "cut h.0.head.0 = 0, h.1.mlp = mean"
        assert "≈" in surgery_of(play).text
        await play.press("x")
        await looked(play)
        assert title_of(play) == "cut h.0.head.0 = 0, h.1.mlp = 0"
        await play.press("z", "z")
        await looked(play)
        assert title_of(play) == "cut h.0.head.0 = 0"
        await play.press("Z")
        await looked(play)
        assert title_of(play).startswith("nothing is cut")
        await play.press("z")
        await looked(play)
        assert title_of(play) == "cut h.0.head.0 = 0"


async def test_p_cuts_the_token_under_the_cursor_and_it_is_felt_behind_it() -> None:
    async with exploring("surgery") as play:
        await play.press("left", "tab", "p")
        await looked(play)
        assert title_of(play) == "cut position 5 ␣was = 0 (felt behind it)"
        assert "KL(before || after) 0 bits" in surgery_of(play).text
        await play.press("escape", "right")
        await looked(play)
        assert title_of(play) == "cut position 5 ␣was = 0"
        assert "KL(before || after) 0 bits" not in surgery_of(play).text
        await play.press("left", "tab", "p")
        await looked(play)
        assert title_of(play) == "cut position 5 ␣was = mean (felt behind it)"
        await play.press("p")
        await looked(play)
        assert title_of(play).startswith("nothing is cut")


async def test_f_tries_every_part_and_goes_on_where_another_cut_came_between() -> None:
    async with exploring("surgery") as play:
        await play.press("tab", "f")
        await looked(play)
        grid = [line[:33] for line in surgery_of(play).text.split("\n")[2:9]]
        assert grid[0].startswith(" bits")
        assert not any("·" in line for line in grid)
        assert "alone: KL" in surgery_of(play).text
        assert "of 42 tried" in surgery_of(play).text
        await play.press("escape", "left")
        await looked(play)
        assert "tried" not in surgery_of(play).text, "elsewhere other parts matter"
        await play.press("tab", "f", "x")
        await looked(play)
        assert "of 42 tried" in surgery_of(play).text
        await play.press("escape", "right")
        await looked(play)
        assert "of 42 tried" in surgery_of(play).text, "what is known stays known"


async def test_k_lets_the_text_go_on_under_the_cuts_and_the_bar_says_so() -> None:
    async with exploring("surgery", n_tokens=3) as play:
        screen = screen_of(play)
        assert "under" not in screen.stage.bar.text
        await play.press("tab", *["right"] * 6, "x", "k")
        await looked(play)
        assert "under 1 cut " in screen.stage.bar.text
        assert "k grow: on" in surgery_of(play).text
        await play.press("p", "0")
        await looked(play)
        assert "under 2 cuts" in screen.stage.bar.text, "whether one looks at them or not"
        n = len(screen.exploration.path)
        await play.press("g")
        await play.until(lambda: len(screen.exploration.path) == n + 3 and not screen.growth.is_running)
        await looked(play)
        document = screen.exploration.document
        cuts = (Cut("mlp", 0), Cut("position", position=n - 1))
        assert [turn.cuts for turn in document.version()] == [(), (), cuts]
        assert document.version()[-1].settings.when_full == "stop"  # type: ignore[union-attr]
        assert screen.exploration.path[-1] in document.tree.facts, "what the untouched model thinks of it"
        await play.press("6", "tab", "k")
        await looked(play)
        assert "under" not in screen.stage.bar.text
        await play.press("Z")
        assert "the token under the cursor was said under h.0.mlp = 0" in title_of(play)
        await play.press("space")
        await play.until(lambda: len(screen.exploration.path) == n + 4 and not screen.growth.is_running)
        assert document.version()[-1].cuts == ()
        await play.until(lambda: document.path is not None)
        assert document.path is not None
        await play.until(lambda: [turn.cuts for turn in storage.load(document.path).version()][-2:] == [cuts, ()])  # type: ignore[arg-type]


async def test_what_goes_on_under_cuts_is_not_what_the_model_would_say() -> None:
    said = []
    for keys in ([], [*["right"] * 6, "x", "k"]):
        async with exploring("surgery", n_tokens=3) as play:
            screen = screen_of(play)
            await play.press("tab", *keys)
            await looked(play)
            n = len(screen.exploration.path)
            await play.press("g")
            await play.until(lambda n=n, screen=screen: len(screen.exploration.path) == n + 3)  # type: ignore[misc]
            await play.until(lambda screen=screen: not screen.growth.is_running)  # type: ignore[misc]
            said.append(stories().tokenizer.decode(screen.exploration.ids()))
    assert said[0] != said[1]


async def test_a_click_marks_a_part_and_a_second_one_cuts_it() -> None:
    async with exploring("surgery") as play:
        await play.pilot.click("SurgeryView Lines", offset=(7, 4))
        assert "▸h.1" in surgery_of(play).text
        await play.pilot.click("SurgeryView Lines", offset=(7, 4))
        await looked(play)
        assert title_of(play) == "cut h.1.head.0 = 0"


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=str)
async def test_it_is_whole_on_small_and_large_screens(size: tuple[int, int]) -> None:
    async with exploring("surgery", size=size) as play:
        await play.press("tab", "x")
        await looked(play)
        assert all(f"h.{layer}" in play.screen for layer in range(6))
        assert "KL(before || after)" in play.screen
        assert "k grow: off" in play.screen


async def test_where_no_text_is_the_beginning_can_be_operated_on() -> None:
    async with exploring("surgery", "") as play:
        assert surgery_of(play).numbers() is None
        assert surgery_of(play).table() == []
        await play.press("tab", "p")
        assert title_of(play).startswith("nothing is cut")
        await play.press("x", "k")
        await looked(play)
        assert "KL(before || after)" in surgery_of(play).text
        await play.press("space")
        screen = screen_of(play)
        await play.until(lambda: len(screen.exploration.path) == 2 and not screen.growth.is_running)


async def test_numbers_and_table_tell_before_and_after_and_each_part_alone() -> None:
    async with exploring("surgery") as play:
        view = surgery_of(play)
        await play.press("tab", "f")
        await looked(play)
        assert view.table()[0] == ["part", "layer", "head", "kl_nats"]
        assert [row[:3] for row in view.table()[7:9]] == [["h.0.mlp", 0, None], ["h.1.head.0", 1, 0]]
        assert len(view.table()) == 43
        await play.press("x")
        await looked(play)
        numbers = json.loads(json.dumps(view.numbers(), allow_nan=False))
        assert numbers["cuts"] == [{"kind": "head", "layer": 0, "head": 0, "how": "zero"}]
        assert numbers["kl"] == pytest.approx(numbers["alone"][0]["kl"], rel=1e-2, abs=1e-5)
        assert [one["id"] for one in numbers["before"]["candidates"]] == [
            one["id"] for one in numbers["after"]["candidates"]
        ]
        assert len(numbers["alone"]) == 42
        assert view.table()[0][:2] == ["id", "token"]
