"""What the system says of files is told as such; what was told to end changes nothing any more."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from picogpt_tui.errors import FileError, NoSpace, NotReachable
from picogpt_tui.events import DownloadStopped
from picogpt_tui.hub import part, transfer
from picogpt_tui.hub.connection import Stop, Stopped, open_session
from picogpt_tui.hub.part import Part
from picogpt_tui.hub.transfer import FileState, Transfer

from .fetching import BYTES, QUICK, SmallDisk, sentence
from .one_file import HERE, NAME, SIZE, SURE, UNKNOWN, Bench, assert_came

# --- the disk --------------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_keeps_what_came(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SmallDisk(monkeypatch, HERE + 1)
    with pytest.raises(NoSpace, match=r"The disk of .* is full; what came is kept, make room and resume") as caught:
        bench.bring()
    sentence(caught.value)
    assert bench.part == BYTES[: HERE + 1]
    sent, disk.free_bytes = bench.sent(), SIZE
    bench.net.log.clear()
    assert_came(bench, bench.bring())
    assert sent >= HERE
    assert bench.sent() == SIZE - HERE - 1


@pytest.mark.parametrize(
    "number, error, words",
    [
        ("EDQUOT", NoSpace, "is full"),
        ("EFBIG", NoSpace, "takes no file as large as data.bin"),
        ("EIO", FileError, "Cannot write"),
        ("EROFS", FileError, "Cannot write"),
    ],
)
def test_what_the_disk_says_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: str, error: type[Exception], words: str
) -> None:
    SmallDisk(monkeypatch, 1000, getattr(errno, number))
    with pytest.raises(error, match=words) as caught:
        bench.bring()
    sentence(caught.value)
    assert len(bench.net.requests(NAME)) == 1  # the server is not to blame
    assert bench.part == BYTES[:1000]


class Disk(NamedTuple):
    """What shutil.disk_usage says."""

    free: int


def test_room_that_goes_while_it_comes_is_noticed_before_it_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_LOOK_AT_DISK_SECONDS", 0.0)
    frees = iter([10**12, 10**12, *[10**6] * 100])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(next(frees)))
    with pytest.raises(NoSpace, match="nearly full") as caught:
        bench.bring()
    sentence(caught.value)
    assert 0 < len(bench.part) < SIZE
    assert BYTES.startswith(bench.part)


def test_a_file_whose_size_the_server_tells_only_then_must_fit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(SIZE))
    with pytest.raises(NoSpace, match="nearly full"):
        bench.bring(UNKNOWN)
    assert bench.part == b""


def refuse(*_: object, **__: object) -> Any:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("what", ["shutil.disk_usage", "os.replace", "os.fsync", "os.open", "FileIO"])
def test_a_refusal_of_the_system_is_no_broken_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(transfer, "_LOOK_AT_DISK_SECONDS", 0.0)
    if what == "FileIO":
        monkeypatch.setattr(part, "FileIO", refuse)
    else:
        monkeypatch.setattr(what, refuse)
    with pytest.raises(FileError, match="Permission denied") as caught:
        bench.bring()
    sentence(caught.value)
    assert len(bench.net.requests(NAME)) <= 1


def test_a_file_that_is_here_and_may_not_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.directory / NAME).write_bytes(BYTES)
    monkeypatch.setattr(transfer, "feed", refuse)
    with pytest.raises(FileError, match=r"Cannot read .*data\.bin: Permission denied"):
        bench.bring()


# --- told to end -----------------------------------------------------------------------------------------------------


def test_what_a_thread_wakes_up_with_is_thrown_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is shut down may still give bytes, and through TLS they are none of the file's."""

    def read(*_: object, **__: object) -> bytes:
        bench.stop.set()
        return b"noise"

    monkeypatch.setattr("urllib3.response.HTTPResponse.read1", read)
    with pytest.raises(Stopped):
        bench.bring()
    assert bench.part == b""


def test_what_was_told_to_end_gives_no_file_its_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow flush may end after somebody else has begun with the folder."""

    def flush(part: Part) -> None:
        bench.stop.set()

    monkeypatch.setattr(Part, "flush", flush)
    with pytest.raises(Stopped):
        bench.bring()
    assert not (bench.directory / NAME).exists()
    assert bench.part == BYTES


def test_the_event_is_no_error(bench: Bench) -> None:
    bench.stop.set()
    with pytest.raises(Stopped):
        bench.bring()
    assert bench.net.requests(NAME) == []
    assert not issubclass(DownloadStopped, Exception)


def test_a_hostile_host_is_shown_as_signs(tmp_path: Path) -> None:
    stop = Stop()
    url = "http://user:password@127.0.0.1:1/\x1b[31m"
    with open_session(stop, {}) as session:
        transfer = Transfer(SURE, tmp_path, url, session, stop, FileState("", 0, SIZE), QUICK, most_bytes=SIZE)
        with pytest.raises(NotReachable) as caught:
            transfer.run()
    assert "password" not in sentence(caught.value)
    assert "127.0.0.1:1 refuses the connection" in str(caught.value)
