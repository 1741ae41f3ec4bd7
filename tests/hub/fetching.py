"""Downloads from the fake hub: what is there, how it is fetched, and what must hold at every moment of it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from picogpt_tui import paths
from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import Downloaded, DownloadEvent, DownloadProgress, DownloadStopped
from picogpt_tui.hub import part
from picogpt_tui.hub.download import Checks, Downloader
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED
from picogpt_tui.hub.patience import Patience

from .loopback import Loopback

REPO, WEIGHTS = "owner/tiny", "model.safetensors"
BYTES = random.Random(1).randbytes(1_500_007)
FILES = {"config.json": b'{"n_layer": 1}', "vocab.json": b'{"a": 0}' * 300, "merges.txt": b"a b\n", WEIGHTS: BYTES}
N_SMALL = sum(len(content) for name, content in FILES.items() if name != WEIGHTS)
N_ALL = N_SMALL + len(BYTES)
ANYTHING = Checks(lambda _: 10**16, lambda _: iter(()))
"""Checks that are content with any bytes."""
QUICK = Patience(tries=4, connect_seconds=5, silence_seconds=20, backoff_seconds=0.001, slow_seconds=60)
IMPATIENT = Patience(tries=4, connect_seconds=5, silence_seconds=0.15, backoff_seconds=0.001, slow_seconds=60)
"""Gives a silent server up soon: for a test in which one is silent, since on a busy machine any may seem so."""
BOTH = pytest.mark.parametrize("name, variable, source_name", [
    (REPO, "HF_ENDPOINT", "huggingface"), ("124M", "PICOGPT_OPENAI_URL", "openai"),
], ids=["hub", "openai"])  # fmt: skip
"""A name, the variable that says where it is asked for, and its source."""
_ENVIRONMENT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def patience_with(kind: str) -> Patience:
    """For a fault of this kind."""
    return IMPATIENT if kind in ("stall", "hang") else QUICK


def files_of(directory: Path) -> dict[str, bytes]:
    """What a folder holds."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def use(net: Loopback, patch: pytest.MonkeyPatch) -> None:
    """Have the fake hub asked, without this machine's token or proxy."""
    for name in _ENVIRONMENT:
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)
    patch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(paths.models_dir() / "no-token"))
    huggingface_hub.close_session()  # it remembers the proxies of the first time it was asked
    patch.setenv("HF_ENDPOINT", net.endpoint)
    patch.setenv("PICOGPT_OPENAI_URL", net.plain)


def folder(name: str = REPO) -> Path:
    """Where a model comes to."""
    return paths.models_dir() / name.replace("/", "--")


def part_bytes(name: str = WEIGHTS) -> bytes:
    """What has come of a file that is on its way."""
    path = folder() / f"{name}.part"
    return path.read_bytes() if path.exists() else b""


def weights_here() -> int:
    """How many bytes of the weights are there, under whichever name."""
    path = folder() / WEIGHTS
    return path.stat().st_size if path.exists() else len(part_bytes())


def sent(net: Loopback, pattern: str = "*") -> int:
    """How many bytes of files were sent."""
    answers = net.requests("*/resolve/*") + net.requests("/lfs/*")
    return sum(one.sent_bytes for one in answers if one.status in (200, 206) and one.matches(pattern))


def watched(events: Iterator[DownloadEvent], directory: Path, files: Mapping[str, bytes]) -> Iterator[DownloadEvent]:
    """Look, at every event, that the folder counts as a model only when every byte is right."""
    for event in events:
        if (directory / MANIFEST).exists():
            assert not (directory / UNFINISHED).exists()
            assert_right(directory, files)
        assert isinstance(event, Downloaded) <= (directory / MANIFEST).exists()
        yield event


def fetch(
    name: str = REPO,
    *,
    checks: Checks = ANYTHING,
    patience: Patience = QUICK,
    should_stop: Callable[[], bool] = lambda: False,
    files: Mapping[str, bytes] = FILES,
    downloader: Downloader | None = None,
    source_name: str | None = None,
) -> list[DownloadEvent]:
    """Download to the end, whatever it is."""
    downloader = downloader or Downloader(checks, patience=patience)
    events = downloader.download(name, source_name=source_name, should_stop=should_stop)
    return list(watched(events, folder(name), files))


def begin(hub: Loopback, n_bytes: int) -> None:
    """Everything but the weights, and their first bytes, without a look at the clock."""
    fault = hub.fault(WEIGHTS, "stall", after=n_bytes)
    events = fetch(should_stop=lambda: fault.reached.is_set() and weights_here() == n_bytes)
    assert isinstance(events[-1], DownloadStopped)
    assert part_bytes() == BYTES[:n_bytes]
    assert {path.name for path in folder().iterdir()} >= set(FILES) - {WEIGHTS, "vocab.json", "merges.txt"}
    hub.wait_open(0)
    hub.clear_faults()


def refused(name: str = REPO, *, source_name: str | None = None) -> PicoGPTError:
    """The error that a download ends with, after a look at its sentence and at what it left."""
    with pytest.raises(PicoGPTError) as caught:
        list(Downloader(ANYTHING, patience=QUICK).download(name, source_name=source_name))
    sentence(caught.value)
    assert not (folder(name) / "manifest.json").exists()
    return caught.value


def notes(events: list[DownloadEvent]) -> list[str]:
    """What was told to be going wrong, each once."""
    return list(dict.fromkeys(event.note for event in events if isinstance(event, DownloadProgress) and event.note))


def assert_right(directory: Path, files: Mapping[str, bytes] = FILES) -> None:
    """Every file is there, byte for byte, and what it took to bring it is gone."""
    for name, content in files.items():
        assert (directory / name).read_bytes() == content, name


def assert_ready(events: list[DownloadEvent], files: Mapping[str, bytes] = FILES, name: str = REPO) -> Downloaded:
    """A download ended well, and left nothing but the model."""
    done = events[-1]
    assert isinstance(done, Downloaded), done
    assert_right(folder(name), files)
    assert {path.name for path in folder(name).iterdir()} == {*files, MANIFEST}
    manifest = json.loads((folder(name) / MANIFEST).read_text())
    assert {file["name"]: file["size_bytes"] for file in manifest["files"]} == {
        name: len(content) for name, content in files.items()
    }
    return done


def assert_stopped(events: list[DownloadEvent]) -> DownloadStopped:
    """A download ended by a wish: what came is a beginning, it is no model, and nobody holds it."""
    stopped = events[-1]
    assert isinstance(stopped, DownloadStopped), stopped
    assert_unfinished()
    return stopped


def assert_unfinished() -> None:
    """There is no model, whatever there is, and of the weights a true beginning."""
    assert not (folder() / MANIFEST).exists()
    assert not (folder() / WEIGHTS).exists() or (folder() / WEIGHTS).read_bytes() == BYTES
    assert BYTES.startswith(part_bytes())
    with only_one(folder(), REPO):
        pass


def sentence(error: BaseException) -> str:
    """A message as a person reads it: one sentence, of signs that can be shown."""
    text = str(error)
    assert text.isprintable(), text
    assert text[:1].isupper() or text[:1] in "0123456789abcdefghijklmnopqrstuvwxyz", text
    assert text.endswith("."), text
    assert len(text) < 420, text
    return text


@dataclass
class Disk:
    """What shutil.disk_usage says."""

    free: int


class SmallDisk:
    """A disk on which a file finds no more room after so many bytes."""

    def __init__(self, patch: pytest.MonkeyPatch, free_bytes: int, number: int = errno.ENOSPC) -> None:
        disk = self
        self.free_bytes, self.number = free_bytes, number

        class File(FileIO):
            def write(self, data: Any) -> int:
                if not disk.free_bytes:
                    raise OSError(disk.number, os.strerror(disk.number))
                n = super().write(memoryview(data)[: disk.free_bytes])
                disk.free_bytes -= n
                return n

        patch.setattr(part, "FileIO", File)


class Process:
    """A download in a process of its own, that can be killed."""

    def __init__(self, *, hold: bool = False) -> None:
        command = [sys.executable, "-m", "tests.hub.fetch_process", REPO, "hold" if hold else ""]
        root, silent = Path(__file__).parents[2], subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=silent, text=True, cwd=root)
        self.pid = self._process.pid

    def wait_until(self, done: int) -> None:
        """Read what it tells until so many bytes are there."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if int(line) >= done:
                return
        raise AssertionError(f"it ended before it had {done} bytes")

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    def kill(self) -> None:
        """As the system does when memory runs out: nothing in it gets to know."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def sha256(content: bytes) -> str:
    """As a manifest writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
