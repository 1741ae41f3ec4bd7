"""The empty screen: three prompts worth trying and the four keys worth knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from picogpt_tui.tui.commands import BY_ID, key_name
from picogpt_tui.tui.messages import ExampleChosen

if TYPE_CHECKING:
    from picogpt_tui.tui.app import PicoGPTApp

EXAMPLES = (
    "Once upon a time there was a",
    "The witch looked into the mirror and said:",
    '"Where are you going?" asked the wolf.',
)
_KEYS = ("models", "next", "tokens", "help")


class Example(Static, can_focus=True):
    """One prompt to try: Enter or a click sends it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Try", show=False),
        Binding("up", "move(-1)", "Above", show=False),
        Binding("down", "move(1)", "Below", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__(Content(f"❯ {text}"), classes="example")
        self._text = text

    def action_choose(self) -> None:
        """Send it."""
        self.post_message(ExampleChosen(self._text))

    def action_move(self, direction: int) -> None:
        """To the one above, or the one below; below the last is the prompt."""
        if direction < 0:
            self.screen.focus_previous("Example")
        else:
            self.screen.focus_next("Example, #prompt")

    def on_click(self) -> None:
        """Send it."""
        self.action_choose()


class Welcome(VerticalScroll, can_focus=False):
    """What a newcomer sees."""

    app: PicoGPTApp

    def compose(self) -> ComposeResult:
        """A sentence, the prompts, the keys."""
        yield Static(Content("Type how a text begins, and a GPT-2 goes on."), classes="lead")
        yield Static(Content("See what else it could have said at every step, and its tokens."), classes="quiet")
        yield Static(Content("Try one: click it, or up and enter"), classes="quiet gap")
        for text in EXAMPLES:
            yield Example(text)
        yield Static(self._keys(), classes="keys gap")

    def _keys(self) -> Content:
        parts: list[Content | tuple[str, str]] = []
        for id in _KEYS:
            command = BY_ID[id]
            key = key_name(self.app.own_keys.get(id, command.key))
            parts += [(f"{key:>4}  ", "bold $accent"), (f"{command.help}\n", "$foreground-muted")]
        return Content.assemble(*parts)
