"""A model directory's weights to params, with every name and shape checked before a number is used.

The door to both formats: `model.safetensors`, or the pair of files that OpenAI published (`tf_checkpoint`). Where both
are, safetensors is read. float32 is used where it lies in the file, memory-mapped; float16 and bfloat16 are widened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from picogpt_tui.errors import WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.params import FloatArray, Params, params_from_tensors
from picogpt_tui.gpt2.safetensors_file import WEIGHTS_FILE, stored_tensors
from picogpt_tui.gpt2.stored_tensor import StoredTensor, matched, read_values
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
    path, stored = weights_file(directory), read_tensors(directory, config)
    raw = _mapped(path)
    tensors: dict[str, FloatArray] = {}
    for index, (name, tensor) in enumerate(stored.items()):
        yield Progress("loading", index, len(stored), name)
        tensors[name] = read_values(raw, tensor, path)
    lm_head = tensors.pop("lm_head.weight", None)
    if lm_head is not None and not np.array_equal(lm_head, tensors["wte.weight"]):
        raise WeightsError(f"{path}: lm_head.weight differs from wte.weight; GPT-2 ties them.", path, "lm_head.weight")
    yield Progress("loading", len(stored), len(stored))
    yield params_from_tensors(tensors, config)


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


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    try:
        return np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error


def _why_no_weights(directory: Path) -> str:
    if (directory / f"{WEIGHTS_FILE}.index.json").is_file():
        return f"{directory} holds sharded weights; join them into one {WEIGHTS_FILE}."
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt*")):
        return f"{directory} holds pickled weights only, which are never read; convert them to {WEIGHTS_FILE}."
    return f"{directory} holds no {WEIGHTS_FILE}, nor OpenAI's {INDEX_FILE} with {DATA_FILE}."
