"""The middle of the main screen: the text, and beside it what the model sees and says. Shows a document's state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.getters import query_one
from textual.widgets import Static

from picogpt_tui.events import ContextShifted, Distribution, TokenEvent
from picogpt_tui.session.document import Document, Turn
from picogpt_tui.settings import GenerationSettings
from picogpt_tui.tui.messages import FollowingChanged
from picogpt_tui.tui.widgets.library import Library
from picogpt_tui.tui.widgets.next_token import CandidateStrip, NextToken
from picogpt_tui.tui.widgets.sampling_panel import SamplingPanel
from picogpt_tui.tui.widgets.token_grid import MOST_TOKENS, GridToken, TokenGrid
from picogpt_tui.tui.widgets.transcript import Transcript
from picogpt_tui.tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine

_PANEL_SECONDS = 0.25
_NOTES = {
    "max_tokens": "{n} tokens, the maximum · enter goes on",
    "end_of_text": "⟨|endoftext|⟩ · the text ends here",
    "stop": "ended at a stop string",
    "stopped": "stopped · enter goes on",
    "context": "the context is full",
}


class Stage(Vertical):
    """Transcript, candidates, tokens, knobs."""

    library = query_one("#library", Library)
    text = query_one("#text", Vertical)
    transcript = query_one("#transcript", Transcript)
    next_token = query_one("#next", NextToken)
    strip = query_one("#strip", CandidateStrip)
    tokens = query_one("#tokens", TokenGrid)
    sampling = query_one("#sampling", SamplingPanel)

    def __init__(self, settings: GenerationSettings, id: str) -> None:
        super().__init__(id=id)
        self._settings = settings
        self._last_prompt: Turn | None = None
        self._unshown: list[TokenEvent] = []
        self._panels_drawn = 0.0

    def compose(self) -> ComposeResult:
        """The columns, and the one-line candidates for narrow screens."""
        with Horizontal(id="columns"):
            yield Library(id="library")
            with Vertical(id="text"):
                yield Welcome(id="welcome")
                yield Transcript(id="transcript")
                yield Static(Content("▼ more below · ctrl+end"), id="more")
            with Vertical(id="side"):
                yield NextToken(id="next")
                yield TokenGrid(id="tokens")
                yield SamplingPanel(self._settings, id="sampling")
        yield CandidateStrip(id="strip")

    @on(FollowingChanged)
    def _show_more(self, message: FollowingChanged) -> None:
        message.stop()
        self.text.set_class(not message.is_following, "-away")

    def show_document(self, document: Document, engine: Engine | None) -> None:
        """Show a document from its beginning."""
        self.transcript.clear()
        self._last_prompt = None
        self._unshown.clear()
        passages = document.passages()
        for passage in passages:
            if passage[0].kind == "prompt":
                self._show_prompt(passage[0])
            else:
                self.transcript.add_answer("".join(turn.text for turn in passage))
                self.show_end(passage[-1])
        self.text.set_class(bool(passages), "-has-text")
        self.transcript.follow()
        self.next_token.forget()
        self.show_grid(document, engine)

    def start_answer(self, document: Document, engine: Engine) -> None:
        """An answer begins: show its prompt, if that is new, and a caret."""
        parent = document.turns[document.head].parent
        if parent >= 0 and document.turns[parent].kind == "prompt":
            self._show_prompt(document.turns[parent])
        self._unshown.clear()
        self._panels_drawn = 0.0
        self.transcript.add_answer()
        self.transcript.is_streaming = True
        self.text.add_class("-has-text")
        self.show_grid(document, engine)

    @property
    def n_candidates(self) -> int:
        """How many candidates can be shown."""
        return max(10, self.next_token.n_rows)

    def show_tokens(self, tokens: list[TokenEvent], engine: Engine) -> bool:
        """Tokens came: their text at once; the panels, which nobody reads faster, a few times a second.

        Returns:
            Whether the panels were drawn.
        """
        if text := "".join(token.piece for token in tokens):
            self.transcript.append(text)
        self._unshown += tokens
        if time.monotonic() - self._panels_drawn < _PANEL_SECONDS:
            return False
        self.draw_panels(engine)
        return True

    def draw_panels(self, engine: Engine) -> None:
        """The distribution of the last token that came, and the boundaries of all that were not shown yet."""
        tokens, self._unshown = self._unshown, []
        self._panels_drawn = time.monotonic()
        if not tokens:
            return
        self.show_distribution(tokens[-1].distribution, tokens[-1].id, [token.entropy for token in tokens])
        labels = engine.labels([token.id for token in tokens])
        grid = [GridToken(label, one.id, one.logprob, one.rank) for label, one in zip(labels, tokens, strict=True)]
        self.tokens.append(grid)

    def show_shift(self, event: ContextShifted) -> None:
        """The context was full; the answer goes on below a note."""
        self.transcript.add_note(f"the context was full: its oldest {event.n_dropped:,} tokens were dropped")
        self.transcript.add_answer()

    def finish(self, rest: str, turn: Turn) -> None:
        """The answer is whole; `rest` had been held back."""
        if whole := rest.removesuffix("\ufffd"):  # a character that is not whole is shown when it is
            self.transcript.append(whole)
        self.show_end(turn)

    def show_end(self, turn: Turn) -> None:
        """Why an answer ended."""
        self.transcript.is_streaming = False
        if note := _NOTES.get(turn.reason):
            self.transcript.add_note(note.format(n=f"{turn.n_tokens:,}"))

    def show_distribution(self, shown: Distribution, chosen: int | None, entropies: list[float] | None = None) -> None:
        """What could come next, and what was taken."""
        self.next_token.show(shown, chosen, entropies or [])
        self.strip.show(shown, chosen)

    def show_grid(self, document: Document, engine: Engine | None) -> None:
        """The document's last tokens."""
        if engine is None:
            return
        tree = document.tree
        nodes = tree.path(document.end, MOST_TOKENS)
        ids = [tree.id(node) for node in nodes]
        grid = []
        for node, id, label in zip(nodes, ids, engine.labels(ids), strict=True):
            facts = tree.facts.get(node)
            known = (facts.logprob, facts.rank) if facts is not None else (None, None)
            grid.append(GridToken(label, id, *known))
        self.tokens.show(grid, tree.position(document.end) + 1 - len(nodes))

    def _show_prompt(self, turn: Turn) -> None:
        if turn is not self._last_prompt:
            self.transcript.add_prompt(turn.text)
            self._last_prompt = turn
