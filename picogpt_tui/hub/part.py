"""The beginning of a file that is on its way: `NAME.part`, and `NAME.part.json` that says of which file.

Bytes are only ever put at its end, unbuffered, so a process that is killed leaves a true beginning; the hash runs
along.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from picogpt_tui.errors import FileError, NoSpace
from picogpt_tui.hub.digests import BackgroundHasher, feed, kind_of
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.paths import write_whole

_FLUSH_BYTES = 16 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Identity:
    """Of which file a part is the beginning."""

    origin: str
    """Its digest, or where nobody publishes one, its address."""
    total: int | None
    validator: str = ""
    """The server's strong ETag, for If-Range."""


class _Flusher:
    """Brings a file to the disk while more is written: the end of a large one is no long wait then."""

    def __init__(self, handle: int) -> None:
        self._handle, self._n_waiting = handle, 0
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[None] | None = None

    def wrote(self, n_bytes: int) -> None:
        """So many bytes more.

        Raises:
            OSError: those before could not be brought to the disk.
        """
        self._n_waiting += n_bytes
        if self._n_waiting >= _FLUSH_BYTES and (self._pending is None or self._pending.done()):
            if self._pending is not None:
                self._pending.result()  # subtle: the system tells an error once, to whoever asks first
            self._pending, self._n_waiting = self._pool.submit(os.fsync, self._handle), 0

    def finish(self) -> None:
        """Have it all there.

        Raises:
            OSError: it cannot be.
        """
        if self._pending is not None:
            self._pending.result()
        os.fsync(self._handle)

    def close(self) -> None:
        """Let the thread go."""
        self._pool.shutdown()


class Part:
    """A file's beginning, open for more. Use it in a `with`.

    Attributes:
        length: how many bytes it has.
        validator: the ETag of the version it belongs to, "" if it has none.
    """

    def __init__(self, directory: Path, file: ModelFile, origin: str) -> None:
        self.path = directory / f"{file.name}.part"
        self.length = 0
        self.validator = ""
        self._target = directory / file.name
        self._identity_path = directory / f"{file.name}.part.json"
        self._origin = file.digest or origin
        self._is_sure = bool(file.digest)
        self._size_bytes = file.size_bytes
        self._kind = kind_of(file.digest)
        self._hasher = BackgroundHasher(self._kind, file.size_bytes)
        self._file: FileIO | None = None
        self._flusher: _Flusher | None = None

    def __enter__(self) -> Part:
        self._take_up()
        try:
            self._file = FileIO(self.path, "ab")
            self._file.truncate(self.length)  # what could not be removed does not count
        except OSError as error:
            if self._file is not None:
                self._file.close()
            self._hasher.close()
            raise write_error(self.path, error) from error
        self._flusher = _Flusher(self._file.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        assert self._flusher is not None
        self._flusher.close()
        self._file.close()
        self._hasher.close()

    @property
    def can_go_on(self) -> bool:
        """Whether more bytes of the same file can be told from those of another version."""
        return self._is_sure or bool(self.validator)

    def is_of(self, validator: str) -> bool:
        """Whether bytes of the version with this ETag can follow; the digest tells at the end, where there is one."""
        return self._is_sure or (bool(validator) and validator == self.validator)

    def hash_what_is_there(self, tell: Callable[[int], None], is_stopped: Callable[[], bool]) -> None:
        """Let the hash catch up with what an earlier run left; stopped, it must not go on."""
        if self.length:
            feed(self._hasher, self.path, self.length, tell, is_stopped)

    def belongs_to(self, total: int | None, validator: str) -> None:
        """Write down of which version the bytes that follow are."""
        if validator != self.validator or not self._identity_path.is_file():
            self.validator = validator
            with room_or_told(self._identity_path):
                write_whole(self._identity_path, json.dumps(asdict(Identity(self._origin, total, validator))))

    def append(self, data: bytes | memoryview) -> None:
        """Put bytes at the end.

        Raises:
            NoSpace: the disk is full; what could be written is kept.
            FileError: it cannot be written for another reason.
        """
        assert self._file is not None
        assert self._flusher is not None
        rest = memoryview(data).toreadonly()
        try:
            while rest:
                n = self._file.write(rest) or 0
                self._hasher.update(rest[:n])
                self.length += n
                rest = rest[n:]
                self._flusher.wrote(n)
        except OSError as error:
            raise write_error(self.path, error) from error

    def begin_again(self) -> None:
        """Throw away what is there: it is of another version, or wrong.

        Raises:
            FileError: the disk refuses.
        """
        assert self._file is not None
        try:
            self._file.truncate(0)
            self._identity_path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error
        self._hasher.close()
        self._hasher = BackgroundHasher(self._kind, self._size_bytes)
        self.length, self.validator = 0, ""

    def digest(self) -> str:
        """Of all bytes, with its kind before it."""
        return f"{self._kind}:{self._hasher.hexdigest()}"

    def flush(self) -> None:
        """Have it all on the disk, and write no more.

        Raises:
            NoSpace, FileError: the disk refuses.
        """
        assert self._file is not None
        assert self._flusher is not None
        try:
            self._flusher.finish()
            self._file.close()  # Windows renames no open file
        except OSError as error:
            raise write_error(self.path, error) from error

    def become_whole(self) -> None:
        """It is all there, right and flushed: give it its name.

        Raises:
            FileError: the file system refuses.
        """
        try:
            os.replace(self.path, self._target)
            self._identity_path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self._target, error) from error

    def _take_up(self) -> None:
        """Go on with what an earlier run left, if it is of this file."""
        try:
            identity = Identity(**json.loads(self._identity_path.read_text(encoding="utf-8")))
            length = self.path.stat().st_size
        except (OSError, ValueError, TypeError, RecursionError):
            identity, length = None, 0
        is_ours = identity is not None and identity.origin == self._origin
        fits = self._size_bytes is None or length <= self._size_bytes
        if identity is not None and is_ours and fits and _is_header(identity.validator):
            self.validator, self.length = identity.validator, length
        if not self.length or not self.can_go_on:
            self.length, self.validator = 0, ""
            with contextlib.suppress(OSError):
                os.unlink(self._identity_path)


def _is_header(value: object) -> bool:
    """Whether this can be sent as an ETag; a damaged file may hold anything."""
    return isinstance(value, str) and value.isascii() and (value.isprintable() or not value)


@contextlib.contextmanager
def room_or_told(path: Path) -> Iterator[None]:
    """Tell a full disk as what it is, where somebody who does not know of downloads met it."""
    try:
        yield
    except FileError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
            raise write_error(path, error.__cause__) from error
        raise


def write_error(path: Path, error: OSError) -> NoSpace | FileError:
    """The error of ours for what the system said when a file was to be written."""
    if error.errno == errno.EFBIG:
        return NoSpace(f"The file system of {path.parent} takes no file as large as {path.name}; choose another place.")
    if error.errno in _FULL:
        return NoSpace(f"The disk of {path.parent} is full; what came is kept, make room and resume.")
    return FileError("write", path, error)
