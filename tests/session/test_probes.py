"""What the lens and the attribution say at a cursor, and that a look at the middle costs the text's cache nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.readings import Attribution, LensColumn, LensGrid
from picogpt_tui.session import probes
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place
from picogpt_tui.settings import PURE

from ..gpt2.checkpoints import TINY, random_ids

N_TOKENS = 9


def place_at(cursor: int, n_tokens: int = N_TOKENS) -> Place:
    ids = random_ids(TINY, n_tokens)
    return Place(tuple(ids), tuple(range(n_tokens)), cursor)


def held(instruments: Instruments) -> list[int]:
    """The tokens in the text's cache."""
    with instruments.engine.alone() as mine:
        assert mine is not None
        return list(mine[1].ids)


def column_at(instruments: Instruments, place: Place) -> LensColumn:
    (column,) = probes.lens_column(instruments, place, PURE, 5)
    return column


def grid_of(steps: Iterator[Progress | LensGrid]) -> LensGrid:
    *_, grid = steps
    assert isinstance(grid, LensGrid)
    return grid


@pytest.fixture
def instruments(tiny_model: LanguageModel) -> Instruments:
    """The text is read to its end."""
    made = Instruments(Engine(tiny_model))
    made.look(place_at(N_TOKENS), PURE, 3)
    return made


@pytest.mark.parametrize("cursor", [0, 1, 4, N_TOKENS])
def test_the_last_row_of_the_lens_is_what_the_model_says_at_the_cursor(instruments: Instruments, cursor: int) -> None:
    column = column_at(instruments, place_at(cursor))
    look = instruments.look(place_at(cursor), PURE, 5)
    assert look is not None
    name, answer = column.rows[-1]
    assert name == "h.2.mlp"
    assert [one.id for one in answer.candidates] == [one.id for one in look.distribution.candidates[:5]]
    for here, there in zip(answer.candidates, look.distribution.candidates, strict=False):
        assert here.logit == pytest.approx(there.logit, abs=1e-5)


def test_a_look_at_the_middle_leaves_the_whole_text_in_the_cache(instruments: Instruments) -> None:
    ids = held(instruments)
    assert len(ids) == N_TOKENS
    column_at(instruments, place_at(4))
    grid_of(probes.lens_grid(instruments, place_at(4), [3, 4, 6]))
    list(probes.attribute(instruments, place_at(4), None, None))
    assert held(instruments) == ids
    n_computed = instruments.n_computed
    assert instruments.look(place_at(N_TOKENS), PURE, 3) is not None
    assert instruments.n_computed == n_computed


def test_what_was_rewound_is_the_same_as_read_anew(instruments: Instruments, tiny_model: LanguageModel) -> None:
    """The grid reads four tokens into a cache that holds nine: those behind must still see what they saw."""
    grid_of(probes.lens_grid(instruments, place_at(5), [3, 6]))
    place = Place((*place_at(N_TOKENS).ids, 5), tuple(range(N_TOKENS + 1)), N_TOKENS + 1)
    look = instruments.look(place, PURE, 3)
    anew = Instruments(Engine(tiny_model)).look(place, PURE, 3)
    assert look is not None
    assert anew is not None
    for here, there in zip(look.distribution.candidates, anew.distribution.candidates, strict=True):
        assert here.logit == pytest.approx(there.logit, abs=1e-5)


def test_a_grid_has_the_columns_one_by_one(instruments: Instruments) -> None:
    grid = grid_of(probes.lens_grid(instruments, place_at(7), [2, 3, 7]))
    assert grid.positions == (1, 2, 6)
    for at, cursor in enumerate((2, 3, 7)):
        column = column_at(instruments, place_at(cursor))
        assert grid.rows == tuple(name for name, _ in column.rows)
        for row, (_, distribution) in enumerate(column.rows):
            cell = grid.cells[row][at]
            assert cell.id == distribution.candidates[0].id
            assert cell.prob == pytest.approx(distribution.candidates[0].prob, abs=1e-5)
            assert cell.entropy == pytest.approx(distribution.entropy, abs=1e-4)


def test_a_grid_follows_what_came_next_and_behind_the_end_the_first_choice(instruments: Instruments) -> None:
    place = place_at(N_TOKENS)
    grid = grid_of(probes.lens_grid(instruments, place, [4, N_TOKENS]))
    assert grid.watched == (place.ids[4], grid.cells[-1][-1].id)
    pinned = grid_of(probes.lens_grid(instruments, place, [4, N_TOKENS], 17))
    assert pinned.watched == (17, 17)


def test_what_sees_another_window_is_left_out(instruments: Instruments) -> None:
    """A context of thirteen is full at cursor 13: behind it only the last half is seen."""
    place = place_at(16, 20)
    grid = grid_of(probes.lens_grid(instruments, place, [3, 15, 16]))
    assert grid.positions == (14, 15)


@pytest.mark.parametrize("cursor", [0, 4, N_TOKENS])
def test_the_parts_sum_to_the_difference_of_the_logits(instruments: Instruments, cursor: int) -> None:
    (found,) = probes.attribute(instruments, place_at(cursor), 7, None)
    assert isinstance(found, Attribution)
    look = instruments.look(place_at(cursor), PURE, TINY.n_vocab)
    assert look is not None
    logits = {one.id: one.logit for one in look.distribution.candidates}
    assert found.a.id == 7
    assert found.b.id == next(one.id for one in look.distribution.candidates if one.id != 7)
    assert found.difference == pytest.approx(logits[7] - logits[found.b.id], abs=1e-4)
    assert found.total == pytest.approx(found.difference, abs=1e-3)


def test_told_to_stop_it_says_nothing_and_the_model_is_free(instruments: Instruments) -> None:
    place = place_at(4)
    assert list(probes.lens_column(instruments, place, PURE, 5, lambda: True)) == []
    assert list(probes.lens_grid(instruments, place, [3, 4], None, lambda: True)) == []
    assert list(probes.attribute(instruments, place, None, None, lambda: True)) == []
    assert instruments.look(place, PURE, 3) is not None


def test_stopped_on_the_way_the_cache_is_whole(instruments: Instruments) -> None:
    ids, asked = held(instruments), iter([False, True])
    assert list(probes.lens_grid(instruments, place_at(4), [3, 4], None, lambda: next(asked))) == []
    assert held(instruments) == ids
