"""CRC32C in NumPy: the checksum of every block and tensor of a TensorFlow checkpoint.

A CRC is a remainder of polynomials over GF(2): of the bytes times x^32, divided by Castagnoli's polynomial. That is
linear, so the words of 4 bytes are laid out in rows of lanes, each lane is summed down its column (Horner's rule, all
lanes at once), and the lanes are summed in the end. A remainder is kept "reflected": bit 31 is the coefficient of x^0.
https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4 ; the mask is LevelDB's:
https://github.com/google/leveldb/blob/main/util/crc32c.h
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78
_ONE = 1 << 31  # x^0
_ALL = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8
_LANES = 2**14
_ROW_BYTES = 4 * _LANES


def crc32c(data: bytes | bytearray | memoryview | npt.NDArray[np.uint8], crc: int = 0) -> int:
    """The CRC32C of some bytes, or of what `crc` is the CRC of with these bytes behind it.

    crc32c(b"123456789") == crc32c(b"6789", crc32c(b"12345")) == 0xE3069283
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    # subtle: the register starts as all ones and is carried through the data, which shifts it by the data's length
    start = _times(crc ^ _ALL, _x_to_the(8 * raw.size))
    return _remainder(raw) ^ start ^ _ALL


def mask(crc: int) -> int:
    """As checkpoints store it, so that a CRC over bytes that hold CRCs stays a good one."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ALL


def unmask(masked: int) -> int:
    """The CRC that was masked."""
    turned = (masked - _MASK_DELTA) & _ALL
    return (turned >> 17 | turned << 15) & _ALL


def _remainder(raw: npt.NDArray[np.uint8]) -> int:
    """Of the bytes times x^32, without the ones at start and end."""
    # subtle: zeros in front change no remainder, so the first row is filled up with them
    n_first = raw.size % _ROW_BYTES
    lanes = _padded(raw[:n_first])
    if n_first < raw.size:
        lanes = _horner(lanes, raw[n_first:].view("<u4").reshape(-1, _LANES))
    return _times(_sum(lanes), _x_to_the(32))


def _padded(raw: npt.NDArray[np.uint8]) -> Words:
    """[n] bytes, fewer than a row -> the least power of two of words that holds them, zeros in front."""
    n_words = 1 << (max(raw.size - 1, 0) // 4).bit_length()
    row = np.zeros(4 * n_words, dtype=np.uint8)
    row[row.size - raw.size :] = raw
    return row.view("<u4")


def _horner(first: Words, rows: Words) -> Words:
    """Sum each column of [first, *rows], a row being worth x^(32 * lanes) of the next: -> [lanes]."""
    tables = _tables(32 * _LANES, 2)
    lanes = np.zeros(_LANES, dtype="<u4")
    lanes[_LANES - first.size :] = first
    for row in rows:
        lanes = _times_tables(lanes, tables)
        lanes ^= row
    return lanes


def _sum(lanes: Words) -> int:
    """The lanes as one polynomial: a lane is worth x^32 of the next."""
    while lanes.size > 1:
        half = lanes.size // 2
        lanes = _times_tables(lanes[:half], _tables(32 * half, 4)) ^ lanes[half:]
    return int(lanes[0])


def _times_tables(words: Words, tables: Words) -> Words:
    """Each word times the constant that the tables are made for: one look-up for every part of a word."""
    n_parts = len(tables)
    parts = words.view(f"<u{4 // n_parts}").reshape(-1, n_parts)  # [n] -> [n, n_parts]
    product: Words = tables[0].take(parts[:, 0])
    for part in range(1, n_parts):
        product ^= tables[part].take(parts[:, part])
    return product


@cache
def _tables(exponent: int, n_parts: int) -> Words:
    """x^exponent times every value of each part of a word: [n_parts, 2^(32 / n_parts)]."""
    n_bits = 32 // n_parts
    tables = np.zeros((n_parts, 1 << n_bits), dtype="<u4")
    for bit in range(32):
        part, low = divmod(bit, n_bits)
        table, n_filled = tables[part], 1 << low
        table[n_filled : 2 * n_filled] = table[:n_filled] ^ np.uint32(_x_to_the(exponent + 31 - bit))
    return tables


@cache
def _x_to_the(exponent: int) -> int:
    """The remainder of x^exponent."""
    power, square = _ONE, _ONE >> 1
    while exponent:
        if exponent & 1:
            power = _times(power, square)
        square = _times(square, square)
        exponent >>= 1
    return power


def _times(left: int, right: int) -> int:
    """The product of two remainders."""
    product = 0
    while right:
        if right & _ONE:
            product ^= left
        left = left >> 1 ^ (_POLYNOMIAL if left & 1 else 0)
        right = right << 1 & _ALL
    return product
