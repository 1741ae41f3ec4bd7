"""CRC32C is that of the standards, however long the data are and however they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.crc32c import crc32c, mask, unmask

ROW_BYTES = 2**16


def bit_by_bit(data: bytes, crc: int = 0) -> int:
    """The definition."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def some_bytes(n: int, seed: int = 1) -> bytes:
    return np.random.Generator(np.random.PCG64(seed)).bytes(n)


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", 0),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
    ids=["nothing", "a letter", "check", "zeros", "ones", "rising", "falling"],
)
def test_published_values(data: bytes, expected: int) -> None:
    """RFC 3720, B.4, and the check value of the catalogues."""
    assert crc32c(data) == expected


@pytest.mark.parametrize("n", [*range(1, 40), 63, 64, 65, 255, 256, 257, 1023, 4099])
def test_short_data(n: int) -> None:
    assert crc32c(some_bytes(n)) == bit_by_bit(some_bytes(n))


@pytest.mark.parametrize("n_more", [-5, -4, -1, 0, 1, 2, 3, 4, 5, 7, ROW_BYTES // 2])
@pytest.mark.parametrize("n_rows", [1, 2])
def test_data_around_whole_rows(n_rows: int, n_more: int) -> None:
    """They are laid out in rows of 64 KB, the first filled up with zeros."""
    data = some_bytes(n_rows * ROW_BYTES + n_more)
    assert crc32c(data) == bit_by_bit(data)


@given(st.lists(st.binary(max_size=70), max_size=5))
def test_pieces_give_the_crc_of_the_whole(pieces: list[bytes]) -> None:
    crc = 0
    for piece in pieces:
        crc = crc32c(piece, crc)
    assert crc == bit_by_bit(b"".join(pieces))


def test_large_pieces_give_the_crc_of_the_whole() -> None:
    data = some_bytes(5 * ROW_BYTES + 3)
    whole = crc32c(data)
    for cut in (0, 1, ROW_BYTES - 1, ROW_BYTES, 3 * ROW_BYTES + 2, len(data)):
        assert crc32c(data[cut:], crc32c(data[:cut])) == whole


def test_any_kind_of_bytes_will_do() -> None:
    data = some_bytes(ROW_BYTES + 9)
    array = np.frombuffer(data, dtype=np.uint8)
    assert crc32c(bytearray(data)) == crc32c(memoryview(data)) == crc32c(array) == crc32c(data)


@pytest.mark.parametrize("n_skipped", [1, 2, 3])
def test_bytes_off_their_natural_addresses_will_do(n_skipped: int) -> None:
    array = np.frombuffer(some_bytes(2 * ROW_BYTES + 9), dtype=np.uint8)[n_skipped:]
    assert crc32c(array) == bit_by_bit(array.tobytes())


def test_every_flipped_bit_shows() -> None:
    data = bytearray(some_bytes(50))
    crcs = {crc32c(data)}
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        crcs.add(crc32c(data))
        data[bit // 8] ^= 1 << bit % 8
    assert len(crcs) == 8 * len(data) + 1


def test_the_mask_is_leveldbs_and_comes_off_again() -> None:
    """LevelDB's own tests: a masked CRC differs, also when masked twice."""
    crc = crc32c(b"foo")
    assert mask(0) == 0xA282EAD8
    assert len({crc, mask(crc), mask(mask(crc))}) == 3
    for value in (0, 1, crc, 0x7FFF, 0x8000, 0xFFFFFFFF):
        assert unmask(mask(value)) == value
        assert mask(unmask(value)) == value
