"""Heads and cuts at a cursor: which token they are about, and that the text's own cache is left in peace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.lens.attention import attention_at
from picogpt_tui.readings import Attention, Cut, CutEffect, HeadPictures, Surgery
from picogpt_tui.session import probes
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place
from picogpt_tui.settings import PURE

from ..gpt2.checkpoints import TINY
from .test_probes import N_TOKENS, held, place_at

CUTS = (Cut("head", 0, 1), Cut("mlp", 1, how="mean"), Cut("position", position=2))


@pytest.fixture
def instruments(tiny_model: LanguageModel) -> Instruments:
    """The text is read to its end."""
    made = Instruments(Engine(tiny_model))
    made.look(place_at(N_TOKENS), PURE, 3)
    return made


def attention(instruments: Instruments, place: Place) -> Attention:
    (found,) = probes.attend(instruments, place)
    return found


def surgery(instruments: Instruments, place: Place, cuts: tuple[Cut, ...]) -> Surgery:
    *_, found = probes.operate(instruments, place, cuts, PURE, 5)
    assert isinstance(found, Surgery)
    return found


def effects(steps: Iterator[object]) -> list[CutEffect]:
    return [step for step in steps if isinstance(step, CutEffect)]


@pytest.mark.parametrize("cursor, position", [(0, 0), (4, 4), (8, 8), (9, 8)])
def test_the_token_under_the_cursor_looks_and_behind_the_end_the_last(
    instruments: Instruments, tiny_model: LanguageModel, cursor: int, position: int
) -> None:
    found = attention(instruments, place_at(cursor))
    expected = attention_at(tiny_model, place_at(cursor).ids, position, KVCache(TINY))
    assert found.position == position
    for layer in range(TINY.n_layer):
        for got, wanted in zip(found.weights[layer], expected.weights[layer], strict=True):
            assert list(got) == pytest.approx(list(wanted), abs=1e-5)


def test_pictures_are_of_the_text_that_the_token_sees(instruments: Instruments) -> None:
    *_, found = probes.picture_heads(instruments, place_at(4), 1, 99)
    assert isinstance(found, HeadPictures)
    assert (found.layer, found.size, len(found.heads)) == (1, 5, TINY.n_head)


@pytest.mark.parametrize("cursor", [0, 1, 4, N_TOKENS])
def test_before_the_cuts_stands_what_the_model_says_at_the_cursor(instruments: Instruments, cursor: int) -> None:
    found, look = surgery(instruments, place_at(cursor), CUTS), instruments.look(place_at(cursor), PURE, 5)
    assert look is not None
    assert found.cuts == CUTS
    before = [one.logprob for one in found.before.candidates[:5]]
    assert before == pytest.approx([one.logprob for one in look.distribution.candidates[:5]], abs=1e-4)
    assert found.kl > 1e-6


def test_a_position_is_felt_behind_it_only(instruments: Instruments) -> None:
    cut = (Cut("position", position=4),)
    assert surgery(instruments, place_at(4), cut).kl == pytest.approx(0, abs=1e-6)
    assert surgery(instruments, place_at(5), cut).kl > 1e-6


def test_a_position_that_the_window_has_left_is_not_felt(instruments: Instruments) -> None:
    """Behind a context of thirteen only the last half is seen: its third token is the text's eleventh."""
    place = place_at(18, 20)
    ids, position = instruments.window(place, 17)
    first = 17 - position
    assert (first, len(ids)) == (8, 12)
    for position in (0, first - 1, 19):
        assert surgery(instruments, place, (Cut("position", position=position),)).kl == pytest.approx(0, abs=1e-6)
    assert surgery(instruments, place, (Cut("position", position=first),)).kl > 1e-6


def test_a_sweep_tells_of_each_part_what_an_operation_tells(instruments: Instruments) -> None:
    parts = [Cut("head", 0, 1), Cut("mlp", 1), Cut("head", 2, 0)]
    for cursor in (0, 5):
        found = effects(probes.sweep(instruments, place_at(cursor), parts))
        expected = [surgery(instruments, place_at(cursor), (cut,)).kl for cut in parts]
        assert [one.kl for one in found] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_the_texts_own_cache_is_as_it_was(instruments: Instruments) -> None:
    ids = held(instruments)
    attention(instruments, place_at(4))
    surgery(instruments, place_at(4), CUTS)
    effects(probes.sweep(instruments, place_at(4), [Cut("mlp", 1)]))
    list(probes.under_cuts(instruments, place_at(4), CUTS))
    assert held(instruments) == ids


def test_told_to_stop_they_say_nothing_and_the_model_is_free(instruments: Instruments) -> None:
    place = place_at(4)
    assert list(probes.attend(instruments, place, lambda: True)) == []
    assert list(probes.operate(instruments, place, CUTS, PURE, 5, lambda: True)) == []
    assert list(probes.sweep(instruments, place, [Cut("mlp", 1)], lambda: True)) == []
    assert list(probes.under_cuts(instruments, place, CUTS, lambda: True)) == []
    assert instruments.look(place, PURE, 3) is not None


def test_an_empty_text_has_no_token_that_looks(instruments: Instruments) -> None:
    assert list(probes.attend(instruments, Place((), (), 0))) == []
    assert list(probes.picture_heads(instruments, Place((), (), 0), 0, 9)) == []
