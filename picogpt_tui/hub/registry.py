"""The published GPT-2 sizes, as data.

Source: https://github.com/openai/gpt-2 and the sizes of the files on the Hugging Face hub.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A size that OpenAI published."""

    name: str
    alias: str
    """Its name on the Hugging Face hub, in the organisation openai-community."""
    n_params: int
    size_bytes: int
    """Of the float32 weights."""
    licence: str = "MIT (modified)"


PUBLISHED = (
    PublishedModel("124M", "gpt2", 124_439_808, 497_759_232),
    PublishedModel("355M", "gpt2-medium", 354_823_168, 1_419_292_672),
    PublishedModel("774M", "gpt2-large", 774_030_080, 3_096_120_320),
    PublishedModel("1558M", "gpt2-xl", 1_557_611_200, 6_230_444_800),
)
BUNDLED = ("stories",)
DEFAULT = "stories"
"""The model that is used where none is named."""


def published(name: str) -> PublishedModel | None:
    """The published size of that name or alias, in any case, or None."""
    wanted = name.lower()
    return next((model for model in PUBLISHED if wanted in (model.name.lower(), model.alias)), None)
