"""One file on the plain server of the fake hub, and a folder that it comes into."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui.errors import NotReachable
from picogpt_tui.hub.connection import Stop, open_session
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.patience import Patience
from picogpt_tui.hub.transfer import FileState, Transfer

from .fetching import BYTES, QUICK, sha256
from .loopback import Fault, Loopback

NAME = "data.bin"
SIZE = len(BYTES)
SURE = ModelFile(NAME, SIZE, sha256(BYTES))
PLAIN = ModelFile(NAME, SIZE)
UNKNOWN = ModelFile(NAME, None)
HERE = 600_000
ETAG = '"0x8D000000000001"'


class Bench:
    """One file on the plain server, and a folder that it comes into."""

    def __init__(self, net: Loopback, directory: Path) -> None:
        self.net, self.directory = net, directory
        self.stop = Stop()
        self.state = FileState(NAME, 0, None)
        net.add_plain(NAME, BYTES)

    def bring(self, file: ModelFile = SURE, patience: Patience = QUICK, *, most_bytes: int = 1 << 40) -> ModelFile:
        self.state = FileState(NAME, 0, file.size_bytes)
        with open_session(self.stop, {}) as session:
            url = f"{self.net.plain}/{NAME}"
            return Transfer(
                file, self.directory, url, session, self.stop, self.state, patience, most_bytes=most_bytes
            ).run()

    def begin(self, file: ModelFile = SURE, n_bytes: int = HERE) -> None:
        """Bring the first bytes, then find no server."""
        self.fault("drop", after=n_bytes)
        gone = self.fault("status", None, code=503)
        with pytest.raises(NotReachable):
            self.bring(file, replace(QUICK, tries=2))
        gone.times = 0
        assert self.part == BYTES[:n_bytes]

    def fault(self, kind: str, times: int | None = 1, **options: Any) -> Fault:
        """Spoil the next answers; an error has no body here, so that `sent` counts the file's bytes alone."""
        return self.net.fault(NAME, kind, times=times, **({"body": b""} if kind == "status" else {}) | options)

    @property
    def part(self) -> bytes:
        path = self.directory / f"{NAME}.part"
        return path.read_bytes() if path.exists() else b""

    @property
    def whole(self) -> bytes:
        return (self.directory / NAME).read_bytes()

    def sent(self) -> int:
        return self.net.body_bytes(NAME)


def assert_came(bench: Bench, brought: ModelFile) -> None:
    assert bench.whole == BYTES
    assert [path.name for path in bench.directory.iterdir()] == [NAME]
    assert brought == SURE
    assert (bench.state.done, bench.state.total) == (SIZE, SIZE)


class Waits:
    """Records how long was waited, and waits not."""

    def __init__(self, stop: Stop, patch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        patch.setattr(stop, "wait", self._wait)

    def _wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return False
