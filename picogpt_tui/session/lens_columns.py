"""The logit lens around a cursor, the nearest columns first: what a screen asks when it draws a grid of them.

A column is all that is said at one cursor, and stays true as long as the tokens before it do. So a screen keeps what it
was told, and asks only for what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.generate import never
from picogpt_tui.readings import LensColumn, LensGrid
from picogpt_tui.session import probes
from picogpt_tui.session.instruments import Instruments, Place, ShouldStop
from picogpt_tui.settings import SamplingSettings

_AT_ONCE = 8
"""Columns: more cost less each, but the first come later."""


def _nearest_first(cursors: Sequence[int], cursor: int) -> Iterator[list[int]]:
    """Cursors in groups, each of them ascending."""
    by_distance = sorted(cursors, key=lambda one: abs(one - cursor))
    for at in range(0, len(by_distance), _AT_ONCE):
        yield sorted(by_distance[at : at + _AT_ONCE])


def _questions(
    instruments: Instruments, place: Place, cursors: Sequence[int], watched: int | None
) -> Iterator[tuple[list[int], int | None]]:
    """Cursors that can be asked about together, and what is watched there."""
    together: dict[tuple[int, int | None], list[int]] = {}
    for cursor in cursors:
        ids, position = instruments.window(place, cursor - 1)
        is_last_seen = position + 1 == len(ids) and cursor < len(place.ids)
        # subtle: what comes next stands in another window, so the lens has to be told what it is
        told = place.ids[cursor] if watched is None and is_last_seen else watched
        together.setdefault((cursor - 1 - position, told), []).append(cursor)
    for (_, told), group in together.items():
        yield group, told


def lens_columns(
    instruments: Instruments,
    place: Place,
    lacking: Sequence[int],
    watched: int | None,
    sampling: SamplingSettings,
    top_n: int,
    should_stop: ShouldStop = never,
) -> Iterator[Progress | LensColumn | LensGrid]:
    """What every row would say at the cursor, with its candidates; then the columns that are lacking, in parts.

    Args:
        instruments: the model.
        place: the text, and the cursor.
        lacking: cursors of the columns that are wanted, as in `probes.lens_grid`.
        watched: the token whose rank is followed, None for what came next at each.
        sampling: shapes the candidates' final probabilities.
        top_n: how many candidates a row has.
        should_stop: asked once a row.
    """
    yield from probes.lens_column(instruments, place, sampling, top_n, should_stop)
    n_done = 0
    for group in _nearest_first(lacking, place.cursor):
        yield Progress("looking at every layer", n_done, len(lacking))
        for cursors, told in _questions(instruments, place, group, watched):
            grids = probes.lens_grid(instruments, place, cursors, told, should_stop)
            yield from (step for step in grids if isinstance(step, LensGrid))
        n_done += len(group)
