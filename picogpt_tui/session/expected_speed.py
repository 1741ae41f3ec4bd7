"""How fast a model would be on this machine, before anyone has loaded it: its weights against the speed of the memory.

Every token reads every weight once, so that speed is what counts; the rest is what NumPy is called for in each layer.
An estimate for a list, good to a quarter: `picogpt-tui bench` measures.
"""

from __future__ import annotations

from importlib.util import find_spec

from picogpt_tui.gpt2.read_speed import weights_per_second
from picogpt_tui.settings import INT8

_SECONDS_A_LAYER = 0.2e-3
_SECONDS_A_TOKEN = 1e-3
_INT8_WITH_NUMBA, _INT8_WITHOUT = 2.5, 0.9
"""How many weights are read in the time of one in float32: measured on two machines, Zen 1 and Zen 5."""


def tokens_per_second(n_params: int, n_layer: int, precision: str) -> float:
    """About how many tokens a second a model of this size would say."""
    rate = weights_per_second()
    if precision == INT8:
        rate *= _INT8_WITH_NUMBA if find_spec("numba") is not None else _INT8_WITHOUT
    return 1 / (n_params / rate + n_layer * _SECONDS_A_LAYER + _SECONDS_A_TOKEN)
