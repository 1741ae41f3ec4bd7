"""The text: prompts and answers, streaming, following its end until the reader scrolls up.

A line-API widget: a token costs the last line, not the whole text. Wrapping and copying live in `flow.Flow`.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from picogpt_tui.tui.flow import ANSWER, NOTE, PROMPT, Block, Flow, Line, clip
from picogpt_tui.tui.messages import FollowingChanged
from picogpt_tui.tui.widgets.style_cache import StyleCache
from picogpt_tui.visible import visible

_GUTTER = 2
_MARGIN = 1
_WIDEST = 100
_CARET = "▌"


class Transcript(StyleCache, ScrollView, can_focus=False):
    """Shows turns of text; `append` streams into the last one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "transcript--prompt",
        "transcript--prompt-mark",
        "transcript--answer",
        "transcript--answer-mark",
        "transcript--note",
        "transcript--caret",
    }
    is_streaming: var[bool] = var(False)
    """Whether a caret stands at the end."""
    is_following: var[bool] = var(True, init=False)
    """Whether the end stays in view as text comes."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._flow = Flow()
        self._strips: dict[int, Strip] = {}
        """Lines drawn before, by number; scrolling shows them again."""

    @property
    def text(self) -> str:
        """All that is shown, for tests and screen readers."""
        return "\n".join(line.text for _, line in self._flow.lines)

    def add_prompt(self, text: str) -> None:
        """Show what somebody typed; of a very long text only its beginning and end."""
        self._add(PROMPT, visible(clip(text)) or "⟨|endoftext|⟩")
        self.follow()

    def add_answer(self, text: str = "") -> None:
        """Begin an answer."""
        self._add(ANSWER, "")
        self.append(text)

    def add_note(self, text: str) -> None:
        """Say something about the answer above, quietly; an answer without a word gives way to it."""
        self._flow.drop_empty(ANSWER)
        self._add(NOTE, visible(text))

    def append(self, text: str) -> None:
        """Put text at the end of the last answer."""
        first = self._flow.append(visible(self._begin(text)))
        self._resize_content()
        self.refresh_lines(first, len(self._flow.lines) - first)

    def clear(self) -> None:
        """Show nothing."""
        self._flow.clear()
        self._strips.clear()
        self._resize_content()
        self.refresh()

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.is_following = True
        self._go_to_end()

    def watch_is_streaming(self) -> None:
        """Draw or remove the caret."""
        self.refresh()

    def watch_is_following(self, is_following: bool) -> None:
        """Tell it."""
        self.post_message(FollowingChanged(is_following))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Notice whether the reader has left the end."""
        super().watch_scroll_y(old_value, new_value)
        self.is_following = self.is_vertical_scroll_end

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the text to the new width."""
        width = min(_WIDEST, self.scrollable_content_region.width - _GUTTER - 2 * _MARGIN)
        self._flow.set_width(max(8, width))
        self._strips.clear()
        self._resize_content()
        if self.is_following:
            self._go_to_end()
        self.refresh()

    def notify_style_update(self) -> None:
        """Draw everything anew in other colours."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        index = y + self.scroll_offset.y
        if index >= len(self._flow.lines):
            return Strip.blank(self.size.width, self.style_of(""))
        if index == len(self._flow.lines) - 1:
            return self._draw(index, has_caret=self.is_streaming)  # never kept: it grows, and loses its caret
        if index not in self._strips:
            self._strips[index] = self._draw(index, has_caret=False)
        return self._strips[index]

    def _draw(self, index: int, *, has_caret: bool) -> Strip:
        width = self.size.width
        block, line = self._flow.lines[index]
        if block is None:
            return Strip.blank(width, self.style_of("")).apply_offsets(0, index)
        gutter = Strip([Segment(" " * _MARGIN, self.style_of("")), self._mark(block, line)])
        text = Strip([*self._text_segments(block, line, index)]).apply_offsets(0, index)
        segments = [*gutter, *text]
        if has_caret:
            segments.append(Segment(_CARET, self.style_of("transcript--caret")))
        return Strip(segments).adjust_cell_length(width, self.style_of(""))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text with the line breaks it was written with."""
        if not self._flow.lines:
            return None
        start = (selection.start.y, selection.start.x) if selection.start is not None else (0, 0)
        last = len(self._flow.lines) - 1
        whole = (last, len(self._flow.lines[last][1].text))
        end = (selection.end.y, selection.end.x) if selection.end is not None else whole
        return self._flow.extract(start, end), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self._strips.clear()
        self.refresh()

    def _begin(self, text: str) -> str:
        """Without the space or line breaks that a first word brings along; it stands on a line of its own here."""
        return text if self._flow.blocks[-1].text else text.lstrip()

    def _add(self, kind: str, text: str) -> None:
        self._flow.add(kind, text)
        self._resize_content()
        self.refresh()

    def _resize_content(self) -> None:
        size = Size(max(1, self.size.width), len(self._flow.lines))
        if self.virtual_size == size:
            return
        # subtle: set past the reactive, which would lay out the whole screen at every new line; the scrollbar is always
        # there (overflow-y: scroll), so nothing but its thumb and the scroll position depend on the size
        self.set_reactive(Widget.virtual_size, size)
        self.vertical_scrollbar.window_virtual_size = size.height
        if self.is_following:
            self._go_to_end()

    def _go_to_end(self) -> None:
        self.scroll_y = self.scroll_target_y = self.max_scroll_y

    def _mark(self, block: Block, line: Line) -> Segment:
        if block.kind == PROMPT:
            mark = "❯ " if line is block.lines[0] else "  "
        else:
            mark = "│ " if block.kind == ANSWER else "  "
        style = "transcript--note" if block.kind == NOTE else f"transcript--{block.kind}-mark"
        return Segment(mark, self.style_of(style))

    def _text_segments(self, block: Block, line: Line, index: int) -> list[Segment]:
        style = self.style_of(f"transcript--{block.kind}")
        span = self.text_selection.get_span(index) if self.text_selection is not None else None
        if span is None:
            return [Segment(line.text, style)]
        start, end = span[0], len(line.text) if span[1] == -1 else span[1]
        selected = style + Style.from_color(None, self.screen.get_component_rich_style("screen--selection").bgcolor)
        parts = [(line.text[:start], style), (line.text[start:end], selected), (line.text[end:], style)]
        return [Segment(text, one) for text, one in parts if text]
