"""A message is taken apart by field number; whatever is damaged is a ValueError."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.protobuf import messages, number, read_fields
from picogpt_tui.gpt2.varint import read_varint

from .tf_writer import field, varint


@given(st.integers(0, 2**64 - 1), st.binary(max_size=5), st.binary(max_size=5))
def test_varints(value: int, before: bytes, behind: bytes) -> None:
    written = varint(value)
    assert read_varint(before + written + behind, len(before)) == (value, len(before) + len(written))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\x80" * 10 + b"\0", b"\xff" * 9 + b"\x02"])
def test_no_varint(data: bytes) -> None:
    with pytest.raises(ValueError, match="no number at byte 0"):
        read_varint(data, 0)


def test_every_kind_of_field() -> None:
    message = field(1, 300) + field(2, b"ab") + b"\x1d\x01\0\0\0" + b"\x21\x02\0\0\0\0\0\0\0" + field(2, b"")
    assert read_fields(message) == {1: [300], 2: [b"ab", b""], 3: [1], 4: [2]}


def test_an_absent_number_is_zero_and_the_last_one_counts() -> None:
    assert number(read_fields(b""), 1) == 0
    assert number(read_fields(field(1, 5) + field(1, 6)), 1) == 6


def test_embedded_messages() -> None:
    dims = field(2, field(1, 3)) + field(2, b"") + field(2, field(1, 5))
    assert [number(dim, 1) for dim in messages(read_fields(dims), 2)] == [3, 0, 5]


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x12\x03ab", b"\x12", b"\x1d\0\0\0", b"\x21" + bytes(7), b"\x0b", b"\x0c", b"\x0e", b"\x80"],
    ids=[
        "no value",
        "bytes cut short",
        "no length",
        "4 bytes",
        "8 bytes",
        "a group",
        "its end",
        "kind 6",
        "half a tag",
    ],
)
def test_damage_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"no number|within a field|unknown kind"):
        read_fields(message)


def test_a_field_of_another_kind_is_refused() -> None:
    fields = read_fields(field(1, b"ab") + field(2, 1))
    with pytest.raises(ValueError, match="bytes in field 1"):
        number(fields, 1)
    with pytest.raises(ValueError, match="a number in field 2"):
        messages(fields, 2)
