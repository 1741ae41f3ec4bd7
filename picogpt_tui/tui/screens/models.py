"""The model picker: what there is, what is here, and how to get the rest."""

from __future__ import annotations

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
from picogpt_tui.hub.registry import published
from picogpt_tui.hub.store import StoredModel, how_to_get, list_models
from picogpt_tui.tui.drawing import cells, parameters, size
from picogpt_tui.visible import one_line

_COLUMNS = (26, 8, 10)


class ModelPicker(ModalScreen[str | None]):
    """Answers with the name of a model to load, or None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss(None)", "Close"),
        Binding("slash", "type_path", "Type a path"),
    ]

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._models = list_models()

    def compose(self) -> ComposeResult:
        """A table, a line about the highlighted row, an input for a path."""
        with Vertical(classes="dialog wide"):
            yield Static(Content("Models"), classes="dialog-title")
            yield Static(Content(f"  {_row('name', 'params', 'size')}state"), classes="quiet table-head")
            yield OptionList(*map(self._option, self._models), id="models", markup=False, compact=True)
            yield Static("", id="model-detail", classes="quiet gap", markup=False)
            yield Input(placeholder="or the path of a model directory", id="model-path")
            yield Static(Content("enter  use    /  type a path    esc  leave"), classes="quiet gap")

    def on_mount(self) -> None:
        """Begin at the model in use."""
        names = [model.name for model in self._models]
        options = self.query_one("#models", OptionList)
        options.highlighted = names.index(self._current) if self._current in names else 0
        options.focus()

    def action_type_path(self) -> None:
        """Go to the input."""
        self.query_one("#model-path", Input).focus()

    @on(OptionList.OptionHighlighted)
    def _describe(self, event: OptionList.OptionHighlighted) -> None:
        self._say(self._detail(self._models[event.option_index]))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        model = self._models[event.option_index]
        if model.is_here:
            self.dismiss(model.name)
        else:
            self._say(self._detail(model), is_bad=True)

    @on(Input.Submitted)
    def _choose_path(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())

    def _say(self, text: str, *, is_bad: bool = False) -> None:
        detail = self.query_one("#model-detail", Static)
        detail.set_class(is_bad, "bad")
        detail.update(Content(text))

    def _option(self, model: StoredModel) -> Option:
        mark = "▸ " if model.name == self._current else "  "
        n_params = parameters(model.n_params) if model.n_params else "?"
        row = _row(one_line(model.name, 80), n_params, size(model.size_bytes))
        return Option(Content(mark + row + _state(model)))

    def _detail(self, model: StoredModel) -> str:
        if model.missing:
            return f"{one_line(str(model.path), 300)} lacks {', '.join(model.missing)}."
        if model.path is None and (size_of := published(model.name)) is not None:
            return one_line(how_to_get(size_of), 400)
        place = "in the package" if model.kind == "bundled" else one_line(str(model.path), 300)
        return f"{one_line(model.name, 80)}, {place}. Folders put into {paths.models_dir()} appear here."


def _row(*texts: str) -> str:
    return "".join(cells(text, width) for text, width in zip(texts, _COLUMNS, strict=True))


def _state(model: StoredModel) -> str:
    if model.missing:
        return "○ incomplete"
    if not model.is_here:
        return "○ not here"
    return "● here, bundled" if model.kind == "bundled" else "● here"
