"""How fast a model is on this machine: what `picogpt-tui bench` tells, as a generator of named measurements.

Speeds are medians of several runs behind one that warms up. The model is read anew, so that loading is measured, too;
what the whole program has loaded besides (NumPy above all) is not in it.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median

from picogpt_tui.errors import SettingError
from picogpt_tui.events import Finished, Progress, TokenEvent
from picogpt_tui.gpt2.generate import generate, never
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.read_speed import read_bytes_per_second
from picogpt_tui.gpt2.reader import read_context
from picogpt_tui.gpt2.tokenizer import Tokenizer, read_tokenizer
from picogpt_tui.hub.store import canonical_name, find_model
from picogpt_tui.session.machine import Facts, machine, peak_bytes
from picogpt_tui.session.quantized import int8_files
from picogpt_tui.settings import INT8, PRECISIONS, GenerationSettings

TEXT = "the vocabulary's words, drawn by Zipf's law"
"""What the tokenizer is measured with; see `sample_text`."""
_PHASE = "measuring"
_SEED = 1
_WARM_UP = 3
_LEAST_RUNS, _MOST_RUNS, _ENOUGH_SECONDS = 3, 9, 1.0
_ROUNDS, _LONGEST_SECONDS = 3, 20.0
_TEXT_BYTES = 1_000_000
_WORD = re.compile(" [A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that was measured."""

    name: str
    """`load`, `first_token`, `prefill_512`, `decode_10` ...; where the context holds less, the facts say how much."""
    facts: Facts


def measure(name: str, *, precision: str, n_tokens: int, prompt: str) -> Iterator[Progress | Measurement]:
    """Measure a model: yields Progress before each measurement, which says what comes, and the measurement after it.

    Args:
        name: of the model.
        precision: `float32` or `int8`. What int8 is compiled with is waited for before speeds are measured.
        n_tokens: how many tokens are generated for a median.
        prompt: what is continued; speeds at a given length use tokens of their own.

    Raises:
        SettingError: an unknown precision, or no tokens.
        ModelNotFound, ConfigError, TokenizerError, WeightsError: see `errors`.
    """
    if precision not in PRECISIONS:
        raise SettingError("precision", precision, " or ".join(map(repr, PRECISIONS)))
    if n_tokens < 1:
        raise SettingError("tokens", n_tokens, "a whole number, 1 or more")
    directory = find_model(name)
    yield Measurement("machine", machine())
    bench = _Bench(n_tokens, prompt)
    steps = bench.steps(partial(bench.load, directory, canonical_name(name), precision))
    for done, (step, (what, work)) in enumerate(steps.items()):
        yield Progress(_PHASE, done, len(steps), what)
        bench.found[step] = work()
        yield Measurement(step, bench.found[step])


def sample_text(tokenizer: Tokenizer, n_bytes: int) -> str:
    """A text for a tokenizer, always the same: words that are tokens of its vocabulary, drawn by Zipf's law.

    Ids are given in the order in which merges were learned, so the frequent words come first, as in the texts that the
    vocabulary was learned from.
    """
    texts = filter(None, map(tokenizer.text_of, sorted(tokenizer.token_bytes)))
    words = [text for text in texts if _WORD.fullmatch(text)] or [" text"]
    weights = list(accumulate(1 / (10 + rank) for rank in range(len(words))))
    rng, parts, length = random.Random(_SEED), [], 0
    while length < n_bytes:
        parts.append("".join(rng.choices(words, cum_weights=weights, k=12)) + rng.choice(",.;\n"))
        length += len(parts[-1])
    return "".join(parts)[:n_bytes]


class _Bench:
    """A model under measurement, and what has been found so far."""

    def __init__(self, n_tokens: int, prompt: str) -> None:
        self.found: dict[str, Facts] = {}
        self._n_tokens = n_tokens
        self._prompt = prompt

    def steps(self, load: Callable[[], Facts]) -> dict[str, tuple[str, Callable[[], Facts]]]:
        """What is measured, in this order: what it is called, and who measures it."""
        return {
            "load": ("load", load),
            "first_token": ("first token", self.first_token),
            "int8_kernel": ("int8 kernel", self.int8_kernel),
            "prefill_64": ("prefill of 64 tokens", partial(self.prefill, 64)),
            "prefill_512": ("prefill of 512 tokens", partial(self.prefill, 512)),
            "generate": ("generate", self.generate),
            "decode_10": ("decode at context 10", partial(self.decode, 10)),
            "decode_1000": ("decode at context 1000", partial(self.decode, 1000)),
            "memory": ("memory", self.memory),  # before what is measured next takes memory of its own
            "memory_wall": ("memory wall", self.memory_wall),
            "tokenizer": ("tokenizer", self.tokenizer),
        }

    def load(self, directory: Path, name: str, precision: str) -> Facts:
        """Read the model, from int8's file where one is kept."""
        began = time.perf_counter()
        *_, model = read_model(directory, name, precision, int8_files(directory))
        seconds = time.perf_counter() - began
        assert isinstance(model, LanguageModel)
        self._model, self._cache = model, KVCache(model.config)
        n_params, n_ctx = model.params.n_params, model.config.n_ctx
        return {"model": model.name, "precision": precision, "n_params": n_params, "n_ctx": n_ctx, "seconds": seconds}

    def first_token(self) -> Facts:
        """From the prompt's text to its first token."""
        began = time.perf_counter()
        ids = self._model.tokenizer.encode(self._prompt)
        settings = GenerationSettings(max_tokens=1, seed=_SEED)
        event = next(event for event in generate(self._model, ids, settings) if isinstance(event, TokenEvent))
        return {"seconds": time.perf_counter() - began, "n_prompt": event.n_context - 1}

    def int8_kernel(self) -> Facts:
        """Whether numba multiplies; waits until that is known."""
        is_used = self._model.precision == INT8 and KERNEL.wait()
        return {"is_used": is_used, "trouble": KERNEL.trouble if self._model.precision == INT8 else ""}

    def prefill(self, n: int) -> Facts:
        """Read n tokens, or as many as the context holds."""
        n_tokens = min(n, self._model.config.n_ctx)
        seconds = _median_seconds(partial(self._read, n_tokens))
        return {"n_tokens": n_tokens, "seconds": seconds, "tokens_per_second": n_tokens / seconds}

    def generate(self) -> Facts:
        """Events from end to end, sampled with the default settings, in turn with prompt lookup and without."""
        speeds: dict[bool, list[float]] = {True: [], False: []}
        ids, began = self._model.tokenizer.encode(self._prompt), time.perf_counter()
        guessed = accepted = 0
        for number in range(_ROUNDS):
            if number and time.perf_counter() - began > _LONGEST_SECONDS:
                break
            for looks_up, seen in speeds.items():
                finished = self._finished(ids, looks_up=looks_up)
                seen.append(finished.tokens_per_second)
                if looks_up:
                    guessed, accepted = finished.n_guessed, finished.n_accepted
        return {
            "n_tokens": self._n_tokens,
            "tokens_per_second": median(speeds[True]) or None,
            "tokens_per_second_without_lookup": median(speeds[False]) or None,
            "n_guessed": guessed,
            "n_accepted": accepted,
        }

    def decode(self, n: int) -> Facts:
        """Single tokens behind n others, each the likeliest, or behind as many hundreds as the context holds."""
        n_context = _fitting(n, self._model.config.n_ctx)
        self._read(n_context)
        id, seconds = 0, []
        for _ in range(_WARM_UP + self._n_tokens):
            self._cache.truncate(n_context)
            began = time.perf_counter()
            id = int(self._model.forward([id], self._cache)[0].argmax())
            seconds.append(time.perf_counter() - began)
        took = median(seconds[_WARM_UP:])
        return {"n_context": n_context, "n_tokens": self._n_tokens, "seconds": took, "tokens_per_second": 1 / took}

    def memory(self) -> Facts:
        """The most that was taken so far, and what of it weights and cache take."""
        config = self._model.config
        cache_bytes = 4 * 2 * config.n_layer * config.n_ctx * config.n_embd
        weights_bytes = self._model.params.nbytes
        return {"peak_bytes": peak_bytes(), "weights_bytes": weights_bytes, "cache_bytes": cache_bytes}

    def memory_wall(self) -> Facts:
        """How much of the memory's speed decoding uses: every token reads all weights but the other positions'."""
        bytes_per_token = self._model.params.nbytes - self._model.params.wpe.nbytes
        read, speed = read_bytes_per_second(), self.found["decode_10"]["tokens_per_second"]
        assert isinstance(speed, float)
        share = bytes_per_token * speed / read
        return {"bytes_per_token": bytes_per_token, "read_bytes_per_second": read, "share": share}

    def tokenizer(self) -> Facts:
        """Encode a text with a vocabulary that has seen none, then again."""
        tokenizer = read_tokenizer(self._model.directory)
        text = sample_text(tokenizer, _TEXT_BYTES)
        began = time.perf_counter()
        n_tokens = len(tokenizer.encode(text))
        cold = time.perf_counter() - began
        warm = _median_seconds(lambda: tokenizer.encode(text))
        n_bytes = len(text.encode())
        speeds = {"cold_bytes_per_second": n_bytes / cold, "warm_bytes_per_second": n_bytes / warm}
        return {"text": TEXT, "n_bytes": n_bytes, "n_tokens": n_tokens, **speeds}

    def _read(self, n_tokens: int) -> None:
        """Fill the cache with so many tokens, whichever they are."""
        self._cache.truncate(0)
        ids = [37 * i % self._model.config.n_vocab for i in range(n_tokens)]
        if ids:
            list(read_context(self._model, ids, self._cache, "", never))

    def _finished(self, ids: list[int], *, looks_up: bool) -> Finished:
        """The end of an answer of n_tokens."""
        self._cache.truncate(0)
        settings = GenerationSettings(
            max_tokens=self._n_tokens, seed=_SEED, stop_at_end_of_text=False, prompt_lookup=looks_up
        )
        *_, finished = generate(self._model, ids, settings, cache=self._cache)
        assert isinstance(finished, Finished)
        return finished


def _fitting(n: int, n_ctx: int) -> int:
    """N tokens, or a rounder number below, so that one more fits the context."""
    if n < n_ctx:
        return n
    return next((n_ctx - 1) // unit * unit for unit in (100, 10, 1) if n_ctx > unit or unit == 1)


def _median_seconds(work: Callable[[], object]) -> float:
    """How long it takes, warmed up."""
    work()
    seconds: list[float] = []
    while len(seconds) < _LEAST_RUNS or (len(seconds) < _MOST_RUNS and sum(seconds) < _ENOUGH_SECONDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds)
