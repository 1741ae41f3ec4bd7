"""A download that is told to end does so at any moment, holds nothing, and leaves a true beginning."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from picogpt_tui.errors import NotReachable
from picogpt_tui.events import DownloadEvent, DownloadProgress, DownloadStopped, Progress
from picogpt_tui.hub import crew
from picogpt_tui.hub.digests import Hasher, feed
from picogpt_tui.hub.download import Checks, Downloader
from picogpt_tui.hub.patience import Patience
from picogpt_tui.hub.sources import huggingface

from .fetching import (
    ANYTHING,
    BYTES,
    FILES,
    N_ALL,
    QUICK,
    REPO,
    WEIGHTS,
    assert_ready,
    assert_stopped,
    assert_unfinished,
    begin,
    fetch,
    folder,
    notes,
    part_bytes,
    weights_here,
)
from .loopback import Loopback

SIZE = len(BYTES)
HERE = 700_001


class Moment(NamedTuple):
    """When it is told to end: a fault that is reached, and how many bytes of the weights are here then."""

    pattern: str
    kind: str
    options: dict[str, Any]
    here: int


MOMENTS = {
    "while looking up": Moment("/api/models/*", "hang", {}, 0),
    "before the headers of a small file": Moment("config.json", "hang", {}, 0),
    "before the headers of the hub": Moment(WEIGHTS, "hang", {"origin": "hub"}, 0),
    "before the headers of the other host": Moment(WEIGHTS, "hang", {"origin": "cdn"}, 0),
    "in silence": Moment(WEIGHTS, "stall", {"after": HERE}, HERE),
    "in silence at the first byte": Moment(WEIGHTS, "stall", {"after": 0}, 0),
    "in silence before the last byte": Moment(WEIGHTS, "stall", {"after": SIZE - 1}, SIZE - 1),
    "in silence, chunk by chunk": Moment("vocab.json", "stall", {"after": 5}, SIZE),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_it_ends_at_once_at_any_moment_and_goes_on_from_there(
    hub: Loopback, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds a connection afterwards, nobody the folder, and no byte comes twice."""
    monkeypatch.setattr(huggingface, "_TIMEOUT_SECONDS", 1.0)  # the hub's library cannot be woken, only outwaited
    fault = hub.fault(moment.pattern, moment.kind, **moment.options)
    events = fetch(should_stop=lambda: fault.reached.is_set() and weights_here() == moment.here)
    stopped = assert_stopped(events)
    assert stopped.done == sum(path.stat().st_size for path in folder().glob("*[tnsp]") if is_content(path))
    hub.wait_open(0)
    hub.clear_faults()
    assert_ready(fetch())
    assert hub.body_bytes(WEIGHTS) == SIZE


def is_content(path: Path) -> bool:
    return path.name.removesuffix(".part") in FILES


def test_it_ends_while_bytes_trickle(hub: Loopback) -> None:
    fault = hub.fault(WEIGHTS, "trickle", after=HERE, bytes=10, every=0.001)
    assert_stopped(fetch(should_stop=lambda: fault.reached.is_set() and weights_here() > HERE))
    hub.wait_open(0)
    hub.clear_faults()
    assert_ready(fetch())


class Wish:
    """A wish to end that is made when a note is told."""

    def __init__(self, words: str) -> None:
        self.words, self.is_made = words, False

    def follow(self, name: str, patience: Patience, *, source_name: str | None = None) -> list[DownloadEvent]:
        events = []
        downloader = Downloader(ANYTHING, patience=patience)
        for event in downloader.download(name, source_name=source_name, should_stop=lambda: self.is_made):
            events.append(event)
            self.is_made |= isinstance(event, DownloadProgress) and self.words in event.note
        return events


@pytest.mark.parametrize(
    "pattern, words",
    [
        ("/api/models/*", "answered 503 Service Unavailable, trying again (2/3)"),
        (WEIGHTS, "model.safetensors: 127.0.0.1:"),
    ],
    ids=["looking up", "downloading"],
)
def test_it_ends_while_it_waits_before_another_try(hub: Loopback, pattern: str, words: str) -> None:
    hub.fault(pattern, "status", times=None, code=503)
    events = Wish(words).follow(REPO, replace(QUICK, backoff_seconds=1000))
    assert_stopped(events)
    assert any(words in note for note in notes(events))
    hub.clear_faults()
    assert_ready(fetch())


def test_it_ends_while_a_server_wants_to_be_left_alone(hub: Loopback) -> None:
    hub.fault(WEIGHTS, "status", code=429, headers={"Retry-After": "9999"})
    assert_stopped(Wish("answered 429 Too Many Requests, trying again (2/4)").follow(REPO, QUICK))


def test_it_ends_while_openai_is_looked_up(hub: Loopback) -> None:
    fault = hub.fault("*", "hang", method="HEAD")
    events = list(Downloader(ANYTHING).download("124M", source_name="openai", should_stop=fault.reached.is_set))
    assert events[-1] == DownloadStopped("124M-openai", 0, 0)
    hub.wait_open(0)


def test_it_ends_while_what_is_here_is_hashed(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(hub, HERE)
    began = threading.Event()

    def slowly(hasher: Hasher, path: Path, n: int, tell: object, is_stopped: Callable[[], bool]) -> int:
        began.set()
        while not is_stopped():
            threading.Event().wait(0.001)
        return feed(hasher, path, n, lambda _: None, is_stopped)

    monkeypatch.setattr("picogpt_tui.hub.part.feed", slowly)
    assert_stopped(fetch(should_stop=began.is_set))
    assert part_bytes() == BYTES[:HERE]
    monkeypatch.undo()


def test_it_ends_while_the_model_is_looked_into(hub: Loopback) -> None:
    looking: list[bool] = []

    def endless(_: Path) -> Iterator[Progress]:
        looking.append(True)
        while True:
            yield Progress("checking", 1, 2)

    events = fetch(checks=Checks(ANYTHING.config, endless), should_stop=lambda: bool(looking))
    assert assert_stopped(events) == DownloadStopped(REPO, N_ALL, N_ALL)
    assert_ready(fetch())
    assert hub.body_bytes(WEIGHTS) == SIZE


def test_it_ends_while_two_files_run(hub: Loopback) -> None:
    files = FILES | {"vocab.json": BYTES[::-1]}
    hub.add_repo("owner/two", files, lfs=(WEIGHTS, "vocab.json"))
    faults = [hub.fault(name, "stall", after=HERE) for name in (WEIGHTS, "vocab.json")]
    events = fetch("owner/two", files=files, should_stop=lambda: all(fault.reached.is_set() for fault in faults))
    assert isinstance(events[-1], DownloadStopped)
    hub.wait_open(0)
    hub.clear_faults()
    assert_ready(fetch("owner/two", files=files), files, "owner/two")


def test_who_lets_go_of_the_iterator_ends_it_too(hub: Loopback) -> None:
    """A screen that is closed asks for no further event; another thread may be the one that lets go."""
    fault = hub.fault(WEIGHTS, "stall", after=HERE)
    events = Downloader(ANYTHING, patience=QUICK).download(REPO)
    while not fault.reached.is_set():
        next(events)
    closer = threading.Thread(target=events.close)  # type: ignore[attr-defined]  # it is a generator
    closer.start()
    closer.join()
    hub.wait_open(0)
    assert_unfinished()


def test_a_thread_that_cannot_be_woken_does_not_hold_a_place(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for a name server is left to itself, and the next download does not wait for it."""
    asked, answered = threading.Event(), threading.Event()

    def never(*_: object) -> object:
        asked.set()
        answered.wait(60)
        raise NotReachable("too late.")

    downloader = Downloader(ANYTHING, n_files=1, patience=QUICK)
    with monkeypatch.context() as patch:
        patch.setattr(crew, "open_session", never)
        assert_stopped(fetch(downloader=downloader, should_stop=asked.is_set))
    assert_ready(fetch(downloader=downloader))
    answered.set()
    assert_ready(fetch(downloader=downloader))
