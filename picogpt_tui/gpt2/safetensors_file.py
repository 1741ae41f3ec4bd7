"""The header of a safetensors file.

The safetensors library checks it (https://github.com/huggingface/safetensors#format: eight bytes of length, a JSON
object, then the tensors end to end, without holes). No pickle is ever read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from picogpt_tui.errors import WeightsError
from picogpt_tui.gpt2.stored_tensor import StoredTensor, n_bytes

WEIGHTS_FILE = "model.safetensors"
_MASKS = (".attn.bias", ".attn.masked_bias")  # buffers of older checkpoints, not weights


def canonical_name(name: str) -> str | None:
    """A stored tensor's name without its prefix, or None for a mask buffer."""
    if name.endswith(_MASKS):
        return None
    return name.removeprefix("transformer.")


def stored_tensors(path: Path) -> list[StoredTensor]:
    """List a file's tensors, in file order, without reading them.

    Raises:
        WeightsError: it is damaged, or may not be read.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            start = 8 + int.from_bytes(_first_bytes(path), "little")
            return list(_end_to_end(file, start))
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or cut short ({error}); fetch it again.", path) from error
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error


def read_metadata(path: Path) -> dict[str, str]:
    """What a file's header says besides its tensors.

    Raises:
        WeightsError: it is damaged, or may not be read.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or cut short ({error}); fetch it again.", path) from error
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}.", path) from error


def _first_bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(8)


def _end_to_end(file: Any, start: int) -> Iterator[StoredTensor]:
    # subtle: the library has checked that the tensors lie end to end, so their starts are running sums
    for name in file.offset_keys():
        tensor = file.get_slice(name)
        shape, dtype = tuple(tensor.get_shape()), str(tensor.get_dtype())
        yield StoredTensor(name, canonical_name(name), shape, dtype, start)
        start += n_bytes(shape, dtype)
