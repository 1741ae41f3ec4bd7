"""A model from its source into its folder, as a stream of events: look up, make room, fetch, check, ready.

    lock ▶ manifest.json.part ▶ config (is it a GPT-2?) ▶ the rest, two files at once ▶ weights checked ▶ manifest.json

It can be ended at any moment, by a wish or by force, and goes on from the last byte when it is asked for again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore, Event
from typing import TypeVar, cast

from picogpt_tui.errors import (
    CheckpointError,
    Corrupt,
    FileError,
    ModelError,
    NoSpace,
    NotAGPT2,
    NotOnTheHub,
    NotReachable,
)
from picogpt_tui.events import Downloaded, DownloadEvent, DownloadProgress, DownloadStopped, Progress
from picogpt_tui.hub.connection import Stop
from picogpt_tui.hub.crew import Crew, Task, wait_for
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED, Manifest, finish, read_manifest, write_unfinished
from picogpt_tui.hub.registry import CHECKPOINT, WEIGHTS
from picogpt_tui.hub.sources import Source, source
from picogpt_tui.hub.targets import Target, target
from picogpt_tui.hub.transfer import RESERVE_BYTES, Patience, Stopped
from picogpt_tui.hub.trouble import is_final
from picogpt_tui.visible import one_line

_LOOK_UP_TRIES = 3
_CONFIGS = ("config.json", "hparams.json")
ShouldStop = Callable[[], bool]
Steps = Generator[DownloadProgress, None, Manifest]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checks:
    """How somebody who knows models looks at what has come; this package knows only bytes."""

    config: Callable[[Path], int]
    """Of a folder with a config: the most bytes its weights can take. Raises ModelError where it is no GPT-2."""
    model: Callable[[Path], Iterator[Progress]]
    """Of a folder with all files: `done` and `total` in bytes. Raises CheckpointError where bytes are damaged, another
    ModelError where they are no model of ours."""


class Downloader:
    """Downloads models, each in the thread that iterates, at most `n_files` files at once in all.

    One object a program: it holds the count.
    """

    def __init__(self, checks: Checks, *, n_files: int = 2, patience: Patience | None = None) -> None:
        self._checks = checks
        self._slots = BoundedSemaphore(n_files)
        self._patience = patience or Patience()

    def download(
        self, name: str, *, source_name: str | None = None, should_stop: ShouldStop = lambda: False
    ) -> Iterator[DownloadEvent]:
        """Bring a model, or what is missing of it.

        Args:
            name: a published size, an alias, or `owner/name[@revision]`.
            source_name: `huggingface` or `openai`; the former where a size is published by both.
            should_stop: asked 50 times a second.

        Raises:
            DownloadError, ModelNotFound, SettingError, FileError: see `errors`; what came is kept.
        """
        wanted = target(name, source_name)
        run, stopped = _Run(), None
        try:
            with only_one(wanted.directory, wanted.name):
                yield from self._steps(wanted, run, should_stop)
        except Stopped:
            done = run.crew.progress() if run.crew else None
            stopped = DownloadStopped(wanted.name, done.done if done else 0, done.total if done else 0)
        if stopped:
            yield stopped

    def _steps(self, wanted: Target, run: _Run, should_stop: ShouldStop) -> Iterator[DownloadEvent]:
        directory = wanted.directory
        manifest = whole(directory)
        if manifest is None:
            from_source = source(wanted.source)
            begun = _begun(directory)
            manifest = begun or (yield from _look_up(from_source, wanted, should_stop))
            try:
                yield from self._fill(manifest, directory, from_source, run, should_stop)
            except NotOnTheHub:
                if begun is None:
                    raise
                # the version that was begun is gone: go on with the present one, which may share files with it
                manifest = yield from _look_up(from_source, wanted, should_stop)
                yield from self._fill(manifest, directory, from_source, run, should_stop)
            assert run.crew is not None
            manifest = run.crew.manifest
        fetched = run.crew.fetched_bytes if run.crew else 0
        yield Downloaded(wanted.name, directory, manifest.size_bytes, fetched)

    def _fill(
        self, manifest: Manifest, directory: Path, from_source: Source, run: _Run, should_stop: ShouldStop
    ) -> Iterator[DownloadProgress]:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError("write", directory, error) from error
        crew = run.crew = Crew(manifest, directory, from_source, self._slots, self._patience)
        _make_sure_of_room(crew, directory)
        write_unfinished(directory, manifest)
        names = [file.name for file in manifest.files]
        first = [name for name in names if name in _CONFIGS]
        yield from crew.bring(first, should_stop)
        self._check_config(manifest, directory)
        rest = [name for name in names if name not in first]
        for is_last in (False, True):
            yield from crew.bring(rest, should_stop)
            if (yield from self._check_model(crew, directory, should_stop, is_last=is_last)):
                break
        finish(directory, crew.manifest)

    def _check_config(self, manifest: Manifest, directory: Path) -> None:
        """Refuse what is no GPT-2 before its weights are fetched."""
        try:
            most_bytes = self._checks.config(directory)
        except ModelError as error:
            why = str(error)
        else:
            weights = [file for file in manifest.files if file.name in (WEIGHTS, *CHECKPOINT)]
            size = sum(file.size_bytes or 0 for file in weights)
            if size <= most_bytes:
                return
            why = f"its weights would be {size:,} bytes, its config makes at most {most_bytes:,} of them."
        if not any((directory / f"{name}{end}").exists() for name in (WEIGHTS, *CHECKPOINT) for end in ("", ".part")):
            shutil.rmtree(directory, ignore_errors=True)
        raise NotAGPT2(f"{one_line(manifest.repo, 100)} is no GPT-2 that can be read here: {why}", name=manifest.name)

    def _check_model(
        self, crew: Crew, directory: Path, should_stop: ShouldStop, *, is_last: bool
    ) -> Generator[DownloadProgress, None, bool]:
        """Look into what has come; False where it is damaged and is to be fetched once more."""
        manifest = crew.manifest
        try:
            for step in self._checks.model(directory):
                if should_stop():
                    raise Stopped
                yield crew.checking(step)
        except CheckpointError as error:
            for name in CHECKPOINT:
                (directory / name).unlink(missing_ok=True)
            if is_last:
                message = f"{manifest.name} came damaged twice from {manifest.host}: {error}"
                raise Corrupt(message, name=manifest.name, host=manifest.host) from error
            crew.forget(*CHECKPOINT)
            return False
        except ModelError as error:
            message = f"{one_line(manifest.repo, 100)} is no GPT-2 that can be read here: {error}"
            raise NotAGPT2(message, name=manifest.name) from error
        return True


class _Run:
    """What one download has got so far."""

    crew: Crew | None = None


def whole(directory: Path) -> Manifest | None:
    """The manifest of a folder that holds all that its manifest promises, or None."""
    try:
        manifest = read_manifest(directory / MANIFEST)
    except ModelError:  # damaged: the source is asked again, and files that are right are taken as they are
        return None
    if manifest is None or (directory / UNFINISHED).exists():
        return None
    is_whole = all(_size(directory / file.name) == file.size_bytes for file in manifest.files)
    return manifest if is_whole else None


def _begun(directory: Path) -> Manifest | None:
    """What was begun here, or what has lost a file."""
    for name in (UNFINISHED, MANIFEST):
        try:
            if (manifest := read_manifest(directory / name)) is not None:
                return manifest
        except ModelError:  # as above
            continue
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _look_up(from_source: Source, wanted: Target, should_stop: ShouldStop) -> Steps:
    """Ask the source, a few times if it does not answer."""
    n_tries = 1
    while True:
        note = f"no answer, trying again ({n_tries}/{_LOOK_UP_TRIES})" if n_tries > 1 else ""
        progress = DownloadProgress(wanted.name, "looking up", from_source.host(), note=note)
        try:
            return (yield from _in_background(lambda stop: from_source.look_up(wanted, stop), progress, should_stop))
        except NotReachable as error:
            if n_tries == _LOOK_UP_TRIES or is_final(error):
                raise
        yield from _in_background(lambda stop: stop.wait(0.5), progress, should_stop)
        n_tries += 1


def _in_background(
    work: Callable[[Stop], T], progress: DownloadProgress, should_stop: ShouldStop
) -> Generator[DownloadProgress, None, T]:
    """Let something that blocks run in a thread, which is left to itself when it is to end; returns its result."""
    ended, stop = Event(), Stop()
    task = Task(partial(work, stop), ended)
    task.start()
    yield from wait_for([task], ended, stop, should_stop, lambda: progress)
    return cast(T, task.result)


def _make_sure_of_room(crew: Crew, directory: Path) -> None:
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise FileError("look at", directory, error) from error
    if crew.rest_bytes + RESERVE_BYTES > free:
        raise NoSpace(
            f"{crew.manifest.name} needs {crew.rest_bytes / 1e9:,.2f} GB more on the disk of {directory}, and "
            f"{free / 1e9:,.2f} GB are free; make room, or set PICOGPT_MODELS to a folder on another disk.",
            name=crew.manifest.name,
        )
