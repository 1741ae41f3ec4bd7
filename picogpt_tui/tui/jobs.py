"""What runs in worker threads: iterate a generator, post messages, touch no widget.

Each job takes `post`, which is safe to call from any thread, and tells errors as one sentence. The modules that need
NumPy are imported inside the jobs, so that the first frame is on the screen before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from textual.message import Message

from picogpt_tui.errors import FileError, ModelNotHere, PicoGPTError
from picogpt_tui.events import Event, Progress
from picogpt_tui.hub.registry import BUNDLED
from picogpt_tui.quantities import size_text
from picogpt_tui.session.document import Document, Request
from picogpt_tui.settings import INT8, SamplingSettings
from picogpt_tui.tui.batches import in_batches
from picogpt_tui.tui.messages import (
    CopyNotKept,
    EventsArrived,
    ModelFailed,
    ModelLoaded,
    ModelLoading,
    Peeked,
    SessionOpened,
    SessionSaved,
    SessionsListed,
    WorkFailed,
)
from picogpt_tui.tui.precisions import precision_of
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine

Post = Callable[[Message], bool]
ShouldStop = Callable[[], bool]
OpenEngine = Callable[[str, str], "Iterator[Progress | FileError | Engine]"]
"""(name, precision) -> how far it is, perhaps why no int8 copy can be kept, and the engine last."""

_SAVING = Lock()


def open_engine(name: str, precision: str) -> Iterator[Progress | FileError | Engine]:
    """Load a model by name, with progress; the app's default way."""
    from picogpt_tui.session.engine import load_engine

    if precision == INT8 and name not in BUNDLED:  # which is so small that it is quantized in no time
        yield from _keep_copy(name)
    yield from load_engine(name, precision)


def _keep_copy(name: str) -> Iterator[Progress | FileError]:
    """Quantize a model into a file, unless it is there: the next load only reads it. An error is told, not raised."""
    from picogpt_tui.hub.store import find_model
    from picogpt_tui.session.quantized import int8_file, keep_int8

    if int8_file(find_model(name)) is not None:
        return
    try:
        for step in keep_int8(name):
            if isinstance(step, Progress):
                yield step
    except FileError as error:
        yield error


def sentence(error: BaseException) -> str:
    """An error for a person: our own errors say it themselves, others are named."""
    if isinstance(error, PicoGPTError):
        return one_line(str(error), 400)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs or choose a smaller model."
    return one_line(f"{type(error).__name__}: {error}", 400)


def load_job(
    name: str, chosen: Mapping[str, str], load: int, opener: OpenEngine, post: Post, should_stop: ShouldStop
) -> None:
    """Load a model in the precision that the user chose; posts ModelLoading as it goes, and ModelLoaded or ModelFailed.

    Where the int8 copy cannot be written, CopyNotKept comes before those.
    """
    from picogpt_tui.hub.store import canonical_name

    try:
        for step in opener(name, precision_of(canonical_name(name), chosen)):
            if should_stop():
                return
            if isinstance(step, Progress):
                post(ModelLoading(load, name, step))
            elif isinstance(step, FileError):
                post(CopyNotKept(load, f"The int8 copy is not kept. {sentence(step)}"))
            else:
                post(ModelLoaded(load, step))
    except Exception as error:  # whatever goes wrong while reading foreign files becomes a sentence on the screen
        missing = error.name if isinstance(error, ModelNotHere) else ""
        post(ModelFailed(load, name, _lack(error) if isinstance(error, ModelNotHere) else sentence(error), missing))


def _lack(error: ModelNotHere) -> str:
    """That a model is not here, and how much a download would be; how to get it, the screen says."""
    what = one_line(str(error), 400).partition(";")[0]
    return f"{what}; {size_text(error.rest_bytes)} to fetch." if error.rest_bytes else f"{what}."


def _events(engine: Engine, request: Request, should_stop: ShouldStop) -> Iterator[Event]:
    if not request.cuts:
        return engine.run(request, should_stop)
    from picogpt_tui.session.altered import run_under_cuts

    return run_under_cuts(engine, request, should_stop)


def generate_job(engine: Engine, request: Request, generation: int, post: Post, should_stop: ShouldStop) -> None:
    """Generate; posts EventsArrived about twenty times a second, WorkFailed if it breaks."""
    try:
        for events in in_batches(_events(engine, request, should_stop), time.monotonic):
            post(EventsArrived(generation, events))
    except Exception as error:  # as above: a crash of the model must not take the screen with it
        post(WorkFailed(generation, sentence(error)))


def peek_job(
    engine: Engine,
    ids: Sequence[int],
    sampling: SamplingSettings,
    top_n: int,
    generation: int,
    post: Post,
    should_stop: ShouldStop,
) -> None:
    """Ask what would come next; posts Peeked."""
    try:
        distribution = engine.peek(ids, sampling, top_n, should_stop)
        if distribution is not None:
            post(Peeked(generation, distribution))
    except Exception as error:  # as above
        post(WorkFailed(generation, sentence(error)))


def save_job(engine: Engine | None, document: Document, fields: dict[str, Any], path: Path, post: Post) -> None:
    """Write a document that was turned into `fields`; posts SessionSaved or WorkFailed."""
    from picogpt_tui.session import storage

    try:
        with _SAVING:
            digest = document.digest
            if engine is not None and engine.info.name == document.model:
                digest = digest or engine.digest()
            fields["model"]["digest"] = digest
            storage.save_fields(fields, path)
        post(SessionSaved(document, path, digest))
    except Exception as error:  # as above
        post(WorkFailed(-1, f"The session is not saved. {sentence(error)}"))


def open_session_job(path: Path, engine: Engine | None, post: Post) -> None:
    """Read a saved session; posts SessionOpened or WorkFailed."""
    from picogpt_tui.session import storage

    try:
        document = storage.load(path)
        other = engine is not None and engine.info.name == document.model and _differ(document.digest, engine.digest())
        post(SessionOpened(document, has_other_weights=other))
    except Exception as error:  # as above
        post(WorkFailed(-1, sentence(error)))


def _differ(one: str, other: str) -> bool:
    """Whether two digests are of different weights; "" is one that nobody knows."""
    return bool(one and other) and one != other


def list_sessions_job(post: Post) -> None:
    """Look which sessions are saved; posts SessionsListed."""
    from picogpt_tui.session import storage

    try:
        post(SessionsListed(storage.list_sessions()))
    except Exception as error:  # as above
        post(WorkFailed(-1, sentence(error)))
