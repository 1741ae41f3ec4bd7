"""What the explorer asks of a whole vocabulary at a cursor.

These are the tokens that a question finds, those that lie near one, and those that are watched, which are followed
through the layers too. How a question is written, and what is said of the tokens, is `lens.vocabulary`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import Candidate
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import Shaped, shape
from picogpt_tui.lens.vocabulary import Neighbours, ask, search
from picogpt_tui.readings import LensGrid, Neighbour, VocabularyMatch
from picogpt_tui.session import probes
from picogpt_tui.session.instruments import Instruments, Place, ShouldStop
from picogpt_tui.settings import PURE


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to know at one cursor."""

    question: str = ""
    """"" for none; what can be asked says `lens.vocabulary`."""
    near: int | None = None
    """The token whose neighbours are wanted, None for nobody's."""
    watched: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The tokens that a question found; its trouble, in one sentence, where it cannot be asked."""

    cursor: int
    question: str
    match: VocabularyMatch | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """A token, and those that lie nearest to it in the embedding, itself the first: its cosine is 1."""

    cursor: int
    id: int
    neighbours: tuple[Neighbour, ...]
    candidates: tuple[Candidate, ...]
    """The same tokens in the same order."""


@dataclass(frozen=True, slots=True)
class Watched:
    """How likely the watched tokens are here, in the order in which they are watched."""

    cursor: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ThroughLayers:
    """A watched token in every row of the logit lens."""

    cursor: int
    id: int
    rows: tuple[str, ...]
    ranks: tuple[int, ...]
    probs: tuple[float, ...]


class Vocabulary:
    """A model's tokens, to be asked at one cursor after the other. Keeps what the cursor does not change."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._searched: tuple[str, list[int]] = "", []
        self._neighbours: Neighbours | None = None

    def ask(
        self, place: Place, wish: Wish, top_n: int, should_stop: ShouldStop = never
    ) -> Iterator[Found | Near | Watched | ThroughLayers]:
        """Answer what is wished for, the quickest first; of watched tokens one after the other.

        Args:
            place: the text, and the cursor.
            wish: what somebody wants to know.
            top_n: how many tokens are listed.
            should_stop: asked before each pass through the model.
        """
        with self._instruments.engine.alone(should_stop) as mine:
            if mine is None or (logits := self._instruments.logits(*mine, place, should_stop)) is None:
                return
            shaped = shape(logits, PURE)
            if wish.question:
                yield self._find(shaped, place, wish.question, top_n)
            if wish.near is not None:
                yield self._near(mine[0], shaped, place, wish.near, top_n)
            if wish.watched:
                yield Watched(place.cursor, self._in_order(shaped, wish.watched))
        for id in wish.watched:
            yield from self._through_layers(place, id, should_stop)

    def _find(self, shaped: Shaped, place: Place, question: str, top_n: int) -> Found:
        tokenizer = self._instruments.engine.tokenizer
        try:
            if self._searched[0] != question:
                self._searched = question, search(tokenizer, question)
        except PicoGPTError as error:
            return Found(place.cursor, question, None, str(error))
        return Found(place.cursor, question, ask(shaped, tokenizer, self._searched[1], top_n))

    def _near(self, model: LanguageModel, shaped: Shaped, place: Place, id: int, top_n: int) -> Near:
        if self._neighbours is None:
            self._neighbours = Neighbours(model)
        itself = Neighbour(id, model.tokenizer.label(id), 1.0)
        neighbours = (itself, *self._neighbours.of(id, top_n))
        return Near(place.cursor, id, neighbours, self._in_order(shaped, [near.id for near in neighbours]))

    def _in_order(self, shaped: Shaped, ids: Sequence[int]) -> tuple[Candidate, ...]:
        match = ask(shaped, self._instruments.engine.tokenizer, ids, len(ids))
        by_id = {one.id: one for one in match.candidates}
        return tuple(by_id[id] for id in ids)

    def _through_layers(self, place: Place, id: int, should_stop: ShouldStop) -> Iterator[ThroughLayers]:
        for step in probes.lens_grid(self._instruments, place, [place.cursor], id, should_stop):
            if isinstance(step, LensGrid):
                cells = [row[0] for row in step.cells]
                ranks, probs = tuple(cell.rank for cell in cells), tuple(cell.watched_prob for cell in cells)
                yield ThroughLayers(place.cursor, id, step.rows, ranks, probs)
