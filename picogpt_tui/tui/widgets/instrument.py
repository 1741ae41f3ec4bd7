"""What all views of the explorer are: they hear where one looks, may ask the model something, and draw the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from picogpt_tui.settings import SamplingSettings
from picogpt_tui.tui.explorer_messages import QuestionChanged
from picogpt_tui.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from picogpt_tui.session.exploration import Exploration
    from picogpt_tui.session.instruments import Instruments, Look, Place
    from picogpt_tui.tui.explorer_jobs import Question


@dataclass(slots=True)
class Scene:
    """Where one is in the explorer, as its views see it.

    Attributes:
        exploration: the document, with a cursor in it.
        instruments: the model's answers.
        sampling: the knobs.
        look: what could stand at the cursor; None until the model has said so.
        chosen: id of the candidate that is chosen in the list, None for none.
        watched: ids of the tokens that are followed from cursor to cursor, in the order in which they were chosen.
    """

    exploration: Exploration
    instruments: Instruments
    sampling: SamplingSettings
    look: Look | None = None
    chosen: int | None = None
    watched: list[int] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """The version at hand and the cursor."""
        from picogpt_tui.session.instruments import Place  # needs NumPy, which came with the model

        exploration = self.exploration
        return Place(tuple(exploration.ids()), tuple(exploration.path), exploration.cursor, exploration.draw())

    def label(self, id: int) -> str:
        """How a token is written in a list."""
        return self.instruments.engine.tokenizer.label(id)


class Instrument(Vertical):
    """One view. What it draws is in `lines`, unless it composes otherwise.

    Attributes:
        scene: where one is; set before anything else is called.
    """

    HELP_TEXT: ClassVar[str] = ""
    """What it shows, in two sentences, with the source of its formula."""
    scene: Scene

    def compose(self) -> ComposeResult:
        """One canvas."""
        yield Lines()

    @property
    def lines(self) -> Lines:
        """The canvas."""
        return self.query_one(Lines)

    @property
    def text(self) -> str:
        """What it shows, as text."""
        return self.lines.text

    def question(self) -> Question | None:
        """What it wants to know of the model about the scene, None for nothing."""
        return None

    def answer(self, reading: object) -> None:
        """Take the answer, or a part of it, and draw it."""

    def draw(self) -> None:
        """Draw what is known, in the room there is; called whenever either may have changed, first when it opens."""

    def on_mount(self) -> None:
        """Say what will stand here."""
        self.draw()

    def on_resize(self) -> None:
        """Fill the room."""
        self.draw()

    def on_descendant_focus(self) -> None:
        """The keys are for what is in here now."""
        self.draw()

    def on_descendant_blur(self) -> None:
        """They are for the text again."""
        self.draw()

    def look_changed(self) -> None:
        """The look, the knobs or the chosen candidate are others."""
        self.draw()

    def text_changed(self) -> None:
        """The text, the cursor, or what is known of the tokens is another; the model may not have looked yet."""
        self.draw()

    def ask_again(self) -> None:
        """The question is another now, though the scene is the same."""
        self.post_message(QuestionChanged())

    def numbers(self) -> object:
        """What it shows, as JSON values; None for nothing."""
        return None

    def table(self) -> list[list[object]]:
        """The same in rows, the first of them the heading; for CSV and the clipboard."""
        return []
