"""A model that is looked into, or changed, as it reads: what `reader` and `generate` want of one, with a tap in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.taps import Tap
from picogpt_tui.gpt2.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class TappedModel:
    """A `gpt2.generate.Model` all of whose passes go by one tap.

    Where the tap changes what it sees, the keys and values behind it are others too: give it a cache of its own.
    """

    model: LanguageModel
    tap: Tap

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self.model.config

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's vocabulary."""
        return self.model.tokenizer

    @property
    def worth_guessing(self) -> int:
        """As of the model."""
        return self.model.worth_guessing

    def forward(self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False) -> FloatArray:
        """Run new ids behind those in the cache; see `model.forward`."""
        return self.model.forward(ids, cache, all_logits=all_logits, tap=self.tap)
