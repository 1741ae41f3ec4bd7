"""Prompt lookup: guess what comes next from what came, last time, after the same tokens.

Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding; the speculation of Leviathan et al. 2022
(https://arxiv.org/abs/2211.17192) with the text itself as the model that guesses.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

_LONGEST_MATCH = 12


def guess(ids: Sequence[int], n: int, least: int) -> list[int]:
    """What followed the last earlier occurrence of the end of a text, the longest end that occurs.

    Where it reaches the end of the text it goes on with itself: what repeats goes on repeating.

    Args:
        ids: the text.
        n: how many tokens to guess.
        least: how many tokens must be the same.

    Returns:
        n tokens, or none where nothing is found.

    Example:
        >>> guess([1, 2, 3, 4, 1, 2, 3], 6, least=2)
        [4, 1, 2, 3, 4, 1]
    """
    for n_match in range(min(_LONGEST_MATCH, len(ids) - 1), least - 1, -1):
        if (start := _last_occurrence(ids, n_match)) is not None:
            period = len(ids) - start
            found = list(ids[start : start + n])
            while len(found) < n:
                found.append(found[len(found) - period])
            return found
    return []


def _last_occurrence(ids: Sequence[int], n_match: int) -> int | None:
    """Behind the last place before the end where the last n_match tokens stand, or None."""
    text = array("I", ids)
    width, raw = text.itemsize, text.tobytes()
    end = raw[-n_match * width :]
    at = raw.rfind(end, 0, len(raw) - width)
    while at > 0 and at % width:
        at = raw.rfind(end, 0, at + len(end) - 1)
    return at // width + n_match if at >= 0 and at % width == 0 else None
