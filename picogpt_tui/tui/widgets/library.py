"""On wide screens: the saved sessions and the models, a click or Enter away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from picogpt_tui.hub.store import StoredModel
from picogpt_tui.session.storage import SavedSession
from picogpt_tui.tui.drawing import cells, parameters
from picogpt_tui.tui.messages import ModelChosen, SessionChosen
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.tui.app import PicoGPTApp


class Library(Vertical):
    """Two lists."""

    app: PicoGPTApp

    def compose(self) -> ComposeResult:
        """Sessions above, models below."""
        yield Static("SESSIONS", classes="panel-heading", markup=False)
        yield OptionList(id="library-sessions", markup=False, compact=True)
        yield Static("MODELS", classes="panel-heading", markup=False)
        yield OptionList(id="library-models", markup=False, compact=True)

    def on_mount(self) -> None:
        """Hear of the models."""
        main = self.app.main
        main.models.changed.subscribe(self, lambda _: self.show_models(main.models.models, main.model_name))

    def show_sessions(self, sessions: Sequence[SavedSession]) -> None:
        """List these, the newest first."""
        options = [Option(Content(cells(one_line(one.title, 60), 31)), id=str(one.path)) for one in sessions[:50]]
        self.query_one("#library-sessions", OptionList).set_options(options or [Option("none yet", disabled=True)])

    def show_models(self, models: Sequence[StoredModel], current: str) -> None:
        """List these, the one in use marked."""
        options = []
        for model in models:
            mark = "▸" if model.name == current else " "
            size = parameters(model.n_params) if model.n_params else ""
            where = "" if model.is_here else "  incomplete" if model.missing else f"  {model.state}"
            name = one_line(model.name, 24)
            text = f"{mark} {name}{where}" if size == name else f"{mark} {name}  {size}{where}"
            options.append(Option(Content(text), id=model.name))
        self.query_one("#library-models", OptionList).set_options(options)

    @on(OptionList.OptionSelected, "#library-sessions")
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id:
            self.post_message(SessionChosen(Path(event.option.id)))

    @on(OptionList.OptionSelected, "#library-models")
    def _use(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id:
            self.post_message(ModelChosen(event.option.id))
