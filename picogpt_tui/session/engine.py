"""The one place where a model runs for a document: one request at a time, whatever threads ask.

A lock lets a new request wait until the old one has left (at most a token). The cache stays between requests, so that
each computes only what its text does not share with the last one; the last logits stay too, so that turning a knob
re-shapes the shown distribution without running the model.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock

from picogpt_tui.errors import WeightsError
from picogpt_tui.events import Distribution, Event, Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import Model, distribution, generate, never, start_ids
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.kv_tails import Tails
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import read_context
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.session.document import Request
from picogpt_tui.session.models import load_steps
from picogpt_tui.settings import FLOAT32, INT8, SamplingSettings

_LOCK_SECONDS = 0.02
_TAIL_BYTES = 96_000_000
"""For keys and values of branches that were left: of 124M a whole context and a third."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a status bar says of a model."""

    name: str
    n_params: int
    n_ctx: int
    n_vocab: int
    precision: str


class Engine:
    """A loaded model with its cache."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._cache = KVCache(model.config, Tails(_TAIL_BYTES))
        self._lock = Lock()
        self._seen: tuple[FloatArray, list[int]] | None = None
        if model.precision == INT8:
            KERNEL.prepare()
        self.info = ModelInfo(
            model.name, model.params.n_params, model.config.n_ctx, model.config.n_vocab, model.precision
        )

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self._model.config

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's vocabulary."""
        return self._model.tokenizer

    def run(
        self,
        request: Request,
        should_stop: Callable[[], bool] = never,
        instead: tuple[Model, KVCache] | None = None,
    ) -> Iterator[Event]:
        """Generate what a request asks for; see `gpt2.generate.generate` for the events.

        Ends without any event when `should_stop` says so before its turn has come.

        Args:
            request: what to go on from, and how.
            should_stop: asked once a token.
            instead: a changed model to generate with, and the cache that goes with it.
        """
        with self.alone(should_stop) as mine:
            if mine is None:
                return
            model, cache = instead or mine
            yield Progress("encoding", 0, len(request.new_text))
            ids = [*request.context_ids, *self.tokenizer.encode(request.new_text)]
            unfinished = self.tokenizer.decode_bytes(ids[-3:])  # of a character, if one begins there and does not end
            how = partial(generate, should_stop=should_stop, seen=self.see, unfinished=unfinished)
            yield from how(model, ids, request.settings, cache=cache)

    def peek(
        self, ids: Sequence[int], sampling: SamplingSettings, top_n: int, should_stop: Callable[[], bool] = never
    ) -> Distribution | None:
        """What would come after `ids` (after `<|endoftext|>` where there are none); None when told to stop."""
        with self.alone(should_stop) as mine:
            if mine is None:
                return None
            model, cache = mine
            context = start_ids(model, ids)
            if len(context) > self.config.n_ctx:
                context = context[-max(1, self.config.n_ctx // 2) :]
            logits = _last_of(read_context(model, context, cache, "", should_stop))
            if logits is None:
                return None
            self.see(logits, context)
            return self.reshape(sampling, top_n)

    @contextmanager
    def alone(self, should_stop: Callable[[], bool] = never) -> Iterator[tuple[LanguageModel, KVCache] | None]:
        """Within it nobody else uses the model and its cache; None where `should_stop` said so first."""
        if not self._acquire(should_stop):
            yield None
            return
        try:
            yield self._model, self._cache
        finally:
            self._lock.release()

    def see(self, logits: FloatArray, context: Sequence[int]) -> None:
        """Remember the logits for `reshape`."""
        self._seen = logits, list(context)

    def reshape(self, sampling: SamplingSettings, top_n: int, taken: int | None = None) -> Distribution | None:
        """The last distribution under other settings, from its cached logits; None before the model ever ran."""
        if self._seen is None:
            return None
        logits, context = self._seen
        return distribution(shape(logits, sampling, context), self.tokenizer, top_n, taken)

    def empty_context(self) -> list[int]:
        """What the model looks at where no text is: `<|endoftext|>`.

        Raises:
            PicoGPTError: the vocabulary has none.
        """
        return start_ids(self._model, [])

    def labels(self, ids: Sequence[int]) -> list[str]:
        """How tokens are written in a list."""
        return [self.tokenizer.label(id) for id in ids]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens; what is not UTF-8 becomes U+FFFD."""
        return self.tokenizer.decode(ids)

    def digest(self) -> str:
        """SHA-256 of the weights, or "" where their file was deleted; reads the whole file the first time."""
        try:
            return self._model.digest
        except WeightsError:  # the model goes on in memory, and what was played with it can still be saved
            return ""

    def _acquire(self, should_stop: Callable[[], bool]) -> bool:
        while not self._lock.acquire(timeout=_LOCK_SECONDS):
            if should_stop():
                return False
        if should_stop():  # the lock may have come free just as the user gave up
            self._lock.release()
            return False
        return True


def _last_of(steps: Generator[Progress, None, FloatArray | None]) -> FloatArray | None:
    """What a generator returns, whatever it yields."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            logits: FloatArray | None = end.value
            return logits


def load_engine(name: str, precision: str = FLOAT32) -> Iterator[Progress | Engine]:
    """Load a model by name: yields Progress as it is read, and the engine last.

    Raises:
        ModelNotFound, ConfigError, TokenizerError, WeightsError: see `errors`.
    """
    for step in load_steps(name, precision=precision):
        yield step if isinstance(step, Progress) else Engine(step)
