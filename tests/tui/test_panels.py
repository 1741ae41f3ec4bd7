"""What stands beside the text: candidates, tokens, and which panels are open."""

from __future__ import annotations

import json
import re

import pytest

from picogpt_tui import paths

from .playing import Play, playing, write_settings
from .scripted import OPEN, SURE, TALE, ScriptedModel

GREEDY = {"sampling": {"temperature": 0, "top_k": 0}, "max_tokens": 4}
PURE = {"sampling": {"temperature": 1, "top_k": 0}}


def _rows(play: Play) -> list[str]:
    return play.stage.next_token.text.split("\n")[2:]


async def test_a_row_says_rank_label_and_percent_and_the_taken_token_is_marked() -> None:
    write_settings(generation=GREEDY)
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.answer("There was a")
        words = [row.split() for row in _rows(play)]
        assert words[0][:4] == ["▸", "1", "␣had", "46.0%"]
        assert words[1][0] == "2"
        assert words[1][2] == "21.0%"
        assert "▸" not in "".join(_rows(play)[1:])


async def test_before_anything_is_taken_there_is_no_mark() -> None:
    """The model was asked what it would say, and has said nothing yet."""
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.until(lambda: "46.0%" in play.stage.next_token.text)
        assert "▸" not in play.stage.next_token.text


async def test_raw_and_final_stand_side_by_side_where_they_differ() -> None:
    write_settings(generation={"sampling": {"temperature": 1, "top_k": 2}})
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.until(lambda: "raw · final" in play.stage.next_token.text)
        first, second, third, *_ = [row.split() for row in _rows(play)]
        assert first[2:4] == ["46.0%", "68.7%"]
        assert second[2:4] == ["21.0%", "31.3%"]
        assert third[2:4] == ["11.0%", "top-k"]


async def test_pure_sampling_shows_one_number() -> None:
    write_settings(generation=PURE)
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.until(lambda: "46.0%" in play.stage.next_token.text)
        assert "final" not in play.stage.next_token.text


@pytest.mark.parametrize(
    "sampling, name",
    [
        ({"top_k": 1}, "top-k"),
        ({"top_p": 0.5, "top_k": 0}, "top-p"),
        ({"min_p": 0.4, "top_k": 0}, "min-p"),
        ({"temperature": 0, "top_k": 0}, "greedy"),
    ],
)
async def test_a_candidate_that_was_cut_says_by_which_stage(sampling: dict[str, float], name: str) -> None:
    write_settings(generation={"sampling": sampling})
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.until(lambda: name in _rows(play)[3])


async def test_the_rest_is_one_number_and_the_entropy_is_in_bits() -> None:
    write_settings(generation=PURE)
    async with playing(ScriptedModel(TALE, [0.5, 0.5])) as play:
        await play.until(lambda: "50.0%" in play.stage.next_token.text)
        text = play.stage.next_token.text
        n_others = play.model.config.n_vocab - sum("%" in row and "others" not in row for row in _rows(play))
        assert f"{n_others:,} others" in text
        assert "entropy 1.0 bits" in text


async def test_the_sparkline_grows_with_every_token() -> None:
    write_settings(generation=PURE | {"max_tokens": 5})
    async with playing(ScriptedModel(TALE, SURE)) as play:
        await play.answer("There was a")
        entropy = next(row for row in _rows(play) if "entropy" in row)
        assert entropy.endswith("bits ▁▁▁▁▁")


async def test_a_certain_token_has_no_negative_bits() -> None:
    async with playing() as play:
        await play.answer("There was a")
        assert "  0.0 bits" in play.screen
        assert "-0.0" not in play.screen


async def test_tokens_stand_with_their_ids() -> None:
    write_settings(generation={"max_tokens": 2})
    async with playing() as play:
        await play.answer("There was a")
        lines = play.stage.tokens.text.split("\n")
        ids = play.document.ids()
        assert lines[0] == f"TOKENS   {len(ids)} in the text"
        assert lines[1].split() == [play.model.tokenizer.label(id) for id in ids]
        assert lines[2].split() == [str(id) for id in ids]
        assert lines[-1].startswith(f"▸ {play.model.tokenizer.label(ids[-1])}  id {ids[-1]}  #1  100.0%")


async def test_labels_and_ids_stand_in_the_same_columns() -> None:
    async with playing() as play:
        await play.answer("There was a")
        lines = play.stage.tokens.text.split("\n")
        starts = [[match.start() for match in re.finditer(r"\S+", line)] for line in lines]
        assert starts[1] == starts[2]
        assert starts[3] == starts[4]


async def test_the_grid_after_streaming_is_the_grid_of_the_document() -> None:
    """Tokens came one by one; drawing the whole document anew must show the same."""
    async with playing() as play:
        await play.answer("There was a")
        streamed = play.stage.tokens.text
        play.stage.show_grid(play.document, play.main.engine)
        assert play.stage.tokens.text == streamed


@pytest.mark.parametrize("key, panel, heading", [("f3", "next", "NEXT TOKEN"), ("f4", "tokens", "TOKENS")])
async def test_a_key_hides_and_shows_a_panel_and_that_is_remembered(key: str, panel: str, heading: str) -> None:
    async with playing() as play:
        assert heading in play.screen
        await play.press(key)
        assert heading not in play.screen
        assert panel not in json.loads(paths.settings_file().read_text())["panels"]
    async with playing() as play:
        assert heading not in play.screen
        await play.press(key)
        assert heading in play.screen
        assert panel in json.loads(paths.settings_file().read_text())["panels"]


async def test_without_panels_the_text_has_the_whole_width() -> None:
    write_settings(panels=[])
    async with playing() as play:
        assert play.stage.transcript.parent is not None
        assert play.stage.query_one("#text").size.width > 110


@pytest.mark.parametrize(
    "key, heading", [("f3", "NEXT TOKEN"), ("f4", "TOKENS"), ("ctrl+t", "SAMPLING")], ids=["next", "tokens", "sampling"]
)
async def test_a_narrow_screen_opens_one_panel_and_escape_closes_it(key: str, heading: str) -> None:
    async with playing(size=(80, 24)) as play:
        assert heading not in play.screen
        await play.press(key)
        await play.until(lambda: heading in play.screen)
        await play.press("escape")
        assert heading not in play.screen
        assert play.app.focused is play.main.prompt


async def test_a_narrow_screen_shows_the_candidates_on_one_line() -> None:
    write_settings(generation=GREEDY)
    async with playing(ScriptedModel(TALE, OPEN), size=(80, 24)) as play:
        await play.answer("There was a")
        (line,) = [line for line in play.screen.split("\n") if line.startswith(" next ")]
        assert "▸␣had" in line
        assert line.rstrip().endswith("bits")


async def test_the_meter_counts_the_context() -> None:
    async with playing() as play:
        await play.answer("There was a")
        n_tokens = len(play.document.ids())
        assert f"{n_tokens}/{play.model.config.n_ctx}" in play.screen


async def test_more_room_shows_more_candidates_at_once() -> None:
    """Without running the model: a larger terminal, a loader that goes away, a panel that is closed."""
    write_settings(generation=PURE)
    async with playing(ScriptedModel(TALE, OPEN), size=(120, 30)) as play:
        await play.until(lambda: "46.0%" in play.stage.next_token.text)
        n_runs = play.model.n_runs
        for size in ((120, 60), (120, 30), (200, 50)):
            await play.pilot.resize_terminal(*size)
            await play.until(lambda: sum("%" in row for row in _rows(play)) == play.stage.next_token.n_rows + 1)
        assert play.model.n_runs == n_runs
