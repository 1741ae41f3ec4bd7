"""The saved sessions, to go on with one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from picogpt_tui import paths
from picogpt_tui.session.storage import SavedSession
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.widgets.one_line_input import OneLineInput
from picogpt_tui.visible import one_line

_COLUMNS = (42, 12, 10)


class SessionPicker(ModalScreen[Path | None]):
    """Answers with the file of a session, or None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+l", "dismiss(None)", "Close")]

    def __init__(self, sessions: list[SavedSession]) -> None:
        super().__init__()
        self._sessions = sessions

    def compose(self) -> ComposeResult:
        """A table and an input for a file that lies elsewhere."""
        with Vertical(classes="dialog wide"):
            yield Static(Content("Open session"), classes="dialog-title")
            names = ("begins", "model", "tokens")
            head = "".join(cells(text, width) for text, width in zip(names, _COLUMNS, strict=True))
            yield Static(Content(head + "saved"), classes="quiet table-head")
            if self._sessions:
                yield OptionList(*map(self._option, self._sessions), id="sessions", markup=False, compact=True)
            else:
                yield Static(Content("Nothing is saved yet; every session is kept as soon as it has an answer."))
            yield OneLineInput(placeholder=f"or a file; sessions are in {paths.sessions_dir()}", id="session-path")
            yield Static(Content("enter  open    esc  leave"), classes="quiet gap")

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._sessions[event.option_index].path)

    @on(Input.Submitted)
    def _choose_file(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(Path(event.value.strip()).expanduser())

    def _option(self, session: SavedSession) -> Option:
        values = (one_line(session.title, 60), one_line(session.model, 40), f"{session.n_tokens:,}")
        row = "".join(cells(cells(text, width - 1), width) for text, width in zip(values, _COLUMNS, strict=True))
        return Option(Content(row + f"{datetime.fromtimestamp(session.modified):%Y-%m-%d %H:%M}"))
