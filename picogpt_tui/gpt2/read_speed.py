"""How fast this machine reads weights, what limits every token; and what it multiplies them with."""

from __future__ import annotations

import time
from functools import cache
from statistics import median
from typing import Any

import numpy as np

from picogpt_tui.gpt2.threads import in_parts

_MATRIX = (16384, 1024)  # 64 MB, more than caches hold
_REPEATS = 7
_READ_BYTES = 1 << 28


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


def read_bytes_per_second() -> float:
    """How fast all cores together can read memory and do next to nothing with it: the wall that no model passes.

    A wall is what can be reached, so the fastest of several readings counts.
    """
    words, seconds = np.ones(_READ_BYTES // 8, dtype=np.int64), []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        in_parts(lambda start, stop: np.bitwise_or.reduce(words[start:stop]), len(words))
        seconds.append(time.perf_counter() - began)
    return words.nbytes / min(seconds)


def blas() -> str:
    """The name and version of the BLAS that NumPy was built with; "" where it does not say."""
    try:
        config: Any = np.show_config(mode="dicts")
        found = config["Build Dependencies"]["blas"]
        return f"{found['name']} {found['version']}".strip()
    except (TypeError, KeyError):  # a NumPy that was built in another way
        return ""
