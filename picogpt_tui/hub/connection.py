"""A requests session whose waiting can be ended from another thread, at any moment.

A thread that waits for a server sits in `recv`, where no flag reaches it. Shutting the socket down wakes it
(https://github.com/urllib3/urllib3/issues/2868), so every connection is entered in a `Stop` as soon as it is made; what
a thread wakes up with afterwards is thrown away, since the flag is looked at after every read.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import Iterator, Mapping
from threading import Event, Lock
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter

from picogpt_tui import __version__

USER_AGENT = f"picogpt-tui/{__version__}"


class Stopped(Exception):
    """It was wished to end; what arrived is kept."""


class Stop:
    """A wish that everything ends, and the sockets that must hear of it."""

    def __init__(self) -> None:
        self._event = Event()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = Lock()

    @property
    def is_set(self) -> bool:
        """Whether it was wished."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, unless it is wished; whether it is."""
        return self._event.wait(seconds)

    def set(self) -> None:
        """Wish it: whoever reads from a socket wakes up now."""
        with self._lock:
            self._event.set()
            sockets = list(self._sockets)
        for sock in sockets:
            _shut(sock)

    def check(self) -> None:
        """Raise Stopped if it is wished."""
        if self.is_set:
            raise Stopped

    @contextlib.contextmanager
    def held_off(self) -> Iterator[None]:
        """For a step that must not happen any more when `set` has returned; raises Stopped if it has."""
        with self._lock:
            self.check()
            yield

    def watch(self, sock: socket.socket) -> None:
        """Remember a new connection; one that was made too late ends at once."""
        with self._lock:
            self._sockets.add(sock)
        if self.is_set:
            _shut(sock)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be closed already
        sock.shutdown(socket.SHUT_RDWR)


def open_session(stop: Stop, headers: Mapping[str, str]) -> requests.Session:
    """A session for one thread: watched by `stop`, trusting the system's certificates as well as certifi's."""
    session = requests.Session()
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers})
    if "Authorization" in session.headers:
        session.auth = _as_it_is  # a password for git in ~/.netrc would take the place of the token
    session.mount("http://", _Adapter(stop))
    session.mount("https://", _SecureAdapter(stop))
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Adapter(HTTPAdapter):
    """Gives every pool a connection class that enters its sockets in the stop."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        super().__init__(pool_connections=4, pool_maxsize=2)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        if not getattr(pool.ConnectionCls, "is_watched", False):
            pool.ConnectionCls = _watched(pool.ConnectionCls, self._stop)
        return pool


class _SecureAdapter(_Adapter):
    """Trusts the system too: behind a company's proxy the certificate is often known to it and not to certifi."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_trusted(), **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_trusted(), **options)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The system's certificates; to read them takes longer than to fetch a small file."""
    return ssl.create_default_context()


def _watched(connection: Any, stop: Stop) -> Any:
    class Watched(connection):  # type: ignore[misc]  # the base is known when it runs: HTTP, HTTPS, through a proxy
        is_watched = True

        def connect(self) -> None:
            super().connect()
            stop.watch(self.sock)

    return Watched
