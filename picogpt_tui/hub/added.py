"""What the user added to the list of models: directories that lie elsewhere, and repositories to fetch some day."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.errors import FileError, ModelError, ModelNotFound
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.registry import BUNDLED, published
from picogpt_tui.hub.targets import hub_id
from picogpt_tui.visible import one_line


@dataclass(frozen=True, slots=True)
class Added:
    """The list, in the order in which it grew."""

    directories: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()


def read_added() -> Added:
    """What was added; nothing where the file cannot be read."""
    try:
        return _read()
    except (ModelError, FileError):  # whoever adds to it says what is wrong
        return Added()


def add(name: str) -> str:
    """Put a directory or an `owner/name[@revision]` on the list; returns what it is called from now on.

    Raises:
        ModelNotFound: it is neither.
        ModelError, FileError: the list cannot be read or written.
    """
    directory, is_known = directory_of(name), bool(published(name)) or name in BUNDLED
    if is_known or (directory is None and hub_id(name) is None):
        why = "is listed already" if is_known else "is neither a directory nor an owner/name"
        raise ModelNotFound(f"{one_line(name)!r} {why}; add the path of a model directory, or owner/name[@revision].")
    with only_one(paths.added_file(), "the list of models"):
        added = _read()
        if directory is not None:
            name = str(directory)
            added = replace(added, directories=_with(added.directories, name))
        else:
            added = replace(added, repositories=_with(added.repositories, name))
        _write(added)
    return name


def directory_of(name: str) -> Path | None:
    """The directory that this path leads to, or None."""
    # subtle: os.path answers False where pathlib raises, for a name too long or a home of nobody
    try:
        path = os.path.expanduser(name)
    except ValueError:  # `~` and a character that no user's name can hold
        return None
    return Path(path).resolve() if name and os.path.isdir(path) else None


def forget(name: str) -> bool:
    """Take something off the list; whether it stood there. Nothing but the list is changed.

    Raises:
        ModelError, FileError: the list cannot be read or written.
    """
    added = _read()
    if name not in added.directories + added.repositories:
        return False
    with only_one(paths.added_file(), "the list of models"):
        added = _read()
        _write(Added(_without(added.directories, name), _without(added.repositories, name)))
    return True


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)


def _read() -> Added:
    path = paths.added_file()
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        directories, repositories = tuple(fields["directories"]), tuple(fields["repositories"])
        if not all(isinstance(one, str) and one for one in directories + repositories):
            raise ValueError("a name is no text")
    except FileNotFoundError:
        return Added()
    except OSError as error:
        raise FileError("read", path, error) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged; correct it, or delete it to begin an empty list.", path) from error
    return Added(directories, repositories)


def _write(added: Added) -> None:
    paths.write_whole(paths.added_file(), json.dumps(asdict(added), indent=2) + "\n")
