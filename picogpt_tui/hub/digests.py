"""Fingerprints of files.

`sha256` for the large files on the Hugging Face hub and for our own record, `git-sha1` for its small files
(https://git-scm.com/book/en/v2/Git-Internals-Git-Objects), `md5` for what Azure's storage publishes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from picogpt_tui.hub.background import give_way

_CHUNK_BYTES = 1 << 20


class Hasher(Protocol):
    """What hashlib's objects can do."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """The digest of all of them, hex."""


def new_hasher(kind: str, size_bytes: int | None) -> Hasher:
    """A hasher of this kind for a file of this size (which git-sha1 has to know beforehand)."""
    if kind == "sha256":
        return hashlib.sha256()
    if kind == "md5":
        return hashlib.md5(usedforsecurity=False)
    assert size_bytes is not None, kind
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)


def kind_of(digest: str) -> str:
    """Of a digest with its kind before it; sha256 for none, which is what we record ourselves."""
    return digest.partition(":")[0] or "sha256"


class BackgroundHasher:
    """Hashes in a thread of its own while the next bytes come: on two cores the hash costs no time.

    A network brings bytes in small pieces, and to hand each over would cost more than to hash it: some are gathered.
    """

    def __init__(self, kind: str, size_bytes: int | None) -> None:
        self._hasher = new_hasher(kind, size_bytes)
        self._pool = ThreadPoolExecutor(max_workers=1, initializer=give_way)
        self._pending: Future[None] | None = None
        self._pieces: list[bytes | memoryview] = []
        self._n_bytes = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes, which must not change any more; may wait until those before are hashed."""
        self._pieces.append(data)
        self._n_bytes += len(data)
        if self._n_bytes >= _CHUNK_BYTES:
            self._hand_over()

    def hexdigest(self) -> str:
        """The digest of all of them, hex."""
        self._settle()
        return self._hasher.hexdigest()

    def close(self) -> None:
        """Let the thread go; what has not been hashed will not be."""
        self._pool.shutdown()

    def _hand_over(self) -> None:
        if self._pending is not None:
            self._pending.result()
        self._pending = self._pool.submit(self._hash, self._pieces)
        self._pieces, self._n_bytes = [], 0

    def _hash(self, pieces: list[bytes | memoryview]) -> None:
        for piece in pieces:
            self._hasher.update(piece)

    def _settle(self) -> None:
        self._hand_over()
        assert self._pending is not None
        self._pending.result()
        self._pending = None


def feed(hasher: Hasher, path: Path, n_bytes: int, tell: Callable[[int], None], is_stopped: Callable[[], bool]) -> int:
    """Give a file's first bytes to a hasher; returns how many it has taken when it ends or is stopped.

    Args:
        hasher: takes them.
        path: the file.
        n_bytes: at most so many.
        tell: called with the number of bytes taken so far.
        is_stopped: asked after each chunk.

    Raises:
        OSError: it cannot be read.
    """
    done = 0
    with open(path, "rb", buffering=0) as file:
        while done < n_bytes and not is_stopped():
            data = file.read(min(_CHUNK_BYTES, n_bytes - done))
            if not data:
                break
            hasher.update(data)
            done += len(data)
            tell(done)
    return done
