"""Bytes, seconds and parameters as people say them: the same on the screen, on the command line and in errors."""

from __future__ import annotations

_UNITS = ((1e9, "GB", 2), (1e6, "MB", 1), (1e3, "kB", 1))
_ROUNDS_UP = 0.9995  # of a unit: what would be written as 1000 of the smaller one


def size_text(n_bytes: float) -> str:
    """Bytes in decimal units, in at most seven cells below a terabyte: `999 B`, `7.1 MB`, `498 MB`, `1.42 GB`."""
    for unit_bytes, unit, n_digits in _UNITS:
        if n_bytes >= unit_bytes * _ROUNDS_UP:
            value = n_bytes / unit_bytes
            return f"{value:,.{n_digits if round(value, n_digits) < 10 else 0}f} {unit}"
    return f"{n_bytes:.0f} B"


def duration_text(seconds: float) -> str:
    """How long, in at most seven cells below a hundred hours: `12 s`, `4m 08s`, `1h 02m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}m {whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h {whole % 3600 // 60:02}m"


def parameters_text(n: int) -> str:
    """How a model's size is said: `3.6M`, `124M`, `1558M` (as the published sizes are named)."""
    return f"{n / 1e6:.1f}M" if n < 10e6 else f"{n / 1e6:.0f}M"
