"""The ways into the explorer: with the text at hand, what stands in the prompt included, or with a file's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.session.text_file import read_text_file
from picogpt_tui.tui.screens.ask import Ask
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.tui.screens.main import MainScreen

_MOST_TOKENS = 20_000
"""More are no pleasure to walk through, and take minutes to read."""


def explore(screen: MainScreen, cursor: int | None = None) -> None:
    """Walk through the text; what stands in the prompt is put behind it first, as when it is sent."""
    from picogpt_tui.tui.screens.explorer import ExplorerScreen  # opened later than the first frame

    if screen.engine is None:
        screen.say("The model is still loading; explore when it is there.")
        return
    screen.conversation.stop()
    if not screen.document.is_empty and screen.document.model not in ("", screen.model_name):
        belongs = one_line(screen.document.model, 60)
        screen.say(f"This text belongs to {belongs}, whose tokens are others; f2 loads it.")
        return
    if typed := screen.prompt.take():
        request = screen.document.request(typed, screen.settings)
        screen.document.add_prompt(typed, screen.engine.tokenizer.encode(request.new_text))

    def back(result: None) -> None:
        screen.show_document(screen.document)
        screen.stage.sampling.show(screen.settings)
        screen.prompt.focus()

    screen.app.push_screen(ExplorerScreen(screen.engine, screen.document, screen.settings, cursor), back)


def explore_soon(screen: MainScreen) -> None:
    """Walk through the text, once the prompt has what was typed before the key."""
    # subtle: the key works whatever has the focus, and so overtakes letters that still wait in the prompt's queue
    screen.prompt.call_later(explore, screen)


def _explore_file(path: Path, screen: MainScreen) -> None:
    assert screen.engine is not None
    try:
        file = read_text_file(path)
    except PicoGPTError as error:
        screen.notify(one_line(str(error), 400), severity="error", timeout=10, markup=False)
        return
    ids = screen.engine.tokenizer.encode(file.text)
    screen.conversation.stop()
    screen.show_document(screen.new_document())
    kept, name = ids[:_MOST_TOKENS], one_line(path.name, 60)
    if kept:
        screen.document.add_prompt(screen.engine.decode(kept), kept)
    if len(ids) > len(kept):
        screen.say(
            f"{name} has {len(ids):,} tokens, the first {len(kept):,} of which are here; "
            "`picogpt-tui score -` reads a whole file."
        )
    if file.n_wrong:
        places = f"{file.n_wrong:,} place{'s' * (file.n_wrong > 1)}"
        screen.say(f"{name} is not UTF-8 in {places}; U+FFFD stands there.")
    explore(screen, cursor=0)


def read_file(screen: MainScreen) -> None:
    """Begin a session with the text of a file, and explore it."""
    if screen.engine is None:
        screen.say("The model is still loading; read a file when it is there.")
        return

    def take(answer: str | None) -> None:
        if answer is not None:
            _explore_file(Path(answer).expanduser(), screen)

    what = f"Its text, at most {_MOST_TOKENS:,} tokens of it, becomes a new session; this one is saved."
    screen.app.push_screen(Ask("Read a file", what, ""), take)
