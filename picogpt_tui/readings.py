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
class HeadGlance:
    """What matters most of one head's weights from one position."""

    sink: float
    """The weight on the first token, where heads rest that have nothing to do."""
    key: int
    """The other token with the largest weight; 0 where there is no other."""
    weight: float
    """The weight there."""
    entropy: float
    """Nats: 0 where it looks at one token alone."""


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
    def part(self) -> str:
        """`h.3.head.5`, `h.3.mlp`, `position 7`."""
        if self.kind == "position":
            return f"position {self.position}"
        return f"h.{self.layer}.mlp" if self.kind == "mlp" else f"h.{self.layer}.head.{self.head}"

    @property
    def name(self) -> str:
        """`h.3.head.5 = 0`, `h.3.mlp = mean`, `position 7 = 0`."""
        return f"{self.part} = {'0' if self.how == 'zero' else 'mean'}"


@dataclass(frozen=True, slots=True)
class Surgery:
    """The next token before and after some ablations."""

    position: int
    cuts: tuple[Cut, ...]
    before: Distribution
    """Its candidates are the likeliest before, and then those that only afterwards are likely."""
    after: Distribution
    """Of the same tokens in the same order."""
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

    @property
    def distribution(self) -> Distribution:
        """The same as a list of candidates shows it."""
        candidates = tuple(row.candidate for row in self.rows)
        raw, last = self.stages[0], self.stages[-1]
        other_prob = max(0.0, 1.0 - sum(one.prob for one in candidates))
        return Distribution(candidates, raw.entropy, other_prob, raw.n_kept - len(candidates), last.n_kept)


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
    """Nats a scored token; nan where none was."""
    n_bytes: int
    """Of the text in UTF-8."""
    n_ctx: int
    """Of the windows, which are the same for both."""
    stride: int
    n_windows: int


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
    """Ids of its bytes; of a word too long to be followed (`bpe_trace.LONGEST_WORD_BYTES`) its tokens, at once."""
    merges: tuple[Merge, ...]
    """In the order they are done."""
    tokens: tuple[int, ...]
    """What is left."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a text between two places where both ways of cutting it have an end, with none between."""

    byte_start: int
    byte_end: int
    a: tuple[int, int]
    """Which pieces of the one lie here: the first, and one past the last."""
    b: tuple[int, int]
    """Those of the other."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """One text as two tokenizers cut it, side by side."""

    ends_a: tuple[int, ...]
    """Where each piece of the one ends: one past its last byte."""
    ends_b: tuple[int, ...]
    stretches: tuple[Stretch, ...]
    """Without gap from the first byte to the last."""

    @property
    def agree(self) -> tuple[int, ...]:
        """Where pieces of both end; the end of the text is such a place."""
        return tuple(stretch.byte_end for stretch in self.stretches)

    @property
    def n_bytes(self) -> int:
        """Of the text."""
        return self.ends_a[-1] if self.ends_a else 0
