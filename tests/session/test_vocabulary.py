"""Asking all tokens at once at a cursor: the numbers are those of the look there."""

from __future__ import annotations

from itertools import accumulate

import pytest

from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place
from picogpt_tui.session.vocabulary import Found, Near, ThroughLayers, Vocabulary, Watched, Wish
from picogpt_tui.settings import PURE

from ..gpt2.checkpoints import END_OF_TEXT_ID, TINY, random_ids

SPACE_T, HE, SPACE_THE, IN = 256, 257, 258, 259
IDS = tuple(random_ids(TINY, 9))


def place(cursor: int) -> Place:
    return Place(IDS, tuple(range(len(IDS))), cursor)


@pytest.fixture
def instruments(tiny_model: LanguageModel) -> Instruments:
    return Instruments(Engine(tiny_model))


@pytest.mark.parametrize("cursor", [0, 4, 9], ids=["before all", "in the middle", "behind the last"])
def test_all_answers_agree_with_the_look(instruments: Instruments, cursor: int) -> None:
    look = instruments.look(place(cursor), PURE, TINY.n_vocab)
    assert look is not None
    known = {one.id: one for one in look.distribution.candidates}
    wish = Wish("he", near=IN, watched=(HE, END_OF_TEXT_ID))
    found, near, watched, *layers = Vocabulary(instruments).ask(place(cursor), wish, 5)
    assert isinstance(found, Found)
    assert found.match is not None
    assert sorted(one.id for one in found.match.candidates) == [HE, SPACE_THE]
    assert found.match.prob == pytest.approx(known[HE].prob + known[SPACE_THE].prob, abs=1e-6)
    assert isinstance(near, Near)
    assert isinstance(watched, Watched)
    assert [one.id for one in watched.candidates] == [HE, END_OF_TEXT_ID]
    for one in (*found.match.candidates, *near.candidates, *watched.candidates):
        assert one.rank == known[one.id].rank
        assert one.logit == pytest.approx(known[one.id].logit, abs=1e-5)
    for one, column in zip(watched.candidates, layers, strict=True):
        assert isinstance(column, ThroughLayers)
        assert (column.id, column.ranks[-1], column.rows[0]) == (one.id, one.rank, "embed")
        assert column.probs[-1] == pytest.approx(one.prob, abs=1e-6)
        assert len(column.ranks) == len(column.rows) == 2 * TINY.n_layer + 1
    assert {answer.cursor for answer in (found, near, watched)} == {cursor}


def test_a_token_is_the_nearest_to_itself(instruments: Instruments) -> None:
    (near,) = Vocabulary(instruments).ask(place(3), Wish(near=IN), 5)
    assert isinstance(near, Near)
    cosines = [one.cosine for one in near.neighbours]
    assert (near.neighbours[0].id, cosines[0]) == (IN, 1.0)
    assert cosines == list(accumulate(cosines, min)), "they fall"
    assert [one.id for one in near.candidates] == [one.id for one in near.neighbours]
    assert len(near.neighbours) == 6


def test_what_cannot_be_asked_is_told_and_the_rest_is_answered(instruments: Instruments) -> None:
    found, watched, _ = Vocabulary(instruments).ask(place(3), Wish("#9999", watched=(HE,)), 5)
    assert isinstance(found, Found)
    assert found.match is None
    assert "There is no token #9999" in found.trouble
    assert isinstance(watched, Watched)


def test_a_question_can_be_asked_again_and_another_one(instruments: Instruments) -> None:
    vocabulary = Vocabulary(instruments)
    answers = [next(iter(vocabulary.ask(place(at), Wish(text), 5))) for at, text in [(3, "he"), (7, "he"), (7, "=in")]]
    found = [answer.match.n_found for answer in answers if isinstance(answer, Found) and answer.match is not None]
    assert found == [2, 2, 1]


def test_nothing_is_wished_for_and_nothing_said(instruments: Instruments) -> None:
    assert list(Vocabulary(instruments).ask(place(3), Wish(), 5)) == []


def test_who_stops_hears_nothing_more(instruments: Instruments) -> None:
    heard: list[object] = []
    for answer in Vocabulary(instruments).ask(place(3), Wish("he", watched=(HE, IN)), 5, lambda: len(heard) == 2):
        heard.append(answer)  # the list says when to stop
    assert [type(answer) for answer in heard] == [Found, Watched]
