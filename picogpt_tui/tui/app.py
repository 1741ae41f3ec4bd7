"""The app: settings, themes, keys, and the model that is loaded behind the first frame."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from threading import Event as StopEvent
from typing import Any, ClassVar

from textual import events, on, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import get_current_worker

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.hub.registry import DEFAULT
from picogpt_tui.session import preferences as preferences_file
from picogpt_tui.tui import jobs, model_jobs, precisions
from picogpt_tui.tui.commands import BY_ID, key_name
from picogpt_tui.tui.keymap import check_keymap
from picogpt_tui.tui.messages import CopyNotKept, ModelFailed, ModelLoaded, ModelLoading
from picogpt_tui.tui.screens.main import MainScreen
from picogpt_tui.tui.themes import INK, THEMES


class PicoGPTApp(App[None], inherit_bindings=False):
    """A playground for GPT-2."""

    TITLE = "picogpt-tui"
    CSS_PATH = Path(__file__).parent / "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        BY_ID["quit"].binding(),
        Binding("ctrl+c", "help_quit", "Copy the selection", show=False, system=True),
    ]

    def __init__(
        self,
        model: str | None = None,
        *,
        opener: jobs.OpenEngine = jobs.open_engine,
        fetch: model_jobs.Fetch | None = None,
    ) -> None:
        self.preferences, self._notices = preferences_file.load()
        self.own_keys, key_notices = check_keymap(self.preferences.keys)
        # subtle: Textual binds the palette's key itself, from this class variable, when an app is made
        type(self).COMMAND_PALETTE_BINDING = self.own_keys.get("palette", BY_ID["palette"].key)
        super().__init__()
        self._notices += key_notices
        self._opener = opener
        self._first_model = model or self.preferences.model
        self._can_save = True
        self._told: set[str] = set()
        self._load = 0
        self._stop_loading = StopEvent()
        self.main = MainScreen(self.preferences, fetch or model_jobs.Fetcher())
        self._dress()

    def get_default_screen(self) -> MainScreen:
        """The main screen is the first and the last."""
        return self.main

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What Textual's 16-colour themes leave out."""
        return {"foreground-disabled": "ansi_bright_black"}

    async def on_event(self, event: events.Event) -> None:
        """Every key passes here first, in the order in which it was typed."""
        await self.main.keyboard.take(event, super().on_event)

    def on_mount(self) -> None:
        """Load the model only when the first frame is on the screen."""
        self.theme_changed_signal.subscribe(self, lambda theme: self.remember(theme=theme.name))
        self.set_keymap(self.own_keys)
        self.main.call_after_refresh(self._start)

    def _dress(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.preferences.theme
        if wanted not in self.available_themes:
            self._notices.append(f"There is no theme {wanted!r}; {INK.name} is used.")
            wanted = INK.name
        self.theme = wanted

    def _start(self) -> None:
        for notice in self._notices:
            self.notify(notice, severity="warning", timeout=15, markup=False)
        self.choose_model(self._first_model)

    # -- models --------------------------------------------------------------------------------------------------------

    def choose_model(self, name: str) -> None:
        """Load a model in its precision behind the loader; the one in use stays until the new one is there."""
        self._stop_loading.set()
        self._stop_loading = StopEvent()
        self._load += 1
        self.main.loader.begin(name)
        self._load_model(name, self._load, self._stop_loading)

    def pick_model(self) -> None:
        """Show the models, and load the one that is chosen."""
        from picogpt_tui.tui.screens.models import ModelsScreen  # opened seldom, so not part of the first frame

        def take(name: str | None) -> None:
            if name is not None:
                self.choose_model(name)

        self.push_screen(ModelsScreen(self.main.models, self.main.model_name), take)

    @work(thread=True, group="load", exit_on_error=False)
    def _load_model(self, name: str, load: int, stop: StopEvent) -> None:
        worker, chosen = get_current_worker(), self.preferences.precisions

        def should_stop() -> bool:
            return stop.is_set() or worker.is_cancelled

        jobs.load_job(name, chosen, load, self._opener, self.post_message, should_stop)

    @on(ModelLoading)
    def _show_loading(self, message: ModelLoading) -> None:
        if message.load == self._load:
            self.main.loader.show(message.progress)

    @on(CopyNotKept)
    def _tell_of_copy(self, message: CopyNotKept) -> None:
        if message.load == self._load:
            self.tell_once(message.sentence)

    @on(ModelLoaded)
    def _use_model(self, message: ModelLoaded) -> None:
        if message.load == self._load:
            self.main.loader.end()
            self.main.use_engine(message.engine)
            gc.freeze()  # what is here now stays; the collector need not walk it again at every few tokens
            self.remember(model=message.engine.info.name)

    @on(ModelFailed)
    def _keep_model(self, message: ModelFailed) -> None:
        if message.load != self._load:
            return
        if message.missing:
            self.main.loader.end()
            self.main.models.offer(message.missing, message.sentence)
            if self.main.engine is None and message.name != DEFAULT:
                self.choose_model(DEFAULT)  # something to play with meanwhile
            return
        engine = self.main.engine
        rest = f" {engine.info.name} stays in use." if engine is not None else " F2 chooses another model."
        self.main.loader.fail(message.sentence + rest)

    def precision_of(self, name: str) -> str:
        """What a model of this name is loaded in."""
        return precisions.precision_of(name, self.preferences.precisions)

    def choose_precision(self, name: str, precision: str) -> None:
        """Load this model so from now on."""
        self.remember(precisions=precisions.with_choice(name, precision, self.preferences.precisions))

    # -- settings ------------------------------------------------------------------------------------------------------

    def remember(self, **changes: Any) -> None:
        """Keep changed preferences in the settings file; where that cannot be written, say so once."""
        self.preferences = self.preferences.changed(**changes)
        if not self._can_save:
            return
        try:
            preferences_file.save(self.preferences)
        except PicoGPTError as error:
            self._can_save = False
            self.notify(f"Settings are not saved. {error}", severity="warning", markup=False)

    def tell_once(self, sentence: str) -> None:
        """Tell what is worth telling once in a run of the app, however often it comes up."""
        if sentence not in self._told:
            self._told.add(sentence)
            self.notify(sentence, severity="warning", timeout=10, markup=False)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: what one can do on the screen at hand, then Textual's themes and screenshots."""
        for command in getattr(screen, "PALETTE", ()):
            key = key_name(self.own_keys.get(command.id, command.key))
            yield SystemCommand(command.title, f"{command.help} ({key})", partial(screen.run_action, command.action))
        yield SystemCommand("Theme", "Change the colours.", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save a picture of the screen as SVG.", self.deliver_screenshot)


def run(*, model: str | None = None, mouse: bool = True) -> int:
    """Start the app; returns the exit code."""
    app = PicoGPTApp(model)
    app.run(mouse=mouse)
    return app.return_code or 0
