"""What NumPy's BLAS needs to be told."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def warm_up() -> None:
    """Multiply once by a tall matrix, a millisecond's work, for the sake of prompts of 33 to 96 tokens.

    Products of so few rows take half as long again in a process that has never seen a taller one, all its life
    (OpenBLAS 0.3.31 on Zen: 64 tokens of 124M in 0.28 s, and in 0.19 s after this). The likely reason is the buffer
    into which it packs: what lies ahead of the packed rows is fetched in advance, and memory that nobody has ever
    written to cannot be. The height is what counts.
    """
    np.matmul(np.zeros((1024, 512), dtype=np.float32), np.zeros((512, 64), dtype=np.float32))
