"""Where the heads look as data: JSON values, and rows for a table. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from picogpt_tui.readings import Attention, HeadGlance

TABLE = ("layer", "head", "first_token", "looks_at", "value", "entropy_nats")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers(values: Sequence[float]) -> list[float | None]:
    return [_number(value) for value in values]


def heads_numbers(found: Attention | None, first: int) -> dict[str, object] | None:
    """Every head's weights and norms from one token; None for nothing.

    Args:
        found: where all heads look.
        first: position in the text of the first token that they see.
    """
    if found is None:
        return None
    layers = [
        {
            "layer": layer,
            "heads": [
                {"head": head, "weights": _numbers(weights), "norms": _numbers(found.norms[layer][head])}
                for head, weights in enumerate(heads)
            ],
        }
        for layer, heads in enumerate(found.weights)
    ]
    return {"position": first + found.position, "first_position": first, "layers": layers}


def heads_table(glances: Sequence[Sequence[HeadGlance]], first: int) -> list[list[object]]:
    """A line for each head below a heading: by the values that are shown, parts of 1; [] for nothing.

    Args:
        glances: [layer][head].
        first: position in the text of the first token that they see.
    """
    lines: list[list[object]] = [
        [
            layer,
            head,
            _number(one.sink),
            first + one.key if one.key else None,
            _number(one.weight) if one.key else None,
            _number(one.entropy),
        ]
        for layer, heads in enumerate(glances)
        for head, one in enumerate(heads)
    ]
    return [list(TABLE), *lines] if lines else []
