"""The table of models: a row for each, drawn anew only where something has changed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from picogpt_tui.hub.store import StoredModel
from picogpt_tui.tui.model_row import row
from picogpt_tui.tui.model_text import Room, Shown


class ModelTable(OptionList):
    """Posts what an OptionList posts; `model` is the highlighted one."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False, compact=True)
        self._models: list[StoredModel] = []
        self._rows: list[Content] = []

    @property
    def model(self) -> StoredModel | None:
        """The highlighted model, None while there is none."""
        index = self.highlighted
        return self._models[index] if index is not None and index < len(self._models) else None

    async def _on_click(self, event: Click) -> None:
        """Look at a model; the second click does what Enter would."""
        # subtle: Textual runs the handler of every class, and the list's own would take the model at once
        event.prevent_default()
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked == self.highlighted:
            self.action_select()
        elif clicked is not None:
            self.highlighted = clicked

    def show(self, models: Sequence[Shown], room: Room, wanted: str) -> bool:
        """Draw these; returns whether the wanted one is among them and highlighted now ("" leaves it where it is)."""
        before = self.model
        rows = [row(one, room, self.app.size.width) for one in models]
        self._models = [one.model for one in models]
        names = [model.name for model in self._models]
        if len(rows) == len(self._rows):
            for index, (line, old) in enumerate(zip(rows, self._rows, strict=True)):
                if line != old:
                    self.replace_option_prompt_at_index(index, line)
        else:
            self.set_options(Option(line) for line in rows)
        self._rows = rows
        kept = before.name if before is not None else ""
        target = next((name for name in (wanted, kept) if name in names), None)
        if target is not None:
            self.highlighted = names.index(target)
        elif names:
            self.highlighted = min(self.highlighted or 0, len(names) - 1)
        return bool(wanted) and target == wanted
