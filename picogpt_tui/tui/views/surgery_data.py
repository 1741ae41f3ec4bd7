"""Surgery as data: JSON values, and rows for a table. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from picogpt_tui.events import Candidate, Distribution
from picogpt_tui.readings import Cut, Surgery
from picogpt_tui.tui.views.surgery_rows import pairs

TABLE = ("id", "token", "logprob_before_nats", "logprob_after_nats", "prob_before", "prob_after")
EFFECTS = ("part", "layer", "head", "kl_nats")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cut(cut: Cut) -> dict[str, object]:
    """With the numbers that its kind has."""
    numbers = {name: value for name, value in asdict(cut).items() if isinstance(value, int) and value >= 0}
    return {"kind": cut.kind, **numbers, "how": cut.how}


def _candidate(one: Candidate) -> dict[str, object]:
    fields = {name: _number(value) if isinstance(value, float) else value for name, value in asdict(one).items()}
    return fields | {"bytes": one.bytes.hex()}


def _side(shown: Distribution) -> dict[str, object]:
    return {
        "entropy": _number(shown.entropy),
        "candidates": [_candidate(one) for one in shown.candidates],
        "other_prob": _number(shown.other_prob),
    }


def surgery_numbers(
    found: Surgery | None, effects: Sequence[tuple[Cut, float]], cursor: int
) -> dict[str, object] | None:
    """Before and after, and what each part alone would change; nats. None for nothing.

    Args:
        found: under the cuts that are made.
        effects: KL of the parts that were tried.
        cursor: the place that both are about.
    """
    if found is None and not effects:
        return None
    said: dict[str, object] = {"cursor": cursor}
    if found is not None:
        said |= {"cuts": [_cut(cut) for cut in found.cuts], "kl": _number(found.kl)}
        said |= {"before": _side(found.before), "after": _side(found.after)}
    return said | {"alone": [_cut(cut) | {"kl": _number(kl)} for cut, kl in effects]}


def _pair(before: Candidate, after: Candidate) -> list[object]:
    numbers = before.logprob, after.logprob, before.prob, after.prob
    return [before.id, before.label, *map(_number, numbers)]


def _effect(cut: Cut, kl: float) -> list[object]:
    return [cut.part, cut.layer, cut.head if cut.kind == "head" else None, _number(kl)]


def surgery_table(found: Surgery | None, effects: Sequence[tuple[Cut, float]]) -> list[list[object]]:
    """Each candidate before and after below a heading; without cuts each part that was tried; [] for nothing."""
    if found is not None:
        return [list(TABLE), *(_pair(*pair) for pair in pairs(found))]
    return [list(EFFECTS), *(_effect(cut, kl) for cut, kl in effects)] if effects else []


def by_part(effects: Mapping[Cut, float]) -> dict[str, float]:
    """The same by the parts' names."""
    return {cut.part: kl for cut, kl in effects.items()}
