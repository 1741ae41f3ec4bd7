"""A yes or no before something that cannot be undone."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from picogpt_tui.hub.store import ADDED, SHARED, StoredModel, size_on_disk
from picogpt_tui.quantities import size_text
from picogpt_tui.visible import one_line


class Confirm(ModalScreen[bool]):
    """Asks; answers whether it is to be done. It begins at no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "No"),
        Binding("y", "dismiss(True)", "Yes"),
    ]

    def __init__(self, title: str, explanation: str, yes: str) -> None:
        super().__init__()
        self._title, self._explanation, self._yes = title, explanation, yes

    def compose(self) -> ComposeResult:
        """Title, explanation, two answers."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title), classes="dialog-title")
            yield Static(Content(self._explanation))
            yield OptionList(
                Option(Content("No, keep it"), id="no"),
                Option(Content(self._yes), id="yes"),
                id="answers",
                classes="gap",
                markup=False,
                compact=True,
            )
            yield Static(Content("enter  take    y  yes    n, esc  no"), classes="quiet gap")

    def on_mount(self) -> None:
        """Arrow keys choose at once."""
        self.query_one("#answers", OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option.id == "yes")


def confirm_removal(model: StoredModel) -> Confirm:
    """The question before a model is deleted, or taken off the list."""
    name = one_line(model.name, 60)
    if model.kind in (ADDED, SHARED):  # the latter: it was added, and lies in the cache
        return Confirm(f"Take {name} off the list?", "Its files stay where they are.", "Yes, take it off")
    freed = size_text(size_on_disk(model.path)) if model.path is not None else "nothing"
    origin = (
        "It can be downloaded again." if model.manifest is not None else "It was put there by hand, not downloaded."
    )
    text = f"{one_line(str(model.path), 200)} is deleted, which frees {freed}. {origin}"
    return Confirm(f"Delete {name}?", text, f"Yes, delete {freed}")
