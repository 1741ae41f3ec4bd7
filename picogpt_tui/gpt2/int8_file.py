"""A quantized model as a file, made once so that it need not be quantized at every start.

A safetensors file of the same names: `h.0.mlp.c_fc.weight` is int8 [n_out, n_in], `h.0.mlp.c_fc.scale` its float32
[n_out], what is not quantized stays float32. The metadata say of which weights it was made and give each tensor's
CRC-32, so that a file that is stale or damaged is found out at load. Written tensor by tensor: making one takes little
more memory than its largest matrix.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from picogpt_tui.errors import FileError, WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.int8 import Int8Matrix, quantize
from picogpt_tui.gpt2.params import Matrix, Params, expected_shapes, is_matrix, params_from_tensors
from picogpt_tui.gpt2.safetensors_file import read_metadata, stored_tensors
from picogpt_tui.gpt2.stored_tensor import StoredTensor
from picogpt_tui.gpt2.weights import each_tensor, weights_digest, weights_file

INT8_FILE = "model-int8.safetensors"
_FORMAT = "picogpt-int8-1"
_DTYPES: dict[str, type[np.generic]] = {"I8": np.int8, "F32": np.float32}


@dataclass(frozen=True, slots=True)
class Source:
    """Which weights a file was made of."""

    directory: Path
    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, directory: Path) -> Source:
        """The weights of a model directory as they are now.

        Raises:
            WeightsError: there are none.
        """
        path = weights_file(directory)
        try:
            stat = path.stat()
        except OSError as error:
            raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error
        return cls(directory, stat.st_size, stat.st_mtime_ns)

    def is_told_by(self, metadata: dict[str, str]) -> bool:
        """Whether a file with these metadata was made of these weights: by time and size, else by their digest."""
        if metadata.get("source_bytes") != str(self.size_bytes):
            return False
        is_untouched = metadata.get("source_mtime_ns") == str(self.mtime_ns)
        return is_untouched or metadata.get("source_sha256") == weights_digest(self.directory)

    def metadata(self) -> dict[str, str]:
        """What a file made of them says."""
        return {
            "source_bytes": str(self.size_bytes),
            "source_mtime_ns": str(self.mtime_ns),
            "source_sha256": weights_digest(self.directory),
        }


def int8_params(directory: Path, config: GPT2Config, files: Sequence[Path]) -> Iterator[Progress | Params]:
    """A model directory's weights in int8: from the first of `files` that is there, else quantized in memory.

    A file that is stale or damaged is made anew, if it can be. Yields Progress for every tensor, and the params last.

    Raises:
        WeightsError: see `weights.load_params`.
    """
    source = Source.of(directory)
    for path in files:
        if not path.is_file():
            continue
        try:
            yield from read_int8(path, config, source)
        except WeightsError:
            try:
                yield from write_int8(directory, config, path)
                yield from read_int8(path, config, source)
            except FileError:
                break
        return
    yield from quantized_params(directory, config)


def write_int8(directory: Path, config: GPT2Config, path: Path) -> Iterator[Progress]:
    """Quantize a model directory's weights into a file, whole or not at all: yields Progress for every tensor.

    Raises:
        WeightsError: the weights cannot be read.
        FileError: the file cannot be written; what was there before is untouched.
    """
    source = Source.of(directory)
    yield Progress("quantizing", 0, len(expected_shapes(config)), "")  # to hash gigabytes takes seconds
    metadata = {"format": _FORMAT, **source.metadata()}
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield from _write_tensors(file, directory, config, metadata)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise FileError("write", path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def read_int8(path: Path, config: GPT2Config, source: Source) -> Iterator[Progress | Params]:
    """Read such a file: yields Progress for every tensor, and the params last.

    Raises:
        WeightsError: it is not there, damaged, of another config, or was made of other weights than `source`.
    """
    stored = {tensor.name: tensor for tensor in stored_tensors(path)}
    metadata = read_metadata(path)
    if metadata.get("format") != _FORMAT or not source.is_told_by(metadata):
        raise WeightsError(f"{path} was not made of the weights in {source.directory}.", path)
    layout = _layout(config)
    if {name: (tensor.shape, tensor.dtype) for name, tensor in stored.items()} != layout:
        raise WeightsError(f"{path} does not hold the tensors of its config.", path)
    checksums = _checksums(metadata, path)
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        with open(path, "rb", buffering=0) as file:
            for index, (name, tensor) in enumerate(stored.items()):
                yield Progress("loading", index, len(stored), name)
                arrays[name] = _read_tensor(file, tensor)
                if zlib.crc32(_bytes(arrays[name])) != checksums.get(name):
                    raise WeightsError(f"{path}: {name} is damaged.", path, name)
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error
    yield Progress("loading", len(stored), len(stored))
    yield params_from_tensors(_matrices(arrays), config)


def quantized_params(directory: Path, config: GPT2Config) -> Iterator[Progress | Params]:
    """Quantize a model directory's weights in memory: yields Progress for every tensor, and the params last.

    Raises:
        WeightsError: see `weights.load_params`.
    """
    tensors: dict[str, Matrix] = {}
    total = len(expected_shapes(config))
    for index, tensor in enumerate(each_tensor(directory, config)):
        yield Progress("quantizing", index, total, tensor.name)
        tensors[tensor.name] = (
            _quantized(tensor.name, tensor.values) if is_matrix(tensor.name) else tensor.values.copy()
        )
        tensor.let_go()
    yield Progress("quantizing", total, total)
    yield params_from_tensors(tensors, config)


def _quantized(name: str, values: npt.NDArray[np.float32]) -> Int8Matrix:
    return quantize(values if name == "wte.weight" else values.T)


def _scale_name(name: str) -> str:
    return f"{name.removesuffix('.weight')}.scale"


def _layout(config: GPT2Config) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every tensor of such a file, by name, in its order."""
    layout: dict[str, tuple[tuple[int, ...], str]] = {}
    for name, shape in expected_shapes(config).items():
        if is_matrix(name):
            rows = shape if name == "wte.weight" else shape[::-1]
            layout |= {name: (rows, "I8"), _scale_name(name): (rows[:1], "F32")}
        else:
            layout[name] = (shape, "F32")
    return layout


def _matrices(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Matrix]:
    """Rows and scales put together."""
    scales = {_scale_name(name) for name in arrays if is_matrix(name)}
    return {
        name: Int8Matrix(array, arrays[_scale_name(name)]) if is_matrix(name) else array
        for name, array in arrays.items()
        if name not in scales
    }


def _write_tensors(file: BinaryIO, directory: Path, config: GPT2Config, metadata: dict[str, str]) -> Iterator[Progress]:
    """The header, with room for the checksums; every tensor at its place; the header again, with them."""
    layout = _layout(config)
    starts, end = {}, 0
    for name, (shape, dtype) in layout.items():
        starts[name] = end
        end += int(np.prod(shape)) * np.dtype(_DTYPES[dtype]).itemsize
    checksums = dict.fromkeys(layout, 0)
    header = _header(layout, starts, end, metadata, checksums)
    file.write(header)
    total = len(expected_shapes(config))
    for index, tensor in enumerate(each_tensor(directory, config)):
        yield Progress("quantizing", index, total, tensor.name)
        parts: dict[str, npt.NDArray[Any]] = {tensor.name: tensor.values}
        if is_matrix(tensor.name):
            matrix = _quantized(tensor.name, tensor.values)
            parts = {tensor.name: matrix.rows, _scale_name(tensor.name): matrix.scales}
        for name, array in parts.items():
            raw = _bytes(np.ascontiguousarray(array))
            file.seek(len(header) + starts[name])
            file.write(raw)
            checksums[name] = zlib.crc32(raw)
        tensor.let_go()
    file.seek(0)
    file.write(_header(layout, starts, end, metadata, checksums))
    yield Progress("quantizing", total, total)


def _header(
    layout: dict[str, tuple[tuple[int, ...], str]],
    starts: dict[str, int],
    end: int,
    metadata: dict[str, str],
    checksums: dict[str, int],
) -> bytes:
    """As https://github.com/huggingface/safetensors#format says; as long whatever the checksums are."""
    ends = [*list(starts.values())[1:], end]
    fields: dict[str, Any] = {
        "__metadata__": metadata | {"crc32": json.dumps({name: f"{crc:08x}" for name, crc in checksums.items()})}
    }
    for (name, (shape, dtype)), stop in zip(layout.items(), ends, strict=True):
        fields[name] = {"dtype": dtype, "shape": shape, "data_offsets": [starts[name], stop]}
    text = json.dumps(fields).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _checksums(metadata: dict[str, str], path: Path) -> dict[str, int]:
    try:
        return {str(name): int(crc, 16) for name, crc in json.loads(metadata["crc32"]).items()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path} has no checksums.", path) from error


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _read_tensor(file: Any, tensor: StoredTensor) -> npt.NDArray[Any]:
    """Into memory of its own: it is read at every token, and mapped pages of 4096 bytes would be slower to look up."""
    array = np.empty(tensor.shape, dtype=_DTYPES[tensor.dtype])
    raw = _bytes(array)
    file.seek(tensor.start)
    done = 0
    while done < len(raw):  # the system gives at most 2 GiB at a time
        n = file.readinto(raw[done:])
        if not n:
            raise WeightsError(f"The file ends within {tensor.name}.", None, tensor.name)
        done += n
    return array
