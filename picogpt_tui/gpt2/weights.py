"""A model directory's weights to params, with every name and shape checked before a number is used.

The door to both formats: `model.safetensors`, or the pair of files that OpenAI published (`tf_checkpoint`). Where both
are, safetensors is read. float32 is used where it lies in the file, memory-mapped, the matrices of the blocks until
tokens come one at a time (`float_matrix`); float16 and bfloat16 are widened.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from picogpt_tui.errors import WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.float_matrix import FloatMatrix
from picogpt_tui.gpt2.params import Matrix, Params, expected_shapes, is_matrix, params_from_tensors
from picogpt_tui.gpt2.safetensors_file import WEIGHTS_FILE, stored_tensors
from picogpt_tui.gpt2.stored_tensor import StoredTensor, finite_until, matched, n_bytes, read_values
from picogpt_tui.gpt2.tf_checkpoint import DATA_FILE, INDEX_FILE, check_tensors, read_index


def weights_file(directory: Path) -> Path:
    """The file of a model directory that holds the numbers.

    Raises:
        WeightsError: there is none.
    """
    if (directory / WEIGHTS_FILE).is_file():
        return directory / WEIGHTS_FILE
    if (directory / INDEX_FILE).is_file() or (directory / DATA_FILE).is_file():
        return directory / DATA_FILE
    raise WeightsError(_why_no_weights(directory), directory)


def read_header(directory: Path) -> list[StoredTensor]:
    """List the tensors of a model directory's weights, in the order of their numbers, without reading those.

    Raises:
        WeightsError: there are none, or they are damaged; a CheckpointError where they are TensorFlow's.
    """
    path = weights_file(directory)
    if path.name == DATA_FILE:
        return [entry.tensor for entry in read_index(directory)]
    return stored_tensors(path)


def read_tensors(directory: Path, config: GPT2Config) -> dict[str, StoredTensor]:
    """The header's tensors by canonical name, of which none is missing, unknown, or of another shape or dtype.

    Raises:
        WeightsError: one is, by its name.
    """
    return matched(read_header(directory), config, weights_file(directory))


def load_params(directory: Path, config: GPT2Config) -> Iterator[Progress | Params]:
    """Read a model directory's weights: yields Progress for every tensor, and the params last.

    Raises:
        WeightsError: a tensor is missing, unknown, of another shape or dtype, or holds nan or infinity.
    """
    tensors: dict[str, Matrix] = {}
    total = len(expected_shapes(config))
    for index, tensor in enumerate(each_tensor(directory, config)):
        yield Progress("loading", index, total, tensor.name)
        is_turned = is_matrix(tensor.name) and tensor.name != "wte.weight"  # which is read row by row as it is
        tensors[tensor.name] = FloatMatrix(tensor.values, tensor.let_go) if is_turned else tensor.values
    yield Progress("loading", total, total)
    yield params_from_tensors(tensors, config)


@dataclass(frozen=True, slots=True)
class ReadTensor:
    """A tensor of a file that is mapped into memory."""

    name: str
    values: FloatArray
    let_go: Callable[[], None]
    """Takes the file's bytes out of this process's memory, once they are copied; whoever looks at them again has them
    read again."""


def each_tensor(directory: Path, config: GPT2Config) -> Iterator[ReadTensor]:
    """The weights of a model directory one by one, in the order of the file, checked.

    Raises:
        WeightsError: a tensor is missing, unknown, of another shape or dtype, or holds nan or infinity.
    """
    path, stored = weights_file(directory), read_tensors(directory, config)
    mapped = _map(path)
    lm_head = stored.pop("lm_head.weight", None)
    if lm_head is not None:
        wte, other = (read_values(mapped, one, path) for one in (stored["wte.weight"], lm_head))
        if not np.array_equal(wte, other):
            message = f"{path}: lm_head.weight differs from wte.weight; GPT-2 ties them."
            raise WeightsError(message, path, "lm_head.weight")
        _let_go(mapped, lm_head)
    tensors, finite_end = list(stored.values()), 0
    for index, (name, tensor) in enumerate(stored.items()):
        if tensor.start >= finite_end:
            finite_end = finite_until(mapped, tensors[index:])
        values = read_values(mapped, tensor, path, is_finite=tensor.start < finite_end)
        yield ReadTensor(name, values, partial(_let_go, mapped, tensor))


def check_weights(directory: Path, config: GPT2Config) -> Iterator[Progress]:
    """Check a model directory's weights as far as can be told without loading them: yields bytes done.

    Names, shapes and dtypes are checked at the first step; TensorFlow's checkpoints have a checksum for every tensor
    too, and those are checked from there on. safetensors has none.

    Raises:
        WeightsError: what is wrong; a CheckpointError where a tensor does not match its checksum.
    """
    read_tensors(directory, config)
    path = weights_file(directory)
    if path.name == DATA_FILE:
        yield from check_tensors(directory)
    else:
        size_bytes = path.stat().st_size
        yield Progress("checking", size_bytes, size_bytes)


def weights_digest(directory: Path) -> str:
    """SHA-256 of `weights_file`, hex: says whether two sessions ran on the same model.

    Raises:
        WeightsError: the file is not there any more, or may not be read.
    """
    path = weights_file(directory)
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error


def _map(path: Path) -> mmap.mmap:
    """A file's bytes as memory, which the system reads when they are looked at.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: it is empty
        why = error.strerror if isinstance(error, OSError) else error
        raise WeightsError(f"Cannot read {path}: {why or error}.", path) from error


def _let_go(mapped: mmap.mmap, tensor: StoredTensor) -> None:
    if hasattr(mapped, "madvise"):
        start = -(-tensor.start // mmap.PAGESIZE) * mmap.PAGESIZE
        length = tensor.start + n_bytes(tensor.shape, tensor.dtype) - start
        if length > 0:
            mapped.madvise(mmap.MADV_DONTNEED, start, length)


def _why_no_weights(directory: Path) -> str:
    if (directory / f"{WEIGHTS_FILE}.index.json").is_file():
        return f"{directory} holds sharded weights; join them into one {WEIGHTS_FILE}."
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt*")):
        return f"{directory} holds pickled weights only, which are never read; convert them to {WEIGHTS_FILE}."
    return f"{directory} holds no {WEIGHTS_FILE}, nor OpenAI's {INDEX_FILE} with {DATA_FILE}."
