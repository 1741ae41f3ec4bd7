"""Every token gets its cells: spaces, line breaks, half characters, long words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from picogpt_tui.tui.token_flow import Piece, TokenBytes, lay_out, pieces_of


def tokens(*raws: bytes) -> list[TokenBytes]:
    return [TokenBytes(raw, "") for raw in raws]


@pytest.mark.parametrize(
    "raws, expected",
    [
        ((b"Once", b" upon"), [("Once", 0, 0), (" upon", 1, 1)]),
        ((b"a\n", b"\nb"), [("a⏎", 0, 0), ("⏎", 1, 1), ("b", 1, 1)]),
        ((b"\xf0\x9f", b"\x91\x8b"), [("👋", 0, 1)]),
        ((b"a\xf0\x9f", b"\x91", b"\x8b b"), [("a", 0, 0), ("👋", 0, 2), (" b", 2, 2)]),
        ((b"\xe2\x80", b"x"), [("⟨E2 80⟩", 0, 0), ("x", 1, 1)]),
        ((b"x\xff", b"y"), [("x⟨FF⟩", 0, 0), ("y", 1, 1)]),
        ((b"ab\xe2",), [("ab⟨E2⟩", 0, 0)]),
        ((b"\x1b[31m", b"\t"), [("␛[31m", 0, 0), ("    ", 1, 1)]),
        ((b"", b"a"), [("a", 1, 1)]),
        ((), []),
    ],
    ids=[
        "words",
        "line breaks",
        "shared",
        "shared by three",
        "never whole",
        "not utf-8",
        "end",
        "control",
        "empty",
        "-",
    ],
)
def test_what_is_drawn_together(raws: tuple[bytes, ...], expected: list[tuple[str, int, int]]) -> None:
    assert [(piece.text, piece.first, piece.last) for piece in pieces_of(tokens(*raws))] == expected


def test_a_special_token_is_drawn_by_its_label_and_ends_a_character() -> None:
    end = TokenBytes(b"<|endoftext|>", "⟨|endoftext|⟩", is_special=True)
    drawn = list(pieces_of([TokenBytes(b"\xe2", ""), end, TokenBytes(b"\x80", "")]))
    assert [piece.text for piece in drawn] == ["⟨E2⟩", "⟨|endoftext|⟩", "⟨80⟩"]


@given(st.lists(st.binary(max_size=5), max_size=30), st.integers(9, 40))
def test_every_token_is_drawn_in_order_and_no_line_is_too_wide(raws: list[bytes], width: int) -> None:
    pieces = list(pieces_of(tokens(*raws)))
    lines = lay_out(pieces, width)
    drawn = [piece for line in lines for piece in line.pieces]
    assert "".join(piece.text for piece in drawn) == "".join(piece.text for piece in pieces)
    assert [piece.first for piece in drawn] == sorted(piece.first for piece in drawn)
    shown = {index for piece in drawn for index in range(piece.first, piece.last + 1)}
    assert shown >= {index for index, raw in enumerate(raws) if raw}, "an empty one may lie within a shared character"
    for line in lines:
        assert line.width == sum(cell_len(piece.text) for piece in line.pieces) <= width
        assert "\n" not in "".join(piece.text for piece in line.pieces)


def test_lines_break_between_words_and_a_long_word_anywhere() -> None:
    lines = lay_out(list(pieces_of(tokens(b"Once", b" upon", b" a", b" mid", b"night", b" " + b"-" * 12))), 10)
    assert ["".join(piece.text for piece in line.pieces) for line in lines] == [
        "Once upon",
        " a",
        " midnight",
        " ---------",
        "---",
    ]


def test_a_cell_belongs_to_the_piece_that_covers_it() -> None:
    (line,) = lay_out([Piece("Once", 0, 0), Piece(" upon", 1, 1)], 20)
    found = [line.piece_at(x) for x in (0, 3, 4, 8, 15)]
    assert [piece.first for piece in found if piece is not None] == [0, 0, 1, 1, 1]
