"""Where one types: several lines, history, and pasted text of any size kept exactly as it came."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from picogpt_tui.tui.messages import PromptSubmitted
from picogpt_tui.visible import code_point, is_hidden

_LONG = 8000
_NEW_LINE = ("ctrl+j", "shift+enter", "alt+enter")


class PromptInput(TextArea):
    """A text area that sends on Enter.

    What cannot be shown as it is stands in it as a label in ⟨ ⟩ and is sent as it came: a very long text as a whole, a
    control or invisible character as its code point.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", "Older prompt", show=False),
        Binding("down", "newer", "Newer prompt", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id, compact=True, highlight_cursor_line=False)
        self._kept: dict[str, str] = {}
        self._history: list[str] = []
        self._at = 0
        self._draft = ""

    @property
    def value(self) -> str:
        """The text as it will be sent, labels replaced by what they stand for."""
        text = self.text
        for label, kept in self._kept.items():
            text = text.replace(label, kept)
        return text

    def put(self, text: str) -> None:
        """Replace all by this text, with the cursor at its end."""
        self.load_text("")
        self.insert(text)
        self.move_cursor(self.document.end)

    def remember(self, text: str) -> None:
        """Add to the history, if it is not the last entry already."""
        if text and self._history[-1:] != [text]:
            self._history.append(text)
        self._at = len(self._history)

    async def _on_key(self, event: events.Key) -> None:
        """Enter sends, and Ctrl+J starts a new line.

        subtle: not as bindings. They would have to go before this widget's own keys, and then overtake letters that
        were typed just before and still wait in its queue.
        """
        if event.key not in ("enter", *_NEW_LINE):
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        if event.key == "enter":
            self.action_send()
        else:
            self.insert("\n")

    def action_send(self) -> None:
        """Send the text and empty the input."""
        text = self.value
        self.remember(text)
        self.load_text("")
        self._kept.clear()
        self.post_message(PromptSubmitted(text))

    def action_older(self) -> None:
        """On the first line the prompt before, or the first screen's examples; else the line above."""
        if self.cursor_location[0] > 0:
            self.action_cursor_up()
            return
        if not self._history:
            self.screen.focus_previous("Example")
            return
        if self._at == len(self._history):
            self._draft = self.value
        self._at = max(0, self._at - 1)
        self.put(self._history[self._at])

    def action_newer(self) -> None:
        """On the last line: the prompt after; else the line below."""
        if self.cursor_location[0] < self.document.line_count - 1 or self._at >= len(self._history):
            self.action_cursor_down()
            return
        self._at += 1
        self.put(self._history[self._at] if self._at < len(self._history) else self._draft)

    def action_cursor_page_up(self) -> None:
        """Leave the key to the screen, which scrolls the text: a prompt is never that long."""
        raise SkipAction

    def action_cursor_page_down(self) -> None:
        """See above."""
        raise SkipAction

    async def _on_paste(self, event: events.Paste) -> None:
        """Line breaks of any kind become one."""
        event.prevent_default()
        event.stop()
        self.insert(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        self.focus()

    def edit(self, edit: Edit) -> EditResult:
        """Everything typed, pasted or put here passes: nothing raw stays in the text that is drawn."""
        edit.text = self._shown(edit.text)
        return super().edit(edit)

    def _shown(self, text: str) -> str:
        if len(text) > _LONG:
            label = f"⟨pasted text {len(self._kept) + 1}: {len(text):,} characters⟩"
            self._kept[label] = text
            return label
        hidden = {char for char in text if char not in "\n\t" and is_hidden(char)}
        for char in hidden:
            self._kept[code_point(char)] = char
        return "".join(code_point(char) if char in hidden else char for char in text) if hidden else text
