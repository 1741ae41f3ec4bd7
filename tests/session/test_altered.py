"""Under cuts a document goes on with another model, says so of its turns, and is reproduced like that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from picogpt_tui.errors import SettingError
from picogpt_tui.events import Finished
from picogpt_tui.gpt2.generate import generate
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.lens.surgery import ReferenceMeans, ablated, reference_means
from picogpt_tui.readings import Cut
from picogpt_tui.session import storage
from picogpt_tui.session.altered import run_under_cuts
from picogpt_tui.session.document import Document, Request
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.replay import replay
from picogpt_tui.settings import PURE, GenerationSettings

from .test_document import play

CUTS = (Cut("head", 1, 2), Cut("mlp", 3, how="mean"), Cut("position", position=2))
SETTINGS = GenerationSettings(PURE, max_tokens=12, seed=5, stop_at_end_of_text=False)


def said(engine: Engine, request: Request) -> tuple[int, ...]:
    *_, end = run_under_cuts(engine, request)
    assert isinstance(end, Finished)
    return end.ids


def test_it_says_what_the_ablated_model_says_with_means_over_the_text_before(stories: LanguageModel) -> None:
    ids = stories.tokenizer.encode("Once upon a time there was a king")
    *_, means = reference_means(stories, ids, KVCache(stories.config))
    assert isinstance(means, ReferenceMeans)
    *_, expected = generate(ablated(stories, CUTS, means), ids, SETTINGS)
    *_, untouched = generate(stories, ids, SETTINGS)
    assert isinstance(expected, Finished)
    assert isinstance(untouched, Finished)
    engine = Engine(stories)
    assert said(engine, Request(tuple(ids), "", None, SETTINGS, CUTS)) == expected.ids
    assert said(engine, Request((), "Once upon a time there was a king", "", SETTINGS, CUTS)) == expected.ids
    assert expected.ids != untouched.ids, "cuts that nobody feels prove nothing"
    *_, again = engine.run(Request(tuple(ids), "", None, SETTINGS))
    assert isinstance(again, Finished)
    assert again.ids == untouched.ids, "the model itself is whole"


def grow(document: Document, on: Engine, cuts: tuple[Cut, ...], n_tokens: int) -> None:
    """Let a document go on under cuts, or without."""
    request = document.request(None, replace(SETTINGS, max_tokens=n_tokens), cuts)
    document.accept(request)
    for event in run_under_cuts(on, request) if cuts else on.run(request):
        document.apply(event)


def test_where_no_text_is_it_begins_behind_end_of_text_which_stands_at_position_0(stories: LanguageModel) -> None:
    on, document = Engine(stories), Document("stories")
    grow(document, on, (Cut("mlp", 3, how="mean"), Cut("position", position=0)), 9)
    assert document.ids()[0] == stories.config.end_of_text
    assert [answer.is_same for answer in replay(document, on)] == [True]


def test_a_part_that_the_model_does_not_have_is_named_and_the_model_is_free(stories: LanguageModel) -> None:
    engine = Engine(stories)
    with pytest.raises(SettingError, match=r"h\.99\.mlp"):
        list(run_under_cuts(engine, Request((5,), "", None, SETTINGS, (Cut("mlp", 99),))))
    assert engine.peek([5], PURE, 3) is not None


def test_told_to_stop_it_says_nothing(stories: LanguageModel) -> None:
    assert list(run_under_cuts(Engine(stories), Request((5,), "", None, SETTINGS, CUTS), lambda: True)) == []


@pytest.fixture
def played(stories: LanguageModel, tmp_path: Path) -> Document:
    """An answer, one behind it under cuts, and a third without, as they come back from disk."""
    on, document = Engine(stories), Document("stories")
    document.digest = on.digest()
    play(document, on, "Once upon a time there was a king", SETTINGS)
    grow(document, on, CUTS, 7)
    grow(document, on, (), 7)
    storage.save(document, tmp_path / "played.json")
    return storage.load(tmp_path / "played.json")


def test_turns_know_what_was_cut_and_are_reproduced_under_it(played: Document, stories: LanguageModel) -> None:
    assert [turn.cuts for turn in played.version()] == [(), (), CUTS, ()]
    assert [answer.is_same for answer in replay(played, Engine(stories))] == [True, True, True]
    played.version()[2].cuts = CUTS[:1]
    assert [answer.is_same for answer in replay(played, Engine(stories))] == [True, False, True]


def test_what_was_said_under_cuts_has_no_facts_of_the_untouched_model(played: Document) -> None:
    _, first, under, last = (played.turn_nodes(turn) for turn in played.version())
    assert {node in played.tree.facts for node in (*first, *last)} == {True}
    assert {node in played.tree.facts for node in under} == {False}


def test_a_position_tells_under_which_cuts_its_token_was_said(played: Document) -> None:
    n_prompt = played.version()[0].n_tokens
    told = [played.cuts_at(position) for position in range(n_prompt + 12 + 7 + 7 + 1)]
    assert told == [()] * (n_prompt + 12) + [CUTS] * 7 + [()] * 8
