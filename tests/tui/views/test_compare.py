"""Another model on the same text: shades, sums, a table by token, both lists, and the keys that choose."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Candidate, Distribution
from picogpt_tui.readings import ComparedToken, Comparison, Score, TokenScore
from picogpt_tui.session.comparison import Unlike
from picogpt_tui.settings import INT8
from picogpt_tui.tui.screens.explorer import ExplorerScreen
from picogpt_tui.tui.screens.other_model import OtherModelScreen
from picogpt_tui.tui.views.compare import CompareView
from picogpt_tui.tui.views.compare_data import MEANING, in_order, level, levels, mark, marks
from picogpt_tui.tui.views.compare_rows import Picture, compare_rows, grid, position_at, top_in_view
from picogpt_tui.tui.views.compare_sums import short_name
from picogpt_tui.tui.widgets.lines import STYLES, Row

from ...gpt2.checkpoints import write_model
from ..playing import Play
from .exploring import exploring, looked, screen_of, view_of

BIT = math.log(2)


def token(id: int, bits_a: float, bits_b: float, kl: float = 0.25) -> ComparedToken:
    """A letter that was so many bits to A and to B."""
    return ComparedToken(id, -bits_a * BIT, -bits_b * BIT, kl * BIT, 0, 1)


TOKENS = (
    ComparedToken(ord("f"), None, None, None, None, None),
    token(ord("a"), 2.0, 2.05),
    token(ord("b"), 3.0, 0.9, 2.0),
    token(ord("c"), 1.0, 5.5, 1.0),
    token(ord("d"), 123.456, 123.0),
)
COMPARED = Comparison("124M", "124M int8", False, TOKENS, 12.0 * BIT, 13.0 * BIT, 4, 0.875 * BIT, 4, 1024, 512, 1)


def candidates(probs: dict[str, float]) -> Distribution:
    shown = tuple(
        Candidate(rank, ord(letter), letter, letter.encode(), letter, 0.0, math.log(prob), prob, prob, None)
        for rank, (letter, prob) in enumerate(probs.items())
    )
    return Distribution(shown, 1.5 * BIT, 0.2, 9, 12)


SHOWN = Picture(
    ("124M", "124M int8"),
    COMPARED,
    TOKENS,
    2,
    candidates({"x": 0.5, "y": 0.3}),
    candidates({"y": 0.4, "x": 0.35, "z": 0.0625}),
    ord("y"),
    "",
    "position",
    False,
    chr,
)


def text(row: Row) -> str:
    return "".join(part for part, _ in row)


def lines(picture: Picture = SHOWN, width: int = 73, height: int = 18) -> list[str]:
    return [text(row).rstrip() for row in compare_rows(picture, width, height)]


def line(start: str, picture: Picture = SHOWN, width: int = 73) -> str:
    return next(one for one in lines(picture, width) if one.strip(" ▸").startswith(start))


# -- shades and marks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more, shade, sign",
    [
        (0.0, 3, "·"),
        (0.09, 3, "·"),
        (-0.09, 3, "·"),
        (0.1, 4, "+"),
        (-0.2, 2, "-"),
        (1.0, 5, "¹"),
        (-1.9, 1, "₁"),
        (3.5, 6, "³"),
        (-12.0, 0, "₉"),
    ],
)
def test_a_difference_is_a_shade_and_the_same_as_a_character(more: float, shade: int, sign: str) -> None:
    """Below 3 B knew the token better, above it A did; whole bits are lowered or raised."""
    assert (level(more), mark(more)) == (shade, sign)


def test_of_a_token_with_nothing_before_it_there_is_no_shade() -> None:
    assert levels(TOKENS) == [None, 3, 1, 6, 2]
    assert marks(TOKENS) == [" ", "·", "₂", "⁴", "-"]


@pytest.mark.parametrize("order, letters", [("position", "fabcd"), ("difference", "cbdaf"), ("KL", "bcadf")])
def test_tokens_are_listed_as_they_stand_or_the_largest_first(order: str, letters: str) -> None:
    assert "".join(chr(TOKENS[at].id) for at in in_order(TOKENS, order)) == letters


# -- the rows ----------------------------------------------------------------------------------------------------------


def test_the_sums_of_both_stand_below_one_another() -> None:
    a, b, *_ = lines(width=100)
    assert a.split()[:6] == ["A", "124M", "perplexity", "8.00", "3.000", "bits/byte"]
    assert a.index("bits/byte") == b.index("bits/byte")
    assert a.endswith("4 of 5 tokens  nothing in front of the first")
    assert b.endswith("KL 0.8750 a token  B knew 2 better")


def test_a_token_has_its_bits_in_both_the_difference_a_bar_and_the_divergence() -> None:
    assert line("b").split("  ")[0].startswith("▸b")
    assert line("b")[:40].split() == ["▸b", "3.00", "0.90", "-2.10", "█│", "2.0000"]
    assert line("c")[:40].split() == ["c", "1.00", "5.50", "+4.50", "│██", "1.0000"]
    assert line("d")[:27].split() == ["d", "123.5", "123.0", "-0.46"]
    assert line("f")[:40].split() == ["f", "–", "–", "nothing", "before", "it"]


def test_the_difference_has_the_shade_that_the_text_has() -> None:
    row = next(row for row in compare_rows(SHOWN, 73, 18) if text(row).startswith(" c"))
    assert (" +4.50", "diff-6") in [(f" {part.strip()}", style) for part, style in row]


def test_the_longest_bar_is_at_least_a_bit_so_that_nearly_the_same_looks_so() -> None:
    near = replace(SHOWN, tokens=(TOKENS[0], TOKENS[1]))
    assert "│▋ " in line("a", near, 137), "a twentieth of twelve cells"


def test_both_lists_stand_side_by_side_and_the_chosen_candidate_is_marked_in_both() -> None:
    rows = [one[40:].rstrip() for one in lines()]
    heading = next(at for at, one in enumerate(rows) if "A entropy 1.5" in one)
    assert "B entropy 1.5" in rows[heading]
    assert [one.split() for one in rows[heading + 1 : heading + 4]] == [
        ["x", "50.0%", "▸y", "40.0%"],
        ["▸y", "30.0%", "x", "35.0%"],
        ["z", "6.2%"],
    ]


@pytest.mark.parametrize("size", [(77, 9), (77, 13), (73, 19), (137, 26), (60, 12), (37, 9)], ids=str)
def test_it_fits_any_screen_and_the_cursor_is_in_view(size: tuple[int, int]) -> None:
    many = TOKENS * 20
    for cursor in (0, 50, 99, 100):
        picture = replace(SHOWN, tokens=many, cursor=cursor, found=replace(COMPARED, tokens=many))
        rows = compare_rows(replace(picture, top=top_in_view(picture, size[1])), *size)
        assert len(rows) == size[1]
        assert max(cell_len(text(row)) for row in rows) <= size[0]
        assert {style for row in rows for _, style in row} <= set(STYLES)
        assert any(text(row).startswith("▸") for row in rows) == (cursor < 100)


def test_where_there_is_no_room_for_the_lists_the_table_has_all() -> None:
    assert grid(72).name == 0
    assert grid(73).name > 0
    assert grid(73).table + 33 == 73


def test_the_mouse_finds_tokens() -> None:
    rows = lines()
    for start, position in (("f", 0), ("b", 2), ("d", 4)):
        at = next(n for n, one in enumerate(rows) if one.strip(" ▸").startswith(start) and "bits" not in one)
        assert position_at(SHOWN, at, 18) == position
    assert position_at(SHOWN, 0, 18) is None
    assert position_at(SHOWN, 17, 18) is None


@pytest.mark.parametrize(
    "name, shown",
    [("124M", "124M    "), ("runs/7/step-300", "…tep-300"), ("\x1b[31m", "␛[31m   ")],
)
def test_of_a_long_name_the_end_is_shown_in_which_checkpoints_differ(name: str, shown: str) -> None:
    assert short_name(name, 8) == shown


def test_with_a_text_longer_than_the_context_the_windows_are_named() -> None:
    longer = replace(SHOWN, found=replace(COMPARED, n_windows=3, n_ctx=13))
    assert "3 windows of 13" in lines(longer, 100)[0]


def test_an_empty_text_has_no_sums_and_says_so() -> None:
    empty = replace(COMPARED, tokens=(), nll_a=0.0, nll_b=0.0, n_scored=0, mean_kl=math.nan, n_bytes=0)
    shown = lines(replace(SHOWN, found=empty, tokens=(), cursor=0))
    assert shown[0].split()[2:] == ["perplexity", "–", "–", "bits/byte", "0", "of", "0", "tokens"]
    assert "No token stands here yet that could be compared." in "\n".join(
        lines(replace(SHOWN, found=empty, tokens=()), 137)
    )


def test_another_vocabulary_is_told_with_the_bits_per_byte_of_both() -> None:
    why = "124M and stories have different vocabularies (one has 50,257 tokens, the other 4,096); compare their bits."
    a = Score((TokenScore(1, None, None, None, None), TokenScore(2, -BIT, 0, 0.0, 0.5)), False, 4, 1024, 512, 1)
    b = replace(a, tokens=(*a.tokens, TokenScore(3, -3 * BIT, 0, 0.0, 0.5)), n_bytes=8)
    shown = lines(replace(SHOWN, found=Unlike(why, "124M", "stories", a, b), tokens=()))
    assert "0.250 bits/byte  1 of 2 tokens" in shown[0]
    assert "0.500 bits/byte  2 of 3 tokens" in shown[1]
    assert " ".join(" ".join(one[:38].split()) for one in shown[2:-1]).strip() == why
    assert any("50.0%" in one for one in shown), "what each would say can be compared"


# -- in the explorer ---------------------------------------------------------------------------------------------------


async def compared(play: Play) -> CompareView:
    """Wait until both models have read the text."""
    view = view_of(play, CompareView)
    await play.until(lambda: "bits/byte" in view.text and not screen_of(play).asker.is_busy, "a comparison")
    return view


async def choose_int8(play: Play) -> CompareView:
    """Open the list of models and take the first: the same one in int8."""
    await play.press("o")
    await play.until(lambda: isinstance(play.app.screen, OtherModelScreen) and "int8" in play.screen, "the list")
    await play.press("enter")
    await play.until(lambda: isinstance(play.app.screen, ExplorerScreen), "the explorer")
    return await compared(play)


async def test_o_puts_the_same_model_in_int8_beside_it_and_the_numbers_are_the_top_line_s() -> None:
    async with exploring("compare", n_tokens=12) as play:
        view = view_of(play, CompareView)
        assert "another model makes of the same text will stand here: o chooses" in " ".join(view.text.split())
        assert (view.numbers(), view.table()) == (None, [])
        await choose_int8(play)
        screen = screen_of(play)
        nats, n = screen.stage.bar.surprisals
        numbers = json.loads(json.dumps(view.numbers(), allow_nan=False))
        assert (numbers["a"]["model"], numbers["b"]["model"]) == ("stories", "stories int8")
        assert numbers["a"]["nll"] == pytest.approx(nats, abs=1e-3)
        assert (numbers["a"]["n_scored"], numbers["a"]["n_bytes"]) == (n, screen.stage.bar.n_bytes)
        assert [one["id"] for one in numbers["tokens"]] == screen.exploration.ids()
        assert len(numbers["candidates"]["b"]) >= 64
        assert len(view.table()) == 1 + len(numbers["tokens"])
        assert MEANING in play.screen
        assert len(MEANING) <= 74, "on a screen of 120 cells"


async def test_keys_walk_the_table_put_end_of_text_in_front_and_sort() -> None:
    async with exploring("compare", size=(80, 24)) as play:
        view = await choose_int8(play)
        screen = screen_of(play)
        await play.press("tab", "up", "up")
        await looked(play)
        assert screen.exploration.cursor == 4
        assert any(one.startswith("▸") for one in view.text.split("\n"))
        await play.press("v")
        assert "v by difference" in view.text
        tokens = view._tokens
        await play.press("down")
        await looked(play)
        listed = in_order(tokens, "difference")
        assert screen.exploration.cursor == listed[listed.index(4) + 1]
        await play.press("b")
        await play.until(lambda: "7 of 7 tokens" in view.text, "the first token scored")
        assert "<|endoftext|> in front" in view.text


async def test_a_token_taken_is_compared_too_and_the_text_before_it_keeps_its_shades() -> None:
    async with exploring("compare") as play:
        view = await choose_int8(play)
        await play.press("down", "enter")
        await looked(play)
        await compared(play)
        screen = screen_of(play)
        assert len(view._tokens) == len(screen.exploration.path) == 7
        await play.press("home")
        await looked(play)
        assert "nothing before it" in view.text
        await play.press("end")
        await looked(play)
        assert not any(one.startswith("▸") for one in view.text.split("\n"))
        await play.press("8", "9")
        await looked(play)
        assert MEANING in play.screen, "the shades are there again with the view"


async def test_a_model_of_another_vocabulary_and_one_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    async with exploring("compare") as play:
        view = view_of(play, CompareView)
        await play.press("o")
        await play.until(lambda: isinstance(play.app.screen, OtherModelScreen) and "int8" in play.screen, "the list")
        await play.press("tab")
        await play.paste(str(write_model(tmp_path / "tiny")))
        await play.press("enter")
        await play.until(lambda: isinstance(play.app.screen, ExplorerScreen), "the explorer")
        await compared(play)
        assert "different vocabularies" in view.text
        assert json.dumps(view.numbers(), allow_nan=False)
        assert [row[0] for row in view.table()[1:]] == ["stories", str(tmp_path / "tiny")]
        view.compare_with(str(tmp_path / "nowhere"), INT8)
        await play.until(lambda: "o chooses another one." in view.text, "the trouble")
        assert "nowhere" in view.text
