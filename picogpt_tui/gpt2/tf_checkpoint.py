"""OpenAI's own GPT-2 checkpoints, as TensorFlow saved them ("bundles"), read without TensorFlow.

`model.ckpt.index` is a LevelDB table of protocol buffers, one for each tensor: name, shape, dtype, place and checksum.
`model.ckpt.data-00000-of-00001` is the numbers, row by row. The messages and their field numbers:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto ; the names:
https://github.com/openai/gpt-2/blob/master/src/model.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from picogpt_tui.errors import CheckpointError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.crc32c import crc32c, unmask
from picogpt_tui.gpt2.leveldb_table import MOST_TABLE_BYTES, read_table
from picogpt_tui.gpt2.protobuf import Fields, messages, number, read_fields
from picogpt_tui.gpt2.stored_tensor import StoredTensor, n_bytes

INDEX_FILE = "model.ckpt.index"
DATA_FILE = "model.ckpt.data-00000-of-00001"
_PIECE_BYTES = 2**24  # what a check reads at once, and how soon it can be stopped
_OUR_VERSION = 1
# tensorflow/core/framework/types.proto, by safetensors' names
_DTYPES = {
    1: "F32", 2: "F64", 3: "I32", 4: "U8", 5: "I16", 6: "I8", 9: "I64", 10: "BOOL", 14: "BF16", 17: "U16", 19: "F16",
    22: "U32", 23: "U64",
}  # fmt: skip
_OUTSIDE_BLOCKS = {
    "model/wte": "wte.weight",
    "model/wpe": "wpe.weight",
    "model/ln_f/g": "ln_f.weight",
    "model/ln_f/b": "ln_f.bias",
}
_IN_BLOCK = {
    "ln_1/g": "ln_1.weight",
    "ln_1/b": "ln_1.bias",
    "attn/c_attn/w": "attn.c_attn.weight",
    "attn/c_attn/b": "attn.c_attn.bias",
    "attn/c_proj/w": "attn.c_proj.weight",
    "attn/c_proj/b": "attn.c_proj.bias",
    "ln_2/g": "ln_2.weight",
    "ln_2/b": "ln_2.bias",
    "mlp/c_fc/w": "mlp.c_fc.weight",
    "mlp/c_fc/b": "mlp.c_fc.bias",
    "mlp/c_proj/w": "mlp.c_proj.weight",
    "mlp/c_proj/b": "mlp.c_proj.bias",
}
_BLOCK = re.compile(r"model/h([0-9]+)/(.+)")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index says of one tensor."""

    tensor: StoredTensor
    size_bytes: int
    crc: int
    """CRC32C of its bytes."""


def canonical_name(name: str) -> str:
    """A tensor's name as safetensors files have it; one that is no GPT-2's stays as it is.

    canonical_name("model/h0/attn/c_attn/w") == "h.0.attn.c_attn.weight"
    """
    found = _BLOCK.fullmatch(name)
    if found and found[2] in _IN_BLOCK:
        return f"h.{found[1]}.{_IN_BLOCK[found[2]]}"
    return _OUTSIDE_BLOCKS.get(name, name)


def read_index(directory: Path) -> list[IndexEntry]:
    """List the tensors of a model directory's checkpoint, in the order of their numbers, without reading those.

    Raises:
        CheckpointError: a file of the two is missing, damaged, cut short, or of a kind that GPT-2's are not
            (big-endian, in several shards, with partitioned tensors).
    """
    path = directory / INDEX_FILE
    raw, n_data_bytes = _read(path), _size(directory / DATA_FILE)
    try:
        table = read_table(raw)
        name, header = next(table, (b"", b""))
        if name or not header:
            raise ValueError("it has no header")
        _check_header(read_fields(header), path)
        entries = [_entry(name.decode("utf-8"), read_fields(value), path) for name, value in table]
        entries.sort(key=lambda entry: entry.tensor.start)
        n_expected = _end(entries)
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged or cut short ({error}); fetch it again.", path) from error
    if n_data_bytes != n_expected:
        data = directory / DATA_FILE
        message = f"{data} holds {n_data_bytes:,} bytes, {INDEX_FILE} asks for {n_expected:,}; fetch both again."
        raise CheckpointError(message, data)
    return entries


def check_tensors(directory: Path) -> Iterator[Progress]:
    """Check every tensor of a model directory's checkpoint against its checksum; yields bytes done, and of which.

    Only a piece of the file is in memory at a time, and a caller that stops asking stops the check.

    Raises:
        CheckpointError: a tensor is damaged, or the checkpoint as a whole is; see `read_index`.
    """
    path, entries = directory / DATA_FILE, read_index(directory)
    done, total = 0, sum(entry.size_bytes for entry in entries)
    try:
        with open(path, "rb") as file:
            for entry in entries:
                name, crc = entry.tensor.name, 0
                for piece in _pieces(file, entry):
                    yield Progress("checking", done, total, name)
                    crc = crc32c(piece, crc)
                    done += len(piece)
                if crc != entry.crc:
                    message = f"{path}: {name!r} does not match its checksum; fetch the file again."
                    raise CheckpointError(message, path, name)
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.", path) from error
    yield Progress("checking", total, total)


def _read(path: Path) -> bytes:
    """An index file's bytes."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MOST_TABLE_BYTES + 1)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent} holds no {path.name}.", path.parent) from error
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.", path) from error
    if len(raw) > MOST_TABLE_BYTES:
        raise CheckpointError(f"{path} is larger than any GPT-2's ({MOST_TABLE_BYTES:,} bytes).", path)
    return raw


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent} holds no {path.name}.", path.parent) from error
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.", path) from error


def _check_header(header: Fields, path: Path) -> None:
    """BundleHeaderProto: 1 num_shards, 2 endianness, 3 version {2 min_consumer}."""
    if (n_shards := number(header, 1)) != 1:
        raise CheckpointError(f"{path} is in {n_shards} shards; save the checkpoint in one.", path)
    if number(header, 2):
        raise CheckpointError(f"{path} is big-endian; save the checkpoint on a little-endian machine.", path)
    for version in messages(header, 3):
        if (needs := number(version, 2)) > _OUR_VERSION:
            raise CheckpointError(f"{path} asks for a reader of version {needs}; this is {_OUR_VERSION}.", path)


def _entry(name: str, fields: Fields, path: Path) -> IndexEntry:
    """BundleEntryProto: 1 dtype, 2 shape {2 dim {1 size}}, 3 shard_id, 4 offset, 5 size, 6 crc32c, 7 slices."""
    if 7 in fields:
        raise CheckpointError(f"{path}: {name!r} is partitioned; save it in one piece.", path, name)
    if shard := number(fields, 3):
        raise ValueError(f"{name!r} is in shard {shard} of 1")
    code, size_bytes = number(fields, 1), number(fields, 5)
    shape = tuple(number(dim, 1) for message in messages(fields, 2) for dim in messages(message, 2))
    if code in _DTYPES and n_bytes(shape, _DTYPES[code]) != size_bytes:
        raise ValueError(f"{name!r} of shape {list(shape)} has {size_bytes:,} bytes")
    # OpenAI's matrices are the kernels of convolutions of width 1
    is_kernel = name.endswith("/w") and len(shape) == 3 and shape[0] == 1
    tensor = StoredTensor(
        name,
        canonical_name(name),
        shape[1:] if is_kernel else shape,
        _DTYPES.get(code, f"TensorFlow's type {code}"),
        number(fields, 4),
    )
    return IndexEntry(tensor, size_bytes, unmask(number(fields, 6)))


def _end(entries: list[IndexEntry]) -> int:
    """Where the last of the entries ends, which are in the order of their numbers."""
    end = 0
    for entry in entries:
        if entry.tensor.start < end:
            raise ValueError(f"{entry.tensor.name!r} overlaps another tensor")
        end = entry.tensor.start + entry.size_bytes
    return end


def _pieces(file: BinaryIO, entry: IndexEntry) -> Iterator[bytes]:
    """The bytes of a tensor; fewer where the file has become shorter."""
    file.seek(entry.tensor.start)
    n_left = entry.size_bytes
    while n_left and (piece := file.read(min(n_left, _PIECE_BYTES))):
        n_left -= len(piece)
        yield piece
