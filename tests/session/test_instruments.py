"""Looking anywhere in a document: the model's own numbers, and only what is new is computed."""

from __future__ import annotations

import pytest

from picogpt_tui.events import TokenEvent
from picogpt_tui.gpt2.generate import generate
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import FactsFound, Instruments, Place
from picogpt_tui.session.tree import TokenFacts, TokenTree
from picogpt_tui.settings import PURE, GenerationSettings, SamplingSettings

from ..gpt2.checkpoints import TINY, random_ids


class Text:
    """A tree, and places in it."""

    def __init__(self) -> None:
        self.tree = TokenTree()

    def place(self, ids: list[int], cursor: int, u: float | None = None) -> Place:
        nodes = self.tree.path(self.tree.add_path(-1, ids))
        return Place(tuple(ids), tuple(nodes), cursor, u)


def facts_of(instruments: Instruments, place: Place) -> dict[int, TokenFacts]:
    steps = instruments.read(place, range(len(place.ids)))
    return {node: facts for step in steps if isinstance(step, FactsFound) for node, facts in step.facts}


@pytest.fixture
def instruments(tiny_model: LanguageModel) -> Instruments:
    return Instruments(Engine(tiny_model))


def test_a_look_shows_what_the_model_says_there(tiny_model: LanguageModel, instruments: Instruments) -> None:
    ids = random_ids(TINY, 9)
    logits = tiny_model.logits(ids)
    for cursor in (4, 9, 1, 8):
        look = instruments.look(Text().place(ids, cursor), PURE, TINY.n_vocab)
        assert look is not None
        for one in look.distribution.candidates:
            assert one.logit == pytest.approx(float(logits[cursor - 1, one.id]), abs=1e-4)
        instruments = Instruments(instruments.engine)


def test_the_first_position_is_behind_end_of_text(tiny_model: LanguageModel, instruments: Instruments) -> None:
    look = instruments.look(Text().place([5, 6], 0), PURE, 3)
    assert look is not None
    expected = tiny_model.logits([TINY.end_of_text or 0])[0]
    assert look.distribution.candidates[0].logit == pytest.approx(float(expected.max()), abs=1e-4)


def test_a_position_that_was_read_costs_nothing_and_a_branch_its_own_tokens(instruments: Instruments) -> None:
    text, ids = Text(), random_ids(TINY, 9)
    instruments.look(text.place(ids, 9), PURE, 3)
    assert instruments.n_computed == 9
    for cursor in (3, 8, 1):
        instruments.look(text.place(ids, cursor), PURE, 3)
    assert instruments.n_computed == 9
    branch = [*ids[:6], (ids[6] + 1) % TINY.n_vocab]
    instruments.look(text.place(branch, 7), PURE, 3)
    assert instruments.n_computed == 10
    instruments.look(text.place([*branch, 3, 4], 9), PURE, 3)
    assert instruments.n_computed == 12
    instruments.look(text.place(ids, 9), PURE, 3)
    assert instruments.n_computed == 12, "the first branch is still known"
    for cursor in (8, 2, 5, 7, 1):
        other = [*ids[:cursor], (ids[cursor] + 2) % TINY.n_vocab]
        before = instruments.n_computed
        instruments.look(text.place(other, cursor + 1), PURE, 3)
        assert instruments.n_computed == before + 1, "wherever a branch begins, only its own token is computed"


def test_facts_are_those_that_generation_tells(stories: LanguageModel) -> None:
    prompt = stories.tokenizer.encode("Once upon a time")
    settings = GenerationSettings(SamplingSettings(temperature=1.0, top_k=0), max_tokens=12, seed=5)
    tokens = [event for event in generate(stories, prompt, settings) if isinstance(event, TokenEvent)]
    place = Text().place([*prompt, *(token.id for token in tokens)], 0)
    found = facts_of(Instruments(Engine(stories)), place)
    assert list(found) == list(place.nodes[1:])
    for token, node in zip(tokens, place.nodes[len(prompt) :], strict=True):
        facts = found[node]
        assert (facts.rank, [id for id, _ in facts.alternatives]) == (
            token.rank,
            [one.id for one in token.distribution.candidates[:10]],
        )
        assert facts.logprob == pytest.approx(token.logprob, abs=1e-4)
        assert facts.entropy == pytest.approx(token.entropy, abs=1e-4)


def test_behind_a_full_context_it_sees_what_generation_saw(tiny_model: LanguageModel) -> None:
    """Generation keeps the last half when the context is full; a look there uses the same half."""
    prompt = random_ids(TINY, 3)
    settings = GenerationSettings(PURE, max_tokens=40, seed=3, stop_at_end_of_text=False)
    tokens = [event for event in generate(tiny_model, prompt, settings) if isinstance(event, TokenEvent)]
    place = Text().place([*prompt, *(token.id for token in tokens)], 0)
    found = facts_of(Instruments(Engine(tiny_model)), place)
    for token, node in zip(tokens, place.nodes[3:], strict=True):
        assert found[node].logprob == pytest.approx(token.logprob, abs=1e-4)
    for index in (20, 39, 11):
        look = Instruments(Engine(tiny_model)).look(Place(place.ids, place.nodes, 3 + index), PURE, 3)
        assert look is not None
        best = tokens[index].distribution.candidates[0]
        assert look.distribution.candidates[0].id == best.id
        assert look.distribution.candidates[0].logit == pytest.approx(best.logit, abs=1e-4)


def test_turning_a_knob_runs_no_model(instruments: Instruments) -> None:
    look = instruments.look(Text().place(random_ids(TINY, 5), 4, u=0.5), PURE, 5)
    n_computed = instruments.n_computed
    cooler = instruments.reshape(SamplingSettings(temperature=0.5, top_k=2), 5)
    assert look is not None
    assert cooler is not None
    assert instruments.n_computed == n_computed
    assert [stage.name for stage in cooler.waterfall.stages] == ["raw", "temperature", "top_k"]
    assert cooler.distribution.n_kept == 2
    assert cooler.waterfall.u == 0.5
    assert cooler.waterfall.drawn is not None


def test_there_is_nothing_to_reshape_before_a_look(instruments: Instruments) -> None:
    assert instruments.reshape(PURE, 3) is None


def test_it_stops_when_told(instruments: Instruments) -> None:
    place = Text().place(random_ids(TINY, 9), 9)
    assert instruments.look(place, PURE, 3, should_stop=lambda: True) is None
    assert list(instruments.read(place, range(9), should_stop=lambda: True)) == []
    assert instruments.n_computed == 0
