"""GPT-2s that lie in the user's Hugging Face cache: used where they are, never changed.

The layout: `models--OWNER--NAME/{refs/REVISION -> commit, snapshots/COMMIT/FILE -> ../../blobs/DIGEST}`; see
https://huggingface.co/docs/huggingface_hub/guides/manage-cache. Only files are looked at, nothing is asked of anyone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_DIGESTS = {40: "git-sha1", 64: "sha256"}
_HEX = re.compile(r"[0-9a-f]+")


def cache_dir() -> Path:
    """Where the cache is, by the variables that its library reads."""
    if place := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(os.path.expanduser(place))
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache"), "huggingface"
    )
    return Path(os.path.expanduser(home)) / "hub"


def snapshots() -> Iterator[tuple[str, Path]]:
    """Every repository in the cache and the folder of its main revision."""
    try:
        folders = sorted(cache_dir().iterdir())
    except OSError:  # there is no cache, or one that may not be read
        return
    for folder in folders:
        name = folder.name.removeprefix("models--")
        if name != folder.name and (found := _snapshot(folder, "main")) is not None:
            yield name.replace("--", "/", 1), found


def snapshot(repo: str, revision: str) -> Path | None:
    """The folder of one version of a repository, or None."""
    return _snapshot(cache_dir() / f"models--{repo.replace('/', '--')}", revision)


def digest_of(path: Path) -> str:
    """What the cache says of a file: its blob is named by its digest; "" where the cache keeps plain files."""
    name = os.path.basename(os.path.realpath(path))
    kind = _DIGESTS.get(len(name), "")
    return f"{kind}:{name}" if kind and _HEX.fullmatch(name) else ""


def _snapshot(folder: Path, revision: str) -> Path | None:
    try:
        commit = (folder / "refs" / revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        commit = revision
    found = folder / "snapshots" / commit
    return found if _HEX.fullmatch(commit) and found.is_dir() else None
