"""The text as tokens, with a cursor on one of them: shaded by a number, marked without colour, an alternative in place.

A line-API widget. Where tokens become cells is `token_flow`'s; which shade a token has is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from picogpt_tui.tui.explorer_messages import TokenPointed
from picogpt_tui.tui.token_flow import Piece, TokenBytes, TokenLine, lay_out, pieces_of
from picogpt_tui.tui.widgets.style_cache import StyleCache

_MARGIN = 1
_WIDEST = 100
_END = " "


class TokenText(StyleCache, ScrollView, can_focus=True, inherit_bindings=False):
    """Shows tokens; posts TokenPointed when one is clicked.

    Attributes:
        n_tokens: how many there are.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "token-text--a",
        "token-text--b",
        "token-text--unknown",
        "token-text--cursor",
        "token-text--ghost",
        "token-text--mark",
        *(f"token-text--heat-{level}" for level in range(5)),
        *(f"token-text--rank-{level}" for level in range(4)),
        *(f"token-text--cool-{level}" for level in range(9)),
        *(f"token-text--diff-{level}" for level in range(7)),
    }

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._tokens: list[TokenBytes] = []
        self._cursor = 0
        self._ghost: TokenBytes | None = None
        self._levels: Sequence[int | None] | None = None
        self._palette = "heat"
        self._marks: Sequence[str] | None = None
        self._lines: list[TokenLine] = [TokenLine()]

    @property
    def n_tokens(self) -> int:
        """How many tokens there are."""
        return len(self._tokens)

    @property
    def text(self) -> str:
        """All that is shown, for tests."""
        return "\n".join(self._line(y).text.rstrip() for y in range(self._n_lines))

    def show(self, tokens: Sequence[TokenBytes], cursor: int) -> None:
        """Draw these tokens; the cursor may stand behind the last."""
        self._tokens, self._cursor, self._ghost = list(tokens), cursor, None
        self._lay_out()

    def move_to(self, cursor: int) -> None:
        """Put the cursor on another token; what was shown in place of one is gone."""
        had_ghost, self._ghost = self._ghost is not None, None
        self._cursor = cursor
        if had_ghost:
            self._lay_out()
        else:
            self._show_cursor()

    def show_ghost(self, token: TokenBytes | None) -> None:
        """Show another token in place of the one under the cursor; None shows that one again."""
        self._ghost = token
        self._lay_out()

    def shade(self, levels: Sequence[int | None] | None, palette: str = "heat") -> None:
        """Give each token a shade of a palette; None alternates two tones, so that the boundaries show.

        Args:
            levels: a number of the palette by token, or None for one that is not known.
            palette: `heat` 0 to 4, `rank` 0 to 3, `cool` 0 to 8, `diff` 0 to 6 with 3 in the middle.
        """
        self._levels, self._palette = levels, palette
        self.refresh()

    def mark(self, marks: Sequence[str] | None) -> None:
        """Put a character below each token's first cell; None puts none, and saves the lines."""
        changes_height = (marks is None) != (self._marks is None)
        self._marks = marks
        if changes_height:
            self._resize_content()
            self._show_cursor()
        self.refresh()

    def on_resize(self) -> None:
        """Fill the lines anew."""
        self._lay_out()

    def on_click(self, event: events.Click) -> None:
        """Point at a token."""
        y = (event.y + self.scroll_offset.y) // self._height
        if not 0 <= y < len(self._lines):
            return
        piece = self._lines[y].piece_at(event.x - _MARGIN)
        if piece is not None:
            self.post_message(TokenPointed(piece.first))

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        return self._line(y + self.scroll_offset.y).adjust_cell_length(self.size.width, self.style_of(""))

    @property
    def _height(self) -> int:
        """Lines on the screen for each line of text."""
        return 1 if self._marks is None else 2

    @property
    def _n_lines(self) -> int:
        return len(self._lines) * self._height

    def _line(self, y: int) -> Strip:
        index, is_marks = divmod(y, self._height)
        if index >= len(self._lines):
            return Strip([])
        line = self._lines[index]
        segments = [Segment(" " * _MARGIN, self.style_of(""))]
        segments += self._mark_segments(line) if is_marks else [self._segment(piece) for piece in line.pieces]
        return Strip(segments)

    def _segment(self, piece: Piece) -> Segment:
        return Segment(piece.text, self._style(piece))

    def _style(self, piece: Piece) -> Style:
        if piece.first <= self._cursor <= piece.last:
            return self.style_of("token-text--ghost" if self._ghost is not None else "token-text--cursor")
        if self._levels is None:
            return self.style_of(f"token-text--{'ab'[piece.first % 2]}")
        level = self._levels[piece.first] if piece.first < len(self._levels) else None
        return self.style_of("token-text--unknown" if level is None else f"token-text--{self._palette}-{level}")

    def _mark_segments(self, line: TokenLine) -> list[Segment]:
        assert self._marks is not None
        text = ""
        for piece, start in zip(line.pieces, line.starts, strict=True):
            sign = self._marks[piece.first] if piece.first < len(self._marks) else " "
            text = text.ljust(start) + ("▲" if piece.first <= self._cursor <= piece.last else sign)
        return [Segment(text, self.style_of("token-text--mark"))]

    def _lay_out(self) -> None:
        tokens = list(self._tokens)
        if self._ghost is not None and self._cursor < len(tokens):
            tokens[self._cursor] = self._ghost
        elif self._ghost is not None:
            tokens.append(self._ghost)
        end = [Piece(_END, len(tokens), len(tokens))]
        width = max(8, min(_WIDEST, self.scrollable_content_region.width - 2 * _MARGIN))
        self._lines = lay_out([*pieces_of(tokens), *end], width)
        self._resize_content()
        self._show_cursor()

    def _resize_content(self) -> None:
        self.virtual_size = Size(max(1, self.size.width), self._n_lines)

    def _show_cursor(self) -> None:
        """Scroll to where the cursor is, with a line of text around it where there is room."""
        self.refresh()
        at = next((y for y, line in enumerate(self._lines) if any(self._has_cursor(p) for p in line.pieces)), None)
        if at is None:
            return
        top, height = at * self._height, self.scrollable_content_region.height
        first, last = self.scroll_offset.y, self.scroll_offset.y + height - self._height
        if top < first + self._height:
            self.scroll_to(y=max(0, top - self._height), animate=False)
        elif top > last - self._height:
            self.scroll_to(y=top + 2 * self._height - height, animate=False)

    def _has_cursor(self, piece: Piece) -> bool:
        return piece.first <= self._cursor <= piece.last
