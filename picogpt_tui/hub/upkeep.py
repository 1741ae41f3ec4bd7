"""What can be done to a model that is here: verify every byte, repair, remove."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from picogpt_tui import paths
from picogpt_tui.errors import FileError, ModelError, ModelNotFound, ModelNotHere
from picogpt_tui.events import Progress
from picogpt_tui.hub import hf_cache
from picogpt_tui.hub.added import forget, read_added
from picogpt_tui.hub.digests import kind_of, new_hasher
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import ModelFile, write_unfinished
from picogpt_tui.hub.store import size_on_disk, stored_model
from picogpt_tui.hub.stored import ADDED, BUNDLED_MODEL, SHARED, StoredModel, how_to_get, rest_bytes
from picogpt_tui.hub.targets import is_fetchable, target
from picogpt_tui.visible import one_line

_REMOVED = ".removed-"
_TELL_BYTES = 16 << 20
CheckModel = Callable[[Path], Iterator[Progress]]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at every byte found."""

    name: str
    path: Path
    damaged: tuple[tuple[str, str], ...]
    """(file, what is wrong with it); "" as file where it is the model as a whole."""
    is_recorded: bool
    """Whether there were digests to compare with; otherwise only the structure was looked at."""
    can_repair: bool
    """Whether a download can put it right: not where every byte is as it came, and the model is wrong all the same."""


def verify(name: str, check_model: CheckModel) -> Iterator[Progress | Verified]:
    """Compare a model with its manifest, byte by byte, then look into it: yields Progress, and the result last.

    Args:
        name: any model that is here.
        check_model: as in `download.Checks`.

    Raises:
        ModelNotFound: it is not here.
        FileError: a file cannot be read.
    """
    model = stored_model(name)
    if model.path is None or model.partial_bytes is not None:
        raise ModelNotHere(how_to_get(model), model.download_name, rest_bytes(model) or None)
    files = _expected(model)
    total = sum(file.size_bytes or 0 for file in files)
    damaged: list[tuple[str, str]] = []
    done = 0
    for file in files:
        for step in _faults(model.path / file.name, file):
            if isinstance(step, str):
                damaged.append((file.name, step))
            else:
                yield Progress("checking", done + step, total, file.name)
        done += file.size_bytes or 0
    if not damaged:
        try:
            yield from check_model(model.path)
        except ModelError as error:
            damaged.append(("", str(error)))
    can_repair = _can_repair(model) and all(file for file, _ in damaged)
    yield Verified(model.name, model.path, tuple(damaged), is_recorded=bool(files), can_repair=can_repair)


def prepare_repair(found: Verified) -> None:
    """Take away the damaged files; the folder is a download that has begun from now on, and a download ends it.

    Raises:
        ModelError: it did not come by a download of ours.
        Busy, FileError: the folder cannot be changed.
    """
    model = stored_model(found.name)
    if model.manifest is None or not found.can_repair or not found.damaged:
        raise ModelError(f"{one_line(found.name)} cannot be repaired by a download; replace its files.", found.path)
    with only_one(found.path, found.name):
        write_unfinished(found.path, model.manifest)
        for file, _ in found.damaged:
            try:
                (found.path / file).unlink(missing_ok=True)
            except OSError as error:
                raise FileError("remove", found.path / file, error) from error


def _can_repair(model: StoredModel) -> bool:
    """Whether a download would come into the folder that it lies in: it may have been moved, or copied."""
    name = model.download_name
    return model.manifest is not None and is_fetchable(name) and target(name).directory == model.path


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal did."""

    name: str
    path: Path | None
    freed_bytes: int
    """0 where only the list was changed."""


def check_removable(name: str) -> StoredModel:
    """The model of this name, if it may be removed: a folder of ours, or an entry of the list.

    Raises:
        ModelError: it is bundled, or belongs to the Hugging Face cache.
        ModelNotFound: there is nothing to remove.
    """
    model = stored_model(name)
    shown, added = one_line(model.name), read_added()
    if model.kind == BUNDLED_MODEL:
        raise ModelError(f"{shown} is part of the program and cannot be removed.")
    if model.kind in (ADDED, SHARED) and model.name in added.directories + added.repositories:
        return model
    if model.is_shared:
        raise ModelError(
            f"{shown} lies in the Hugging Face cache ({model.path}), which other programs use too; "
            f"`hf cache rm` removes it there.",
            model.path,
        )
    if model.path is None:
        raise ModelNotFound(f"{shown} is not on this machine; there is nothing to remove.")
    if model.path.parent != paths.models_dir():
        raise ModelError(f"{model.path} is a directory of your own; this program does not delete it.", model.path)
    return model


def remove(name: str) -> Removed:
    """Delete a model's folder, or take what the user added off the list (its files stay).

    Raises:
        ModelError, ModelNotFound: see `check_removable`.
        Busy, FileError: the folder cannot be changed.
    """
    model = check_removable(name)
    if model.kind in (ADDED, SHARED) or model.path is None:
        forget(model.name)
        return Removed(model.name, model.path, 0)
    size = size_on_disk(model.path)
    with only_one(model.path, model.name):
        forget(model.name)
        # subtle: renamed first, so that a removal that is cut short never leaves half a model under its name
        aside = model.path.with_name(f"{_REMOVED}{uuid4().hex}")
        try:
            os.replace(model.path, aside)
            if aside.is_symlink():  # its files are elsewhere, and stay
                aside.unlink()
                size = 0
            else:
                _delete(aside)
        except OSError as error:
            raise FileError("remove", model.path, error) from error
        _delete_leftovers(model.path.parent)
    return Removed(model.name, model.path, size)


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:  # another process that removes sweeps up after this one
        shutil.rmtree(folder, ignore_errors=True)


def _delete_leftovers(models_dir: Path) -> None:
    """Of removals that were cut short; what resists stays for the next one."""
    for folder in models_dir.glob(f"{_REMOVED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _expected(model: StoredModel) -> list[ModelFile]:
    """What is known of a model's files: by its manifest, or by the names of the cache's blobs."""
    assert model.path is not None
    if model.manifest is not None:
        return list(model.manifest.files)
    if not model.is_shared:
        return []
    files = [path for path in sorted(model.path.iterdir()) if path.is_file()]
    known = [(path, hf_cache.digest_of(path)) for path in files]
    return [ModelFile(path.name, path.stat().st_size, digest) for path, digest in known if digest]


def _faults(path: Path, file: ModelFile) -> Iterator[int | str]:
    """What is wrong with a file, as texts; between, as numbers, how many bytes are looked at."""
    try:
        size = path.stat().st_size
        if file.size_bytes is not None and size != file.size_bytes:
            yield f"has {size:,} bytes, expected {file.size_bytes:,}"
        elif file.digest:
            yield from _other_digest(path, file, size)
    except FileNotFoundError:
        yield "is missing"
    except OSError as error:
        raise FileError("read", path, error) from error


def _other_digest(path: Path, file: ModelFile, size: int) -> Iterator[int | str]:
    hasher = new_hasher(kind_of(file.digest), size)
    done = 0
    with open(path, "rb", buffering=0) as data:
        while chunk := data.read(_TELL_BYTES):
            hasher.update(chunk)
            done += len(chunk)
            yield done
    if not file.digest.endswith(f":{hasher.hexdigest()}"):
        yield f"is damaged: its {kind_of(file.digest)} is not the recorded one"
