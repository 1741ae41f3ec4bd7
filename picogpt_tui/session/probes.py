"""What the explorer's views ask: each a generator that runs in a worker's thread, yields Progress, and its answer last.

None of them disturbs the text's own cache: a look at its middle puts everything back. All hold the model as long as
they run and end without an answer when told to stop.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.lens import attention, attribution, logit_lens, surgery
from picogpt_tui.lens import sweep as sweeping
from picogpt_tui.lens.tapped import TappedModel
from picogpt_tui.readings import (
    Attention,
    Attribution,
    Cut,
    CutEffect,
    HeadPictures,
    LensColumn,
    LensGrid,
    Surgery,
)
from picogpt_tui.session.instruments import Instruments, Place, ShouldStop
from picogpt_tui.settings import SamplingSettings


@dataclass(frozen=True, slots=True)
class UnderCuts:
    """A model with parts taken out, and the cache that goes with it: `Engine.run` can generate with these instead."""

    model: TappedModel
    cache: KVCache


def _rewound(cache: KVCache, ids: Sequence[int], position: int, n_read: int = 1) -> AbstractContextManager[None]:
    """The cache with what stands before a position, and afterwards as it was; as it is, if it holds another text."""
    if len(cache.ids) > position and cache.ids[:position] == list(ids[:position]):
        return cache.rewound(position, n_read)
    return nullcontext()


def _within(cuts: Sequence[Cut], first: int, n_ctx: int) -> list[Cut]:
    """Cuts of positions in a text as those of the window that begins at its token `first`, where it holds them."""
    moved = [replace(cut, position=cut.position - first) if cut.kind == "position" else cut for cut in cuts]
    return [cut for cut in moved if cut.kind != "position" or 0 <= cut.position < n_ctx]


def _means(
    model: LanguageModel, ids: Sequence[int], cuts: Sequence[Cut], should_stop: ShouldStop
) -> Generator[Progress, None, surgery.ReferenceMeans | None]:
    """The means that the cuts want, None where they want none."""
    means = None
    if any(cut.how == "mean" for cut in cuts):
        for step in surgery.reference_means(model, ids, KVCache(model.config), should_stop=should_stop):
            if isinstance(step, Progress):
                yield step
            else:
                means = step
    return means


def lens_column(
    instruments: Instruments, place: Place, sampling: SamplingSettings, top_n: int, should_stop: ShouldStop = never
) -> Iterator[LensColumn]:
    """What every row of the residual stream would say at the cursor."""
    with instruments.engine.alone(should_stop) as mine:
        if mine is not None and instruments.read_up_to(*mine, place, place.cursor, should_stop):
            ids, position = instruments.window(place, place.cursor - 1)
            with _rewound(mine[1], ids, position):
                yield logit_lens.lens_column(mine[0], ids, position, sampling, top_n, mine[1])


def lens_grid(
    instruments: Instruments,
    place: Place,
    cursors: Sequence[int],
    watched: int | None = None,
    should_stop: ShouldStop = never,
) -> Iterator[Progress | LensGrid]:
    """The lens at several cursors, ascending: `positions` of the answer count the tokens behind which each looks.

    Cursors that see another window than the last one does are left out; so is 0, where it is not alone, for it sees
    `<|endoftext|>`.
    """
    with instruments.engine.alone(should_stop) as mine:
        if mine is None:
            return
        ids, position = instruments.window(place, cursors[-1] - 1)
        first = cursors[-1] - 1 - position
        positions = [cursor - 1 - first for cursor in cursors if cursor - 1 >= first]
        ask = partial(logit_lens.lens_grid, cache=mine[1], should_stop=should_stop)
        with _rewound(mine[1], ids, positions[0], positions[-1] + 1 - positions[0]):
            for step in ask(mine[0], ids, positions, watched):
                if isinstance(step, LensGrid):
                    step = LensGrid(step.rows, tuple(one + first for one in step.positions), step.watched, step.cells)
                yield step


def attribute(
    instruments: Instruments, place: Place, a: int | None, b: int | None, should_stop: ShouldStop = never
) -> Iterator[Attribution]:
    """Which parts of the model prefer token a to token b at the cursor; None stands for the likeliest other one."""
    with instruments.engine.alone(should_stop) as mine:
        if mine is not None and instruments.read_up_to(*mine, place, place.cursor, should_stop):
            ids, position = instruments.window(place, place.cursor - 1)
            with _rewound(mine[1], ids, position):
                yield attribution.attribute(mine[0], ids, position, a, b, mine[1])


def attend(instruments: Instruments, place: Place, should_stop: ShouldStop = never) -> Iterator[Attention]:
    """Where all heads look from the token under the cursor; from the last one where the cursor is behind it."""
    at = min(place.cursor, len(place.ids) - 1)
    with instruments.engine.alone(should_stop) as mine:
        if mine is not None and at >= 0 and instruments.read_up_to(*mine, place, at + 1, should_stop):
            ids, position = instruments.window(place, at)
            with _rewound(mine[1], ids, position):
                yield attention.attention_at(mine[0], ids, position, mine[1])


def picture_heads(
    instruments: Instruments, place: Place, layer: int, size: int, should_stop: ShouldStop = never
) -> Iterator[Progress | HeadPictures]:
    """All heads of a layer over the text that the cursor's token sees."""
    with instruments.engine.alone(should_stop) as mine:
        if mine is not None and place.ids:
            ids, position = instruments.window(place, min(place.cursor, len(place.ids) - 1))
            yield from attention.head_pictures(mine[0], ids[: position + 1], layer, size, should_stop=should_stop)


def operate(
    instruments: Instruments,
    place: Place,
    cuts: Sequence[Cut],
    sampling: SamplingSettings,
    top_n: int,
    should_stop: ShouldStop = never,
) -> Iterator[Progress | Surgery]:
    """What stands at the cursor before and after some cuts; means are over the text that is seen there."""
    with instruments.engine.alone(should_stop) as mine:
        if mine is None or not instruments.read_up_to(*mine, place, place.cursor, should_stop):
            return
        ids, position = instruments.window(place, place.cursor - 1)
        first, n_ctx = place.cursor - 1 - position, mine[0].config.n_ctx
        ids, here = ids[: position + 1], _within(cuts, first, n_ctx)
        means = yield from _means(mine[0], ids, here, should_stop)
        ask = partial(surgery.operate, cache=mine[1], means=means, should_stop=should_stop)
        with _rewound(mine[1], ids, position):
            for step in ask(mine[0], ids, position, here, sampling, top_n):
                yield replace(step, cuts=tuple(cuts)) if isinstance(step, Surgery) else step


def sweep(
    instruments: Instruments, place: Place, parts: Sequence[Cut], should_stop: ShouldStop = never
) -> Iterator[Progress | CutEffect]:
    """What each of some heads and MLPs, made zero alone, changes at the cursor; one by one, until told to stop."""
    with instruments.engine.alone(should_stop) as mine:
        if mine is not None:
            ids, position = instruments.window(place, place.cursor - 1)
            yield from sweeping.sweep(mine[0], ids[: position + 1], parts, should_stop=should_stop)


def under_cuts(
    instruments: Instruments, place: Place, cuts: Sequence[Cut], should_stop: ShouldStop = never
) -> Iterator[Progress | UnderCuts]:
    """The model under some cuts, for generation to go on with; means are over the text before the cursor."""
    with instruments.engine.alone(should_stop) as mine:
        if mine is None:
            return
        ids, position = instruments.window(place, place.cursor - 1)
        here = _within(cuts, place.cursor - 1 - position, mine[0].config.n_ctx)
        means = yield from _means(mine[0], ids[: position + 1], here, should_stop)
        if not should_stop():
            yield UnderCuts(surgery.ablated(mine[0], here, means), KVCache(mine[0].config))
