"""Whole numbers of variable length: seven bits a byte, the lowest first, the high bit set on all but the last.

Snappy, LevelDB and protocol buffers write lengths so. https://protobuf.dev/programming-guides/encoding/#varints
"""

from __future__ import annotations

_MOST_BYTES = 10


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that starts at byte `at`, below 2^64, and where the next byte is.

    read_varint(bytes.fromhex("ac02"), 0) == (300, 2)

    Raises:
        ValueError: the data end within it, or it is longer than 64 bits.
    """
    value = 0
    for index, byte in enumerate(data[at : at + _MOST_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >> 64:
                break
            return value, at + index + 1
    raise ValueError(f"no number at byte {at}")
