"""Keeps the models: lists, downloads, verifies, removes. Takes no room on the screen.

A download goes on whatever the user does meanwhile. Every run has a number, so that what a stopped one still says is
dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event as StopEvent
from threading import Lock
from typing import TYPE_CHECKING

from textual import on, work
from textual.signal import Signal
from textual.widget import Widget
from textual.worker import get_current_worker

from picogpt_tui.events import Downloaded, Progress
from picogpt_tui.quantities import size_text
from picogpt_tui.tui import model_jobs
from picogpt_tui.tui.downloads import FAILED, OFFERED, PAUSED, READY, Download
from picogpt_tui.tui.findings import finding
from picogpt_tui.tui.messages import (
    DownloadFailed,
    DownloadTold,
    ModelRemoved,
    ModelsAppraised,
    ModelsListed,
    ModelVerified,
    ModelWorkFailed,
    ModelWorkTold,
)
from picogpt_tui.tui.precisions import Appraisal
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.hub.store import StoredModel

_MOST_THREADS = 64


class ModelKeeper(Widget):
    """Does what is to be done in threads, and tells whoever subscribed that something is to be shown anew.

    Attributes:
        changed: published whenever what it knows has changed.
        models: what there is, as last listed.
        downloads: by model, in the order in which they began.
        verifying: model and progress of the look at its bytes, None while there is none.
        findings: what was found out about a model, in one sentence, by its name.
        appraisals: what to expect of a model in each precision, by its name; empty before somebody wished to know.
    """

    def __init__(self, id: str, fetch: model_jobs.Fetch) -> None:
        super().__init__(id=id)
        self.changed: Signal[None] = Signal(self, "models-changed")
        self._fetch = fetch
        self._stops: dict[str, StopEvent] = {}
        self._run = 0
        self._runs: dict[str, int] = {}
        self._verifying_run, self._stop_verifying = 0, StopEvent()
        self._locks: dict[str, Lock] = {}
        """By model: whatever is wanted of one whose run was stopped waits until that has let go of its files."""
        self._is_listing = self._lists_again = self._appraises = False
        self.models: list[StoredModel] = []
        self.downloads: dict[str, Download] = {}
        self.verifying: tuple[str, Progress] | None = None
        self.findings: dict[str, str] = {}
        self.appraisals: Mapping[str, Appraisal] = {}

    def on_mount(self) -> None:
        """Make room for more downloads than there are processors."""
        # subtle: the loop's own pool may have five threads, and as many downloads would let no model generate
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_MOST_THREADS, "picogpt"))

    def refresh_list(self) -> None:
        """Look which models there are; `changed` tells when it is known."""
        self._lists_again = self._is_listing  # what changes while one looks is looked at once more
        if not self._is_listing:
            self._is_listing = True
            self._list()

    def appraise(self) -> None:
        """Look which models there are, and from now on also what to expect of each."""
        self._appraises = True
        self.refresh_list()

    def _end_listing(self) -> None:
        self._is_listing = False
        if self._lists_again:
            self.refresh_list()

    # -- downloads -----------------------------------------------------------------------------------------------------

    def offer(self, name: str, sentence: str) -> None:
        """The user wanted a model that is not here: ask, unless it is on its way."""
        listed = self._listed(lambda model: model.download_name == name)
        name = listed.name if listed is not None else name
        known = self.downloads.get(name, Download(name, _source_of(listed), OFFERED))
        if not known.is_running:
            self.downloads[name] = replace(known, state=OFFERED, sentence=sentence)
            self._changed()

    def download(self, name: str, source: str | None = None) -> None:
        """Begin a download, or go on with it."""
        known = self.downloads.get(name)
        if known is not None and known.is_running:
            return
        source = source or (known.source if known is not None else None)
        progress = known.progress if known is not None else None
        self.findings.pop(name, None)
        self.downloads[name] = Download(name, source, progress=progress)
        self._run += 1
        self._runs[name] = self._run
        stop = self._stops[name] = StopEvent()
        self._download(name, source, self._run, stop, self._lock(name))
        self._changed()

    def pause(self, name: str) -> None:
        """Stop a download; it is shown as paused, and what came is kept."""
        known = self.downloads.get(name)
        if known is not None and known.is_running:
            self._end(name)
            self.downloads[name] = replace(known, state=PAUSED)
            self._changed()

    def cancel(self, name: str) -> None:
        """Stop a download and show it no longer; what came is kept on the disk."""
        if self.downloads.pop(name, None) is not None:
            self._end(name)
            self._changed()

    def dismiss(self) -> bool:
        """Show no longer what is done or broken; whether there was any."""
        done = [one.name for one in self.downloads.values() if one.state in (FAILED, OFFERED, READY)]
        for name in done:
            del self.downloads[name]
        if done:
            self._changed()
        return bool(done)

    def loaded(self, name: str) -> None:
        """This model is played with from now on: nothing of it waits to be fetched or loaded."""
        known = self.downloads.get(name)
        if known is not None and known.state in (OFFERED, READY):
            del self.downloads[name]
            self._changed()
        self.refresh_list()

    def _lock(self, name: str) -> Lock:
        return self._locks.setdefault(name, Lock())

    def _end(self, name: str) -> None:
        self._runs.pop(name, None)
        if (stop := self._stops.pop(name, None)) is not None:
            stop.set()

    @work(thread=True, group="download", exit_on_error=False)
    def _download(self, name: str, source: str | None, run: int, stop: StopEvent, lock: Lock) -> None:
        with lock:
            model_jobs.download_job(name, source, run, self._fetch, self.post_message, self._asker(stop))

    @on(DownloadTold)
    def _take_progress(self, message: DownloadTold) -> None:
        if self._runs.get(message.name) != message.run:
            self.refresh_list()  # a run that was stopped has let go of its files
            return
        self.downloads[message.name] = self.downloads[message.name].told(message.event)
        if isinstance(message.event, Downloaded):
            self._end(message.name)
            self.refresh_list()
        self._changed()

    @on(DownloadFailed)
    def _take_failure(self, message: DownloadFailed) -> None:
        if self._runs.get(message.name) == message.run:
            self._end(message.name)
            known = self.downloads[message.name]
            self.downloads[message.name] = replace(known, state=FAILED, sentence=message.sentence)
        self.refresh_list()
        self._changed()

    # -- upkeep --------------------------------------------------------------------------------------------------------

    def verify(self, name: str, *, repairs: bool) -> None:
        """Look at every byte of a model, and fetch again what is damaged if that is wished."""
        if self.verifying is None:
            self.verifying = name, Progress("checking", 0, 0)
            self.findings.pop(name, None)
            self._run += 1
            self._verifying_run, self._stop_verifying = self._run, StopEvent()
            self._verify(name, repairs, self._run, self._stop_verifying)
            self._changed()

    def checked(self, name: str) -> Progress | None:
        """How far the look at a model's bytes is, None where there is none."""
        return self.verifying[1] if self.verifying is not None and self.verifying[0] == name else None

    def stop_verifying(self) -> None:
        """Look no further; what was found so far is not told."""
        self._stop_verifying.set()
        self._verifying_run, self.verifying = 0, None
        self._changed()

    def delete(self, name: str) -> None:
        """Delete a model, or take it off the list."""
        self.cancel(name)
        self._remove(name, self._lock(name))

    @work(thread=True, group="models", exit_on_error=False)
    def _list(self) -> None:
        model_jobs.list_models_job(self.post_message)

    @work(thread=True, group="models", exit_on_error=False)
    def _appraise(self, models: list[StoredModel]) -> None:
        model_jobs.appraise_models_job(models, self.post_message)

    @work(thread=True, group="verify", exit_on_error=False)
    def _verify(self, name: str, repairs: bool, run: int, stop: StopEvent) -> None:
        model_jobs.verify_job(name, repairs, run, self.post_message, self._asker(stop))

    @work(thread=True, group="models", exit_on_error=False)
    def _remove(self, name: str, lock: Lock) -> None:
        with lock:
            model_jobs.remove_job(name, self.post_message)

    @on(ModelsListed)
    def _take_list(self, message: ModelsListed) -> None:
        self.models = message.models
        if self._appraises:
            self._appraise(message.models)
        self._changed()
        self._end_listing()

    @on(ModelsAppraised)
    def _take_appraisals(self, message: ModelsAppraised) -> None:
        self.appraisals = message.appraisals
        self._changed()

    @on(ModelWorkTold)
    def _take_verifying(self, message: ModelWorkTold) -> None:
        if message.run == self._verifying_run:
            self.verifying = message.name, message.progress
            self._changed()

    @on(ModelVerified)
    def _take_verified(self, message: ModelVerified) -> None:
        if message.run != self._verifying_run:
            self.refresh_list()  # its last step may have taken damaged files away
            return
        self.verifying = None
        if message.repairs:
            self.download(message.name, _source_of(self._listed(lambda model: model.name == message.name)))
            return
        self.findings[message.name] = finding(message.found)
        self.refresh_list()
        self._changed()

    @on(ModelRemoved)
    def _take_removed(self, message: ModelRemoved) -> None:
        removed = message.removed
        freed = f"{size_text(removed.freed_bytes)} freed." if removed.freed_bytes else "its files stay where they are."
        self.notify(f"{one_line(removed.name, 60)} removed; {freed}", markup=False)
        self.findings.pop(removed.name, None)
        self.refresh_list()

    @on(ModelWorkFailed)
    def _take_trouble(self, message: ModelWorkFailed) -> None:
        if message.run:
            if message.run != self._verifying_run:
                return
            self.verifying = None
        self.notify(message.sentence, severity="error", timeout=10, markup=False)
        self._changed()
        if message.name:
            self.refresh_list()
        else:
            self._end_listing()

    def _listed(self, is_it: Callable[[StoredModel], bool]) -> StoredModel | None:
        return next((model for model in self.models if is_it(model)), None)

    def _changed(self) -> None:
        self.changed.publish(None)

    def _asker(self, stop: StopEvent) -> Callable[[], bool]:
        """What work asks, in the worker's thread."""
        worker = get_current_worker()
        return lambda: stop.is_set() or worker.is_cancelled


def _source_of(model: StoredModel | None) -> str | None:
    """Who was asked for what is here of it."""
    return model.manifest.source if model is not None and model.manifest is not None else None
