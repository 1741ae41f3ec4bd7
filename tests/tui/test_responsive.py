"""Every size of terminal: what is open where, that nothing is cut off, and the notice where there is no room."""

from __future__ import annotations

import pytest
from textual.widget import Widget
from textual.widgets import Footer

from .playing import playing
from .scripted import TALE

SIZES = [(40, 10), (60, 20), (80, 24), (99, 29), (100, 30), (120, 40), (159, 45), (160, 50), (200, 50), (250, 70)]


def name(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))


@pytest.mark.parametrize("size", SIZES, ids=name)
async def test_text_and_prompt_are_there_and_nothing_reaches_over_the_edge(size: tuple[int, int]) -> None:
    async with playing(size=size) as play:
        await play.answer("There was a")
        assert "⟨|endoftext|⟩" in play.screen
        prompt = play.main.prompt.region
        assert prompt.bottom <= size[1]
        assert prompt.right <= size[0]
        assert prompt.width >= 20
        shown = [
            widget
            for widget in play.main.walk_children(Widget)
            if widget.display and widget.region and not isinstance(widget.parent, Footer)  # which scrolls
        ]
        assert [widget for widget in shown if widget.region.right > size[0] or widget.region.x < 0] == []


@pytest.mark.parametrize(
    "size, shown, hidden",
    [
        ((80, 24), [" next "], ["NEXT TOKEN", "SESSIONS"]),
        ((120, 40), ["NEXT TOKEN", "TOKENS", "SAMPLING"], ["SESSIONS", " next "]),
        ((200, 50), ["NEXT TOKEN", "TOKENS", "SAMPLING", "SESSIONS", "MODELS"], []),
    ],
    ids=["80x24", "120x40", "200x50"],
)
async def test_what_is_open(size: tuple[int, int], shown: list[str], hidden: list[str]) -> None:
    async with playing(size=size) as play:
        lines = [line.removesuffix("  f3 next") for line in play.screen.split("\n")[:-1]]
        screen = "\n".join(lines)
        assert [word for word in shown if word not in screen] == []
        assert [word for word in hidden if f"\n{word}" in screen or (word.isupper() and word in screen)] == []


@pytest.mark.parametrize("size", [(120, 40), (120, 30), (100, 30), (200, 50)], ids=name)
async def test_all_knobs_are_on_the_screen(size: tuple[int, int]) -> None:
    async with playing(size=size) as play:
        for name in ("temperature", "top-k", "top-p", "min-p", "repetition", "max tokens", "seed"):
            assert f" {name} " in play.screen, name


@pytest.mark.parametrize("size", [(39, 24), (80, 9), (12, 3), (1, 1)], ids=name)
async def test_too_small_is_said_and_large_again_is_as_before(size: tuple[int, int]) -> None:
    async with playing() as play:
        await play.answer("There was a")
        await play.type("draft")
        await play.pilot.resize_terminal(*size)
        await play.until(lambda: "king" not in play.screen)
        if size[0] >= 39:
            await play.until(lambda: "needs a terminal of at least" in " ".join(play.screen.split()))
        await play.pilot.resize_terminal(120, 40)
        await play.until(lambda: TALE.strip() in play.said and "king." in play.screen)
        assert play.main.prompt.text == "draft"


async def test_a_panel_opened_on_a_narrow_screen_leaves_no_trace_on_a_wide_one() -> None:
    async with playing(size=(80, 24)) as play:
        await play.press("f3")
        await play.pilot.resize_terminal(120, 40)
        await play.until(lambda: "SAMPLING" in play.screen)
        assert all(word in play.screen for word in ("NEXT TOKEN", "TOKENS", "SAMPLING"))


@pytest.mark.parametrize("size", [(120, 40), (120, 24), (100, 20)], ids=name)
async def test_a_knob_that_gets_the_focus_comes_into_view(size: tuple[int, int]) -> None:
    """Where the panels have no room one under the other, they scroll."""
    async with playing(size=size) as play:
        await play.press("ctrl+t", *["down"] * 8)
        await play.until(lambda: "▸seed " in play.screen)
