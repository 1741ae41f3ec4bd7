"""Where a text is cut, seen from its bytes: two ways of cutting side by side, and characters that no token holds whole.

Bytes are what all tokenizers share; characters and tokens begin and end where they like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from picogpt_tui.readings import Alignment, Stretch
from picogpt_tui.visible import replace_surrogates

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer


def characters(text: str) -> list[bytes]:
    """The tokenizer without a model: each Unicode character (code point, not what one sees as one) as its bytes."""
    return [char.encode("utf-8") for char in replace_surrogates(text)]


def align(a: Sequence[bytes], b: Sequence[bytes]) -> Alignment:
    """Lay two ways of cutting the same bytes side by side.

    Args:
        a: the pieces of the one, none of them empty.
        b: those of the other; joined they are the same.

    Example:
        >>> align([b"the", b"re"], [b"th", b"e", b"re"]).agree
        (3, 5)
    """
    assert b"".join(a) == b"".join(b), "they are not two ways of cutting the same bytes"
    ends_a, ends_b = tuple(accumulate(map(len, a))), tuple(accumulate(map(len, b)))
    return Alignment(ends_a, ends_b, tuple(_stretches(ends_a, ends_b)))


def _stretches(ends_a: Sequence[int], ends_b: Sequence[int]) -> Iterator[Stretch]:
    n_before = {end: n for n, end in enumerate(ends_b, 1)}  # pieces of b up to this byte
    start = first_a = first_b = 0
    for n_a, end in enumerate(ends_a, 1):
        if (n_b := n_before.get(end)) is not None:
            yield Stretch(start, end, (first_a, n_a), (first_b, n_b))
            start, first_a, first_b = end, n_a, n_b


def spans(tokenizer: Tokenizer, ids: Sequence[int]) -> list[tuple[int, int, str]]:
    """Groups of neighbouring tokens that only together hold whole characters: (first, last, their text).

    A group is as small as it can be. Bytes that are no UTF-8, which a model may write, join nothing.

    Example:
        >>> spans(tokenizer, tokenizer.encode("hi 👋"))  # three tokens for one character
        [(1, 3, ' 👋')]
    """
    raw = tokenizer.decode_bytes(ids)
    if raw.isascii():
        return []
    chars = raw.decode("utf-8", "surrogateescape")
    # subtle: each wrong byte has become one lone surrogate, which no valid text holds
    widths = (1 if "\udc80" <= char <= "\udcff" else len(char.encode("utf-8")) for char in chars)
    whole = {0, *accumulate(widths)}
    groups: list[tuple[int, int, str]] = []
    first = start = 0
    for index, (_, end) in enumerate(tokenizer.offsets(ids)):
        if end in whole:
            if index > first:
                groups.append((first, index, raw[start:end].decode("utf-8", "replace")))
            first, start = index + 1, end
    return groups
