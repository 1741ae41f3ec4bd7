"""What is guessed and read along is the text that would have come anyway, in both precisions and both ways of int8."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from picogpt_tui.events import ContextShifted, Event, Finished, TokenEvent
from picogpt_tui.gpt2 import language_model
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2_SIZES
from picogpt_tui.gpt2.generate import generate, never
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.reader import Reader, prefill_block
from picogpt_tui.gpt2.taps import Tap
from picogpt_tui.paths import bundled_dir
from picogpt_tui.settings import GREEDY, PURE, GenerationSettings, SamplingSettings

from .kernels import absent_kernel, use_kernel

REPEATED = "The king and the queen. The king and the queen went to the king and the queen. " * 2
SAMPLINGS = {
    "greedy": GREEDY,
    "default": SamplingSettings(),
    "pure": PURE,
    "penalty": SamplingSettings(repetition_penalty=1.3, temperature=0.7, top_k=0, top_p=0.9),
}


@pytest.fixture(scope="module", params=["float32", "int8", "int8 without numba"])
def model(request: pytest.FixtureRequest) -> Iterator[LanguageModel]:
    """The bundled model, each way."""
    *_, read = read_model(bundled_dir() / "stories", "stories", str(request.param).partition(" ")[0])
    assert isinstance(read, LanguageModel)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "int8 without numba":
            use_kernel(patch, absent_kernel())
        elif request.param == "int8" and not KERNEL.wait():
            pytest.skip(KERNEL.trouble)
        patch.setattr(language_model, "_SMALL_BYTES", 0)  # else nothing is guessed where numba is
        yield read


@dataclass(frozen=True)
class Recorded(LanguageModel):
    """A model that writes down how many tokens each pass read."""

    passes: list[int] = field(default_factory=list)

    def forward(
        self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False, tap: Tap | None = None
    ) -> FloatArray:
        self.passes.append(len(ids))
        return super().forward(ids, cache, all_logits=all_logits, tap=tap)


def recorded(model: LanguageModel) -> Recorded:
    return Recorded(model.name, Path("nowhere"), model.config, model.params, model.tokenizer, model.precision)


def run(model: LanguageModel, prompt: str, settings: GenerationSettings, cache: KVCache | None = None) -> list[Event]:
    return list(generate(model, model.tokenizer.encode(prompt), settings, cache=cache))


def end(events: Sequence[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


@pytest.mark.parametrize(
    "size, n", [("124M", 512), ("355M", 128), ("774M", 64), ("1558M", 64)], ids=["124M", "355M", "774M", "1558M"]
)
def test_large_models_read_less_at_once(size: str, n: int) -> None:
    """So that one can stop them."""
    assert prefill_block(GPT2_SIZES[size]) == n


# --- the same text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
@pytest.mark.parametrize("prompt", [REPEATED, "Once upon a time"], ids=["repeated", "plain"])
def test_the_text_is_the_same_as_without(model: LanguageModel, prompt: str, sampling: SamplingSettings) -> None:
    for seed in range(2):
        settings = GenerationSettings(sampling, max_tokens=50, seed=seed, stop_at_end_of_text=False)
        with_it, without = (end(run(model, prompt, replace(settings, prompt_lookup=is_on))) for is_on in (True, False))
        assert (with_it.ids, with_it.text, with_it.reason) == (without.ids, without.text, without.reason)
        assert (without.n_guessed, without.n_accepted) == (0, 0)


def test_so_are_all_that_is_told_of_each_token(model: LanguageModel) -> None:
    settings = GenerationSettings(GREEDY, max_tokens=80, stop_at_end_of_text=False)
    tokens = [
        [
            event
            for event in run(model, REPEATED, replace(settings, prompt_lookup=is_on))
            if isinstance(event, TokenEvent)
        ]
        for is_on in (True, False)
    ]
    assert tokens[0][-1].n_accepted > 20, "else this proves nothing"
    for guessed, plain in zip(*tokens, strict=True):
        assert (guessed.id, guessed.index, guessed.piece, guessed.rank) == (
            plain.id,
            plain.index,
            plain.piece,
            plain.rank,
        )
        assert guessed.n_context == plain.n_context
        assert guessed.logprob == pytest.approx(plain.logprob, abs=2e-4)
        ids = [[one.id for one in token.distribution.candidates[:3]] for token in (guessed, plain)]
        assert ids[0] == ids[1]


def test_the_context_may_shift_meanwhile(model: LanguageModel) -> None:
    """A guess never reaches past the context; what is kept of it is read anew."""
    n = 90
    prompt = REPEATED * ((model.config.n_ctx - 40) // len(model.tokenizer.encode(REPEATED)))
    settings = GenerationSettings(GREEDY, max_tokens=n, stop_at_end_of_text=False)
    runs = [run(model, prompt, replace(settings, prompt_lookup=is_on)) for is_on in (True, False)]
    assert end(runs[0]).ids == end(runs[1]).ids
    assert sum(isinstance(event, ContextShifted) for event in runs[0]) == 1
    assert end(runs[0]).n_accepted > n // 2


# --- what it costs -------------------------------------------------------------------------------------------------


def test_a_text_that_repeats_itself_takes_a_few_passes(stories: LanguageModel) -> None:
    model = recorded(stories)
    last = end(run(model, REPEATED, GenerationSettings(GREEDY, max_tokens=120, stop_at_end_of_text=False)))
    assert len(last.ids) == 120
    assert len(model.passes) < 60
    assert set(model.passes[1:]) <= {1, 4, 5, 6, 7, 8, 16}
    assert last.n_accepted + len(model.passes) == 120


def test_a_text_that_does_not_costs_none(stories: LanguageModel) -> None:
    model = recorded(stories)
    settings = GenerationSettings(PURE, max_tokens=100, seed=1, stop_at_end_of_text=False)
    last = end(run(model, "Once upon a time there was", settings))
    assert sum(n - 1 for n in model.passes[1:]) == last.n_guessed
    assert sum(n > 1 for n in model.passes[1:]) <= 2


def test_guesses_that_fail_ask_for_longer_matches(stories: LanguageModel) -> None:
    """A text of coincidences: each time the same three tokens, and then something else."""
    model = recorded(stories)
    reader = Reader(model, KVCache(model.config), looks_up=True)
    text = [1, 2, 3]
    for other in range(10, 60):
        text += [other, 1, 2, 3]
        for _ in reader.read(text[:-1], "", never, 50):
            pass
        for _ in reader.read(text, "", never, 50):
            pass
    assert sum(n in (8, 16) for n in model.passes) <= 4


@pytest.mark.parametrize("n_wanted", [1, 2, 3, 4, 9])
def test_no_more_is_guessed_than_can_be_used(stories: LanguageModel, n_wanted: int) -> None:
    model = recorded(stories)
    settings = GenerationSettings(GREEDY, max_tokens=n_wanted, stop_at_end_of_text=False)
    cache = KVCache(model.config)
    prompt = model.tokenizer.encode(REPEATED)
    model.forward(prompt[:-1], cache)
    model.passes.clear()
    events = list(generate(model, prompt, settings, cache=cache))
    assert all(n <= max(1, n_wanted) for n in model.passes)
    assert len(end(events).ids) == n_wanted


# --- the cache and those who ask -----------------------------------------------------------------------------------


def test_the_cache_holds_all_but_the_last_token_and_what_it_holds_is_right(stories: LanguageModel) -> None:
    cache = KVCache(stories.config)
    settings = GenerationSettings(GREEDY, max_tokens=50, stop_at_end_of_text=False)
    last = end(run(stories, REPEATED, settings, cache))
    text = [*last.prompt_ids, *last.ids]
    assert cache.ids == text[:-1]
    np.testing.assert_allclose(stories.forward(text[-1:], cache)[0], stories.logits(text)[-1], atol=2e-3)


def test_whoever_stops_is_heard_at_every_token(stories: LanguageModel) -> None:
    settings = GenerationSettings(GREEDY, max_tokens=100, stop_at_end_of_text=False)
    whole = end(run(stories, REPEATED, settings)).ids

    def stop_at_call(n: int) -> Callable[[], bool]:
        answers = iter([False] * n)
        return lambda: next(answers, True)

    for n in range(1, 30, 3):
        events = generate(stories, stories.tokenizer.encode(REPEATED), settings, should_stop=stop_at_call(n))
        last = end(list(events))
        assert last.reason == "stopped"
        assert last.ids == whole[: len(last.ids)]
        assert len(last.ids) == n


def test_every_token_s_logits_are_seen_with_what_came_before(stories: LanguageModel) -> None:
    seen: list[tuple[int, int]] = []
    settings = GenerationSettings(GREEDY, max_tokens=40, stop_at_end_of_text=False)
    prompt = stories.tokenizer.encode(REPEATED)
    events = generate(
        stories, prompt, settings, seen=lambda logits, context: seen.append((int(logits.argmax()), len(context)))
    )
    last = end(list(events))
    assert last.n_accepted > 0
    assert tuple(id for id, _ in seen) == last.ids
    assert all(longer == shorter + 1 for (_, shorter), (_, longer) in pairwise(seen))
    assert seen[0][1] == len(prompt)
