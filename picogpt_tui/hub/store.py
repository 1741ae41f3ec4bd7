"""What is installed: bundled models, folders in the models directory, and paths a user names.

A model's name is a bundled name (`stories`), a published size or alias (`124M`, `gpt2`), a Hugging Face id
(`owner/name`, kept as the folder `owner--name`), or a path to a directory. Nothing here reads a weight or the network.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.errors import ModelNotFound
from picogpt_tui.hub.registry import BUNDLED, PUBLISHED, PublishedModel, published
from picogpt_tui.visible import one_line

_NEEDED = (
    ("config.json", "hparams.json"),
    ("model.safetensors",),
    ("vocab.json", "encoder.json"),
    ("merges.txt", "vocab.bpe"),
)
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w./-]+)?\Z")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model one can name, here or not."""

    name: str
    kind: str
    """`bundled`, `published`, or `local` (a folder in the models directory)."""
    path: Path | None
    """Its directory, or None when it is not here."""
    n_params: int | None
    """None where only loading would tell."""
    size_bytes: int
    """On disk; of what would be fetched, when it is not here."""
    missing: tuple[str, ...] = ()
    """Files that a folder lacks to be a model."""

    @property
    def is_here(self) -> bool:
        """Whether it can be loaded now."""
        return self.path is not None and not self.missing


def list_models() -> list[StoredModel]:
    """Bundled models, the published sizes in order, then local folders by name."""
    bundled = [_stored(name, "bundled", paths.bundled_dir() / name) for name in BUNDLED]
    sizes = [_published(model) for model in PUBLISHED]
    taken = {model.path for model in sizes}
    local = [_stored(_name_of(folder), "local", folder) for folder in _folders() if folder not in taken]
    return bundled + sizes + local


def find_model(name: str) -> Path:
    """The directory of the model with this name.

    Raises:
        ModelNotFound: nothing of that name is here; the message says how to get it.
    """
    if name in BUNDLED:
        return paths.bundled_dir() / name
    if model := published(name):
        if path := _published(model).path:
            return path
        raise ModelNotFound(how_to_get(model))
    if directory := _local_folder(name) or _directory(name):
        return directory
    shown = one_line(name)
    if _HUB_ID.match(name) and not name.startswith("."):
        where = paths.models_dir() / name.replace("/", "--")
        raise ModelNotFound(f"{shown} is not on this machine; put its {_file_names()} into {where}.")
    known = ", ".join([*BUNDLED, *(model.name for model in PUBLISHED)])
    raise ModelNotFound(f"There is no model {shown!r}; name one of {known}, an owner/name, or a directory.")


def how_to_get(model: PublishedModel) -> str:
    """One sentence that says how a published size comes onto this machine."""
    where = paths.models_dir() / model.name
    return (
        f"{model.name} is not on this machine; put {_file_names()} of openai-community/{model.alias} "
        f"({model.size_bytes / 1e9:.1f} GB) into {where}."
    )


def canonical_name(name: str) -> str:
    """The one name of a model that has several: a published size for its alias, a full path for a relative one."""
    if name in BUNDLED:
        return name
    if model := published(name):
        return model.name
    return name if _local_folder(name) else str(_directory(name) or name)


def _local_folder(name: str) -> Path | None:
    """The folder in the models directory that holds the model of this name, or None."""
    folder = paths.models_dir() / name.replace("/", "--")
    return folder if name and name[0] != "." and ".." not in name and os.path.isdir(folder) else None


def _directory(name: str) -> Path | None:
    """The directory that this path leads to, or None."""
    # subtle: os.path answers False where pathlib raises, for a name too long or a home of nobody
    try:
        path = os.path.expanduser(name)
    except ValueError:  # `~` and a character that no user's name can hold
        return None
    return Path(path).resolve() if name and os.path.isdir(path) else None


def _file_names() -> str:
    return "config.json, model.safetensors, vocab.json and merges.txt"


def _published(model: PublishedModel) -> StoredModel:
    for name in (model.name, model.alias, f"openai-community--{model.alias}"):
        stored = _stored(model.name, "published", paths.models_dir() / name)
        if stored.is_here:
            return StoredModel(model.name, "published", stored.path, model.n_params, stored.size_bytes)
    return StoredModel(model.name, "published", None, model.n_params, model.size_bytes)


def _stored(name: str, kind: str, path: Path) -> StoredModel:
    missing = tuple(names[0] for names in _NEEDED if not any(os.path.isfile(path / one) for one in names))
    return StoredModel(name, kind, path, _n_params(path), _size_bytes(path), missing)


def _size_bytes(path: Path) -> int:
    """Of the files in a folder; 0 where there is none, or one that may not be read."""
    try:
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    except OSError:
        return 0


def _folders() -> list[Path]:
    try:
        return sorted(folder for folder in paths.models_dir().iterdir() if folder.is_dir() and folder.name[0] != ".")
    except OSError:  # no models directory yet, or one that may not be read: there are no local models then
        return []


def _name_of(folder: Path) -> str:
    return folder.name.replace("--", "/", 1)


def _n_params(path: Path) -> int | None:
    """The parameters that the config promises, or None where it cannot be read."""
    try:
        fields = json.loads((path / "config.json").read_text(encoding="utf-8"))
        n_vocab, n_ctx = int(fields["vocab_size"]), int(fields.get("n_positions") or fields["n_ctx"])
        n_embd, n_layer = int(fields["n_embd"]), int(fields["n_layer"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    per_block = 12 * n_embd**2 + 13 * n_embd
    return (n_vocab + n_ctx) * n_embd + n_layer * per_block + 2 * n_embd
