"""Asking the whole vocabulary: how likely any token is at the cursor, or all that a question finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.getters import query_one
from textual.widgets import Input, Static

from picogpt_tui.events import Candidate
from picogpt_tui.tui.explorer_messages import LinePointed, TokenWanted
from picogpt_tui.tui.views.words_data import found_json, near_json, table, watched_json
from picogpt_tui.tui.views.words_picture import LISTED, WATCHED, Key, Picture, Subject, picture
from picogpt_tui.tui.widgets.instrument import Instrument
from picogpt_tui.tui.widgets.lines import Lines
from picogpt_tui.tui.widgets.one_line_input import OneLineInput

if TYPE_CHECKING:
    from picogpt_tui.session.vocabulary import Found, Near, ThroughLayers, Vocabulary
    from picogpt_tui.tui.explorer_jobs import Question

PLACEHOLDER = "a text   =exactly   /regex/   #id   #id..id"
KEYS = " / ask  ↑↓ choose  ⏎ take it here  p watch  b nearest, and back"
_MOST_LISTED = 200
_MOST_CHARACTERS = 200


class WordsView(Instrument):
    """A question, what it found, and the tokens that are watched; the last are the scene's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "choose(-1)", "Token above", show=False),
        Binding("down", "choose(1)", "Token below", show=False),
        Binding("enter", "take", "Take the chosen token", show=False),
        Binding("p", "watch_token", "Watch it, or no more", show=False),
        Binding("b", "near", "What lies near it", show=False),
    ]
    HELP_TEXT = (
        "Any token's rank, probability and logit at the cursor, the model's own (temperature 1, nothing cut), the sum "
        "over all that a question finds, and of watched tokens the rank in every row of the logit lens (nostalgebraist "
        "2020, lesswrong.com/posts/AcKRB8wDpdaN6v6ru), on a scale of logarithms. What lies near a token has the "
        "largest cosine with it among the rows of wte, the embedding that GPT-2 also unembeds with (Radford et al. "
        "2019)."
    )

    field = query_one("#words-question", OneLineInput)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._vocabulary: Vocabulary | None = None
        self._found: Found | None = None
        self._near: Near | None = None
        self._wanted_near: int | None = None
        self._watched: tuple[Candidate, ...] = ()
        self._layers: dict[int, ThroughLayers] = {}
        self._chosen: Key | None = None
        self._picture = Picture([], {})

    def compose(self) -> ComposeResult:
        """The question, the tokens, the keys."""
        yield OneLineInput(
            id="words-question",
            placeholder=PLACEHOLDER,
            compact=True,
            max_length=_MOST_CHARACTERS,
            select_on_focus=False,
        )
        yield Lines()
        yield Static(Content(KEYS), classes="view-keys")

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """What the user wants to know, at the cursor."""
        if not self.is_mounted:
            return None
        from picogpt_tui.session.vocabulary import Vocabulary, Wish

        place, wish = self.scene.place, Wish(self.field.value, self._wanted_near, tuple(self.scene.watched))
        if self._vocabulary is None:
            self._vocabulary = Vocabulary(self.scene.instruments)
        vocabulary = self._vocabulary
        self.draw()
        if wish == Wish():
            return None
        return lambda _, should_stop: vocabulary.ask(place, wish, _MOST_LISTED, should_stop)

    def answer(self, reading: object) -> None:
        """Keep a part of the answer."""
        from picogpt_tui.session.vocabulary import Found, Near, ThroughLayers, Watched

        if isinstance(reading, Found):
            self._found = reading
        elif isinstance(reading, Near):
            self._near = reading
        elif isinstance(reading, Watched):
            self._watched = reading.candidates
        elif isinstance(reading, ThroughLayers):
            self._layers[reading.id] = reading
        self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _ask(self, event: Input.Changed) -> None:
        event.stop()
        self._chosen = self._wanted_near = self._near = None
        if not event.value:
            self._found = None
        self.ask_again()

    @on(Input.Submitted)
    def _go_to_list(self, event: Input.Submitted) -> None:
        event.stop()
        self.lines.focus()

    def action_choose(self, by: int) -> None:
        """Choose another token."""
        if self._chosen is not None:
            keys = self._subject().keys
            self._chosen = keys[min(max(0, keys.index(self._chosen) + by), len(keys) - 1)]
            self.draw()

    def action_take(self) -> None:
        """Let the chosen token stand at the cursor, however unlikely it is."""
        if self._chosen is not None:
            self.post_message(TokenWanted(self._chosen[1]))

    def action_watch_token(self) -> None:
        """Follow the chosen token from now on; one that is followed, no more."""
        if self._chosen is None:
            return
        id, watched = self._chosen[1], self.scene.watched
        if id in watched:
            watched.remove(id)
            self.draw()
        else:
            watched.append(id)
            self.ask_again()

    def action_near(self) -> None:
        """List what lies near the chosen token; of that one itself, back to what the question found."""
        if self._chosen is None:
            return
        id = self._chosen[1]
        if self._wanted_near == id:
            self._wanted_near = self._near = None
            self.draw()
        else:
            self._wanted_near, self._chosen = id, (LISTED, id)
            self.ask_again()

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        """Choose the token below the mouse; a click on the chosen one takes it."""
        message.stop()
        pointed = next((key for key, line in self._picture.lines.items() if line == message.line), None)
        if pointed is not None and pointed == self._chosen:
            self.action_take()
        elif pointed is not None:
            self._chosen = pointed
            self.draw()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _subject(self) -> Subject:
        watched = self.scene.watched
        return Subject(
            self._found,
            self._near,
            [one for one in self._watched if one.id in watched],
            {id: self._layers[id].ranks if id in self._layers else () for id in watched},
            self.scene.instruments.engine.tokenizer.n_vocab,
            bool(self.field.value),
        )

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        lines = self.lines
        width = lines.scrollable_content_region.width
        if not width:
            return
        subject = self._subject()
        keys = subject.keys
        if self._chosen not in keys:
            self._chosen = next((key for key in keys if key[0] == LISTED), keys[0] if keys else None)
        self._picture = picture(subject, self._chosen, width)
        at = self._picture.lines[self._chosen] if self._chosen is not None else 0
        lines.show(self._picture.rows, at, 1 if keys else 0)

    # -- numbers -------------------------------------------------------------------------------------------------------

    def numbers(self) -> object:
        """What the question found or what lies near a token, and the watched ones."""
        subject = self._subject()
        shown: dict[str, object] = {}
        if self._near is not None:
            shown["near"] = near_json(self._near)
        elif self._found is not None:
            shown["found"] = found_json(self._found)
        if subject.watched:
            shown[WATCHED] = [watched_json(one, self._layers.get(one.id)) for one in subject.watched]
        return shown or None

    def table(self) -> list[list[object]]:
        """A row for each token that is shown."""
        return table(self._subject().watched, self._layers, self._found, self._near)
