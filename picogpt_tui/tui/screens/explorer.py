"""The explorer: the text as tokens with a cursor, what could stand there, and a view of why.

Routes what happens: keys to `explorer_actions`, the cursor to the asker, answers to the widgets.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Footer

from picogpt_tui.session.exploration import Exploration
from picogpt_tui.settings import GenerationSettings
from picogpt_tui.tui.breakpoints import HEIGHTS, WIDTHS, size_classes
from picogpt_tui.tui.commands import Command
from picogpt_tui.tui.explorer_actions import ACTIONS, open_view, take, take_token
from picogpt_tui.tui.explorer_commands import ALL
from picogpt_tui.tui.explorer_growth import Growth
from picogpt_tui.tui.explorer_jobs import Inquiry
from picogpt_tui.tui.explorer_messages import (
    Answered,
    Asking,
    AskingFailed,
    CandidatePointed,
    CandidatesShown,
    CutsChosen,
    FactsTold,
    Looked,
    NodePointed,
    QuestionChanged,
    Said,
    TextShaded,
    TokenPointed,
    TokenWanted,
    TreeChanged,
    ViewPointed,
)
from picogpt_tui.tui.messages import EventsArrived, SettingsChanged, WorkFailed
from picogpt_tui.tui.widgets.asker import Asker
from picogpt_tui.tui.widgets.candidates import Candidates
from picogpt_tui.tui.widgets.explorer_stage import ExplorerStage
from picogpt_tui.tui.widgets.instrument import Instrument, Scene
from picogpt_tui.tui.widgets.player import Player
from picogpt_tui.tui.widgets.token_text import TokenText

if TYPE_CHECKING:
    from picogpt_tui.session.document import Document
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.session.instruments import Place
    from picogpt_tui.tui.app import PicoGPTApp

_NUMBERS_SECONDS = 0.25
"""A long text's colours are drawn anew as its facts come, but no more often than this."""


class ExplorerScreen(Screen[None]):
    """Where one walks through a text; it leaves with the document as it then is."""

    BINDINGS: ClassVar[list[BindingType]] = [command.binding() for command in ALL]
    PALETTE: ClassVar[tuple[Command, ...]] = ALL
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#token-text"

    app: PicoGPTApp
    stage = query_one("#explorer-stage", ExplorerStage)
    tokens = query_one("#token-text", TokenText)
    candidates = query_one("#candidates", Candidates)
    asker = query_one("#asker", Asker)
    player = query_one("#explorer-player", Player)

    def __init__(self, engine: Engine, document: Document, settings: GenerationSettings, cursor: int | None) -> None:
        super().__init__(classes=" ".join(size_classes(shutil.get_terminal_size())))
        from picogpt_tui.session.instruments import Instruments  # needs NumPy, which came with the model

        exploration = Exploration(document, engine.tokenizer.bytes_of, cursor)
        self.engine = engine
        self.settings = settings
        self.scene = Scene(exploration, Instruments(engine), settings.sampling)
        self.growth = Growth(self)
        self._numbers_shown = 0.0
        self._place: Place | None = None
        """Where it was asked about last."""
        self._is_where_it_was = False
        """Whether that was about the same place as the time before: then the chosen candidate stays."""

    @property
    def exploration(self) -> Exploration:
        """The document, with a cursor in it."""
        return self.scene.exploration

    @property
    def view(self) -> Instrument | None:
        """The view that is open."""
        return self.stage.view

    def compose(self) -> ComposeResult:
        """The stage, the keys, and who works."""
        yield ExplorerStage(self.scene, id="explorer-stage")
        yield Footer()
        yield Asker(id="asker")
        yield Player(id="explorer-player")

    def on_mount(self) -> None:
        """Show where one is, and ask about it."""
        self.player.engine = self.engine
        self.stage.legend.scale = self.app.preferences.colour
        self.app.main.models.changed.subscribe(self, lambda _: self._name_model())
        self._name_model()
        self.stage.show_text()
        open_view(self, self.app.preferences.view)

    def _name_model(self) -> None:
        info, now = self.engine.info, self.app.main.model_name
        self.stage.bar.n_ctx = info.n_ctx
        is_other = self.app.main.engine is not self.engine
        self.stage.bar.model = f"{info.name} · {info.precision}" + (f" · {now} is loaded now" if is_other else "")

    # -- asking --------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask what could stand at the cursor, and what the open view wants to know there."""
        if self.growth.is_running:
            return
        place, view = self.scene.place, self.view
        facts = self.exploration.document.tree.facts
        lacking = [position for position, node in enumerate(place.nodes) if position and node not in facts]
        self._is_where_it_was = place == self._place
        self._place = place
        if not self._is_where_it_was:
            self.scene.look = None
        self.asker.ask(
            Inquiry(
                self.scene.instruments,
                place,
                self.settings.sampling,
                self.stage.n_candidates,
                view.id or "" if view is not None else "",
                view.question() if view is not None and view.is_mounted else None,
                lacking,
            )
        )

    def changed(self) -> None:
        """Another version is at hand: show it, and ask about it."""
        self.stage.show_text()
        self.look()

    def say(self, sentence: str, *, is_trouble: bool = False) -> None:
        """Tell the user something, as plain text."""
        self.notify(sentence, severity="warning" if is_trouble else "information", markup=False)

    # -- what the asker says -------------------------------------------------------------------------------------------

    @on(Looked)
    def _show_look(self, message: Looked) -> None:
        if self.asker.is_current(message.number):
            self.scene.look = message.look
            if self._is_where_it_was:
                self.stage.reshape()
            else:
                self.stage.show_distribution(message.look.distribution)

    @on(Answered)
    def _show_answer(self, message: Answered) -> None:
        view = self.view
        if view is not None and view.id == message.view and self.asker.is_current(message.number):
            view.answer(message.answer)

    @on(FactsTold)
    def _keep_facts(self, message: FactsTold) -> None:
        # of an older question too: a fact of a token stays one
        self.exploration.document.tree.facts.update(message.found.facts)
        if time.monotonic() - self._numbers_shown > _NUMBERS_SECONDS:
            self._numbers_shown = time.monotonic()
            self.stage.show_numbers()

    @on(Asking)
    def _show_progress(self, message: Asking) -> None:
        if self.asker.is_current(message.number):
            progress = message.progress
            self.asker.is_busy = progress is not None
            if progress is None:
                self.stage.show_numbers()
            self.stage.bar.state = "" if progress is None else f"{progress.phase} {progress.done:,}/{progress.total:,}"

    @on(AskingFailed)
    def _show_trouble(self, message: AskingFailed) -> None:
        if self.asker.is_current(message.number):
            self.say(message.sentence, is_trouble=True)

    @on(Said)
    def _tell(self, message: Said) -> None:
        self.say(message.sentence, is_trouble=message.is_trouble)

    # -- what the user does --------------------------------------------------------------------------------------------

    def action_do(self, id: str) -> None:
        """Do what a command says."""
        ACTIONS[id](self)

    @on(TokenPointed)
    def _point(self, message: TokenPointed) -> None:
        if self.exploration.move_to(message.position):
            self.stage.show_cursor()
            self.look()

    @on(CandidatePointed)
    def _choose(self, message: CandidatePointed) -> None:
        self.candidates.choose(message.id)
        self.stage.show_choice()
        if message.takes:
            take(self)

    @on(TokenWanted)
    def _take_token(self, message: TokenWanted) -> None:
        take_token(message.id, self)

    @on(NodePointed)
    def _go_to_node(self, message: NodePointed) -> None:
        if not self.growth.is_running:
            self.exploration.go_to(message.node)
            self.changed()

    @on(TreeChanged)
    def _save(self) -> None:
        self.app.main.keeper.save(self.exploration.document, self.engine)

    @on(TextShaded)
    def _shade(self, message: TextShaded) -> None:
        self.stage.lend(message if message.levels is not None else None)

    @on(CandidatesShown)
    def _show_candidates(self, message: CandidatesShown) -> None:
        self.stage.show_instead(message.distribution, message.heading)

    @on(ViewPointed)
    def _open_view(self, message: ViewPointed) -> None:
        open_view(self, message.name)

    @on(QuestionChanged)
    def _ask_again(self) -> None:
        self.look()

    @on(SettingsChanged)
    def _change_settings(self, message: SettingsChanged) -> None:
        self.set_settings(message.settings)

    def set_settings(self, settings: GenerationSettings) -> None:
        """Use these settings from now on, and re-shape what is shown without running the model."""
        self.settings, self.scene.sampling = settings, settings.sampling
        self.app.main.settings = settings  # it shows them when one is back there
        self.app.remember(generation=settings)
        look = self.scene.instruments.reshape(settings.sampling, self.stage.n_candidates)
        if look is not None and self.scene.look is not None:
            self.scene.look = look
            self.stage.reshape()

    # -- growing -------------------------------------------------------------------------------------------------------

    @on(CutsChosen)
    def _grow_under(self, message: CutsChosen) -> None:
        self.growth.grow_under(message.cuts)

    @on(EventsArrived)
    def _grow(self, message: EventsArrived) -> None:
        if self.player.is_current(message.generation):
            self.growth.take_events(message.events)

    @on(WorkFailed)
    def _stop_growing(self, message: WorkFailed) -> None:
        if self.player.is_current(message.generation):
            self.growth.stop()
            self.say(message.sentence, is_trouble=True)
