"""Keys and values of the tokens already seen, so that each token passes through the model once.

Memory is allocated for a few hundred tokens, and doubled where more come: a whole context of 1558M takes 0.6 GB. It is
written by slices. The cache knows which tokens it holds: a changed text keeps the longest common prefix and computes
only the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.scratch import Scratch

_FIRST = 256


class KVCache:
    """Keys and values of up to n_ctx tokens in every layer.

    Attributes:
        ids: the tokens whose keys and values are held; `len(cache.ids)` is n_past.
        scratch: what the passes that fill this cache write into on their way; one pass at a time does.
    """

    def __init__(self, config: GPT2Config) -> None:
        shape = (config.n_head, min(_FIRST, config.n_ctx), config.d_head)
        self.n_ctx = config.n_ctx
        self.ids: list[int] = []
        self.scratch = Scratch()
        self._keys: list[FloatArray] = [np.empty(shape, dtype=np.float32) for _ in range(config.n_layer)]
        self._values: list[FloatArray] = [np.empty(shape, dtype=np.float32) for _ in range(config.n_layer)]

    @property
    def nbytes(self) -> int:
        """How much memory the keys and values take as yet."""
        return sum(array.nbytes for array in (*self._keys, *self._values))

    def write(self, layer: int, k: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Put new keys and values behind those held, and return all of them.

        Args:
            layer: index of the block.
            k: [n_head, n_seq, d_head], keys of the new tokens.
            v: [n_head, n_seq, d_head], values of the new tokens.

        Returns:
            Views of the layer's keys and values, [n_head, n_past + n_seq, d_head] each.
        """
        n_past = len(self.ids)
        n_kv = n_past + k.shape[1]
        keys, values = self.with_room(layer, k.shape[1])
        keys[:, n_past:n_kv] = k
        values[:, n_past:n_kv] = v
        return keys[:, :n_kv], values[:, :n_kv]

    def with_room(self, layer: int, n_seq: int) -> tuple[FloatArray, FloatArray]:
        """All that a layer has for keys and values, enough for n_seq new tokens: [n_head, n_room, d_head] each."""
        n_kv = len(self.ids) + n_seq
        assert n_kv <= self.n_ctx, f"{n_kv} tokens do not fit a context of {self.n_ctx}"
        if n_kv > self._keys[layer].shape[1]:
            self._keys[layer] = self._grown(self._keys[layer], n_kv)
            self._values[layer] = self._grown(self._values[layer], n_kv)
        return self._keys[layer], self._values[layer]

    def _grown(self, array: FloatArray, n_kv: int) -> FloatArray:
        n_head, n_held, d_head = array.shape
        n_room = min(self.n_ctx, max(n_kv, 2 * n_held))
        grown: FloatArray = np.empty((n_head, n_room, d_head), dtype=np.float32)
        grown[:, :n_held] = array
        return grown

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
