"""What is seen inside the model: the lens, the parts of an answer, the heads, and what is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.events import Candidate, Distribution


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


@dataclass(frozen=True, slots=True)
class CutEffect:
    """What one cut alone changes of the next token."""

    cut: Cut
    kl: float
    """KL(before || after) in nats."""
