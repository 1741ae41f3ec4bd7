"""A fake Hugging Face hub and a plain file server on 127.0.0.1, which fail in every way that we know of.

Two origins, as in life: the hub answers questions and small files, and sends whoever wants a large file to the
other port (the CDN), where plain files live too, as in OpenAI's Azure container.

    with Loopback() as net:
        net.add_repo("openai-community/gpt2", {"config.json": b"{}", "model.safetensors": weights})
        net.fault("model.safetensors", "drop", after=1000)  # the first GET ends early, the second is served
        fetch(net.endpoint)
        assert net.body_bytes("model.safetensors") == len(weights)

What a hub answers: https://huggingface.co/docs/hub/api; ranges: https://www.rfc-editor.org/rfc/rfc9110#section-14.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import itertools
import json
import re
import select
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote, unquote

GOOD_TOKEN = "good-token"
PIECE_BYTES = 512 * 1024  # what goes to the socket at once: large, since downloads are timed against curl
TICK_SECONDS = 0.02
PATIENCE_SECONDS = 30.0

# ---------------------------------------------------------------------------------------------- contents


def size_of(content: bytes | Path) -> int:
    """The length in bytes of what is in memory or on disk."""
    return content.stat().st_size if isinstance(content, Path) else len(content)


def read_slice(content: bytes | Path, first: int, stop: int) -> bytes:
    """Return content[first:stop], from memory or disk."""
    if isinstance(content, bytes):
        return content[first:stop]
    with content.open("rb") as file:
        file.seek(first)
        return file.read(stop - first)


def hash_of(content: bytes | Path, algorithm: str, *, prefix: bytes = b"") -> bytes:
    """The digest of prefix + content, without reading a large file at once."""
    hasher = hashlib.new(algorithm, prefix)
    for first in range(0, size_of(content), PIECE_BYTES):
        hasher.update(read_slice(content, first, first + PIECE_BYTES))
    return hasher.digest()


def git_sha1(content: bytes | Path) -> str:
    """The name that git, and so the hub, gives a small file."""
    return hash_of(content, "sha1", prefix=b"blob %d\0" % size_of(content)).hex()


# ---------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Resource:
    """Something with a body that can be asked for; `size` bytes of the content are served."""

    content: bytes | Path
    size: int
    etag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    md5: str = ""
    takes_ranges: bool = True


@dataclass
class Answer:
    """A status, headers, and the slice of a content that is the body; without resource an error or a redirect."""

    status: int
    headers: dict[str, str]
    content: bytes | Path = b""
    first: int = 0
    stop: int = 0
    resource: Resource | None = None


def text_answer(status: int, body: bytes, headers: Mapping[str, str], kind: str = "text/plain") -> Answer:
    """An answer that is not a file."""
    own = {"Content-Type": kind, "Content-Length": str(len(body))}
    return Answer(status, own | dict(headers), body, 0, len(body))


def hub_error(status: int, code: str, message: str) -> Answer:
    """An error as the hub words it: the clients read the two headers."""
    return text_answer(status, message.encode(), {"X-Error-Code": code, "X-Error-Message": message})


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The [first, stop) that a Range header means; first >= stop when nothing of it exists, None to ignore it."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def wanted_range(resource: Resource, asked: Mapping[str, str]) -> tuple[int, int] | None:
    """The range to serve, None for the whole: no Range, or an If-Range that no longer holds."""
    stale = asked.get("if-range", resource.etag) != resource.etag
    if "range" not in asked or not resource.takes_ranges or stale:
        return None
    return parse_range(asked["range"], resource.size)


def serve(resource: Resource, asked: Mapping[str, str]) -> Answer:
    """Answer 200, 206 or 416 to a request with the given (lower-case) headers."""
    headers = dict(resource.headers)
    if resource.etag:
        headers["ETag"] = resource.etag
    if resource.takes_ranges:
        headers["Accept-Ranges"] = "bytes"
    wanted = wanted_range(resource, asked)
    first, stop = wanted or (0, resource.size)
    if wanted and first >= stop:
        headers |= {"Content-Range": f"bytes */{resource.size}", "Content-Length": "0"}
        return Answer(416, headers, resource=resource)
    if wanted:
        headers["Content-Range"] = f"bytes {first}-{stop - 1}/{resource.size}"
    if resource.md5:
        headers["x-ms-blob-content-md5" if wanted else "Content-MD5"] = resource.md5
    headers["Content-Length"] = str(stop - first)
    return Answer(206 if wanted else 200, headers, resource.content, first, stop, resource)


# ---------------------------------------------------------------------------------------------- the hub's routes


@dataclass(frozen=True)
class RepoFile:
    """A file of a repo, with what the hub says about it (which may be a lie)."""

    content: bytes | Path
    digest: str
    stated_size: int
    is_lfs: bool

    def describe(self, name: str) -> dict[str, Any]:
        """The entry of `siblings` in the answer with blobs=true."""
        if not self.is_lfs:
            return {"rfilename": name, "size": self.stated_size, "blobId": self.digest}
        pointer = hashlib.sha1(self.digest.encode()).hexdigest()
        lfs = {"sha256": self.digest, "size": self.stated_size, "pointerSize": 135}
        return {"rfilename": name, "size": self.stated_size, "blobId": pointer, "lfs": lfs}

    def tree_entry(self, name: str) -> dict[str, Any]:
        """The entry of the `tree` answer."""
        told = self.describe(name)
        entry = {"type": "file", "oid": told["blobId"], "size": self.stated_size, "path": name}
        if self.is_lfs:
            entry["lfs"] = {"oid": self.digest, "size": self.stated_size, "pointerSize": 135}
        return entry


@dataclass
class Repo:
    """A repo: its files by commit, and the commits by name of the revision."""

    name: str
    licence: str | None
    gated: bool | str
    private: bool
    commits: dict[str, dict[str, RepoFile]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def info(self, commit: str, *, with_blobs: bool) -> dict[str, Any]:
        """What `GET /api/models/{repo}` says."""
        files = self.commits[commit]
        card = {"license": self.licence} if self.licence else {}
        return {
            "id": self.name,
            "modelId": self.name,
            "sha": commit,
            "siblings": [file.describe(name) if with_blobs else {"rfilename": name} for name, file in files.items()],
            "cardData": card,
            "tags": [f"license:{self.licence}"] if self.licence else [],
            "private": self.private,
            "gated": self.gated,
        }


def split_route(path: str) -> tuple[str, str, str, str] | None:
    """Return (what, repo, revision, file) of a path of the hub; what is "info", "tree" or "resolve"."""
    api = re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)??)(?:/(revision|tree)/([^/]+))?", path)
    if api:
        what = "tree" if api[2] == "tree" else "info"
        return what, unquote(api[1]), unquote(api[3] or "main"), ""
    resolve = re.fullmatch(r"/([^/]+(?:/[^/]+)??)/resolve/([^/]+)/(.+)", path)
    return ("resolve", *map(unquote, resolve.groups())) if resolve else None  # type: ignore[return-value]  # 3 groups


class Hub:
    """What the hub's origin knows and answers."""

    def __init__(self, files: dict[str, Resource]) -> None:
        self.repos: dict[str, Repo] = {}
        self.cdn = ""
        self._files = files  # by path, on the CDN's origin

    def add(self, repo: Repo, commit: str, files: dict[str, RepoFile]) -> None:
        """Serve these files of the repo at this commit, the large ones from the CDN."""
        repo.commits[commit] = files
        for name, file in files.items():
            if file.is_lfs:
                path = f"/lfs/{quote(repo.name)}/{commit}/{quote(name)}"
                self._files[path] = Resource(file.content, size_of(file.content), f'"{file.digest}"')

    def answer(self, request: Request) -> Answer:
        """Answer a GET or a HEAD."""
        route = split_route(request.path)
        if route is None:
            return text_answer(404, b"no such page", {})
        what, name, revision, file = route
        token = request.headers.get("authorization", "")
        repo = self.repos.get(name)
        if repo is None or (repo.private and token != f"Bearer {GOOD_TOKEN}"):
            return hub_error(404, "RepoNotFound", "Repository not found")
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            return hub_error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if what == "tree":
            return _json([found.tree_entry(path) for path, found in repo.commits[commit].items()])
        if what == "info":
            return _json(repo.info(commit, with_blobs="blobs=" in request.query))
        if repo.gated and token != f"Bearer {GOOD_TOKEN}":
            return hub_error(403 if token else 401, "GatedRepo", f"Access to model {name} is restricted")
        return self._resolve(repo, commit, file, request)

    def _resolve(self, repo: Repo, commit: str, name: str, request: Request) -> Answer:
        file = repo.commits[commit].get(name)
        headers = {"X-Repo-Commit": commit}
        if file is None:
            missing = hub_error(404, "EntryNotFound", "Entry not found")
            missing.headers |= headers
            return missing
        if not file.is_lfs:
            whole = Resource(file.content, size_of(file.content), f'"{file.digest}"', headers)
            return serve(whole, request.headers if request.method == "GET" else {})
        headers["Location"] = f"{self.cdn}/lfs/{quote(repo.name)}/{commit}/{quote(name)}?signature=1"
        headers["X-Linked-Etag"] = f'"{file.digest}"'
        headers["X-Linked-Size"] = str(file.stated_size)
        return text_answer(302, b"", headers)


def _json(value: object) -> Answer:
    body = json.dumps(value).encode()
    return serve(Resource(body, len(body), headers={"Content-Type": "application/json"}, takes_ranges=False), {})


# ---------------------------------------------------------------------------------------------- faults

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "pass": {},
    "drop": {"after": 0},
    "reset": {"after": 0},
    "stall": {"after": 0},
    "trickle": {"after": 0, "bytes": 1, "every": 0.5},
    "corrupt": {"at": 0},
    "short": {"missing": 1},
    "norange": {},
    "wrong_start": {"by": 1},
    "wrong_total": {"by": 1},
    "status": {"code": 500, "headers": {}, "body": b"trouble"},
    "html": {"body": b"<!doctype html><title>Sign in</title><p>Please sign in to the guest network."},
    "hang": {},
    "no_length": {},
    "chunked": {},
    "lying_length": {"by": 1},
    "gzip": {},
    "redirect": {"to": "/"},
    "etag_changes": {},
}
"""Every kind of fault with its options and what they are when not given."""
FIT_ANY_ANSWER = {"pass", "status", "html", "hang", "redirect"}
TAKE_EFFECT_LATER = {"drop", "reset", "stall", "trickle", "hang"}


@dataclass
class Request:
    """A request as it came; status is 0 until it is answered, sent_bytes counts the body alone."""

    origin: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    time: float
    status: int = 0
    sent_bytes: int = 0

    def matches(self, pattern: str) -> bool:
        """Whether the path, as it was written, or its last part fits the pattern of fnmatch."""
        return fnmatchcase(self.path, pattern) or fnmatchcase(self.path.rsplit("/", 1)[-1], pattern)


@dataclass
class Fault:
    """A trouble that waits for the requests it fits; `reached` is set once its effect has begun."""

    pattern: str
    kind: str
    times: int | None
    options: Mapping[str, Any]
    method: str | None = None
    origin: str | None = None
    n_used: int = 0
    reached: threading.Event = field(default_factory=threading.Event)

    def fits(self, request: Request, answer: Answer) -> bool:
        """Whether it is to spoil this answer; most faults need the body of a GET to spoil."""
        if self.times is not None and self.n_used >= self.times:
            return False
        if not request.matches(self.pattern):
            return False
        if request.method != (self.method or request.method) or request.origin != (self.origin or request.origin):
            return False
        return self.kind in FIT_ANY_ANSWER or (request.method == "GET" and self._fits_body(request, answer))

    def _fits_body(self, request: Request, answer: Answer) -> bool:
        if answer.resource is None:
            return False
        if self.kind == "norange":
            return "range" in request.headers
        if self.kind in ("wrong_start", "wrong_total"):
            return answer.status == 206
        if self.kind == "corrupt":
            return bool(answer.first <= self.options["at"] < answer.stop)
        return answer.status in (200, 206)

    def spoil(self, answer: Answer, asked: Mapping[str, str]) -> Answer:
        """The answer with the wrong headers or the wrong body; those that act while sending leave it alone."""
        change = CHANGES.get(self.kind)
        return change(self, answer, asked) if change else answer


def _resource(answer: Answer) -> Resource:
    assert answer.resource is not None  # Fault.fits has looked
    return answer.resource


def _short(fault: Fault, answer: Answer, asked: Mapping[str, str]) -> Answer:
    whole = _resource(answer)
    return serve(replace(whole, size=max(0, whole.size - fault.options["missing"])), asked)


def _norange(_: Fault, answer: Answer, __: Mapping[str, str]) -> Answer:
    return serve(replace(_resource(answer), takes_ranges=False), {})


def _etag_changes(fault: Fault, answer: Answer, asked: Mapping[str, str]) -> Answer:
    return serve(replace(_resource(answer), etag=f'"changed-{fault.n_used}"'), asked)


def _wrong_start(fault: Fault, answer: Answer, _: Mapping[str, str]) -> Answer:
    answer.first = max(0, answer.first - fault.options["by"])
    answer.headers["Content-Range"] = f"bytes {answer.first}-{answer.stop - 1}/{_resource(answer).size}"
    answer.headers["Content-Length"] = str(answer.stop - answer.first)
    return answer


def _wrong_total(fault: Fault, answer: Answer, _: Mapping[str, str]) -> Answer:
    total = _resource(answer).size + fault.options["by"]
    answer.headers["Content-Range"] = f"bytes {answer.first}-{answer.stop - 1}/{total}"
    return answer


def _status(fault: Fault, _: Answer, __: Mapping[str, str]) -> Answer:
    return text_answer(fault.options["code"], fault.options["body"], fault.options["headers"])


def _html(fault: Fault, _: Answer, __: Mapping[str, str]) -> Answer:
    return text_answer(200, fault.options["body"], {}, "text/html; charset=utf-8")


def _redirect(fault: Fault, _: Answer, __: Mapping[str, str]) -> Answer:
    return text_answer(302, b"", {"Location": fault.options["to"]})


def _no_length(_: Fault, answer: Answer, __: Mapping[str, str]) -> Answer:
    del answer.headers["Content-Length"]
    answer.headers["Connection"] = "close"
    return answer


def _chunked(_: Fault, answer: Answer, __: Mapping[str, str]) -> Answer:
    del answer.headers["Content-Length"]
    answer.headers["Transfer-Encoding"] = "chunked"
    return answer


def _lying_length(fault: Fault, answer: Answer, _: Mapping[str, str]) -> Answer:
    answer.headers["Content-Length"] = str(answer.stop - answer.first + fault.options["by"])
    answer.headers["Connection"] = "close"
    return answer


def _gzip(_: Fault, answer: Answer, __: Mapping[str, str]) -> Answer:
    body = gzip.compress(read_slice(answer.content, answer.first, answer.stop), mtime=0)
    headers = answer.headers | {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
    return Answer(answer.status, headers, body, 0, len(body), answer.resource)


CHANGES: Mapping[str, Callable[[Fault, Answer, Mapping[str, str]], Answer]] = {
    "short": _short,
    "norange": _norange,
    "etag_changes": _etag_changes,
    "wrong_start": _wrong_start,
    "wrong_total": _wrong_total,
    "status": _status,
    "html": _html,
    "redirect": _redirect,
    "no_length": _no_length,
    "chunked": _chunked,
    "lying_length": _lying_length,
    "gzip": _gzip,
}

# ---------------------------------------------------------------------------------------------- serving


class Handler(BaseHTTPRequestHandler):
    """One connection: answers its requests one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: with it, each answer would wait for an ACK
    server: Origin

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def log_message(self, *_: object) -> None:
        """Say nothing: `Loopback.log` is the log."""

    def _handle(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.request_log = Request(self.server.name, self.command, path, query, headers, time.monotonic())
        net = self.server.net
        answer, fault = net.note(self.request_log, self.server.answer)
        if fault is not None and fault.kind == "hang":
            self._hold(fault)
        self._send_head(answer)
        if self.command == "GET":
            self._send_body(answer, fault)

    def _send_head(self, answer: Answer) -> None:
        self.request_log.status = answer.status  # before it is sent: who has the answer finds it in the log
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, answer: Answer, fault: Fault | None) -> None:
        if fault is not None and fault.kind in ("drop", "reset", "stall", "trickle"):
            self._send_until_trouble(answer, fault)
        elif fault is not None and fault.kind == "corrupt":
            at = fault.options["at"]
            self._send(answer.content, answer.first, at)
            self._send(bytes([read_slice(answer.content, at, at + 1)[0] ^ 0xFF]), 0, 1)
            self._send(answer.content, at + 1, answer.stop)
        elif fault is not None and fault.kind == "chunked":
            self._send_chunks(answer)
        else:
            self._send(answer.content, answer.first, answer.stop)

    def _send_until_trouble(self, answer: Answer, fault: Fault) -> None:
        cut = min(answer.stop, answer.first + fault.options["after"])
        self._send(answer.content, answer.first, cut)
        if fault.kind in ("drop", "reset"):
            fault.reached.set()
            self.close_connection = True
            if fault.kind == "reset":
                self._reset()
            return
        if fault.kind == "stall":
            self._hold(fault)
        else:
            cut = self._trickle(answer, cut, fault)
        self._send(answer.content, cut, answer.stop)

    def _trickle(self, answer: Answer, at: int, fault: Fault) -> int:
        """Send a few bytes at a time; returns where it stopped, when released or at the end."""
        step = fault.options["bytes"]
        with self.server.net.holding(fault) as released:
            while at < answer.stop and not self._wait(released, fault.options["every"]):
                self._send(answer.content, at, min(answer.stop, at + step))
                at = min(answer.stop, at + step)
        return at

    def _hold(self, fault: Fault) -> None:
        with self.server.net.holding(fault) as released:
            self._wait(released)

    def _wait(self, released: threading.Event, seconds: float = float("inf")) -> bool:
        """Wait; returns whether released before the time was up. ConnectionAbortedError: client or server leave."""
        end = time.monotonic() + seconds
        while not released.is_set():
            if self.server.net.closing.is_set():
                raise ConnectionAbortedError
            left_seconds = min(TICK_SECONDS, end - time.monotonic())
            if left_seconds <= 0:
                return False
            if select.select([self.connection], [], [], left_seconds)[0]:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    raise ConnectionAbortedError
                released.wait(left_seconds)  # the next request is there already: it may wait too
        return True

    def _reset(self) -> None:
        if sys.platform == "linux":
            _wait_until_taken(self.connection)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # subtle: `close` would wait for rfile, and socketserver says FIN first, which looks like a clean end.
        socket.close(self.connection.detach())

    def _send_chunks(self, answer: Answer) -> None:
        for first in range(answer.first, answer.stop, PIECE_BYTES):
            stop = min(answer.stop, first + PIECE_BYTES)
            self.connection.sendall(b"%x\r\n" % (stop - first))
            self._send(answer.content, first, stop)
            self.connection.sendall(b"\r\n")
        self.connection.sendall(b"0\r\n\r\n")

    def _send(self, content: bytes | Path, first: int, stop: int) -> None:
        """Send content[first:stop], not faster than allowed."""
        if first >= stop:
            return
        with content.open("rb") if isinstance(content, Path) else contextlib.nullcontext(memoryview(content)) as source:
            while first < stop:
                rate = self.server.net.bytes_per_second
                n_bytes = min(stop - first, PIECE_BYTES if rate is None else max(1, int(rate * TICK_SECONDS)))
                self._send_piece(source, first, n_bytes)
                first += n_bytes
                if rate is not None:
                    self._wait(threading.Event(), n_bytes / rate)

    def _send_piece(self, source: IO[bytes] | memoryview, first: int, n_bytes: int) -> None:
        # subtle: counted before it is sent, so that who has received it finds it counted.
        self.request_log.sent_bytes += n_bytes
        try:
            if isinstance(source, memoryview):
                self.connection.sendall(source[first : first + n_bytes])
            else:
                self.connection.sendfile(source, first, n_bytes)
        except OSError:
            self.request_log.sent_bytes -= n_bytes
            raise


def _wait_until_taken(connection: socket.socket) -> None:
    """Give the other side a second to take what was sent: a reset throws away what is still queued."""
    import fcntl  # these two are not on Windows
    import termios

    for _ in range(1000):
        if not struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]:
            return
        time.sleep(0.001)


class Origin(ThreadingHTTPServer):
    """One port, and every connection that is open to it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, net: Loopback, name: str, answer: Callable[[Request], Answer], port: int = 0) -> None:
        self.net, self.name, self.answer = net, name, answer
        self._open: set[Any] = set()
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(TICK_SECONDS,), daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Bind without asking anyone for the name of this machine."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open.discard(request)
                self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error here; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Listen no more, cut every connection, and wait for the handlers to end."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            assert self._changed.wait_for(lambda: not self._open, PATIENCE_SECONDS), "a handler does not end"


class Loopback:
    """The two origins, what they serve, what they were asked, and what goes wrong; listens from the start."""

    def __init__(self) -> None:
        self.log: list[Request] = []
        self.bytes_per_second: float | None = None
        self.closing = threading.Event()
        self._files: dict[str, Resource] = {}
        self._hub = Hub(self._files)
        self._faults: list[Fault] = []
        self._n_open = 0
        self._released = threading.Event()
        self._changed = threading.Condition()
        self._etags = itertools.count(0x8D000000000001)
        self._origins = self._listen(0, 0)
        self._ports = [origin.server_port for origin in self._origins]
        self.endpoint, self.cdn = (f"http://127.0.0.1:{port}" for port in self._ports)
        self.plain = f"{self.cdn}/plain"
        self._hub.cdn = self.cdn

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self, hub_port: int, cdn_port: int) -> list[Origin]:
        return [
            Origin(self, "hub", self._hub.answer, hub_port),
            Origin(self, "cdn", self._answer_file, cdn_port),
        ]

    # -- what is served

    def add_repo(
        self,
        repo: str,
        files: Mapping[str, bytes | Path],
        *,
        commit: str | None = None,
        lfs: Collection[str] = ("model.safetensors",),
        revisions: Mapping[str, str] | None = None,
        licence: str | None = "mit",
        gated: bool | str = False,
        private: bool = False,
        sizes: Mapping[str, int] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> str:
        """Add a repo, or a newer commit to it; "main" moves there, older commits stay.

        Args:
            repo: "name" or "owner/name".
            files: contents by name.
            commit: 40 hex digits; by default made from the contents.
            lfs: names of the files that are served by the CDN.
            revisions: further names and their commits; a commit not known yet has the same files.
            licence: for the model card.
            gated: False, or what the hub says: "auto", "manual". Files need GOOD_TOKEN then, the metadata does not.
            private: without GOOD_TOKEN the repo does not exist.
            sizes: by file, to be stated in place of the true ones (API, X-Linked-Size).
            digests: by file, to be stated in place of the true ones, which are then not computed (API, ETags).

        Returns:
            The commit.
        """
        made = {
            name: _repo_file(content, name in lfs, (sizes or {}).get(name), (digests or {}).get(name))
            for name, content in files.items()
        }
        named = json.dumps([repo, [(name, file.digest) for name, file in made.items()]])
        commit = commit or hashlib.sha1(named.encode()).hexdigest()
        entry = Repo(repo, licence, gated, private)
        if repo in self._hub.repos:
            entry.commits, entry.refs = self._hub.repos[repo].commits, self._hub.repos[repo].refs
        entry.refs |= {"main": commit, **(revisions or {})}
        self._hub.add(entry, commit, made)
        for other in set(entry.refs.values()) - set(entry.commits):
            self._hub.add(entry, other, made)
        self._hub.repos[repo] = entry
        return commit

    def add_plain(self, path: str, content: bytes | Path, *, md5: bool = True) -> None:
        """Serve `{plain}/{path}`; adding it again gives another ETag, as an upload does."""
        digest = base64.b64encode(hash_of(content, "md5")).decode() if md5 else ""
        etag = f'"0x{next(self._etags):X}"'
        headers = {"Content-Type": "application/octet-stream", "x-ms-blob-type": "BlockBlob"}
        self._files[f"/plain/{quote(path)}"] = Resource(content, size_of(content), etag, headers, digest)

    def _answer_file(self, request: Request) -> Answer:
        resource = self._files.get(request.path)
        if resource is None:
            return text_answer(404, b"The specified blob does not exist.", {"x-ms-error-code": "BlobNotFound"})
        return serve(resource, request.headers if request.method == "GET" else {})

    # -- what goes wrong

    def fault(
        self,
        pattern: str,
        kind: str,
        *,
        times: int | None = 1,
        method: str | None = None,
        origin: str | None = None,
        **options: Any,
    ) -> Fault:
        """Spoil the next requests that fit; of several faults the oldest that fits and is not used up acts.

        The faults of a body ("drop", "corrupt", ...) fit only GETs that are answered with a content, so that for a
        large file they wait for the CDN; "norange" needs a Range, "wrong_*" a 206, "corrupt" its byte in the range.
        "status", "html", "hang", "redirect" and "pass" (nothing is wrong) fit any request: for the CDN's alone,
        give the origin.

        Args:
            pattern: of fnmatch, for the whole path or its last part.
            kind: one of FAULTS.
            times: how many requests it spoils; None for all.
            method: "GET" or "HEAD" alone.
            origin: "hub" or "cdn" alone.
            options: those of FAULTS[kind].
        """
        unknown = options.keys() - FAULTS[kind].keys()
        assert not unknown, f"{kind} has no option {sorted(unknown)}"
        fault = Fault(pattern, kind, times, {**FAULTS[kind], **options}, method, origin)
        with self._changed:
            self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """From now on nothing goes wrong, but for what has begun."""
        with self._changed:
            self._faults.clear()

    def release(self) -> None:
        """Let all handlers go that hang, stall or trickle now: they send the rest."""
        with self._changed:
            self._released.set()
            self._released = threading.Event()

    # -- what the tests look at

    def requests(self, pattern: str = "*", method: str | None = None) -> list[Request]:
        """The requests whose path, or its last part, fits; in order."""
        with self._changed:
            return [entry for entry in self.log if entry.matches(pattern) and entry.method == (method or entry.method)]

    def body_bytes(self, pattern: str = "*") -> int:
        """How many bytes of bodies were sent for the GETs that fit."""
        return sum(request.sent_bytes for request in self.requests(pattern, "GET"))

    @property
    def n_open(self) -> int:
        """How many handlers hang, stall or trickle; one fewer soon after its client has closed the connection."""
        return self._n_open

    def wait_open(self, n: int) -> None:
        """Wait until `n_open` is n; AssertionError after half a minute."""
        with self._changed:
            is_so = self._changed.wait_for(lambda: self._n_open == n, PATIENCE_SECONDS)
            assert is_so, f"n_open is {self._n_open}, not {n}"

    # -- for the handlers

    def note(self, request: Request, answer_of: Callable[[Request], Answer]) -> tuple[Answer, Fault | None]:
        """Log the request; returns its answer, spoilt already where that is done before sending, and the fault."""
        answer = answer_of(request)
        with self._changed:
            self.log.append(request)
            fault = next((fault for fault in self._faults if fault.fits(request, answer)), None)
            if fault is None:
                return answer, None
            fault.n_used += 1
        answer = fault.spoil(answer, request.headers)
        if fault.kind not in TAKE_EFFECT_LATER:
            fault.reached.set()
        return answer, fault

    @contextlib.contextmanager
    def holding(self, fault: Fault) -> Iterator[threading.Event]:
        """Count the handler as open; yields what is set by the next `release`."""
        with self._changed:
            released = self._released
            self._n_open += 1
            self._changed.notify_all()
        fault.reached.set()
        try:
            yield released
        finally:
            with self._changed:
                self._n_open -= 1
                self._changed.notify_all()

    # -- the end

    def kill_listeners(self) -> None:
        """Cut all connections and refuse new ones, as a server that is down."""
        self.closing.set()
        for origin in self._origins:
            origin.stop()
        self._origins = []

    def restart_listeners(self) -> None:
        """Listen again on the same ports, after `kill_listeners`."""
        self.closing.clear()
        self._origins = self._listen(*self._ports)

    def close(self) -> None:
        """End it all; twice does no harm."""
        self.kill_listeners()


def _repo_file(content: bytes | Path, is_lfs: bool, size: int | None, digest: str | None) -> RepoFile:
    if digest is None:
        digest = hash_of(content, "sha256").hex() if is_lfs else git_sha1(content)
    return RepoFile(content, digest, size_of(content) if size is None else size, is_lfs)
