"""New, save, open, export: with real files, and nothing that was said is ever lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.session.chat import ChatTemplate
from picogpt_tui.tui.messages import SessionOpened, SessionSaved
from picogpt_tui.tui.screens.ask import Ask
from picogpt_tui.tui.screens.sessions import SessionPicker
from picogpt_tui.tui.screens.template import TemplateScreen

from .playing import Play, playing
from .scripted import TALE, ScriptedModel


async def _saved(play: Play, n: int = 1) -> None:
    await play.until(lambda: len(play.told(SessionSaved)) >= n, "a saved session")


async def test_an_answer_is_saved_by_itself() -> None:
    async with playing() as play:
        await play.answer("There was a")
        await _saved(play)
        (file,) = paths.sessions_dir().glob("*.json")
        fields = json.loads(file.read_text(encoding="utf-8"))
        assert [turn["text"] for turn in fields["turns"]] == ["There was a", TALE]
        assert fields["model"] == {"name": "scripted", "digest": play.model.digest}


async def test_new_begins_empty_and_keeps_the_old_one() -> None:
    async with playing() as play:
        await play.answer("There was a")
        await _saved(play)
        await play.press("ctrl+n")
        assert play.document.is_empty
        assert play.said == ""
        assert "Type how a text begins" in play.screen
        await play.answer("And then")
        await _saved(play, 2)
        assert len(list(paths.sessions_dir().glob("*.json"))) == 2


async def test_open_goes_on_with_a_saved_session() -> None:
    async with playing() as play:
        await play.answer("There was a")
        await _saved(play)
        ids = play.document.ids()
        await play.press("ctrl+n", "ctrl+l")
        await play.until(lambda: isinstance(play.app.screen, SessionPicker))
        assert "There was a king." in play.screen
        await play.press("enter")
        await play.until(lambda: play.told(SessionOpened))
        await play.ready()
        assert play.document.ids() == ids
        assert TALE.strip() in play.said
        await play.press("up")
        assert play.main.prompt.text == "There was a"


async def test_open_before_anything_is_saved_says_so() -> None:
    async with playing() as play:
        await play.press("ctrl+l")
        await play.until(lambda: "Nothing is saved yet" in play.screen)
        await play.press("escape")
        assert play.app.screen is play.main


async def test_on_a_wide_screen_the_sessions_stand_at_the_side() -> None:
    async with playing(size=(200, 50)) as play:
        assert "none yet" in play.screen
        await play.answer("There was a")
        await play.until(lambda: "There was a king" in play.screen.split("SESSIONS")[1].split("\n")[2])


DAMAGED = {"no json": "{", "another format": '{"format": "x"}', "a list": "[]", "no text": "\x00\xff"}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
async def test_a_damaged_session_is_told_in_a_sentence(text: str, tmp_path: Path) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(text, encoding="latin-1")
    async with playing() as play:
        await play.press("ctrl+l")
        await play.until(lambda: isinstance(play.app.screen, SessionPicker))
        await play.pilot.click("#session-path")
        await play.paste(str(file))
        await play.press("enter")
        await play.until(lambda: "damaged.json is not a" in play.notice)
        assert play.document.is_empty


async def test_a_name_is_asked_for_and_kept() -> None:
    async with playing() as play:
        await play.press("alt+s")
        await play.until(lambda: "nothing to save yet" in play.notice)
        await play.answer("There was a")
        await play.press("alt+s")
        await play.until(lambda: isinstance(play.app.screen, Ask))
        await play.press("ctrl+u")
        await play.type("[b]My[/b] tale")
        await play.press("enter")
        await play.until(lambda: play.notice == "Saved as '[b]My[/b] tale'.")
        await _saved(play, 2)
        (file,) = paths.sessions_dir().glob("*.json")
        assert json.loads(file.read_text(encoding="utf-8"))["title"] == "[b]My[/b] tale"


@pytest.mark.parametrize("ending", ["txt", "md", "json"])
async def test_export_writes_a_file(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with playing() as play:
        await play.answer("There was a")
        await play.press("alt+e")
        await play.until(lambda: isinstance(play.app.screen, Ask))
        await play.press("ctrl+u")
        await play.type(f"tale.{ending}")
        await play.press("enter")
        await play.until(lambda: play.notice.startswith("Written to "))
        assert "There was a" in (tmp_path / f"tale.{ending}").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name, sentence",
    [("tale.pdf", "format must be one of txt, md, json"), ("taken.txt", "one that is not taken"), ("tale", "format")],
)
async def test_export_refuses_in_a_sentence(
    name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.txt").write_text("mine", encoding="utf-8")
    async with playing() as play:
        await play.answer("There was a")
        await play.press("alt+e")
        await play.until(lambda: isinstance(play.app.screen, Ask))
        await play.press("ctrl+u")
        await play.type(name)
        await play.press("enter")
        await play.until(lambda: sentence in play.notice)
    assert (tmp_path / "taken.txt").read_text(encoding="utf-8") == "mine"


async def test_there_is_nothing_to_export_yet() -> None:
    async with playing() as play:
        await play.press("alt+e")
        await play.until(lambda: "nothing to export yet" in play.notice)


async def test_the_template_is_edited_and_refused_without_its_place() -> None:
    async with playing() as play:
        await play.press("alt+t")
        await play.until(lambda: isinstance(play.app.screen, TemplateScreen))
        area = play.app.screen.query_one("#template-text")
        area.text = "no place"  # type: ignore[attr-defined]
        await play.press("f10")
        await play.until(lambda: "{prompt}" in play.screen.split("esc  leave")[0].split("no place")[1])
        assert isinstance(play.app.screen, TemplateScreen)
        area.text = "Q {prompt}\nA"  # type: ignore[attr-defined]
        await play.press("f10")
        await play.until(lambda: play.app.screen is play.main)
        assert play.document.template == ChatTemplate("Q {prompt}\nA", ("\nQuestion:",))
    assert json.loads(paths.settings_file().read_text())["template"]["text"] == "Q {prompt}\nA"


async def test_the_template_editor_says_its_keys_and_is_left_with_escape() -> None:
    async with playing(size=(80, 24)) as play:
        await play.press("alt+t")
        await play.until(lambda: isinstance(play.app.screen, TemplateScreen))
        assert "f10  take    esc  leave" in play.screen
        await play.press("x", "escape")
        await play.until(lambda: play.app.screen is play.main)
        assert play.document.template == ChatTemplate()


async def test_a_session_of_another_model_brings_its_model() -> None:
    other = ScriptedModel(" nothing", name="other")
    async with playing(others=[other]) as play:
        await play.answer("There was a")
        await _saved(play)
        play.app.choose_model("other")
        await play.until(lambda: play.main.status.model.startswith("other"))
        assert play.document.is_empty
        await play.press("ctrl+l")
        await play.until(lambda: isinstance(play.app.screen, SessionPicker))
        await play.press("enter")
        await play.until(lambda: play.main.status.model.startswith("scripted"))
        await play.ready()
        assert TALE.strip() in play.said
