"""Keys and values of the tokens already seen, so that each token passes through the model once.

Memory is allocated for a few hundred tokens, and doubled where more come: a whole context of 1558M takes 0.6 GB. It is
written by slices. The cache knows which tokens it holds: a changed text keeps the longest common prefix and computes
only the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_tails import Tail, Tails
from picogpt_tui.gpt2.scratch import Scratch

_FIRST = 256


class KVCache:
    """Keys and values of up to n_ctx tokens in every layer.

    Attributes:
        ids: the tokens whose keys and values are held; `len(cache.ids)` is n_past.
        scratch: what the passes that fill this cache write into on their way; one pass at a time does.
    """

    def __init__(self, config: GPT2Config, tails: Tails | None = None) -> None:
        """Begin empty.

        Args:
            config: the model's shape.
            tails: where to put aside what is forgotten; None forgets for good.
        """
        shape = (2, config.n_head, min(_FIRST, config.n_ctx), config.d_head)
        self.n_ctx = config.n_ctx
        self.ids: list[int] = []
        self.scratch = Scratch()
        self._tails = tails
        # keys and values of a layer side by side: NumPy asks for large pages from 4 MB on, which are read faster
        self._layers: list[FloatArray] = [np.empty(shape, dtype=np.float32) for _ in range(config.n_layer)]

    @property
    def nbytes(self) -> int:
        """How much memory the keys and values take as yet."""
        return sum(array.nbytes for array in self._layers)

    def write(self, layer: int, new: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Put new keys and values behind those held, and return all of them.

        Args:
            layer: index of the block.
            new: [2, n_head, n_seq, d_head], keys and values of the new tokens.

        Returns:
            Views of the layer's keys and values, [n_head, n_past + n_seq, d_head] each.
        """
        n_past = len(self.ids)
        n_kv = n_past + new.shape[2]
        held = self._with_room(layer, n_kv)
        held[:, :, n_past:n_kv] = new
        keys, values = held[:, :, :n_kv]
        return keys, values

    def held(self, layer: int) -> tuple[FloatArray, FloatArray]:
        """Views of a layer's keys and values, [n_head, n_past, d_head] each."""
        keys, values = self._layers[layer][:, :, : len(self.ids)]
        return keys, values

    def room(self, layer: int, n_seq: int) -> tuple[FloatArray, FloatArray]:
        """All that a layer has for keys and values, enough for n_seq new tokens: [n_head, n_room, d_head] each."""
        keys, values = self._with_room(layer, len(self.ids) + n_seq)
        return keys, values

    def _with_room(self, layer: int, n_kv: int) -> FloatArray:
        held = self._layers[layer]
        assert n_kv <= self.n_ctx, f"{n_kv} tokens do not fit a context of {self.n_ctx}"
        if n_kv > held.shape[2]:
            _, n_head, n_held, d_head = held.shape
            grown: FloatArray = np.empty((2, n_head, min(self.n_ctx, max(n_kv, 2 * n_held)), d_head), dtype=np.float32)
            grown[:, :, :n_held] = held
            held = self._layers[layer] = grown
        return held

    @contextmanager
    def rewound(self, n: int, n_read: int = 1) -> Iterator[None]:
        """Within it the cache holds only its first n tokens; n_read may be read behind them, and are forgotten.

        So somebody can look at tokens in the middle of a text, and all that comes behind is there again, as it was.
        """
        ids = list(self.ids)
        assert n < len(ids), f"there are {len(ids)} tokens, and none behind the first {n}"
        read = slice(n, min(n + n_read, len(ids)))
        kept = [array[:, :, read].copy() for array in self._layers]
        self.truncate(n)
        try:
            yield
        finally:
            assert len(self.ids) <= n + n_read, f"more than {n_read} tokens were read"
            for array, was in zip(self._layers, kept, strict=True):
                array[:, :, read] = was
            self.ids[:] = ids

    def truncate(self, n: int) -> None:
        """Forget all but the first n tokens."""
        del self.ids[n:]

    def keep_common_prefix(self, ids: Sequence[int], at_most: int) -> int:
        """Truncate to the longest prefix shared with `ids`, but no longer than `at_most`; return its length."""
        n = min(len(self.ids), at_most)
        if self.ids[:n] != list(ids[:n]):
            n = next(i for i, (ours, theirs) in enumerate(zip(self.ids, ids, strict=False)) if ours != theirs)
        self.truncate(n)
        return n

    def change_to(self, ids: Sequence[int], at_most: int) -> int:
        """The same for another text: what is forgotten is put aside, and what was put aside of `ids` comes back."""
        before = list(self.ids)
        n = self.keep_common_prefix(ids, at_most)
        if self._tails is None:
            return n
        stop, found = self._tails.longest(ids, n, at_most)
        if n < min(len(before), at_most) or (n == at_most and n + 1 < len(before)):
            self._tails.keep(Tail(before, n, [array[:, :, n : len(before)].copy() for array in self._layers]))
        for layer, values in enumerate(found):
            self._with_room(layer, stop)[:, :, n:stop] = values
        self.ids.extend(ids[n:stop])
        return stop
