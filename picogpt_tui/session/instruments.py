"""What an explorer asks of a model about a text, one question at a time, in a worker's thread.

Behind every token that was read its hidden state is kept: all that the distribution after it is made of, in n_embd
numbers instead of n_vocab. So a position that was read answers at once, a new branch costs the tokens it adds, and
nothing of it touches what the others have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from picogpt_tui.events import Distribution, Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import prefill_block
from picogpt_tui.gpt2.waterfall import waterfall
from picogpt_tui.lens.facts import ROWS_AT_ONCE, stacked, token_facts
from picogpt_tui.readings import Waterfall
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.tree import ROOT, TokenFacts
from picogpt_tui.settings import SamplingSettings

ShouldStop = Callable[[], bool]
_ALTERNATIVES = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody looks: a version of a document, and a position in it.

    Attributes:
        ids: the version's tokens.
        nodes: their nodes in the tree.
        cursor: 0 to len(ids): the token that is looked at, or the place behind the last.
        u: the draw that picked the token there, None where none did.
    """

    ids: tuple[int, ...]
    nodes: tuple[int, ...]
    cursor: int
    u: float | None = None

    @property
    def taken(self) -> int | None:
        """Id of the token that stands there."""
        return self.ids[self.cursor] if self.cursor < len(self.ids) else None

    @property
    def before(self) -> int:
        """The node before, ROOT at the beginning."""
        return self.nodes[self.cursor - 1] if self.cursor else ROOT


@dataclass(frozen=True, slots=True)
class Look:
    """What could stand at a place, and what sampling makes of it."""

    distribution: Distribution
    waterfall: Waterfall


@dataclass(frozen=True, slots=True)
class FactsFound:
    """What the model says of tokens that nobody had asked it about, by node."""

    facts: tuple[tuple[int, TokenFacts], ...]


class Instruments:
    """One model's answers about one document.

    Attributes:
        engine: the model; others may use it in between.
        n_computed: how many tokens were run through the model so far.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.n_computed = 0
        self._rows: dict[int, FloatArray] = {}
        self._seen: tuple[Place, FloatArray] | None = None

    def look(
        self, place: Place, sampling: SamplingSettings, top_n: int, should_stop: ShouldStop = never
    ) -> Look | None:
        """What could stand at a place; None when told to stop.

        Raises:
            PicoGPTError: nothing comes before it and the model has no `<|endoftext|>` to begin from.
        """
        with self.engine.alone(should_stop) as mine:
            if mine is None:
                return None
            if (logits := self.logits(*mine, place, should_stop)) is None:
                return None
            self._seen = place, logits
        return self.reshape(sampling, top_n)

    def reshape(self, sampling: SamplingSettings, top_n: int) -> Look | None:
        """The last look under other settings, from its logits; None before there was one."""
        if self._seen is None:
            return None
        place, logits = self._seen
        context, tokenizer = place.ids[: place.cursor], self.engine.tokenizer
        shown = waterfall(logits, sampling, context, tokenizer, top_n, place.taken, place.u)
        return Look(shown.distribution, shown)

    def read(
        self, place: Place, lacking: Sequence[int], should_stop: ShouldStop = never
    ) -> Iterator[Progress | FactsFound]:
        """Read all of a version, and say what the model thinks of some of its tokens.

        Args:
            place: the version.
            lacking: positions whose facts are wanted, ascending; position 0 has none, for nothing comes before it.
            should_stop: asked once a block.
        """
        wanted = [position for position in lacking if position > 0]
        for at in range(0, len(wanted), ROWS_AT_ONCE):
            positions = wanted[at : at + ROWS_AT_ONCE]
            with self.engine.alone(should_stop) as mine:
                if mine is None or not self.read_up_to(*mine, place, positions[-1], should_stop):
                    return
                facts = self._facts(mine[0], place, positions)
            yield FactsFound(facts)
            yield Progress("reading", positions[-1], len(place.ids))
        with self.engine.alone(should_stop) as mine:
            if mine is not None:
                self.read_up_to(*mine, place, len(place.ids), should_stop)

    def read_up_to(
        self, model: LanguageModel, cache: KVCache, place: Place, cursor: int, should_stop: ShouldStop
    ) -> bool:
        """Read what comes before a cursor, as far as it was not read yet; False when told to stop.

        For whoever has the engine `alone` already.
        """
        if cursor == 0 and ROOT not in self._rows:
            self._rows[ROOT] = self._hidden(model, KVCache(model.config), self.engine.empty_context())[-1]
        while (first := self._first_unread(place.nodes[:cursor])) < cursor:
            if should_stop():
                return False
            start, n_block = self._window_start(first), prefill_block(model.config)
            stop = next(
                stop for stop in range(min(cursor, first + n_block), first, -1) if self._window_start(stop - 1) == start
            )
            self._read_block(model, cache, place, range(first, stop), start)
        return True

    def logits(self, model: LanguageModel, cache: KVCache, place: Place, should_stop: ShouldStop) -> FloatArray | None:
        """What the model says of every token at a place, [n_vocab]; None when told to stop.

        For whoever has the engine `alone` already.
        """
        if not self.read_up_to(model, cache, place, place.cursor, should_stop):
            return None
        logits: FloatArray = model.unembed(self._rows[place.before][None])[0]  # [1, n_embd] -> [n_vocab]
        return logits

    def window(self, place: Place, position: int) -> tuple[list[int], int]:
        """What the model sees when it reads the token at a position: these tokens, of which it is that one.

        Where the context is full its last half is kept, as `generate` does. At position -1 stands `<|endoftext|>`.
        """
        if position < 0:
            return self.engine.empty_context(), 0
        start = self._window_start(position)
        return list(place.ids[start : start + self.engine.config.n_ctx]), position - start

    # -- reading -------------------------------------------------------------------------------------------------------

    def _window_start(self, position: int) -> int:
        n_ctx = self.engine.config.n_ctx
        step = n_ctx + 1 - max(1, n_ctx // 2)
        return 0 if position < n_ctx else ((position - n_ctx) // step + 1) * step

    def _first_unread(self, nodes: Sequence[int]) -> int:
        return next((index for index, node in enumerate(nodes) if node not in self._rows), len(nodes))

    def _read_block(self, model: LanguageModel, cache: KVCache, place: Place, block: range, start: int) -> None:
        done = start + cache.change_to(place.ids[start:], at_most=block.start - start)
        hidden = self._hidden(model, cache, place.ids[done : block.stop])[block.start - done :]
        for position, row in zip(block, hidden, strict=True):
            self._rows[place.nodes[position]] = row.copy()  # a view would keep the whole block

    def _hidden(self, model: LanguageModel, cache: KVCache, ids: Sequence[int]) -> FloatArray:
        self.n_computed += len(ids)
        return model.hidden_states(ids, cache)

    def _facts(
        self, model: LanguageModel, place: Place, positions: Sequence[int]
    ) -> tuple[tuple[int, TokenFacts], ...]:
        rows = stacked([self._rows[place.nodes[position - 1]] for position in positions])
        found = token_facts(model.unembed(rows), [place.ids[position] for position in positions], _ALTERNATIVES)
        return tuple(
            (place.nodes[position], TokenFacts(*facts)) for position, facts in zip(positions, found, strict=True)
        )
