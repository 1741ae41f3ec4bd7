"""Files as people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from picogpt_tui.errors import FileError, PicoGPTError
from picogpt_tui.session.text_file import TextFile, read_text_file


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", TextFile("", 0)),
        ("café — 你好".encode(), TextFile("café — 你好", 0)),
        ("naïve café".encode("latin-1"), TextFile("na\ufffdve caf\ufffd", 2)),
        ("a \ufffd that was meant".encode(), TextFile("a \ufffd that was meant", 0)),
        (b"\xef\xbb\xbfwith a mark", TextFile("with a mark", 0)),
        (b"one\r\ntwo\rthree\n", TextFile("one\ntwo\nthree\n", 0)),
        (b"\x00\x1b[31m", TextFile("\x00\x1b[31m", 0)),
    ],
    ids=["empty", "utf-8", "latin-1", "meant", "mark", "line ends", "control"],
)
def test_what_is_read(tmp_path: Path, data: bytes, expected: TextFile) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert read_text_file(path) == expected


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Cannot read"):
        read_text_file(tmp_path / "missing.txt")
    with pytest.raises(FileError, match="Cannot read"):
        read_text_file(tmp_path)


def test_a_file_that_no_one_looks_at_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(PicoGPTError, match=r"1,000,000,000 bytes; at most 32 MB"):
        read_text_file(path)
