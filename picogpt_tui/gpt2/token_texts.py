"""A vocabulary as texts, made once to be searched often: by a part of the text, or by a regular expression.

A byte that is not UTF-8 stands in a token's text as the lone surrogate of PEP 383, which no other text holds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import compress

import regex

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.visible import one_line

_SECONDS = 1.0
_LEAST_SECONDS = 0.001
_AT_ONCE = 1000
_LONG = 16
"""From so many characters on a pattern like (-|--)+[^-] may try for longer than anybody waits. Few tokens have them: a
timeout costs more than a search."""
_CALLS_ITSELF = regex.compile(r"\(\?(?:R|[0-9]+|&\w+)\)")


def text_of_bytes(raw: bytes) -> str:
    """Bytes as a text to search in or for."""
    return raw.decode("utf-8", "surrogateescape")


class TokenTexts:
    """The texts of all tokens by id; empty where an id has no token."""

    def __init__(self, tokens: Iterable[bytes]) -> None:
        self._texts = [text_of_bytes(raw) for raw in tokens]
        lowered = (text.lower() for text in self._texts)
        lengths = list(map(len, self._texts))
        self._short = [id for id, length in enumerate(lengths) if length < _LONG]
        self._long = [id for id, length in enumerate(lengths) if length >= _LONG]
        # subtle: most tokens are lower case, and share their text
        self._lowered = [text if low == text else low for text, low in zip(self._texts, lowered, strict=True)]

    def equal_to(self, text: str) -> list[int]:
        """The ids of the tokens that are this text; more than one only in an odd vocabulary."""
        return [id for id, known in enumerate(self._texts) if known == text]

    def containing(self, text: str) -> list[int]:
        """The ids of the tokens that hold this text; one in lower case means capitals too."""
        texts = self._lowered if text == text.lower() else self._texts
        return [id for id, known in enumerate(texts) if text in known]

    def matching(self, pattern: str, *, ignore_case: bool = False) -> list[int]:
        """The ids of the tokens in which a regular expression finds something.

        Raises:
            PicoGPTError: it is not one, it calls itself, or it takes much longer than a second.
        """
        shown = f"/{one_line(pattern, 60)}/"
        if _CALLS_ITSELF.search(pattern):
            raise PicoGPTError(f"{shown} calls itself, which may fill the memory; say it without (?R) and the like.")
        try:
            compiled = regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
        except (regex.error, ValueError, RecursionError) as error:  # flags that exclude each other, a thousand brackets
            raise PicoGPTError(f"{shown} is not a regular expression: {error}.") from error
        try:
            return self._matching(compiled, time.monotonic() + _SECONDS)
        except (TimeoutError, MemoryError):  # without end in time, or in itself
            message = f"{shown} takes too long to try on every token; make it simpler."
            raise PicoGPTError(message) from None

    def _matching(self, pattern: regex.Pattern[str], deadline: float) -> list[int]:
        found: list[int] = []
        for id in self._long:
            if pattern.search(self._texts[id], timeout=max(_LEAST_SECONDS, deadline - time.monotonic())):
                found.append(id)
        for first in range(0, len(self._short), _AT_ONCE):
            if time.monotonic() > deadline:
                raise TimeoutError
            ids = self._short[first : first + _AT_ONCE]
            found += compress(ids, map(pattern.search, map(self._texts.__getitem__, ids)))
        return sorted(found)
