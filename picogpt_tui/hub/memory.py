"""How much memory a model takes while it is played with, and how much of it this machine has to give."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from picogpt_tui.settings import FLOAT32

_ITEM_BYTES = 4  # everything is computed in float32, however it is stored
_CONFIGS = ("config.json", "hparams.json")
_MEMINFO = Path("/proc/meminfo")


def needed_bytes(*, n_params: int, n_layer: int, n_ctx: int, n_embd: int, precision: str = FLOAT32) -> int:
    """The weights, and the keys and values of a full context.

    In int8 a number of a matrix takes a byte, and each of its rows a scale; all else stays float32.

    Example:
        >>> needed_bytes(n_params=124_439_808, n_layer=12, n_ctx=1024, n_embd=768)
        573256704
        >>> needed_bytes(n_params=124_439_808, n_layer=12, n_ctx=1024, n_embd=768, precision="int8")
        203193412
    """
    keys_and_values = 2 * n_layer * n_ctx * n_embd
    if precision == FLOAT32:
        return _ITEM_BYTES * (n_params + keys_and_values)
    vectors = n_ctx * n_embd + 13 * n_layer * n_embd + 2 * n_embd
    n_vocab = (n_params - vectors - 12 * n_layer * n_embd**2) // n_embd
    scales = n_vocab + 9 * n_layer * n_embd
    return n_params - vectors + _ITEM_BYTES * (vectors + scales + keys_and_values)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a config says of a model's size."""

    n_vocab: int
    n_ctx: int
    n_embd: int
    n_layer: int

    @property
    def n_params(self) -> int:
        """Of embeddings, blocks and the last norm."""
        per_block = 12 * self.n_embd**2 + 13 * self.n_embd
        return (self.n_vocab + self.n_ctx) * self.n_embd + self.n_layer * per_block + 2 * self.n_embd

    def needed_bytes(self, precision: str = FLOAT32) -> int:
        """See the function."""
        n_params, n_layer, n_ctx, n_embd = self.n_params, self.n_layer, self.n_ctx, self.n_embd
        return needed_bytes(n_params=n_params, n_layer=n_layer, n_ctx=n_ctx, n_embd=n_embd, precision=precision)


def read_shape(directory: Path) -> Shape | None:
    """The shape that a model's config promises, or None where it cannot be read."""
    for config in _CONFIGS:
        try:
            fields = json.loads((directory / config).read_text(encoding="utf-8"))
            n_vocab = int(fields.get("vocab_size") or fields["n_vocab"])
            n_ctx = int(fields.get("n_positions") or fields["n_ctx"])
            shape = Shape(n_vocab, n_ctx, int(fields["n_embd"]), int(fields["n_layer"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
        return shape
    return None


def available_bytes() -> int | None:
    """What a program can still have without others being put out; None where the system does not say.

    macOS says only what there is in all, so that is the answer there: more than that is too much in any case.
    """
    if sys.platform == "win32":
        return _available_on_windows()
    if sys.platform == "linux" and (available := _available_on_linux()) is not None:
        return available
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _available_on_linux() -> int | None:
    """See https://man7.org/linux/man-pages/man5/proc_meminfo.5.html."""
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        value = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return int(value) * 1024
    except (OSError, ValueError, IndexError, StopIteration):
        return None


if sys.platform == "win32":
    import ctypes

    class _MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX; see https://learn.microsoft.com/windows/win32/api/sysinfoapi."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", "total_page", "available_page")),
            *((name, ctypes.c_ulonglong) for name in ("total_virtual", "available_virtual", "extended_virtual")),
        ]

    def _available_on_windows() -> int | None:
        status = _MemoryStatus()
        status.length = ctypes.sizeof(status)
        return int(status.available) if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
