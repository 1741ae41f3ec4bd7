"""The fake hub does what it says: other tests lean on it, so a fault that does not happen would make them idle."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from .loopback import GOOD_TOKEN, Loopback, git_sha1

REPO = "owner/gpt2"
WEIGHTS = bytes(i % 251 for i in range(3000))
CONFIG = b'{"n_layer": 3}'
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
PLAIN = "/plain/124M/model.ckpt.index"
GOOD = {"Authorization": f"Bearer {GOOD_TOKEN}"}


class Got(NamedTuple):
    """An answer as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Loopback]:
    weights = tmp_path / "weights"
    weights.write_bytes(WEIGHTS)
    with Loopback() as net:
        net.add_repo(REPO, {"config.json": CONFIG, "model.safetensors": weights}, revisions={"refs/pr/1": "b" * 40})
        net.add_repo("closed", {"config.json": CONFIG}, gated="manual")
        net.add_repo("secret", {"config.json": CONFIG}, private=True)
        net.add_plain("124M/model.ckpt.index", WEIGHTS)
        yield net


def connect(origin: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(origin).netloc, timeout=30)


def ask(origin: str, path: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> Got:
    connection = connect(origin)
    try:
        connection.request(method, path, headers=headers or {})
        return read(connection.getresponse())
    finally:
        connection.close()


def read(response: HTTPResponse) -> Got:
    with response:
        return Got(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def located(net: Loopback, revision: str = "main") -> str:
    """Where the hub sends one for the weights, as a path of the CDN."""
    answer = ask(net.endpoint, f"/{REPO}/resolve/{revision}/model.safetensors", method="HEAD")
    assert answer.headers["location"].startswith(net.cdn)
    return answer.headers["location"].removeprefix(net.cdn)


def test_the_api_tells_commit_sizes_digests_and_licence(net: Loopback) -> None:
    answer = json.loads(ask(net.endpoint, f"/api/models/{REPO}?blobs=true").body)
    config, weights = answer["siblings"]
    assert (answer["id"], answer["cardData"], answer["gated"]) == (REPO, {"license": "mit"}, False)
    assert config == {"rfilename": "config.json", "size": len(CONFIG), "blobId": git_sha1(CONFIG)}
    assert weights["lfs"] == {"sha256": SHA256, "size": len(WEIGHTS), "pointerSize": 135}
    plain = json.loads(ask(net.endpoint, f"/api/models/{REPO}/revision/{answer['sha']}").body)
    assert plain["siblings"] == [{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}]
    tree = json.loads(ask(net.endpoint, f"/api/models/{REPO}/tree/main?recursive=true").body)
    assert [entry["path"] for entry in tree] == ["config.json", "model.safetensors"]


def test_git_sha1_is_what_git_says() -> None:
    r"""`printf 'hello\n' | git hash-object --stdin`."""
    assert git_sha1(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_small_files_come_from_the_hub_and_large_ones_from_the_cdn(net: Loopback, method: str) -> None:
    small = ask(net.endpoint, f"/{REPO}/resolve/refs%2Fpr%2F1/config.json", method=method)
    assert (small.status, small.headers["etag"]) == (200, f'"{git_sha1(CONFIG)}"')
    assert (small.headers["x-repo-commit"], small.headers["content-length"]) == ("b" * 40, str(len(CONFIG)))
    large = ask(net.endpoint, f"/{REPO}/resolve/main/model.safetensors", method=method)
    assert (large.status, large.headers["x-linked-etag"]) == (302, f'"{SHA256}"')
    assert large.headers["x-linked-size"] == str(len(WEIGHTS))
    served = ask(net.cdn, located(net), method=method)
    assert (served.status, served.headers["accept-ranges"]) == (200, "bytes")
    assert (small.body, served.body) == ((CONFIG, WEIGHTS) if method == "GET" else (b"", b""))


@pytest.mark.parametrize(
    "path, headers, status, code",
    [
        ("/api/models/nobody/nothing", {}, 404, "RepoNotFound"),
        (f"/api/models/{REPO}/revision/v9", {}, 404, "RevisionNotFound"),
        (f"/{REPO}/resolve/v9/config.json", {}, 404, "RevisionNotFound"),
        (f"/{REPO}/resolve/main/none.json", {}, 404, "EntryNotFound"),
        ("/closed/resolve/main/config.json", {}, 401, "GatedRepo"),
        ("/closed/resolve/main/config.json", {"Authorization": "Bearer other"}, 403, "GatedRepo"),
        ("/closed/resolve/main/config.json", GOOD, 200, None),
        ("/api/models/closed", {}, 200, None),
        ("/api/models/secret", {}, 404, "RepoNotFound"),
        ("/secret/resolve/main/config.json", {}, 404, "RepoNotFound"),
        ("/api/models/secret", GOOD, 200, None),
    ],
)
def test_errors_carry_their_code(
    net: Loopback, path: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    answer = ask(net.endpoint, path, headers)
    assert (answer.status, answer.headers.get("x-error-code")) == (status, code)
    assert ("x-error-message" in answer.headers) == (code is not None)


@pytest.mark.parametrize(
    "asked, status, content_range, slice_",
    [
        ({"Range": "bytes=7-"}, 206, "bytes 7-2999/3000", slice(7, None)),
        ({"Range": "bytes=7-9"}, 206, "bytes 7-9/3000", slice(7, 10)),
        ({"Range": "bytes=-5"}, 206, "bytes 2995-2999/3000", slice(-5, None)),
        ({"Range": "bytes=3000-"}, 416, "bytes */3000", slice(0, 0)),
        ({"Range": "lines=1-2"}, 200, None, slice(None)),
        ({"Range": "bytes=7-", "If-Range": '"other"'}, 200, None, slice(None)),
        ({"Range": "bytes=7-", "If-Range": "THE ETAG"}, 206, "bytes 7-2999/3000", slice(7, None)),
    ],
)
@pytest.mark.parametrize("where", ["lfs", "plain"])
def test_ranges(
    net: Loopback, where: str, asked: dict[str, str], status: int, content_range: str | None, slice_: slice
) -> None:
    path = located(net) if where == "lfs" else PLAIN
    etag = ask(net.cdn, path, method="HEAD").headers["etag"]
    answer = ask(net.cdn, path, {name: value.replace("THE ETAG", etag) for name, value in asked.items()})
    assert (answer.status, answer.headers.get("content-range")) == (status, content_range)
    assert answer.body == WEIGHTS[slice_]


def test_plain_files_have_an_md5_and_get_a_new_etag_when_replaced(net: Loopback) -> None:
    whole, part = ask(net.cdn, PLAIN), ask(net.cdn, PLAIN, {"Range": "bytes=1-"})
    md5 = base64.b64encode(hashlib.md5(WEIGHTS).digest()).decode()
    assert whole.headers["content-md5"] == part.headers["x-ms-blob-content-md5"] == md5
    assert "content-md5" not in part.headers
    net.add_plain("124M/model.ckpt.index", CONFIG, md5=False)
    newer = ask(net.cdn, PLAIN)
    assert newer.body == CONFIG
    assert "content-md5" not in newer.headers
    assert newer.headers["etag"] != whole.headers["etag"]
    assert ask(net.cdn, "/plain/124M/none").headers["x-ms-error-code"] == "BlobNotFound"


def test_metadata_lies_when_told_to(net: Loopback) -> None:
    net.add_repo(
        "liar", {"model.safetensors": WEIGHTS}, sizes={"model.safetensors": 5}, digests={"model.safetensors": "d"}
    )
    (told,) = json.loads(ask(net.endpoint, "/api/models/liar?blobs=1").body)["siblings"]
    head = ask(net.endpoint, "/liar/resolve/main/model.safetensors", method="HEAD").headers
    assert (told["size"], told["lfs"]["sha256"], head["x-linked-size"], head["x-linked-etag"]) == (5, "d", "5", '"d"')
    assert ask(net.cdn, head["location"].removeprefix(net.cdn)).body == WEIGHTS


def test_a_newer_commit_moves_main_and_leaves_the_older_one(net: Loopback) -> None:
    older = net.add_repo("moving", {"config.json": b"1"})
    newer = net.add_repo("moving", {"config.json": b"2"})
    bodies = [ask(net.endpoint, f"/moving/resolve/{at}/config.json").body for at in (older, newer, "main")]
    assert bodies == [b"1", b"2", b"2"]


@pytest.mark.parametrize("asked, first", [({}, 0), ({"Range": "bytes=1000-"}, 1000)])
@pytest.mark.parametrize(
    "kind, options, missing",
    [("drop", {"after": 700}, None), ("reset", {"after": 700}, None), ("lying_length", {"by": 9}, 9)],
)
@pytest.mark.parametrize("where", ["lfs", "plain"])
def test_a_body_that_ends_early(
    net: Loopback,
    where: str,
    kind: str,
    options: dict[str, Any],
    missing: int | None,
    asked: dict[str, str],
    first: int,
) -> None:
    path = located(net) if where == "lfs" else PLAIN
    net.fault("model.*", kind, origin="cdn", **options)
    connection = connect(net.cdn)
    connection.request("GET", path, headers=asked)
    received = b""
    with connection.getresponse() as response:
        if kind == "reset":
            received = response.read(700)
            with pytest.raises(ConnectionResetError):
                response.read(1)
        else:
            with pytest.raises(IncompleteRead) as error:
                response.read()
            received = error.value.partial
    connection.close()
    assert received == (WEIGHTS[first:] if missing else WEIGHTS[first : first + 700])
    assert net.body_bytes("model.*") == len(received)
    assert ask(net.cdn, path, asked).body == WEIGHTS[first:]  # once is enough


FLIPPED = WEIGHTS[:1200] + bytes([WEIGHTS[1200] ^ 0xFF]) + WEIGHTS[1201:]


@pytest.mark.parametrize(
    "kind, options, status, headers, body",
    [
        ("pass", {}, 206, {}, WEIGHTS[1000:]),
        ("corrupt", {"at": 1200}, 206, {"content-range": "bytes 1000-2999/3000"}, FLIPPED[1000:]),
        ("corrupt", {"at": 1000}, 206, {}, bytes([WEIGHTS[1000] ^ 0xFF]) + WEIGHTS[1001:]),
        ("short", {"missing": 100}, 206, {"content-range": "bytes 1000-2899/2900"}, WEIGHTS[1000:2900]),
        ("norange", {}, 200, {"content-length": "3000"}, WEIGHTS),
        ("wrong_start", {"by": 5}, 206, {"content-range": "bytes 995-2999/3000"}, WEIGHTS[995:]),
        ("wrong_total", {"by": 5}, 206, {"content-range": "bytes 1000-2999/3005"}, WEIGHTS[1000:]),
        ("status", {"code": 429, "headers": {"Retry-After": "3"}, "body": b"slow"}, 429, {"retry-after": "3"}, b"slow"),
        ("html", {"body": b"<p>"}, 200, {"content-type": "text/html; charset=utf-8"}, b"<p>"),
        ("no_length", {}, 206, {"connection": "close"}, WEIGHTS[1000:]),
        ("chunked", {}, 206, {"transfer-encoding": "chunked"}, WEIGHTS[1000:]),
        ("gzip", {}, 206, {"content-encoding": "gzip"}, gzip.compress(WEIGHTS[1000:], mtime=0)),
        ("redirect", {"to": "http://elsewhere/"}, 302, {"location": "http://elsewhere/"}, b""),
        ("etag_changes", {}, 200, {"etag": '"changed-1"'}, WEIGHTS),
    ],
)
@pytest.mark.parametrize("where", ["lfs", "plain"])
def test_a_fault_spoils_one_answer(
    net: Loopback, where: str, kind: str, options: dict[str, Any], status: int, headers: dict[str, str], body: bytes
) -> None:
    path = located(net) if where == "lfs" else PLAIN
    asked = {"Range": "bytes=1000-", "If-Range": ask(net.cdn, path, method="HEAD").headers["etag"]}
    fault = net.fault("model.*", kind, **options)
    spoilt = ask(net.cdn, path, asked)
    assert (spoilt.status, spoilt.body) == (status, body)
    assert headers.items() <= spoilt.headers.items()
    assert ("content-length" in spoilt.headers) == (kind not in ("no_length", "chunked"))
    assert (fault.n_used, fault.reached.is_set()) == (1, True)
    right = ask(net.cdn, path, asked)
    assert (right.status, right.body) == (206, WEIGHTS[1000:])


def test_a_changed_etag_never_matches_again(net: Loopback) -> None:
    net.fault("model.*", "etag_changes", times=None)
    etags: list[str] = []
    for _ in range(3):
        answer = ask(net.cdn, PLAIN, {"Range": "bytes=1-", "If-Range": etags[-1]} if etags else {})
        assert answer.status == 200
        etags.append(answer.headers["etag"])
    assert len(set(etags)) == 3


def test_faults_wait_for_a_request_that_they_fit_and_act_in_order(net: Loopback) -> None:
    later = net.fault("model.safetensors", "corrupt", at=0)
    first = net.fault("*/resolve/*", "status", code=503, method="GET")
    assert ask(net.endpoint, f"/{REPO}/resolve/main/model.safetensors", method="HEAD").status == 302
    assert ask(net.endpoint, f"/{REPO}/resolve/main/model.safetensors").status == 503
    path = located(net)
    net.fault("model.safetensors", "html", origin="cdn", times=2)
    assert ask(net.cdn, path, {"Range": "bytes=1-"}).body.startswith(
        b"<!doctype html>"
    )  # the corrupt byte is not in it
    assert ask(net.cdn, path).body[:2] == bytes([WEIGHTS[0] ^ 0xFF, WEIGHTS[1]])
    assert (later.n_used, first.n_used) == (1, 1)
    assert ask(net.cdn, path).headers["content-type"].startswith("text/html")
    assert ask(net.cdn, path).body == WEIGHTS
    net.fault("*", "status", times=None)
    assert [ask(net.cdn, path).status for _ in range(3)] == [500] * 3
    net.clear_faults()
    assert ask(net.cdn, path).status == 200


def test_an_option_that_does_not_exist_is_refused(net: Loopback) -> None:
    with pytest.raises(AssertionError, match="no option"):
        net.fault("*", "drop", at=3)


@pytest.mark.parametrize(
    "kind, options, n_sent",
    [("hang", {}, 0), ("stall", {"after": 700}, 700), ("trickle", {"after": 700, "every": 3600.0}, 700)],
)
@pytest.mark.parametrize("end", ["release", "leave"])
@pytest.mark.parametrize("where", ["lfs", "plain"])
def test_a_held_handler_ends_when_released_and_when_the_client_leaves(
    net: Loopback, where: str, kind: str, options: dict[str, Any], n_sent: int, end: str
) -> None:
    path = located(net) if where == "lfs" else PLAIN
    fault = net.fault("model.*", kind, **options)
    connection = connect(net.cdn)
    connection.request("GET", path)
    assert fault.reached.wait(30)
    net.wait_open(1)
    assert (net.n_open, net.body_bytes("model.*"), net.log[-1].status) == (1, n_sent, 200 if n_sent else 0)
    if end == "release":
        net.release()
        assert read(connection.getresponse()).body == WEIGHTS
    connection.close()
    net.wait_open(0)
    assert net.body_bytes("model.*") == (len(WEIGHTS) if end == "release" else n_sent)


def test_a_trickle_gives_a_few_bytes_at_a_time(net: Loopback) -> None:
    net.fault("model.*", "trickle", after=2990, bytes=3, every=0.001)
    assert ask(net.cdn, PLAIN).body == WEIGHTS


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_the_end_cuts_what_is_held_and_then_nobody_listens(net: Loopback, kind: str) -> None:
    net.fault("model.*", kind)
    connection = connect(net.cdn)
    connection.request("GET", PLAIN)
    net.wait_open(1)
    net.kill_listeners()
    assert net.n_open == 0
    with pytest.raises((ConnectionError, IncompleteRead)):
        read(connection.getresponse())
    connection.close()
    for origin in (net.endpoint, net.cdn):
        with pytest.raises(ConnectionRefusedError):
            ask(origin, PLAIN)
    net.restart_listeners()
    assert ask(net.cdn, PLAIN).body == WEIGHTS


def test_a_connection_is_kept_and_everything_is_logged(net: Loopback) -> None:
    connection = connect(net.cdn)
    connections = []
    for method, path in [("HEAD", PLAIN), ("GET", PLAIN), ("GET", "/plain/none?x=1")]:
        connection.request(method, path, headers={"X-Mine": "yes"})
        read(connection.getresponse())
        connections.append(connection.sock)
    connection.close()
    assert connections[0] is connections[1] is connections[2]
    seen = [(entry.origin, entry.method, entry.path, entry.query, entry.status, entry.sent_bytes) for entry in net.log]
    assert seen == [
        ("cdn", "HEAD", PLAIN, "", 200, 0),
        ("cdn", "GET", PLAIN, "", 200, 3000),
        ("cdn", "GET", "/plain/none", "x=1", 404, len(b"The specified blob does not exist.")),
    ]
    assert all(entry.headers["x-mine"] == "yes" for entry in net.log)
    assert net.requests("*.index", "GET") == [net.log[1]]
    assert net.body_bytes("*.index") == 3000


@pytest.mark.parametrize("kind", ["pass", "chunked"])
@pytest.mark.parametrize("rate", [None, 100e6])
def test_a_body_of_many_pieces(net: Loopback, tmp_path: Path, kind: str, rate: float | None) -> None:
    body = bytes(range(256)) * 5003
    net.bytes_per_second = rate
    (tmp_path / "file").write_bytes(body)
    net.add_plain("memory", body)
    net.add_plain("disk", tmp_path / "file")
    net.fault("*", kind, times=None)
    assert ask(net.cdn, "/plain/memory").body == body
    assert ask(net.cdn, "/plain/disk", {"Range": "bytes=13-"}).body == body[13:]


def test_huggingface_hub_is_content(net: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our reading of the protocol is the library's."""
    from huggingface_hub import HfApi, constants, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    api = HfApi(endpoint=net.endpoint, token=False)
    info = api.model_info(REPO, files_metadata=True)
    assert info.siblings is not None
    assert [(file.rfilename, file.size) for file in info.siblings] == [
        ("config.json", len(CONFIG)),
        ("model.safetensors", len(WEIGHTS)),
    ]
    assert info.siblings[1].lfs is not None
    assert (info.siblings[1].lfs.sha256, info.card_data and info.card_data.license) == (SHA256, "mit")
    for name, body in [("config.json", CONFIG), ("model.safetensors", WEIGHTS)]:
        path = hf_hub_download(REPO, name, endpoint=net.endpoint, cache_dir=tmp_path / "cache", token=False)
        assert Path(path).read_bytes() == body
        assert info.sha in Path(path).parts
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("secret")
    assert HfApi(endpoint=net.endpoint, token=GOOD_TOKEN).model_info("secret").private
    with pytest.raises(GatedRepoError):
        hf_hub_download("closed", "config.json", endpoint=net.endpoint, cache_dir=tmp_path / "cache", token=False)
