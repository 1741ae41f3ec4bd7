"""Nothing that a terminal obeys or hides comes through, and a label loses no byte."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from picogpt_tui.visible import from_label, label, one_line, replace_surrogates, visible

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Characters that take no place on a screen though their category is that of letters, marks or symbols.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\ufe00\ufe0f\uffa0\U000e0100\U000e01ef"
HIDDEN = [chr(code) for code in range(0x20) if chr(code) not in "\n\t"] + [chr(code) for code in range(0x7F, 0xA0)]
HIDDEN += (
    list(BIDI) + list(BLANK) + list("\u00ad\u200b\u200c\u200d\u2028\u2029\u2060\ufeff\ufff9\ue000\ufffe\U000e0041")
)


def is_shown(char: str) -> bool:
    """Whether a terminal draws it or moves by one cell for it, and does nothing else."""
    return unicodedata.category(char) not in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") and char not in BLANK


@pytest.mark.parametrize(
    "text, shown",
    [
        ("", ""),
        ("plain [bold]text[/] \\", "plain [bold]text[/] \\"),
        ("a\nb\r\nc\rd", "a\nb\nc␍d"),
        ("a\tb", "a    b"),
        ("a\x1b[31mb\x1b]0;title\x07", "a␛[31mb␛]0;title␇"),
        ("\x00\x7f\x9b2J", "␀␡⟨U+009B⟩2J"),
        ("abc\u202egnp.exe", "abc⟨U+202E⟩gnp.exe"),
        ("pay\u200bpal", "pay⟨U+200B⟩pal"),
        ("café naïve 日本語 عربي 😀", "café naïve 日本語 عربي 😀"),
        ("e\u0301", "e\u0301"),
        ("❤\ufe0f", "❤⟨U+FE0F⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("a\u3164b", "a⟨U+3164⟩b"),
    ],
    ids=ascii,
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("char", HIDDEN, ids=ascii)
def test_whatever_a_terminal_obeys_or_hides_becomes_a_sign(char: str) -> None:
    for shown in (visible(f"a{char}b"), one_line(f"a{char}b"), label(f"a{char}b".encode("utf-8", "surrogatepass"))):
        assert char not in shown
        assert all(map(is_shown, shown))
        assert len(shown) >= 3


@settings(max_examples=500)
@given(st.text(st.characters(), max_size=40))
@example("\r\n\r\n")
def test_nothing_raw_reaches_the_terminal(text: str) -> None:
    shown = visible(text)
    assert all(char == "\n" or is_shown(char) for char in shown), ascii(shown)
    assert visible(shown) == shown
    shown.encode("utf-8")


@given(st.text(st.characters(), max_size=40), st.integers(1, 30))
@example("a\r\n\r\nbcdef", 5)
@example("\r\n" * 9, 8)
def test_one_line_is_one_line_and_says_when_it_is_cut(text: str, width: int) -> None:
    line, whole = one_line(text, width), one_line(text, 10_000)
    assert "\n" not in line
    assert len(line) <= width
    assert line == whole or line == whole[: width - 1] + "…"
    assert all(map(is_shown, line))


@pytest.mark.parametrize(
    "raw, shown",
    [
        (b" king", "␣king"),
        (b"\n\n", "⏎⏎"),
        (b"\r\n\t", "␍⏎⇥"),
        (b"\xe2\x80", "⟨E2 80⟩"),
        (b"a\xe2\x80b", "a⟨E2 80⟩b"),
        (b"\xff\xfe", "⟨FF FE⟩"),
        ("\u00a0".encode(), "⍽"),
        ("\u2003".encode(), "⟨U+2003⟩"),
        ("␣".encode(), "⟨U+2423⟩"),
        ("⟨C3⟩".encode(), "⟨U+27E8⟩C3⟨U+27E9⟩"),
        ("e\u0301".encode(), "e\u0301"),
        ("\u0301".encode(), "⟨U+0301⟩"),
        (" \u0301".encode(), "␣⟨U+0301⟩"),
        ("\u0301\u0302".encode(), "⟨U+0301⟩⟨U+0302⟩"),
        ("e\u0301\u0302".encode(), "e\u0301\u0302"),
        (b"\xff\xcc\x81", "⟨FF⟩⟨U+0301⟩"),
        (b"[bold]", "[bold]"),
    ],
    ids=ascii,
)
def test_label(raw: bytes, shown: str) -> None:
    assert label(raw) == shown


RAW = st.one_of(
    st.binary(max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(str.encode),
    st.text("␣⏎⇥⍽⟨⟩␛U+0041 \n\t\u0301\u200d", max_size=8).map(str.encode),
)


@settings(max_examples=500)
@given(RAW)
def test_a_label_can_be_read_back_and_is_tame(raw: bytes) -> None:
    """What can be read back is unique."""
    shown = label(raw)
    assert from_label(shown) == raw
    assert all(map(is_shown, shown)), ascii(shown)
    assert visible(shown) == shown
    assert shown == "" or unicodedata.category(shown[0]) not in ("Mn", "Me", "Mc")
    assert cell_len(shown) >= (1 if raw else 0)


@given(st.text(st.characters(), max_size=12))
def test_any_text_is_read_as_a_label_without_complaint(text: str) -> None:
    """A person types into a search box."""
    assert isinstance(from_label(text), bytes)


@pytest.mark.parametrize(
    "text, expected", [("a\ud800b", "a\ufffdb"), ("\ud83d\ude00", "😀"), ("é\n", "é\n")], ids=ascii
)
def test_replace_surrogates(text: str, expected: str) -> None:
    assert replace_surrogates(text) == expected


@given(st.text(st.characters(), max_size=20))
def test_what_has_no_surrogates_can_be_encoded(text: str) -> None:
    replaced = replace_surrogates(text)
    assert replaced.encode().decode() == replaced
