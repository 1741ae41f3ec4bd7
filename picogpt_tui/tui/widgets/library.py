"""On wide screens: the saved sessions and the models, a click or Enter away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from picogpt_tui.quantities import parameters_text
from picogpt_tui.session.storage import SavedSession
from picogpt_tui.tui.downloads import FAILED, PAUSED, RUNNING, Download
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.messages import ModelChosen, SessionChosen
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.hub.store import StoredModel
    from picogpt_tui.tui.app import PicoGPTApp


class Library(Vertical):
    """Two lists."""

    app: PicoGPTApp

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: list[str] = []
        self._rows: list[Content] = []

    def compose(self) -> ComposeResult:
        """Sessions above, models below."""
        yield Static("SESSIONS", classes="panel-heading", markup=False)
        yield OptionList(id="library-sessions", markup=False, compact=True)
        yield Static("MODELS", classes="panel-heading", markup=False)
        yield OptionList(id="library-models", markup=False, compact=True)

    def on_mount(self) -> None:
        """Hear of the models."""
        main = self.app.main
        keeper = main.models
        keeper.changed.subscribe(self, lambda _: self.show_models(keeper.models, keeper.downloads, main.model_name))

    def show_sessions(self, sessions: Sequence[SavedSession]) -> None:
        """List these, the newest first."""
        options = [Option(Content(cells(one_line(one.title, 60), 31)), id=str(one.path)) for one in sessions[:50]]
        self.query_one("#library-sessions", OptionList).set_options(options or [Option("none yet", disabled=True)])

    def show_models(self, models: Sequence[StoredModel], downloads: Mapping[str, Download], current: str) -> None:
        """List these, the one in use marked, and how far each is; what has not changed is not drawn anew."""
        rows = [_row(model, downloads.get(model.name), model.name == current) for model in models]
        names, known = [model.name for model in models], self._names
        self._names, before, self._rows = names, self._rows, rows
        shown = self.query_one("#library-models", OptionList)
        if names != known:
            shown.set_options(Option(row) for row in rows)
            return
        for index, (row, old) in enumerate(zip(rows, before, strict=True)):
            if row != old:
                shown.replace_option_prompt_at_index(index, row)

    @on(OptionList.OptionSelected, "#library-sessions")
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id:
            self.post_message(SessionChosen(Path(event.option.id)))

    @on(OptionList.OptionSelected, "#library-models")
    def _use(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(ModelChosen(self._names[event.option_index]))


def _row(model: StoredModel, download: Download | None, is_current: bool) -> Content:
    mark = "▸" if is_current else " "
    params = parameters_text(model.n_params) if model.n_params else ""
    name = one_line(model.name, 24)
    named = name if params == name else f"{name}  {params}"
    where = "" if model.is_here else "incomplete" if model.missing else model.state
    if download is not None and download.state in (RUNNING, PAUSED):
        where = f"{'↓' if download.is_running else 'Ⅱ'} {download.percent:3d} %"
    elif download is not None and download.state == FAILED:
        where = "✗ failed"
    return Content(f"{mark} {named}  {where}".rstrip())
