"""TensorFlow checkpoints, written byte by byte as TensorFlow writes them, whole or with something wrong.

What is written here is held against files that TensorFlow wrote: see tests/golden/make_tf_golden.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from picogpt_tui.gpt2.crc32c import crc32c, mask
from picogpt_tui.gpt2.tf_checkpoint import DATA_FILE, INDEX_FILE

Pairs = list[tuple[bytes, bytes]]

DTYPES = {"<f4": 1, "<f8": 2, "<i4": 3, "<i8": 9, "<f2": 19}
HEADER = b"\x08\x01\x1a\x02\x08\x01"
"""One shard, little-endian, written by version 1."""


@dataclass(frozen=True)
class Entry:
    """A tensor as the index has it."""

    name: str
    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int = 0
    dtype: int = 1
    shard: int = 0
    is_partitioned: bool = False

    @property
    def message(self) -> bytes:
        """BundleEntryProto; zeros are not written."""
        dims = b"".join(field(2, field(1, size)) for size in self.shape)
        numbers = field(1, self.dtype) + field(2, dims) + field(3, self.shard) + field(4, self.offset)
        checksum = b"\x35" + mask(self.crc).to_bytes(4, "little")
        return numbers + field(5, self.size) + checksum + (field(7, b"\x0a\x00") if self.is_partitioned else b"")


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer; nothing for a zero."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value) if value else b""


def pack(data: bytes) -> bytes:
    """Snappy, raw: every piece of at least four bytes that stood within 64 KB before is a copy."""
    out, seen, start, at = bytearray(varint(len(data))), dict[bytes, int](), 0, 0
    while at + 4 <= len(data):
        before = seen.get(data[at : at + 4])
        seen[data[at : at + 4]] = at
        if before is None or at - before >= 2**16:
            at += 1
            continue
        length = 4
        while length < 64 and at + length < len(data) and data[before + length] == data[at + length]:
            length += 1
        out += _literal(data[start:at]) + bytes([length - 1 << 2 | 2]) + (at - before).to_bytes(2, "little")
        start = at = at + length
    return bytes(out + _literal(data[start:]))


def _literal(data: bytes) -> bytes:
    if not data:
        return b""
    if len(data) <= 60:
        return bytes([len(data) - 1 << 2]) + data
    n_more = -(-(len(data) - 1).bit_length() // 8)
    return bytes([59 + n_more << 2]) + (len(data) - 1).to_bytes(n_more, "little") + data


def block(pairs: Pairs, restart_interval: int = 16) -> bytes:
    """Keys that share their beginnings, and the places of those written in full."""
    out, restarts, last = bytearray(), [0], b""
    for index, (key, value) in enumerate(pairs):
        if index and index % restart_interval == 0:
            restarts.append(len(out))
            last = b""
        n_shared = 0
        while key[n_shared : n_shared + 1] == last[n_shared : n_shared + 1] != b"":
            n_shared += 1
        out += varint(n_shared) + varint(len(key) - n_shared) + varint(len(value)) + key[n_shared:] + value
        last = key
    return bytes(out) + b"".join(number.to_bytes(4, "little") for number in [*restarts, len(restarts)])


def table(
    pairs: Pairs, *, snappy: bool = False, restart_interval: int = 16, block_size: int = 2**18, kind: int | None = None
) -> bytes:
    """A LevelDB table.

    Args:
        pairs: keys with values, in order.
        snappy: whether to pack the data blocks.
        restart_interval: every how many keys one is written in full.
        block_size: a data block ends once it is that long.
        kind: the type that data blocks say they are of, where it shall be a wrong one.
    """
    out = bytearray()

    def stored(raw: bytes, kind: int = 0) -> bytes:
        """Append a block; the value that leads to it."""
        handle = varint(len(out)) + varint(len(raw))
        out.extend(raw + bytes([kind]))
        out.extend(mask(crc32c(raw + bytes([kind]))).to_bytes(4, "little"))
        return handle

    index: Pairs = []
    groups = list(_groups(pairs, block_size))
    for number, group in enumerate(groups):
        raw = block(group, restart_interval)
        is_last = number == len(groups) - 1
        key = _successor(group[-1][0]) if is_last else group[-1][0]
        index.append((key, stored(pack(raw) if snappy else raw, int(snappy) if kind is None else kind)))
    handles = stored(block([])) + stored(block(index, 1))
    return bytes(out) + handles.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def _groups(pairs: Pairs, block_size: int) -> Iterable[Pairs]:
    group: Pairs = []
    for pair in pairs:
        group.append(pair)
        if len(block(group)) >= block_size:
            yield group
            group = []
    if group:
        yield group


def _successor(key: bytes) -> bytes:
    """The shortest key that is not below this one, as LevelDB finds it."""
    for at, byte in enumerate(key):
        if byte != 0xFF:
            return key[:at] + bytes([byte + 1])
    return key


def index_pairs(entries: Iterable[Entry], header: bytes = HEADER) -> Pairs:
    """What the table of an index holds."""
    return [(b"", header), *sorted((entry.name.encode(), entry.message) for entry in entries)]


def entries_of(tensors: Mapping[str, npt.NDArray[Any]]) -> list[Entry]:
    """The entries of tensors that lie one behind the other in the order of their names."""
    entries, offset = [], 0
    for name in sorted(tensors):
        raw, dtype = tensors[name].tobytes(), DTYPES[tensors[name].dtype.newbyteorder("<").str]
        entries.append(Entry(name, tensors[name].shape, offset, len(raw), crc32c(raw), dtype))
        offset += len(raw)
    return entries


def entries_of_shapes(shapes: Mapping[str, tuple[int, ...]]) -> list[Entry]:
    """`entries_of` float32 tensors whose numbers nobody has."""
    entries, offset = [], 0
    for name in sorted(shapes):
        entries.append(Entry(name, shapes[name], offset, 4 * math.prod(shapes[name])))
        offset += entries[-1].size
    return entries


def openai_name(name: str) -> str:
    """`h.0.attn.c_attn.weight` -> `model/h0/attn/c_attn/w`."""
    *parts, kind = re.sub(r"^h\.", "h", name).split(".")
    if parts[0] in ("wte", "wpe"):
        return f"model/{parts[0]}"
    is_norm = parts[-1].startswith("ln_")
    return "/".join(["model", *parts, "b" if kind == "bias" else "g" if is_norm else "w"])


def openai_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Matrices but the embeddings are the kernels of convolutions of width 1."""
    return (1, *shape) if openai_name(name).endswith("/w") else shape


def openai_tensors(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Tensors as OpenAI's code names and shapes them."""
    return {openai_name(name): values.reshape(openai_shape(name, values.shape)) for name, values in tensors.items()}


def write_checkpoint(directory: Path, tensors: Mapping[str, npt.NDArray[Any]], **options: Any) -> Path:
    """Write the pair of files; `options` are those of `table`. Names and shapes are written as they are."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / DATA_FILE).write_bytes(b"".join(tensors[name].tobytes() for name in sorted(tensors)))
    write_index(directory, entries_of(tensors), **options)
    return directory


def write_index(directory: Path, entries: Iterable[Entry], header: bytes = HEADER, **options: Any) -> None:
    """Write an index of these entries; `options` are those of `table`."""
    (directory / INDEX_FILE).write_bytes(table(index_pairs(entries, header), **options))
