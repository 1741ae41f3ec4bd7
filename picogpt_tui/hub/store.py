"""Which models there are and where: bundled, downloaded, put here by hand, added, or in the Hugging Face cache.

A model's name is a bundled name (`stories`), a published size or alias (`124M`, `gpt2`), a Hugging Face id
(`owner/name`, kept as the folder `owner--name`), or a path to a directory. Nothing here reads a weight or the network.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.errors import FileError, ModelError, ModelNotFound, ModelNotHere
from picogpt_tui.hub import hf_cache
from picogpt_tui.hub.added import directory_of, read_added
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED, Manifest, ModelFile, read_manifest
from picogpt_tui.hub.memory import needed_bytes, read_shape
from picogpt_tui.hub.registry import (
    BUNDLED,
    BUNDLED_LICENCE,
    CHECKPOINT,
    HUGGING_FACE,
    OPENAI,
    PUBLISHED,
    PublishedModel,
    host_of,
    published,
)
from picogpt_tui.hub.stored import (
    ADDED,
    BUNDLED_MODEL,
    FOLDER,
    PUBLISHED_SIZE,
    SHARED,
    StoredModel,
    how_to_get,
    rest_bytes,
)
from picogpt_tui.hub.targets import MAIN, folder_of, hub_id, meant, name_of, openai_size
from picogpt_tui.settings import FLOAT32, INT8
from picogpt_tui.visible import one_line

__all__ = [
    "ADDED",
    "BUNDLED_MODEL",
    "FOLDER",
    "PUBLISHED_SIZE",
    "SHARED",
    "StoredModel",
    "canonical_name",
    "find_model",
    "how_to_get",
    "is_foreign",
    "list_models",
    "rest_bytes",
    "size_on_disk",
    "stored_model",
]

_NEEDED = (
    ("config.json", "hparams.json"),
    ("model.safetensors", CHECKPOINT[0]),
    ("model.safetensors", CHECKPOINT[1]),
    ("vocab.json", "encoder.json", "tokenizer.json"),
    ("merges.txt", "vocab.bpe", "tokenizer.json"),
)


def list_models() -> list[StoredModel]:
    """Bundled models, the published sizes in order, then folders, the Hugging Face cache and what was added."""
    listed = [_bundled(name) for name in BUNDLED] + [_published(model) for model in PUBLISHED]
    taken = {model.path for model in listed} | {paths.models_dir() / model.folder() for model in PUBLISHED}
    listed += [_folder(folder) for folder in _folders() if folder not in taken]
    names = {model.name for model in listed}
    for repo, snapshot in hf_cache.snapshots():
        if repo not in names and not published(repo) and _is_gpt2(snapshot):
            listed.append(_shared(repo, snapshot))
    added = read_added()
    taken = {model.path for model in listed}
    listed += [_stored(name, ADDED, Path(name)) for name in added.directories if Path(name) not in taken]
    names = {model.name for model in listed}
    listed += [_repository(name) for name in added.repositories if name not in names]
    return listed


def stored_model(name: str) -> StoredModel:
    """The model of this name, whether it is here or not.

    Raises:
        ModelNotFound: there is none.
    """
    if name in BUNDLED:
        return _bundled(name)
    if model := published(name):
        return _published(model)
    if folder := _local_folder(name):
        return _folder(folder)
    if size := openai_size(name):
        return _not_here(size, OPENAI)
    repository = _repository(name) if hub_id(name) else None
    if repository and repository.is_here:
        return repository
    directory, added = directory_of(name), read_added().directories
    if directory and str(directory) not in added:
        return _stored(str(directory), FOLDER, directory)
    if directory or name in added:  # the latter: it was there when it was added
        return _stored(str(directory or name), ADDED, directory or Path(name))
    if repository:
        return repository
    known = ", ".join([*BUNDLED, *(model.name for model in PUBLISHED)])
    there_is_none = f"There is no model {one_line(name)!r}{meant(name, (one.name for one in list_models()))}"
    raise ModelNotFound(f"{there_is_none}; name one of {known}, an owner/name, or a directory.")


def find_model(name: str) -> Path:
    """The directory of the model with this name.

    A directory is taken as it is, whatever it holds: who loads it says what it lacks.

    Raises:
        ModelNotHere: it can be downloaded; the message says how.
        ModelNotFound: there is nothing of that name.
    """
    model = stored_model(name)
    if model.path is not None and (model.is_here or not model.can_download):
        return model.path
    raise ModelNotHere(how_to_get(model), model.download_name, rest_bytes(model) if model.size_bytes else None)


def canonical_name(name: str) -> str:
    """The one name of a model that has several: a published size for its alias, a full path for a relative one."""
    try:
        return stored_model(name).name
    except ModelNotFound:
        return name


def is_foreign(directory: Path) -> bool:
    """Whether a model lies where this program writes nothing: in the package, or in the Hugging Face cache."""
    place = directory.resolve()
    return any(place.is_relative_to(one.resolve()) for one in (paths.bundled_dir(), hf_cache.cache_dir()))


def size_on_disk(path: Path) -> int:
    """Of the files in a folder; 0 where there is none, or one that may not be read."""
    try:
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    except (OSError, ValueError):  # the latter: a path that no file can have
        return 0


def _local_folder(name: str) -> Path | None:
    """The folder in the models directory that holds the model of this name, or None."""
    folder = paths.models_dir() / folder_of(name)
    # subtle: on Windows a name with a drive or a backslash is a path of its own
    is_inside = bool(name) and name[0] != "." and ".." not in name and folder.parent == paths.models_dir()
    return folder if is_inside and os.path.isdir(folder) else None


def _published(model: PublishedModel) -> StoredModel:
    """The best of the places where it may lie: whole before begun, our own before the cache."""
    places = [paths.models_dir() / folder for folder in model.folders]
    found = [_stored(model.name, PUBLISHED_SIZE, place) for place in places if _holds_a_model_s_file(place)]
    for repo in (model.repo, model.alias):
        if (snapshot := hf_cache.snapshot(repo, MAIN)) and _is_gpt2(snapshot):
            found.append(replace(_shared(model.name, snapshot), kind=PUBLISHED_SIZE))
    order = sorted(found, key=lambda one: (not one.is_here, one.manifest is None))
    best = order[0] if order else _not_here(model, HUGGING_FACE)
    if best.manifest is None and not (best.is_here or best.partial_bytes):
        best = replace(best, size_bytes=model.download_bytes(), host=best.host or host_of(HUGGING_FACE))
    return replace(best, n_params=model.n_params, licence=model.licence, memory=_memory(model))


def _not_here(model: PublishedModel, source: str) -> StoredModel:
    name = model.name if source == HUGGING_FACE else model.folder(source)
    size, host = model.download_bytes(source), host_of(source)
    return StoredModel(
        name, PUBLISHED_SIZE, None, model.n_params, size, (), None, False, model.licence, host, None, _memory(model)
    )


def _memory(model: PublishedModel) -> dict[str, int]:
    n_params, n_layer, n_ctx, n_embd = model.n_params, model.n_layer, model.n_ctx, model.n_embd
    return {
        one: needed_bytes(n_params=n_params, n_layer=n_layer, n_ctx=n_ctx, n_embd=n_embd, precision=one)
        for one in (FLOAT32, INT8)
    }


def _stored(name: str, kind: str, path: Path) -> StoredModel:
    """What a folder holds."""
    lacks = [names[0] for names in _NEEDED if not any(os.path.isfile(path / one) for one in names)]
    missing = tuple(dict.fromkeys(lacks))
    size_bytes, partial_bytes = size_on_disk(path), None
    manifest, shape = _manifest(path), read_shape(path)
    if os.path.isfile(path / UNFINISHED):
        missing, partial_bytes = (), size_bytes
        if manifest is not None:
            size_bytes, partial_bytes = manifest.size_bytes, sum(_here(path, file) for file in manifest.files)
    elif manifest is not None:
        missing = tuple(file.name for file in manifest.files if _size(path / file.name) != file.size_bytes)
        size_bytes = manifest.size_bytes if missing else size_bytes
    licence, host = (manifest.licence, manifest.host) if manifest else ("", "")
    n_params = shape.n_params if shape else None
    memory = {one: shape.needed_bytes(one) for one in (FLOAT32, INT8)} if shape else {}
    return StoredModel(
        name, kind, path, n_params, size_bytes, missing, partial_bytes, False, licence, host, manifest, memory
    )


def _folder(path: Path) -> StoredModel:
    """A folder of the models directory; its manifest knows a name that the folder's may only resemble."""
    model = _stored(name_of(path.name), FOLDER, path)
    is_its_own = model.manifest is not None and folder_of(model.manifest.name) == path.name
    return replace(model, name=model.manifest.name) if model.manifest and is_its_own else model


def _bundled(name: str) -> StoredModel:
    return replace(_stored(name, BUNDLED_MODEL, paths.bundled_dir() / name), licence=BUNDLED_LICENCE)


def _manifest(path: Path) -> Manifest | None:
    for name in (UNFINISHED, MANIFEST):
        try:
            if (manifest := read_manifest(path / name)) is not None:
                return manifest
        except (ModelError, FileError):  # a download puts it right
            continue
    return None


def _shared(name: str, snapshot: Path) -> StoredModel:
    return replace(_stored(name, SHARED, snapshot), is_shared=True, host=host_of(HUGGING_FACE))


def _repository(name: str) -> StoredModel:
    """A repository that is in the Hugging Face cache, or nowhere."""
    repo_and_revision = hub_id(name)
    if repo_and_revision and (snapshot := hf_cache.snapshot(*repo_and_revision)) and _is_gpt2(snapshot):
        return _shared(name, snapshot)
    return StoredModel(name, ADDED, None, None, 0, host=host_of(HUGGING_FACE))


def _is_gpt2(snapshot: Path) -> bool:
    """Whether a folder of the cache can be loaded: it may be any model, and files of it may be missing."""
    if any(not any(os.path.isfile(snapshot / one) for one in names) for names in _NEEDED):
        return False
    try:
        return bool(json.loads((snapshot / "config.json").read_text(encoding="utf-8"))["model_type"] == "gpt2")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _holds_a_model_s_file(folder: Path) -> bool:
    """An empty folder is what a download leaves that found no room."""
    names = (UNFINISHED, MANIFEST, *(name for names in _NEEDED for name in names))
    return any(os.path.isfile(folder / name) for name in names)


def _here(path: Path, file: ModelFile) -> int:
    """How much there is of a file that is on its way, or in its place."""
    return max(_size(path / file.name), _size(path / f"{file.name}.part"))


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
