"""What the sampling stages make of one distribution."""

from __future__ import annotations

from dataclasses import dataclass

from picogpt_tui.events import Candidate, Distribution


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
