"""Fingerprints, against other implementations and the published vectors."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from picogpt_tui.hub.digests import BackgroundHasher, feed, kind_of, new_hasher

from .fetching import BYTES

KNOWN = {
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-2, B.1
    "md5": "900150983cd24fb0d6963f7d28e17f72",  # RFC 1321, A.5
    "git-sha1": "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",  # `printf abc | git hash-object --stdin`
}


@pytest.mark.parametrize("kind", KNOWN)
def test_abc(kind: str) -> None:
    hasher = new_hasher(kind, 3)
    hasher.update(b"abc")
    assert hasher.hexdigest() == KNOWN[kind]


def test_git_agrees(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BYTES)
    try:
        said = subprocess.run(["git", "hash-object", "file"], cwd=tmp_path, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git is not here")
    hasher = new_hasher("git-sha1", len(BYTES))
    hasher.update(BYTES)
    assert said.stdout.strip() == hasher.hexdigest()


@pytest.mark.parametrize("digest, kind", [("md5:00", "md5"), ("git-sha1:00", "git-sha1"), ("", "sha256")])
def test_the_kind_of_a_digest(digest: str, kind: str) -> None:
    assert kind_of(digest) == kind


@pytest.mark.parametrize("n_bytes", [1, 7, 65_536, 1 << 20])
def test_in_the_background_it_is_the_same(n_bytes: int) -> None:
    hasher = BackgroundHasher("sha256", None)
    for start in range(0, len(BYTES) if n_bytes > 7 else 1000, n_bytes):
        hasher.update(memoryview(BYTES)[start : start + n_bytes])
    expected = BYTES if n_bytes > 7 else BYTES[: -(-1000 // n_bytes) * n_bytes]
    assert hasher.hexdigest() == hashlib.sha256(expected).hexdigest()
    assert hasher.hexdigest() == hashlib.sha256(expected).hexdigest()
    hasher.close()


@pytest.mark.parametrize("n_bytes", [0, 1, 1 << 20, len(BYTES), 2 * len(BYTES)])
def test_a_file_s_first_bytes(tmp_path: Path, n_bytes: int) -> None:
    (tmp_path / "file").write_bytes(BYTES)
    told: list[int] = []
    hasher = new_hasher("sha256", None)
    done = feed(hasher, tmp_path / "file", n_bytes, told.append, lambda: False)
    assert done == min(n_bytes, len(BYTES)) == max(told, default=0)
    assert told == sorted(told)
    assert hasher.hexdigest() == hashlib.sha256(BYTES[:n_bytes]).hexdigest()


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BYTES)
    told: list[int] = []
    done = feed(new_hasher("sha256", None), tmp_path / "file", len(BYTES), told.append, lambda: bool(told))
    assert told == [done]
    assert done < len(BYTES)
