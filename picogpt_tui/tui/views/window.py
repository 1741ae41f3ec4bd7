"""Which part of a long list is in view. Pure."""

from __future__ import annotations


def first_in_view(first: int, at: int, n_visible: int, n: int, margin: int = 0) -> int:
    """Scroll as little as possible.

    Args:
        first: the first one in view so far.
        at: the one that has to be in view.
        n_visible: how many fit.
        n: how many there are.
        margin: how many on either side of it are to be in view too, where there are so many.

    Returns:
        The first one in view from now on.
    """
    around = min(margin, max(0, n_visible - 1) // 2)
    first = min(max(first, at + around + 1 - n_visible), max(0, at - around))
    return max(0, min(first, n - n_visible))
