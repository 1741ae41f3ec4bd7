"""Arrays that are written over and over, made once: fresh memory costs a page fault every 4096 bytes."""

from __future__ import annotations

import math

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray


class Scratch:
    """Named arrays, each as large as the largest that was asked for under its name."""

    def __init__(self) -> None:
        self._memory: dict[str, FloatArray] = {}
        self._arrays: dict[str, FloatArray] = {}

    def array(self, name: str, *shape: int) -> FloatArray:
        """An array of this shape; it holds whatever was written to the last one of its name, whose memory it is."""
        last = self._arrays.get(name)
        if last is not None and last.shape == shape:
            return last
        size, memory = math.prod(shape), self._memory.get(name)
        if memory is None or memory.size < size:
            memory = self._memory[name] = np.empty(size, dtype=np.float32)
        array = self._arrays[name] = memory[:size].reshape(shape)
        return array
