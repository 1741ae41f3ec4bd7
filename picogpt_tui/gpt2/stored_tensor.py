"""A tensor as a file holds it: what the header says of it, whether it belongs to a GPT-2, and its numbers.

Both formats, safetensors and TensorFlow's, are read through here, so that both are held to the same rules. float32 is
used where it lies in the file; float16 and bfloat16 are widened to float32.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picogpt_tui.errors import WeightsError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.params import expected_shapes

_ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_AT_ONCE_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """What a checkpoint's header says of one tensor."""

    name: str
    """As in the file, prefix and all."""
    canonical: str | None
    """As `params.expected_shapes` spells it; None for a mask buffer, which is no weight."""
    shape: tuple[int, ...]
    dtype: str
    """safetensors' name: F32, F16, BF16, I64 ..."""
    start: int
    """First byte in the file."""


def n_bytes(shape: tuple[int, ...], dtype: str) -> int:
    """How many bytes a tensor takes in a file."""
    bits = int("".join(char for char in dtype.split("_")[0] if char.isdigit()) or 8)  # BOOL is a byte
    return math.prod(shape) * bits // 8


def matched(stored: Iterable[StoredTensor], config: GPT2Config, path: Path) -> dict[str, StoredTensor]:
    """The tensors that make a GPT-2 of this config, by canonical name; nothing else may be there but masks.

    Raises:
        WeightsError: a tensor is missing, unknown, there twice, or of another shape or dtype.
    """
    expected = expected_shapes(config)
    tied = {"lm_head.weight": expected["wte.weight"]}
    found: dict[str, StoredTensor] = {}
    for tensor in stored:
        name = tensor.canonical
        if name is None:
            continue
        if name in found:
            raise WeightsError(f"{path} holds {name} twice, with and without a prefix.", path, tensor.name)
        shape = (expected | tied).get(name)
        if shape is None:
            raise WeightsError(f"{path} holds {tensor.name!r}, which no GPT-2 of this config has.", path, tensor.name)
        if tensor.shape != shape:
            message = f"{path}: {tensor.name} has shape {list(tensor.shape)}, the config asks for {list(shape)}."
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


def finite_until(mapped: mmap.mmap, tensors: Sequence[StoredTensor]) -> int:
    """Look at the numbers of the first tensors at once, as far as they lie end to end as float32.

    Beside Python that computes each look waits for its turn, so that few are better than one a tensor.

    Args:
        mapped: the file.
        tensors: in its order, at least one.

    Returns:
        The byte up to which all are finite; the first one's start where that is not known.
    """
    start = end = tensors[0].start
    for tensor in tensors:
        stop = tensor.start + n_bytes(tensor.shape, tensor.dtype)
        if tensor.dtype != "F32" or tensor.start != end or start % 4 or (end > start and stop - start > _AT_ONCE_BYTES):
            break
        end = stop
    return end if _sum_is_finite(np.frombuffer(mapped, "<f4", (end - start) // 4, start)) else start


def read_values(mapped: mmap.mmap, tensor: StoredTensor, path: Path, *, is_finite: bool = False) -> FloatArray:
    """One tensor as float32: a view of the file's bytes where it is stored so, a copy otherwise.

    Args:
        mapped: the file.
        tensor: where and how it is stored.
        path: the file's, for what is wrong with it.
        is_finite: whether its numbers were looked at already.

    Raises:
        WeightsError: it holds nan or infinity.
    """
    stored = np.frombuffer(mapped, np.uint8, n_bytes(tensor.shape, tensor.dtype), tensor.start)
    if tensor.start % _ITEM_BYTES[tensor.dtype]:
        stored = stored.copy()  # numbers that straddle their natural addresses are slow, and BLAS refuses them
    if tensor.dtype == "F32":
        values: FloatArray = stored.view("<f4")
    elif tensor.dtype == "F16":
        values = stored.view("<f2").astype(np.float32)
    else:  # bfloat16 is the upper half of a float32
        values = (stored.view("<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    if not is_finite and not _sum_is_finite(values) and not np.isfinite(values).all():
        count = int(np.count_nonzero(~np.isfinite(values)))
        message = f"{path}: {tensor.name} holds {count:,} values that are nan or infinite; fetch the file again."
        raise WeightsError(message, path, tensor.name)
    return values.reshape(tensor.shape)


def _sum_is_finite(values: FloatArray) -> bool:
    # a sum is finite unless an element is not (or it overflows), and costs a fraction of isfinite
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.add.reduce(values)))
