"""One file over HTTP, to the last byte: whatever the server does, what arrived is kept and the rest asked for.

A try asks for the bytes behind those that are there (`Range`, with `If-Range` so that another version cannot be mixed
in: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests) and ends in one of four ways: all is there; it can be
tried again (a broken connection, silence, a busy server); the bytes are wrong; or it makes no sense to go on, and the
error says why. Tries begin anew as long as bytes come: only so many in a row may bring nothing.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import requests
import urllib3

from picogpt_tui.errors import Corrupt, FileError, NoSpace, NotAGPT2, NotReachable
from picogpt_tui.hub.answers import Answer, TryAgain
from picogpt_tui.hub.connection import Stop, Stopped
from picogpt_tui.hub.digests import feed, kind_of, new_hasher
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.part import Part
from picogpt_tui.hub.patience import Patience
from picogpt_tui.hub.trouble import host_of, in_short, is_final, not_reachable
from picogpt_tui.quantities import size_text

CHUNK_BYTES = 1 << 19
RESERVE_BYTES = 64 << 20
"""What a download leaves free on the disk."""
_LOOK_AT_DISK_SECONDS = 1.0
_WRONG_PARTS = 2  # in a row; then the whole is asked for, and what is here of it passed over


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


class _Wrong(Exception):
    """The bytes, or what the server says of them, are not what was promised.

    Attributes:
        is_in_part: whether such bytes may be among those that are here.
    """

    def __init__(self, why: str, *, is_in_part: bool = True) -> None:
        self.is_in_part = is_in_part
        super().__init__(why)


class Transfer:
    """Brings one file into a folder; `most_bytes` is the most that it can be where nobody says how long it is."""

    def __init__(
        self,
        file: ModelFile,
        directory: Path,
        url: str,
        session: requests.Session,
        stop: Stop,
        state: FileState,
        patience: Patience,
        *,
        most_bytes: int,
    ) -> None:
        self._file, self._directory, self._url = file, directory, url
        self._session, self._stop, self._state, self._patience = session, stop, state, patience
        self._host, self._most_bytes = host_of(url), most_bytes
        self._total = file.size_bytes
        self._n_wrong_parts = 0

    def run(self) -> ModelFile:
        """Bring it; returns it with its size and digest.

        Raises:
            Stopped: it was wished.
            Corrupt: twice the bytes were not those that were promised.
            DownloadError, FileError: what stands in the way.
        """
        try:
            return self._run()
        except OSError as error:
            raise FileError("read", self._directory / self._file.name, error) from error

    def _run(self) -> ModelFile:
        if (whole := self._already_whole()) is not None:
            return whole
        with Part(self._directory, self._file, self._url) as part:
            part.hash_what_is_there(self._tell_checked, lambda: self._stop.is_set)
            self._stop.check()
            for is_last in (False, True):
                try:
                    self._fetch(part)
                    return self._accept(part)
                except _Wrong as wrong:
                    self._total = self._file.size_bytes
                    if wrong.is_in_part or not part.can_go_on:
                        part.begin_again()
                    if is_last:
                        message = f"{self._file.name} came wrong twice from {self._host} ({wrong}); try later, or"
                        raise Corrupt(f"{message} from another source.", host=self._host) from wrong
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
            self._stop.check()
            if self._file.digest.endswith(f":{hasher.hexdigest()}"):
                self._state.total = size
                return replace(self._file, size_bytes=size)
        target.unlink()
        self._state.done = 0
        return None

    def _tell_checked(self, done: int) -> None:
        self._state.phase, self._state.done = "checking", done

    def _accept(self, part: Part) -> ModelFile:
        if self._total is not None and part.length != self._total:
            raise _Wrong(f"{part.length:,} bytes, expected {self._total:,}")
        digest = part.digest()
        if self._file.digest and digest != self._file.digest:
            raise _Wrong(f"its {digest.partition(':')[0]} is not the published one")
        self._state.phase = "checking"
        part.flush()
        with self._stop.held_off():  # when it has been told to end, the folder may be somebody else's
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
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # subtle: a ValueError is an address that is none, which a server sent us to; or a TLS socket that was shut
            # down in the middle of a read, and what breaks then is our own doing
            self._stop.check()
            if is_final(error):
                raise not_reachable(error, self._host) from error
            why = in_short(error, self._patience.connect_seconds, self._patience.silence_seconds)
            raise TryAgain(why, not_reachable(error, self._host)) from error

    def _ask(self, part: Part) -> requests.Response:
        self._stop.check()
        headers = {}
        if part.length and part.can_go_on and self._n_wrong_parts < _WRONG_PARTS:
            headers["Range"] = f"bytes={part.length}-"
            if part.validator:
                headers["If-Range"] = part.validator
        timeout = (self._patience.connect_seconds, self._patience.silence_seconds)
        return self._session.get(self._url, headers=headers, stream=True, timeout=timeout)

    def _take_up(self, response: requests.Response, part: Part) -> int:
        """Whether this answer can be used; returns how many of its bytes are here already."""
        self._stop.check()
        answer = Answer(response, self._file.name)
        is_endless = answer.is_part and answer.total is None and self._total is None  # who knows what follows
        if answer.is_past_the_end or is_endless or (answer.is_part and answer.first != part.length):
            self._n_wrong_parts += 1
            raise answer.try_again("the server sent another part than was asked for")
        # subtle: bytes that are here stay here though they come again, lest the connection breaks before it has brought
        # as many; unless they may be of another version
        if part.length and not part.is_of(answer.validator):
            part.begin_again()
            self._total = self._file.size_bytes
            if answer.is_part:
                raise answer.try_again("the server has another version now")
        if answer.total is not None and self._total is not None and answer.total != self._total:
            raise _Wrong(f"the server has {answer.total:,} bytes, expected {self._total:,}", is_in_part=False)
        if answer.total is not None and self._total is None:
            self._check_size(answer.total)
            self._check_space(answer.total - part.length + RESERVE_BYTES)
        self._state.total = self._total = answer.total if self._total is None else self._total
        part.belongs_to(self._total, answer.validator)
        self._n_wrong_parts = 0
        return 0 if answer.is_part else part.length

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._most_bytes:
            message = f"{self._file.name} of {self._host} would be {size_bytes:,} bytes or more, a GPT-2 has at most"
            raise NotAGPT2(f"{message} {self._most_bytes:,} there; choose another model.", host=self._host)

    # -- the bytes -----------------------------------------------------------------------------------------------------

    def _receive(self, response: requests.Response, part: Part, skip: int) -> None:
        state = self._state
        began = checked = time.monotonic()
        slow_mark = state.fetched
        while data := response.raw.read1(CHUNK_BYTES, decode_content=False):
            self._stop.check()
            now = state.quiet_since = time.monotonic()
            state.fetched += len(data)
            passed_over, skip = min(skip, len(data)), max(0, skip - len(data))
            if self._total is not None and part.length + len(data) - passed_over > self._total:
                raise _Wrong(f"more bytes came than the {self._total:,} promised")
            self._check_size(part.length + len(data) - passed_over)
            part.append(memoryview(data)[passed_over:])
            state.done, state.note = part.length, ""
            if now - checked >= _LOOK_AT_DISK_SECONDS:
                checked = now
                self._check_space(RESERVE_BYTES // 4)
            if now - began >= self._patience.slow_seconds:
                if state.fetched - slow_mark < self._patience.slow_bytes:
                    raise self._again(f"less than {self._patience.slow_bytes // 1024} kB in {now - began:.0f} s")
                began, slow_mark = now, state.fetched
        self._stop.check()
        if skip or (self._total is not None and part.length < self._total):
            raise self._again("the connection broke off")
        self._total = part.length

    def _again(self, why: str) -> TryAgain:
        return TryAgain(why, NotReachable(f"{self._file.name}: {why}, every time; try again later.", host=self._host))

    def _check_space(self, needed_bytes: int) -> None:
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError as error:
            raise FileError("look at", self._directory, error) from error
        if free < needed_bytes:
            message = f"The disk of {self._directory} is nearly full ({size_text(free)} free)"
            raise NoSpace(f"{message}; what came is kept, make room and resume.", host=self._host)
