"""Heads as a screen shows them: by weight or by what comes through, with the first token or without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from picogpt_tui.lens.attention import glance, hide_sink, shares
from picogpt_tui.readings import Attention, HeadGlance


def head_values(found: Attention, layer: int, head: int, *, by_norm: bool, no_sink: bool) -> Sequence[float]:
    """Of each token that a head sees, how much it is looked at: parts of 1.

    Args:
        found: where all heads look.
        layer: index of the block.
        head: within it.
        by_norm: whether to measure by the length of what comes through (Kobayashi et al. 2020), not by the weight.
        no_sink: whether the first token is left out, and the rest made to sum to 1 again.
    """
    values = shares(found.norms[layer][head]) if by_norm else found.weights[layer][head]
    return hide_sink(values) if no_sink else values


def head_glances(found: Attention, *, by_norm: bool, no_sink: bool) -> tuple[tuple[HeadGlance, ...], ...]:
    """What matters most of every head, [layer][head], by the values of `head_values`.

    The sink is what lies on the first token before it is left out.
    """

    def one(layer: int, head: int) -> HeadGlance:
        whole = head_values(found, layer, head, by_norm=by_norm, no_sink=False)
        return replace(glance(hide_sink(whole) if no_sink else whole), sink=whole[0])

    return tuple(tuple(one(layer, head) for head in range(found.n_head)) for layer in range(found.n_layer))
