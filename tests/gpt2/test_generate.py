"""The decode loop: what it draws is reproducible and reported truly, and it stops when and as it should."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import ContextShifted, Event, Finished, Progress, Started, TokenEvent
from picogpt_tui.gpt2 import pico
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import distribution, generate
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import PREFILL_BLOCK, WORTH_IT
from picogpt_tui.gpt2.sampler import draw, shape
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.settings import GREEDY, ORDERS, PURE, GenerationSettings, SamplingSettings

from .checkpoints import END_OF_TEXT_ID, TINY, random_ids, random_params, toy_tokenizer

SEEDED = GenerationSettings(SamplingSettings(temperature=1.5, top_k=100), max_tokens=8, seed=7)


def run(model: LanguageModel, prompt: Sequence[int], settings: GenerationSettings) -> list[Event]:
    return list(generate(model, prompt, settings))


def tokens(events: Sequence[Event]) -> list[TokenEvent]:
    return [event for event in events if isinstance(event, TokenEvent)]


def finished(events: Sequence[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


class Scripted:
    """A model that says what it is told: the bytes of a text one after the other, or ids."""

    def __init__(self, script: bytes | Sequence[int], *, n_ctx: int = 1000, tokenizer: Tokenizer | None = None) -> None:
        self.config = replace(TINY, n_ctx=n_ctx)
        self.tokenizer = tokenizer or toy_tokenizer()
        self.blocks: list[list[int]] = []
        self._script = list(script)

    @property
    def worth_guessing(self) -> int:
        """As for a model in float32."""
        return WORTH_IT

    def forward(self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False) -> FloatArray:
        """The next of the script gets all the mass."""
        self.blocks.append(list(ids))
        logits = np.zeros((len(ids), self.config.n_vocab), dtype=np.float32)
        for row, id in zip(logits, ids, strict=True):
            n_said = len(cache.ids)  # every script begins from a prompt of one token
            cache.ids.append(id)
            row[self._script[n_said] if n_said < len(self._script) else 0] = 50
        return logits if all_logits else logits[-1:]


def said(script: bytes | Sequence[int], settings: GenerationSettings) -> list[Event]:
    return list(generate(Scripted(script), [1], replace(settings, sampling=GREEDY)))


# --- the order of events -------------------------------------------------------------------------------------------


def test_started_first_finished_last_and_tokens_numbered(tiny_model: LanguageModel) -> None:
    events = run(tiny_model, [1, 2, 3], SEEDED)
    assert events[0] == Started((1, 2, 3), 7)
    assert [type(event) for event in events[1:]] == [Progress, *[TokenEvent] * 8, Finished]
    assert [event.index for event in tokens(events)] == list(range(8))
    end = finished(events)
    assert (end.reason, end.prompt_ids) == ("max_tokens", (1, 2, 3))
    assert end.ids == tuple(event.id for event in tokens(events))
    assert "".join(event.piece for event in tokens(events)) + end.rest == end.text
    assert end.text == tiny_model.tokenizer.decode(end.ids)


def test_no_tokens_asked_for() -> None:
    events = said(b"abc", GenerationSettings(max_tokens=0))
    assert [type(event) for event in events] == [Started, Finished]
    assert (finished(events).reason, finished(events).ids, finished(events).tokens_per_second) == ("max_tokens", (), 0)


def test_the_callers_list_is_left_as_it_was(tiny_model: LanguageModel) -> None:
    prompt = [1, 2, 3]
    run(tiny_model, prompt, SEEDED)
    assert prompt == [1, 2, 3]


def test_a_long_prompt_is_read_in_blocks_with_progress_between() -> None:
    n = 2 * PREFILL_BLOCK + 5
    model = Scripted([], n_ctx=n + 5)
    events = list(generate(model, [1] * n, GenerationSettings(max_tokens=2)))
    assert [len(block) for block in model.blocks] == [PREFILL_BLOCK, PREFILL_BLOCK, 5, 1]
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress == [Progress("reading the prompt", done, n) for done in (0, PREFILL_BLOCK, 2 * PREFILL_BLOCK)]


# --- the draw ------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others(tiny_model: LanguageModel) -> None:
    first, again = (finished(run(tiny_model, [1], SEEDED)).ids for _ in range(2))
    assert first == again
    assert finished(run(tiny_model, [1], replace(SEEDED, seed=8))).ids != first


def test_a_drawn_seed_is_reported_and_replays(tiny_model: LanguageModel) -> None:
    events = run(tiny_model, [1], replace(SEEDED, seed=None))
    assert isinstance(events[0], Started)
    replayed = run(tiny_model, [1], replace(SEEDED, seed=events[0].seed))
    assert finished(replayed).ids == finished(events).ids


def test_every_token_can_be_drawn_again_from_its_u(tiny_model: LanguageModel) -> None:
    """One uniform number a token, from PCG64 of the seed, by inverse CDF."""
    rng, context = np.random.default_rng(7), [1]
    for event in tokens(run(tiny_model, [1], SEEDED)):
        assert event.u == rng.random()
        shaped = shape(tiny_model.logits(context)[-1], SEEDED.sampling, context)
        assert draw(shaped.final_probs, event.u) == event.id
        context.append(event.id)


@pytest.mark.parametrize("first", [0, 1, 5, 2**32 - 1])
def test_the_stream_of_draws_can_begin_behind_those_that_were_used(tiny_model: LanguageModel, first: int) -> None:
    drawn = [event.u for event in tokens(run(tiny_model, [1], replace(SEEDED, first_draw=first)))]
    stream = np.random.PCG64(7)
    if first <= 5:
        stream.random_raw(first)
    else:
        stream.advance(first)
    assert drawn == np.random.Generator(stream).random(8).tolist()


SAMPLINGS = {
    "usual": SamplingSettings(),
    "pure": PURE,
    "greedy": GREEDY,
    "greedy with a penalty": replace(GREEDY, repetition_penalty=1.5),
    "hot": SamplingSettings(temperature=2.5, top_k=0),
    "penalty": SamplingSettings(repetition_penalty=1.7, top_k=0),
    "top-k": SamplingSettings(temperature=1, top_k=3),
    "top-p": SamplingSettings(temperature=1, top_k=0, top_p=0.7),
    "min-p": SamplingSettings(temperature=1, top_k=0, min_p=0.02),
    "typical": SamplingSettings(temperature=1, top_k=0, typical_p=0.6),
    "all": SamplingSettings(1.2, 1.4, 90, 0.9, 0.01, 0.95),
} | {order: SamplingSettings(1.0, 1.1, 50, 0.9, order=order) for order in ORDERS}


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
@pytest.mark.parametrize("n_first", [0, 3])
def test_token_by_token_is_all_at_once(tiny_model: LanguageModel, sampling: SamplingSettings, n_first: int) -> None:
    """An answer of one token each, every one behind the draws of those before; perhaps from a later draw on."""
    settings = GenerationSettings(sampling, max_tokens=9, seed=7, first_draw=n_first, stop_at_end_of_text=False)
    whole = tokens(run(tiny_model, [1, 2, 3], settings))
    cache, ids, draws = KVCache(TINY), [1, 2, 3], list[float]()
    for _ in whole:
        one = replace(settings, max_tokens=1, first_draw=n_first + len(draws))
        [event] = tokens(list(generate(tiny_model, ids, one, cache=cache)))
        ids.append(event.id)
        draws.append(event.u)
    assert ids == [1, 2, 3, *(event.id for event in whole)]
    assert repr(draws) == repr([event.u for event in whole]), "nan where nothing was drawn"


def test_greedy_is_picos_greedy_and_draws_nothing(tiny_model: LanguageModel) -> None:
    events = run(tiny_model, [1, 2], GenerationSettings(GREEDY, max_tokens=11, stop_at_end_of_text=False))
    expected = pico.generate([1, 2], tiny_model.params.to_dict(), TINY.n_head, 11)
    assert list(finished(events).ids) == expected
    assert all(math.isnan(event.u) for event in tokens(events))


def test_greedy_takes_the_lowest_id_of_equals() -> None:
    model = Scripted([])
    model.forward = _level  # type: ignore[method-assign]  # every token alike
    assert finished(list(generate(model, [1], GenerationSettings(GREEDY, max_tokens=3)))).ids == (0, 0, 0)


def _level(ids: Sequence[int], cache: KVCache, *, all_logits: bool = False) -> FloatArray:
    cache.ids.extend(ids)
    return np.zeros((1, TINY.n_vocab), dtype=np.float32)


def test_the_repetition_penalty_counts_the_prompt_and_what_was_written() -> None:
    model = Scripted([])
    model.forward = _five_ahead  # type: ignore[method-assign]  # 1.5 for token 5, 1 for all others
    settings = GenerationSettings(replace(GREEDY, repetition_penalty=2), max_tokens=3)
    assert finished(list(generate(model, [7, 5], settings))).ids == (0, 1, 2)
    assert finished(list(generate(model, [7], settings))).ids == (5, 0, 1)


def _five_ahead(ids: Sequence[int], cache: KVCache, *, all_logits: bool = False) -> FloatArray:
    logits = _level(ids, cache) + np.float32(1)
    logits[0, 5] = 1.5
    return logits


# --- the reported numbers ------------------------------------------------------------------------------------------


def test_reported_numbers_are_those_of_the_raw_distribution(tiny_model: LanguageModel) -> None:
    """By the book in float64: log-softmax of the uncut logits, whatever temperature and top-k did."""
    context = [5, 6]
    for event in tokens(run(tiny_model, context, SEEDED)):
        logits = tiny_model.logits(context)[-1].astype(np.float64)
        logprobs = logits - np.log(np.exp(logits).sum())
        assert event.logprob == pytest.approx(logprobs[event.id], abs=1e-5)
        assert event.entropy == pytest.approx(-(np.exp(logprobs) * logprobs).sum(), abs=1e-5)
        assert event.rank == (logits > logits[event.id]).sum()
        warm = np.exp(logits / 1.5) * (logits >= np.sort(logits)[-100])
        assert event.final_prob == pytest.approx(warm[event.id] / warm.sum(), rel=1e-4)
        assert event.text == tiny_model.tokenizer.text_of(event.id)
        context.append(event.id)
        assert event.n_context == len(context)


def test_the_distribution_shows_the_likeliest_and_the_rest_as_one_number(tiny_model: LanguageModel) -> None:
    event = tokens(run(tiny_model, [5, 6], replace(SEEDED, max_tokens=1, top_n=4)))[0]
    logits = tiny_model.logits([5, 6])[-1]
    assert event.id in [candidate.id for candidate in event.distribution.candidates], "the taken token is always there"
    shown = event.distribution.likeliest(4)
    assert [candidate.id for candidate in shown.candidates] == np.argsort(-logits, kind="stable")[:4].tolist()
    assert [candidate.rank for candidate in shown.candidates] == [0, 1, 2, 3]
    assert sum(candidate.prob for candidate in shown.candidates) + shown.other_prob == pytest.approx(1)
    assert (shown.n_other, shown.n_kept) == (TINY.n_vocab - 4, 100)
    assert shown.entropy == event.entropy
    for candidate in shown.candidates:
        assert candidate.logit == pytest.approx(logits[candidate.id], abs=1e-5)
        assert candidate.prob == pytest.approx(math.exp(candidate.logprob))
        assert candidate.bytes == tiny_model.tokenizer.bytes_of(candidate.id)
        assert candidate.label == tiny_model.tokenizer.label(candidate.id)
        assert candidate.cut_by is None


def test_a_candidate_that_was_cut_says_by_what(tiny_model: LanguageModel) -> None:
    logits = tiny_model.logits([5, 6])[-1]
    shown = distribution(shape(logits, SamplingSettings(temperature=1, top_k=2)), tiny_model.tokenizer, 3)
    assert [candidate.cut_by for candidate in shown.candidates] == [None, None, "top_k"]
    assert [candidate.final_prob > 0 for candidate in shown.candidates] == [True, True, False]
    assert shown.candidates[2].prob > 0


@pytest.mark.parametrize("top_n, n_shown", [(0, 0), (1, 1), (10_000, TINY.n_vocab)])
def test_as_many_candidates_as_asked_for(tiny_model: LanguageModel, top_n: int, n_shown: int) -> None:
    shown = tokens(run(tiny_model, [5], replace(SEEDED, max_tokens=1, top_n=top_n)))[0].distribution.likeliest(top_n)
    assert (len(shown.candidates), shown.n_other) == (n_shown, TINY.n_vocab - n_shown)
    assert shown.other_prob == pytest.approx(1 - sum(candidate.prob for candidate in shown.candidates), abs=1e-6)


# --- the beginning -------------------------------------------------------------------------------------------------


def test_an_empty_prompt_begins_from_end_of_text(tiny_model: LanguageModel) -> None:
    empty, explicit = run(tiny_model, [], SEEDED), run(tiny_model, [END_OF_TEXT_ID], SEEDED)
    assert empty[0] == Started((END_OF_TEXT_ID,), 7)
    assert finished(empty).ids == finished(explicit).ids


def without_end_of_text() -> Tokenizer:
    known = toy_tokenizer()
    return Tokenizer(known.token_bytes, {}, {})


def test_a_vocabulary_without_end_of_text_uses_the_configs() -> None:
    events = list(generate(Scripted(b"", tokenizer=without_end_of_text()), [], GenerationSettings(max_tokens=0)))
    assert finished(events).prompt_ids == (END_OF_TEXT_ID,)


def test_an_empty_prompt_with_nothing_to_begin_from_is_refused() -> None:
    model = Scripted(b"", tokenizer=without_end_of_text())
    model.config = replace(model.config, end_of_text=None)
    with pytest.raises(PicoGPTError, match="The prompt is empty"):
        next(iter(generate(model, [], GenerationSettings())))


# --- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script, stop, reason, text, n_tokens",
    [
        pytest.param(b"one\ntwo", ("\n",), "stop", "one", 4, id="one character"),
        pytest.param(b"one END two", (" END",), "stop", "one", 7, id="over four tokens"),
        pytest.param(b"a1b2", ("2", "1"), "stop", "a", 2, id="two, the second comes first"),
        pytest.param("né".encode(), ("é",), "stop", "n", 3, id="a character of two tokens"),
        pytest.param(b"abcdefgh", ("x",), "max_tokens", "abcdefgh", 8, id="none appears"),
        pytest.param(b"abcdefEN", ("END",), "max_tokens", "abcdefEN", 8, id="its beginning at the end is text"),
        pytest.param("abcde😀".encode()[:8], (), "max_tokens", "abcde�", 8, id="half a character at the end"),
    ],
)
def test_stop_strings(script: bytes, stop: tuple[str, ...], reason: str, text: str, n_tokens: int) -> None:
    events = said(script, GenerationSettings(max_tokens=8, stop=stop))
    end = finished(events)
    assert (end.reason, end.text, len(end.ids)) == (reason, text, n_tokens)
    assert "".join(event.piece for event in tokens(events)) + end.rest == text


def test_an_answer_can_complete_the_last_character_of_the_prompt() -> None:
    """The prompt's end is not shown again; a stop string may begin in it."""
    half, rest = "né 😀".encode()[:-1], "😀!".encode()[-2:]
    prompt, settings = list(half), GenerationSettings(GREEDY, max_tokens=2)
    for stop, reason, text in ((), "max_tokens", "😀!"), (("😀",), "stop", ""):
        model = Scripted([*prompt[1:], *rest])
        events = list(generate(model, prompt, replace(settings, stop=stop), unfinished=half[-3:]))
        assert (finished(events).reason, finished(events).text) == (reason, text)
    assert finished(list(generate(Scripted([*prompt[1:], *rest]), prompt, settings))).text == "�!"


def test_a_stop_string_never_shows_not_even_its_beginning() -> None:
    events = said(b"ab STOP cd", GenerationSettings(max_tokens=10, stop=(" STOP",)))
    assert [event.piece for event in tokens(events)] == ["a", "b", "", "", "", "", ""]


def test_end_of_text_ends_the_text_and_is_no_part_of_it() -> None:
    events = said([97, 98, END_OF_TEXT_ID, 99], GenerationSettings(max_tokens=4))
    end = finished(events)
    assert (end.reason, end.text, end.ids) == ("end_of_text", "ab", (97, 98, END_OF_TEXT_ID))
    assert tokens(events)[-1].piece == ""


def test_end_of_text_is_text_where_asked() -> None:
    settings = GenerationSettings(max_tokens=4, stop_at_end_of_text=False)
    end = finished(said([97, END_OF_TEXT_ID, 98, 99], settings))
    assert (end.reason, end.text) == ("max_tokens", "a<|endoftext|>bc")


def stop_at_call(n: int) -> Callable[[], bool]:
    """False n times, then true."""
    answers = iter([False] * n)
    return lambda: next(answers, True)


@pytest.mark.parametrize("n_calls, n_read", [(0, 0), (1, PREFILL_BLOCK), (2, 2 * PREFILL_BLOCK)])
def test_stopping_while_the_prompt_is_read(n_calls: int, n_read: int) -> None:
    """Asked before every block; the cache keeps what was read, so that nothing is read twice."""
    cache, prompt = KVCache(replace(TINY, n_ctx=1600)), [1] * 1600
    model = Scripted([], n_ctx=1600)
    events = list(generate(model, prompt, GenerationSettings(), cache=cache, should_stop=stop_at_call(n_calls)))
    assert finished(events) == Finished("stopped", tuple(prompt), (), "", 0)
    assert cache.ids == prompt[:n_read]


def test_stopping_between_tokens(tiny_model: LanguageModel) -> None:
    """Asked once a token; what was written stays."""
    uninterrupted = finished(run(tiny_model, [1], SEEDED))
    end = finished(list(generate(tiny_model, [1], SEEDED, should_stop=stop_at_call(3))))
    assert (end.reason, end.ids) == ("stopped", uninterrupted.ids[:3])
    assert end.text == tiny_model.tokenizer.decode(end.ids)


def test_a_speed_is_told_from_the_second_token_on() -> None:
    assert finished(said(b"abc", GenerationSettings(max_tokens=1))).tokens_per_second == 0
    assert finished(said(b"abc", GenerationSettings(max_tokens=3))).tokens_per_second > 0


# --- the context ---------------------------------------------------------------------------------------------------


def test_a_prompt_of_exactly_n_ctx_tokens_is_not_cut(tiny_model: LanguageModel) -> None:
    prompt = random_ids(TINY, TINY.n_ctx)
    events = run(tiny_model, prompt, GenerationSettings(GREEDY, max_tokens=1))
    assert not any(isinstance(event, ContextShifted) for event in events)
    assert finished(events).ids == (int(tiny_model.logits(prompt)[-1].argmax()),)


@pytest.mark.parametrize("n", [14, 26, 200])
def test_a_prompt_longer_than_the_context_loses_its_beginning_and_goes_on(tiny_model: LanguageModel, n: int) -> None:
    prompt = random_ids(TINY, n)
    events = run(tiny_model, prompt, GenerationSettings(PURE, max_tokens=5, seed=3))
    assert events[:2] == [Started(tuple(prompt), 3), ContextShifted(n - 6, 6)]
    kept = run(tiny_model, prompt[-6:], GenerationSettings(PURE, max_tokens=5, seed=3))
    assert finished(events).ids == finished(kept).ids
    assert finished(events).prompt_ids == tuple(prompt)


@pytest.mark.parametrize("n_prompt", [1, 7, 13])
def test_a_full_context_keeps_its_last_half_and_equals_a_fresh_run_on_it(
    tiny_model: LanguageModel, n_prompt: int
) -> None:
    settings = GenerationSettings(GREEDY, max_tokens=40, stop_at_end_of_text=False)
    events, whole = run(tiny_model, random_ids(TINY, n_prompt), settings), random_ids(TINY, n_prompt)
    n_shifts = 0
    for before, event in enumerate(events):
        if isinstance(event, ContextShifted):
            n_shifts += 1
            assert (event.n_dropped, event.n_kept) == (TINY.n_ctx + 1 - 6, 6)
            fresh = tokens(run(tiny_model, whole[-6:], settings))[: TINY.n_ctx - 5]
            after = tokens(events[before:])[: TINY.n_ctx - 5]
            assert [token.id for token in after] == [token.id for token in fresh][: len(after)]
            for ours, theirs in zip(after, fresh, strict=False):
                assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-5)
        elif isinstance(event, TokenEvent):
            whole.append(event.id)
            assert event.n_context <= TINY.n_ctx
    assert n_shifts >= 4
    assert finished(events).reason == "max_tokens"


def test_refilling_says_so() -> None:
    model = Scripted([], n_ctx=10)
    events = list(generate(model, range(10), GenerationSettings(GREEDY, max_tokens=2)))
    at = events.index(ContextShifted(6, 5))
    assert events[at + 1] == Progress("refilling the context", 0, 5)


@pytest.mark.parametrize("n_prompt, n_tokens", [(1, 13), (12, 2), (13, 1), (14, 0)])
def test_a_full_context_ends_the_text_where_asked(tiny_model: LanguageModel, n_prompt: int, n_tokens: int) -> None:
    settings = GenerationSettings(PURE, max_tokens=40, seed=1, when_full="stop", stop_at_end_of_text=False)
    end = finished(run(tiny_model, random_ids(TINY, n_prompt), settings))
    assert (end.reason, len(end.ids)) == ("context", n_tokens)


def test_a_context_of_one_token() -> None:
    """Half of one is one: the model sees the last token only."""
    config = GPT2Config(TINY.n_vocab, 1, 4, 2, 1)
    model = LanguageModel("one", Path("nowhere"), config, random_params(config), toy_tokenizer())
    events = run(model, [1, 2, 3], GenerationSettings(GREEDY, max_tokens=4, stop_at_end_of_text=False))
    assert len(finished(events).ids) == 4
    assert [event.n_kept for event in events if isinstance(event, ContextShifted)] == [1] * 4


# --- the cache -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edit", [[1, 2, 3, 4], [1, 2, 9, 9, 9], [9], [1, 2, 3]], ids=str)
def test_a_used_cache_changes_no_token(tiny_model: LanguageModel, edit: list[int]) -> None:
    cache = KVCache(TINY)
    list(generate(tiny_model, [1, 2, 3], SEEDED, cache=cache))
    reused = list(generate(tiny_model, edit, SEEDED, cache=cache))
    fresh = run(tiny_model, edit, SEEDED)
    assert finished(reused).ids == finished(fresh).ids
    for ours, theirs in zip(tokens(reused), tokens(fresh), strict=True):
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-5)


def test_what_the_cache_holds_is_not_computed_again() -> None:
    cache, model = KVCache(replace(TINY, n_ctx=1000)), Scripted([])
    list(generate(model, [1] * 50, GenerationSettings(GREEDY, max_tokens=3), cache=cache))
    assert cache.ids == [*[1] * 50, 0, 0]  # all but the last token
    model.blocks.clear()
    list(generate(model, [*[1] * 50, 0, 5], GenerationSettings(GREEDY, max_tokens=1), cache=cache))
    assert model.blocks == [[5]]


def test_a_run_that_is_dropped_leaves_a_cache_that_can_be_used(tiny_model: LanguageModel) -> None:
    cache = KVCache(TINY)
    events = iter(generate(tiny_model, [1, 2, 3], SEEDED, cache=cache))
    while not isinstance(next(events), TokenEvent):
        pass
    del events
    again = list(generate(tiny_model, [1, 2, 3], SEEDED, cache=cache))
    assert finished(again).ids == finished(run(tiny_model, [1, 2, 3], SEEDED)).ids
