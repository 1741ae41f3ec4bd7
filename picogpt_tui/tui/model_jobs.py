"""What runs in worker threads for the models: list, download, verify, remove. As in `jobs`: iterate, post, no widget.

What they need of the hub is imported inside them: the first frame waits for none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from picogpt_tui.events import DownloadEvent, Progress
from picogpt_tui.hub.registry import published
from picogpt_tui.settings import PRECISIONS
from picogpt_tui.tui.jobs import Post, ShouldStop, sentence
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

if TYPE_CHECKING:
    from picogpt_tui.hub.download import Downloader
    from picogpt_tui.hub.store import StoredModel

Fetch = Callable[[str, str | None, ShouldStop], Iterator[DownloadEvent]]
_USUAL_LAYERS = 12


class Fetcher:
    """The app's way to download: one `Downloader` for all, so that it can count the files under way."""

    def __init__(self) -> None:
        self._downloader: Downloader | None = None
        self._lock = Lock()

    def __call__(self, name: str, source: str | None, should_stop: ShouldStop) -> Iterator[DownloadEvent]:
        """Bring a model; see `Downloader.download`."""
        from picogpt_tui.hub.download import Checks, Downloader
        from picogpt_tui.session.inspection import check_config, check_model

        with self._lock:
            if self._downloader is None:
                self._downloader = Downloader(Checks(check_config, check_model))
        return self._downloader.download(name, source_name=source, should_stop=should_stop)


def list_models_job(post: Post) -> None:
    """Look which models there are; posts ModelsListed."""
    from picogpt_tui.hub.store import list_models

    try:
        post(ModelsListed(list_models()))
    except Exception as error:  # whatever goes wrong in foreign folders becomes a sentence on the screen
        post(ModelWorkFailed("", sentence(error)))


def appraise_models_job(models: Sequence[StoredModel], post: Post) -> None:
    """Look what to expect of these models in each precision; posts ModelsAppraised."""
    try:
        post(ModelsAppraised({model.name: _appraise(model) for model in models}))
    except Exception as error:  # as above
        post(ModelWorkFailed("", sentence(error)))


def _appraise(model: StoredModel) -> Appraisal:
    from picogpt_tui.session.expected_speed import tokens_per_second
    from picogpt_tui.session.quantized import int8_file

    n_params, size_of = model.n_params, published(model.name)
    n_layer = size_of.n_layer if size_of is not None else _USUAL_LAYERS
    speeds = {one: tokens_per_second(n_params, n_layer, one) for one in PRECISIONS} if n_params else {}
    return Appraisal(speeds, model.path is not None and int8_file(model.path) is not None)


def download_job(name: str, source: str | None, run: int, fetch: Fetch, post: Post, should_stop: ShouldStop) -> None:
    """Download a model; posts DownloadTold as it goes, and DownloadFailed if it cannot be."""
    try:
        for event in fetch(name, source, should_stop):
            post(DownloadTold(name, run, event))
    except Exception as error:  # as above
        post(DownloadFailed(name, run, sentence(error)))


def verify_job(name: str, repairs: bool, run: int, post: Post, should_stop: ShouldStop) -> None:
    """Look at every byte of a model; posts ModelWorkTold as it goes, then ModelVerified or ModelWorkFailed.

    Where it is to be repaired, the damaged files are taken away, and who hears of it downloads the model again.
    """
    from picogpt_tui.hub.upkeep import prepare_repair, verify
    from picogpt_tui.session.inspection import check_model

    try:
        for step in verify(name, check_model):
            if should_stop():
                return
            if isinstance(step, Progress):
                post(ModelWorkTold(name, run, step))
                continue
            if repairs and step.damaged:
                prepare_repair(step)
            post(ModelVerified(name, run, step, repairs and bool(step.damaged)))
    except Exception as error:  # as above
        post(ModelWorkFailed(name, sentence(error), run))


def remove_job(name: str, post: Post) -> None:
    """Delete a model, or take it off the list; posts ModelRemoved or ModelWorkFailed."""
    from picogpt_tui.hub.upkeep import remove

    try:
        post(ModelRemoved(remove(name)))
    except Exception as error:  # as above
        post(ModelWorkFailed(name, sentence(error)))
