"""A model from its source into its folder, as a stream of events: look up, make room, fetch, check, ready.

    lock ▶ manifest.json.part ▶ config (is it a GPT-2?) ▶ the rest, two files at once ▶ weights checked ▶ manifest.json

It can be ended at any moment, by a wish or by force, and goes on from the last byte when it is asked for again.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
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
from picogpt_tui.hub.answers import TryAgain
from picogpt_tui.hub.connection import Stop, Stopped
from picogpt_tui.hub.crew import Crew, Task, wait_for
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED, Manifest, finish, read_manifest, write_unfinished
from picogpt_tui.hub.part import room_or_told
from picogpt_tui.hub.patience import Patience
from picogpt_tui.hub.registry import CHECKPOINT, WEIGHTS
from picogpt_tui.hub.sources import Source, source
from picogpt_tui.hub.sources.address import LARGEST_SMALL_FILE
from picogpt_tui.hub.targets import Target, target
from picogpt_tui.hub.transfer import RESERVE_BYTES
from picogpt_tui.hub.trouble import is_final
from picogpt_tui.quantities import size_text
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
            crew = run.crew
            stopped = DownloadStopped(
                wanted.name, crew.here_bytes if crew else 0, crew.manifest.size_bytes if crew else 0
            )
        if stopped:
            yield stopped

    def _steps(self, wanted: Target, run: _Run, should_stop: ShouldStop) -> Iterator[DownloadEvent]:
        directory = wanted.directory
        manifest = whole(directory)
        if manifest is None:
            from_source = source(wanted.source)
            begun = _begun(wanted, from_source.host())
            manifest = begun or (yield from self._look_up(from_source, wanted, should_stop))
            try:
                yield from self._fill(manifest, directory, from_source, run, should_stop)
            except (NotOnTheHub, Corrupt):
                if begun is None:
                    raise
                # what was begun is gone, or was noted down wrongly: go on with what the source has now, which may share
                # files with it
                manifest = yield from self._look_up(from_source, wanted, should_stop)
                if manifest.files == begun.files and manifest.commit == begun.commit:
                    raise
                yield from self._fill(manifest, directory, from_source, run, should_stop)
            assert run.crew is not None
            manifest = run.crew.manifest
        fetched = run.crew.fetched_bytes if run.crew else 0
        yield Downloaded(wanted.name, directory, manifest.size_bytes, fetched)

    def _fill(
        self, manifest: Manifest, directory: Path, from_source: Source, run: _Run, should_stop: ShouldStop
    ) -> Iterator[DownloadProgress]:
        crew = run.crew = Crew(manifest, directory, from_source, self._slots, self._patience)
        _make_sure_of_room(crew, directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError("write", directory, error) from error
        with room_or_told(directory / UNFINISHED):
            write_unfinished(directory, manifest)
        names = [file.name for file in manifest.files]
        first = [name for name in names if name in _CONFIGS]
        yield from crew.bring(first, should_stop)
        most_bytes = self._check_config(manifest, directory)
        rest = [name for name in names if name not in first]
        for is_last in (False, True):
            yield from crew.bring(rest, should_stop, most_bytes=max(most_bytes, LARGEST_SMALL_FILE))
            rest = yield from self._check_model(crew, directory, should_stop, is_last=is_last)
            if not rest:
                break
        with room_or_told(directory / MANIFEST):
            finish(directory, crew.manifest)
        _sweep(manifest, directory)

    def _check_config(self, manifest: Manifest, directory: Path) -> int:
        """Refuse what is no GPT-2 before its weights are fetched; returns the most bytes that those can have."""
        try:
            most_bytes = self._checks.config(directory)
        except ModelError as error:
            why = str(error)
        else:
            weights = [file for file in manifest.files if file.name in (WEIGHTS, *CHECKPOINT)]
            size = sum(file.size_bytes or 0 for file in weights)
            if size <= most_bytes:
                return most_bytes
            why = f"its weights would be {size:,} bytes, its config makes at most {most_bytes:,} of them."
        if not any((directory / f"{name}{end}").exists() for name in (WEIGHTS, *CHECKPOINT) for end in ("", ".part")):
            _take_away(manifest, directory)
        raise NotAGPT2(f"{one_line(manifest.repo, 100)} is no GPT-2 that can be read here: {why}", name=manifest.name)

    def _check_model(
        self, crew: Crew, directory: Path, should_stop: ShouldStop, *, is_last: bool
    ) -> Generator[DownloadProgress, None, list[str]]:
        """Look into what has come; returns the files that may be damaged and are to be fetched once more."""
        manifest = crew.manifest
        try:
            for step in self._checks.model(directory):
                if should_stop():
                    raise Stopped
                yield crew.checking(step)
        except ModelError as error:
            is_damaged = isinstance(error, CheckpointError)
            # subtle: what nobody published a digest of may have come damaged, and whatever is wrong may be that
            names = [file.name for file in manifest.files]
            suspects = [name for name in names if (name in CHECKPOINT if is_damaged else name in crew.unproven)]
            crew.forget(*suspects)
            if suspects and not is_last:
                return suspects
            if is_damaged:
                message = f"{manifest.name} came damaged twice from {manifest.host}: {error}"
                raise Corrupt(message, name=manifest.name, host=manifest.host) from error
            message = f"{one_line(manifest.repo, 100)} is no GPT-2 that can be read here: {error}"
            raise NotAGPT2(message, name=manifest.name) from error
        return []

    def _look_up(self, from_source: Source, wanted: Target, should_stop: ShouldStop) -> Steps:
        """Ask the source, a few times if it does not answer."""
        n_tries, note = 1, ""
        while True:
            progress = DownloadProgress(wanted.name, "looking up", from_source.host(), note=note)
            wait_seconds = self._patience.backoff(n_tries)
            try:
                ask = partial(from_source.look_up, wanted)
                return (yield from _in_background(ask, progress, should_stop))
            except TryAgain as again:
                error, why = again.error, again.why
                wait_seconds = wait_seconds if again.wait_seconds is None else again.wait_seconds
            except NotReachable as failure:
                if is_final(failure):
                    raise
                error, why = failure, "no answer"
            if n_tries == _LOOK_UP_TRIES:
                raise error
            n_tries += 1
            note = f"{why}, trying again ({n_tries}/{_LOOK_UP_TRIES})"
            yield from _in_background(_waiting(wait_seconds), replace(progress, note=note), should_stop)


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


def _begun(wanted: Target, host: str) -> Manifest | None:
    """What was begun here, or what has lost a file."""
    for name in (UNFINISHED, MANIFEST):
        try:
            manifest = read_manifest(wanted.directory / name)
        except ModelError:  # as above
            continue
        if manifest is not None and (manifest.source, manifest.repo) == (wanted.source, wanted.repo):
            return replace(manifest, host=host)
    return None


def _take_away(manifest: Manifest, directory: Path) -> None:
    """Remove what a download put here; what somebody else did stays."""
    names = [file.name for file in manifest.files]
    for name in (UNFINISHED, MANIFEST, *names, *(f"{name}.part" for name in names)):
        with contextlib.suppress(OSError):
            (directory / name).unlink(missing_ok=True)
    _sweep(manifest, directory)
    with contextlib.suppress(OSError):
        directory.rmdir()


def _sweep(manifest: Manifest, directory: Path) -> None:
    """Remove what runs that were killed have left besides their bytes."""
    names = [f"{file.name}.part.json" for file in manifest.files]
    leftovers = [path for name in (*names, UNFINISHED) for path in directory.glob(f".{name}.*")]
    for path in (*(directory / name for name in names), *leftovers):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _waiting(seconds: float) -> Callable[[Stop], object]:
    return lambda stop: stop.wait(seconds)


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
        # the folder may not be there yet, nor those above it
        free = shutil.disk_usage(next(place for place in (directory, *directory.parents) if place.exists())).free
    except OSError as error:
        raise FileError("look at", directory, error) from error
    if crew.rest_bytes + RESERVE_BYTES > free:
        raise NoSpace(
            f"{crew.manifest.name} needs {size_text(crew.rest_bytes)} more on the disk of {directory}, and "
            f"{size_text(free)} are free; make room, or set PICOGPT_MODELS to a folder on another disk.",
            name=crew.manifest.name,
        )
