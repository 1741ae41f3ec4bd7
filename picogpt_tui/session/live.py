"""What the model thinks of a text that is still being typed: only what changed since the last time is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.events import Distribution
from picogpt_tui.gpt2.generate import never
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import FactsFound, Instruments, Place, ShouldStop
from picogpt_tui.session.tree import ROOT, TokenFacts, TokenTree
from picogpt_tui.settings import SamplingSettings

_MOST_NODES = 8192


@dataclass(frozen=True, slots=True)
class LiveReading:
    """A text as it stands, token by token."""

    ids: tuple[int, ...]
    """Of what is typed; what came before it in the document is not among them."""
    facts: tuple[TokenFacts | None, ...]
    """What the model says of each; None of a first token, for nothing comes before it."""
    n_bytes: int
    """Of the scored tokens."""
    distribution: Distribution
    """What would come next."""


class LiveReader:
    """Reads a text again and again as it is edited, behind whatever the document holds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._forget()

    def _forget(self) -> None:
        self._tree = TokenTree()
        self._instruments = Instruments(self._engine)

    @property
    def n_computed(self) -> int:
        """How many tokens were run through the model since everything was forgotten."""
        return self._instruments.n_computed

    def read(
        self,
        context_ids: Sequence[int],
        text: str,
        sampling: SamplingSettings,
        top_n: int,
        should_stop: ShouldStop = never,
    ) -> LiveReading | None:
        """Score a text behind a context, and say what would follow; None when told to stop.

        Raises:
            PicoGPTError: there is neither context nor text, and the model has no `<|endoftext|>` to begin from.
        """
        if len(self._tree) > _MOST_NODES:
            self._forget()
        tokenizer = self._engine.tokenizer
        typed = tokenizer.encode(text)
        ids = (*context_ids, *typed)
        nodes = self._tree.path(self._tree.add_path(ROOT, ids))
        place = Place(ids, tuple(nodes), len(ids))
        look = self._instruments.look(place, sampling, top_n, should_stop)
        first, facts = len(context_ids), self._tree.facts
        lacking = [position for position in range(first, len(ids)) if nodes[position] not in facts]
        for found in self._instruments.read(place, lacking, should_stop):
            if isinstance(found, FactsFound):
                facts.update(found.facts)
        if look is None or should_stop():
            return None
        known = tuple(facts.get(node) for node in nodes[first:])
        n_bytes = sum(len(tokenizer.bytes_of(id)) for id, one in zip(typed, known, strict=True) if one is not None)
        return LiveReading(tuple(typed), known, n_bytes, look.distribution)
