"""How much room there is on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path


def free_bytes(place: Path) -> int | None:
    """What is free where this folder is, or will be; None where the system does not say."""
    try:
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        return shutil.disk_usage(there).free
    except (OSError, StopIteration):
        return None
