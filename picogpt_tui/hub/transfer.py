"""One file over HTTP, to the last byte: whatever the server does, what arrived is kept and the rest asked for.

A try asks for the bytes behind those that are there (`Range`, with `If-Range` so that another version cannot be mixed
in: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests) and ends in one of four ways: all is there; it can be
tried again (a broken connection, silence, a busy server); the bytes are wrong; or it makes no sense to go on, and the
error says why. Tries begin anew as long as bytes come: only so many in a row may bring nothing.
"""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from picogpt_tui.errors import Corrupt, NoSpace, NotReachable
from picogpt_tui.hub.answers import Answer, TryAgain
from picogpt_tui.hub.connection import Stop
from picogpt_tui.hub.digests import feed, kind_of, new_hasher
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.part import Part
from picogpt_tui.hub.trouble import is_final, not_reachable

CHUNK_BYTES = 1 << 18
RESERVE_BYTES = 64 << 20
"""What a download leaves free on the disk."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When to give up."""

    tries: int = 6
    """In a row that bring nothing."""
    connect_seconds: float = 10.0
    silence_seconds: float = 12.0
    """Without a byte."""
    backoff_seconds: float = 1.0
    """Before the second try; doubled for each further one, up to 30."""
    slow_bytes: int = 8192
    """A connection that brings less than this in `slow_seconds` is given up for a new one."""
    slow_seconds: float = 30.0

    def backoff(self, n_tries: int) -> float:
        """How long to wait after so many tries in a row, a little different every time."""
        return min(30.0, self.backoff_seconds * 2.0 ** (n_tries - 1)) * random.uniform(0.8, 1.2)


class FileState:
    """How far a file is. Written by the thread that brings it, read by the one that tells of it.

    Attributes:
        phase: `waiting`, `downloading`, `checking`, `ready`.
        done: bytes that are there (while `checking`: that are checked).
        total: bytes in all, None as long as nobody knows.
        fetched: bytes that came over the network in this run.
        quiet_since: when the last byte came, by `time.monotonic`; None while nothing is awaited.
        note: what is going wrong, "" while nothing is.
    """

    __slots__ = ("done", "fetched", "name", "note", "phase", "quiet_since", "total")

    def __init__(self, name: str, done: int, total: int | None) -> None:
        self.name, self.done, self.total = name, done, total
        self.phase, self.note = "waiting", ""
        self.fetched = 0
        self.quiet_since: float | None = None


class Stopped(Exception):
    """It was wished to end; what arrived is kept."""


class _Wrong(Exception):
    """The bytes are not those that were promised."""


class Transfer:
    """Brings one file into a folder."""

    def __init__(
        self,
        file: ModelFile,
        directory: Path,
        url: str,
        session: requests.Session,
        stop: Stop,
        state: FileState,
        patience: Patience,
    ) -> None:
        self._file, self._directory, self._url = file, directory, url
        self._session, self._stop, self._state, self._patience = session, stop, state, patience
        self._host = urlsplit(url).netloc
        self._total = file.size_bytes
        self._has_refused_ranges = False

    def run(self) -> ModelFile:
        """Bring it; returns it with its size and digest.

        Raises:
            Stopped: it was wished.
            Corrupt: twice the bytes were not those that were promised.
            DownloadError, FileError: what stands in the way.
        """
        if (whole := self._already_whole()) is not None:
            return whole
        with Part(self._directory, self._file, self._url) as part:
            part.hash_what_is_there(self._tell_checked, lambda: self._stop.is_set)
            self._check_stop()
            for is_last in (False, True):
                try:
                    self._fetch(part)
                    return self._accept(part)
                except _Wrong as wrong:
                    part.begin_again()
                    if is_last:
                        raise Corrupt(
                            f"{self._file.name} came wrong twice from {self._host} ({wrong}); try again later, or from "
                            "another source.",
                            host=self._host,
                        ) from wrong
                    self._state.note = f"{wrong}, fetching it once more"
        raise AssertionError("the loop returns or raises")

    # -- what is here already ------------------------------------------------------------------------------------------

    def _already_whole(self) -> ModelFile | None:
        """The file, if it is in its place and right; one that is wrong is taken away."""
        target = self._directory / self._file.name
        if not target.is_file():
            return None
        size = target.stat().st_size
        if self._total is None or size == self._total:
            if not self._file.digest:
                self._state.done = self._state.total = size
                return replace(self._file, size_bytes=size)
            hasher = new_hasher(kind_of(self._file.digest), size)
            feed(hasher, target, size, self._tell_checked, lambda: self._stop.is_set)
            self._check_stop()
            if self._file.digest.endswith(f":{hasher.hexdigest()}"):
                self._state.total = size
                return replace(self._file, size_bytes=size)
        target.unlink()
        return None

    def _tell_checked(self, done: int) -> None:
        self._state.phase, self._state.done = "checking", done

    def _check_stop(self) -> None:
        if self._stop.is_set:
            raise Stopped

    def _accept(self, part: Part) -> ModelFile:
        if self._total is not None and part.length != self._total:
            raise _Wrong(f"{part.length:,} bytes, expected {self._total:,}")
        digest = part.digest()
        if self._file.digest and digest != self._file.digest:
            raise _Wrong(f"its {digest.partition(':')[0]} is not the published one")
        self._state.phase = "checking"
        part.become_whole()
        self._state.done = self._state.total = part.length
        return replace(self._file, size_bytes=part.length, digest=digest)

    # -- tries ---------------------------------------------------------------------------------------------------------

    def _fetch(self, part: Part) -> None:
        """Try until all is there."""
        n_tries, most = 0, part.length
        while True:
            try:
                self._try_once(part)
                return
            except TryAgain as again:
                if part.length > most:
                    n_tries, most = 0, part.length
                n_tries += 1
                if n_tries >= self._patience.tries:
                    raise again.error from again
                self._rest(again, n_tries)
            finally:
                self._state.quiet_since = None

    def _rest(self, again: TryAgain, n_tries: int) -> None:
        self._state.note = f"{again.why}, trying again ({n_tries + 1}/{self._patience.tries})"
        seconds = self._patience.backoff(n_tries) if again.wait_seconds is None else again.wait_seconds
        if self._stop.wait(seconds):
            raise Stopped

    def _try_once(self, part: Part) -> None:
        self._state.done, self._state.total = part.length, self._total
        if self._total is not None and part.length >= self._total:
            return
        self._state.phase = "downloading"
        self._state.quiet_since = time.monotonic()
        try:
            with self._ask(part) as response:
                skip = self._take_up(response, part)
                self._receive(response, part, skip)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            self._check_stop()  # what breaks then is our own doing
            if is_final(error):
                raise not_reachable(error, self._host) from error
            raise TryAgain(_in_short(error, self._patience), not_reachable(error, self._host)) from error

    def _ask(self, part: Part) -> requests.Response:
        self._check_stop()
        headers = {}
        if part.length and not self._has_refused_ranges:
            headers["Range"] = f"bytes={part.length}-"
            if part.validator:
                headers["If-Range"] = part.validator
        timeout = (self._patience.connect_seconds, self._patience.silence_seconds)
        return self._session.get(self._url, headers=headers, stream=True, timeout=timeout)

    def _take_up(self, response: requests.Response, part: Part) -> int:
        """Whether this answer can be used; returns how many of its bytes are here already."""
        self._check_stop()
        answer = Answer(response, self._file.name)
        if answer.is_past_the_end:
            part.begin_again()
            raise answer.try_again("the server has no more of this version")
        if answer.is_part and answer.first != part.length:
            self._has_refused_ranges = True
            raise answer.try_again("the server sent another part than was asked for")
        if not answer.is_part and part.length:
            # subtle: bytes that are here stay here though they come again, lest the connection breaks before it has
            # brought as many; unless they may be of another version
            is_same = bool(self._file.digest) or (bool(answer.validator) and answer.validator == part.validator)
            if not is_same:
                part.begin_again()
        if answer.total is not None and self._total is not None and answer.total != self._total:
            raise _Wrong(f"the server has {answer.total:,} bytes, expected {self._total:,}")
        self._state.total = self._total = answer.total if self._total is None else self._total
        part.belongs_to(self._total, answer.validator)
        self._has_refused_ranges = False
        return 0 if answer.is_part else part.length

    # -- the bytes -----------------------------------------------------------------------------------------------------

    def _receive(self, response: requests.Response, part: Part, skip: int) -> None:
        state = self._state
        began = checked = time.monotonic()
        slow_mark = state.fetched
        while data := response.raw.read1(CHUNK_BYTES, decode_content=False):
            self._check_stop()
            now = state.quiet_since = time.monotonic()
            state.fetched += len(data)
            passed_over, skip = min(skip, len(data)), max(0, skip - len(data))
            if self._total is not None and part.length + len(data) - passed_over > self._total:
                raise _Wrong(f"more bytes came than the {self._total:,} promised")
            part.append(memoryview(data)[passed_over:])
            state.done, state.note = part.length, ""
            if now - checked >= 1.0:
                checked = now
                self._check_space()
            if now - began >= self._patience.slow_seconds:
                if state.fetched - slow_mark < self._patience.slow_bytes:
                    raise self._again(f"less than {self._patience.slow_bytes // 1024} kB in {now - began:.0f} s")
                began, slow_mark = now, state.fetched
        self._check_stop()
        if self._total is not None and part.length < self._total:
            raise self._again("the connection broke off")
        self._total = part.length

    def _again(self, why: str) -> TryAgain:
        return TryAgain(why, NotReachable(f"{self._file.name}: {why}, every time; try again later.", host=self._host))

    def _check_space(self) -> None:
        free = shutil.disk_usage(self._directory).free
        if free < RESERVE_BYTES // 4:
            raise NoSpace(f"The disk of {self._directory} is nearly full; what came is kept, make room and resume.")


def _in_short(error: Exception, patience: Patience) -> str:
    text = f"{error!r} {error}"
    if "Timeout" in text or "timed out" in text:
        is_connecting = "ConnectTimeout" in text
        seconds = patience.connect_seconds if is_connecting else patience.silence_seconds
        return f"{'no connection' if is_connecting else 'no data'} for {seconds:.0f} s"
    if "NameResolution" in text or "NewConnection" in text:
        return "no connection"
    return "the connection broke off"
