"""Answers that make no sense to go on with: each ends it with its name, and keeps what came."""

from __future__ import annotations

from typing import Any

import pytest

from picogpt_tui.errors import AccessDenied, Corrupt, DownloadError, NotAGPT2, NotOnTheHub, NotReachable
from picogpt_tui.hub.manifest import ModelFile

from .fetching import BYTES, patience_with, sentence
from .one_file import HERE, NAME, SIZE, SURE, UNKNOWN, Bench, assert_came


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
        bench.bring(SURE, patience_with(kind))
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
