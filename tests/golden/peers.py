"""The trusted implementations, called the way the tests need them: transformers on torch, and tokenizers.

None is needed to run the suite: golden numbers were made with them, and where they are installed the tests also compare
live. They are imported when called, as modules without types, so that the checks say the same with and without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.settings import SamplingSettings


def transformers_model(config: GPT2Config, tensors: Mapping[str, FloatArray]) -> Any:
    """A GPT2LMHeadModel of transformers in float32 with these weights, its attention in plain torch operations."""
    torch, transformers = import_module("torch"), import_module("transformers")
    torch.set_num_threads(1)
    theirs = transformers.GPT2Config(
        vocab_size=config.n_vocab,
        n_positions=config.n_ctx,
        n_embd=config.n_embd,
        n_head=config.n_head,
        n_layer=config.n_layer,
        layer_norm_epsilon=config.layer_norm_epsilon,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
    )
    model = transformers.GPT2LMHeadModel(theirs).eval()
    state = {f"transformer.{name}": torch.from_numpy(np.array(values)) for name, values in tensors.items()}
    missing = model.load_state_dict(state, strict=False)
    assert set(missing.missing_keys) <= {"lm_head.weight"}, missing
    assert not missing.unexpected_keys, missing
    return model


def transformers_logits(model: Any, ids: Sequence[int]) -> FloatArray:
    """Logits of every position, [n_seq, n_vocab]."""
    torch = import_module("torch")
    with torch.no_grad():
        logits: FloatArray = model(torch.tensor([list(ids)])).logits[0].numpy()
    return logits


def transformers_chain(logits: FloatArray, settings: SamplingSettings, ids: Sequence[int]) -> FloatArray:
    """The logits after transformers' processors in the order its `generate` puts them; -inf where cut.

    Greedy (temperature 0) is no processor there and may not be asked for.
    """
    torch = import_module("torch")
    module = import_module("transformers.generation.logits_process")
    s, stages = settings, []
    if s.repetition_penalty != 1 and ids:
        stages.append(module.RepetitionPenaltyLogitsProcessor(s.repetition_penalty))
    if s.temperature != 1:
        stages.append(module.TemperatureLogitsWarper(float(s.temperature)))
    if s.top_k:
        stages.append(module.TopKLogitsWarper(s.top_k))
    if s.top_p < 1:
        stages.append(module.TopPLogitsWarper(float(s.top_p)))
    if s.min_p:
        stages.append(module.MinPLogitsWarper(float(s.min_p)))
    if s.typical_p < 1:
        stages.append(module.TypicalLogitsWarper(float(s.typical_p)))
    z, context = torch.from_numpy(np.array(logits))[None], torch.tensor([list(ids)], dtype=torch.long)
    for stage in stages:
        z = stage(context, z)
    shaped: FloatArray = z[0].numpy()
    return shaped


def transformers_probs(shaped: FloatArray) -> FloatArray:
    """Softmax by torch."""
    probs: FloatArray = import_module("torch").from_numpy(shaped).softmax(-1).numpy()
    return probs


def peer_tokenizer(vocab: Path, merges: Path) -> Any:
    """The `tokenizers` library's byte-level BPE with these files; no special tokens, no prefix space."""
    return import_module("tokenizers").ByteLevelBPETokenizer(str(vocab), str(merges), add_prefix_space=False)
