"""A text scored while it is typed: right at every letter, and only what changed is computed."""

from __future__ import annotations

import math

import pytest

from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.ops import log_softmax
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.live import LiveReader
from picogpt_tui.settings import PURE

TEXT = "Once upon a time there was a king who"


@pytest.fixture
def reader(stories: LanguageModel) -> LiveReader:
    return LiveReader(Engine(stories))


def test_every_letter_is_scored_as_the_model_scores_the_whole(stories: LanguageModel, reader: LiveReader) -> None:
    for n in range(1, len(TEXT) + 1):
        reading = reader.read((), TEXT[:n], PURE, 5)
        assert reading is not None
        ids = stories.tokenizer.encode(TEXT[:n])
        logprobs = log_softmax(stories.logits(ids))
        assert list(reading.ids) == ids
        assert reading.facts[0] is None
        for position, facts in enumerate(reading.facts[1:], 1):
            assert facts is not None
            assert facts.logprob == pytest.approx(float(logprobs[position - 1, ids[position]]), abs=1e-4)
        assert reading.distribution.candidates[0].logprob == pytest.approx(float(logprobs[-1].max()), abs=1e-4)


def test_only_new_tokens_are_computed(stories: LanguageModel, reader: LiveReader) -> None:
    reader.read((), TEXT, PURE, 5)
    n = reader.n_computed
    assert n == len(stories.tokenizer.encode(TEXT))
    reader.read((), TEXT + " had", PURE, 5)
    assert reader.n_computed == n + 1
    reader.read((), TEXT, PURE, 5)
    assert reader.n_computed == n + 1, "what was deleted again was known"


def test_the_document_is_its_context(stories: LanguageModel, reader: LiveReader) -> None:
    context = stories.tokenizer.encode(TEXT)
    reading = reader.read(context, " had three sons", PURE, 5)
    assert reading is not None
    assert all(facts is not None for facts in reading.facts), "there is something before the first"
    assert reading.n_bytes == len(" had three sons")
    whole = [*context, *reading.ids]
    first = float(log_softmax(stories.logits(whole))[len(context) - 1, reading.ids[0]])
    assert reading.facts[0] is not None
    assert reading.facts[0].logprob == pytest.approx(first, abs=1e-4)


def test_nothing_typed_shows_what_a_text_begins_with(stories: LanguageModel, reader: LiveReader) -> None:
    reading = reader.read((), "", PURE, 5)
    assert reading is not None
    assert reading.ids == ()
    assert math.isfinite(reading.distribution.entropy)


def test_it_stops_when_told(reader: LiveReader) -> None:
    assert reader.read((), TEXT, PURE, 5, should_stop=lambda: True) is None


def test_a_long_sitting_does_not_grow_without_end(reader: LiveReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picogpt_tui.session.live._MOST_NODES", 20)
    for n in range(1, 12):
        reader.read((), "king " * n, PURE, 5)
        assert len(reader._tree) <= 20 + 2 * n
