"""Which model to put beside the explorer's: those that are here, each in both precisions, or one by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from picogpt_tui.quantities import size_text
from picogpt_tui.settings import FLOAT32, PRECISIONS
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.widgets.one_line_input import OneLineInput
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.hub.store import StoredModel
    from picogpt_tui.tui.widgets.model_keeper import ModelKeeper

_NAME, _PRECISION, _MEMORY = 40, 12, 10


class OtherModelScreen(ModalScreen[tuple[str, str] | None]):
    """Answers with a name and a precision, or None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def __init__(self, keeper: ModelKeeper, name: str, precision: str) -> None:
        """The model of this name and precision is there already."""
        super().__init__()
        self._keeper = keeper
        self._present = name, precision
        self._offered: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        """A table, and an input for a model that is not in it."""
        with Vertical(classes="dialog wide"):
            yield Static(Content("Compare with"), classes="dialog-title")
            head = f"{cells('model', _NAME)}{cells('precision', _PRECISION)}{'memory':>{_MEMORY}}"
            yield Static(Content(head), classes="quiet table-head")
            yield OptionList(id="others", markup=False, compact=True)
            yield OneLineInput(placeholder="or the name or the directory of a model, in float32", id="other-name")
            yield Static(Content("enter  compare    esc  leave"), classes="quiet gap")

    def on_mount(self) -> None:
        """Show what is known, and look whether there is more."""
        self._keeper.changed.subscribe(self, lambda _: self._show())
        self._show()
        self._keeper.refresh_list()

    def _show(self) -> None:
        """The present model in its other precision stands on top: nothing has to be fetched for that."""
        models = [model for model in self._keeper.models if model.is_here]
        pairs = [(model, precision) for model in models for precision in PRECISIONS]
        pairs = [pair for pair in pairs if (pair[0].name, pair[1]) != self._present]
        pairs.sort(key=lambda pair: pair[0].name != self._present[0])
        offered = [(model.name, precision) for model, precision in pairs]
        if offered == self._offered:
            return
        self._offered = offered
        others = self.query_one(OptionList)
        others.clear_options().add_options([self._option(*pair) for pair in pairs])
        others.highlighted = 0 if offered else None

    def _option(self, model: StoredModel, precision: str) -> Option:
        n_bytes = model.memory.get(precision)
        memory = size_text(n_bytes) if n_bytes else ""
        name = cells(cells(one_line(model.name, 200), _NAME - 1), _NAME)
        return Option(Content(f"{name}{cells(precision, _PRECISION)}{memory:>{_MEMORY}}"))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._offered[event.option_index])

    @on(Input.Submitted)
    def _choose_by_name(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss((event.value.strip(), FLOAT32))
