"""What a screen says of the order of the sampling stages: which knobs it has a use for, one after another."""

from __future__ import annotations

from picogpt_tui.gpt2.sampling_orders import stage_names
from picogpt_tui.settings import ORDERS


def used_knobs(order: str) -> list[str]:
    """The settings for which an order has a stage, in its order."""
    return stage_names(order)


def unused_knobs(order: str) -> list[str]:
    """The settings for which another order has a stage and this one has none."""
    known = dict.fromkeys(name for other in ORDERS for name in stage_names(other))
    return [name for name in known if name not in stage_names(order)]
