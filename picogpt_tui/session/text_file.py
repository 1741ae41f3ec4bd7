"""A file as a text: what is no UTF-8 is replaced and counted, a byte order mark dropped, line ends made one kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from picogpt_tui.errors import FileError, PicoGPTError

_MOST_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class TextFile:
    """What was read."""

    text: str
    n_wrong: int
    """Places that are not UTF-8, where U+FFFD stands."""


def read_text_file(path: Path) -> TextFile:
    """Read a file.

    Raises:
        FileError: it cannot be read.
        PicoGPTError: it is far too large to be a text that one looks at.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MOST_BYTES:
            most = f"{_MOST_BYTES // 10**6} MB"
            raise PicoGPTError(f"{path} has {size_bytes:,} bytes; at most {most} are read here. Give a part of it.")
        data = path.read_bytes()
    except OSError as error:
        raise FileError("read", path, error) from error
    text = data.decode("utf-8", "replace")
    n_wrong = text.count("\ufffd") - data.count("\ufffd".encode())
    return TextFile(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), n_wrong)
