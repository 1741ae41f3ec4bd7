"""A playground document: turns of prompt and answer over a tree of tokens. Plain data, no model, no screen.

Whoever owns it (a screen, a script) makes a `Request`, gives it to an engine, and hands the engine's events to `apply`.
Going back moves `head`; what was there stays in the tree and can be reached again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from picogpt_tui.events import ContextShifted, Event, Finished, Progress, Started, TokenEvent
from picogpt_tui.readings import Cut
from picogpt_tui.session.chat import COMPLETE, ChatTemplate, compose
from picogpt_tui.session.tree import ROOT, TokenFacts, TokenTree
from picogpt_tui.settings import GenerationSettings

NO_TURN = -1
"""The head of an empty document, and the parent of a first turn."""


@dataclass(slots=True)
class Turn:
    """A stretch of tokens that came at once: what somebody typed, or one answer."""

    kind: str
    """`prompt`, `answer`, or `taken`: a token that somebody chose from the list."""
    parent: int
    """Index of the turn before, or NO_TURN."""
    end: int
    """Its last node in the tree; the parent's end where it has no tokens."""
    n_tokens: int = 0
    text: str = ""
    """What is shown: of a prompt as it was typed, of an answer without its stop string."""
    settings: GenerationSettings | None = None
    """Of an answer: with the seed that was used, so that it can be replayed exactly."""
    reason: str = ""
    """Of an answer: why it ended (see `events.Finished`), `left` where another path was taken, `` while it runs."""
    cut: str = ""
    """Of an answer: the stop string at the end of its tokens, which is no part of its text."""
    tokens_per_second: float = 0.0
    n_dropped: int = 0
    """Tokens that left the context while this answer was generated."""
    draws: list[float] = field(default_factory=list)
    """Of an answer: the uniform number that picked each token (nan when greedy)."""
    final_probs: list[float] = field(default_factory=list)
    """Of an answer: each token's probability after the sampling stages."""
    cuts: tuple[Cut, ...] = ()
    """Of an answer: what was taken out of the model that gave it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to generate: the context, new text to read behind it, and how to sample."""

    context_ids: tuple[int, ...]
    new_text: str
    typed: str | None
    """The text as typed, for the transcript; None when nothing was typed (regenerate, go on)."""
    settings: GenerationSettings
    cuts: tuple[Cut, ...] = ()
    """What to take out of the model first."""


class Document:
    """One session's text, in all the versions it ever had.

    Attributes:
        model: name of the model it is played with.
        digest: SHA-256 of that model's weights, "" until somebody computed it.
        mode: `complete` or `chat`.
        turns: in the order they came; `head` is the last turn of the version at hand.
        names: what branches are called, by their first node.
        pruned: first nodes of the branches that are not to be shown.
        path: the file it is kept in, None before it was saved.
    """

    def __init__(self, model: str = "", mode: str = COMPLETE, template: ChatTemplate | None = None) -> None:
        self.model = model
        self.digest = ""
        self.mode = mode
        self.template = template or ChatTemplate()
        self.title = ""
        self.created = datetime.now(UTC).isoformat(timespec="seconds")
        self.path: Path | None = None
        self.tree = TokenTree()
        self.turns: list[Turn] = []
        self.head = NO_TURN
        self.names: dict[int, str] = {}
        self.pruned: set[int] = set()
        self._request: Request | None = None
        self._written = ""  # the answer's tokens as text, the stop string included

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever said."""
        return not self.turns

    @property
    def end(self) -> int:
        """The tree's node at the head, ROOT when there is none."""
        return self.turns[self.head].end if self.head != NO_TURN else ROOT

    @property
    def last_turn(self) -> Turn | None:
        """The turn at the head, None when there is none."""
        return self.turns[self.head] if self.head != NO_TURN else None

    def version(self) -> list[Turn]:
        """The turns of the version at hand, the first first."""
        turns, index = [], self.head
        while index != NO_TURN:
            turns.append(self.turns[index])
            index = self.turns[index].parent
        return turns[::-1]

    def ids(self) -> list[int]:
        """The token ids of the version at hand."""
        return self.tree.path_ids(self.end)

    def text(self) -> str:
        """Prompts and answers of the version at hand, as shown, run together."""
        return "".join(turn.text for turn in self.version())

    def passages(self) -> list[list[Turn]]:
        """The version at hand as one reads it: a prompt alone; an answer with all that was taken and goes on in it."""
        passages: list[list[Turn]] = []
        for turn in self.version():
            if turn.kind == "prompt" or not passages or passages[-1][0].kind == "prompt":
                passages.append([turn])
            else:
                passages[-1].append(turn)
        return passages

    def turn_nodes(self, turn: Turn) -> list[int]:
        """The tree's nodes of one turn, in order."""
        return self.tree.path(turn.end, turn.n_tokens) if turn.n_tokens else []

    def last_answer_text(self) -> str:
        """The text of the last passage that is no prompt, with all that was taken in it; "" for none."""
        answers = [passage for passage in self.passages() if passage[0].kind != "prompt"]
        return "".join(turn.text for turn in answers[-1]) if answers else ""

    def last(self, kind: str) -> Turn | None:
        """The last turn of this kind in the version at hand, or None."""
        return next((turn for turn in reversed(self.version()) if turn.kind == kind), None)

    def cuts_at(self, position: int) -> tuple[Cut, ...]:
        """What was taken out of the model that said the token at a position of the version at hand."""
        turns = (turn for turn in self.version() if 0 <= self.tree.position(turn.end) - position < turn.n_tokens)
        return next((turn.cuts for turn in turns), ())

    def request(self, typed: str | None, settings: GenerationSettings, cuts: tuple[Cut, ...] = ()) -> Request:
        """What to ask of an engine: to read `typed` behind the text so far and to go on from there.

        With None nothing is read and the text so far goes on; under cuts, where there are any.
        """
        template = self.template if self.mode != COMPLETE else None
        if template is not None:
            settings = replace(settings, stop=tuple(dict.fromkeys([*settings.stop, *template.stop])))
        cut = self.turns[self.head].cut if self.head != NO_TURN else ""
        new_text = compose(self._last_text(), typed, template, cut) if typed is not None else ""
        return Request(tuple(self.ids()), new_text, typed, settings, cuts)

    def add_prompt(self, typed: str, ids: Sequence[int]) -> None:
        """Put a prompt behind the text, to which no answer is asked for as yet.

        Args:
            typed: as it is shown.
            ids: the tokens that were made of it.
        """
        self._add_turn(Turn("prompt", self.head, self.tree.add_path(self.end, ids), len(ids), typed))

    def accept(self, request: Request) -> None:
        """Say whose events `apply` gets from now on."""
        self._request = request

    def apply(self, event: Event) -> None:
        """Keep what an engine tells about the accepted request."""
        match event:
            case Started():
                self._start(event)
            case TokenEvent():
                self._add_token(event)
            case ContextShifted():
                self.turns[self.head].n_dropped += event.n_dropped
            case Finished():
                self._finish(event)
            case Progress():
                pass

    def back_to_prompt(self) -> bool:
        """Step back over the last answer and all that was taken in it, so that another can be generated.

        Returns:
            Whether there was one.
        """
        before = self.head
        while self.head != NO_TURN and self.turns[self.head].kind != "prompt":
            self.head = self.turns[self.head].parent
        return self.head != before

    def take_back_prompt(self) -> str | None:
        """Step back over the last prompt and what followed; returns its text, or None when there is none."""
        index = self.head
        while index != NO_TURN and self.turns[index].kind != "prompt":
            index = self.turns[index].parent
        if index == NO_TURN:
            return None
        self.head = self.turns[index].parent
        return self.turns[index].text

    def _last_text(self) -> str:
        return next((turn.text for turn in reversed(self.version()) if turn.text), "")

    def _start(self, event: Started) -> None:
        assert self._request is not None, "apply() before accept()"
        request = self._request
        new_ids: Sequence[int] = event.prompt_ids[len(request.context_ids) :]
        if request.typed is not None or new_ids:
            self.add_prompt(request.typed or "", new_ids)
        settings = replace(request.settings, seed=event.seed)
        self._add_turn(Turn("answer", self.head, self.end, settings=settings, cuts=request.cuts))
        self._written = ""

    def _add_turn(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.head = len(self.turns) - 1

    def _add_token(self, event: TokenEvent) -> None:
        turn = self.turns[self.head]
        alternatives = tuple((one.id, one.logprob) for one in event.distribution.candidates)
        facts = TokenFacts(event.logprob, event.rank, event.entropy, alternatives)
        # subtle: under cuts another model says this; facts are what the untouched one thinks, as soon as it is asked
        turn.end = self.tree.add(turn.end, event.id, None if turn.cuts else facts)
        turn.n_tokens += 1
        turn.text += event.piece
        self._written += event.text or ""
        turn.draws.append(event.u)
        turn.final_probs.append(event.final_prob)
        turn.tokens_per_second = event.tokens_per_second

    def _finish(self, event: Finished) -> None:
        turn = self.turns[self.head]
        # subtle: a character that is not whole is shown by the turn that completes it, so none stays broken
        turn.text += event.rest.removesuffix("\ufffd")
        turn.reason = event.reason
        if event.reason == "stop" and turn.settings is not None:
            # subtle: a stop string that ends within a token is not cut clean, so the form after it is written whole
            turn.cut = max((stop for stop in turn.settings.stop if self._written.endswith(stop)), key=len, default="")
        turn.tokens_per_second = event.tokens_per_second
