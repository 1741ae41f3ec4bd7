"""A session somebody walked through comes back from disk with all its paths; so does one of the first format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session import storage
from picogpt_tui.session.document import Document
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.session.replay import replay
from picogpt_tui.settings import GREEDY, GenerationSettings, SamplingSettings

from .test_storage import NASTY, SETTINGS, add_answer, assert_same, bytes_of

FIRST_FORMAT = Path(__file__).parents[1] / "golden" / "session-1.json"
"""Two answers to one prompt of the bundled model, and one to a second: written by version 0.1.0, the last to write that
format, so that no script here can make it again."""


def walked() -> Document:
    """A token taken in the first answer, one token behind it, one taken for the prompt's; a name, a branch put away."""
    document = Document("tiny")
    add_answer(document, "hi", [1, 2, 3])
    walk = Exploration(document, bytes_of, 2)
    walk.take(9)
    walk.name(walk.path[2], NASTY)
    add_answer(document, None, [4], replace(SETTINGS, first_draw=7))
    walk.refresh()
    walk.move_to(0)
    walk.take(8)
    walk.prune(walk.outline()[1].nodes[0])
    return document


def test_a_walk_comes_back_as_it_was(tmp_path: Path) -> None:
    document = walked()
    assert [turn.kind for turn in document.turns] == ["prompt", "answer", "answer", "taken", "answer", "taken"]
    assert (document.names, document.pruned) == ({4: NASTY}, {0})
    storage.save(document, tmp_path / "one.json")
    loaded = storage.load(tmp_path / "one.json")
    assert_same(loaded, document)
    assert loaded.turns[4].settings == replace(SETTINGS, first_draw=7, seed=12345)


def test_a_loaded_walk_goes_on_where_the_saved_one_would(tmp_path: Path) -> None:
    storage.save(document := walked(), tmp_path / "one.json")
    loaded = storage.load(tmp_path / "one.json")
    for one in (loaded, document):
        walk = Exploration(one, bytes_of)
        walk.take(77)
        walk.move_to(2)
        walk.take(2)
        walk.cut_back()
        walk.take(5)
    assert loaded.ids() == [77, 1, 5]
    assert_same(loaded, document)


def test_a_session_of_the_first_format_can_be_read() -> None:
    """Nobody's text is lost because the program became newer; saved again, it is of the new format."""
    fields = json.loads(FIRST_FORMAT.read_text(encoding="utf-8"))
    assert fields["format"] == "picogpt-session-1"
    assert not {"names", "pruned"} & set(fields["tree"])
    assert "first_draw" not in fields["turns"][1]["settings"]
    document = storage.load(FIRST_FORMAT)
    assert (document.title, len(document.turns), document.head) == ("Two wolves", 5, 4)
    assert document.ids() == [fields["tree"]["ids"][node] for node in (*range(8), *range(14, 24))]
    assert (document.names, document.pruned) == ({}, set())
    answers = [turn.settings for turn in document.version() if turn.kind == "answer"]
    assert answers == [
        GenerationSettings(SamplingSettings(1.2, 0.7, 0, 0.9, 0.01, 0.95), max_tokens=6, seed=4, top_n=2),
        GenerationSettings(GREEDY, max_tokens=3, seed=3, stop=("\n",), top_n=2),
    ]
    new = json.loads(json.dumps(storage.to_dict(document)))
    assert new["format"] == "picogpt-session-2"
    assert_same(storage.from_dict(new), document)


def test_a_session_of_the_first_format_is_reproduced(stories: LanguageModel) -> None:
    document = storage.load(FIRST_FORMAT)
    if document.digest != stories.digest:
        pytest.skip("the bundled model has other weights than version 0.1.0's")
    assert [answer.is_same for answer in replay(document, Engine(stories))] == [True, True]
    document.head = 1
    assert [answer.is_same for answer in replay(document, Engine(stories))] == [True]
