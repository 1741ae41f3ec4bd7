"""Random models with the toy vocabulary, of odd sizes, for what reads a text."""

from __future__ import annotations

from pathlib import Path

from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.language_model import LanguageModel

from ..gpt2.checkpoints import END_OF_TEXT_ID, TINY, random_params, toy_tokenizer

SMALL = (
    TINY,
    GPT2Config(271, 11, 10, 5, 1, end_of_text=END_OF_TEXT_ID),
    GPT2Config(283, 23, 14, 7, 2, layer_norm_epsilon=0.2, end_of_text=END_OF_TEXT_ID),
)
"""n_vocab, n_ctx, n_embd, n_head, n_layer; the toy vocabulary fits in each."""


def random_model(config: GPT2Config = TINY, seed: int = 1, name: str = "tiny") -> LanguageModel:
    """The weights of `checkpoints.random_tensors`, never on disk."""
    return LanguageModel(name, Path("nowhere"), config, random_params(config, seed), toy_tokenizer())
