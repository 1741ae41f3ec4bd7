"""Prompt lookup: switched by a command, remembered, and told in the top line where it guessed."""

from __future__ import annotations

import json

import pytest

from picogpt_tui import paths

from .playing import Play, playing, write_settings
from .scripted import TALE, ScriptedModel


def saved() -> object:
    return json.loads(paths.settings_file().read_text(encoding="utf-8"))["generation"]["prompt_lookup"]


def is_on(play: Play) -> bool:
    return play.main.settings.prompt_lookup


# -- the switch --------------------------------------------------------------------------------------------------------


async def test_a_key_switches_it_off_and_on_and_says_what_that_means() -> None:
    async with playing() as play:
        assert is_on(play)
        await play.press("alt+l")
        await play.until(lambda: play.notice.startswith("Prompt lookup is off: the model runs once for every token;"))
        assert not is_on(play)
        assert saved() is False
        await play.press("alt+l")
        await play.until(lambda: play.notice.startswith("Prompt lookup is on: tokens are guessed from the text"))
        assert saved() is True
        assert is_on(play)


async def test_it_is_in_the_palette() -> None:
    async with playing() as play:
        await play.press("ctrl+p")
        await play.type("lookup")
        await play.until(lambda: "Guess tokens from the text so far: faster, the same text. (alt+l)" in play.screen)
        await play.press("enter")
        await play.until(lambda: not is_on(play))


async def test_a_knob_that_is_turned_afterwards_leaves_it_off() -> None:
    """The knobs have settings of their own to change."""
    async with playing() as play:
        await play.press("alt+l", "ctrl+t", "right")
        assert play.main.settings.sampling.temperature == pytest.approx(0.85)
        assert not is_on(play)


async def test_it_is_off_at_the_next_start_and_for_the_model() -> None:
    write_settings(generation={"prompt_lookup": False})
    async with playing() as play:
        await play.answer("There was a")
        await play.answer("There was a")
        assert play.document.turns[-1].settings is not None
        assert not play.document.turns[-1].settings.prompt_lookup
        assert play.main.status.guesses == (0, 0)


# -- the top line ------------------------------------------------------------------------------------------------------


async def test_guesses_are_told_while_the_text_comes_and_afterwards() -> None:
    """The second time, the whole tale can be guessed from the first."""
    async with playing(size=(120, 40)) as play:
        await play.answer("There was a")
        assert "lookup" not in play.main.status.text
        await play.answer("There was a")
        assert play.said.count(TALE.strip()) == 2
        n_accepted, n_guessed = play.main.status.guesses
        assert 0 < n_accepted <= n_guessed
        assert f"   lookup {n_accepted}/{n_guessed} " in play.main.status.text


async def test_a_new_answer_begins_without_guesses() -> None:
    model = ScriptedModel()
    async with playing(model) as play:
        await play.answer("There was a")
        await play.answer("There was a")
        assert "lookup" in play.main.status.text
        model.gate.close()
        await play.send("And")
        await play.until(lambda: play.stage.transcript.is_streaming)
        assert play.main.status.guesses == (0, 0)
        assert "lookup" not in play.main.status.text


async def test_another_session_begins_without_guesses() -> None:
    async with playing() as play:
        await play.answer("There was a")
        await play.answer("There was a")
        assert "lookup" in play.main.status.text
        await play.press("ctrl+n")
        assert "lookup" not in play.main.status.text


async def show(play: Play, guesses: tuple[int, int]) -> str:
    status = play.main.status
    status.state, status.is_live, status.tokens_per_second, status.guesses = "generating", True, 85.0, guesses
    await play.pilot.pause()
    return status.text


@pytest.mark.parametrize(
    "width, said",
    [
        (120, "● generating 85 tok/s   lookup 12/16 "),
        (100, "● generating 85 tok/s   lookup 12/16 "),
        (99, "● 85 tok/s   12/16 "),
        (80, "● 85 tok/s   12/16 "),
    ],
)
async def test_a_narrow_screen_gets_the_number_alone(width: int, said: str) -> None:
    async with playing(size=(width, 24)) as play:
        assert said in await show(play, (12, 16))
        assert "12/16" not in await show(play, (0, 0))


@pytest.mark.parametrize("width", [40, 52, 60, 80, 99, 100, 120])
async def test_it_never_takes_the_room_of_anything_else(width: int) -> None:
    """It is there as a whole, or not at all."""
    async with playing(ScriptedModel(name="a-model-of-some-length"), size=(width, 24)) as play:
        if width >= 80:
            await play.begin()
        without = await show(play, (0, 0))
        text = await show(play, (1234, 5678))
        number = f"{'lookup ' if width >= 100 else ''}1,234/5,678"
        assert text.replace(number, " " * len(number)) == without
        assert "0/128" in text
