"""What a server's answer to the question for a file means: bytes that can be used, a reason to try again, or the end.

Status codes and headers: https://www.rfc-editor.org/rfc/rfc9110.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from picogpt_tui.errors import AccessDenied, DownloadError, NotOnTheHub, NotReachable
from picogpt_tui.hub.trouble import WEB_PAGE
from picogpt_tui.visible import one_line

_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LONGEST_RETRY_AFTER_SECONDS = 120.0


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
        self._host = one_line(urlsplit(response.url).netloc, 100)
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
        said = f"{host} answered {status} {_PHRASES.get(status, '')}".rstrip()
        if status in _BUSY or status >= 500:
            later = NotReachable(f"{said} to every try for {name}; try again later.", host=host)
            raise TryAgain(said, later, self._retry_after())
        if status in (401, 403) and self._response.history:
            # a link that was valid for a while, to another host; the next try gets a new one
            raise TryAgain(said, NotReachable(f"{said} to every try for {name}; try again later.", host=host))
        if status in (401, 403):
            message = f"{host} does not give us {name} ({status}); log in with `hf auth login`, or set HF_TOKEN."
            raise AccessDenied(message, host=host)
        if status in (404, 410):
            raise NotOnTheHub(f"{host} has no {name} ({status}).", host=host)
        if status >= 400 and status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise NotReachable(f"{said} to the request for {name}.", host=host)

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
        length = self._response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None

    def _span(self) -> tuple[int, int | None]:
        """First byte and total of `Content-Range: bytes 5-9/10`."""
        unit, _, rest = self._response.headers.get("Content-Range", "").strip().partition(" ")
        span, _, total = rest.partition("/")
        first = span.partition("-")[0]
        if unit.lower() != "bytes" or not first.isdecimal():
            return -1, None
        return int(first), int(total) if total.isdecimal() else None

    def _retry_after(self) -> float | None:
        value = self._response.headers.get("Retry-After", "")
        return min(float(value), _LONGEST_RETRY_AFTER_SECONDS) if value.isdecimal() else None
