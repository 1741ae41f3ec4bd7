"""From a prompt to an answer: what is sent, what the model says of it, and how both become the document and the screen.

Nothing that was typed or said is lost: what is sent before there is a model waits for one, what the model never began
to read goes back to the prompt, and an answer that is stopped keeps every token.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from picogpt_tui.events import ContextShifted, Event, Finished, Progress, Started, TokenEvent
from picogpt_tui.session.document import Document, Turn
from picogpt_tui.tui.messages import EventsArrived

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.tui.screens.main import MainScreen


class Conversation:
    """The document at hand, and the answer that is on its way.

    Attributes:
        document: all that was said so far.
    """

    def __init__(self, screen: MainScreen, document: Document) -> None:
        self._screen = screen
        self.document = document
        self._waiting: str | None = None
        """What was sent before there was a model."""
        self._unstarted: str | None = None
        """What was sent and not yet read by the model: it goes back to the prompt if it never is."""
        self._last_token: TokenEvent | None = None

    # -- from the prompt to the model ----------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Let the model go on behind this text; an empty one means: from where it stands."""
        screen = self._screen
        if screen.engine is None:
            self._waiting = f"{self._waiting}\n{text}" if self._waiting else text
            screen.say("The model is still loading; this is sent when it is there.")
            return
        if screen.is_generating and self._unstarted:
            text = f"{self._unstarted}\n{text}".rstrip("\n")
            self._unstarted = None
        self.stop()
        goes_on = not text and not self.document.is_empty
        self.generate(None if goes_on else text)

    def send_what_waits(self) -> None:
        """There is a model now."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.send(waiting)

    def generate(self, typed: str | None) -> None:
        """Begin an answer to what was typed, or to the text as it stands."""
        screen = self._screen
        request = self.document.request(typed, replace(screen.settings, top_n=screen.stage.n_candidates))
        self.document.accept(request)
        self._unstarted = typed
        self._last_token = None
        screen.status.tokens_per_second, screen.status.guesses = 0.0, (0, 0)
        screen.show_state("reading", is_live=True)
        screen.player.generate(request)

    def stop(self) -> None:
        """Stop at once; the text so far stays, and whatever the model still says is dropped."""
        player = self._screen.player
        was_generating = player.is_generating
        player.stop()
        if was_generating:
            turn = self.document.turns[self.document.head] if self.document.turns else None
            if turn is not None and turn.kind == "answer" and not turn.reason:
                self._cut_short(turn)
            self._end()

    def give_up(self) -> None:
        """The model broke: what it said stays."""
        self._screen.player.stop()
        self._end()

    def _cut_short(self, turn: Turn) -> None:
        """An answer was stopped: show what was held back as the possible beginning of a stop string, and keep all."""
        screen = self._screen
        assert screen.engine is not None
        whole = screen.engine.decode([self.document.tree.id(node) for node in self.document.turn_nodes(turn)])
        rest = whole.removeprefix(turn.text) if whole.startswith(turn.text) else ""
        self.document.apply(Finished("stopped", (), (), turn.text + rest, turn.tokens_per_second, rest))
        screen.stage.finish(rest, turn)
        screen.keeper.save(self.document, screen.engine)

    # -- from the model to the eye -------------------------------------------------------------------------------------

    def take_events(self, message: EventsArrived) -> None:
        """What the model said, in order; of an answer that was stopped, nothing."""
        engine = self._screen.engine
        if engine is None or not self._screen.player.is_current(message.generation):
            return
        tokens: list[TokenEvent] = []
        for event in message.events:
            self.document.apply(event)
            if isinstance(event, TokenEvent):
                tokens.append(event)
                continue
            self._show_tokens(tokens, engine)
            tokens = []
            self._take_event(event, engine)
        self._show_tokens(tokens, engine)

    def _take_event(self, event: Event, engine: Engine) -> None:
        screen = self._screen
        match event:
            case Started():
                self._unstarted = None
                screen.stage.start_answer(self.document, engine)
            case Progress(phase, done, total):
                screen.show_state(f"{phase} {done:,}/{total:,}" if done else phase, is_live=True)
            case ContextShifted():
                screen.stage.show_shift(event)
            case Finished():
                screen.player.stop()
                screen.stage.finish(event.rest, self.document.turns[self.document.head])
                self._end()
                screen.keeper.save(self.document, engine)

    def _show_tokens(self, tokens: list[TokenEvent], engine: Engine) -> None:
        if tokens:
            self._last_token = tokens[-1]
            if self._screen.stage.show_tokens(tokens, engine):
                self._show_numbers("generating")

    def _show_numbers(self, state: str) -> None:
        screen = self._screen
        screen.show_state(state, is_live=screen.is_generating)
        if (last := self._last_token) is not None:
            screen.status.n_context = last.n_context
            screen.status.tokens_per_second = last.tokens_per_second
            screen.status.guesses = last.n_accepted, last.n_guessed

    def _end(self) -> None:
        screen = self._screen
        screen.stage.transcript.is_streaming = False
        if screen.engine is not None:
            screen.stage.draw_panels(screen.engine)
        self._show_numbers("ready")
        screen.tell_of_trouble()
        if self._unstarted and not screen.prompt.text:
            screen.prompt.put(self._unstarted)
        self._unstarted = None
