"""One model, many askers: nothing is computed twice, nobody talks into another's answer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import numpy as np
import pytest

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import ContextShifted, Event, Finished, Progress, Started, TokenEvent
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.gpt2.taps import Tap
from picogpt_tui.session.document import Request
from picogpt_tui.session.engine import Engine, load_engine
from picogpt_tui.settings import GREEDY, PURE, GenerationSettings, SamplingSettings

from ..gpt2.checkpoints import END_OF_TEXT_ID, TINY, random_params, toy_tokenizer
from ..tui.scripted import ScriptedModel, engine

PATIENCE_SECONDS = 20.0
"""How long a test waits for a thread; only a failing test waits that long."""
SAMPLED = GenerationSettings(SamplingSettings(temperature=1.5, top_k=100), max_tokens=4, seed=7)
PENALTY = SamplingSettings(repetition_penalty=5.0, temperature=1.0, top_k=0)
HARSH = SamplingSettings(repetition_penalty=2.0, temperature=0.5, top_k=3)


@dataclass(frozen=True)
class Recorded(LanguageModel):
    """A model that writes down which ids it was run on."""

    blocks: list[list[int]] = field(default_factory=list)

    def forward(
        self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False, tap: Tap | None = None
    ) -> FloatArray:
        self.blocks.append(list(ids))
        return super().forward(ids, cache, all_logits=all_logits, tap=tap)


@pytest.fixture
def recorded() -> Recorded:
    return Recorded("tiny", Path("nowhere"), TINY, random_params(TINY), toy_tokenizer())


def asked(ids: Sequence[int], settings: GenerationSettings = SAMPLED, text: str = "") -> Request:
    return Request(tuple(ids), text, None, settings)


def said(events: Sequence[Event]) -> list[int]:
    return [event.id for event in events if isinstance(event, TokenEvent)]


def impatient(most: int = 200) -> Callable[[], bool]:
    """A `should_stop` for a lock that should be free: a test that must fail does not hang."""
    asks = iter(range(most))
    return lambda: next(asks, None) is None


def once_inside() -> Callable[[], bool]:
    """A `should_stop` that lets a request have its turn, and stops it before the model runs."""
    return impatient(1)


# --- what an answer costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first, second, n_read",
    [
        ([1, 2, 3], [1, 2, 3], 1),
        ([1, 2, 3], [1, 2, 3, 4, 5], 2),
        ([1, 2, 3, 4, 5], [1, 2, 3], 1),
        ([1, 2, 3, 4, 5], [1, 2, 9, 4, 5], 3),
        ([1, 2, 3], [9, 2, 3], 3),
    ],
    ids=["the same", "longer", "shorter", "changed within", "another"],
)
def test_only_what_is_not_shared_is_computed(
    recorded: Recorded, tiny_model: LanguageModel, first: list[int], second: list[int], n_read: int
) -> None:
    """And the tokens are those of an engine that never saw the first request."""
    used = Engine(recorded)
    list(used.run(asked(first)))
    recorded.blocks.clear()
    tokens = said(list(used.run(asked(second))))
    assert tokens == said(list(Engine(tiny_model).run(asked(second))))
    assert recorded.blocks[0] == second[-n_read:]
    assert [len(block) for block in recorded.blocks[1:]] == [1, 1, 1]


def test_going_on_computes_one_token_a_token(recorded: Recorded) -> None:
    on = Engine(recorded)
    answer = said(list(on.run(asked([1, 2, 3]))))
    recorded.blocks.clear()
    list(on.run(asked([1, 2, 3, *answer])))
    assert [len(block) for block in recorded.blocks] == [1, 1, 1, 1]


def test_new_text_is_read_behind_the_context(recorded: Recorded) -> None:
    """The context's ids are taken as they are; only the new text is encoded."""
    events = list(Engine(recorded).run(asked([104, 101], text="the")))
    assert events[0] == Progress("encoding", 0, 3)
    assert events[1] == Started((104, 101, *recorded.tokenizer.encode("the")), 7)
    assert recorded.tokenizer.encode("he") != [104, 101], "else this proves nothing"


def test_an_empty_request_begins_from_end_of_text(recorded: Recorded) -> None:
    events = list(Engine(recorded).run(asked([])))
    assert Started((END_OF_TEXT_ID,), 7) in events
    assert recorded.blocks[0] == [END_OF_TEXT_ID]


def test_a_prompt_longer_than_the_context_keeps_its_last_half(recorded: Recorded) -> None:
    """And says so; a long paste is no error."""
    prompt = list(range(40, 40 + 3 * TINY.n_ctx))
    events = list(Engine(recorded).run(asked(prompt)))
    assert ContextShifted(len(prompt) - TINY.n_ctx // 2, TINY.n_ctx // 2) in events
    assert recorded.blocks[0] == prompt[-(TINY.n_ctx // 2) :]
    assert len(said(events)) == 4


def test_an_answer_completes_the_character_that_the_context_ends_within() -> None:
    smile = list("😀".encode())
    on = engine(ScriptedModel([*smile, *b"!"], tokenizer=toy_tokenizer()))
    settings = GenerationSettings(GREEDY, max_tokens=2, seed=1)
    *_, last = on.run(Request((97, *smile[:3]), "", None, settings))
    assert isinstance(last, Finished)
    assert last.text == "😀!"


# --- the shown distribution ----------------------------------------------------------------------------------------


def test_before_the_model_ever_ran_there_is_nothing_to_reshape(recorded: Recorded) -> None:
    assert Engine(recorded).reshape(PURE, 5) is None


@pytest.mark.parametrize("sampling", [PURE, GREEDY, PENALTY, HARSH], ids=["pure", "greedy", "penalty", "harsh"])
def test_reshape_is_a_fresh_shape_of_the_same_logits_and_runs_no_model(
    recorded: Recorded, sampling: SamplingSettings
) -> None:
    on = Engine(recorded)
    on.peek([1, 2, 3], PURE, TINY.n_vocab)
    logits = recorded.logits([1, 2, 3])[-1]
    recorded.blocks.clear()
    shown = on.reshape(sampling, TINY.n_vocab)
    expected = distribution(shape(logits, sampling, [1, 2, 3]), recorded.tokenizer, TINY.n_vocab)
    assert shown is not None
    assert recorded.blocks == []
    assert [one.id for one in shown.candidates] == [one.id for one in expected.candidates]
    assert [one.cut_by for one in shown.candidates] == [one.cut_by for one in expected.candidates]
    final = [one.final_prob for one in shown.candidates]
    np.testing.assert_allclose(final, [one.final_prob for one in expected.candidates], rtol=1e-4)
    assert shown.n_kept == expected.n_kept


def test_after_an_answer_reshape_shows_what_its_last_token_was_drawn_from(recorded: Recorded) -> None:
    on = Engine(recorded)
    *_, last, _ = on.run(asked([1, 2, 3], replace(SAMPLED, top_n=1)))
    assert isinstance(last, TokenEvent)
    assert last.rank >= 1, "else it has a row anyway"
    assert on.reshape(SAMPLED.sampling, 1, last.id) == last.distribution
    shown = on.reshape(SAMPLED.sampling, 1)
    assert shown is not None
    assert shown.candidates == last.distribution.candidates[:1]


def test_a_peek_is_what_would_be_drawn_from(recorded: Recorded) -> None:
    on = Engine(recorded)
    first = next(event for event in on.run(asked([1, 2, 3])) if isinstance(event, TokenEvent))
    assert Engine(recorded).peek([1, 2, 3], SAMPLED.sampling, 10) == first.distribution


def test_a_peek_at_nothing_looks_behind_end_of_text(recorded: Recorded) -> None:
    assert Engine(recorded).peek([], PURE, 5) == Engine(recorded).peek([END_OF_TEXT_ID], PURE, 5)


def test_a_peek_at_nothing_needs_an_end_of_text() -> None:
    tokenizer = toy_tokenizer()
    tokenizer.special.clear()
    tokenizer.end_of_text = None
    model = LanguageModel("tiny", Path("x"), replace(TINY, end_of_text=None), random_params(TINY), tokenizer)
    on = Engine(model)
    with pytest.raises(PicoGPTError, match="type something"):
        on.peek([], PURE, 5)
    assert on.peek([1], PURE, 5, impatient()) is not None, "and the lock is free again"


@pytest.mark.parametrize("n_more", [0, 1, 100])
def test_a_peek_at_a_full_context_sees_what_generating_would_see(recorded: Recorded, n_more: int) -> None:
    ids = [40 + i % 50 for i in range(TINY.n_ctx + n_more)]
    tokens = [event for event in Engine(recorded).run(asked(ids)) if isinstance(event, TokenEvent)]
    peeked = Engine(recorded).peek(ids, SAMPLED.sampling, 10)
    assert peeked is not None
    assert peeked.candidates == tokens[0].distribution.candidates[:10]
    assert (peeked.entropy, peeked.n_kept) == (tokens[0].distribution.entropy, tokens[0].distribution.n_kept)


def test_a_peek_that_is_stopped_shows_nothing(recorded: Recorded) -> None:
    """Not what came after another text: that would be shown beside the wrong words."""
    on = Engine(recorded)
    on.peek([9, 9], PURE, 5)
    assert on.peek([1, 2, 3], PURE, 5, once_inside()) is None


def test_a_request_that_stops_before_the_model_runs_leaves_the_shown_text_and_its_logits_together(
    recorded: Recorded,
) -> None:
    """The penalty goes by the text whose logits are shown, though the cache is already cut for the next one."""
    on = Engine(recorded)
    before = on.peek([1, 2, 3], PENALTY, TINY.n_vocab)
    list(on.run(asked([9, 9]), once_inside()))
    assert on.reshape(PENALTY, TINY.n_vocab) == before


def test_what_somebody_saw_can_be_reshaped(recorded: Recorded) -> None:
    """A look at any position shows the same distribution as a peek there, without another run."""
    on, logits = Engine(recorded), recorded.logits([1, 2, 3])
    on.peek([9, 9], PURE, 5)
    recorded.blocks.clear()
    context = [1, 2]
    on.see(logits[1], context)
    context.append(3)
    shown = on.reshape(PENALTY, TINY.n_vocab)
    assert recorded.blocks == []
    expected = Engine(recorded).peek([1, 2], PENALTY, TINY.n_vocab)
    assert shown is not None
    assert expected is not None
    assert [one.id for one in shown.candidates] == [one.id for one in expected.candidates]
    final = [one.final_prob for one in shown.candidates]
    np.testing.assert_allclose(final, [one.final_prob for one in expected.candidates], rtol=1e-4, atol=1e-7)


# --- many askers ---------------------------------------------------------------------------------------------------


class Asker(Thread):
    """A worker: iterates a request and keeps what it heard, and when, in a list that all share."""

    def __init__(
        self, name: str, on: Engine, request: Request, heard: list[str], should_stop: Callable[[], bool]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.events: list[Event] = []
        self._ask = partial(on.run, request, should_stop)
        self._heard = heard

    def run(self) -> None:
        for event in self._ask():
            self._heard.append(self.name)
            self.events.append(event)

    def wait(self) -> None:
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive(), f"{self.name} hangs"


class Waits:
    """A `should_stop` that tells when it is asked for the first time; a thread at the lock asks again and again."""

    def __init__(self) -> None:
        self.asked = Flag()
        self.stop = Flag()

    def __call__(self) -> bool:
        self.asked.set()
        return self.stop.is_set()


TALE = GenerationSettings(GREEDY, max_tokens=5, seed=1)


def test_two_requests_never_interleave() -> None:
    """The second is at the lock while the first still has all its tokens to say."""
    model = ScriptedModel(" king. He had three sons")
    model.gate.close()
    on, heard, waits = engine(model), list[str](), Waits()
    first = Asker("first", on, asked([1], TALE), heard, lambda: False)
    second = Asker("second", on, asked([2], TALE), heard, waits)
    first.start()
    while not model.gate.n_waiting:  # in the lock, at the model's gate
        assert first.is_alive()
    second.start()
    assert waits.asked.wait(PATIENCE_SECONDS)
    model.gate.open()
    first.wait()
    second.wait()
    assert heard == ["first"] * len(first.events) + ["second"] * len(second.events)
    assert said(first.events) == said(second.events) == model.script[:5]
    assert all(isinstance(asker.events[-1], Finished) for asker in (first, second))


def test_a_request_that_is_stopped_while_it_waits_says_nothing() -> None:
    model = ScriptedModel()
    model.gate.close()
    on, heard, waits = engine(model), list[str](), Waits()
    first = Asker("first", on, asked([1], TALE), heard, lambda: False)
    second = Asker("second", on, asked([2], TALE), heard, waits)
    first.start()
    while not model.gate.n_waiting:
        assert first.is_alive()
    second.start()
    assert waits.asked.wait(PATIENCE_SECONDS)
    waits.stop.set()
    second.wait()
    assert second.events == []
    model.gate.open()
    first.wait()
    assert isinstance(first.events[-1], Finished), "and the other goes on"


def test_a_request_that_is_stopped_before_its_turn_says_nothing_though_the_lock_is_free(recorded: Recorded) -> None:
    """The lock comes free in the very moment the user gives up: the answer would begin behind the user's back."""
    on = Engine(recorded)
    assert list(on.run(asked([1]), lambda: True)) == []
    assert on.peek([1], PURE, 5, lambda: True) is None
    assert recorded.blocks == []
    assert said(list(on.run(asked([1]), impatient()))) != [], "and the lock is free again"


def test_a_request_that_is_stopped_ends_within_a_token() -> None:
    """The model asks before each run, so the token in the making is the last."""
    model = ScriptedModel(" king. He had three sons")
    on, stop = engine(model), Flag()
    events = []
    for event in on.run(asked([1], TALE), stop.is_set):
        events.append(event)
        if len(said(events)) == 2:
            stop.set()
    assert said(events) == model.script[:2]
    assert model.n_runs == 2
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "stopped"


def test_a_stopped_request_leaves_a_cache_that_can_be_trusted(recorded: Recorded, tiny_model: LanguageModel) -> None:
    on = Engine(recorded)
    heard: list[Event] = []
    for event in on.run(asked([1, 2, 3]), lambda: len(said(heard)) == 2):
        heard.append(event)
    assert said(list(on.run(asked([1, 2, 3])))) == said(list(Engine(tiny_model).run(asked([1, 2, 3]))))


def test_who_leaves_in_the_middle_leaves_the_lock(recorded: Recorded) -> None:
    on = Engine(recorded)
    stream = on.run(asked([1]))
    assert isinstance(stream, Generator)
    next(stream)
    stream.close()
    assert said(list(on.run(asked([1]), impatient()))) != []


def test_who_is_alone_has_the_model_and_its_cache(recorded: Recorded) -> None:
    on = Engine(recorded)
    list(on.run(asked([1, 2, 3])))
    with on.alone() as mine:
        assert mine is not None
        model, cache = mine
        assert model is recorded
        assert cache.ids[:3] == [1, 2, 3], "with what was read before"
        assert list(on.run(asked([9]), impatient(3))) == [], "and nobody else gets in"
        assert on.peek([9], PURE, 5, impatient(3)) is None
        assert cache.ids[:3] == [1, 2, 3]
    assert said(list(on.run(asked([9]), impatient()))) != []


def test_who_is_told_to_stop_is_not_alone(recorded: Recorded) -> None:
    on = Engine(recorded)
    with on.alone(lambda: True) as mine:
        assert mine is None
    with on.alone() as mine, on.alone(impatient(3)) as another:
        assert mine is not None
        assert another is None
    assert said(list(on.run(asked([9]), impatient()))) != []


def test_who_breaks_while_alone_leaves_the_lock(recorded: Recorded) -> None:
    on = Engine(recorded)
    with pytest.raises(ZeroDivisionError), on.alone():
        raise ZeroDivisionError
    assert said(list(on.run(asked([9]), impatient()))) != []


def test_a_model_that_breaks_leaves_the_lock() -> None:
    model = ScriptedModel()
    on = engine(model)
    model.fails_at = 1
    with pytest.raises(RuntimeError, match="the model broke"):
        list(on.run(asked([1], TALE)))
    model.fails_at = None
    assert said(list(on.run(asked([1], TALE), impatient()))) == model.script[:5]


# --- what it says of itself ----------------------------------------------------------------------------------------


def test_an_engine_says_what_it_runs(stories: LanguageModel) -> None:
    on = Engine(stories)
    assert (on.info.name, on.info.precision) == ("stories", "float32")
    assert (on.info.n_params, on.info.n_ctx) == (stories.params.n_params, stories.config.n_ctx)
    assert on.digest() == stories.digest
    assert on.labels(stories.tokenizer.encode(" king\n")) == ["␣king", "⏎"]


def test_the_digest_of_a_deleted_model_is_empty(tiny_model_dir: Callable[..., Path]) -> None:
    """One may delete a model that is in use: it plays on, and its sessions are saved."""
    directory = tiny_model_dir(seed=77)
    *_, on = load_engine(str(directory))
    assert isinstance(on, Engine)
    (directory / "model.safetensors").unlink()
    assert on.digest() == ""
    directory.rename(directory.with_name("elsewhere"))
    assert on.digest() == ""
    assert on.peek([], PURE, 3) is not None


def test_a_digest_once_known_outlives_the_file(tiny_model_dir: Callable[..., Path]) -> None:
    directory = tiny_model_dir(seed=78)
    *_, on = load_engine(str(directory))
    assert isinstance(on, Engine)
    known = on.digest()
    (directory / "model.safetensors").unlink()
    assert on.digest() == known != ""


def test_load_engine_tells_how_far_it_is_and_ends_with_the_engine(tiny_model_dir: Callable[..., Path]) -> None:
    *steps, on = load_engine(str(tiny_model_dir()))
    assert steps
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(on, Engine)
    assert on.peek([], PURE, 3) is not None
