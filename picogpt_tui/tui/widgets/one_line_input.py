"""An input of one line in which nothing can stand that a terminal would obey or hide."""

from __future__ import annotations

from textual.widgets import Input

from picogpt_tui.visible import is_hidden


class OneLineInput(Input):
    """What is pasted loses its control and invisible characters; what is typed has none."""

    def replace(self, text: str, start: int, end: int) -> None:
        """Put a text in the place of another; typing and pasting come here."""
        super().replace("".join(char for char in text if not is_hidden(char)), start, end)
