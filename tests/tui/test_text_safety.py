"""Whatever a model, a user or a file says: nothing of it is obeyed or hidden by the terminal, nothing is markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.events import Progress
from picogpt_tui.session.engine import Engine
from picogpt_tui.tui.messages import SessionSaved
from picogpt_tui.tui.screens.models import ModelsScreen
from picogpt_tui.tui.screens.sessions import SessionPicker

from .playing import Play, playing
from .scripted import ScriptedModel

EVIL = "a\x1b[31m\x1b]0;owned\x07b\x00c\x08\x9b2Jd\x7f\u202ee\u200bf\ufeff\u2066g\u2028h [bold]x[/] [/] [red"
MARKUP = "[bold]x[/]"
FORBIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def _assert_safe(play: Play) -> None:
    """Line breaks between the rows are ours; every other character must be one that a terminal prints."""
    raw = {char for char in play.screen if char != "\n" and unicodedata.category(char) in FORBIDDEN}
    assert not raw, f"raw on the screen: {raw}"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
async def test_what_the_model_says(size: tuple[int, int]) -> None:
    """In the transcript, the candidates, the token grid and the strip."""
    async with playing(ScriptedModel(f" {EVIL}", n_ctx=512), size=size) as play:
        model = play.model
        model.gate.close()
        await play.send("Say")
        for _ in model.script:
            model.gate.let()
            await play.pilot.pause()
            _assert_safe(play)
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert MARKUP in play.screen
        _assert_safe(play)


async def test_what_the_user_pastes() -> None:
    async with playing() as play:
        await play.paste(EVIL)
        _assert_safe(play)
        await play.press("enter")
        await play.until(lambda: play.document.last("answer") and not play.main.is_generating)
        assert MARKUP in play.screen
        _assert_safe(play)
        await play.press("f8")
        _assert_safe(play)
        assert play.main.prompt.value == EVIL


async def test_what_a_session_is_called() -> None:
    async with playing(size=(200, 50)) as play:
        await play.paste(EVIL)
        await play.press("enter")
        await play.until(lambda: play.told(SessionSaved))
        await play.until(lambda: "none yet" not in play.screen)
        _assert_safe(play)
        await play.press("alt+s")
        await play.until(lambda: play.app.screen is not play.main)
        _assert_safe(play)
        await play.press("escape", "ctrl+l")
        await play.until(lambda: isinstance(play.app.screen, SessionPicker))
        assert "␛[31m" in play.screen
        _assert_safe(play)


async def test_what_a_folder_is_called() -> None:
    """In the picker, the library and the status bar, and in what says that it is not whole."""
    name = "m\x1b[31m\u202e[bold]x"
    folder: Path = paths.models_dir() / name
    try:
        folder.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system has no such names")
    async with playing(size=(200, 50)) as play:
        _assert_safe(play)
        await play.press("f2")
        await play.until(lambda: isinstance(play.app.screen, ModelsScreen))
        await play.press("end")
        await play.until(lambda: "lacks" in play.screen)
        assert "m␛[31m⟨U+202E⟩[bold]x" in play.screen
        _assert_safe(play)
        await play.press("enter")
        _assert_safe(play)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=str)
async def test_what_a_model_is_called(size: tuple[int, int]) -> None:
    async with playing(ScriptedModel(name=EVIL), size=size) as play:
        _assert_safe(play)


async def test_what_an_error_says() -> None:
    def opener(name: str, precision: str) -> Iterator[Progress | Engine]:
        yield Progress("loading", 1, 2, EVIL)
        raise RuntimeError(EVIL)

    async with playing(opener=opener, is_ready=False) as play:
        await play.until(lambda: "✗" in play.screen)
        assert MARKUP in play.screen
        _assert_safe(play)


async def test_what_a_notification_says() -> None:
    """A toast with markup would lose its text, or raise while it is drawn."""
    model = ScriptedModel()
    async with playing(model) as play:
        model.error, model.fails_at = ValueError(EVIL), 0
        await play.send("x")
        await play.until(lambda: MARKUP in play.screen)
        _assert_safe(play)


async def test_what_the_settings_file_says() -> None:
    path = paths.settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"theme": "\\u001b[31m[bold]x[/]", "\\u202e[/]": 1, "keys": {"again": "\\u001b[/]"}}')
    async with playing() as play:
        await play.until(lambda: "There is no theme" in play.screen)
        _assert_safe(play)
