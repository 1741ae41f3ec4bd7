"""What a measurement was made on: processor, cores, memory, and the versions of what computes."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from picogpt_tui.gpt2.read_speed import blas
from picogpt_tui.gpt2.threads import n_threads, usable_cores

_CPUINFO = Path("/proc/cpuinfo")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Facts = dict[str, str | int | float | bool | None]
"""Plain data by name, units in the names; None where nobody can say."""


def machine() -> Facts:
    """This machine, and what is installed on it."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}".strip(),
        "usable_cores": usable_cores(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
        "numpy": _version("numpy"),
        "blas": blas() or None,
        "numba": _version("numba"),
        "threads": n_threads(),
        **{name.lower(): os.environ.get(name) for name in _THREAD_VARIABLES},
    }


def peak_bytes() -> int | None:
    """The most memory that this process has had at once so far; None where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes


def _processor() -> str | None:
    """Linux keeps its name in a file (https://man7.org/linux/man-pages/man5/proc_cpuinfo.5.html)."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
