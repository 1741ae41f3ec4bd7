"""The main screen: routes what happens from the prompt to the model and back to the eye."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Footer, Static

from picogpt_tui.session.document import Document
from picogpt_tui.session.preferences import Preferences
from picogpt_tui.settings import INT8, GenerationSettings
from picogpt_tui.tui.actions import ACTIONS, PANELS, use_download
from picogpt_tui.tui.breakpoints import HEIGHTS, WIDTHS, size_classes
from picogpt_tui.tui.commands import COMMANDS, SCREEN_COMMANDS, Command
from picogpt_tui.tui.conversation import Conversation
from picogpt_tui.tui.keyboard import Keyboard
from picogpt_tui.tui.messages import (
    DownloadWanted,
    EventsArrived,
    ExampleChosen,
    ModelChosen,
    Peeked,
    PromptSubmitted,
    RoomChanged,
    SessionChosen,
    SessionOpened,
    SessionsListed,
    SettingsChanged,
    ValueRefused,
    WorkFailed,
)
from picogpt_tui.tui.model_jobs import Fetch
from picogpt_tui.tui.widgets.download_panel import DownloadPanel
from picogpt_tui.tui.widgets.live_panel import LivePanel, LiveRead, Typed
from picogpt_tui.tui.widgets.model_keeper import ModelKeeper
from picogpt_tui.tui.widgets.model_loader import ModelLoader
from picogpt_tui.tui.widgets.player import Player
from picogpt_tui.tui.widgets.prompt_box import PromptBox
from picogpt_tui.tui.widgets.prompt_input import PromptInput
from picogpt_tui.tui.widgets.session_keeper import SessionKeeper
from picogpt_tui.tui.widgets.stage import Stage
from picogpt_tui.tui.widgets.status_bar import StatusBar
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.tui.app import PicoGPTApp


class MainScreen(Screen[None]):
    """Where one plays."""

    BINDINGS: ClassVar[list[BindingType]] = [command.binding() for command in SCREEN_COMMANDS]
    PALETTE: ClassVar[list[Command]] = [command for command in COMMANDS if command.id != "palette"]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#prompt"

    app: PicoGPTApp
    status = query_one("#status", StatusBar)
    loader = query_one("#loader", ModelLoader)
    stage = query_one("#stage", Stage)
    live = query_one("#live", LivePanel)
    prompt = query_one("#prompt", PromptInput)
    prompt_box = query_one("#prompt-box", PromptBox)
    player = query_one("#player", Player)
    keeper = query_one("#keeper", SessionKeeper)
    models = query_one("#model-keeper", ModelKeeper)

    def __init__(self, preferences: Preferences, fetch: Fetch) -> None:
        hidden = [f"-no-{panel}" for panel in PANELS if panel not in preferences.panels]
        hidden += ["-live"] if preferences.live else []
        super().__init__(classes=" ".join([*hidden, *size_classes(shutil.get_terminal_size())]))
        self._fetch = fetch
        self.settings = preferences.generation
        self.keyboard = Keyboard(self)
        self.conversation = Conversation(self, Document(mode=preferences.mode, template=preferences.template))

    @property
    def document(self) -> Document:
        """All that was said so far."""
        return self.conversation.document

    @property
    def engine(self) -> Engine | None:
        """The model that is played with."""
        return self.player.engine

    @property
    def model_name(self) -> str:
        """Its name, "" while there is none."""
        return self.engine.info.name if self.engine is not None else ""

    @property
    def precision(self) -> str:
        """What it is loaded in, "" while there is none."""
        return self.engine.info.precision if self.engine is not None else ""

    @property
    def is_generating(self) -> bool:
        """Whether an answer is on its way."""
        return self.player.is_generating

    def compose(self) -> ComposeResult:
        """Status, stage, prompt, footer."""
        yield StatusBar(id="status")
        yield ModelLoader(id="loader")
        yield DownloadPanel(id="downloads")
        yield Stage(self.settings, id="stage")
        yield LivePanel(id="live")
        yield PromptBox(id="prompt-box")
        yield Footer()
        yield Static(Content("picogpt-tui needs a terminal of at least 40 x 10 cells."), id="too-small")
        yield Player(id="player")
        yield SessionKeeper(id="keeper")
        yield ModelKeeper("model-keeper", self._fetch)

    def on_mount(self) -> None:
        """Show what the settings say."""
        self.show_mode()
        self.keeper.refresh_list()

    # -- the model and the document ------------------------------------------------------------------------------------

    def use_engine(self, engine: Engine) -> None:
        """Play with this model from now on; a text of another model is saved, and a new session begins."""
        self.conversation.stop()
        self.player.engine = engine
        info = engine.info
        self.status.show_model(info)
        document = self.document
        if document.model not in ("", info.name):
            last = document.last("prompt")
            document = self.new_document()
            if last is not None and not self.prompt.text:
                self.prompt.put(last.text)
        document.model = info.name
        self.models.loaded(info.name)
        self.show_document(document)
        self.tell_of_trouble()
        self.conversation.send_what_waits()

    def show_document(self, document: Document) -> None:
        """Show another document, or the same after a step back."""
        self.conversation.document = document
        self.stage.show_document(document, self.engine)
        if self.engine is not None:
            n_tokens = document.tree.position(document.end) + 1
            self.status.n_context = min(n_tokens, self.engine.info.n_ctx)
        self.show_mode()
        self.status.tokens_per_second, self.status.guesses = 0.0, (0, 0)
        self.show_state("ready" if self.engine is not None else "starting", is_live=False)
        self.peek()

    def peek(self) -> None:
        """Ask for the distribution behind the text as it stands."""
        if self.has_class("-live"):
            self.read_live()
        elif not self.is_generating:
            self.player.peek(self.document.ids(), self.settings.sampling, self.stage.n_candidates)

    @on(PromptInput.Changed)
    def read_live(self) -> None:
        """Read what stands in the prompt, if that is wanted, and show what would come behind it."""
        if self.engine is not None and not self.is_generating and self.has_class("-live"):
            request = self.document.request(self.prompt.value, self.settings)
            how = self.settings.sampling, self.stage.n_candidates
            self.live.read(Typed(self.engine, request.context_ids, request.new_text, *how))

    @on(LiveRead)
    def _show_live(self, message: LiveRead) -> None:
        if not self.is_generating:
            self.stage.show_distribution(message.reading.distribution, None)

    @on(Peeked)
    def _show_peek(self, message: Peeked) -> None:
        if self.player.is_current(message.generation):
            self.stage.show_distribution(message.distribution, None)
            if len(message.distribution.candidates) < self.stage.n_candidates:  # more room than when it was asked
                self.reshape()

    def new_document(self) -> Document:
        """An empty document in the mode at hand."""
        document = Document(mode=self.document.mode, template=self.document.template)
        if self.engine is not None:
            document.model = self.engine.info.name
        return document

    # -- from the prompt to the model and back -------------------------------------------------------------------------

    @on(ExampleChosen)
    def _try_example(self, message: ExampleChosen) -> None:
        self.prompt.remember(message.text)
        self.prompt.focus()
        self.conversation.send(message.text)

    @on(PromptSubmitted)
    def _submit(self, message: PromptSubmitted) -> None:
        self.conversation.send(message.text)

    @on(EventsArrived)
    def _take_events(self, message: EventsArrived) -> None:
        self.conversation.take_events(message)

    @on(WorkFailed)
    def _show_failure(self, message: WorkFailed) -> None:
        if self.player.is_current(message.generation):
            self.conversation.give_up()
        elif message.generation != -1:
            return
        self.notify(message.sentence, severity="error", timeout=10, markup=False)

    def show_state(self, state: str, *, is_live: bool) -> None:
        """Say what the model does."""
        self.status.state, self.status.is_live = state, is_live

    def tell_of_trouble(self) -> None:
        """Say once why int8 is slower here than it could be, as soon as that is known."""
        if self.precision == INT8:
            from picogpt_tui.session.quantized import kernel_trouble  # needs NumPy, which came with the model

            if trouble := kernel_trouble():
                self.app.tell_once(one_line(trouble, 400))

    def show_mode(self) -> None:
        """Say how a prompt will be used."""
        self.prompt_box.show(self.document.mode, self.settings.sampling)

    # -- settings and commands -----------------------------------------------------------------------------------------

    @on(SettingsChanged)
    def _change_settings(self, message: SettingsChanged) -> None:
        self.set_settings(message.settings)

    @on(ValueRefused)
    def _refuse(self, message: ValueRefused) -> None:
        self.notify(message.sentence, severity="warning", markup=False)

    def set_settings(self, settings: GenerationSettings) -> None:
        """Use these settings from now on, and re-shape what is shown without running the model."""
        reshapes = settings.sampling != self.settings.sampling
        self.settings = settings
        self.app.remember(generation=settings)
        self.show_mode()
        if reshapes:
            self.reshape()

    @on(RoomChanged)
    def reshape(self) -> None:
        """Show the distribution at hand anew, under other settings or in another room."""
        if self.engine is not None and not self.is_generating:
            chosen = self.stage.next_token.chosen
            shown = self.engine.reshape(self.settings.sampling, self.stage.n_candidates, chosen)
            if shown is not None:
                self.stage.show_distribution(shown, chosen)

    def action_do(self, id: str) -> None:
        """Do what a command says."""
        ACTIONS[id](self)

    def say(self, sentence: str) -> None:
        """Tell the user something, as plain text."""
        self.notify(sentence, markup=False)

    @on(SessionsListed)
    def _show_sessions(self, message: SessionsListed) -> None:
        self.stage.library.show_sessions(message.sessions)

    @on(SessionChosen)
    def _open_session(self, message: SessionChosen) -> None:
        self.keeper.open(message.path, self.engine)

    @on(SessionOpened)
    def _take_session(self, message: SessionOpened) -> None:
        self.conversation.stop()
        document = message.document
        for turn in document.version():
            if turn.kind == "prompt":
                self.prompt.remember(turn.text)
        self.show_document(document)
        self.prompt.focus()
        if message.has_other_weights:
            self.say(f"Played with other weights of {document.model}: the same seed gives other tokens now.")
        if self.engine is not None and document.model != self.engine.info.name:
            self.app.choose_model(document.model)

    @on(DownloadWanted)
    def _use_download(self, message: DownloadWanted) -> None:
        use_download(message.name, self)

    @on(ModelChosen)
    def _choose_model(self, message: ModelChosen) -> None:
        self.app.choose_model(message.name)
