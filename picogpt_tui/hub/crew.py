"""The threads that bring the files of one model, and the one that watches them and tells.

Threads only ever write into their `FileState`; who iterates here looks at those ten times a second. When it is to end,
the threads are woken and left to themselves: one that still waits for a name server finds, when it comes back, that
nothing is to be written any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Generic, TypeVar

from picogpt_tui.errors import FileError
from picogpt_tui.events import DownloadProgress, FileProgress, Progress
from picogpt_tui.hub.background import give_way
from picogpt_tui.hub.connection import Stop, Stopped, open_session
from picogpt_tui.hub.manifest import Manifest, ModelFile
from picogpt_tui.hub.patience import Patience
from picogpt_tui.hub.registry import CHECKPOINT
from picogpt_tui.hub.sources import Source
from picogpt_tui.hub.sources.address import LARGEST_SMALL_FILE
from picogpt_tui.hub.speed import SpeedMeter
from picogpt_tui.hub.transfer import FileState, Transfer

LOOK_SECONDS = 0.02
"""How often a wish to end is looked for."""
TELL_SECONDS = 0.1
_QUIET_SECONDS = 3.0
_LEAVE_SECONDS = 0.15
T = TypeVar("T")


class Task(Thread, Generic[T]):
    """One piece of work in a thread of its own, that keeps what came out of it."""

    def __init__(self, work: Callable[[], T], ended: Event) -> None:
        super().__init__(daemon=True)
        self._work, self._ended = work, ended
        self.result: T | None = None
        self.error: BaseException | None = None
        self.is_done = False

    def run(self) -> None:
        """Work; threading calls this."""
        try:
            give_way()
            self.result = self._work()
        except BaseException as error:  # it is raised again in the thread that waits for it
            self.error = error
        finally:
            self.is_done = True
            self._ended.set()


class _Slot:
    """The right to bring a file. It can be taken from a thread that was left to itself."""

    def __init__(self, slots: BoundedSemaphore) -> None:
        self._slots, self._lock = slots, Lock()
        self._is_held = self._is_over = False

    def acquire(self, stop: Stop) -> None:
        """Wait for it.

        Raises:
            Stopped: it is to end.
        """
        while not stop.is_set:
            if self._slots.acquire(timeout=LOOK_SECONDS):
                with self._lock:
                    self._is_held = True
                    if not self._is_over:
                        return
                self.release()
        raise Stopped

    def release(self) -> None:
        """Let another file have it, for good; twice does no harm."""
        with self._lock:
            self._is_over = True
            if self._is_held:
                self._is_held = False
                self._slots.release()


class Crew:
    """Brings files of one model.

    Attributes:
        manifest: with the digests of the files that have come.
        states: of every file, by name.
    """

    def __init__(
        self,
        manifest: Manifest,
        directory: Path,
        source: Source,
        slots: BoundedSemaphore,
        patience: Patience,
    ) -> None:
        self.manifest = manifest
        self._directory, self._source, self._slots = directory, source, slots
        self._patience = patience
        self._headers = source.headers()
        self._published = {file.name: file.digest for file in manifest.files}
        self._meter = SpeedMeter(time.monotonic())
        self.states = {file.name: FileState(file.name, self._here(file), file.size_bytes) for file in manifest.files}

    @property
    def fetched_bytes(self) -> int:
        """What the network brought."""
        return sum(state.fetched for state in self.states.values())

    @property
    def rest_bytes(self) -> int:
        """What is still to come, of files whose size is known."""
        return sum(max(0, (state.total or 0) - state.done) for state in self.states.values())

    @property
    def here_bytes(self) -> int:
        """What is there now, whoever brought it."""
        return sum(self._here(file) for file in self.manifest.files)

    def bring(
        self, names: Sequence[str], should_stop: Callable[[], bool], *, most_bytes: int = LARGEST_SMALL_FILE
    ) -> Iterator[DownloadProgress]:
        """Bring these files, and tell how far they are.

        Args:
            names: of the files.
            should_stop: asked all the time.
            most_bytes: more than this, a file of unknown length is not.

        Raises:
            Stopped: it was wished.
            PicoGPTError: the first thing that stands in the way; the other files are stopped.
        """
        ended, stop = Event(), Stop()
        slots = [_Slot(self._slots) for _ in names]
        tasks = [
            Task(partial(self._bring_one, self.manifest.file(name), stop, slot, most_bytes), ended)
            for name, slot in zip(names, slots, strict=True)
        ]
        for task in tasks:
            task.start()
        try:
            yield from wait_for(tasks, ended, stop, should_stop, self.progress)
        finally:
            for slot in slots:
                slot.release()
        for task in tasks:
            assert task.result is not None
            self.manifest = self.manifest.with_file(task.result)

    def progress(self, phase: str = "") -> DownloadProgress:
        """How far it is now."""
        now = time.monotonic()
        self._meter.add(now, self.fetched_bytes)
        states = list(self.states.values())
        phases = {state.phase for state in states}
        is_checking = "checking" in phases and phases <= {"checking", "ready"}
        return DownloadProgress(
            self.manifest.name,
            phase or ("checking" if is_checking else "downloading"),
            self.manifest.host,
            done=sum(state.done for state in states),
            total=sum(state.total or state.done for state in states),
            bytes_per_second=self._meter.bytes_per_second,
            eta_seconds=self._meter.eta_seconds(self.rest_bytes),
            note="; ".join(note for state in states if (note := _note(state, now))),
            files=tuple(FileProgress(state.name, state.phase, state.done, state.total) for state in states),
        )

    def checking(self, step: Progress) -> DownloadProgress:
        """How far the look into what has come is."""
        return replace(self.progress("checking"), done=step.done, total=step.total, eta_seconds=None)

    @property
    def unproven(self) -> set[str]:
        """The files that neither a published digest nor a checksum inside them proves right."""
        return {name for name, digest in self._published.items() if not digest} - set(CHECKPOINT)

    def forget(self, *names: str) -> None:
        """These files turned out damaged: they are taken away, and what was known of them does not count.

        Raises:
            FileError: one cannot be removed.
        """
        for name in names:
            try:
                (self._directory / name).unlink(missing_ok=True)
            except OSError as error:
                raise FileError("remove", self._directory / name, error) from error
            state = self.states[name]
            state.phase, state.done, state.note = "waiting", 0, "damaged, fetching it once more"
            self.manifest = self.manifest.with_file(replace(self.manifest.file(name), digest=self._published[name]))

    def _bring_one(self, file: ModelFile, stop: Stop, slot: _Slot, most_bytes: int) -> ModelFile:
        state = self.states[file.name]
        try:
            slot.acquire(stop)
            with open_session(stop, self._headers) as session:
                url = self._source.url(self.manifest, file.name)
                transfer = Transfer(
                    file, self._directory, url, session, stop, state, self._patience, most_bytes=most_bytes
                )
                brought = transfer.run()
        finally:
            slot.release()
        state.phase, state.note = "ready", ""
        return brought

    def _here(self, file: ModelFile) -> int:
        for name in (file.name, f"{file.name}.part"):
            path = self._directory / name
            if path.is_file():
                return min(path.stat().st_size, file.size_bytes or path.stat().st_size)
        return 0


def wait_for(
    tasks: Sequence[Task[T]],
    ended: Event,
    stop: Stop,
    should_stop: Callable[[], bool],
    progress: Callable[[], DownloadProgress],
) -> Iterator[DownloadProgress]:
    """Tell how far some tasks are until they are done; at least once, so that no phase passes without a word.

    Raises:
        Stopped: it was wished; the tasks have been told and are left to themselves.
        PicoGPTError: one of them failed; the others have been told.
    """
    try:
        yield progress()
        told = time.monotonic()
        while not all(task.is_done for task in tasks):
            if time.monotonic() - told >= TELL_SECONDS:
                yield progress()
                told = time.monotonic()
            if should_stop():
                raise Stopped
            if any(task.error for task in tasks):
                break
            ended.wait(LOOK_SECONDS)
            ended.clear()
    finally:
        if not all(task.is_done for task in tasks):
            _end(tasks, stop)
    errors = [task.error for task in tasks if task.error is not None]
    # subtle: what the others raise when they are told to end is no reason; the one that broke first is
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error


def _end(tasks: Sequence[Task[T]], stop: Stop) -> None:
    stop.set()
    deadline = time.monotonic() + _LEAVE_SECONDS
    for task in tasks:
        task.join(max(0.0, deadline - time.monotonic()))


def _note(state: FileState, now: float) -> str:
    if state.note:
        return f"{state.name}: {state.note}"
    if state.quiet_since is not None and now - state.quiet_since >= _QUIET_SECONDS:
        return f"{state.name}: no data for {now - state.quiet_since:.0f} s"
    return ""
