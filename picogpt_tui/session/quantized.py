"""Where a model's int8 copy is kept: beside the model, or in a folder of our own where the model's is not ours.

Made once, on the user's wish; whoever loads the model in int8 afterwards finds it. Without it the weights are quantized
at every load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.errors import FileError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.int8_file import INT8_FILE, write_int8
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.gpt2.language_model import read_small_files
from picogpt_tui.hub.store import find_model, is_foreign


def int8_files(directory: Path) -> tuple[Path, ...]:
    """Where the copy of a model directory may lie, the place to write it to first."""
    digest = hashlib.sha256(str(directory.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    elsewhere = paths.int8_dir() / f"{digest[:16]}.safetensors"
    return (elsewhere,) if is_foreign(directory) else (directory / INT8_FILE, elsewhere)


def int8_file(directory: Path) -> Path | None:
    """The copy of a model directory, fresh or stale; None where there is none."""
    return next((path for path in int8_files(directory) if path.is_file()), None)


def keep_int8(name: str) -> Iterator[Progress | Path]:
    """Quantize a model into its file, anew where there is one: yields Progress for every tensor, and the file last.

    Raises:
        ModelNotFound, ConfigError, TokenizerError, WeightsError: the model cannot be read.
        FileError: the file can be written nowhere.
    """
    directory = find_model(name)
    config, _ = read_small_files(directory)
    *first, last = int8_files(directory)
    for path in first:
        try:
            yield from write_int8(directory, config, path)
        except FileError:  # a folder that may not be written in
            continue
        yield path
        return
    yield from write_int8(directory, config, last)
    yield last


def kernel_trouble() -> str:
    """Why int8 runs slower than it could, one sentence; "" where it does not, or nobody knows yet."""
    return KERNEL.trouble
