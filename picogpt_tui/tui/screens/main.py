"""The main screen: routes what happens from the prompt to the model and back to the eye."""

from __future__ import annotations

from dataclasses import replace
from threading import Event as StopEvent
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from picogpt_tui.events import ContextShifted, Event, Finished, Progress, Started, TokenEvent
from picogpt_tui.hub.store import list_models
from picogpt_tui.session.chat import CHAT, COMPLETE, ChatTemplate
from picogpt_tui.session.document import Document, Request
from picogpt_tui.session.preferences import Preferences
from picogpt_tui.settings import GREEDY, PURE, GenerationSettings, SamplingSettings
from picogpt_tui.tui import jobs
from picogpt_tui.tui.commands import SCREEN_COMMANDS
from picogpt_tui.tui.drawing import parameters
from picogpt_tui.tui.messages import (
    EventsArrived,
    ExampleChosen,
    ModelChosen,
    Peeked,
    PromptSubmitted,
    SessionChosen,
    SessionOpened,
    SessionsListed,
    SettingsChanged,
    ValueRefused,
    WorkFailed,
)
from picogpt_tui.tui.screens.help import HelpScreen
from picogpt_tui.tui.screens.template import TemplateScreen
from picogpt_tui.tui.widgets.knob import Knob
from picogpt_tui.tui.widgets.model_loader import ModelLoader
from picogpt_tui.tui.widgets.prompt_input import PromptInput
from picogpt_tui.tui.widgets.session_keeper import SessionKeeper
from picogpt_tui.tui.widgets.stage import Stage
from picogpt_tui.tui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.tui.app import PicoGPTApp

TOP_N = 20
PANELS = ("next", "tokens", "sampling")
_PRESETS = {"pure": PURE, "usual": SamplingSettings(), "greedy": GREEDY}


class MainScreen(Screen[None]):
    """Where one plays."""

    BINDINGS: ClassVar[list[BindingType]] = [command.binding() for command in SCREEN_COMMANDS]
    AUTO_FOCUS = "#prompt"

    app: PicoGPTApp
    status = query_one("#status", StatusBar)
    loader = query_one("#loader", ModelLoader)
    stage = query_one("#stage", Stage)
    prompt = query_one("#prompt", PromptInput)
    keeper = query_one("#keeper", SessionKeeper)

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.settings = preferences.generation
        self.engine: Engine | None = None
        self.document = Document(mode=preferences.mode, template=preferences.template)
        self.is_generating = False
        self._panels = preferences.panels
        self._generation = 0
        self._stop = StopEvent()
        self._waiting: str | None = None
        self._unstarted: str | None = None
        """What was sent and not yet read by the model: it goes back to the prompt if it never is."""

    def compose(self) -> ComposeResult:
        """Status, stage, prompt, footer."""
        yield StatusBar(id="status")
        yield ModelLoader(id="loader")
        yield Stage(self.settings, id="stage")
        with Horizontal(id="prompt-box"):
            yield Static(Content("❯"), id="prompt-mark")
            yield PromptInput(id="prompt")
        yield Footer()
        yield Static(Content("picogpt-tui needs a terminal of at least 40 x 10 cells."), id="too-small")
        yield SessionKeeper(id="keeper")

    def on_mount(self) -> None:
        """Show what the settings say."""
        for panel in PANELS:
            self.set_class(panel not in self._panels, f"-no-{panel}")
        self._show_mode()
        self.keeper.refresh_list()

    # -- the model and the document ------------------------------------------------------------------------------------

    def use_engine(self, engine: Engine) -> None:
        """Play with this model from now on; a text of another model is saved, and a new session begins."""
        self.stop_generating()
        self.engine = engine
        info = engine.info
        size = parameters(info.n_params)
        self.status.model = info.name if size == info.name else f"{info.name} {size}"
        self.status.precision, self.status.n_ctx = info.precision, info.n_ctx
        if self.document.model not in ("", info.name):
            last = self.document.last("prompt")
            self.document = self._new_document()
            if last is not None and not self.prompt.text:
                self.prompt.put(last.text)
        self.document.model = info.name
        self.stage.library.show_models(list_models(), info.name)
        self.show_document(self.document)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.send(waiting)

    def show_document(self, document: Document) -> None:
        """Show another document, or the same after a step back."""
        self.document = document
        self.stage.show_document(document, self.engine)
        self._show_context()
        self._show_mode()
        self.status.tokens_per_second = 0.0
        self._set_state("ready" if self.engine is not None else "starting", is_live=False)
        self.peek()

    def peek(self) -> None:
        """Ask for the distribution behind the text as it stands."""
        if self.engine is not None and not self.is_generating:
            self._begin()
            self._peek(self.engine, self.document.ids(), self.settings.sampling, self._generation, self._stop)

    @work(thread=True, group="generate", exit_on_error=False)
    def _peek(
        self, engine: Engine, ids: list[int], sampling: SamplingSettings, generation: int, stop: StopEvent
    ) -> None:
        worker = get_current_worker()
        should_stop = lambda: stop.is_set() or worker.is_cancelled  # noqa: E731 (a def would say no more)
        jobs.peek_job(engine, ids, sampling, TOP_N, generation, self.post_message, should_stop)

    @on(Peeked)
    def _show_peek(self, message: Peeked) -> None:
        if message.generation == self._generation:
            self.stage.show_distribution(message.distribution, None)

    def _new_document(self) -> Document:
        document = Document(mode=self.document.mode, template=self.document.template)
        if self.engine is not None:
            document.model = self.engine.info.name
        return document

    # -- from the prompt to the model ---------------------------------------------------------------------------------

    @on(ExampleChosen)
    def _try_example(self, message: ExampleChosen) -> None:
        self.prompt.remember(message.text)
        self.prompt.focus()
        self.send(message.text)

    @on(PromptSubmitted)
    def _submit(self, message: PromptSubmitted) -> None:
        self.send(message.text)

    def send(self, text: str) -> None:
        """Let the model go on behind this text; an empty one means: from where it stands."""
        if self.engine is None:
            self._waiting = text
            self.notify("The model is still loading; this is sent when it is there.", markup=False)
            return
        if self.is_generating and self._unstarted:
            text = f"{self._unstarted}\n{text}".rstrip("\n")
            self._unstarted = None
        self.stop_generating()
        goes_on = not text and not self.document.is_empty
        self.generate(None if goes_on else text)

    def generate(self, typed: str | None) -> None:
        """Begin an answer to what was typed, or to the text as it stands."""
        assert self.engine is not None
        self._begin()
        request = self.document.request(typed, replace(self.settings, top_n=TOP_N))
        self.document.accept(request)
        self._unstarted = typed
        self.is_generating = True
        self.status.tokens_per_second = 0.0
        self._set_state("reading", is_live=True)
        self._generate(self.engine, request, self._generation, self._stop)

    @work(thread=True, group="generate", exit_on_error=False)
    def _generate(self, engine: Engine, request: Request, generation: int, stop: StopEvent) -> None:
        worker = get_current_worker()
        should_stop = lambda: stop.is_set() or worker.is_cancelled  # noqa: E731 (as above)
        jobs.generate_job(engine, request, generation, self.post_message, should_stop)

    def stop_generating(self) -> None:
        """Stop at once; the text so far stays, and whatever the model still says is dropped."""
        self._begin()
        if self.is_generating:
            turn = self.document.turns[self.document.head] if self.document.turns else None
            if turn is not None and turn.kind == "answer" and not turn.reason:
                turn.reason = "stopped"
                self.stage.show_end(turn)
                self.keeper.save(self.document, self.engine)
            self._end_generating()

    def _begin(self) -> None:
        """Stop whatever the model does, and give the next thing a number of its own."""
        self._stop.set()
        self._stop = StopEvent()
        self._generation += 1

    # -- from the model to the eye -------------------------------------------------------------------------------------

    @on(EventsArrived)
    def _take_events(self, message: EventsArrived) -> None:
        if message.generation != self._generation or self.engine is None:
            return
        tokens: list[TokenEvent] = []
        for event in message.events:
            self.document.apply(event)
            if isinstance(event, TokenEvent):
                tokens.append(event)
                continue
            self._show_tokens(tokens, self.engine)
            tokens = []
            self._take_event(event, self.engine)
        self._show_tokens(tokens, self.engine)

    def _take_event(self, event: Event, engine: Engine) -> None:
        match event:
            case Started():
                self._unstarted = None
                self.stage.start_answer(self.document, engine)
            case Progress(phase, done, total):
                self._set_state(f"{phase} {done:,}/{total:,}" if done else phase, is_live=True)
            case ContextShifted():
                self.stage.show_shift(event)
            case Finished():
                self.stage.finish(event, self.document.turns[self.document.head])
                self._end_generating()
                self.keeper.save(self.document, engine)

    def _show_tokens(self, tokens: list[TokenEvent], engine: Engine) -> None:
        if tokens:
            self.stage.show_tokens(tokens, engine)
            self.status.n_context = tokens[-1].n_context
            self._set_state("generating", is_live=True)
            self.status.tokens_per_second = tokens[-1].tokens_per_second

    def _end_generating(self) -> None:
        self.is_generating = False
        self.stage.transcript.is_streaming = False
        self._set_state("ready", is_live=False)
        if self._unstarted and not self.prompt.text:
            self.prompt.put(self._unstarted)
        self._unstarted = None

    @on(WorkFailed)
    def _show_failure(self, message: WorkFailed) -> None:
        if message.generation not in (-1, self._generation):
            return
        if message.generation != -1 and self.is_generating:
            self._end_generating()
        self.notify(message.sentence, severity="error", timeout=10, markup=False)

    def _set_state(self, state: str, *, is_live: bool) -> None:
        self.status.state, self.status.is_live = state, is_live

    def _show_context(self) -> None:
        if self.engine is not None:
            n_tokens = self.document.tree.position(self.document.end) + 1
            self.status.n_context = min(n_tokens, self.engine.info.n_ctx)

    def _show_mode(self) -> None:
        is_chat = self.document.mode == CHAT
        self.prompt.placeholder = "Ask something…" if is_chat else "Say how it goes on…"
        s = self.settings.sampling
        knobs = f"T {s.temperature:g} · k {s.top_k or 'off'} · p {s.top_p:g}"
        self.query_one("#prompt-box").border_subtitle = Content(f"{self.document.mode} · {knobs}")

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
        self._show_mode()
        if reshapes and self.engine is not None and not self.is_generating:
            shown = self.engine.reshape(settings.sampling, TOP_N)
            if shown is not None:
                self.stage.show_distribution(shown, self.stage.next_token.chosen)

    def action_stop(self) -> None:
        """Stop generating; when nothing runs, close what is open and go to the prompt."""
        if self.is_generating:
            self.stop_generating()
            return
        self.loader.end()
        self.remove_class(*(f"-over-{panel}" for panel in PANELS))
        self.prompt.focus()

    def action_regenerate(self) -> None:
        """Another answer to the last prompt."""
        if self.engine is None:
            return
        self.stop_generating()
        if not self.document.back_to_prompt():
            self.notify("There is no answer yet to generate again.", markup=False)
            return
        if self.settings.seed is not None:
            self.notify(f"Seed {self.settings.seed} is fixed: the same answer comes again.", markup=False)
        self.stage.show_document(self.document, self.engine)
        self.generate(None)

    def action_edit(self) -> None:
        """Take the last prompt back into the input."""
        self.stop_generating()
        text = self.document.take_back_prompt()
        if text is None:
            self.notify("There is no prompt yet to edit.", markup=False)
            return
        self.show_document(self.document)
        self.prompt.put(text)
        self.prompt.focus()

    def action_copy(self) -> None:
        """Copy the last answer."""
        turn = self.document.last("answer")
        if turn is None or not turn.text:
            self.notify("There is no answer yet to copy.", markup=False)
            return
        self.app.copy_to_clipboard(turn.text)
        self.notify(f"{len(turn.text):,} characters sent to the terminal's clipboard.", markup=False)

    def action_panel(self, name: str) -> None:
        """Show or hide a panel; on a narrow screen beside the text until the next press."""
        if name == "sampling" and self.stage.sampling.display and not isinstance(self.focused, Knob):
            self.stage.sampling.query(Knob).first().focus()
            return
        is_narrow = self.has_class("-narrow")
        opens = not self.has_class(f"-over-{name}") if is_narrow else self.has_class(f"-no-{name}")
        if is_narrow:
            self.remove_class(*(f"-over-{panel}" for panel in PANELS))
            self.set_class(opens, f"-over-{name}")
        else:
            self.set_class(not opens, f"-no-{name}")
            self.app.remember(panels=tuple(panel for panel in PANELS if not self.has_class(f"-no-{panel}")))
        if name == "sampling" and opens:
            self.call_after_refresh(self.stage.sampling.query(Knob).first().focus)
        elif isinstance(self.focused, Knob):
            self.prompt.focus()

    def action_mode(self) -> None:
        """Switch between Complete and Chat."""
        self.document.mode = CHAT if self.document.mode == COMPLETE else COMPLETE
        self.app.remember(mode=self.document.mode)
        self._show_mode()
        if self.document.mode == CHAT:
            self.notify("Chat puts a question form around your words; GPT-2 was never trained to answer.", markup=False)

    def action_template(self) -> None:
        """Edit the form of Chat."""

        def take(template: ChatTemplate | None) -> None:
            if template is not None:
                self.document.template = template
                self.app.remember(template=template)

        self.app.push_screen(TemplateScreen(self.document.template), take)

    def action_preset(self, name: str) -> None:
        """Set all sampling knobs at once."""
        self.set_settings(replace(self.settings, sampling=_PRESETS[name]))
        self.stage.sampling.show(self.settings)

    def action_page(self, direction: int) -> None:
        """Scroll the text a page."""
        scroll = self.stage.transcript.scroll_page_up if direction < 0 else self.stage.transcript.scroll_page_down
        scroll(animate=False)

    def action_follow(self) -> None:
        """Go to the end of the text."""
        self.stage.transcript.follow()

    def action_help(self) -> None:
        """Open the help."""
        self.app.push_screen(HelpScreen(self.app.own_keys))

    def action_models(self) -> None:
        """Open the model picker."""
        self.app.pick_model()

    # -- sessions ------------------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        """Begin an empty session."""
        self.stop_generating()
        self.show_document(self._new_document())
        self.prompt.focus()

    def action_open(self) -> None:
        """Choose a saved session."""
        self.keeper.pick()

    def action_save(self) -> None:
        """Name and save this session."""
        self.keeper.ask_name(self.document, self.engine)

    def action_export(self) -> None:
        """Write the text to a file."""
        self.keeper.ask_export(self.document, self.engine)

    @on(SessionsListed)
    def _show_sessions(self, message: SessionsListed) -> None:
        self.stage.library.show_sessions(message.sessions)

    @on(SessionChosen)
    def _open_session(self, message: SessionChosen) -> None:
        self.keeper.open(message.path)

    @on(SessionOpened)
    def _take_session(self, message: SessionOpened) -> None:
        self.stop_generating()
        document = message.document
        for turn in document.version():
            if turn.kind == "prompt":
                self.prompt.remember(turn.text)
        self.show_document(document)
        self.prompt.focus()
        if self.engine is not None and document.model != self.engine.info.name:
            self.app.choose_model(document.model)

    @on(ModelChosen)
    def _choose_model(self, message: ModelChosen) -> None:
        self.app.choose_model(message.name)
