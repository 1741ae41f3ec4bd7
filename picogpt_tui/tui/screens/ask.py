"""One question with a one-line answer."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from picogpt_tui.tui.widgets.one_line_input import OneLineInput


class Ask(ModalScreen[str | None]):
    """Asks; answers with the text, or None when left with Escape.

    Args:
        title: the question.
        explanation: what the answer is for.
        value: what stands there at first.
        may_be_empty: whether no text is an answer too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def __init__(self, title: str, explanation: str, value: str, *, may_be_empty: bool = False) -> None:
        super().__init__()
        self._title, self._explanation, self._value = title, explanation, value
        self._may_be_empty = may_be_empty

    def compose(self) -> ComposeResult:
        """Title, explanation, input."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title), classes="dialog-title")
            yield Static(Content(self._explanation), classes="quiet")
            yield OneLineInput(self._value, id="answer", select_on_focus=False)
            yield Static(Content("enter  take    esc  leave"), classes="quiet gap")

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        if event.value.strip() or self._may_be_empty:
            self.dismiss(event.value.strip())
