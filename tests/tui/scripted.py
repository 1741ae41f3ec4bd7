"""A model that says what a test wrote, and downloads that bring it, at the moment the test allows it.

It is a pure function of the text: behind a text that ends in the first k tokens of its script it says token k, and when
the script is over it ends the text. So regenerating, editing and stopping behave as with a real model, and a test knows
every word. A gate stands in front of each run of the model.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Condition
from types import SimpleNamespace
from typing import cast

import numpy as np

from picogpt_tui.errors import FileError, ModelNotHere
from picogpt_tui.events import (
    Downloaded,
    DownloadEvent,
    DownloadProgress,
    DownloadStopped,
    FileProgress,
    Progress,
)
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import WORTH_IT
from picogpt_tui.gpt2.tokenizer import Tokenizer, read_tokenizer
from picogpt_tui.paths import bundled_dir
from picogpt_tui.session.engine import Engine
from picogpt_tui.tui.jobs import OpenEngine, open_engine

GATE_SECONDS = 30.0
"""How long a model waits at its gate before it says that the test forgot it."""
TALE = " king. He had three sons, and the youngest was called Simpleton."
SURE = (1.0,)
IDEAS = " princess little wolf old forest boy witch bird young"
OPEN = (0.46, 0.21, 0.11, 0.07, 0.05, 0.03, 0.02, 0.01, 0.008, 0.006)
"""What a model says that has a favourite and nine more ideas."""


class Gate:
    """Lets a thread pass as often as a test allows."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._allowed = math.inf
        self.n_waiting = 0

    def close(self) -> None:
        """Nobody passes from now on."""
        with self._condition:
            self._allowed = 0

    def let(self, n: int = 1) -> None:
        """Let n more pass."""
        with self._condition:
            self._allowed += n
            self._condition.notify_all()

    def open(self) -> None:
        """Let everyone pass."""
        self.let(10**9)

    def go_through(self) -> None:
        """Wait until it is allowed; a test that forgets somebody here fails."""
        with self._condition:
            self.n_waiting += 1
            is_allowed = self._condition.wait_for(lambda: self._allowed > 0, timeout=GATE_SECONDS)
            self.n_waiting -= 1
            if not is_allowed:
                raise AssertionError("the test left the model at its gate")
            self._allowed -= 1


@lru_cache(maxsize=1)
def stories_tokenizer() -> Tokenizer:
    """The bundled model's vocabulary, for tests whose words should be whole tokens."""
    return read_tokenizer(bundled_dir() / "stories")


class ScriptedModel:
    """Has all that an `Engine` needs of a `LanguageModel`.

    Attributes:
        script: the ids it says, or the text they make.
        probs: of the token it says and of its other ideas, the likeliest first; what is missing to 1 is spread evenly.
        sharpness: powers of `probs` that take turns, for tokens of different certainty.
        gate: in front of each run; open until a test closes it.
        n_runs: how often it ran.
        fails_at: the run (counted from 0) that raises `error`, or None.
    """

    digest = "5c817ed0" * 8
    worth_guessing = WORTH_IT

    def __init__(
        self,
        script: str | Sequence[int] = TALE,
        probs: Sequence[float] = SURE,
        *,
        name: str = "scripted",
        tokenizer: Tokenizer | None = None,
        n_ctx: int = 128,
    ) -> None:
        self.name = name
        self.precision = "float32"
        self.tokenizer = tokenizer or stories_tokenizer()
        self.script = self.tokenizer.encode(script) if isinstance(script, str) else list(script)
        self.probs = tuple(probs)
        n_vocab = self.tokenizer.n_vocab
        self.config = GPT2Config(n_vocab, n_ctx, n_embd=2, n_head=1, n_layer=1, end_of_text=self.tokenizer.end_of_text)
        self.params = SimpleNamespace(n_params=3_600_000)
        self.sharpness: tuple[float, ...] = (1.0,)
        self.gate = Gate()
        self.n_runs = 0
        self.fails_at: int | None = None
        self.error: Exception = RuntimeError("the model broke")

    def forward(self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False) -> FloatArray:
        """Run new ids behind those in the cache; logits of the last, [1, n_vocab], or of all, [n_seq, n_vocab]."""
        hidden = self.hidden_states(ids, cache)
        return self.unembed(hidden if all_logits else hidden[-1:])

    def hidden_states(self, ids: Sequence[int], cache: KVCache, *, tap: object = None) -> FloatArray:
        """What `unembed` makes logits of, [n_seq, n_embd]: in the first place the token that is said next."""
        self.gate.go_through()
        self.n_runs += 1
        if self.fails_at is not None and self.n_runs > self.fails_at:
            raise self.error
        hidden = np.zeros((len(ids), self.config.n_embd), dtype=np.float32)
        for row, id in zip(hidden, ids, strict=True):
            cache.ids.append(id)
            row[0] = self._next(cache.ids)
        assert len(cache.ids) <= cache.n_ctx
        return hidden

    def unembed(self, x: FloatArray) -> FloatArray:
        """Logits of hidden states: [n, n_embd] -> [n, n_vocab]."""
        return np.stack([self._logits(int(row[0])) for row in x])

    def _next(self, context: list[int]) -> int:
        n_most = min(len(self.script), len(context))
        said = next(k for k in range(n_most, -1, -1) if context[len(context) - k :] == self.script[:k])
        if said < len(self.script):
            return self.script[said]
        assert self.config.end_of_text is not None
        return self.config.end_of_text

    def _logits(self, id: int) -> FloatArray:
        n_vocab = self.config.n_vocab
        others = [*self.tokenizer.encode(IDEAS), *range(n_vocab)]
        ideas = [id, *(other for other in others if other != id)][: len(self.probs)]
        shares = np.array(self.probs) ** (self.sharpness[id % len(self.sharpness)])
        shares *= sum(self.probs) / shares.sum()
        rest = max(1.0 - shares.sum(), 1e-9) / (n_vocab - len(ideas))
        probs = np.full(n_vocab, rest, dtype=np.float32)
        probs[ideas] = shares
        logits: FloatArray = np.log(probs)
        return logits


def engine(model: ScriptedModel, precision: str = "float32") -> Engine:
    """The scripted model as the app gets it."""
    model.precision = precision
    return Engine(cast(LanguageModel, model))


def opens(*models: ScriptedModel, gate: Gate | None = None) -> OpenEngine:
    """The app's way to load: these models by their names, the first for any other name; half-way stands a gate."""
    by_name = {model.name: model for model in models}

    def opener(name: str, precision: str) -> Iterator[Progress | FileError | Engine]:
        yield Progress("loading", 1, 2, "wte")
        if gate is not None:
            gate.go_through()
        yield engine(by_name.get(name, models[0]), precision)

    return opener


def scripted_or_real(name: str, precision: str) -> Iterator[Progress | FileError | Engine]:
    """The app's way to load: the bundled name gives a scripted model, another what really lies there."""
    return (opens(ScriptedModel(name="stories")) if name == "stories" else open_engine)(name, precision)


def lacks(*missing: str, model: ScriptedModel | None = None) -> OpenEngine:
    """The app's way to load: any model but these, which can be downloaded."""

    def opener(name: str, precision: str) -> Iterator[Progress | FileError | Engine]:
        if name in missing:
            yield Progress("loading", 0, 1, "")
            sentence = f"{name} is not on this machine; `picogpt-tui models download {name}`."
            raise ModelNotHere(sentence, name, 550 * 10**6)
        yield from opens(model or ScriptedModel(name=name))(name, precision)

    return opener


# -- downloads ---------------------------------------------------------------------------------------------------------

LOOK_SECONDS = 0.01
MB = 10**6


def on_its_way(
    name: str = "124M",
    done: int = 203 * MB,
    total: int = 548 * MB,
    *,
    phase: str = "downloading",
    host: str = "huggingface.co",
    note: str = "",
    weights: str = "model.safetensors",
) -> DownloadProgress:
    """What a download tells that has brought its config and some of its weights; 9.1 MB a second."""
    if phase == "looking up":
        return DownloadProgress(name, phase, host, note=note)
    files = (
        FileProgress("config.json", "ready", 665, 665),
        FileProgress(weights, phase, done - 665, total - 665 - 1_498_619),
        FileProgress("vocab.json", "waiting", 0, 1_042_301),
        FileProgress("merges.txt", "waiting", 0, None),
    )
    return DownloadProgress(name, phase, host, done, total, 9.1e6, (total - done) / 9.1e6, note, files)


class ScriptedFetch:
    """The app's way to download: every run tells what a test gives it, and ends when it is told to.

    Attributes:
        calls: who was asked for what, in order: (name, source).
        n_running: how many runs are under way.
        is_deaf: whether a run that is to end stays until the test ends it.
    """

    def __init__(self) -> None:
        self._condition = Condition()
        self._steps: defaultdict[str, deque[DownloadEvent | Exception]] = defaultdict(deque)
        self._is_closed = False
        self.calls: list[tuple[str, str | None]] = []
        self.n_running = 0
        self.is_deaf = False

    def __call__(self, name: str, source: str | None, should_stop: Callable[[], bool]) -> Iterator[DownloadEvent]:
        """One run."""
        with self._condition:
            self.calls.append((name, source))
            self.n_running += 1
        try:
            while isinstance(step := self._next(name, should_stop), DownloadProgress):
                yield step
            yield step
        finally:
            with self._condition:
                self.n_running -= 1

    def _next(self, name: str, should_stop: Callable[[], bool]) -> DownloadEvent:
        with self._condition:
            while not self._steps[name]:
                if self._is_closed or (should_stop() and not self.is_deaf):
                    return DownloadStopped(name, 0, 0)
                self._condition.wait(LOOK_SECONDS)
            step = self._steps[name].popleft()
        if isinstance(step, Exception):
            raise step
        return step

    def tell(self, *steps: DownloadEvent | Exception, name: str = "124M") -> None:
        """Let the run of this model tell these, or break with an error."""
        with self._condition:
            self._steps[name] += steps
            self._condition.notify_all()

    def bring(self, name: str = "124M", path: Path = Path("nowhere")) -> None:
        """Let the run end: all is here."""
        self.tell(Downloaded(name, path, 548 * MB, 548 * MB), name=name)

    def close(self) -> None:
        """End every run, also one that is deaf."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
