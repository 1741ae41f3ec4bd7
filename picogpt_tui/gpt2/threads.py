"""Work in parts, each on a core of its own: NumPy and BLAS let go of the interpreter while they compute.

BLAS brings its own threads for products of matrices; this is for what is around them, which would leave all cores but
one idle: the exponentials of a long prompt, the copying of weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

_MOST = 8  # memory is the limit long before


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@cache
def n_threads() -> int:
    """How many parts work is cut into: a part a core, fewer where `OMP_NUM_THREADS` says so."""
    wished = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    most = int(wished) if wished.isdecimal() and int(wished) > 0 else _MOST
    return min(usable_cores(), most, _MOST)


def in_parts(work: Callable[[int, int], object], n: int, least: int = 1) -> None:
    """Call `work(start, stop)` for parts of range(n) that together are all of it, side by side.

    Args:
        work: must write nowhere that another part's call writes.
        n: how much there is to do.
        least: how much a part has to be to be worth a thread.
    """
    n_parts = max(1, min(n_threads(), n // max(1, least)))
    bounds = [n * part // n_parts for part in range(n_parts + 1)]
    others = [_pool().submit(work, bounds[part], bounds[part + 1]) for part in range(1, n_parts)]
    work(bounds[0], bounds[1])
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, n_threads() - 1), thread_name_prefix="picogpt-part")
