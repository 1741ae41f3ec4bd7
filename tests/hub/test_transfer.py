"""One file over HTTP: whatever the server answers, the right bytes come, or an error that names what is wrong."""

from __future__ import annotations

import errno
import gzip
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from picogpt_tui.errors import (
    AccessDenied,
    Corrupt,
    DownloadError,
    FileError,
    NoSpace,
    NotAGPT2,
    NotOnTheHub,
    NotReachable,
)
from picogpt_tui.events import DownloadStopped
from picogpt_tui.hub import part, transfer
from picogpt_tui.hub.connection import Stop, Stopped, open_session
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.part import Part
from picogpt_tui.hub.transfer import FileState, Patience, Transfer

from .fetching import BYTES, IMPATIENT, QUICK, SmallDisk, sentence, sha256
from .loopback import Fault, Loopback

NAME = "data.bin"
SIZE = len(BYTES)
SURE = ModelFile(NAME, SIZE, sha256(BYTES))
PLAIN = ModelFile(NAME, SIZE)
UNKNOWN = ModelFile(NAME, None)
HERE = 600_000
ETAG = '"0x8D000000000001"'


class Bench:
    """One file on the plain server, and a folder that it comes into."""

    def __init__(self, net: Loopback, directory: Path) -> None:
        self.net, self.directory = net, directory
        self.stop = Stop()
        self.state = FileState(NAME, 0, None)
        net.add_plain(NAME, BYTES)

    def bring(self, file: ModelFile = SURE, patience: Patience = QUICK, *, most_bytes: int = 1 << 40) -> ModelFile:
        self.state = FileState(NAME, 0, file.size_bytes)
        with open_session(self.stop, {}) as session:
            url = f"{self.net.plain}/{NAME}"
            return Transfer(
                file, self.directory, url, session, self.stop, self.state, patience, most_bytes=most_bytes
            ).run()

    def begin(self, file: ModelFile = SURE, n_bytes: int = HERE) -> None:
        """Bring the first bytes, then find no server."""
        self.fault("drop", after=n_bytes)
        gone = self.fault("status", None, code=503)
        with pytest.raises(NotReachable):
            self.bring(file, replace(QUICK, tries=2))
        gone.times = 0
        assert self.part == BYTES[:n_bytes]

    def fault(self, kind: str, times: int | None = 1, **options: Any) -> Fault:
        """Spoil the next answers; an error has no body here, so that `sent` counts the file's bytes alone."""
        return self.net.fault(NAME, kind, times=times, **({"body": b""} if kind == "status" else {}) | options)

    @property
    def part(self) -> bytes:
        path = self.directory / f"{NAME}.part"
        return path.read_bytes() if path.exists() else b""

    @property
    def whole(self) -> bytes:
        return (self.directory / NAME).read_bytes()

    def sent(self) -> int:
        return self.net.body_bytes(NAME)


@pytest.fixture
def bench(hub: Loopback, tmp_path: Path) -> Bench:
    return Bench(hub, tmp_path)


def assert_came(bench: Bench, brought: ModelFile) -> None:
    assert bench.whole == BYTES
    assert [path.name for path in bench.directory.iterdir()] == [NAME]
    assert brought == SURE
    assert (bench.state.done, bench.state.total) == (SIZE, SIZE)


# --- a try that ends early is followed by one that asks for the rest -------------------------------------------------


class Trouble(NamedTuple):
    """What goes wrong once, and how many bytes are sent twice for it."""

    kind: str
    options: dict[str, Any]
    twice: int = 0


TROUBLES = {
    "the connection ends": Trouble("drop", {"after": HERE}),
    "the connection ends at once": Trouble("drop", {"after": 0}),
    "the connection is reset": Trouble("reset", {"after": HERE}),
    "silence": Trouble("stall", {"after": HERE}),
    "silence before the headers": Trouble("hang", {}),
    "a server in trouble": Trouble("status", {"code": 500}),
    "a gateway in trouble": Trouble("status", {"code": 502}),
    "a busy server": Trouble("status", {"code": 429, "headers": {"Retry-After": "0"}}),
    "a stranger's 206": Trouble("status", {"code": 206}),
    "no content": Trouble("status", {"code": 204}),
    "a redirect without an address": Trouble("status", {"code": 302}),
    "the end is past": Trouble("status", {"code": 416}),
    "compressed": Trouble("gzip", {}, twice=len(gzip.compress(BYTES, mtime=0))),
    "one byte too few": Trouble("short", {"missing": 1}, twice=SIZE - 1),
    "one byte too many stated": Trouble("lying_length", {"by": 1}, twice=SIZE),
    "a flipped byte": Trouble("corrupt", {"at": 70_000}, twice=SIZE),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_one_trouble_costs_no_byte_but_where_it_spoils_them(bench: Bench, trouble: Trouble) -> None:
    """Bytes come twice only where those that came are wrong, or may be."""
    assert_troubled(bench, trouble, SURE)


@pytest.mark.parametrize(
    "trouble", [one for one in TROUBLES.items() if one[0] != "a flipped byte"], ids=lambda one: one[0]
)
def test_the_same_where_nobody_publishes_a_digest(bench: Bench, trouble: tuple[str, Trouble]) -> None:
    """But for a flipped byte, which nobody can tell."""
    assert_troubled(bench, trouble[1], PLAIN)


def assert_troubled(bench: Bench, trouble: Trouble, file: ModelFile) -> None:
    bench.fault(trouble.kind, **trouble.options)
    assert_came(bench, bench.bring(file, IMPATIENT))
    most = SIZE + trouble.twice
    if trouble.kind in ("short", "lying_length", "gzip"):  # refused by its headers: what was on its way is not taken
        assert SIZE <= bench.sent() <= most
    else:
        assert bench.sent() == most


@pytest.mark.parametrize("kind", ["no_length", "chunked"])
@pytest.mark.parametrize("file", [SURE, PLAIN, UNKNOWN], ids=["sure", "plain", "unknown"])
def test_a_body_of_unstated_length(bench: Bench, kind: str, file: ModelFile) -> None:
    bench.fault(kind)
    assert_came(bench, bench.bring(file))
    assert bench.sent() == SIZE


def test_a_part_is_asked_for_by_range_of_the_same_version(bench: Bench) -> None:
    bench.begin()
    identity = {"origin": SURE.digest, "total": SIZE, "validator": ETAG}
    assert json.loads((bench.directory / f"{NAME}.part.json").read_text()) == identity
    assert_came(bench, bench.bring())
    last = bench.net.requests(NAME)[-1]
    assert last.headers["range"] == f"bytes={HERE}-"
    assert last.headers["if-range"] == ETAG
    assert last.headers["accept-encoding"] == "identity"
    assert bench.sent() == SIZE


RESUMED = {
    "the range is ignored": Trouble("norange", {}, twice=HERE),
    "another ETag": Trouble("etag_changes", {}, twice=HERE),
    "another start": Trouble("wrong_start", {"by": 7}, twice=SIZE),
    "another total": Trouble("wrong_total", {"by": 1}, twice=SIZE),
    "past the end": Trouble("status", {"code": 416}, twice=HERE),
    "a 206 that says nothing": Trouble("status", {"code": 206}, twice=HERE),
    "a flipped byte": Trouble("corrupt", {"at": HERE + 1000}, twice=SIZE),
    "no length": Trouble("no_length", {}),
    "chunked": Trouble("chunked", {}),
}


@pytest.mark.parametrize("trouble", RESUMED.values(), ids=RESUMED)
def test_whatever_answers_a_range_the_bytes_are_right(bench: Bench, trouble: Trouble) -> None:
    bench.begin()
    bench.fault(trouble.kind, **trouble.options)
    assert_came(bench, bench.bring())
    assert bench.sent() <= SIZE + trouble.twice
    if trouble.twice == 0:
        assert bench.sent() == SIZE


@pytest.mark.parametrize("kind", ["wrong_total", "wrong_start", "status"])
def test_one_mad_answer_does_not_cost_what_is_here(bench: Bench, kind: str) -> None:
    """A digest will tell in the end, so a lie about the length is no reason to drop gigabytes."""
    bench.begin()
    bench.fault(kind, **({"code": 416} if kind == "status" else {"by": 1}))
    stall = bench.fault("stall", after=0)
    bench.fault("status", code=404)
    with pytest.raises(NotOnTheHub):
        bench.bring(SURE, IMPATIENT)
    assert stall.reached.is_set()
    assert bench.part == BYTES[:HERE]


def test_a_server_that_ignores_ranges_and_breaks_off_loses_nothing(bench: Bench) -> None:
    """The whole comes again, but what is here stays until as much has come; then it goes on from there."""
    bench.begin()
    bench.fault("norange", times=2)
    bench.fault("drop", after=100)
    assert_came(bench, bench.bring())


def test_without_a_digest_two_versions_are_never_mixed(bench: Bench) -> None:
    bench.begin(PLAIN)
    other = bytes(SIZE)
    bench.net.add_plain(NAME, other)
    brought = bench.bring(PLAIN)
    assert bench.whole == other
    assert brought.digest == sha256(other)


def test_a_part_of_another_version_is_refused_whatever_its_status(bench: Bench) -> None:
    """A server that does not know If-Range answers 206, and only its ETag tells."""
    bench.begin(PLAIN)
    headers = {"Content-Range": f"bytes {HERE}-{SIZE - 1}/{SIZE}", "ETag": '"other"'}
    bench.fault("status", code=206, headers=headers, body=bytes(SIZE - HERE))
    assert_came(bench, bench.bring(PLAIN))


@pytest.mark.parametrize("validator", ['W/"weak"', ""])
def test_without_a_strong_etag_and_a_digest_a_part_is_worth_nothing(bench: Bench, validator: str) -> None:
    resource = bench.net._files[f"/plain/{NAME}"]
    bench.net._files[f"/plain/{NAME}"] = replace(resource, etag=validator)
    bench.fault("drop", after=HERE)
    assert_came(bench, bench.bring(PLAIN))
    assert [request.headers.get("range") for request in bench.net.requests(NAME)] == [None, None]


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        '{"origin": "sha256:00", "total": 5}',
        json.dumps({"origin": SURE.digest, "total": SIZE, "validator": 5}),
        json.dumps({"origin": SURE.digest, "total": SIZE, "validator": "a\r\nEvil: 1"}),
        json.dumps({"origin": SURE.digest, "total": SIZE, "validator": "", "more": 1}),
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_a_part_that_cannot_be_told_is_begun_again(bench: Bench, identity: str) -> None:
    bench.begin()
    (bench.directory / f"{NAME}.part.json").write_text(identity)
    assert_came(bench, bench.bring())
    assert "range" not in bench.net.requests(NAME)[-1].headers


def test_a_part_that_is_longer_than_the_file_is_begun_again(bench: Bench) -> None:
    bench.begin()
    (bench.directory / f"{NAME}.part").write_bytes(BYTES + b"more")
    assert_came(bench, bench.bring())


def test_a_part_that_is_whole_is_not_asked_for(bench: Bench) -> None:
    """Killed between the last byte and the new name."""
    bench.begin()
    (bench.directory / f"{NAME}.part").write_bytes(BYTES)
    n_asked = len(bench.net.requests(NAME))
    assert_came(bench, bench.bring())
    assert len(bench.net.requests(NAME)) == n_asked


def test_a_damaged_part_is_found_at_the_end_and_fetched_anew(bench: Bench) -> None:
    bench.begin()
    (bench.directory / f"{NAME}.part").write_bytes(b"x" * HERE)
    assert_came(bench, bench.bring())
    assert bench.sent() == 2 * SIZE


def test_a_file_that_is_here_is_not_asked_for_if_it_is_right(bench: Bench) -> None:
    (bench.directory / NAME).write_bytes(BYTES)
    assert_came(bench, bench.bring())
    assert bench.net.requests(NAME) == []


@pytest.mark.parametrize("content", [b"x" * SIZE, b"short"])
def test_a_file_that_is_here_and_wrong_is_fetched(bench: Bench, content: bytes) -> None:
    (bench.directory / NAME).write_bytes(content)
    assert_came(bench, bench.bring())


# --- tries and waiting -----------------------------------------------------------------------------------------------


def test_tries_in_a_row_are_counted_anew_when_bytes_came(bench: Bench) -> None:
    bench.fault("drop", times=20, after=10_000)
    assert_came(bench, bench.bring(SURE, replace(QUICK, tries=2)))
    assert bench.sent() == SIZE


def test_only_so_many_tries_bring_nothing(bench: Bench) -> None:
    bench.fault("drop", times=None, after=0)
    with pytest.raises(NotReachable, match="connection"):
        bench.bring(SURE, replace(QUICK, tries=5))
    assert len(bench.net.requests(NAME)) == 5
    assert bench.state.note == "the connection broke off, trying again (5/5)"


class Waits:
    """Records how long was waited, and waits not."""

    def __init__(self, stop: Stop, patch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        patch.setattr(stop, "wait", self._wait)

    def _wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return False


def test_each_wait_is_about_twice_the_one_before(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(bench.stop, monkeypatch)
    bench.fault("status", times=None)
    with pytest.raises(NotReachable, match=r"answered 500 Internal Server Error to every try for data\.bin"):
        bench.bring(SURE, replace(QUICK, tries=8, backoff_seconds=1.0))
    for seconds, expected in zip(waits.seconds, [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert 0.8 * expected <= seconds <= 1.2 * expected


@pytest.mark.parametrize(
    "value, expected",
    [("7", 7.0), ("0", 0.0), ("86400", 120.0), ("9" * 30, None), ("soon", None), ("-5", None), ("", None)],
)
def test_retry_after_is_honoured_up_to_two_minutes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, value: str, expected: float | None
) -> None:
    waits = Waits(bench.stop, monkeypatch)
    bench.fault("status", code=429, headers={"Retry-After": value})
    bench.bring(SURE, replace(QUICK, backoff_seconds=1.0))
    (seconds,) = waits.seconds
    assert seconds == expected or (expected is None and 0.8 <= seconds <= 1.2)


@pytest.mark.parametrize("ahead, least, most", [(3600, 120, 120), (60, 50, 61), (-60, 0, 0)])
def test_retry_after_may_be_a_date(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, ahead: float, least: float, most: float
) -> None:
    waits = Waits(bench.stop, monkeypatch)
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    bench.fault("status", code=503, headers={"Retry-After": at})
    bench.bring()
    assert least <= waits.seconds[0] <= most


def test_a_crawl_is_given_up_for_a_new_connection(bench: Bench) -> None:
    crawl = bench.fault("trickle", after=HERE, bytes=1, every=0.005)
    assert_came(bench, bench.bring(SURE, replace(QUICK, slow_bytes=2000, slow_seconds=0.1)))
    assert crawl.reached.is_set()
    assert bench.sent() < SIZE + 500  # a few may have been under way
    bench.net.wait_open(0)


def test_a_slow_but_steady_server_is_not_given_up(bench: Bench) -> None:
    bench.net.add_plain(NAME, BYTES[:3000])
    file = ModelFile(NAME, 3000, sha256(BYTES[:3000]))
    bench.fault("trickle", bytes=100, every=0.01)
    bench.bring(file, replace(QUICK, slow_bytes=50, slow_seconds=0.05))
    assert len(bench.net.requests(NAME)) == 1


# --- what makes no sense to go on with -------------------------------------------------------------------------------


def evil(text: str) -> str:
    return f"\x1b]0;{text}\x07\u202e"


ENDS: dict[str, tuple[str, dict[str, Any], type[DownloadError], str]] = {
    "gone": ("status", {"code": 404}, NotOnTheHub, "has no data.bin (404)"),
    "gone for good": ("status", {"code": 410}, NotOnTheHub, "has no data.bin (410)"),
    "no entry": ("status", {"code": 401}, AccessDenied, "log in with `hf auth login`, or set HF_TOKEN"),
    "forbidden": ("status", {"code": 403}, AccessDenied, "does not give us data.bin (403)"),
    "gated": ("status", {"code": 403, "headers": {"X-Error-Code": "GatedRepo"}}, AccessDenied, "ask on the model's pa"),
    "a teapot": ("status", {"code": 418, "body": evil("x").encode()}, NotReachable, "answered 418 I'm a Teapot to"),
    "an unknown status": ("status", {"code": 499}, NotReachable, "answered 499 to the request for data.bin"),
    "a log-in page": ("html", {}, NotReachable, "answered with a web page in place of data.bin"),
    "a network's log-in": ("status", {"code": 511}, NotReachable, "answered with a web page in place of data.bin"),
    "a proxy": ("status", {"code": 407}, NotReachable, "The proxy does not let us through to 127.0.0.1"),
    "another kind of address": ("redirect", {"to": "file:///etc/passwd"}, NotReachable, "leads nowhere"),
    "in circles": ("redirect", {"to": "/plain/data.bin"}, NotReachable, "leads nowhere"),
}


@pytest.mark.parametrize("kind, options, error, words", ENDS.values(), ids=ENDS)
def test_an_answer_that_ends_it_is_told_at_once_and_keeps_what_came(
    bench: Bench, kind: str, options: dict[str, Any], error: type[DownloadError], words: str
) -> None:
    bench.begin()
    n_asked = len(bench.net.requests(NAME))
    bench.fault(kind, times=None, **options)
    with pytest.raises(error) as caught:
        bench.bring()
    assert words in sentence(caught.value)
    assert bench.part == BYTES[:HERE]
    assert len(bench.net.requests(NAME)) == n_asked + (31 if options.get("to") == "/plain/data.bin" else 1)


REPEATED: dict[str, tuple[str, dict[str, Any], type[DownloadError], str]] = {
    "in trouble": ("status", {"code": 503}, NotReachable, "answered 503 Service Unavailable to every try for data.bin"),
    "busy": ("status", {"code": 429, "headers": {"Retry-After": "0"}}, NotReachable, "429 Too Many Requests to every"),
    "silent": ("hang", {}, NotReachable, "does not answer; try again later"),
    "compressed": ("gzip", {}, NotReachable, "the server sent it compressed, which was not asked for, every time"),
    "an address that is none": ("redirect", {"to": "http://[::1"}, NotReachable, "connection to 127.0.0.1"),
    "flipped": ("corrupt", {"at": 5}, Corrupt, "came wrong twice from 127.0.0.1"),
    "short": ("short", {}, Corrupt, f"the server has {SIZE - 1:,} bytes, expected {SIZE:,}"),
    "long": ("lying_length", {}, Corrupt, f"the server has {SIZE + 1:,} bytes, expected {SIZE:,}"),
}


@pytest.mark.parametrize("kind, options, error, words", REPEATED.values(), ids=REPEATED)
def test_what_happens_every_time_ends_with_its_name(
    bench: Bench, kind: str, options: dict[str, Any], error: type[DownloadError], words: str
) -> None:
    bench.fault(kind, times=None, **options)
    with pytest.raises(error) as caught:
        bench.bring(SURE, IMPATIENT)
    assert words in sentence(caught.value)
    assert caught.value.host.startswith("127.0.0.1:")
    assert not (bench.directory / NAME).exists()
    bench.net.clear_faults()
    assert_came(bench, bench.bring())


def test_a_mismatch_is_fetched_exactly_once_more(bench: Bench) -> None:
    bench.fault("corrupt", times=None, at=5)
    with pytest.raises(Corrupt, match="its sha256 is not the published one"):
        bench.bring()
    assert bench.sent() == 2 * SIZE


@pytest.mark.parametrize("kind", ["sha256", "git-sha1", "md5"])
def test_every_kind_of_digest_is_compared(bench: Bench, kind: str) -> None:
    with pytest.raises(Corrupt, match=f"its {kind} is not the published one"):
        bench.bring(ModelFile(NAME, SIZE, f"{kind}:{'0' * 40}"))
    assert not (bench.directory / NAME).exists()


@pytest.mark.parametrize("header", ["Content-Length", "Content-Range"])
def test_a_number_that_nobody_can_mean_is_none(bench: Bench, header: str) -> None:
    """Python itself refuses to read one of more than 4300 digits."""
    bench.begin()
    number = "9" * 5000
    value = f"bytes {number}-{number}/{number}" if header == "Content-Range" else number
    bench.fault("status", code=206 if header == "Content-Range" else 204, headers={header: value})
    assert_came(bench, bench.bring())


@pytest.mark.parametrize("kind", ["pass", "chunked", "no_length"])
def test_a_file_of_unknown_size_has_a_limit(bench: Bench, kind: str) -> None:
    bench.fault(kind, times=None)
    with pytest.raises(NotAGPT2, match=r"data\.bin of 127.*a GPT-2 has at most 1,000,000 there") as caught:
        bench.bring(UNKNOWN, most_bytes=1_000_000)
    sentence(caught.value)


# --- to whom the token goes ------------------------------------------------------------------------------------------


def test_the_token_reaches_the_hub_only(hub: Loopback, tmp_path: Path) -> None:
    (commit,) = hub._hub.repos["owner/tiny"].commits
    url = f"{hub.endpoint}/owner/tiny/resolve/{commit}/model.safetensors"
    stop = Stop()
    hub.fault("*", "drop", origin="cdn", after=1000)
    with open_session(stop, {"Authorization": "Bearer secret"}) as session:
        file = ModelFile("model.safetensors", SIZE, sha256(BYTES))
        state = FileState(file.name, 0, SIZE)
        Transfer(file, tmp_path, url, session, stop, state, QUICK, most_bytes=SIZE).run()
    told = [(request.origin, request.headers.get("authorization")) for request in hub.requests()]
    assert told == [("hub", "Bearer secret"), ("cdn", None)] * 2


def test_a_link_that_has_run_out_is_asked_for_anew(hub: Loopback, tmp_path: Path) -> None:
    """Each try begins at the hub, so a 403 of the other host is no refusal to the user."""
    (commit,) = hub._hub.repos["owner/tiny"].commits
    hub.fault("*", "status", origin="cdn", code=403)
    file, stop = ModelFile("model.safetensors", SIZE, sha256(BYTES)), Stop()
    url = f"{hub.endpoint}/owner/tiny/resolve/{commit}/model.safetensors"
    with open_session(stop, {}) as session:
        Transfer(file, tmp_path, url, session, stop, FileState("", 0, SIZE), QUICK, most_bytes=SIZE).run()
    assert [request.origin for request in hub.requests()] == ["hub", "cdn"] * 2


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
