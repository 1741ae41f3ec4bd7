"""One file over HTTP: whatever the server does, the right bytes come."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from picogpt_tui.errors import NotOnTheHub, NotReachable
from picogpt_tui.hub.connection import Stop, open_session
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.transfer import FileState, Transfer

from .fetching import BYTES, IMPATIENT, QUICK, patience_with, sha256
from .loopback import Loopback
from .one_file import ETAG, HERE, NAME, PLAIN, SIZE, SURE, UNKNOWN, Bench, assert_came


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
    assert_came(bench, bench.bring(file, patience_with(trouble.kind)))
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
    "another start": Trouble("wrong_start", {"by": 7}, twice=SIZE + 7),
    "another total": Trouble("wrong_total", {"by": 1}, twice=SIZE - HERE),
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


def test_what_is_here_is_not_taken_for_the_whole_when_less_comes(bench: Bench) -> None:
    """A server that ignores ranges and says no length breaks off before it has sent what is here already."""
    bench.begin(UNKNOWN)
    resource = bench.net._files[f"/plain/{NAME}"]
    bench.net._files[f"/plain/{NAME}"] = replace(resource, takes_ranges=False, size=1000)
    bench.fault("no_length")
    with pytest.raises(NotReachable, match="the connection broke off"):
        bench.bring(UNKNOWN, replace(QUICK, tries=1))
    assert bench.part == BYTES[:HERE]
    bench.net._files[f"/plain/{NAME}"] = resource
    assert_came(bench, bench.bring(UNKNOWN))


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
