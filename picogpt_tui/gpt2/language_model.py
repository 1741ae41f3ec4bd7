"""A model one can talk to: weights, vocabulary and name in one object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from picogpt_tui.errors import ConfigError, TokenizerError
from picogpt_tui.events import Event, Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.blas import warm_up
from picogpt_tui.gpt2.config import GPT2Config, read_config
from picogpt_tui.gpt2.generate import generate, never
from picogpt_tui.gpt2.int8_file import int8_params
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.model import forward, hidden_states, unembed
from picogpt_tui.gpt2.params import Params
from picogpt_tui.gpt2.reader import NEVER_WORTH_IT, WORTH_IT, WORTH_IT_COMPILED
from picogpt_tui.gpt2.taps import Tap
from picogpt_tui.gpt2.tokenizer import Tokenizer, read_tokenizer
from picogpt_tui.gpt2.weights import load_params, weights_digest
from picogpt_tui.settings import FLOAT32, INT8, GenerationSettings, SamplingSettings

_SMALL_BYTES = 32_000_000


@dataclass(frozen=True)
class LanguageModel:
    """A GPT-2 with its tokenizer. Immutable: caches and random streams are the caller's.

    Attributes:
        name: what the user calls it.
        directory: where it was read from.
        precision: of its matrices, `float32` or `int8`.
    """

    name: str
    directory: Path
    config: GPT2Config
    params: Params
    tokenizer: Tokenizer
    precision: str = FLOAT32

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights file; takes a moment for a large model, once.

        Raises:
            WeightsError: the file was deleted since it was loaded.
        """
        return weights_digest(self.directory)

    @property
    def worth_guessing(self) -> int:
        """How many tokens a guess has to bring to be worth reading; see `reader`."""
        if self.precision != INT8 or KERNEL.compiled is None:
            return WORTH_IT
        return NEVER_WORTH_IT if self._is_small else WORTH_IT_COMPILED

    @cached_property
    def _is_small(self) -> bool:
        """Whether its time is what NumPy takes to be called, rather than what its weights take to be read."""
        return self.params.nbytes < _SMALL_BYTES

    def forward(
        self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False, tap: Tap | None = None
    ) -> FloatArray:
        """Run new ids behind those in the cache; see `model.forward`."""
        return forward(ids, self.params, self.config, cache, all_logits=all_logits, tap=tap)

    def hidden_states(self, ids: Sequence[int], cache: KVCache, *, tap: Tap | None = None) -> FloatArray:
        """The same up to where logits are made of it: [n_seq, n_embd]; see `model.hidden_states`."""
        return hidden_states(ids, self.params, self.config, cache, tap=tap)

    def unembed(self, x: FloatArray) -> FloatArray:
        """Logits of hidden states: [n, n_embd] -> [n, n_vocab]; see `model.unembed`."""
        return unembed(x, self.params, self.config)

    def logits(self, ids: Sequence[int]) -> FloatArray:
        """Logits of every position: [n_seq] -> float32 [n_seq, n_vocab].

        Raises:
            ConfigError: there are no ids, more than the context holds, or one that is no token.
        """
        if not 0 < len(ids) <= self.config.n_ctx:
            raise ConfigError(f"{self.name} sees 1 to {self.config.n_ctx} tokens at once, not {len(ids)}.")
        # subtle: a negative id would quietly count from the end
        if (unknown := next((id for id in ids if not 0 <= id < self.config.n_vocab), None)) is not None:
            raise ConfigError(f"{self.name} has no token {unknown}, only 0 to {self.config.n_vocab - 1}.")
        return self.forward(ids, KVCache(self.config), all_logits=True)

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int = 200,
        seed: int | None = None,
        stop: str | Sequence[str] = (),
        should_stop: Callable[[], bool] = never,
        **sampling: Any,
    ) -> Iterator[Event]:
        """Continue a text; see `generate.generate` for the events.

        Args:
            prompt: the text to continue; empty begins from `<|endoftext|>`.
            max_tokens: the most tokens to generate.
            seed: of the random stream; None draws one.
            stop: one text or several that end the answer.
            should_stop: asked once a token.
            **sampling: fields of `SamplingSettings`: temperature, top_k, top_p, min_p, typical_p, repetition_penalty,
                order.
        """
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        settings = GenerationSettings(SamplingSettings(**sampling), max_tokens, seed, stops)
        return generate(self, self.tokenizer.encode(prompt), settings, should_stop=should_stop)


def read_small_files(directory: Path) -> tuple[GPT2Config, Tokenizer]:
    """Read all of a model directory but the weights.

    Raises:
        ConfigError, TokenizerError: what is missing or damaged, or that the two do not fit together.
    """
    config, tokenizer = _read_config(directory), read_tokenizer(directory)
    if tokenizer.n_vocab > config.n_vocab:
        message = f"{directory}: the vocabulary has ids up to {tokenizer.n_vocab - 1}, the model only {config.n_vocab}."
        raise TokenizerError(message, directory)
    return config, tokenizer


def _read_config(directory: Path) -> GPT2Config:
    if not directory.is_dir():
        raise ConfigError(f"{directory} is not a directory.", directory)
    return read_config(directory)


def read_model(
    directory: Path, name: str, precision: str = FLOAT32, int8_files: Sequence[Path] = ()
) -> Iterator[Progress | LanguageModel]:
    """Read a model directory: yields Progress for every tensor, and the model last.

    Args:
        directory: the model.
        name: what the user calls it.
        precision: `float32` or `int8`.
        int8_files: where a quantized model may have been kept; see `int8_file.int8_params`.

    Raises:
        ConfigError, TokenizerError, WeightsError: what is missing or damaged, by name.
    """
    config = _read_config(directory)
    warm_up()
    with ThreadPoolExecutor(1) as beside:  # a vocabulary takes as long as the weights, and another core
        small_files = beside.submit(read_small_files, directory)
        steps = load_params(directory, config) if precision == FLOAT32 else int8_params(directory, config, int8_files)
        for step in steps:
            if small_files.done():
                small_files.result()  # what is wrong with it is told at once
            if isinstance(step, Progress):
                yield step
            else:
                _, tokenizer = small_files.result()
                yield LanguageModel(name, directory, config, step, tokenizer, precision)
