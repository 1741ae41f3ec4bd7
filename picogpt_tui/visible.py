"""Text is data: everything a model, a user or a file produced passes here before it meets a screen.

Two functions for two places. `visible` is for running text: it keeps letters, spaces and line breaks and turns what a
terminal would obey or hide (control and escape characters, bidi marks, invisible and unassigned ones) into signs.
`label` is for one token in a list: it also shows spaces and line breaks, never loses a byte, and can be read back.

The marks ␣ ⏎ ⇥ ⟨ ⟩ and the control pictures stand in none of GPT-2's 50,257 tokens; where another vocabulary holds
one, it is written as its code point, so that labels stay unique.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SPACE, NEWLINE, TAB, NO_BREAK_SPACE = "␣", "⏎", "⇥", "⍽"
_MARKS = {" ": SPACE, "\n": NEWLINE, "\t": TAB, "\u00a0": NO_BREAK_SPACE, "\x7f": "␡"}
_MARKS.update({chr(code): chr(0x2400 + code) for code in range(0x20) if chr(code) not in _MARKS})
_MEANING = {mark: char for char, mark in _MARKS.items()}
_RESERVED = set(_MEANING) | {"⟨", "⟩"}
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
# Characters that take no place though their category is that of letters or marks: joiners, fillers, variation selectors
# (https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, Default_Ignorable_Code_Point).
_BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0}
_BLANK |= {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_PLAIN = re.compile(r"[\n\x20-\x7e]*\Z")


def replace_surrogates(text: str) -> str:
    """Join surrogate pairs and turn lone surrogates into U+FFFD, so that the text can be encoded as UTF-8."""
    try:
        text.encode("utf-8")  # far faster than to look at every character
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def code_point(char: str) -> str:
    """A character by its number: `⟨U+200B⟩`."""
    return f"⟨U+{ord(char):04X}⟩"


def is_hidden(char: str) -> bool:
    """Whether a terminal would obey or hide this character instead of showing it (a line break and a tab too)."""
    return unicodedata.category(char) in _HIDDEN or ord(char) in _BLANK


@lru_cache(maxsize=8192)
def _visible_char(char: str) -> str:
    if char == "\n":
        return char
    if char == "\t":
        return "    "
    if is_hidden(char):
        return _MARKS.get(char) or code_point(char)
    return char


def visible(text: str) -> str:
    r"""Make running text safe to print: nothing in the result is obeyed or hidden by a terminal.

    Line breaks are kept (CRLF as one), tabs become four spaces, all other control, format, unassigned, private
    and invisible characters become signs. The result is still not markup: give it to a `Content`.

    Example:
        >>> visible("a\x1b[31mb")
        'a␛[31mb'
    """
    if _PLAIN.match(text):
        return text
    return "".join(map(_visible_char, text.replace("\r\n", "\n")))


def one_line(text: str, width: int = 200) -> str:
    """Running text on one line, at most `width` characters: line breaks as ⏎, the end cut with an ellipsis."""
    # subtle: twice as many, because CRLF counts as one and a cut must show
    line = visible(text[: 2 * width + 2]).replace("\n", NEWLINE)
    return line if len(line) <= width else line[: width - 1] + "…"


def _label_char(char: str) -> str:
    if mark := _MARKS.get(char):
        return mark
    if char in _RESERVED or is_hidden(char) or unicodedata.category(char) == "Zs":
        return code_point(char)
    return char


def label(token_bytes: bytes) -> str:
    r"""Write a token's bytes as a label: unique, printable, width-true and reversible.

    Bytes that are not valid UTF-8 become `⟨E2 80⟩`. A combining mark with nothing to combine with becomes its code
    point. `from_label` gives the bytes back.

    Example:
        >>> label(b" king"), label(b"\n\n"), label(b"\xe2\x80")
        ('␣king', '⏎⏎', '⟨E2 80⟩')
    """
    parts: list[str] = []
    for text, raw in _utf8_runs(token_bytes):
        if raw:
            parts.append(f"⟨{raw.hex(' ').upper()}⟩")
            continue
        for char in text:
            combines = unicodedata.category(char) in ("Mn", "Me", "Mc")
            alone = not parts or len(parts[-1]) > 1 or parts[-1] in _MEANING  # behind a sign, not a character
            parts.append(code_point(char) if combines and alone else _label_char(char))
    return "".join(parts)


def _utf8_runs(token_bytes: bytes) -> list[tuple[str, bytes]]:
    """Cut bytes into runs of valid text and of invalid bytes: a list of (text, b"") or ("", bytes)."""
    runs: list[tuple[str, bytes]] = []
    rest = token_bytes
    while rest:
        try:
            runs.append((rest.decode("utf-8"), b""))
            break
        except UnicodeDecodeError as error:
            if error.start:
                runs.append((rest[: error.start].decode("utf-8"), b""))
            if runs and runs[-1][1]:
                runs[-1] = ("", runs[-1][1] + rest[error.start : error.end])
            else:
                runs.append(("", rest[error.start : error.end]))
            rest = rest[error.end :]
    return runs


_BRACKETED = re.compile(r"⟨U\+([0-9A-F]{4,5}|10[0-9A-F]{4})⟩|⟨([0-9A-F]{2}(?: [0-9A-F]{2})*)⟩|(.)", re.DOTALL)


def from_label(text: str) -> bytes:
    r"""The bytes of which `text` is the label.

    Example:
        >>> from_label("␣caf⟨C3⟩")
        b' caf\xc3'
    """
    out = bytearray()
    for code_point, raw, char in _BRACKETED.findall(text):
        if code_point:
            out += chr(int(code_point, 16)).encode("utf-8", "surrogatepass")
        elif raw:
            out += bytes.fromhex(raw)
        else:
            out += _MEANING.get(char, char).encode("utf-8", "surrogatepass")
    return bytes(out)
