"""The explorer's messages, one sentence each. Plain data: positions, ids, readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from picogpt_tui.events import Distribution, Progress
from picogpt_tui.readings import Cut

if TYPE_CHECKING:
    from picogpt_tui.session.instruments import FactsFound, Look


@dataclass
class TokenPointed(Message):
    """The user clicked on a token of the text."""

    position: int


@dataclass
class CandidatePointed(Message):
    """The user clicked on a candidate; a second click takes it."""

    id: int
    takes: bool


@dataclass
class LinePointed(Message):
    """The user clicked on a line of a view, at a cell."""

    line: int
    x: int


@dataclass
class ViewPointed(Message):
    """The user chose a view by its name."""

    name: str


@dataclass
class NodePointed(Message):
    """The user wants to be at this node of the tree, in the version that goes through it."""

    node: int


@dataclass
class TokenWanted(Message):
    """The user wants this token to stand at the cursor, whether it is among the candidates or not."""

    id: int


@dataclass
class TreeChanged(Message):
    """A view has named or put away a branch: it is to be saved."""


@dataclass
class TextShaded(Message):
    """A view shades the text by its own numbers; without levels the text has its own shades back."""

    levels: list[int | None] | None
    palette: str = "cool"
    """`cool` 0 to 8, `diff` 0 to 6, `heat` 0 to 4."""
    marks: list[str] | None = None
    """The same numbers as one character for each token, for who sees no colour."""
    meaning: str = ""
    """What the shades mean, for the legend."""


@dataclass
class CandidatesShown(Message):
    """A view shows another distribution in the list than the model's own; None gives that back."""

    distribution: Distribution | None
    heading: str = ""


@dataclass
class CutsChosen(Message):
    """From now on the text goes on under these cuts; none leave the model as it is."""

    cuts: tuple[Cut, ...]


@dataclass
class QuestionChanged(Message):
    """A view wants to know something else than before."""


@dataclass
class Said(Message):
    """A worker has something to tell the user."""

    sentence: str
    is_trouble: bool = False


@dataclass
class Looked(Message):
    """The question of this number: this is what could stand at the cursor."""

    number: int
    look: Look


@dataclass
class Answered(Message):
    """The question of this number: a view's answer, or a part of it."""

    number: int
    view: str
    answer: object


@dataclass
class FactsTold(Message):
    """The question of this number: what the model thinks of some more tokens of the text."""

    number: int
    found: FactsFound


@dataclass
class Asking(Message):
    """The question of this number is being worked on, so far; None when it is done."""

    number: int
    progress: Progress | None

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters, but the end of an older question is not that of a newer one."""
        return isinstance(message, Asking) and message.number >= self.number


@dataclass
class AskingFailed(Message):
    """The question of this number has no answer, told in one sentence."""

    number: int
    view: str
    """"" where it is the look at the cursor that failed."""
    sentence: str
