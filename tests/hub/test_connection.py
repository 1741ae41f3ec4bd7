"""A session that another thread can end, at any moment, and that keeps its token to itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest
import requests

from picogpt_tui.hub.connection import Stop, Stopped, open_session

from .loopback import Fault, Loopback


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Run it beside, and keep what it raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except (requests.RequestException, OSError, ValueError) as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def read_all(stop: Stop, url: str) -> Callable[[], bytes]:
    def read() -> bytes:
        with open_session(stop, {}) as session, session.get(url, stream=True, timeout=60) as response:
            return b"".join(response.iter_content(1000))

    return read


@pytest.mark.parametrize("kind, options", [("hang", {}), ("stall", {"after": 100}), ("trickle", {"every": 0.001})])
def test_a_thread_that_waits_for_a_server_is_woken(hub: Loopback, kind: str, options: dict[str, float]) -> None:
    hub.add_plain("file", bytes(100_000))
    fault: Fault = hub.fault("file", kind, **options)  # type: ignore[arg-type]  # options of the fault
    stop = Stop()
    thread, raised = in_thread(read_all(stop, f"{hub.plain}/file"))
    assert fault.reached.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert raised
    hub.wait_open(0)


def test_a_connection_that_is_made_too_late_ends_at_once(hub: Loopback) -> None:
    stop = Stop()
    stop.set()
    thread, raised = in_thread(read_all(stop, f"{hub.plain}/file"))
    thread.join(30)
    assert not thread.is_alive()
    assert raised


def test_connections_that_are_closed_are_forgotten(hub: Loopback) -> None:
    hub.add_plain("file", b"x")
    stop = Stop()
    for _ in range(5):
        read_all(stop, f"{hub.plain}/file")()
    assert list(stop._sockets) == []


def test_through_a_proxy_it_is_woken_too(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", hub.endpoint)
    fault = hub.fault("*", "hang")
    stop = Stop()
    thread, raised = in_thread(read_all(stop, "http://hub.invalid/file"))
    assert fault.reached.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert raised


def test_a_wish_is_made_once_for_all() -> None:
    stop = Stop()
    assert not stop.is_set
    assert not stop.wait(0)
    stop.check()
    with stop.held_off():
        pass
    stop.set()
    stop.set()
    assert stop.wait(1000)
    with pytest.raises(Stopped):
        stop.check()
    with pytest.raises(Stopped), stop.held_off():
        raise AssertionError("it must not happen any more")


def test_what_is_being_done_is_done_before_the_wish_is_heard() -> None:
    """When `set` has returned, no step that it holds off is under way."""
    stop, order = Stop(), list[str]()

    def wish() -> None:
        stop.set()
        order.append("set")

    thread = threading.Thread(target=wish)
    with stop.held_off():
        thread.start()
        order.append("done")
    thread.join()
    assert order == ["done", "set"]


def test_sockets_that_are_closed_already_are_no_trouble() -> None:
    stop = Stop()
    left, right = socket.socketpair()
    stop.watch(left)
    left.close()
    right.close()
    stop.set()
    assert stop.is_set


def test_what_a_session_says_of_itself(hub: Loopback) -> None:
    hub.add_plain("file", b"x")
    with open_session(Stop(), {"Authorization": "Bearer t"}) as session:
        session.get(f"{hub.plain}/file").close()
    headers = hub.requests("file")[0].headers
    assert headers["user-agent"].startswith("picogpt-tui/")
    assert headers["accept-encoding"] == "identity"
    assert headers["authorization"] == "Bearer t"
