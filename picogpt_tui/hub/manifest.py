"""What a downloaded model consists of: `manifest.json` in its folder.

It is written before the first byte comes, as `manifest.json.part`, and gets its name when every file is there and
checked: a folder whose manifest is a part is not ready, whatever happened. So a download that was killed knows what it
was about, down to the commit, and goes on without asking anyone.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from picogpt_tui.errors import FileError, ModelError
from picogpt_tui.hub.registry import SOURCES
from picogpt_tui.paths import write_whole

MANIFEST = "manifest.json"
UNFINISHED = f"{MANIFEST}.part"
_FORMAT = 1
_DIGESTS = ("sha256", "git-sha1", "md5")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model."""

    name: str
    size_bytes: int | None
    """None where the server does not say."""
    digest: str = ""
    """`sha256:...`, `git-sha1:...` or `md5:...`, hex; "" where the server publishes none and it is not here yet."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a model, from one source."""

    name: str
    """As the user calls it: `124M`, `owner/name@revision`."""
    source: str
    repo: str
    """`owner/name` on the hub, or the size in OpenAI's container."""
    revision: str
    """What was asked for: `main`, a branch, a tag, a commit; "" where the source has none."""
    commit: str
    """What it was then: 40 hex digits; "" where the source has none."""
    licence: str
    host: str
    files: tuple[ModelFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files whose size is known."""
        return sum(file.size_bytes or 0 for file in self.files)

    def file(self, name: str) -> ModelFile:
        """The file of this name."""
        return next(file for file in self.files if file.name == name)

    def with_file(self, file: ModelFile) -> Manifest:
        """The same with what is known now of one file."""
        return replace(self, files=tuple(file if file.name == one.name else one for one in self.files))


def read_manifest(path: Path) -> Manifest | None:
    """The manifest in this file, or None where there is none.

    Raises:
        ModelError: it is there and damaged.
        FileError: it cannot be read.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return _from_fields(fields)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError("read", path, error) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged; download the model again, what is there is kept.", path) from error


def write_unfinished(directory: Path, manifest: Manifest) -> None:
    """Say what a folder is to become; from now on it is not ready.

    Raises:
        FileError: it cannot be written.
    """
    write_whole(directory / UNFINISHED, json.dumps(asdict(manifest) | {"format": _FORMAT}, indent=2) + "\n")
    try:
        (directory / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise FileError("remove", directory / MANIFEST, error) from error


def finish(directory: Path, manifest: Manifest) -> None:
    """Every file is there and checked: the folder is a model now.

    Raises:
        FileError: the manifest cannot be written.
    """
    write_unfinished(directory, manifest)
    try:
        os.replace(directory / UNFINISHED, directory / MANIFEST)
    except OSError as error:
        raise FileError("write", directory / MANIFEST, error) from error


def _from_fields(fields: Any) -> Manifest:
    files = tuple(_file(**file) for file in fields["files"])
    texts = {name: fields[name] for name in ("name", "source", "repo", "revision", "commit", "licence", "host")}
    is_sound = all(isinstance(text, str) for text in texts.values()) and files and fields["format"] == _FORMAT
    if not is_sound or texts["source"] not in SOURCES:
        raise ValueError("a field has another type or an unknown value")
    return Manifest(**texts, files=files)


def _file(*, name: str, size_bytes: int | None, digest: str) -> ModelFile:
    # subtle: the name becomes a path, and a damaged or hostile one must not leave the folder
    if not name or name in (".", "..") or set(name) & set("/\\:\0"):
        raise ValueError(f"{name!r} is no plain file name")
    if not (size_bytes is None or (isinstance(size_bytes, int) and size_bytes >= 0)):
        raise ValueError(f"{size_bytes!r} is no size")
    if digest and digest.partition(":")[0] not in _DIGESTS:
        raise ValueError(f"{digest!r} is no digest")
    return ModelFile(name, size_bytes, digest)
