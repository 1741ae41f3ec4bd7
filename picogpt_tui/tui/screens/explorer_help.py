"""The explorer's help: its keys, made from the table of commands, what each view shows, and what the numbers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from picogpt_tui.tui.commands import key_name
from picogpt_tui.tui.explorer_commands import COMMANDS, GROUPS, VIEW_COMMANDS, VIEWS
from picogpt_tui.tui.views import view_class

_SIGNS = {
    "full_stop": ".",
    "comma": ",",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "minus": "-",
    "equals_sign": "=",
}
_NUMBERS = (
    (
        "Colours",
        "The text is shaded by one number of each token, c takes the next: surprisal (bits, the darker the more "
        "surprising), rank (GLTR's top 10, 100, 1000, others), probability, entropy, or just the boundaries. m marks "
        "the same below the text without colour: ░▒▓█, or a digit. Some views shade the text by their own number; the "
        "line below it says what that is. The token under the cursor is reversed.",
    ),
    (
        "Probabilities",
        "All numbers but final are the model's own: temperature 1, nothing cut. Surprisal is -log2 of a token's "
        "probability, entropy the mean surprisal of all that could stand there, both in bits on the screen and in nats "
        "in files. # is the rank, #1 the likeliest; files count it from 0. ▸ marks the token that stands there.",
    ),
    (
        "The first token",
        "Nothing comes before it, so it has no probability and is not scored. What could stand in its place is what "
        "the model says behind <|endoftext|>.",
    ),
    (
        "The text as a whole",
        "Perplexity is e to the mean surprisal (in nats) of the scored tokens, all but the first, without "
        "<|endoftext|> in front; bits/byte is their surprisal over their bytes. The command line's score puts "
        "<|endoftext|> in front unless --no-bos says not to.",
    ),
    (
        "A full context",
        "Where the text is longer than the model's context, the older half is dropped each time it is full, as in "
        "generating: a token is seen behind the rest. Compare reads such a text in overlapping windows instead.",
    ),
)
_KEYS = 'Every key can be changed in the settings: "keys": {"explore-take": "t"} with the ids '


def shown_key(keys: str) -> str:
    """How the first of some keys is written for a person, signs as themselves."""
    name = key_name(keys)
    return _SIGNS.get(name, name)


class ExplorerHelp(ModalScreen[None]):
    """Scrolls; Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q", "dismiss(None)", "Close")]

    def __init__(self, keymap: Mapping[str, str]) -> None:
        """Keys as the user has them."""
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Keys on top, then the views, then the numbers."""
        with Vertical(classes="dialog wide tall"):
            yield Static(Content("The explorer"), classes="dialog-title")
            with VerticalScroll(id="help-text"):
                yield Static(self._keys())
                yield from self._views()
                for title, text in _NUMBERS:
                    yield self._words(title, text)
                ids = ", ".join(command.id for command in (*COMMANDS, *VIEW_COMMANDS))
                yield self._words("Keys of your own", f"{_KEYS}{ids}.")
            yield Static(Content("esc  leave    up down  scroll"), classes="quiet gap")

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one("#help-text").focus()

    def _words(self, title: str, text: str) -> Static:
        return Static(Content.assemble((f"{title}\n", "bold $accent"), text), classes="gap")

    def _key(self, id: str, keys: str) -> str:
        return shown_key(self._keymap.get(id, keys))

    def _keys(self) -> Content:
        parts: list[tuple[str, str] | str] = []
        for group in GROUPS:
            parts.append((f"{group}\n", "bold $accent"))
            for command in COMMANDS:
                if command.group == group:
                    parts += [(f"{self._key(command.id, command.key):>9}  ", "bold"), f"{command.help}\n"]
            parts.append("\n")
        return Content.assemble(*parts)

    def _views(self) -> Iterator[Static]:
        """Each view's key, title, what it is, and where its formulas are from."""
        yield Static(Content.assemble(("Views", "bold $accent")))
        for (id, title, what), command in zip(VIEWS, VIEW_COMMANDS, strict=True):
            key = self._key(command.id, command.key)
            heading = Content.assemble((f"{key:>2}  {title}", "bold"), f"  {what}\n")
            yield Static(Content.assemble(heading, (view_class(id).HELP_TEXT, "$foreground-muted")), classes="gap")
