"""Run a saved session again, answer by answer, and see whether every token comes out the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from picogpt_tui.errors import DocumentError
from picogpt_tui.events import TokenEvent
from picogpt_tui.session.altered import run_under_cuts
from picogpt_tui.session.document import Document, Request
from picogpt_tui.session.engine import Engine


@dataclass(frozen=True, slots=True)
class Replayed:
    """One answer, as it was and as it came out now."""

    saved_ids: list[int]
    ids: list[int]

    @property
    def is_same(self) -> bool:
        """Whether the answer was reproduced. One that was stopped by hand only needs to begin the same."""
        return self.ids == self.saved_ids


def replay(document: Document, engine: Engine) -> Iterator[Replayed]:
    """Generate each answer of the version at hand again from its own context, settings and seed, under its own cuts.

    Raises:
        DocumentError: the session was played on other weights.
    """
    if document.digest and engine.digest() and document.digest != engine.digest():
        raise DocumentError(
            f"This session was played with {document.model} (weights {document.digest[:12]}), "
            f"not with {engine.info.name} (weights {engine.digest()[:12]})."
        )
    for turn in document.version():
        if turn.kind != "answer" or turn.settings is None:
            continue
        saved = document.tree.path_ids(turn.end, turn.n_tokens)
        context = document.tree.path_ids(document.turns[turn.parent].end)
        request = Request(tuple(context), "", None, turn.settings, turn.cuts)
        run = partial(run_under_cuts, engine) if turn.cuts else engine.run
        ids: list[int] = []
        for event in run(request, should_stop=lambda: len(ids) >= len(saved)):  # noqa: B023 (used at once)
            if isinstance(event, TokenEvent):
                ids.append(event.id)
        yield Replayed(saved, ids)
