"""How text is generated, as frozen plain data that every part of the program passes around unchanged.

The same defaults hold in the app, on the command line and in Python, so that the same seed gives the same tokens in
all three. They are not neutral (temperature 0.8, top-k 40: what most GPT-2 demos use); `PURE` is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from picogpt_tui.errors import SettingError

MAX_SEED = 2**32 - 1


_LARGEST = 1e30  # float32 can still divide by it


def _number(name: str, value: float, fits: Callable[[float], bool], expected: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and value <= _LARGEST and fits(value)):
        raise SettingError(name, value, expected)


def _whole(name: str, value: object, least: int, expected: str, most: float = math.inf) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SettingError(name, value, expected)


FLOAT32, INT8 = PRECISIONS = ("float32", "int8")
"""In what numbers a model's matrices can be kept; it computes in float32 either way."""

HUGGINGFACE, LLAMA_CPP, GPT_2 = ORDERS = ("huggingface", "llama.cpp", "gpt-2")
"""Whose order and edge rules the sampling stages follow; see `gpt2.sampling_orders`."""


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How the model's distribution is shaped before a token is drawn, stage by stage.

    The same knobs mean another set of tokens in another order. What is said of each here is Hugging Face's reading.

    Raises:
        SettingError: a value is out of its range.
    """

    repetition_penalty: float = 1.0
    """Divides positive and multiplies negative logits of tokens already in the text; 1 changes nothing."""
    temperature: float = 0.8
    """Divides the logits; 1 changes nothing, 0 takes the likeliest token (the lowest id on a tie)."""
    top_k: int = 40
    """Keeps the k likeliest tokens, and any that tie with the last of them; 0 keeps all."""
    top_p: float = 1.0
    """Keeps the smallest set of likeliest tokens whose mass is at least p; 1 keeps all."""
    min_p: float = 0.0
    """Keeps tokens at least this fraction as likely as the likeliest; 0 keeps all."""
    typical_p: float = 1.0
    """Keeps tokens whose surprisal is nearest to the entropy, up to this mass; 1 keeps all."""
    order: str = HUGGINGFACE
    """One of `ORDERS`. `gpt-2` knows no repetition penalty, min-p and typical-p, and does without them."""

    def __post_init__(self) -> None:
        _number("temperature", self.temperature, lambda x: x >= 0, "0 (greedy) or more")
        _number("repetition_penalty", self.repetition_penalty, lambda x: x > 0, "more than 0 (1 is neutral)")
        _whole("top_k", self.top_k, 0, "a whole number, 0 (off) or more")
        _number("top_p", self.top_p, lambda x: 0 < x <= 1, "more than 0 and at most 1 (1 is off)")
        _number("min_p", self.min_p, lambda x: 0 <= x <= 1, "from 0 (off) to 1")
        _number("typical_p", self.typical_p, lambda x: 0 < x <= 1, "more than 0 and at most 1 (1 is off)")
        if self.order not in ORDERS:
            raise SettingError("order", self.order, "'huggingface', 'llama.cpp' or 'gpt-2'")


PURE = SamplingSettings(temperature=1.0, top_k=0)
"""The model's own distribution, nothing cut and nothing changed."""
GREEDY = SamplingSettings(temperature=0.0, top_k=0)
"""Always the likeliest token."""


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """One request: how to sample, and when to stop.

    Raises:
        SettingError: a value is out of its range.
    """

    sampling: SamplingSettings = SamplingSettings()
    max_tokens: int = 200
    """The most tokens to generate; 0 generates none."""
    seed: int | None = None
    """Of the random stream; None draws one and reports it in `Started.seed`."""
    stop: tuple[str, ...] = ()
    """Generation ends when one of these appears; it is not part of the text."""
    stop_at_end_of_text: bool = True
    """Whether the end-of-text token ends the text, as the models were trained."""
    when_full: str = "shift"
    """What to do when the context is full: `shift` keeps its last half and goes on, `stop` ends."""
    top_n: int = 10
    """How many of the likeliest candidates each token event carries."""
    first_draw: int = 0
    """How many numbers of the random stream were used before: an answer made token by token is that made at once."""
    prompt_lookup: bool = True
    """Whether to guess tokens from what the text has said before, and check several at once. The text is the same."""

    def __post_init__(self) -> None:
        _whole("max_tokens", self.max_tokens, 0, "a whole number, 0 or more")
        _whole("top_n", self.top_n, 0, "a whole number, 0 or more")
        _whole("first_draw", self.first_draw, 0, f"a whole number from 0 to {MAX_SEED}", MAX_SEED)
        if self.seed is not None:
            _whole("seed", self.seed, 0, f"a whole number from 0 to {MAX_SEED}", MAX_SEED)
        if not isinstance(self.stop, tuple) or not all(isinstance(text, str) and text for text in self.stop):
            raise SettingError("stop", self.stop, "texts that are not empty")
        if self.when_full not in ("shift", "stop"):
            raise SettingError("when_full", self.when_full, "'shift' or 'stop'")
        if not isinstance(self.prompt_lookup, bool):
            raise SettingError("prompt_lookup", self.prompt_lookup, "true or false")
