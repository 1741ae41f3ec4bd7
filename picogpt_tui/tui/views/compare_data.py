"""What two models' numbers come to: shades and marks for the text, JSON values, rows for a table. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picogpt_tui.events import Distribution
from picogpt_tui.readings import ComparedToken, Comparison, bits_per_byte, perplexity
from picogpt_tui.tui.drawing import NATS_TO_BITS

if TYPE_CHECKING:
    from picogpt_tui.session.comparison import Found

EDGES = (0.1, 1.0, 3.0)
"""Bits from which on a difference has the next shade."""
_SAME = 3
_LESS, _MORE = "₁₂₃₄₅₆₇₈₉", "¹²³⁴⁵⁶⁷⁸⁹"
MEANING = "bits, B less A: green - ₁₂₃ B knew it better, red + ¹²³ A did, · both"


@dataclass(frozen=True, slots=True)
class Side:
    """What one model's nats over the text come to."""

    name: str
    nll: float
    n_scored: int
    n_bytes: int
    """Of the scored tokens."""

    @property
    def perplexity(self) -> float:
        """Of the scored tokens; nan where there is none."""
        return perplexity(self.nll, self.n_scored)

    @property
    def bits_per_byte(self) -> float:
        """As above."""
        return bits_per_byte(self.nll, self.n_scored, self.n_bytes)


def sides(found: Found) -> tuple[Side, Side]:
    """A and B."""
    if isinstance(found, Comparison):
        return (
            Side(found.name_a, found.nll_a, found.n_scored, found.n_bytes),
            Side(found.name_b, found.nll_b, found.n_scored, found.n_bytes),
        )
    return (
        Side(found.name_a, found.a.nll, found.a.n_scored, found.a.n_bytes),
        Side(found.name_b, found.b.nll, found.b.n_scored, found.b.n_bytes),
    )


def more_bits(token: ComparedToken) -> float | None:
    """How much more surprised B was than A; None where nothing came before the token."""
    if token.logprob_a is None or token.logprob_b is None:
        return None
    return (token.logprob_a - token.logprob_b) * NATS_TO_BITS


def level(more: float) -> int:
    """The shade of a difference in bits: 0 where B knew the token far better, 3 the same, 6 where A did."""
    distance = bisect_right(EDGES, abs(more))
    return _SAME - distance if more < 0 else _SAME + distance


def mark(more: float) -> str:
    """The difference as one character: whole bits, lowered where B knew the token better, raised where A did."""
    if abs(more) < EDGES[0]:
        return "·"
    if abs(more) < 1:
        return "-" if more < 0 else "+"
    return (_LESS if more < 0 else _MORE)[min(9, int(abs(more))) - 1]


def levels(tokens: Sequence[ComparedToken]) -> list[int | None]:
    """The shade of every token, None where there is no difference to tell."""
    return [None if (more := more_bits(token)) is None else level(more) for token in tokens]


def marks(tokens: Sequence[ComparedToken]) -> list[str]:
    """The same as characters."""
    return [" " if (more := more_bits(token)) is None else mark(more) for token in tokens]


def in_order(tokens: Sequence[ComparedToken], order: str) -> list[int]:
    """The tokens' positions as they are listed: as they stand, or the largest `difference` or `KL` first."""
    if order == "difference":
        return sorted(range(len(tokens)), key=lambda at: -abs(more_bits(tokens[at]) or 0.0))
    if order == "KL":
        return sorted(range(len(tokens)), key=lambda at: -(tokens[at].kl or 0.0))
    return list(range(len(tokens)))


# -- to take away ------------------------------------------------------------------------------------------------------


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _side_numbers(side: Side) -> dict[str, object]:
    return {
        "model": side.name,
        "nll": side.nll,
        "n_scored": side.n_scored,
        "n_bytes": side.n_bytes,
        "perplexity": _or_none(side.perplexity),
        "bits_per_byte": _or_none(side.bits_per_byte),
    }


def _token_numbers(token: ComparedToken, label: Callable[[int], str]) -> dict[str, object]:
    names = "logprob_a", "logprob_b", "rank_a", "rank_b", "kl"
    return {"id": token.id, "label": label(token.id)} | {name: getattr(token, name) for name in names}


def _candidate_numbers(shown: Distribution | None) -> list[dict[str, object]] | None:
    if shown is None:
        return None
    return [
        {"rank": one.rank, "id": one.id, "label": one.label, "bytes": one.bytes.hex(), "prob": one.prob}
        for one in shown.candidates
    ]


def compare_numbers(
    found: Found, here: Distribution | None, there: Distribution | None, label: Callable[[int], str]
) -> dict[str, object]:
    """All of it; nats, ranks from 0."""
    a, b = sides(found)
    whole: dict[str, object] = {"a": _side_numbers(a), "b": _side_numbers(b)}
    if isinstance(found, Comparison):
        tokens = [_token_numbers(token, label) for token in found.tokens]
        windows = {"n_ctx": found.n_ctx, "stride": found.stride, "n_windows": found.n_windows}
        whole |= {"bos": found.bos, "why": None, "mean_kl": _or_none(found.mean_kl), **windows, "tokens": tokens}
    else:
        whole |= {"bos": found.a.bos, "why": found.why, "mean_kl": None, "tokens": None}
    return whole | {"candidates": {"a": _candidate_numbers(here), "b": _candidate_numbers(there)}}


def compare_table(found: Found, label: Callable[[int], str]) -> list[list[object]]:
    """A row a token; of models whose tokens are not the same a row a model."""
    if isinstance(found, Comparison):
        heading: list[object] = ["position", "id", "token", "logprob A", "logprob B", "rank A", "rank B", "KL"]
        rows: list[list[object]] = [
            [at, one.id, label(one.id), one.logprob_a, one.logprob_b, one.rank_a, one.rank_b, one.kl]
            for at, one in enumerate(found.tokens)
        ]
        return [heading, *rows]
    names: list[object] = ["model", "nats", "tokens scored", "bytes", "perplexity", "bits per byte"]
    return [names] + [
        [one.name, one.nll, one.n_scored, one.n_bytes, one.perplexity, one.bits_per_byte] for one in sides(found)
    ]
