"""Where a lens looks into the forward pass, and where surgery changes it: a tap is shown each value as it is made.

    embed       layer -1  [n_seq, n_embd]        token plus position embedding, the residual stream's beginning
    weights     each      [n_head, n_seq, n_kv]  attention weights; rows are queries
    heads       each      [n_seq, n_head, d_head] each head's answer, before c_proj mixes them
    attn        each      [n_seq, n_embd]        what attention adds to the stream, c_proj's bias included
    after_attn  each      [n_seq, n_embd]        the stream behind it
    mlp         each      [n_seq, n_embd]        what the MLP adds to the stream
    after_mlp   each      [n_seq, n_embd]        the stream behind it; of the last layer, what ln_f reads

The idea is that of TransformerLens' hooks (https://github.com/TransformerLensOrg/TransformerLens).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from picogpt_tui.gpt2.arrays import FloatArray

EMBED, WEIGHTS, HEADS, ATTN_OUT, AFTER_ATTN, MLP_OUT, AFTER_MLP = NAMES = (
    "embed",
    "weights",
    "heads",
    "attn",
    "after_attn",
    "mlp",
    "after_mlp",
)
STREAM = (EMBED, AFTER_ATTN, AFTER_MLP)
"""The residual stream, wherever it has grown."""


class Tap(Protocol):
    """Is shown the values whose names it asks for. What it writes into one, the pass goes on with."""

    @property
    def names(self) -> Collection[str]:
        """Some of NAMES."""

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        """Look at a value, or change it.

        Args:
            name: one of NAMES.
            layer: the block's index, -1 for `embed`.
            first: position of the first of the n_seq tokens.
            value: valid only during the call, for its memory is used again.
        """


class Taps:
    """Keeps copies of what passes by.

    Attributes:
        names: what to keep.
        values: by (name, layer), in the order they came.
    """

    def __init__(self, names: Collection[str] = NAMES) -> None:
        self.names = tuple(names)
        self.values: dict[tuple[str, int], FloatArray] = {}

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        """Keep a copy."""
        self.values[name, layer] = value.copy()

    def stream(self) -> list[tuple[str, FloatArray]]:
        """The residual stream by name, from the embedding on: `embed`, `h.0.attn`, `h.0.mlp`, `h.1.attn` ..."""
        return [(row_name(name, layer), value) for (name, layer), value in self.values.items() if name in STREAM]


def row_name(name: str, layer: int) -> str:
    """What a place in the residual stream is called on screen and in JSON."""
    return name if name == EMBED else f"h.{layer}.{name.removeprefix('after_')}"
