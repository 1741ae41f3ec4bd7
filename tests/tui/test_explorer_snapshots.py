"""Pictures of the explorer on the bundled model; see test_snapshots for when they are compared and how made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import textual
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from picogpt_tui.session import probes
from picogpt_tui.tui.app import PicoGPTApp
from picogpt_tui.tui.explorer_commands import VIEWS
from picogpt_tui.tui.screens.explorer import ExplorerScreen

from .playing import wait_until, write_settings
from .test_snapshots import LARGE, MADE_WITH, MIDDLE, SMALL
from .views.exploring import open_stories

PROMPT = "Once upon a time there was a king who had three sons, and the youngest"
TO_KING = ["left"] * 8
KEYS: dict[str, list[str]] = {
    "sampler": TO_KING,
    "tree": [*TO_KING, "down", "enter", "space", "space", "u", "u", "u", "left", "left", "down", "down", "enter"],
    "lens": TO_KING,
    "why": TO_KING,
    "heads": [*TO_KING, "tab", "down", "right"],
    "surgery": [*TO_KING, "tab", "x", "down", "n"],
    "pieces": TO_KING,
    "words": [*TO_KING, "slash", "k", "i", "n", "g"],
    "compare": TO_KING,
}
"""What is pressed in each view before its picture is taken."""

pytestmark = pytest.mark.skipif(
    textual.__version__ != MADE_WITH,
    reason=f"the pictures were made with Textual {MADE_WITH}, and Textual {textual.__version__} may draw otherwise",
)
Shows = Callable[..., bool]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No folder, no clock and no last bit of this machine gets into a picture."""
    monkeypatch.chdir(tmp_path)
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget, "cursor_blink", False)
    attribute = probes.attribute

    def without_rounding(*args: Any, **options: Any) -> Iterator[object]:
        for reading in attribute(*args, **options):
            yield replace(reading, total=reading.difference)

    monkeypatch.setattr(probes, "attribute", without_rounding)


@pytest.fixture
def shows(snap_compare: Shows) -> Shows:
    """Compare the explorer with its picture."""

    def compare(view: str, size: tuple[int, int], *keys: str, before: tuple[str, ...] = (), **settings: object) -> bool:
        generation = {"sampling": {"temperature": 0.0}, "seed": 3, "max_tokens": 8, "prompt_lookup": False}
        write_settings(**({"generation": generation, "view": view} | settings))
        app = PicoGPTApp(opener=open_stories)

        async def settled(pilot: Pilot[Any]) -> None:
            explorer = app.screen
            if isinstance(explorer, ExplorerScreen):
                await wait_until(
                    pilot,
                    lambda: (
                        explorer.scene.look is not None
                        and not explorer.asker.is_busy
                        and not explorer.growth.is_running
                    ),
                )

        async def play(pilot: Pilot[Any]) -> None:
            await wait_until(pilot, lambda: app.main.status.state == "ready")
            app.main.prompt.put(PROMPT)
            for key in (*before, "f7", *keys):
                await pilot.press(key)
                await settled(pilot)
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("view", [id for id, _, _ in VIEWS])
def test_view(shows: Shows, view: str, size: tuple[int, int]) -> None:
    assert shows(view, size, *KEYS[view])


def test_no_view(shows: Shows) -> None:
    assert shows("", MIDDLE, *TO_KING, "full_stop")


def test_large(shows: Shows) -> None:
    assert shows("lens", LARGE, *TO_KING)


@pytest.mark.parametrize("view", ["sampler", "heads"])
def test_no_color(shows: Shows, view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shades below the text, digits and signs in the view: the same facts."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert shows(view, MIDDLE, *KEYS[view])


@pytest.mark.parametrize("theme", ["picogpt-paper", "ansi-dark", "nord"])
def test_themes(shows: Shows, theme: str) -> None:
    assert shows("why", MIDDLE, *TO_KING, theme=theme)


def test_rank_with_digits(shows: Shows) -> None:
    assert shows("tree", SMALL, *TO_KING, "c", "m", "m")


def test_help(shows: Shows) -> None:
    assert shows("lens", MIDDLE, "f1")


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_live(snap_compare: Shows, size: tuple[int, int]) -> None:
    write_settings(live=True)
    app = PicoGPTApp(opener=open_stories)

    async def play(pilot: Pilot[Any]) -> None:
        await wait_until(pilot, lambda: app.main.status.state == "ready")
        app.main.prompt.put(PROMPT)
        await wait_until(pilot, lambda: "16 tokens" in str(app.main.query_one("#live-numbers").render()))

    assert snap_compare(app, terminal_size=size, run_before=play)
