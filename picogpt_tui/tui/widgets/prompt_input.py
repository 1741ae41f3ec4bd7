"""Where one types: several lines, history, and pasted text of any size kept exactly as it came."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from picogpt_tui.tui.keyboard import text_of
from picogpt_tui.tui.messages import PromptSubmitted
from picogpt_tui.visible import code_point, is_hidden

_LONG = 8000


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
        self._edited: dict[int, str] = {}
        """What was written at a place in the history; behind its end is the draft."""

    @property
    def value(self) -> str:
        """The text as it will be sent, labels replaced by what they stand for."""
        text = self.text
        for label, kept in self._kept.items():
            text = text.replace(label, kept)
        return text

    def put(self, text: str) -> None:
        """Replace all by this text, with the cursor at its end; what stood there is in the history."""
        self.remember(self.value)
        self._show(text)

    def remember(self, text: str) -> None:
        """Add to the history, behind what was written and never sent, unless it is the last entry already."""
        unsent = [one for at, one in self._edited.items() if at != self._at and one not in self._history]
        self._edited.clear()
        for one in (*unsent, text):
            if one and self._history[-1:] != [one]:
                self._history.append(one)
        self._at = len(self._history)

    async def _on_key(self, event: events.Key) -> None:
        """Enter sends, line breaks and invisible characters are text; the rest is the text area's.

        subtle: not as bindings. They would have to go before this widget's own keys, and then overtake letters that
        were typed just before and still wait in its queue.
        """
        text = text_of(event)
        if event.key.startswith("alt+") and event.key in self.screen.active_bindings:
            event.prevent_default()  # many terminals send the letter with it, and the text area would write that
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            self.action_send()
        elif not text.isprintable():  # which the text area would drop
            event.stop()
            event.prevent_default()
            self._write(text)

    def take(self) -> str:
        """The text as it will be sent; the input is empty then, and the history has it."""
        text = self.value
        self.remember(text)
        self.load_text("")
        self._kept.clear()
        return text

    def action_send(self) -> None:
        """Send the text and empty the input."""
        self.post_message(PromptSubmitted(self.take()))

    def action_older(self) -> None:
        """On the first line the prompt before, or the first screen's examples; else the line above."""
        if self.cursor_location[0] > 0:
            self.action_cursor_up()
            return
        if not self._history:
            self.screen.focus_previous("Example")
            return
        self._go_to(max(0, self._at - 1))

    def action_newer(self) -> None:
        """On the last line: the prompt after; else the line below."""
        if self.cursor_location[0] < self.document.line_count - 1 or self._at >= len(self._history):
            self.action_cursor_down()
            return
        self._go_to(self._at + 1)

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
        self._write(event.text.replace("\r\n", "\n").replace("\r", "\n"))

    def edit(self, edit: Edit) -> EditResult:
        """Everything typed, pasted or put here passes: nothing raw stays in the text that is drawn."""
        edit.text = self._labelled(edit.text)
        return super().edit(edit)

    def _go_to(self, at: int) -> None:
        self._edited[self._at] = self.value
        self._at = at
        self._show(self._edited.get(at, self._history[at] if at < len(self._history) else ""))

    def _show(self, text: str) -> None:
        self.load_text("")
        self._write(text)

    def _write(self, text: str) -> None:
        self.replace(text, *self.selection, maintain_selection_offset=False)
        self.call_after_refresh(self.scroll_cursor_visible)  # once it is as high as the text needs

    def _labelled(self, text: str) -> str:
        if len(text) > _LONG:
            label = f"⟨pasted text {len(self._kept) + 1}: {len(text):,} characters⟩"
            self._kept[label] = text
            return label
        hidden = {char for char in text if char not in "\n\t" and is_hidden(char)}
        for char in hidden:
            self._kept[code_point(char)] = char
        return "".join(code_point(char) if char in hidden else char for char in text) if hidden else text
