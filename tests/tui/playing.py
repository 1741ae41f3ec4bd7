"""Play with the app as a person does: press keys, wait until something is so, read the screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from textual.events import Paste
from textual.message import Message
from textual.notifications import Notify
from textual.pilot import Pilot
from textual.screen import Screen

from picogpt_tui import paths
from picogpt_tui.session.document import Document
from picogpt_tui.tui import messages as our_messages
from picogpt_tui.tui.app import PicoGPTApp
from picogpt_tui.tui.downloads import Download
from picogpt_tui.tui.jobs import OpenEngine
from picogpt_tui.tui.model_jobs import Fetch
from picogpt_tui.tui.screens.main import MainScreen
from picogpt_tui.tui.screens.models import ModelsScreen
from picogpt_tui.tui.widgets.download_panel import DownloadPanel
from picogpt_tui.tui.widgets.stage import Stage

from .scripted import Gate, ScriptedFetch, ScriptedModel, on_its_way, opens

PATIENCE_SECONDS = 20.0
"""How long a test waits for what must come; only a failing test waits that long."""
AnyMessage = TypeVar("AnyMessage", bound=Message)


async def wait_until(pilot: Pilot[Any], is_so: Callable[[], object], what: str = "") -> None:
    """Let the app work until something is so.

    Raises:
        AssertionError: it never is.
    """
    clock = asyncio.get_running_loop()
    deadline = clock.time() + PATIENCE_SECONDS
    while True:
        await pilot.pause()
        if is_so():
            return
        if clock.time() > deadline:
            raise AssertionError(f"waited in vain for: {what or 'something'}\n{screen_text(pilot.app.screen)}")
        await pilot.pause(0.005)


def screen_text(screen: Screen[Any]) -> str:
    """Everything that the terminal would be told to print, line by line."""
    return "\n".join(strip.text for strip in screen._compositor.render_strips())


def write_settings(**fields: object) -> Path:
    """Put a settings file where the app will look for one."""
    path = paths.settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


class Play:
    """One run of the app.

    Attributes:
        fetch: the downloads, unless the app has others.
        pilot: Textual's way to press keys and click.
        messages: the program's own messages, in the order they were handled.
        notices: what was told in notifications.
    """

    def __init__(self, app: PicoGPTApp, model: ScriptedModel, fetch: ScriptedFetch) -> None:
        self.app = app
        self.model = model
        self.fetch = fetch
        self.pilot: Pilot[Any]
        self.messages: list[Message] = []
        self.notices: list[str] = []

    @property
    def main(self) -> MainScreen:
        """The main screen."""
        return self.app.main

    @property
    def stage(self) -> Stage:
        """The middle of the main screen."""
        return self.app.main.stage

    @property
    def document(self) -> Document:
        """The document at hand."""
        return self.app.main.document

    @property
    def said(self) -> str:
        """The transcript, with what wrapping cut joined again."""
        flow = self.stage.transcript._flow
        return flow.extract((0, 0), (len(flow.lines) - 1, 10**6))

    @property
    def screen(self) -> str:
        """All that can be seen."""
        return screen_text(self.app.screen)

    @property
    def notice(self) -> str:
        """The last notification."""
        return self.notices[-1] if self.notices else ""

    def watch(self, message: Message) -> None:
        """The hook for `run_test`."""
        if isinstance(message, Notify) and message.notification.message not in self.notices[-1:]:
            self.notices.append(message.notification.message)
        is_ours = type(message).__module__ == our_messages.__name__
        if is_ours and not any(message is known for known in self.messages[-8:]):
            self.messages.append(message)

    @property
    def downloads(self) -> dict[str, Download]:
        """What the app knows of them."""
        return self.app.main.models.downloads

    @property
    def panel(self) -> str:
        """The lines of the downloads on the main screen."""
        return self.app.main.query_one("#downloads", DownloadPanel).text

    def line(self, start: str) -> str:
        """The line of the screen that begins so; marks and blanks before it do not count."""
        lines = (line.strip(" ▸│").rstrip() for line in self.screen.split("\n"))
        return next((line for line in lines if line.startswith(start)), "")

    def told(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        """The messages of one kind."""
        return [message for message in self.messages if isinstance(message, kind)]

    async def until(self, is_so: Callable[[], object], what: str = "") -> None:
        """See `wait_until`."""
        await wait_until(self.pilot, is_so, what)

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, and let the screen be laid out."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        await self.press(*({" ": "space", "\n": "ctrl+j"}.get(char, char) for char in text))

    async def paste(self, text: str) -> None:
        """What a terminal with bracketed paste sends to what has the focus."""
        assert self.app.focused is not None
        self.app.focused.post_message(Paste(text))
        await self.pilot.pause()

    async def send(self, text: str) -> None:
        """Type a prompt and send it."""
        await self.type(text)
        await self.press("enter")

    async def ready(self) -> None:
        """Wait until the model is there and does nothing."""
        await self.until(lambda: self.main.status.state == "ready", "ready")

    async def models(self, *names: str) -> None:
        """Open the models screen, with the cursor on the model of that name, if one is named."""
        await self.press("f2")
        await self.until(lambda: isinstance(self.app.screen, ModelsScreen) and self.app.screen.table.model)
        for name in names:
            await self.go_to(name)

    async def go_to(self, name: str) -> None:
        """Move the cursor of the models screen to a model."""
        screen = self.app.screen
        assert isinstance(screen, ModelsScreen)
        await self.until(lambda: name in [model.name for model in self.main.models.models], name)
        await self.press("home")
        for _ in self.main.models.models:
            if screen.table.model is not None and screen.table.model.name == name:
                return
            await self.press("down")
        raise AssertionError(f"{name} cannot be reached")

    async def begin(self, name: str = "124M", done: int | None = 203 * 10**6) -> None:
        """Begin a download from the main screen; it has told how far it is, unless `done` is None."""
        self.main.models.download(name)
        await self.until(lambda: name in [call[0] for call in self.fetch.calls])
        if done is not None:
            self.fetch.tell(on_its_way(name, done), name=name)
            await self.until(lambda: self.downloads[name].progress is not None and self.downloads[name].fraction)

    async def quit(self) -> None:
        """Leave as a person does: no message is handled once the screen is taken apart, whatever threads still say.

        Textual's `run_test` alone would take the screen apart under an app that goes on.
        """
        self.app.exit()
        while self.app.is_running:
            await asyncio.sleep(0)

    async def answer(self, text: str) -> None:
        """Send a prompt and wait for the whole answer."""
        n_turns = len(self.document.turns)
        await self.send(text)
        await self.until(lambda: len(self.document.turns) > n_turns and not self.main.is_generating, "an answer")


@asynccontextmanager
async def playing(
    model: ScriptedModel | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    opener: OpenEngine | None = None,
    others: Iterable[ScriptedModel] = (),
    loading: Gate | None = None,
    is_ready: bool = True,
    fetch: Fetch | None = None,
) -> AsyncIterator[Play]:
    """Run the app with a scripted model; at the end every gate is opened, so that no thread is left behind.

    Args:
        model: the model that is loaded first.
        size: of the terminal, in cells.
        opener: instead of one that opens `model` and `others`.
        others: models that can be chosen by their names.
        loading: a gate in front of each load.
        is_ready: whether to wait until the model is there.
        fetch: instead of scripted downloads.
    """
    model = model or ScriptedModel()
    models = [model, *others]
    gates = [*(each.gate for each in models), *([loading] if loading is not None else [])]
    scripted = ScriptedFetch()
    play = Play(PicoGPTApp(opener=opener or opens(*models, gate=loading), fetch=fetch or scripted), model, scripted)
    try:
        async with play.app.run_test(size=size, notifications=True, message_hook=play.watch) as play.pilot:
            if is_ready:
                await play.ready()
            yield play
            await play.quit()
            for gate in gates:
                gate.open()
            scripted.close()
    finally:
        for gate in gates:
            gate.open()
        scripted.close()
