"""Why one token and not another as data: JSON values, and rows for a table. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from picogpt_tui.events import Candidate
from picogpt_tui.readings import Attribution, Part

TABLE = ("part", "layer", "head", "nats", "sum_so_far")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _candidate(one: Candidate) -> dict[str, object]:
    fields = {name: _number(value) if isinstance(value, float) else value for name, value in asdict(one).items()}
    return fields | {"bytes": one.bytes.hex()}


def _place(number: int) -> int | None:
    return number if number >= 0 else None


def why_numbers(found: Attribution | None, cursor: int) -> dict[str, object] | None:
    """All parts in the order of the pass, in nats; None for nothing.

    Args:
        found: the parts.
        cursor: the place that they are about.
    """
    if found is None:
        return None
    return {
        "cursor": cursor,
        "this": _candidate(found.a),
        "that": _candidate(found.b),
        "parts": [
            {"name": part.name, "layer": _place(part.layer), "head": _place(part.head), "value": _number(part.value)}
            for part in found.parts
        ],
        "total": _number(found.total),
        "difference": _number(found.difference),
    }


def why_table(parts: Sequence[Part]) -> list[list[object]]:
    """A line for each part below a heading, in the order they are given; [] for nothing."""
    lines: list[list[object]] = []
    so_far = 0.0
    for part in parts:
        so_far += part.value
        lines.append([part.name, _place(part.layer), _place(part.head), _number(part.value), _number(so_far)])
    return [list(TABLE), *lines] if lines else []
