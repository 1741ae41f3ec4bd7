"""What the lens tells of a text: frozen dataclasses of plain data, as a screen draws and a command line prints them.

Positions count tokens from 0. Probabilities, log-probabilities and entropies are those of the model itself (temperature
1, nothing cut), in nats; a rank is how many tokens have a strictly larger logit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.events import Candidate, Distribution

# -- score -------------------------------------------------------------------------------------------------------------


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
    def nll(self) -> float:
        """Nats in all: the sum of the scored tokens' surprisals."""
        return -math.fsum(self.logprobs)

    @property
    def perplexity(self) -> float:
        """exp of the mean surprisal of the scored tokens; nan where none was."""
        n = len(self.logprobs)
        return math.exp(self.nll / n) if n else math.nan

    @property
    def bits_per_byte(self) -> float:
        """The only number that models with different vocabularies share; nan for no bytes."""
        return self.nll / math.log(2) / self.n_bytes if self.n_bytes else math.nan

    @property
    def mean_entropy(self) -> float:
        """Nats, over the scored positions; nan where there is none."""
        known = [token.entropy for token in self.tokens if token.entropy is not None]
        return math.fsum(known) / len(known) if known else math.nan


# -- lens --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LensCell:
    """What would be said at one place in the residual stream, if the model ended there."""

    id: int
    """The likeliest token, the lowest id on ties."""
    label: str
    prob: float
    entropy: float
    kl: float
    """KL(final || here) in nats, as in Belrose et al. 2023: 0 in the last row."""
    rank: int
    """Of the watched token."""
    watched_prob: float


@dataclass(frozen=True, slots=True)
class LensGrid:
    """The logit lens over some positions: rows from `embed` to the last block's `mlp`, which is the model's answer."""

    rows: tuple[str, ...]
    """`embed`, `h.0.attn`, `h.0.mlp` ..."""
    positions: tuple[int, ...]
    watched: tuple[int, ...]
    """The token whose rank is followed, a position: what came next in the text, else the model's own first choice."""
    cells: tuple[tuple[LensCell, ...], ...]
    """[row][position]."""


@dataclass(frozen=True, slots=True)
class LensColumn:
    """The logit lens at one position, with the candidates of every row."""

    position: int
    rows: tuple[tuple[str, Distribution], ...]


# -- why ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the model and what it adds to logit(A) - logit(B)."""

    name: str
    """`wte`, `wpe`, `h.3.head.5`, `h.3.attn.bias`, `h.3.mlp`, `ln_f.bias`."""
    layer: int
    """-1 where it belongs to none."""
    head: int
    """-1 where it is none."""
    value: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Why token a and not b at one position: direct logit attribution, exact up to float32."""

    position: int
    a: Candidate
    b: Candidate
    parts: tuple[Part, ...]
    """In the order of the forward pass."""
    total: float
    """Their sum."""
    difference: float
    """logit(a) - logit(b) as the model computed it."""

    def largest(self) -> list[Part]:
        """The parts by size, the largest first."""
        return sorted(self.parts, key=lambda part: -abs(part.value))


# -- attention ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attention:
    """Where every head looks from one position."""

    position: int
    weights: tuple[tuple[Sequence[float], ...], ...]
    """[layer][head][key], each over the position + 1 tokens it can see; they sum to 1."""
    norms: tuple[tuple[Sequence[float], ...], ...]
    """[layer][head][key]: weight times the length of the value vector it lets through (Kobayashi et al. 2020)."""

    @property
    def n_layer(self) -> int:
        """How many layers."""
        return len(self.weights)

    @property
    def n_head(self) -> int:
        """How many heads a layer has."""
        return len(self.weights[0])


@dataclass(frozen=True, slots=True)
class HeadPictures:
    """All heads of one layer as small pictures: each cell is the largest weight in its part of the matrix."""

    layer: int
    size: int
    """Rows (queries) and columns (keys) of a picture; at most the number of tokens."""
    heads: tuple[tuple[Sequence[float], ...], ...]
    """[head][row][column], 0 to 1."""


# -- surgery -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """One ablation: a head, an MLP, or a position's embedding, made zero or its mean over the text."""

    kind: str
    """`head`, `mlp`, `position`."""
    layer: int = -1
    head: int = -1
    position: int = -1
    how: str = "zero"
    """`zero` or `mean`."""

    @property
    def name(self) -> str:
        """`h.3.head.5 = 0`, `h.3.mlp = mean`, `position 7 = 0`."""
        what = f"h.{self.layer}.head.{self.head}" if self.kind == "head" else f"h.{self.layer}.mlp"
        what = f"position {self.position}" if self.kind == "position" else what
        return f"{what} = {'0' if self.how == 'zero' else 'mean'}"


@dataclass(frozen=True, slots=True)
class Surgery:
    """The next token before and after some ablations."""

    position: int
    cuts: tuple[Cut, ...]
    before: Distribution
    after: Distribution
    """Its candidates are those of `before`, in the same order, and then those that only now are likely."""
    kl: float
    """KL(before || after) in nats."""


# -- sampling stages ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """The distribution behind one sampling stage."""

    name: str
    """`raw`, then as in `Candidate.cut_by`: `repetition_penalty`, `temperature`, `top_k` ..."""
    n_kept: int
    mass_removed: float
    """The probability, before this stage, of the tokens it cut."""
    entropy: float
    """Nats, of what is left, made to sum to 1 again."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """One candidate through all stages."""

    candidate: Candidate
    probs: tuple[float, ...]
    """Behind each stage, `raw` first; 0 from the stage on that cut it."""
    cumulative: tuple[float, float]
    """Where it lies on the line from 0 to 1 that the draw u falls on, tokens in the order of their ids."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The sampling stages one after another on the same logits."""

    order: str
    """One of `settings.ORDERS`."""
    stages: tuple[Stage, ...]
    rows: tuple[StageRow, ...]
    """The likeliest candidates; the one that was taken stands last where it is not among them."""
    u: float | None
    """The draw that picked the token, None where none was drawn or it is not known."""
    drawn: int | None
    """The token that u picks under these settings."""


# -- vocabulary --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VocabularyMatch:
    """Tokens of the vocabulary that a question found, at one position."""

    candidates: tuple[Candidate, ...]
    """The likeliest of them first."""
    n_found: int
    """How many there are, the ones not listed included."""
    prob: float
    """Their mass together."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A token near another in the embedding."""

    id: int
    label: str
    cosine: float


# -- comparison --------------------------------------------------------------------------------------------------------


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


# -- tokenizer ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of byte-pair merging."""

    rank: int
    """Place in the list of merges that was learned: the lower, the earlier and the more frequent."""
    at: int
    """Index of the left piece before the step."""
    left: int
    right: int
    merged: int
    """Their ids."""


@dataclass(frozen=True, slots=True)
class TracedWord:
    """One word of the pre-split, from bytes to tokens."""

    byte_start: int
    byte_end: int
    pieces: tuple[int, ...]
    """Ids of its bytes."""
    merges: tuple[Merge, ...]
    """In the order they are done."""
    tokens: tuple[int, ...]
    """What is left."""
