"""Why a server could not be reached, as one sentence that says what to do."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from picogpt_tui.errors import NotReachable
from picogpt_tui.visible import one_line

WEB_PAGE = (
    "{host} answered with a web page in place of {what}: a proxy or a network's log-in page stands between; "
    "open any page in a browser, log in, then try again."
)
_PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_FINAL = ("ProxyError", "TooManyRedirects", "InvalidURL", "InvalidSchema", "MissingSchema", "OfflineModeIsEnabled")


def host_of(url: str) -> str:
    """Host and port of an address, fit to be shown: without a password, and nothing that a terminal would obey."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:  # an address that is none
        netloc = url
    return one_line(netloc.rpartition("@")[2], 100)


def not_reachable(error: BaseException, host: str, name: str = "") -> NotReachable:
    """The error for whatever a network library raised."""
    host = one_line(host, 100)
    return NotReachable(_sentence(error, host), name=name, host=host)


def is_final(error: BaseException) -> bool:
    """Whether trying again cannot help: a certificate is refused, or the proxy, or the address leads nowhere."""
    return _certificate(error) is not None or any(type(cause).__name__ in _FINAL for cause in _chain(error))


def in_short(error: BaseException, connect_seconds: float, silence_seconds: float) -> str:
    """A few words for who waits while it is tried again; the seconds are how long was waited."""
    text = f"{error!r} {error}"
    if "ConnectTimeout" in text:
        return f"no connection for {connect_seconds:.0f} s"
    if "Timeout" in text or "timed out" in text:
        return f"no data for {silence_seconds:.0f} s"
    if "NameResolution" in text or "NewConnection" in text:
        return "no connection"
    return "the connection broke off"


def proxy_refuses(host: str) -> str:
    """The sentence for a proxy that does not let us through."""
    proxy = _proxy()
    shown = f" {one_line(_without_password(proxy), 100)}" if proxy else ""
    return f"The proxy{shown} does not let us through to {host}; correct HTTPS_PROXY and NO_PROXY, then try again."


def _sentence(error: BaseException, host: str) -> str:
    causes = list(_chain(error))
    if certificate := _certificate(error):
        return (
            f"The certificate of {host} is not trusted ({one_line(certificate, 120)}); behind a company's proxy let "
            "REQUESTS_CA_BUNDLE name its certificates, or correct this machine's clock."
        )
    if any(type(cause).__name__ == "ProxyError" for cause in causes) or _is_refused_by_proxy(causes, host):
        return proxy_refuses(host)
    if any(type(cause).__name__ in _FINAL for cause in causes):
        why = one_line(str(error), 120)
        return f"{host} sends us to an address that leads nowhere ({why}); check the address, or try another source."
    if any(isinstance(cause, socket.gaierror) for cause in causes) or _says(causes, "getaddrinfo", "Failed to resolve"):
        return f"{host} is not known: there is no network, or no name server answers; try again when there is."
    if any(isinstance(cause, TimeoutError) for cause in causes) or _says(causes, "timed out"):
        return f"{host} does not answer; try again later."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or _says(causes, "refused"):
        return f"{host} refuses the connection; check its address, or try again later."
    why = one_line(str(causes[-1]) or type(causes[-1]).__name__, 120)
    return f"The connection to {host} broke ({why}); check the network, then try again."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, the outermost first; requests puts the cause into `args` or `reason`."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]


def _certificate(error: BaseException) -> str | None:
    """What is wrong with the certificate, where that is the trouble."""
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_message:
            return cause.verify_message
    for cause in causes:
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return str(cause).rpartition("CERTIFICATE_VERIFY_FAILED]")[2].strip() or "it cannot be verified"
    return None


def _is_refused_by_proxy(causes: list[BaseException], host: str) -> bool:
    """Where a proxy stands between, it is who refuses connections: not every library says so."""
    is_refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes) or _says(causes, "refused")
    return is_refused and bool(_proxy()) and not proxy_bypass(host.rpartition(":")[0] or host)


def _proxy() -> str:
    return next((os.environ[name] for name in _PROXY_VARIABLES if os.environ.get(name)), "")


def _says(causes: list[BaseException], *words: str) -> bool:
    return any(word in str(cause) for cause in causes for word in words)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
