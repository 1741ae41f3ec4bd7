"""What is known of one model without reading a weight: the store finds it, this says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from picogpt_tui.hub.manifest import Manifest
from picogpt_tui.hub.registry import published
from picogpt_tui.hub.targets import is_fetchable
from picogpt_tui.quantities import size_text
from picogpt_tui.settings import FLOAT32
from picogpt_tui.visible import one_line

BUNDLED_MODEL, PUBLISHED_SIZE, FOLDER, SHARED, ADDED = "bundled", "published", "local", "shared", "added"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model one can name, here or not."""

    name: str
    kind: str
    """`bundled`, `published`, `local` (a folder in the models directory), `shared` (in the Hugging Face cache) or
    `added` (a directory or a repository that the user added)."""
    path: Path | None
    """Its directory, or None when nothing of it is here."""
    n_params: int | None
    """None where only a download would tell."""
    size_bytes: int
    """On disk; of the whole download, when it is not all here (0 where nobody knows)."""
    missing: tuple[str, ...] = ()
    """Files that a folder lacks to be a model."""
    partial_bytes: int | None = None
    """How much of a download that has begun is here; None where none has."""
    is_shared: bool = False
    """Whether it lies in the Hugging Face cache, which belongs to other programs too."""
    licence: str = ""
    host: str = ""
    """Where it comes from, or would; "" for what is just here."""
    manifest: Manifest | None = None
    memory: Mapping[str, int] = field(default_factory=dict)
    """What it takes to play with it, in bytes, the cache of a full context included, by precision; empty where only a
    download would tell."""

    @property
    def memory_bytes(self) -> int | None:
        """What it takes in float32."""
        return self.memory.get(FLOAT32)

    @property
    def is_here(self) -> bool:
        """Whether it can be loaded now."""
        return self.path is not None and not self.missing and self.partial_bytes is None

    @property
    def can_download(self) -> bool:
        """Whether a download could bring it, or what it lacks."""
        is_ours = bool(published(self.name)) or self.kind == ADDED
        has_come_by_one = self.manifest is not None or self.partial_bytes is not None
        return not self.is_here and (is_ours or has_come_by_one) and is_fetchable(self.name)

    @property
    def download_name(self) -> str:
        """By what a download is asked for that brings it, or what it lacks: what has come from OpenAI goes on so."""
        model = published(self.name)
        return model.folder(self.manifest.source) if model and self.manifest else self.name

    @property
    def percent(self) -> int | None:
        """How much of a download that has begun is here; None where none has, or nobody knows how much it will be."""
        if self.partial_bytes is None or self.manifest is None:
            return None
        return min(99, 100 * self.partial_bytes // max(1, self.size_bytes))

    @property
    def state(self) -> str:
        """Whether it is here, in a few words."""
        if self.path is None:
            return "not here"
        if self.partial_bytes is not None:
            return "partial" if self.percent is None else f"partial {self.percent} %"
        if self.missing:
            return f"incomplete, lacks {', '.join(self.missing)}"
        return "here, bundled" if self.kind == BUNDLED_MODEL else "here, shared" if self.is_shared else "here"


def rest_bytes(model: StoredModel) -> int:
    """What a download would bring, about."""
    if model.manifest is not None and model.missing:  # a file of another length than it should have is fetched anew
        return sum(file.size_bytes or 0 for file in model.manifest.files if file.name in model.missing)
    return max(0, model.size_bytes - (model.partial_bytes or 0))


def how_to_get(model: StoredModel) -> str:
    """One sentence that says how a model comes onto this machine."""
    name, command = one_line(model.name), f"`picogpt-tui models download {one_line(model.download_name)}`"
    if model.missing and model.partial_bytes is None and model.path is not None:
        lacks, again = ("has lost or damaged", " again") if model.manifest else ("lacks", "")
        return f"{name} {lacks} {one_line(' and '.join(model.missing))}; {command} fetches it{again}."
    if model.partial_bytes is not None:
        how_far = "" if model.percent is None else f" ({model.percent} %)"
        return f"{name} is not all here yet{how_far}; {command} goes on with it."
    size = f" ({size_text(model.size_bytes)})" if model.size_bytes else ""
    return f"{name} is not on this machine; {command} fetches it{size}."
