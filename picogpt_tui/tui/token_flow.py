"""Tokens as running text: which cells of which line belong to which token. Pure: no widget, no style.

A space belongs to the token that brings it. A line break is drawn as ⏎ in its token, then the line ends. A character
whose bytes are spread over several tokens is drawn once and belongs to all of them; bytes that never become a character
are drawn as ⟨E2 80⟩.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from picogpt_tui.visible import NEWLINE, visible


@dataclass(frozen=True, slots=True)
class TokenBytes:
    """What has to be known of a token to draw it."""

    raw: bytes
    label: str
    is_special: bool = False
    """Drawn by its label, whatever its bytes say."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text that is drawn together: of one token, or of a character that several tokens share."""

    text: str
    """As it is drawn."""
    first: int
    last: int
    """The first and the last of its tokens."""
    ends_line: bool = False


@dataclass(slots=True)
class TokenLine:
    """One line on the screen: its pieces, and the cell each begins at."""

    pieces: list[Piece] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    width: int = 0

    def add(self, piece: Piece, width: int) -> None:
        """Put a piece at the end."""
        self.pieces.append(piece)
        self.starts.append(self.width)
        self.width += width

    def piece_at(self, x: int) -> Piece | None:
        """The piece that covers a cell, or the last one where the cell lies behind it."""
        found = None
        for piece, start in zip(self.pieces, self.starts, strict=True):
            if start > x:
                break
            found = piece
        return found


def pieces_of(tokens: Sequence[TokenBytes], first: int = 0) -> Iterator[Piece]:
    """Cut tokens into what is drawn together; `first` is the number of the first of them."""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.is_special:
            yield Piece(token.label, first + index, first + index)
            index += 1
            continue
        end = index + _n_until_whole(tokens, index)
        yield from _pieces_of_run([one.raw for one in tokens[index:end]], first + index)
        index = end


def _n_until_whole(tokens: Sequence[TokenBytes], index: int) -> int:
    """How many tokens from `index` on it takes until their bytes end with a character."""
    raw = b""
    for n, token in enumerate(tokens[index:]):
        if token.is_special:
            return n
        raw += token.raw
        if codecs.utf_8_decode(raw, "replace", False)[1] == len(raw):
            return n + 1
    return len(tokens) - index


def _pieces_of_run(run: list[bytes], first: int) -> Iterator[Piece]:
    owners = [first + n for n, raw in enumerate(run) for _ in raw]  # of every byte
    text, span = "", (first, first)
    for unit, start, end in _units(b"".join(run)):
        owner = owners[start], owners[end - 1]
        if text and owner != span:
            yield from _by_lines(text, *span)
            text = ""
        text, span = text + unit, owner
    yield from _by_lines(text, *span)


def _units(raw: bytes) -> Iterator[tuple[str, int, int]]:
    """Characters and unusable bytes, each with the bytes it stands for: (text, first byte, one past the last)."""
    at = 0
    while at < len(raw):
        try:
            text = raw[at:].decode("utf-8")
        except UnicodeDecodeError as error:
            text = raw[at : at + error.start].decode("utf-8")
            bad = raw[at + error.start : at + error.end]
        else:
            bad = b""
        for char in text:
            n = len(char.encode("utf-8"))
            yield char, at, at + n
            at += n
        if bad:
            yield f"⟨{bad.hex(' ').upper()}⟩", at, at + len(bad)
            at += len(bad)


def _by_lines(text: str, first: int, last: int) -> Iterator[Piece]:
    """A token's text, cut behind its line breaks; an empty token (padding) is drawn as nothing."""
    *lines, rest = visible(text).split("\n")
    for line in lines:
        yield Piece(line + NEWLINE, first, last, ends_line=True)
    if rest:
        yield Piece(rest, first, last)


def lay_out(pieces: Sequence[Piece], width: int) -> list[TokenLine]:
    """Fill lines of at most `width` cells, broken between words where that is possible."""
    lines = [TokenLine()]
    for word in _words(pieces):
        widths = [cell_len(piece.text) for piece in word]
        if lines[-1].pieces and lines[-1].width + sum(widths) > width:
            lines.append(TokenLine())
        for piece, cells in zip(word, widths, strict=True):
            _place(piece, cells, lines, width)
        if word[-1].ends_line:
            lines.append(TokenLine())
    return lines


def _words(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    word: list[Piece] = []
    for piece in pieces:
        if word and (piece.text.startswith(" ") or word[-1].ends_line):
            yield word
            word = []
        word.append(piece)
    if word:
        yield word


def _place(piece: Piece, cells: int, lines: list[TokenLine], width: int) -> None:
    if lines[-1].width + cells <= width:
        lines[-1].add(piece, cells)
        return
    if lines[-1].pieces:
        lines.append(TokenLine())
    text = piece.text
    while cell_len(text) > width:  # a token longer than a line, such as a row of dashes
        n = next(n for n in range(len(text), 0, -1) if n == 1 or cell_len(text[:n]) <= width)
        lines[-1].add(Piece(text[:n], piece.first, piece.last), cell_len(text[:n]))
        lines.append(TokenLine())
        text = text[n:]
    lines[-1].add(Piece(text, piece.first, piece.last, piece.ends_line), cell_len(text))
