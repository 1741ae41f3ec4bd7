"""The BPE theatre: how the word around the cursor, or any text, was cut into tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.getters import query_one
from textual.widgets import Input, Static

from picogpt_tui.readings import TracedWord
from picogpt_tui.tui.explorer_messages import LinePointed, TokenPointed
from picogpt_tui.tui.views.pieces_data import beside_json, beside_table, word_json, word_table
from picogpt_tui.tui.views.pieces_picture import Picture, Subject, nothing_yet, picture
from picogpt_tui.tui.widgets.instrument import Instrument
from picogpt_tui.tui.widgets.lines import Lines
from picogpt_tui.tui.widgets.one_line_input import OneLineInput
from picogpt_tui.visible import label

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.session.pieces import CutText, OtherTokenizers
    from picogpt_tui.session.theatre import Play
    from picogpt_tui.tui.explorer_jobs import Question

KEYS = " tab: ←→ merges  ↑↓ words  l leading space  t another cut  / any text"
PLACEHOLDER = "any text of your own; empty gives the document back"
_MOST_CHARACTERS = 1000
_WORDS_AROUND = 30


class PiecesView(Instrument):
    """Plays one word; up and down go through the words of the document, or of a text of one's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "play(-1)", "Merge before", show=False),
        Binding("right", "play(1)", "Next merge", show=False),
        Binding("up", "go(-1)", "Word before", show=False),
        Binding("down", "go(1)", "Next word", show=False),
        Binding("l", "space", "Leading space or none", show=False),
        Binding("t", "beside", "Another tokenizer beside it", show=False),
        Binding("slash", "type", "A text of one's own", show=False),
    ]
    HELP_TEXT = (
        "How a text was cut: by GPT-2's pattern into words, each word into its UTF-8 bytes, and these joined pair by "
        "pair, the merge that was learned first (#1) before all others, until none is left; beside it how another "
        "tokenizer cuts the same bytes. Byte-pair encoding is of Sennrich et al. 2016 (arxiv.org/abs/1508.07909), over "
        "bytes as in OpenAI's gpt-2 src/encoder.py."
    )

    field = query_one("#pieces-text", OneLineInput)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._cut: CutText | None = None
        self._asked: tuple[tuple[int, ...], str] | None = None
        self._answered: tuple[tuple[int, ...], str] | None = None
        self._others: OtherTokenizers | None = None
        self._other = ""
        self._own_word = 0
        self._step: int | None = None  # None: all merges are done
        self._is_changed = False
        self._played: tuple[int, Play] | None = None
        self._picture: Picture | None = None

    def compose(self) -> ComposeResult:
        """A field for a text of one's own, which is seldom there; the stage; its keys."""
        field = OneLineInput(
            id="pieces-text", placeholder=PLACEHOLDER, compact=True, max_length=_MOST_CHARACTERS, select_on_focus=False
        )
        field.display = False
        yield field
        yield Lines()
        yield Static(Content(KEYS), classes="view-keys")

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """How the text is cut, where that is not known; where it is, the cursor may be in another word."""
        if not self.is_mounted:
            return None
        from picogpt_tui.session.pieces import OtherTokenizers, cut_beside

        engine, other = self._engine, self._other
        if self._others is None:
            self._others = OtherTokenizers(engine.info.name)
        others, text = self._others, self.field.value
        ids = tuple(engine.tokenizer.encode(text)) if text else self.scene.place.ids
        self._asked = ids, other
        if self._asked == self._answered:
            self.draw()
            return None
        return lambda _, should_stop: cut_beside(engine.tokenizer, ids, others, other)

    def answer(self, reading: object) -> None:
        """Keep it, and play the word at hand."""
        from picogpt_tui.session.pieces import CutText

        if isinstance(reading, CutText):
            if self._cut is None or reading.standing != self._cut.standing:
                self._step = None
            self._cut, self._answered, self._played = reading, self._asked, None
            self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    def action_play(self, by: int) -> None:
        """Do one merge more, or one less."""
        if (played := self._play()) is not None:
            n_merges = len(played.word.merges)
            step = n_merges if self._step is None else self._step
            self._step = min(max(0, step + by), n_merges)
            self.draw()

    def action_go(self, by: int) -> None:
        """To the next word, or the one before."""
        if self._cut is None or not self._cut.standing.words:
            return
        if self.field.value:
            self._own_word = min(max(0, self._word + by), len(self._cut.standing.words) - 1)
            self.draw()
        else:
            self.post_message(TokenPointed(self._cut.standing.next_word(self.scene.exploration.cursor, by)))

    def action_space(self) -> None:
        """Play words without their leading space, or with one if they have none; and as they are again."""
        self._is_changed, self._played, self._step = not self._is_changed, None, None
        self.draw()

    def action_beside(self) -> None:
        """Lay another cut beside this one: the characters, each other model that is here, none."""
        from picogpt_tui.session.pieces import CHARACTERS

        if not self._other:
            self._others = None  # another model may have come
            self._other = CHARACTERS
        else:
            names = ["", *(self._cut.others if self._cut is not None else ())]
            known = names.index(self._other) if self._other in names else 0
            self._other = names[(known + 1) % len(names)]
        self.draw()
        self.ask_again()

    def action_type(self) -> None:
        """Write a text of one's own."""
        self.field.display = True
        self.field.focus()

    @on(Input.Changed)
    def _cut_own_text(self, event: Input.Changed) -> None:
        event.stop()
        self._own_word, self._step = 2**31, None
        self.ask_again()

    @on(Input.Submitted)
    def _leave_field(self, event: Input.Submitted) -> None:
        event.stop()
        self.lines.focus()

    @on(Input.Blurred)
    def _put_field_away(self, event: Input.Blurred) -> None:
        event.stop()
        self.field.display = bool(event.value)

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        """Play up to the merge below the mouse, or go to the word there."""
        message.stop()
        shown, played = self._picture, self._play()
        if shown is None or played is None or message.line < shown.n_fixed:
            return
        index = message.line - shown.n_fixed
        if index < len(shown.bytes_at) and self._cut is not None:
            self._go_to_byte(shown.bytes_at[index])
        elif not shown.bytes_at and index <= len(played.word.merges):
            self._step = index
            self.draw()

    def _go_to_byte(self, byte: int) -> None:
        assert self._cut is not None
        position = self._cut.standing.token_at(byte)
        if self.field.value:
            self._own_word = self._cut.standing.word_at(position)
            self.draw()
        else:
            self.post_message(TokenPointed(position))

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _engine(self) -> Engine:
        return self.scene.instruments.engine

    @property
    def _word(self) -> int:
        """Index of the word that is played."""
        assert self._cut is not None
        if self.field.value:
            return min(self._own_word, len(self._cut.standing.words) - 1)
        return self._cut.standing.word_at(self.scene.exploration.cursor)

    def _play(self) -> Play | None:
        """The word at hand; made once, as long as one stays at it."""
        if self._cut is None or not self._cut.standing.words:
            return None
        from picogpt_tui.session.theatre import play

        if self._played is None or self._played[0] != self._word:
            if self._played is not None:
                self._step = None
            made = play(self._engine.tokenizer, self._cut.standing, self._word, is_changed=self._is_changed)
            self._played = self._word, made
        return self._played[1]

    def _subject(self, played: Play) -> Subject:
        from picogpt_tui.session.theatre import stage

        assert self._cut is not None
        tokenizer, words, at = self._engine.tokenizer, self._cut.standing.words, self._word
        step = len(played.word.merges) if self._step is None else self._step
        first = max(0, at - _WORDS_AROUND)
        near = [self._label(word) for word in words[first : at + _WORDS_AROUND]]
        near[at - first] = self._label(played.word)
        return Subject(
            near,
            at - first,
            self._note(played, words[at], len(words)),
            played,
            stage(tokenizer, played, step),
            step,
            played.word.tokens[0] in tokenizer.special,
            self._engine.info.name,
            self._other,
            self._cut.beside,
            tokenizer.label,
        )

    def _label(self, word: TracedWord) -> str:
        tokenizer = self._engine.tokenizer
        if word.tokens[0] in tokenizer.special:
            return tokenizer.label(word.tokens[0])
        return label(tokenizer.decode_bytes(word.tokens))

    def _note(self, played: Play, word: TracedWord, n_words: int) -> str:
        if played.is_changed:
            has_space = self._engine.tokenizer.decode_bytes(word.tokens).startswith(b" ")
            return "without its leading space" if has_space else "with a leading space"
        whose = " of your own" if self.field.value else ""
        return f"word {self._word + 1:,} of {n_words:,}{whose} · bytes {word.byte_start:,} to {word.byte_end:,}"

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        lines = self.lines
        size = lines.scrollable_content_region
        if not size.width:
            return
        if (played := self._play()) is None:
            self._picture = None
            lines.show(nothing_yet(size.width), 0)
            return
        self._picture = picture(self._subject(played), size.width, size.height)
        lines.show(self._picture.rows, self._picture.chosen, self._picture.n_fixed)

    # -- numbers -------------------------------------------------------------------------------------------------------

    def numbers(self) -> object:
        """The word with its merges; where another cut lies beside it, both."""
        if (played := self._play()) is None or self._cut is None:
            return None
        tokenizer = self._engine.tokenizer
        word = word_json(played, tokenizer.label, tokenizer.bytes_of)
        beside = self._cut.beside
        return word | ({"beside": beside_json(self._engine.info.name, beside)} if beside is not None else {})

    def table(self) -> list[list[object]]:
        """What stands below the stage."""
        if (played := self._play()) is None or self._cut is None:
            return []
        if self._cut.beside is not None:
            return beside_table(self._engine.info.name, self._cut.beside)
        return word_table(played, self._engine.tokenizer.label)
