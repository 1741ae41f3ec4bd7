"""The explorer's help: its own keys, every view with its source, and what the numbers mean."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from picogpt_tui.tui.explorer_commands import COMMANDS, VIEW_COMMANDS, VIEWS
from picogpt_tui.tui.screens.explorer import ExplorerScreen
from picogpt_tui.tui.screens.explorer_help import ExplorerHelp, shown_key
from picogpt_tui.tui.views import view_class

from .playing import Play, playing, write_settings
from .views.exploring import open_stories


def words(play: Play) -> str:
    """All of the help, scrolled or not."""
    return " ".join(" ".join(str(part.content) for part in play.app.screen.query(Static)).split())


@pytest.mark.parametrize(
    "keys, shown", [("full_stop,alt+full_stop", "."), ("slash", "/"), ("ctrl+g", "^g"), ("escape,f7", "esc")]
)
def test_signs_are_written_as_themselves(keys: str, shown: str) -> None:
    assert shown_key(keys) == shown


@pytest.mark.parametrize("id", [id for id, _, _ in VIEWS])
def test_every_view_says_what_it_shows_and_where_its_formula_is_from(id: str) -> None:
    assert view_class(id).HELP_TEXT.endswith(".")
    assert len(view_class(id).HELP_TEXT) > 80


async def test_f1_tells_the_keys_as_the_user_has_them_the_views_and_the_conventions() -> None:
    write_settings(view="", generation={"max_tokens": 4}, keys={"explore-run": "h"})
    async with playing(opener=open_stories) as play:
        await play.type("Once")
        await play.press("f7", "f1")
        await play.until(lambda: isinstance(play.app.screen, ExplorerHelp), "the help")
        told = words(play)
        assert "h Let the model go on from here" in told
        for command in COMMANDS:
            assert command.help in told
        for (id, title, what), command in zip(VIEWS, VIEW_COMMANDS, strict=True):
            assert f"{command.key} {title} {what} {' '.join(view_class(id).HELP_TEXT.split())}" in told
        for convention in ("Nothing comes before it", "#1 the likeliest", "without <|endoftext|>", "A full context"):
            assert convention in told
        await play.press("escape")
        await play.until(lambda: isinstance(play.app.screen, ExplorerScreen), "the explorer")
        await play.press("h")
        await play.until(lambda: len(play.document.turns) == 2, "the model goes on with the user's own key")
        await play.press("escape")
