"""The explorer as the tests of its views open it: the bundled model, a prompt or a sampled answer, one view."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TypeVar

from picogpt_tui import load
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session.engine import Engine
from picogpt_tui.tui.screens.explorer import ExplorerScreen
from picogpt_tui.tui.widgets.instrument import Instrument

from ..playing import Play, playing, write_settings

PROMPT = "Once upon a time there was a"
View = TypeVar("View", bound=Instrument)


@lru_cache(maxsize=1)
def stories() -> LanguageModel:
    """The bundled model, read once."""
    return load("stories")


def open_stories(name: str, precision: str) -> Iterator[Engine]:
    """The app's way to load: the bundled model for any name."""
    yield Engine(stories())


def screen_of(play: Play) -> ExplorerScreen:
    """The explorer, which is open."""
    screen = play.app.screen
    assert isinstance(screen, ExplorerScreen)
    return screen


def view_of(play: Play, kind: type[View]) -> View:
    """The view that is open."""
    view = screen_of(play).view
    assert isinstance(view, kind)
    return view


async def looked(play: Play) -> None:
    """Wait until the model has said all that it was asked."""
    screen = screen_of(play)
    await play.until(lambda: screen.scene.look is not None and not screen.asker.is_busy, "a look")


@asynccontextmanager
async def exploring(
    view: str, prompt: str = PROMPT, *, size: tuple[int, int] = (120, 40), n_tokens: int = 0, seed: int = 7
) -> AsyncIterator[Play]:
    """The explorer, opened with a view on the last token of a text.

    Args:
        view: its id.
        prompt: what was typed.
        size: of the terminal, in cells.
        n_tokens: how many tokens the model has answered.
        seed: of their draws.
    """
    write_settings(view=view, generation={"max_tokens": n_tokens, "seed": seed})
    async with playing(size=size, opener=open_stories) as play:
        await play.paste(prompt)
        if n_tokens:
            await play.answer("")
        await play.press("f7")
        await looked(play)
        yield play
