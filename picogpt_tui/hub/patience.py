"""How long to wait for a server, and how often to ask it again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """When to give up."""

    tries: int = 6
    """In a row that bring nothing."""
    connect_seconds: float = 10.0
    silence_seconds: float = 12.0
    """Without a byte."""
    backoff_seconds: float = 1.0
    """Before the second try; doubled for each further one, up to 30."""
    slow_bytes: int = 8192
    """A connection that brings less than this in `slow_seconds` is given up for a new one."""
    slow_seconds: float = 30.0

    def backoff(self, n_tries: int) -> float:
        """How long to wait after so many tries in a row, a little different every time."""
        return min(30.0, self.backoff_seconds * 2.0 ** (n_tries - 1)) * random.uniform(0.8, 1.2)
