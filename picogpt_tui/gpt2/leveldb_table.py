"""LevelDB's table file, read whole: sorted keys with values, in blocks that each carry a checksum.

    file   data block*  metaindex block  index block  footer
    block  bytes, type (0 raw, 1 Snappy), masked CRC32C of both; an index block's values say where data blocks lie
    bytes  entry*  restart*  n_restarts; an entry's key shares its beginning with the key before

TensorFlow writes the index of a checkpoint so, without filters and without anything in the metaindex.
https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

from __future__ import annotations

from collections.abc import Iterator

from picogpt_tui.gpt2.crc32c import crc32c, unmask
from picogpt_tui.gpt2.snappy import decompress
from picogpt_tui.gpt2.varint import read_varint

MOST_TABLE_BYTES = 2**20
"""The most that a table may hold, packed or unpacked: fifty times the index of the largest GPT-2."""
_MOST_KEY_BYTES = 512
_FOOTER_BYTES = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_TRAILER_BYTES = 5  # type and checksum
_RAW, _SNAPPY = 0, 1


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Where a block starts and how long it is, and where the next field starts."""
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return (offset, size), at


def _block(data: bytes, handle: tuple[int, int], most_bytes: int) -> bytes:
    """A block's bytes, checked and unpacked."""
    start, size = handle
    end = start + size
    if end + _TRAILER_BYTES > len(data) - _FOOTER_BYTES:
        raise ValueError("a block past the end")
    stored = unmask(int.from_bytes(data[end + 1 : end + _TRAILER_BYTES], "little"))
    if crc32c(data[start : end + 1]) != stored:
        raise ValueError("a block does not match its checksum")
    kind, block = data[end], data[start:end]
    if kind == _SNAPPY:
        return decompress(block, most_bytes)
    if kind != _RAW:
        raise ValueError(f"a block of the unknown type {kind}")
    if size > most_bytes:
        raise ValueError(f"more than {MOST_TABLE_BYTES:,} bytes of blocks")
    return block


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of one block."""
    key, at, end = b"", 0, _restarts_start(block)
    while at < end:
        n_shared, at = read_varint(block, at)
        n_new, at = read_varint(block, at)
        n_value, at = read_varint(block, at)
        if n_shared > len(key) or n_shared + n_new > _MOST_KEY_BYTES or at + n_new + n_value > end:
            raise ValueError("an entry that does not fit its block")
        key = key[:n_shared] + block[at : at + n_new]
        at += n_new + n_value
        yield key, block[at - n_value : at]


def _restarts_start(block: bytes) -> int:
    """Where the entries end: behind them stand the places where a key is written in full, for a binary search."""
    n_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (n_restarts + 1)
    if end < 0:
        raise ValueError("a block without its end")
    return end


def _data_entries(data: bytes, index: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """The entries of all data blocks, as the index block lists them."""
    n_left, end = MOST_TABLE_BYTES, 0
    for last_key, value in _entries(_block(data, index, MOST_TABLE_BYTES)):
        handle, _ = _handle(value, 0)
        # subtle: blocks in file order, each once: a small file cannot name one block a thousand times
        if handle[0] < end:
            raise ValueError("blocks that overlap")
        end = sum(handle) + _TRAILER_BYTES
        block = _block(data, handle, n_left)
        n_left -= len(block)
        for key, entry in _entries(block):
            if key > last_key:
                raise ValueError("a key in the wrong block")
            yield key, entry


def read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield a table's keys with their values, in ascending order.

    Raises:
        ValueError: it is damaged, cut short, no table, or holds more than MOST_TABLE_BYTES.
    """
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or not footer.endswith(_MAGIC):
        raise ValueError("it does not end as a table does")
    metaindex, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    _block(data, metaindex, MOST_TABLE_BYTES)  # nothing is in it, but its checksum counts
    last_key: bytes | None = None
    for key, value in _data_entries(data, index):
        if last_key is not None and key <= last_key:
            raise ValueError("keys out of order")
        last_key = key
        yield key, value
