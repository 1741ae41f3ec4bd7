"""What can be done with the model at hand: keys and words, each of which can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static


class ModelKeys(Static):
    """One line, drawn anew only where something else can be done."""

    def __init__(self, id: str) -> None:
        super().__init__("", id=id)
        self.auto_links = False  # which would paint over the keys
        self._can: Sequence[tuple[str, str, str]] = ()

    def show(self, can: Sequence[tuple[str, str, str]]) -> None:
        """Show these: (key, action of the screen, word)."""
        if can != self._can:
            self._can = can
            links = [f"[@click=screen.{action}][bold $accent]{key}[/] {word}[/]" for key, action, word in can]
            self.update(Content("  ").join(map(Content.from_markup, links)))
