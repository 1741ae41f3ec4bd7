"""Another model beside the explorer's, on the same text: loaded when it is first asked, and kept.

What it says at the cursor it says under the explorer's own conventions, with a cache of its own (`instruments`). The
text as a whole is compared by `lens.compare`; bits per byte are over the bytes of the scored tokens, as in the
explorer's top line.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import Distribution, Progress
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.compare import called, compare, vocabulary_difference
from picogpt_tui.lens.score import score
from picogpt_tui.readings import Comparison, Score
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place, ShouldStop
from picogpt_tui.session.models import load_steps
from picogpt_tui.settings import SamplingSettings

_MOST_KEPT = 16
"""Comparisons of whole texts, so that undo and a branch that was left cost nothing."""


@dataclass(frozen=True, slots=True)
class OtherLook:
    """What the other model says could stand at the cursor."""

    distribution: Distribution


@dataclass(frozen=True, slots=True)
class Unlike:
    """Two models whose tokens are not the same things: each read the text in its own."""

    why: str
    """One sentence."""
    name_a: str
    name_b: str
    a: Score
    b: Score


@dataclass(frozen=True, slots=True)
class Refused:
    """The other model cannot be had, or not be used."""

    sentence: str


Found = Comparison | Unlike


class OtherModel:
    """One model by its name, to be asked beside another.

    Attributes:
        name: as the user calls it.
        precision: that it is loaded in.
    """

    def __init__(self, name: str, precision: str) -> None:
        self.name = name
        self.precision = precision
        self._lock = Lock()
        self._steps: Iterator[Progress | LanguageModel] | None = None
        self._there: Instruments | None = None
        self._model: LanguageModel | None = None
        self._why: str | None = None
        self._kept: dict[tuple[tuple[int, ...], bool], Found] = {}

    def ask(
        self,
        here: Instruments,
        place: Place,
        sampling: SamplingSettings,
        top_n: int,
        *,
        bos: bool = False,
        should_stop: ShouldStop = never,
    ) -> Iterator[Progress | OtherLook | Found | Refused]:
        """What it says at a place and of the whole text, beside the model that is there.

        Args:
            here: that model.
            place: the text and the cursor.
            sampling: shapes the candidates' final probabilities.
            top_n: how many candidates.
            bos: whether `<|endoftext|>` is put before the text, so that its first token is compared too.
            should_stop: asked once a tensor, a block and every 64 tokens; loading goes on later from where it was left.

        Yields:
            Progress, then OtherLook, then a Comparison, or Unlike where the vocabularies differ; or Refused.
        """
        try:
            there = yield from self._load(should_stop)
            if there is None:
                return
            with here.engine.alone(should_stop) as mine:
                if mine is None:
                    return
                yield from self._look(mine[0], there, place, sampling, top_n, should_stop)
                yield from self._read(mine[0], place.ids, bos, should_stop)
        except PicoGPTError as error:
            yield Refused(str(error))

    def _load(self, should_stop: ShouldStop) -> Generator[Progress, None, Instruments | None]:
        with self._lock:  # subtle: who was told to stop leaves it at the next tensor, and this one goes on from there
            while self._there is None:
                if should_stop():
                    return None
                self._steps = self._steps or load_steps(self.name, precision=self.precision)
                try:
                    step = next(self._steps)
                except Exception:
                    self._steps = None  # one that broke has nothing more to say
                    raise
                if isinstance(step, Progress):
                    yield step
                else:
                    self._model, self._there = step, Instruments(Engine(step))
        return self._there

    def _look(
        self,
        a: LanguageModel,
        there: Instruments,
        place: Place,
        sampling: SamplingSettings,
        top_n: int,
        should_stop: ShouldStop,
    ) -> Iterator[OtherLook]:
        assert self._model is not None
        if self._why is None:
            self._why = vocabulary_difference(a, self._model) or ""
        if self._why:
            ids = _in_other_tokens(place.ids[: place.cursor], a.tokenizer, self._model.tokenizer)
            distribution = there.engine.peek(ids, sampling, top_n, should_stop)
        else:
            look = there.look(place, sampling, top_n, should_stop)
            distribution = None if look is None else look.distribution
        if distribution is not None:
            yield OtherLook(distribution)

    def _read(
        self, a: LanguageModel, ids: Sequence[int], bos: bool, should_stop: ShouldStop
    ) -> Iterator[Progress | Found]:
        key = tuple(ids), bos
        if key not in self._kept:
            for step in self._steps_of(a, ids, bos, should_stop):
                if isinstance(step, Progress):
                    yield step
                else:
                    self._kept[key] = step
        if key in self._kept:
            yield self._kept[key]
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _steps_of(
        self, a: LanguageModel, ids: Sequence[int], bos: bool, should_stop: ShouldStop
    ) -> Iterator[Progress | Found]:
        b = self._model
        assert b is not None
        if not self._why:
            yield from compare(a, b, ids, bos=bos, n_bytes=_n_scored_bytes(a, ids, bos), should_stop=should_stop)
            return
        score_a = yield from _score(a, ids, bos, should_stop)
        score_b = yield from _score(b, _in_other_tokens(ids, a.tokenizer, b.tokenizer), bos, should_stop)
        if score_a is not None and score_b is not None:
            yield Unlike(self._why, called(a), called(b), score_a, score_b)


def _in_other_tokens(ids: Sequence[int], mine: Tokenizer, other: Tokenizer) -> list[int]:
    return other.encode(mine.decode(ids))


def _n_scored_bytes(model: LanguageModel, ids: Sequence[int], bos: bool) -> int:
    return sum(len(model.tokenizer.bytes_of(id)) for id in (ids if bos else ids[1:]))


def _score(
    model: LanguageModel, ids: Sequence[int], bos: bool, should_stop: ShouldStop
) -> Generator[Progress, None, Score | None]:
    for step in score(model, ids, bos=bos, n_bytes=_n_scored_bytes(model, ids, bos), should_stop=should_stop):
        if isinstance(step, Score):
            return step
        yield step
    return None
