"""The decoder of Snappy's raw format: a length, then pieces that are literal or repeat what was written before.

Some TensorFlow versions pack a checkpoint's index with it.
https://github.com/google/snappy/blob/main/format_description.txt
"""

from __future__ import annotations

from picogpt_tui.gpt2.varint import read_varint

_LITERAL = 0
_NEAR = 1  # a copy from at most 2047 bytes back


def decompress(data: bytes, most_bytes: int) -> bytes:
    """What was packed.

    Args:
        data: packed bytes.
        most_bytes: the most that may come out; a longer declared length is refused before anything is unpacked.

    Raises:
        ValueError: the data are damaged, or declare more than `most_bytes`.
    """
    n_declared, at = read_varint(data, 0)
    if n_declared > most_bytes:
        raise ValueError(f"{n_declared:,} bytes where at most {most_bytes:,} may be")
    out = bytearray()
    while at < len(data):
        tag = data[at]
        if tag & 3 == _LITERAL:
            start, at = _literal(data, at)
            out += data[start:at]
        else:
            length, back, at = _copy(data, at)
            _repeat(out, length, back)
        if len(out) > n_declared:
            raise ValueError("more packed bytes than declared")
    if len(out) < n_declared:
        raise ValueError("fewer packed bytes than declared")
    return bytes(out)


def _literal(data: bytes, at: int) -> tuple[int, int]:
    """Where a literal's bytes start and end."""
    length, at = data[at] >> 2, at + 1
    if length >= 60:
        n_more = length - 59
        length, at = _number(data, at, n_more), at + n_more
    end = at + length + 1
    if end > len(data):
        raise ValueError("a literal past the end")
    return at, end


def _copy(data: bytes, at: int) -> tuple[int, int, int]:
    """How many bytes to repeat, from how far back, and where the next piece starts."""
    tag, at = data[at], at + 1
    if tag & 3 == _NEAR:
        return 4 + (tag >> 2 & 7), (tag >> 5) << 8 | _number(data, at, 1), at + 1
    n_more = 2 if tag & 3 == 2 else 4
    return 1 + (tag >> 2), _number(data, at, n_more), at + n_more


def _number(data: bytes, at: int, n_bytes: int) -> int:
    if at + n_bytes > len(data):
        raise ValueError("packed bytes that end within a piece")
    return int.from_bytes(data[at : at + n_bytes], "little")


def _repeat(out: bytearray, length: int, back: int) -> None:
    """Append to `out` what stands `back` bytes before its end; where that runs past the end, it repeats itself."""
    if not 0 < back <= len(out):
        raise ValueError("a copy from before the start")
    start = len(out) - back
    piece = out[start : start + length]
    out += (piece * -(-length // len(piece)))[:length]
