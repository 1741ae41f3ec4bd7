"""The form of Chat: its template and its stop strings, to be edited."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from picogpt_tui.errors import SettingError
from picogpt_tui.session.chat import ChatTemplate
from picogpt_tui.tui.widgets.one_line_input import OneLineInput


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _unescaped(text: str) -> str:
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


class TemplateScreen(ModalScreen[ChatTemplate | None]):
    """Edits a template; answers with the new one, or None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave"),
        Binding("ctrl+s,f10", "take", "Take", priority=True),
    ]

    def __init__(self, template: ChatTemplate) -> None:
        super().__init__()
        self._template = template

    def compose(self) -> ComposeResult:
        """The form, the stop strings, and what they are for."""
        with Vertical(classes="dialog"):
            yield Static(Content("Chat template"), classes="dialog-title")
            yield Static(
                Content("GPT-2 was never trained to answer; it goes on with a text. {prompt} is what you type."),
                classes="quiet",
            )
            yield TextArea(self._template.text, id="template-text", compact=True)
            stops = "Stop at one of these (separated by | , \\n is a line break)"
            yield Static(Content(stops), classes="quiet gap")
            yield OneLineInput("|".join(map(_escaped, self._template.stop)), id="template-stop", select_on_focus=False)
            yield Static("", id="template-error", classes="bad", markup=False)
            yield Static(Content("f10  take    esc  leave"), classes="quiet gap")

    def action_take(self) -> None:
        """Use the template, if it can be used."""
        text = self.query_one("#template-text", TextArea).text
        stop = tuple(_unescaped(part) for part in self.query_one("#template-stop", Input).value.split("|") if part)
        try:
            self.dismiss(ChatTemplate(text, stop))
        except SettingError as error:
            self.query_one("#template-error", Static).update(Content(str(error)))
