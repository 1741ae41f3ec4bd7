"""Every message of the app, one sentence each. Plain data: text, numbers, events; an engine only as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from picogpt_tui.events import Distribution, DownloadEvent, DownloadProgress, Event, Progress
from picogpt_tui.settings import GenerationSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picogpt_tui.hub.store import StoredModel
    from picogpt_tui.hub.upkeep import Removed, Verified
    from picogpt_tui.session.document import Document
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.session.storage import SavedSession
    from picogpt_tui.tui.precisions import Appraisal


@dataclass
class PromptSubmitted(Message):
    """The user sent this text."""

    text: str


@dataclass
class ExampleChosen(Message):
    """The user picked one of the first screen's prompts."""

    text: str


@dataclass
class FollowingChanged(Message):
    """The reader has left the end of the text, or come back to it."""

    is_following: bool


@dataclass
class EventsArrived(Message):
    """The generation of this number told these events, in this order."""

    generation: int
    events: list[Event]


@dataclass
class WorkFailed(Message):
    """Work of this generation (or -1 for any other) ended in an error, told in one sentence."""

    generation: int
    sentence: str


@dataclass
class Peeked(Message):
    """This is what would come after the text as it stands."""

    generation: int
    distribution: Distribution

    def can_replace(self, message: Message) -> bool:
        """A newer look replaces an older one."""
        return isinstance(message, Peeked)


@dataclass
class RoomChanged(Message):
    """There is room for another number of candidates."""

    def can_replace(self, message: Message) -> bool:
        """The newest room counts."""
        return isinstance(message, RoomChanged)


@dataclass
class ModelLoading(Message):
    """A model is being read, so far."""

    load: int
    name: str
    progress: Progress

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, ModelLoading)


@dataclass
class ModelLoaded(Message):
    """A model is in memory and can be used."""

    load: int
    engine: Engine


@dataclass
class CopyNotKept(Message):
    """A model's int8 weights could not be written to a file, told in one sentence; it is loaded all the same."""

    load: int
    sentence: str


@dataclass
class ModelFailed(Message):
    """A model could not be loaded; the old one stays."""

    load: int
    name: str
    sentence: str
    missing: str = ""
    """The model to download, where that is what it lacks."""


@dataclass
class ModelsListed(Message):
    """These models there are, here or not."""

    models: list[StoredModel]

    def can_replace(self, message: Message) -> bool:
        """The newest list counts."""
        return isinstance(message, ModelsListed)


@dataclass
class ModelsAppraised(Message):
    """This is what to expect of the models in each precision, by their names."""

    appraisals: Mapping[str, Appraisal]

    def can_replace(self, message: Message) -> bool:
        """The newest look counts."""
        return isinstance(message, ModelsAppraised)


@dataclass
class DownloadTold(Message):
    """A download (its run of this number) told how far it is, that it is done, or that it was stopped."""

    name: str
    run: int
    event: DownloadEvent

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress of the same run matters."""
        if not isinstance(message, DownloadTold) or (message.name, message.run) != (self.name, self.run):
            return False
        return isinstance(message.event, DownloadProgress)


@dataclass
class DownloadFailed(Message):
    """A download cannot go on, told in one sentence; what came is kept."""

    name: str
    run: int
    sentence: str


@dataclass
class ModelWorkTold(Message):
    """A model is looked through, so far; `run` as in DownloadTold."""

    name: str
    run: int
    progress: Progress

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, ModelWorkTold) and message.run == self.run


@dataclass
class ModelVerified(Message):
    """Every byte of a model was looked at; `repairs` where its damaged files were taken away to be fetched again."""

    name: str
    run: int
    found: Verified
    repairs: bool


@dataclass
class ModelRemoved(Message):
    """A model was deleted, or taken off the list."""

    removed: Removed


@dataclass
class ModelWorkFailed(Message):
    """Something that was to be done with a model could not be, told in one sentence; `run` where it has a number."""

    name: str
    sentence: str
    run: int = 0


@dataclass
class DownloadWanted(Message):
    """The user pressed the line of a download: load what is ready, go on with what is not."""

    name: str


@dataclass
class SettingsChanged(Message):
    """The user turned a knob."""

    settings: GenerationSettings


@dataclass
class ValueRefused(Message):
    """What the user typed into a knob cannot be used, and why."""

    sentence: str


@dataclass
class SessionSaved(Message):
    """A document was written to a file; `digest` is its model's."""

    document: Document
    path: Path
    digest: str


@dataclass
class SessionsListed(Message):
    """These sessions are saved, the newest first."""

    sessions: list[SavedSession]


@dataclass
class SessionOpened(Message):
    """A saved session was read and is to be shown; it may have been played with other weights of the same name."""

    document: Document
    has_other_weights: bool


@dataclass
class SessionChosen(Message):
    """The user wants to go on with a saved session."""

    path: Path


@dataclass
class ModelChosen(Message):
    """The user wants to play with this model."""

    name: str
