"""What network libraries raise, as sentences."""

from __future__ import annotations

import socket
import ssl

import pytest
import requests
import urllib3

from picogpt_tui.hub.trouble import host_of, in_short, is_final, not_reachable

from .fetching import sentence

HOST = "hub.example:8080"
EVIL = "\x1b\u202e"


def caused(outer: BaseException, *inner: BaseException) -> BaseException:
    """An error with its chain of causes."""
    error = outer
    for cause in inner:
        error.__cause__ = cause
        error = cause
    return outer


def unverified() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: expired")
    error.verify_message = "certificate has expired"
    return error


CASES: dict[str, tuple[BaseException, str, bool]] = {
    "certificate": (requests.exceptions.SSLError(unverified()), "is not trusted (certificate has expired)", True),
    "certificate, told as text": (
        requests.exceptions.SSLError("x [SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"),
        "is not trusted (self-signed certificate)",
        True,
    ),
    "proxy": (requests.exceptions.ProxyError("407"), "The proxy does not let us through to hub.example:8080", True),
    "name": (
        caused(requests.ConnectionError(), socket.gaierror(-2, "Name or service not known")),
        "is not known",
        False,
    ),
    "name, as text": (
        requests.ConnectionError("NameResolutionError(\"Failed to resolve 'x'\")"),
        "is not known",
        False,
    ),
    "silence": (TimeoutError("timed out"), "hub.example:8080 does not answer", False),
    "silence while reading": (requests.ReadTimeout("Read timed out."), "hub.example:8080 does not answer", False),
    "refused": (caused(requests.ConnectionError(), ConnectionRefusedError(111, "x")), "refuses the connection", False),
    "reset": (
        ConnectionResetError(104, "Connection reset by peer"),
        "broke ([Errno 104] Connection reset by peer)",
        False,
    ),
    "nothing said": (OSError(), "broke (OSError)", False),
    "circles": (requests.TooManyRedirects("Exceeded 30 redirects."), "leads nowhere (Exceeded 30 redirects.)", True),
    "hostile": (urllib3.exceptions.HTTPError(EVIL * 100), "The connection to hub.example:8080 broke (", False),
}


@pytest.mark.parametrize("error, words, final", CASES.values(), ids=CASES)
def test_every_trouble_has_a_sentence(error: BaseException, words: str, final: bool) -> None:
    told = not_reachable(error, HOST, "124M")
    assert words in sentence(told)
    assert (told.host, told.name) == (HOST, "124M")
    assert is_final(error) is final


def test_an_error_that_causes_itself_ends() -> None:
    error = OSError("x")
    error.__context__ = RuntimeError("y")
    error.__context__.__context__ = error
    assert "broke" in str(not_reachable(error, HOST))


def test_the_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:hunter2@proxy.example:3128")
    text = sentence(not_reachable(requests.exceptions.ProxyError("x"), HOST))
    assert text.startswith("The proxy http://proxy.example:3128 does not let us through to hub.example:8080")


@pytest.mark.parametrize("no_proxy, words", [("", "The proxy http://p:1"), ("hub.example", "refuses the connection")])
def test_behind_a_proxy_it_is_the_proxy_that_refuses(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, words: str
) -> None:
    """The hub's own library does not say so."""
    monkeypatch.setenv("https_proxy", "http://p:1")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert words in sentence(not_reachable(ConnectionRefusedError(111, "Connection refused"), HOST))


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://huggingface.co/x/y", "huggingface.co"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://me:hunter2@host/x", "host"),
        ("http://[::1", "http://[::1"),
        (f"http://{EVIL}/", "␛⟨U+202E⟩"),
        ("nothing", ""),
        ("http://" + "x" * 500, "x" * 99 + "…"),
    ],
)
def test_the_host_of_an_address(url: str, expected: str) -> None:
    assert host_of(url) == expected


@pytest.mark.parametrize(
    "error, expected",
    [
        (requests.ConnectTimeout("x"), "no connection for 10 s"),
        (requests.ReadTimeout("x"), "no data for 12 s"),
        (TimeoutError("timed out"), "no data for 12 s"),
        (requests.ConnectionError("NewConnectionError(refused)"), "no connection"),
        (requests.ConnectionError("NameResolutionError(x)"), "no connection"),
        (ConnectionResetError(104, "reset"), "the connection broke off"),
    ],
    ids=str,
)
def test_a_few_words_for_who_waits(error: BaseException, expected: str) -> None:
    assert in_short(error, 10.0, 12.0) == expected
