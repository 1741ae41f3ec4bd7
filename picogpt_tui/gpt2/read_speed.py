"""How fast this machine reads weights: what limits every token."""

from __future__ import annotations

import time
from functools import cache
from statistics import median

import numpy as np

_MATRIX = (16384, 1024)  # 64 MB, more than caches hold
_REPEATS = 7


@cache
def weights_per_second() -> float:
    """How many float32 weights a second one token can be multiplied with; measured once, in a few hundredths."""
    matrix, x = np.ones(_MATRIX, dtype=np.float32), np.ones(_MATRIX[1], dtype=np.float32)
    y, seconds = np.empty(_MATRIX[0], dtype=np.float32), []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        np.dot(matrix, x, out=y)
        seconds.append(time.perf_counter() - began)
    return matrix.size / median(seconds)
