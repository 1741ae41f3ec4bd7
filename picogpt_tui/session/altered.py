"""Generating under cuts: what a request asks for, said by the model with the request's parts taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from picogpt_tui.events import Event
from picogpt_tui.gpt2.generate import never
from picogpt_tui.session import probes
from picogpt_tui.session.document import Request
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place


def run_under_cuts(engine: Engine, request: Request, should_stop: Callable[[], bool] = never) -> Iterator[Event]:
    """Generate under a request's cuts, as `Engine.run` does without; what becomes a mean has that of the text before.

    Raises:
        SettingError: the model has no such part.
    """
    ids = [*request.context_ids, *engine.tokenizer.encode(request.new_text)] or engine.empty_context()
    place = Place(tuple(ids), tuple(range(len(ids))), len(ids))
    made = None
    for step in probes.under_cuts(Instruments(engine), place, request.cuts, should_stop):
        if isinstance(step, probes.UnderCuts):
            made = step  # subtle: the probe has the engine alone until it ends
        else:
            yield step
    if made is not None:
        yield from engine.run(request, should_stop, instead=(made.model, made.cache))
