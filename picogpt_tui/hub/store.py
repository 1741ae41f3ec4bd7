"""Which models there are and where: bundled, downloaded, put here by hand, added, or in the Hugging Face cache.

A model's name is a bundled name (`stories`), a published size or alias (`124M`, `gpt2`), a Hugging Face id
(`owner/name`, kept as the folder `owner--name`), or a path to a directory. Nothing here reads a weight or the network.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.errors import FileError, ModelError, ModelNotFound, ModelNotHere
from picogpt_tui.hub import hf_cache
from picogpt_tui.hub.added import read_added
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED, Manifest, read_manifest
from picogpt_tui.hub.registry import BUNDLED, CHECKPOINT, PUBLISHED, PublishedModel, published
from picogpt_tui.hub.targets import folder_of, hub_id, name_of
from picogpt_tui.visible import one_line

BUNDLED_MODEL, PUBLISHED_SIZE, FOLDER, SHARED, ADDED = "bundled", "published", "local", "shared", "added"
_NEEDED = (
    ("config.json", "hparams.json"),
    ("model.safetensors", CHECKPOINT[1]),
    ("vocab.json", "encoder.json"),
    ("merges.txt", "vocab.bpe"),
)
_HUB = "huggingface.co"


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

    @property
    def is_here(self) -> bool:
        """Whether it can be loaded now."""
        return self.path is not None and not self.missing and self.partial_bytes is None

    @property
    def can_download(self) -> bool:
        """Whether a download could bring it, or what it lacks."""
        is_fetched = self.manifest is not None or published(self.name) or (self.kind == ADDED and hub_id(self.name))
        return not self.is_here and bool(is_fetched)


def list_models() -> list[StoredModel]:
    """Bundled models, the published sizes in order, then folders, the Hugging Face cache and what was added."""
    listed = [_stored(name, BUNDLED_MODEL, paths.bundled_dir() / name) for name in BUNDLED]
    listed += [_published(model) for model in PUBLISHED]
    taken = {model.path for model in listed} | {paths.models_dir() / model.folder() for model in PUBLISHED}
    listed += [_stored(name_of(folder.name), FOLDER, folder) for folder in _folders() if folder not in taken]
    names = {model.name for model in listed}
    for repo, snapshot in hf_cache.snapshots():
        if repo not in names and not published(repo) and _is_gpt2(snapshot):
            listed.append(_shared(repo, snapshot))
    added = read_added()
    listed += [_stored(name, ADDED, Path(name)) for name in added.directories]
    names = {model.name for model in listed}
    listed += [_wanted(name) for name in added.repositories if name not in names]
    return listed


def stored_model(name: str) -> StoredModel:
    """The model of this name, whether it is here or not.

    Raises:
        ModelNotFound: there is none.
    """
    if name in BUNDLED:
        return _stored(name, BUNDLED_MODEL, paths.bundled_dir() / name)
    if model := published(name):
        return _published(model)
    if folder := _local_folder(name):
        return _stored(name, FOLDER, folder)
    repo_and_revision = hub_id(name)
    if repo_and_revision and (snapshot := hf_cache.snapshot(*repo_and_revision)) and _is_gpt2(snapshot):
        return _shared(name, snapshot)
    if directory := _directory(name):
        kind = ADDED if str(directory) in read_added().directories else FOLDER
        return _stored(str(directory), kind, directory)
    if repo_and_revision:
        return _wanted(name)
    known = ", ".join([*BUNDLED, *(model.name for model in PUBLISHED)])
    raise ModelNotFound(f"There is no model {one_line(name)!r}; name one of {known}, an owner/name, or a directory.")


def find_model(name: str) -> Path:
    """The directory of the model with this name.

    A directory is taken as it is, whatever it holds: who loads it says what it lacks.

    Raises:
        ModelNotHere: it can be downloaded; the message says how.
        ModelNotFound: there is nothing of that name.
    """
    model = stored_model(name)
    if model.path is not None and model.partial_bytes is None and (model.is_here or not model.can_download):
        return model.path
    raise ModelNotHere(how_to_get(model), model.name, rest_bytes(model) if model.size_bytes else None)


def rest_bytes(model: StoredModel) -> int:
    """What a download would bring, about."""
    return max(0, model.size_bytes - (model.partial_bytes or 0))


def how_to_get(model: StoredModel) -> str:
    """One sentence that says how a model comes onto this machine."""
    name, command = one_line(model.name), f"`picogpt-tui models download {one_line(model.name)}`"
    if model.missing and model.partial_bytes is None and model.path is not None:
        return f"{name} has lost or damaged {' and '.join(model.missing)}; {command} fetches it again."
    if model.partial_bytes is not None:
        percent = 100 * model.partial_bytes // max(1, model.size_bytes)
        return f"{name} is not all here yet ({percent} %); {command} goes on with it."
    size = f" ({model.size_bytes / 1e9:.2f} GB)" if model.size_bytes else ""
    return f"{name} is not on this machine; {command} fetches it{size}."


def canonical_name(name: str) -> str:
    """The one name of a model that has several: a published size for its alias, a full path for a relative one."""
    try:
        return stored_model(name).name
    except ModelNotFound:
        return name


def size_on_disk(path: Path) -> int:
    """Of the files in a folder; 0 where there is none, or one that may not be read."""
    try:
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    except OSError:
        return 0


def _local_folder(name: str) -> Path | None:
    """The folder in the models directory that holds the model of this name, or None."""
    folder = paths.models_dir() / folder_of(name)
    return folder if name and name[0] != "." and ".." not in name and os.path.isdir(folder) else None


def _directory(name: str) -> Path | None:
    """The directory that this path leads to, or None."""
    # subtle: os.path answers False where pathlib raises, for a name too long or a home of nobody
    try:
        path = os.path.expanduser(name)
    except ValueError:  # `~` and a character that no user's name can hold
        return None
    return Path(path).resolve() if name and os.path.isdir(path) else None


def _published(model: PublishedModel) -> StoredModel:
    """The best of the places where it may lie: whole before begun, our own before the cache."""
    places = [paths.models_dir() / folder for folder in model.folders]
    found = [_stored(model.name, PUBLISHED_SIZE, place) for place in places if place.is_dir()]
    for repo in (model.repo, model.alias):
        if (snapshot := hf_cache.snapshot(repo, "main")) and _is_gpt2(snapshot):
            found.append(replace(_shared(model.name, snapshot), kind=PUBLISHED_SIZE))
    best = next((one for one in found if one.is_here), None) or next((one for one in found if one.manifest), None)
    if best is not None:
        return replace(best, n_params=model.n_params, licence=model.licence)
    size_bytes = model.download_bytes()
    return StoredModel(model.name, PUBLISHED_SIZE, None, model.n_params, size_bytes, licence=model.licence, host=_HUB)


def _stored(name: str, kind: str, path: Path) -> StoredModel:
    """What a folder holds."""
    missing = tuple(names[0] for names in _NEEDED if not any(os.path.isfile(path / one) for one in names))
    size_bytes, partial_bytes = size_on_disk(path), None
    manifest = _manifest(path)
    if os.path.isfile(path / UNFINISHED):
        missing, partial_bytes = (), size_bytes
        if manifest is not None:
            here = (max(_size(path / file.name), _size(path / f"{file.name}.part")) for file in manifest.files)
            size_bytes, partial_bytes = manifest.size_bytes, sum(here)
    elif manifest is not None:
        missing = tuple(file.name for file in manifest.files if _size(path / file.name) != file.size_bytes)
    licence, host = (manifest.licence, manifest.host) if manifest else ("", "")
    return StoredModel(
        name, kind, path, _n_params(path), size_bytes, missing, partial_bytes, False, licence, host, manifest
    )


def _manifest(path: Path) -> Manifest | None:
    for name in (UNFINISHED, MANIFEST):
        try:
            if (manifest := read_manifest(path / name)) is not None:
                return manifest
        except (ModelError, FileError):  # a download puts it right
            continue
    return None


def _shared(name: str, snapshot: Path) -> StoredModel:
    return replace(_stored(name, SHARED, snapshot), is_shared=True, host=_HUB)


def _wanted(name: str) -> StoredModel:
    """A repository of which nothing is here."""
    return StoredModel(name, ADDED, None, None, 0, host=_HUB)


def _is_gpt2(snapshot: Path) -> bool:
    """Whether a folder of the cache can be loaded: it may be any model, and files of it may be missing."""
    if any(not any(os.path.isfile(snapshot / one) for one in names) for names in _NEEDED):
        return False
    try:
        return bool(json.loads((snapshot / "config.json").read_text(encoding="utf-8"))["model_type"] == "gpt2")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _folders() -> list[Path]:
    try:
        return sorted(folder for folder in paths.models_dir().iterdir() if folder.is_dir() and folder.name[0] != ".")
    except OSError:  # no models directory yet, or one that may not be read: there are no local models then
        return []


def _n_params(path: Path) -> int | None:
    """The parameters that the config promises, or None where it cannot be read."""
    for config in ("config.json", "hparams.json"):
        try:
            fields = json.loads((path / config).read_text(encoding="utf-8"))
            n_vocab = int(fields.get("vocab_size") or fields["n_vocab"])
            n_ctx = int(fields.get("n_positions") or fields["n_ctx"])
            n_embd, n_layer = int(fields["n_embd"]), int(fields["n_layer"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
        per_block = 12 * n_embd**2 + 13 * n_embd
        return (n_vocab + n_ctx) * n_embd + n_layer * per_block + 2 * n_embd
    return None
