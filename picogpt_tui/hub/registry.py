"""The published GPT-2 sizes, as data.

Sources: https://github.com/openai/gpt-2 (download_model.py), https://huggingface.co/openai-community, and the shapes
of the models, from which the sizes of OpenAI's weights follow: four bytes a parameter.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

HUGGING_FACE, OPENAI = SOURCES = ("huggingface", "openai")
"""Where a published size can be fetched; the first is asked where none is named."""
OPENAI_URL = "https://openaipublic.blob.core.windows.net/gpt-2/models"
"""OpenAI's own container; `PICOGPT_OPENAI_URL` names another that has the same folders."""
HUB_URL = "https://huggingface.co"
"""The Hugging Face hub; `HF_ENDPOINT` names a mirror."""
WEIGHTS = "model.safetensors"
CHECKPOINT = ("model.ckpt.index", "model.ckpt.data-00000-of-00001")
HUGGING_FACE_FILES = ("config.json", "vocab.json", "merges.txt", WEIGHTS)
NEWER_HUGGING_FACE_FILES = ("config.json", "tokenizer.json", WEIGHTS)
"""What newer programs write: the vocabulary in one file."""
OPENAI_FILES = ("hparams.json", "encoder.json", "vocab.bpe", *CHECKPOINT)
_VOCABULARY_BYTES = 1_042_301 + 456_318
_LICENCE_OF_OPENAI = "MIT (modified)"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A size that OpenAI published."""

    name: str
    alias: str
    """Its name on the Hugging Face hub, in the organisation openai-community."""
    n_params: int
    safetensors_bytes: int
    """Of the weights on the Hugging Face hub, about: they hold the attention masks as well. The hub is asked before a
    download."""
    n_layer: int
    n_embd: int
    n_ctx: int = 1024
    licence: str = _LICENCE_OF_OPENAI

    @property
    def repo(self) -> str:
        """Its repository on the Hugging Face hub."""
        return f"openai-community/{self.alias}"

    def download_bytes(self, source: str = HUGGING_FACE) -> int:
        """What a download from there brings, about."""
        weights = 4 * self.n_params if source == OPENAI else self.safetensors_bytes
        return weights + _VOCABULARY_BYTES

    def folder(self, source: str = HUGGING_FACE) -> str:
        """Its folder in the models directory; each source has its own, so that they never mix."""
        return f"{self.name}-openai" if source == OPENAI else self.name

    @property
    def folders(self) -> tuple[str, ...]:
        """Where it may lie in the models directory, the one that is taken first first."""
        return (self.folder(), self.alias, self.repo.replace("/", "--"), self.folder(OPENAI))


PUBLISHED = (
    PublishedModel("124M", "gpt2", 124_439_808, 548_105_171, 12, 768),
    PublishedModel("355M", "gpt2-medium", 354_823_168, 1_520_000_000, 24, 1024),
    PublishedModel("774M", "gpt2-large", 774_030_080, 3_250_000_000, 36, 1280),
    PublishedModel("1558M", "gpt2-xl", 1_557_611_200, 6_430_000_000, 48, 1600),
)
BUNDLED = ("stories",)
BUNDLED_LICENCE = "MIT"
DEFAULT = "stories"
"""The model that is used where none is named."""


def published(name: str) -> PublishedModel | None:
    """The published size of that name, alias or repository, in any case, or None."""
    wanted = name.lower()
    return next((model for model in PUBLISHED if wanted in (model.name.lower(), model.alias, model.repo)), None)


def host_of(source: str) -> str:
    """Whom one would speak to for a model from there, by the variables that name mirrors."""
    variable, usual = ("PICOGPT_OPENAI_URL", OPENAI_URL) if source == OPENAI else ("HF_ENDPOINT", HUB_URL)
    try:
        return urlsplit(os.environ.get(variable) or usual).netloc
    except ValueError:  # an address that is none
        return ""
