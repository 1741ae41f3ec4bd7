"""The lens around a cursor: first where one looks, then near, and at last everything that was wanted."""

from __future__ import annotations

import pytest

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.readings import LensColumn, LensGrid
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place
from picogpt_tui.session.lens_columns import lens_columns
from picogpt_tui.settings import PURE

from ..gpt2.checkpoints import TINY, random_ids

N_TOKENS = 20
"""More than the context of thirteen."""


@pytest.fixture
def instruments(tiny_model: LanguageModel) -> Instruments:
    return Instruments(Engine(tiny_model))


def place_at(cursor: int, n_tokens: int = N_TOKENS) -> Place:
    return Place(tuple(random_ids(TINY, n_tokens)), tuple(range(n_tokens)), cursor)


def grids(steps: list[Progress | LensColumn | LensGrid]) -> list[LensGrid]:
    return [step for step in steps if isinstance(step, LensGrid)]


def test_the_cursor_s_candidates_come_first_then_the_nearest_columns(instruments: Instruments) -> None:
    steps = list(lens_columns(instruments, place_at(10), range(3, 13), None, PURE, 4))
    first, *rest = steps
    assert isinstance(first, LensColumn)
    assert first.position == 9
    near, far = grids(rest)[0], grids(rest)[-1]
    assert near.positions == tuple(range(4, 12))
    assert far.positions == (2, 3)
    told = [(step.done, step.total) for step in rest if isinstance(step, Progress)]
    assert told == [(0, 10), (8, 10)]


def test_every_column_comes_the_first_and_those_of_other_windows_too(instruments: Instruments) -> None:
    place = place_at(14)
    found: dict[int, int] = {}
    for grid in grids(list(lens_columns(instruments, place, range(N_TOKENS + 1), None, PURE, 4))):
        found.update(zip(grid.positions, grid.watched, strict=True))
    assert sorted(found) == list(range(-1, N_TOKENS))
    assert [found[position] for position in range(-1, N_TOKENS - 1)] == list(place.ids), "what came next, everywhere"


def test_a_pinned_token_is_watched_everywhere(instruments: Instruments) -> None:
    steps = list(lens_columns(instruments, place_at(13), range(11, 16), 17, PURE, 4))
    assert {id for grid in grids(steps) for id in grid.watched} == {17}


def test_where_all_columns_are_known_only_the_candidates_are_asked_for(instruments: Instruments) -> None:
    assert [type(step) for step in lens_columns(instruments, place_at(5), [], None, PURE, 4)] == [LensColumn]


def test_an_empty_text_has_one_column(instruments: Instruments) -> None:
    column, progress, grid = lens_columns(instruments, place_at(0, 0), [0], None, PURE, 4)
    assert isinstance(column, LensColumn)
    assert isinstance(progress, Progress)
    assert isinstance(grid, LensGrid)
    assert grid.positions == (-1,)
    assert grid.watched == (column.rows[-1][1].candidates[0].id,)


def test_told_to_stop_nothing_more_comes(instruments: Instruments) -> None:
    steps = lens_columns(instruments, place_at(5), range(6), None, PURE, 4, lambda: True)
    assert not [step for step in steps if not isinstance(step, Progress)]
