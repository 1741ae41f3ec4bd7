"""llama.cpp's own sampling chain, called without a model through the C interface that llama-cpp-python wraps.

Imported when called, as `peers` are: the golden numbers were made with it, and where it is installed the tests also
compare live.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.settings import SamplingSettings

PENALTY_LAST_N, MIN_KEEP = 64, 0
"""The defaults of `common_params_sampling` in llama.cpp's common/common.h."""


def _samplers(lib: Any, settings: SamplingSettings, n_vocab: int) -> list[Any]:
    """The default chain of common/common.h, `samplers`, without those that no setting here turns on."""
    s = settings
    return [
        lib.llama_sampler_init_penalties(n_vocab, PENALTY_LAST_N, s.repetition_penalty, 0.0, 0.0),
        lib.llama_sampler_init_top_k(s.top_k),
        lib.llama_sampler_init_typical(s.typical_p, MIN_KEEP),
        lib.llama_sampler_init_top_p(s.top_p, MIN_KEEP),
        lib.llama_sampler_init_min_p(s.min_p, MIN_KEEP),
        lib.llama_sampler_init_temp_ext(s.temperature, 0.0, 1.0),
        lib.llama_sampler_init_dist(0),
    ]


def llama_cpp_probs(logits: FloatArray, settings: SamplingSettings, ids: Sequence[int]) -> tuple[list[int], FloatArray]:
    """The ids that llama.cpp's default chain keeps, and the probabilities it draws with, [n_vocab]."""
    lib = import_module("llama_cpp.llama_cpp")
    tokens = (lib.llama_token_data * logits.size)(*((id, z, 0.0) for id, z in enumerate(logits.tolist())))
    array = lib.llama_token_data_array(tokens, logits.size, -1, False)
    for sampler in _samplers(lib, settings, logits.size):
        for id in ids:
            lib.llama_sampler_accept(sampler, id)
        lib.llama_sampler_apply(sampler, ctypes.byref(array))
        lib.llama_sampler_free(sampler)
    left = [array.data[index] for index in range(array.size)]
    probs = np.zeros_like(logits)
    for token in left:
        probs[token.id] = token.p
    return sorted(token.id for token in left if token.logit > -np.inf), probs
