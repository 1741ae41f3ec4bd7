"""A safetensors directory to params, with every name and shape checked before a number is used.

The safetensors library checks the header (https://github.com/huggingface/safetensors#format: eight bytes of length, a
JSON object, then the tensors end to end, without holes). float32 is used where it lies in the file, memory-mapped;
float16 and bfloat16 are widened to float32. No pickle is ever read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from picogpt_tui.errors import WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.params import FloatArray, Params, expected_shapes, params_from_tensors

WEIGHTS_FILE = "model.safetensors"
_ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_MASKS = (".attn.bias", ".attn.masked_bias")  # buffers of older checkpoints, not weights


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """What a checkpoint's header says of one tensor."""

    name: str
    """As in the file, prefix and all."""
    shape: tuple[int, ...]
    dtype: str
    """safetensors' name: F32, F16, BF16, I64 ..."""
    start: int
    """First byte in the file."""


def read_header(directory: Path) -> list[StoredTensor]:
    """List the tensors of a model directory's weights file, in file order, without reading them.

    Raises:
        WeightsError: there is no such file, or it is damaged.
    """
    path = directory / WEIGHTS_FILE
    if not path.is_file():
        raise WeightsError(_why_no_weights(directory), directory)
    try:
        with safe_open(path, framework="numpy") as file:
            start = 8 + int.from_bytes(_first_bytes(path), "little")
            return list(_stored_tensors(file, start))
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or cut short ({error}); fetch it again.", path) from error
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error


def load_params(directory: Path, config: GPT2Config) -> Iterator[Progress | Params]:
    """Read a model directory's weights: yields Progress for every tensor, and the params last.

    Raises:
        WeightsError: a tensor is missing, unknown, of another shape or dtype, or holds nan or infinity.
    """
    path = directory / WEIGHTS_FILE
    stored = _checked(read_header(directory), config, path)
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    tensors: dict[str, FloatArray] = {}
    for index, (name, tensor) in enumerate(stored.items()):
        yield Progress("loading", index, len(stored), name)
        tensors[name] = _checked_finite(_read(raw, tensor), tensor.name, path)
    lm_head = tensors.pop("lm_head.weight", None)
    if lm_head is not None and not np.array_equal(lm_head, tensors["wte.weight"]):
        raise WeightsError(f"{path}: lm_head.weight differs from wte.weight; GPT-2 ties them.", path, "lm_head.weight")
    yield Progress("loading", len(stored), len(stored))
    yield params_from_tensors(tensors, config)


def weights_digest(directory: Path) -> str:
    """SHA-256 of the weights file, hex: says whether two sessions ran on the same model."""
    with open(directory / WEIGHTS_FILE, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_name(name: str) -> str | None:
    """A stored tensor's name without its prefix, or None for a mask buffer."""
    if name.endswith(_MASKS):
        return None
    return name.removeprefix("transformer.")


def _first_bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(8)


def _stored_tensors(file: Any, start: int) -> Iterator[StoredTensor]:
    # subtle: the library has checked that the tensors lie end to end, so their starts are running sums
    for name in file.offset_keys():
        tensor = file.get_slice(name)
        shape, dtype = tuple(tensor.get_shape()), str(tensor.get_dtype())
        yield StoredTensor(name, shape, dtype, start)
        start += _n_bytes(shape, dtype)


def _n_bytes(shape: tuple[int, ...], dtype: str) -> int:
    bits = int("".join(char for char in dtype.split("_")[0] if char.isdigit()) or 8)  # BOOL is a byte
    return int(np.prod(shape, dtype=np.int64)) * bits // 8


def _why_no_weights(directory: Path) -> str:
    if (directory / f"{WEIGHTS_FILE}.index.json").is_file():
        return f"{directory} holds sharded weights; join them into one {WEIGHTS_FILE}."
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt*")):
        return f"{directory} holds pickled weights only, which are never read; convert them to {WEIGHTS_FILE}."
    return f"{directory} holds no {WEIGHTS_FILE}."


def _checked(stored: list[StoredTensor], config: GPT2Config, path: Path) -> dict[str, StoredTensor]:
    """The tensors that make a GPT-2 of this config, by canonical name."""
    expected = expected_shapes(config)
    tied = {"lm_head.weight": expected["wte.weight"]}
    found: dict[str, StoredTensor] = {}
    for tensor in stored:
        name = canonical_name(tensor.name)
        if name is None:
            continue
        if name in found:
            raise WeightsError(f"{path} holds {name} twice, with and without a prefix.", path, tensor.name)
        shape = (expected | tied).get(name)
        if shape is None:
            raise WeightsError(f"{path} holds {tensor.name!r}, which no GPT-2 of this config has.", path, tensor.name)
        if tensor.shape != shape:
            message = f"{path}: {tensor.name} has shape {list(tensor.shape)}, config.json asks for {list(shape)}."
            raise WeightsError(message, path, tensor.name)
        if tensor.dtype not in _ITEM_BYTES:
            kinds = "float32, float16 or bfloat16"
            raise WeightsError(f"{path}: {tensor.name} is stored as {tensor.dtype}, not {kinds}.", path, tensor.name)
        found[name] = tensor
    missing = [name for name in expected if name not in found]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WeightsError(f"{path} lacks the tensor {missing[0]}{more}.", path, missing[0])
    return found


def _read(raw: npt.NDArray[np.uint8], tensor: StoredTensor) -> FloatArray:
    """One tensor as float32: a view of the file where it is stored so, a copy otherwise."""
    n_bytes = _n_bytes(tensor.shape, tensor.dtype)
    stored = np.asarray(raw[tensor.start : tensor.start + n_bytes])
    if tensor.start % _ITEM_BYTES[tensor.dtype]:
        stored = stored.copy()  # numbers that straddle their natural addresses are slow, and BLAS refuses them
    if tensor.dtype == "F32":
        values: FloatArray = stored.view("<f4")
    elif tensor.dtype == "F16":
        values = stored.view("<f2").astype(np.float32)
    else:  # bfloat16 is the upper half of a float32
        values = (stored.view("<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.reshape(tensor.shape)


def _checked_finite(values: FloatArray, name: str, path: Path) -> FloatArray:
    # subtle: a sum is finite unless an element is not (or it overflows), and costs a fraction of isfinite
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    if not np.isfinite(total) and not np.isfinite(values).all():
        count = int(np.count_nonzero(~np.isfinite(values)))
        message = f"{path}: {name} holds {count:,} values that are nan or infinite; fetch the file again."
        raise WeightsError(message, path, name)
    return values
