"""Between here and the source: no network, a proxy, a certificate, a log-in page, a switch. Each has its sentence."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from picogpt_tui.errors import NotOnTheHub, NotReachable, SettingError

from .fetching import BOTH, FILES, assert_ready, begin, fetch, folder, part_bytes, refused
from .loopback import Loopback

EVIL = "\x1b]0;owned\x07\u202e<b>"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@BOTH
def test_nobody_listens(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port()}")
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    assert "refuses the connection; check its address, or try again later" in str(caught)
    assert hub.log == []


@BOTH
def test_no_name_server_knows_it(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv(variable, "http://hub.invalid")
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    assert str(caught).startswith("hub.invalid is not known: there is no network, or no name server answers")


@pytest.mark.parametrize("value", ["hub.example", "ftp://hub.example", "http://", "http://[::1", "http://a:b", EVIL])
@BOTH
def test_an_address_that_is_none(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, SettingError)
    assert "must be an address that begins with https:// or http://" in str(caught)


@BOTH
def test_a_password_in_an_address_is_not_shown(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str
) -> None:
    monkeypatch.setenv(variable, f"http://me:hunter2@127.0.0.1:{closed_port()}")
    assert "hunter2" not in str(refused(name, source_name=source_name))


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """A server whose certificate nobody knows."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not here")
    made = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-subj", "/CN=127.0.0.1", "-days", "2"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command = ["openssl", "req", "-x509", *curve, "-nodes", *map(str, made)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_refuse_handshakes, args=(server, context))
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _refuse_handshakes(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                continue


@BOTH
def test_a_certificate_that_nobody_knows_is_told_at_once(
    hub: Loopback, tls_port: int, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str
) -> None:
    monkeypatch.setenv(variable, f"https://127.0.0.1:{tls_port}")
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    assert str(caught).startswith(f"The certificate of 127.0.0.1:{tls_port} is not trusted (")
    assert "REQUESTS_CA_BUNDLE" in str(caught)


@BOTH
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str, scheme: str
) -> None:
    port = closed_port()
    for one in ("http", "https"):
        monkeypatch.setenv(f"{one}_proxy", f"http://me:hunter2@127.0.0.1:{port}")
    monkeypatch.setenv(variable, f"{scheme}://hub.invalid")
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    expected = f"The proxy http://127.0.0.1:{port} does not let us through to hub.invalid; correct HTTPS_PROXY and NO_"
    assert str(caught).startswith(expected)


@BOTH
def test_a_proxy_that_wants_a_password_is_named(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str
) -> None:
    monkeypatch.setenv("http_proxy", hub.endpoint)
    monkeypatch.setenv(variable, "http://hub.invalid")
    hub.fault("*", "status", times=None, code=407)
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    assert f"The proxy {hub.endpoint} does not let us through to hub.invalid" in str(caught)


@BOTH
def test_hosts_that_need_no_proxy(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, source_name: str
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    if source_name == "openai":
        assert isinstance(refused(name, source_name=source_name), NotOnTheHub)
    else:
        assert_ready(fetch(name))


def test_the_hub_s_offline_switch_is_obeyed(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    caught = refused()
    assert isinstance(caught, NotReachable)
    assert str(caught) == "HF_HUB_OFFLINE is set, so nothing is asked of the hub; unset it to download."
    assert hub.log == []


def test_the_switch_is_obeyed_by_what_was_begun_too(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(hub, 1000)
    hub.log.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in str(refused())
    assert hub.log == []
    assert len(part_bytes()) == 1000


@BOTH
def test_a_network_s_log_in_page_is_not_taken_for_an_answer(
    hub: Loopback, name: str, variable: str, source_name: str
) -> None:
    hub.fault("*", "html", times=None)
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    assert "answered with a web page in place of" in str(caught)
    assert "open any page in a browser, log in, then try again" in str(caught)


@pytest.mark.parametrize("file", FILES)
def test_nor_for_a_file(hub: Loopback, file: str) -> None:
    hub.fault(f"*/resolve/*/{file}", "html", times=None)
    assert f"answered with a web page in place of {file}" in str(refused())
    assert not (folder() / file).exists()
