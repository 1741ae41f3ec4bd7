"""What the explorer shows, taken away by keys: files in every format, and the clipboard."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from picogpt_tui.events import TokenEvent
from picogpt_tui.session import storage
from picogpt_tui.tui.screens.ask import Ask
from picogpt_tui.tui.screens.explorer import ExplorerScreen

from .playing import Play
from .views.exploring import exploring, looked, screen_of, stories


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files are suggested where one is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def export(play: Play, name: str) -> str:
    """Export to a file of this name; returns what was said."""
    await play.press("e")
    await play.until(lambda: isinstance(play.app.screen, Ask), "the question")
    await play.press("ctrl+u")
    await play.paste(name)
    n_notices = len(play.notices)
    await play.press("enter")
    await play.until(lambda: len(play.notices) > n_notices, "a word about it")
    return play.notice


async def test_the_suggested_file_is_named_after_session_and_view_and_holds_the_numbers(here: Path) -> None:
    async with exploring("sampler", n_tokens=4) as play:
        await play.press("e")
        await play.until(lambda: isinstance(play.app.screen, Ask), "the question")
        await play.press("enter")
        await play.until(lambda: "Written to" in play.notice, "the file")
        screen = screen_of(play)
        [path] = here.iterdir()
        assert "-once-upon-a-time-there-was-a" in path.name
        assert path.name.endswith("-sampler.json")
        said = json.loads(path.read_text(encoding="utf-8"))
        assert (said["view"], said["model"], said["precision"]) == ("sampler", "stories", "float32")
        assert said["digest"] == stories().digest
        assert (said["ids"], said["cursor"]) == (screen.exploration.ids(), screen.exploration.cursor)
        assert said["text"] == screen.engine.decode(said["ids"])
        assert len(said["numbers"]["candidates"]) >= 12
        await play.press("0")
        await looked(play)
        said_of_it = await export(play, str(path))
        assert f"must be one that is not taken, not {str(path)!r}" in said_of_it
        assert json.loads(path.read_text(encoding="utf-8")) == said


async def test_without_a_view_the_text_is_taken_token_by_token(here: Path) -> None:
    async with exploring("", n_tokens=4) as play:
        await export(play, "a.json")
        said = json.loads((here / "a.json").read_text(encoding="utf-8"))
        assert said["view"] == "text"
        assert [one["id"] for one in said["numbers"]] == said["ids"]
        assert said["numbers"][-1]["logprob"] < 0
        assert len(said["numbers"][-1]["alternatives"]) >= 10
        await export(play, "a.csv")
        rows = list(csv.reader((here / "a.csv").read_text(encoding="utf-8").splitlines()))
        assert [row[1] for row in rows[1:]] == [str(id) for id in said["ids"]]
        await export(play, "a.txt")
        assert (here / "a.txt").read_text(encoding="utf-8").startswith("Once upon a time there was a")
        assert "must be one that ends in" in await export(play, "a.doc")


async def test_pictures_are_of_the_screen_without_the_question(here: Path) -> None:
    async with exploring("lens", n_tokens=4) as play:
        await export(play, "a.svg")
        svg = (here / "a.svg").read_text(encoding="utf-8")
        ElementTree.fromstring(svg)
        await export(play, "a.html")
        html = (here / "a.html").read_text(encoding="utf-8")
        for picture in (svg, html):
            assert "sampler" in picture
            assert "The ending says" not in picture
        assert "style=" in html, "it stands by itself"
        await export(play, "a.txt")
        assert (here / "a.txt").read_text(encoding="utf-8").rstrip() == screen_of(play).view.text.rstrip()  # type: ignore[union-attr]  # open


async def test_a_session_that_was_taken_away_replays_to_the_same_ids(here: Path) -> None:
    async with exploring("", n_tokens=6) as play:
        ids = screen_of(play).exploration.ids()
        await export(play, "a.session.json")
    document = storage.load(here / "a.session.json")
    assert document.ids() == ids
    assert document.digest == stories().digest
    turn = document.version()[-1]
    assert turn.settings is not None
    settings = turn.settings
    again = stories().generate("Once upon a time there was a", max_tokens=6, seed=settings.seed)
    assert [event.id for event in again if isinstance(event, TokenEvent)] == ids[-6:]


async def test_what_shows_nothing_yet_cannot_be_taken_as_numbers(here: Path) -> None:
    async with exploring("compare") as play:
        assert "This view shows no numbers yet" in await export(play, "a.json")
        assert list(here.iterdir()) == []
        await play.press("y")
        assert "o chooses one" in " ".join(play.app.clipboard.split()), "then what it says is copied"


async def test_y_sends_the_rows_to_the_clipboard_and_says_how_many() -> None:
    async with exploring("sampler", n_tokens=4) as play:
        await play.press("y")
        view = screen_of(play).view
        assert view is not None
        rows = play.app.clipboard.splitlines()
        assert rows[0].split("\t")[:3] == ["rank", "id", "token"]
        assert len(rows) == len(view.table())
        assert f"{len(rows) - 1} rows sent to the terminal's clipboard." in play.notice
        await play.press("0", "y")
        assert play.app.clipboard.splitlines()[0].startswith("position\tid\ttoken")
        assert isinstance(play.app.screen, ExplorerScreen)
