"""Walking through a text with the keys a newcomer would press: look, branch, go back, step, go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual import events

from picogpt_tui.tui.screens.explorer import ExplorerScreen

from ..gpt2.checkpoints import toy_tokenizer
from .playing import Play, playing
from .scripted import OPEN, Gate, ScriptedModel

PROMPT = "There was a"


def modest(script: str = " king. He had three sons, and the youngest was called Simpleton.") -> ScriptedModel:
    """A model that has nine more ideas at every step."""
    return ScriptedModel(script, OPEN)


def screen_of(play: Play) -> ExplorerScreen:
    screen = play.app.screen
    assert isinstance(screen, ExplorerScreen)
    return screen


def text_of(play: Play) -> str:
    """The version at hand."""
    screen = screen_of(play)
    return screen.engine.decode(screen.exploration.ids())


async def looked(play: Play) -> None:
    """Wait until the model has said all that it was asked."""
    screen = screen_of(play)
    await play.until(lambda: screen.scene.look is not None and not screen.asker.is_busy, "a look")


@asynccontextmanager
async def exploring(
    model: ScriptedModel | None = None, *, size: tuple[int, int] = (120, 40), n_tokens: int = 6
) -> AsyncIterator[Play]:
    """The explorer, opened on a prompt and a greedy answer of some tokens."""
    async with playing(model or modest(), size=size) as play:
        await play.press("alt+g")
        play.main.set_settings(replace(play.main.settings, max_tokens=n_tokens))
        await play.answer(PROMPT)
        await play.press("f7")
        await looked(play)
        yield play


async def test_f7_opens_on_the_last_token_with_the_candidates_that_it_was_taken_from() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        assert text_of(play) == "There was a king. He had three sons"
        assert screen.exploration.cursor == len(screen.exploration.path) - 1
        assert "▸  1 ␣sons" in screen.candidates.text
        assert "token 9 of 9" in screen.stage.bar.text
        assert "perplexity" in screen.stage.bar.text


async def test_arrows_go_to_any_token_the_prompt_s_too() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        await play.press(*["left"] * 5)
        await looked(play)
        assert "▸  1 ␣king" in screen.candidates.text
        await play.press("left")
        await looked(play)
        assert "␣a" in screen.candidates.text
        await play.press("home")
        await looked(play)
        assert screen.exploration.cursor == 0
        await play.press("left")
        assert screen.exploration.cursor == 0
        await play.press("end")
        await looked(play)
        assert screen.exploration.is_at_end
        assert "behind 9 tokens" in screen.stage.bar.text


async def test_taking_another_token_is_a_branch_and_undo_brings_all_of_it_back() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        await play.press(*["left"] * 5)
        await looked(play)
        await play.press("down", "down", "enter")
        await looked(play)
        assert text_of(play) == "There was a little"
        assert screen.exploration.is_at_end
        assert screen.exploration.n_branches() == 2
        await play.press("u")
        await looked(play)
        assert text_of(play) == "There was a king. He had three sons"
        await play.press("r")
        await looked(play)
        assert text_of(play) == "There was a little"


async def test_an_alternative_stands_in_the_text_as_a_ghost_until_enter_keeps_it() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        await play.press(*["left"] * 5)
        await looked(play)
        await play.press("full_stop")
        assert "There was a princess. He had" in screen.tokens.text
        assert text_of(play) == "There was a king. He had three sons", "nothing is changed by looking"
        await play.press("comma")
        assert "There was a king. He had" in screen.tokens.text
        await play.press("alt+full_stop", "enter")
        await looked(play)
        assert text_of(play) == "There was a princess"


async def test_space_says_one_token_at_a_time_as_one_answer_would() -> None:
    async with exploring() as play:
        for expected in (",", " and", " the"):
            n = len(screen_of(play).exploration.path)
            await play.press("space")
            await play.until(lambda n=n: len(screen_of(play).exploration.path) == n + 1)  # type: ignore[misc]
            await looked(play)
            assert text_of(play).endswith(expected)
        await play.press("u")
        await looked(play)
        assert text_of(play) == "There was a king. He had three sons, and"


@pytest.mark.parametrize("seed", [None, 5])
async def test_where_the_text_went_on_before_the_draw_is_another_unless_the_seed_is_fixed(seed: int | None) -> None:
    async with playing(modest()) as play:
        play.main.set_settings(replace(play.main.settings, max_tokens=6, seed=seed))
        await play.answer(PROMPT)
        await play.press("f7")
        await looked(play)
        screen, document = screen_of(play), play.document
        await play.press("left", "left", "backspace")
        await looked(play)
        await play.press("space")
        await play.until(lambda: not screen.growth.is_running and not screen.asker.is_busy)
        first, step = document.version()[1], document.version()[-1]
        assert first.settings is not None
        assert step.settings is not None
        goes_on = (step.settings.seed, step.settings.first_draw) == (first.settings.seed, first.n_tokens)
        assert goes_on == (seed is not None)


async def test_g_goes_on_from_the_cursor_and_escape_stops_it() -> None:
    model = modest()
    async with exploring(model) as play:
        screen = screen_of(play)
        await play.press("left", "left")
        await looked(play)
        model.gate.close()
        await play.press("g")
        model.gate.let(2)
        await play.until(lambda: model.gate.n_waiting)
        await play.press("escape")
        model.gate.open()
        await play.until(lambda: not screen.growth.is_running)
        await looked(play)
        assert play.app.screen is screen, "the first escape only stops"
        assert text_of(play).startswith("There was a king. He had")
        assert screen.exploration.n_branches() >= 1


async def test_backspace_cuts_back_and_what_was_there_stays_a_branch() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        await play.press("left", "left", "backspace")
        await looked(play)
        assert text_of(play) == "There was a king. He"
        await play.press("u")
        assert text_of(play) == "There was a king. He had three sons"
        assert screen.exploration.cursor == 6


async def test_escape_leaves_with_the_text_as_it_is_and_enter_goes_on_there() -> None:
    async with exploring() as play:
        await play.press(*["left"] * 5)
        await looked(play)
        await play.press("down", "enter")
        await looked(play)
        await play.press("escape")
        await play.until(lambda: play.app.screen is play.main)
        assert play.said.strip() == "❯ There was a\n\nprincess" or "princess" in play.said
        assert play.document.text() == "There was a princess"
        n_turns = len(play.document.turns)
        await play.press("enter")
        await play.until(lambda: len(play.document.turns) > n_turns and not play.main.is_generating)
        assert play.document.text().startswith("There was a princess")


async def test_what_stands_in_the_prompt_is_explored_without_being_sent() -> None:
    async with playing(modest()) as play:
        await play.type("There was")
        await play.press("f7")
        await looked(play)
        assert text_of(play) == "There was"
        await play.press("escape")
        await play.until(lambda: play.app.screen is play.main)
        assert play.document.text() == "There was"
        assert [turn.kind for turn in play.document.version()] == ["prompt"]


async def test_nothing_at_all_can_be_explored() -> None:
    async with playing(modest()) as play:
        await play.press("f7")
        await looked(play)
        screen = screen_of(play)
        assert "1" in screen.candidates.text
        for key in ("left", "right", "backspace", "u", "r", "c", "m"):
            await play.press(key)
        await play.press("down", "enter")
        await looked(play)
        assert len(screen.exploration.path) == 1


async def test_c_changes_the_colours_and_m_marks_what_they_say() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        assert "surprisal" in screen.stage.legend.text
        await play.press("c")
        assert "rank" in screen.stage.legend.text
        assert "top 10" in screen.stage.legend.text
        assert "▲" not in screen.tokens.text
        await play.press("m")
        assert "▲" in screen.tokens.text
        await play.press("m")
        digits = screen.tokens.text.split("\n")[1]
        assert any(char.isdigit() for char in digits)
        await play.press("m")
        assert "▲" not in screen.tokens.text
        assert play.app.preferences.colour == "rank"


async def test_on_a_narrow_screen_the_candidates_are_one_line() -> None:
    async with exploring(size=(80, 24)) as play:
        screen = screen_of(play)
        await play.press("down")
        await looked(play)
        assert screen.candidates.selected is not None
        line = play.screen.split("\n")[-2]
        assert "▸" in line
        assert "bits" in line


async def test_a_click_points_at_a_token_and_a_second_one_takes_a_candidate() -> None:
    async with exploring() as play:
        screen = screen_of(play)
        await play.pilot.click("#token-text", offset=(13, 0))
        await looked(play)
        assert screen.exploration.cursor == 3
        await play.pilot.click("#candidates", offset=(8, 4))
        assert screen.candidates.selected is not None
        chosen = screen.candidates.selected.id
        await play.pilot.click("#candidates", offset=(8, 4))
        await looked(play)
        assert screen.exploration.ids()[3] == chosen


async def test_a_model_that_breaks_is_told_and_the_text_stays() -> None:
    model = modest()
    async with exploring(model) as play:
        model.fails_at = 0
        await play.press("space")
        await play.until(lambda: "the model broke" in play.notice)
        assert text_of(play) == "There was a king. He had three sons"


async def test_another_model_that_is_loaded_meanwhile_does_not_take_the_tree_away() -> None:
    gate, other = Gate(), ScriptedModel(name="other")
    async with playing(modest(), others=[other]) as play:
        await play.answer(PROMPT)
        await play.press("f7")
        await looked(play)
        n = len(screen_of(play).exploration.path)
        play.app.choose_model("other")
        await play.until(lambda: play.main.model_name == "other")
        assert "other is loaded now" in screen_of(play).stage.bar.text
        await play.press("left")
        await looked(play)
        assert len(screen_of(play).exploration.path) == n
        gate.open()


@pytest.mark.parametrize("key, marked", [("1", "▸1 sampler"), ("0", "")])
async def test_digits_open_views(key: str, marked: str) -> None:
    async with exploring() as play:
        await play.press(key)
        assert marked in play.screen
        assert bool(screen_of(play).view) == bool(marked)


async def test_a_file_is_read_into_a_session_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "tale.txt"
    path.write_bytes("There was a k\xf6nig".encode("latin-1"))
    async with playing(modest()) as play:
        await play.answer(PROMPT)
        before = play.document
        await play.press("alt+r")
        await play.type(str(path))
        await play.press("enter")
        await play.until(lambda: isinstance(play.app.screen, ExplorerScreen))
        await looked(play)
        assert text_of(play) == "There was a k\ufffdnig"
        assert screen_of(play).exploration.cursor == 0
        assert any("tale.txt is not UTF-8 in 1 place" in notice for notice in play.notices)
        assert play.document is not before


async def test_a_file_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    async with playing(modest()) as play:
        await play.press("alt+r")
        await play.type(str(tmp_path / "none.txt"))
        await play.press("enter")
        await play.until(lambda: "Cannot read" in play.notice)
        assert play.app.screen is play.main


async def test_text_longer_than_the_context_is_read_in_windows() -> None:
    model = ScriptedModel(" king", OPEN, n_ctx=16)
    async with playing(model) as play:
        await play.paste("There was a king. " * 8)
        await play.press("f7")
        await looked(play)
        screen = screen_of(play)
        assert len(screen.exploration.path) > 16
        assert "in windows of 16" in screen.stage.bar.text
        facts = screen.exploration.document.tree.facts
        assert all(node in facts for node in screen.exploration.path[1:])
        await play.press("home", *["right"] * 3)
        await looked(play)
        assert screen.exploration.cursor == 3


async def test_numbers_that_overflow_are_told_and_the_text_can_still_be_walked() -> None:
    model = modest()
    async with exploring(model) as play:
        screen = screen_of(play)
        n_notices = len(play.notices)
        model.unembed = lambda x: np.full((len(x), model.config.n_vocab), np.nan, dtype=np.float32)  # type: ignore[method-assign]
        await play.press("left")
        await play.until(lambda: len(play.notices) > n_notices and not screen.asker.is_busy)
        assert "overflowed" in play.notice
        await play.press("left")
        assert screen.exploration.cursor == len(screen.exploration.path) - 3
        assert text_of(play) == "There was a king. He had three sons"


async def test_a_text_of_one_token_and_one_that_ends_within_a_character() -> None:
    smile = list("😀".encode())
    model = ScriptedModel([*smile, *b"!"], tokenizer=toy_tokenizer())
    async with playing(model) as play:
        await play.press("alt+g")
        play.main.set_settings(replace(play.main.settings, max_tokens=2))
        await play.answer("a")
        await play.press("f7")
        await looked(play)
        screen = screen_of(play)
        assert "⟨F0 9F⟩" in screen.tokens.text, "bytes that are no character yet"
        await play.press("space")
        await play.until(lambda: len(screen.exploration.path) == 4)
        await looked(play)
        await play.press("space")
        await play.until(lambda: len(screen.exploration.path) == 5)
        await looked(play)
        assert "😀" in screen.tokens.text
        assert play.document.text() == "a😀"


async def test_f7_does_not_overtake_what_was_typed_just_before() -> None:
    """A fast typist, and every script, sends text and F7 in one breath."""
    async with playing(modest()) as play:
        for key in ("T", "h", "e", "r", "e", "f7"):
            play.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await play.until(lambda: isinstance(play.app.screen, ExplorerScreen))
        await looked(play)
        assert text_of(play) == "There"


async def test_the_views_have_their_names_in_short_where_there_is_no_room() -> None:
    async with exploring(size=(100, 30)) as play:
        line = next(line for line in play.screen.split("\n") if "1 sampler" in line)
        assert "▸1 sampler 2 tr 3 le 4 wh 5 he 6 su 7 pi 8 wo 9 co" in line
