"""The wire format of protocol buffers, as far as it takes to read a message whose fields one knows.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from picogpt_tui.gpt2.varint import read_varint

Fields = dict[int, list[int | bytes]]
"""By field number, every value in the order it came."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_fields(message: bytes) -> Fields:
    """Take a message apart; an embedded message comes as its bytes.

    Raises:
        ValueError: it is damaged.
    """
    fields: Fields = {}
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        kind = tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = read_varint(message, at)
        elif kind == _BYTES:
            n_bytes, at = read_varint(message, at)
            value, at = _bytes(message, at, n_bytes), at + n_bytes
        elif kind in (_FIXED32, _FIXED64):
            n_bytes = 4 if kind == _FIXED32 else 8
            value, at = int.from_bytes(_bytes(message, at, n_bytes), "little"), at + n_bytes
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def number(fields: Fields, field: int) -> int:
    """A field that is a number; 0 where it is absent, as zeros are not written.

    Raises:
        ValueError: it is no number.
    """
    value = fields.get(field, [0])[-1]
    if isinstance(value, bytes):
        raise ValueError(f"bytes in field {field}, which is a number")
    return value


def messages(fields: Fields, field: int) -> list[Fields]:
    """A field that is an embedded message, as often as it is there.

    Raises:
        ValueError: it is none.
    """
    return [read_fields(_embedded(value, field)) for value in fields.get(field, [])]


def _bytes(message: bytes, at: int, n_bytes: int) -> bytes:
    if at + n_bytes > len(message):
        raise ValueError("a message that ends within a field")
    return message[at : at + n_bytes]


def _embedded(value: int | bytes, field: int) -> bytes:
    if isinstance(value, int):
        raise ValueError(f"a number in field {field}, which is a message")
    return value
