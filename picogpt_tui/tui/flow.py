"""The transcript's text as lines that fit a width: appended to in constant time, wrapped anew when the width changes.

Pure: no widget, no style. A line knows its block and whether the text goes on in the next line (a soft break), so that
a selection can be copied as it was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len

PROMPT, ANSWER, NOTE = "prompt", "answer", "note"
_WORDS = re.compile(r"[^\s]+[^\S\n]*|[^\S\n]+")
_SHOWN = 1200  # characters of a longer prompt, at its beginning and at its end


@dataclass(slots=True)
class Line:
    """One line on the screen."""

    text: str
    is_soft: bool = False
    """Whether the text goes on in the next line without a line break."""


@dataclass(slots=True)
class Block:
    """One turn, or a note: its text and the lines it makes."""

    kind: str
    text: str
    lines: list[Line] = field(default_factory=list)


def wrap(text: str, width: int) -> list[Line]:
    """Break text into lines of at most `width` cells.

    At line breaks, between words, and within a word only if it alone is wider. Spaces at a line's end stay with it and
    may hang over the edge, so that the lines joined again are the text.
    """
    lines: list[Line] = []
    for paragraph in text.split("\n"):
        lines += _wrap_paragraph(paragraph, width)
    return lines


def _wrap_paragraph(text: str, width: int) -> list[Line]:
    lines: list[Line] = []
    line, used = "", 0
    for word in _WORDS.findall(text):
        bare = cell_len(word.rstrip())
        if used + bare > width and line:
            lines.append(Line(line, is_soft=True))
            line, used = "", 0
        while bare > width:
            head = _head(word, width)
            lines.append(Line(head, is_soft=True))
            word = word[len(head) :]
            bare = cell_len(word.rstrip())
        line += word
        used += cell_len(word)
    return [*lines, Line(line)]


def _head(word: str, width: int) -> str:
    """The longest beginning of a word that fits, at least one character."""
    used = 0
    for index, char in enumerate(word):
        used += cell_len(char)
        if used > width and index:
            return word[:index]
    return word


def clip(text: str) -> str:
    """A long prompt's beginning and end, with the number of characters between."""
    if len(text) <= 2 * _SHOWN + 100:
        return text
    hidden = len(text) - 2 * _SHOWN
    return f"{text[:_SHOWN]}\n… {hidden:,} characters not shown …\n{text[-_SHOWN:]}"


class Flow:
    """Blocks of text, one under the other with an empty line between, wrapped to a width.

    Attributes:
        blocks: the first on top.
        lines: (block, line) of every line on the screen; (None, empty) between two blocks.
    """

    def __init__(self, width: int = 80) -> None:
        self.width = width
        self.blocks: list[Block] = []
        self.lines: list[tuple[Block | None, Line]] = []

    def add(self, kind: str, text: str = "") -> Block:
        """Put a new block at the end."""
        block = Block(kind, text, wrap(text, self.width))
        if self.blocks:
            self.lines.append((None, Line("")))
        self.blocks.append(block)
        self.lines += [(block, line) for line in block.lines]
        return block

    def drop_empty(self, kind: str) -> None:
        """Take the last block away again, if it is of this kind and nothing stands in it."""
        if not self.blocks or self.blocks[-1].kind != kind or self.blocks[-1].text:
            return
        block = self.blocks.pop()
        del self.lines[len(self.lines) - len(block.lines) - bool(self.blocks) :]

    def append(self, text: str) -> int:
        """Put text at the end of the last block; returns the first line that changed.

        subtle: lines are filled greedily, so text behind a line never changes the lines above it, and only the last
        line has to be wrapped again.
        """
        block = self.blocks[-1]
        block.text += text
        last = block.lines.pop()
        self.lines.pop()
        first = len(self.lines)
        new = wrap(last.text + text, self.width)
        block.lines += new
        self.lines += [(block, line) for line in new]
        return first

    def set_width(self, width: int) -> None:
        """Wrap everything to another width."""
        if width == self.width:
            return
        self.width = width
        blocks, self.blocks, self.lines = self.blocks, [], []
        for block in blocks:
            self.add(block.kind, block.text)

    def clear(self) -> None:
        """Forget all blocks."""
        self.blocks.clear()
        self.lines.clear()

    def extract(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """The text from (line, character) to (line, character), with the line breaks it was written with."""
        parts: list[str] = []
        for y in range(start[0], min(end[0], len(self.lines) - 1) + 1):
            line = self.lines[y][1]
            first = start[1] if y == start[0] else 0
            last = end[1] if y == end[0] else len(line.text)
            parts.append(line.text[first:last])
            if y < end[0] and not line.is_soft:
                parts.append("\n")
        return "".join(parts)
