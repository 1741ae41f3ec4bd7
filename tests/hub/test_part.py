"""The beginning of a file: only ever a true one, and always known of what."""

from __future__ import annotations

import errno
import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.errors import FileError, NoSpace
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.part import Part, room_or_told, write_error

from .fetching import SmallDisk, sha256

CONTENT = bytes(range(256)) * 5
FILE = ModelFile("weights", len(CONTENT), sha256(CONTENT))
PLAIN = replace(FILE, digest="")
URL = "http://host/weights"


def append(directory: Path, data: bytes, *, file: ModelFile = FILE, validator: str = '"v"', url: str = URL) -> Part:
    """Put bytes to what is there, as one run does."""
    with Part(directory, file, url) as part:
        part.hash_what_is_there(lambda _: None, lambda: False)
        part.belongs_to(len(CONTENT), validator)
        part.append(data)
        part.digest()
    return part


@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=6))
def test_however_it_is_cut_the_digest_is_that_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("part")
    for first, last in itertools.pairwise([0, *sorted(cuts)]):
        append(directory, CONTENT[first:last])
    with Part(directory, FILE, URL) as part:
        part.hash_what_is_there(lambda _: None, lambda: False)
        part.belongs_to(len(CONTENT), '"v"')
        part.append(CONTENT[part.length :])
        assert part.digest() == FILE.digest
        part.flush()
        part.become_whole()
    assert [path.name for path in directory.iterdir()] == ["weights"]
    assert (directory / "weights").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "file, url, validator, expected",
    [
        (FILE, URL, '"v"', 100),
        (FILE, "http://mirror/weights", '"v"', 100),
        (FILE, URL, "", 100),
        (replace(FILE, digest=sha256(b"other")), URL, '"v"', 0),
        (PLAIN, URL, '"v"', 0),
        (replace(FILE, size_bytes=99), URL, '"v"', 0),
    ],
    ids=["the same", "from a mirror", "no ETag", "another digest", "no digest any more", "shorter than what is here"],
)
def test_what_is_here_counts_if_it_is_of_the_same_file(
    tmp_path: Path, file: ModelFile, url: str, validator: str, expected: int
) -> None:
    append(tmp_path, CONTENT[:100], validator=validator)
    with Part(tmp_path, file, url) as part:
        assert part.length == expected
        assert (tmp_path / "weights.part").stat().st_size == expected


@pytest.mark.parametrize(
    "url, validator, expected",
    [(URL, '"v"', 100), ("http://mirror/weights", '"v"', 0), (URL, "", 0)],
    ids=["the same", "another address", "no ETag"],
)
def test_without_a_digest_the_address_and_the_etag_must_be_the_same(
    tmp_path: Path, url: str, validator: str, expected: int
) -> None:
    append(tmp_path, CONTENT[:100], file=PLAIN, validator=validator)
    with Part(tmp_path, PLAIN, url) as part:
        assert part.length == expected


@pytest.mark.parametrize(
    "file, own, other, expected",
    [(FILE, '"v"', '"w"', True), (PLAIN, '"v"', '"w"', False), (PLAIN, '"v"', '"v"', True), (PLAIN, "", "", False)],
)
def test_whether_bytes_may_follow(tmp_path: Path, file: ModelFile, own: str, other: str, expected: bool) -> None:
    with Part(tmp_path, file, URL) as part:
        part.belongs_to(None, own)
        assert part.is_of(other) is expected


def test_the_identity_is_there_before_the_bytes(tmp_path: Path) -> None:
    with Part(tmp_path, FILE, URL) as part:
        part.belongs_to(5, '"v"')
        assert json.loads((tmp_path / "weights.part.json").read_text())["validator"] == '"v"'
        assert (tmp_path / "weights.part").read_bytes() == b""


def test_what_cannot_be_told_does_not_stay_below_new_bytes(tmp_path: Path) -> None:
    (tmp_path / "weights.part").write_bytes(b"who knows")
    append(tmp_path, CONTENT[:5])
    assert (tmp_path / "weights.part").read_bytes() == CONTENT[:5]


def test_to_begin_again_forgets_bytes_hash_and_version(tmp_path: Path) -> None:
    with Part(tmp_path, FILE, URL) as part:
        part.belongs_to(None, '"v"')
        part.append(b"wrong")
        part.begin_again()
        assert (part.length, part.validator) == (0, "")
        assert not (tmp_path / "weights.part.json").exists()
        part.append(CONTENT)
        assert part.digest() == FILE.digest


def test_a_full_disk_keeps_what_could_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SmallDisk(monkeypatch, 77)
    with Part(tmp_path, FILE, URL) as part:
        with pytest.raises(NoSpace):
            part.append(CONTENT)
        assert part.length == 77
    assert (tmp_path / "weights.part").read_bytes() == CONTENT[:77]


@pytest.mark.parametrize(
    "number, expected",
    [
        (errno.ENOSPC, NoSpace),
        (errno.EDQUOT, NoSpace),
        (errno.EFBIG, NoSpace),
        (errno.EIO, FileError),
        (errno.EACCES, FileError),
    ],
)
def test_what_the_system_said(number: int, expected: type[Exception]) -> None:
    assert type(write_error(Path("x"), OSError(number, "said"))) is expected


@pytest.mark.parametrize("number, expected", [(errno.ENOSPC, NoSpace), (errno.EACCES, FileError)])
def test_a_full_disk_is_told_whoever_met_it(number: int, expected: type[Exception]) -> None:
    def write() -> None:
        try:
            raise OSError(number, "said")
        except OSError as error:
            raise FileError("write", Path("x"), error) from error

    with pytest.raises(expected) as caught, room_or_told(Path("x")):
        write()
    assert type(caught.value) is expected


def test_a_folder_where_the_part_should_be(tmp_path: Path) -> None:
    (tmp_path / "weights.part").mkdir()
    with pytest.raises(FileError, match=r"Cannot write .*weights\.part"), Part(tmp_path, FILE, URL):
        pass
