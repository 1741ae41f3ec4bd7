"""The program around the main screen: settings, keys, themes, a home that cannot be written, palette and help."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import FileError
from picogpt_tui.tui.screens.help import HelpScreen
from picogpt_tui.tui.screens.models import ModelsScreen

from .playing import playing, write_settings
from .scripted import TALE

DAMAGED = {"no json": b"{", "a list": b"[]", "not text": b"\xff\xfe\x00", "deep": b"[" * 100_000}


@pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)
async def test_a_damaged_settings_file_is_kept_aside_and_told(raw: bytes) -> None:
    path = write_settings()
    path.write_bytes(raw)
    async with playing() as play:
        await play.until(lambda: "Settings could not be read" in play.notice)
        (aside,) = path.parent.glob("settings.json.damaged-*")
        assert aside.read_bytes() == raw
        assert aside.name in play.notice
        await play.answer("There was a")
    assert json.loads(path.read_text())["model"] == "scripted"


@pytest.mark.parametrize(
    "fields, evidence",
    [
        ({"theme": 7}, "'theme' cannot be used"),
        ({"mode": "poem"}, "expected one of complete, chat"),
        ({"generation": {"sampling": {"top_p": 7}}}, "top p must be more than 0"),
        ({"generation": {"max_tokens": None}}, "max tokens must be a whole number"),
        ({"panels": ["all"]}, "expected some of next, tokens, sampling"),
        ({"[bold]": 1}, "'[bold]' cannot be used: no setting has that name"),
        ({"keys": {"again": "q"}}, "q is needed for typing"),
        ({"keys": {"sing": "f12"}}, "no command has that id"),
        ({"keys": {"again": "f1"}}, "f1 already belongs to 'help'"),
        ({"theme": "rainbow"}, "There is no theme 'rainbow'"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
async def test_a_bad_setting_is_told_and_the_others_are_used(fields: dict[str, object], evidence: str) -> None:
    write_settings(**({"template": {"text": "Q {prompt}", "stop": ["\n"]}} | fields))
    async with playing() as play:
        await play.until(lambda: any(evidence in notice for notice in play.notices))
        assert play.document.template.text == "Q {prompt}"


async def test_a_key_of_ones_own_works_and_the_old_one_no_longer() -> None:
    write_settings(keys={"models": "f12"})
    async with playing() as play:
        await play.press("f2")
        assert play.app.screen is play.main
        await play.press("f12")
        await play.until(lambda: isinstance(play.app.screen, ModelsScreen))


async def test_a_key_of_ones_own_stands_on_the_first_screen_and_in_the_help() -> None:
    write_settings(keys={"models": "f12"})
    async with playing() as play:
        assert "f12  Choose a model, download one, look after them." in play.screen
        await play.press("f1")
        await play.until(lambda: isinstance(play.app.screen, HelpScreen))
        await play.press("pagedown")
        await play.until(lambda: re.search(r"│.* f12  Choose a model, .*│", play.screen))


async def test_a_theme_is_remembered() -> None:
    async with playing() as play:
        play.app.theme = "picogpt-paper"
        await play.pilot.pause()
    assert json.loads(paths.settings_file().read_text())["theme"] == "picogpt-paper"
    async with playing() as play:
        assert play.app.theme == "picogpt-paper"


async def test_a_home_that_cannot_be_written_is_told_once_and_everything_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str) -> None:
        raise FileError("write", path, OSError(30, "Read-only file system"))

    monkeypatch.setattr(paths, "write_whole", refuse)
    async with playing() as play:
        for key in ("f3", "f4", "f3", "alt+g"):
            await play.press(key)
        await play.answer("There was a")
        assert TALE.strip() in play.said
        await play.until(lambda: any("The session is not saved" in notice for notice in play.notices))
        settings = [notice for notice in play.notices if notice.startswith("Settings are not saved.")]
        assert len(settings) == 1
        assert "Read-only file system" in settings[0]


async def test_every_command_is_in_the_palette() -> None:
    async with playing() as play:
        await play.press("ctrl+p")
        await play.type("scroll")
        await play.until(lambda: "Scroll up" in play.screen)
        await play.press("escape")
        await play.press("ctrl+p")
        await play.type("chat template")
        await play.until(lambda: "Chat template" in play.screen)


async def test_the_palette_runs_a_command() -> None:
    async with playing() as play:
        await play.press("ctrl+p")
        await play.type("models")
        await play.until(lambda: "Choose a model, download one" in play.screen)
        await play.press("enter")
        await play.until(lambda: isinstance(play.app.screen, ModelsScreen))


@pytest.mark.parametrize("key", ["escape", "f1", "q"])
async def test_help_opens_and_closes(key: str) -> None:
    async with playing(size=(80, 24)) as play:
        await play.press("f1")
        await play.until(lambda: isinstance(play.app.screen, HelpScreen))
        assert "Stop generating; the text so far stays." in play.screen
        await play.press(key)
        assert play.app.screen is play.main


async def test_an_example_of_the_first_screen_is_sent_with_a_click() -> None:
    async with playing() as play:
        await play.pilot.click("Example")
        await play.until(lambda: play.document.last("answer") and not play.main.is_generating)
        assert play.said.startswith("Once upon a time there was a")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
async def test_an_example_is_reached_as_the_first_screen_says(size: tuple[int, int]) -> None:
    async with playing(size=size) as play:
        assert "or up and enter" in play.screen
        await play.press("up", "up", "down", "down")
        assert play.app.focused is play.main.prompt
        await play.press("up", "enter")
        await play.until(lambda: play.document.last("prompt"))
        assert "asked the wolf" in play.said


async def test_typing_on_a_knob_letter_goes_nowhere_but_escape_leads_back() -> None:
    async with playing() as play:
        await play.press("ctrl+t")
        assert play.app.focused is not play.main.prompt
        await play.press("escape")
        assert play.app.focused is play.main.prompt


async def test_ctrl_c_never_quits() -> None:
    """It is how one copies; whoever wants to leave is told the key."""
    async with playing() as play:
        await play.press("ctrl+c")
        await play.until(lambda: play.notice)
        assert play.app.is_running
