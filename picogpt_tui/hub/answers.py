"""What a server's answer to the question for a file means: bytes that can be used, a reason to try again, or the end.

Status codes and headers: https://www.rfc-editor.org/rfc/rfc9110.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests

from picogpt_tui.errors import AccessDenied, DownloadError, NotOnTheHub, NotReachable
from picogpt_tui.hub.trouble import WEB_PAGE, host_of, proxy_refuses

_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LONGEST_RETRY_AFTER_SECONDS = 120.0
_LONGEST_NUMBER = 18


class TryAgain(Exception):
    """This try has ended, the next may do better.

    Attributes:
        why: in a few words.
        error: what to raise where no further try is made.
        wait_seconds: how long the server wants to be left alone, None where it does not say.
    """

    def __init__(self, why: str, error: DownloadError, wait_seconds: float | None = None) -> None:
        self.why, self.error, self.wait_seconds = why, error, wait_seconds
        super().__init__(why)


def number(text: str) -> int | None:
    """The number in a header, None where it is none or one that nobody can mean."""
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else None


def said(host: str, status: int) -> str:
    """`host answered 503 Service Unavailable`: in our words, for the server's own may be anything."""
    return f"{host} answered {status} {_PHRASES.get(status, '')}".rstrip()


def is_busy(status: int) -> bool:
    """Whether the same question may be answered later."""
    return status in _BUSY or status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How many seconds the server wants to be left alone, two minutes at most; None where it does not say."""
    value = headers.get("Retry-After", "").strip()
    if (seconds := number(value)) is not None:
        return min(float(seconds), _LONGEST_RETRY_AFTER_SECONDS)
    try:
        at = parsedate_to_datetime(value)
        seconds_left = (at - datetime.now(at.tzinfo and UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, math.ceil(seconds_left)), _LONGEST_RETRY_AFTER_SECONDS)


class Answer:
    """A response whose headers have come, and no byte of the body yet.

    Attributes:
        is_part: whether it is the part that was asked for with a Range, and not the whole.
        first: which byte of the file it begins with; -1 where it does not say so readably.
        total: how long the whole file is, None where it does not say.
        validator: the strong ETag, "" where there is none.
    """

    def __init__(self, response: requests.Response, file_name: str) -> None:
        self._response, self._name = response, file_name
        self._host = host_of(response.url)
        self._refuse_errors()
        self._refuse_strangers()
        self.is_part = response.status_code == HTTPStatus.PARTIAL_CONTENT
        etag = response.headers.get("ETag", "")
        self.validator = "" if etag.startswith("W/") else etag
        self.first, self.total = self._span() if self.is_part else (0, self._length())

    def try_again(self, why: str) -> TryAgain:
        """It is of no use, but the next may be."""
        return TryAgain(why, NotReachable(f"{self._name}: {why}, every time; try again later.", host=self._host))

    def _refuse_errors(self) -> None:
        status, host, name = self._response.status_code, self._host, self._name
        if status < 400 or status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return
        if status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
            raise NotReachable(WEB_PAGE.format(host=host, what=name), host=host)
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise NotReachable(proxy_refuses(host), host=host)
        what = said(host, status)
        later = NotReachable(f"{what} to every try for {name}; try again later.", host=host)
        if is_busy(status):
            raise TryAgain(what, later, retry_after(self._response.headers))
        if status in (401, 403) and self._response.history:
            # a link that was valid for a while, to another host; the next try gets a new one
            raise TryAgain(what, later)
        if status in (401, 403):
            raise AccessDenied(self._why_denied(status), host=host)
        if status in (404, 410):
            raise NotOnTheHub(f"{host} has no {name} ({status}); check the name, or try another source.", host=host)
        raise NotReachable(f"{what} to the request for {name}; try again later, or from another source.", host=host)

    def _why_denied(self, status: int) -> str:
        log_in = "log in with `hf auth login`, or set HF_TOKEN"
        if self._response.headers.get("X-Error-Code") == "GatedRepo":
            return f"{self._host} gives {self._name} to whom its owner let in: ask on the model's page, then {log_in}."
        return f"{self._host} does not give us {self._name} ({status}); {log_in}."

    def _refuse_strangers(self) -> None:
        """Another thing than the file: an error page that says 200, something in between that repacks."""
        status, headers = self._response.status_code, self._response.headers
        if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            raise self.try_again(f"the server answered {status}")
        if "text/html" in headers.get("Content-Type", "").lower() and status == HTTPStatus.OK:
            raise NotReachable(WEB_PAGE.format(host=self._host, what=self._name), host=self._host)
        if headers.get("Content-Encoding", "").lower() not in ("", "identity"):
            raise self.try_again("the server sent it compressed, which was not asked for")

    @property
    def is_past_the_end(self) -> bool:
        """Whether there are no bytes where they were asked for."""
        return self._response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    def _length(self) -> int | None:
        return number(self._response.headers.get("Content-Length", ""))

    def _span(self) -> tuple[int, int | None]:
        """First byte and total of `Content-Range: bytes 5-9/10`."""
        unit, _, rest = self._response.headers.get("Content-Range", "").strip().partition(" ")
        span, _, total = rest.partition("/")
        first = number(span.partition("-")[0])
        if unit.lower() != "bytes" or first is None:
            return -1, None
        return first, number(total)
