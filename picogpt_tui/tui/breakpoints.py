"""The sizes at which the layout changes: each name is a class of the screen on a terminal of at least that size."""

from __future__ import annotations

import os

WIDTHS = [(0, "-slim"), (40, "-narrow"), (100, "-normal"), (160, "-wide")]
HEIGHTS = [(0, "-flat"), (10, "-short"), (30, "-tall")]


def size_classes(size: os.terminal_size) -> list[str]:
    """The classes that Textual will set for a terminal of this size; known before, the first layout is the last."""
    return [
        [name for least, name in breakpoints if cells >= least][-1]
        for cells, breakpoints in zip(size, (WIDTHS, HEIGHTS), strict=True)
    ]
