"""How likely a text was to a model, and to two."""

from __future__ import annotations

import math
from dataclasses import dataclass


def perplexity(nll: float, n_scored: int) -> float:
    """The exponential of the mean surprisal of the scored tokens; nan where none was, inf where no float holds it."""
    if not n_scored:
        return math.nan
    try:
        return math.exp(nll / n_scored)
    except OverflowError:
        return math.inf


def bits_per_byte(nll: float, n_scored: int, n_bytes: int) -> float:
    """The only number that models with different vocabularies share; nan where no token was scored, or has no byte."""
    return nll / math.log(2) / n_bytes if n_scored and n_bytes else math.nan


@dataclass(frozen=True, slots=True)
class TokenScore:
    """What the model thought of one token of a text."""

    id: int
    logprob: float | None
    """None where nothing came before it, and the model was not asked."""
    rank: int | None
    entropy: float | None
    top_prob: float | None
    """Of the likeliest token there: frac(p) of GLTR is exp(logprob) / top_prob."""


@dataclass(frozen=True, slots=True)
class Score:
    """A text as the model read it, in windows where it is longer than the context."""

    tokens: tuple[TokenScore, ...]
    bos: bool
    """Whether `<|endoftext|>` stood before the text, so that its first token is scored too."""
    n_bytes: int
    """Of the text in UTF-8."""
    n_ctx: int
    stride: int
    """How many tokens a window moves on; each window scores only those that the one before did not."""
    n_windows: int

    @property
    def logprobs(self) -> list[float]:
        """Of the tokens that were scored."""
        return [token.logprob for token in self.tokens if token.logprob is not None]

    @property
    def n_scored(self) -> int:
        """How many tokens were scored."""
        return len(self.logprobs)

    @property
    def nll(self) -> float:
        """Nats in all: the sum of the scored tokens' surprisals."""
        return math.fsum(-logprob for logprob in self.logprobs)

    @property
    def perplexity(self) -> float:
        """See `perplexity`."""
        return perplexity(self.nll, self.n_scored)

    @property
    def bits_per_byte(self) -> float:
        """See `bits_per_byte`."""
        return bits_per_byte(self.nll, self.n_scored, self.n_bytes)

    @property
    def mean_entropy(self) -> float:
        """Nats, over the scored positions; nan where there is none."""
        known = [token.entropy for token in self.tokens if token.entropy is not None]
        return math.fsum(known) / len(known) if known else math.nan


@dataclass(frozen=True, slots=True)
class ComparedToken:
    """One token as two models saw it."""

    id: int
    logprob_a: float | None
    logprob_b: float | None
    kl: float | None
    """KL(a || b) in nats at this position, over the whole vocabulary."""
    rank_a: int | None
    rank_b: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models (or precisions, or checkpoints) with the same vocabulary on the same text."""

    name_a: str
    name_b: str
    bos: bool
    tokens: tuple[ComparedToken, ...]
    nll_a: float
    nll_b: float
    n_scored: int
    mean_kl: float
    """Nats a scored token; nan where none was."""
    n_bytes: int
    """Of the text in UTF-8."""
    n_ctx: int
    """Of the windows, which are the same for both."""
    stride: int
    n_windows: int
