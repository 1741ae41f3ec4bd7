"""What a look at every byte of a model has found, in one sentence that begins with a sign. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.hub.upkeep import Verified


def finding(found: Verified) -> str:
    """Which files are damaged, or that none is, and what that was compared with."""
    if found.damaged:
        faults = "; ".join(f"{file} {fault}".strip() for file, fault in found.damaged)
        return f"✗ {one_line(faults, 300)}{'; press r to repair it' if found.can_repair else ''}."
    if found.is_recorded:
        return "✓ every byte is as it was published"
    return "✓ it can be read; there is no record to compare its bytes with"
