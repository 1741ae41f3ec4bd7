"""Models put where the store looks, without a download: whole, begun, and in the Hugging Face cache."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.hub import hf_cache
from picogpt_tui.hub.manifest import Manifest, ModelFile, finish, write_unfinished
from picogpt_tui.hub.registry import HUGGING_FACE, OPENAI

from ..gpt2.checkpoints import write_model, write_tf_model

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
LICENCE = "mit"


def manifest_of(directory: Path, name: str, *, source: str = HUGGING_FACE) -> Manifest:
    """What a download would have written of these files."""
    found = sorted(file for file in directory.iterdir() if not file.name.startswith("manifest.json"))
    files = tuple(
        ModelFile(file.name, file.stat().st_size, f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}")
        for file in found
    )
    commit, revision = (COMMIT, "main") if source == HUGGING_FACE else ("", "")
    return Manifest(name, source, name, revision, commit, LICENCE, "example.org", files)


def downloaded(name: str, *, folder: str = "", source: str = HUGGING_FACE) -> Path:
    """A model as a download leaves it."""
    directory = paths.models_dir() / (folder or name.replace("/", "--"))
    (write_tf_model if source == OPENAI else write_model)(directory)
    finish(directory, manifest_of(directory, name, source=source))
    return directory


def begun(name: str, *, folder: str = "", source: str = HUGGING_FACE, n_weights: int = 1000) -> Path:
    """A download that was cut short: of the weights so many bytes are there."""
    directory = downloaded(name, folder=folder, source=source)
    write_unfinished(directory, manifest_of(directory, name, source=source))
    weights = max(directory.iterdir(), key=lambda file: file.stat().st_size)
    weights.with_name(f"{weights.name}.part").write_bytes(weights.read_bytes()[:n_weights])
    weights.unlink()
    return directory


def cached(repo: str, *, links: bool = True, revision: str = "main", commit: str = COMMIT) -> Path:
    """A model in the Hugging Face cache, in its real layout; without links as on Windows. Returns the snapshot."""
    folder = hf_cache.cache_dir() / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    write_model(snapshot)
    ref = folder / "refs" / revision
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(commit)
    if links:
        (folder / "blobs").mkdir(exist_ok=True)
        for file in list(snapshot.iterdir()):
            blob = folder / "blobs" / _blob_name(file)
            shutil.move(file, blob)
            file.symlink_to(Path("..", "..", "blobs", blob.name))
    return snapshot


def _blob_name(file: Path) -> str:
    """sha256 for what is in large-file storage, git's own for the rest."""
    content = file.read_bytes()
    if file.name == "model.safetensors":
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def state_of(directory: Path) -> dict[str, bytes]:
    """Every file below a directory and its content, to be compared with later."""
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}
