"""Brings a text into a cache and tells the logits of its last token: in blocks, one by one, or some guessed ahead.

Reading eight tokens costs as much as three or four, because all weights are read either way. So where a text repeats
itself the next tokens are guessed (`lookup`) and read along with the last one. What is then drawn is compared with the
guess: as long as they agree the next logits are known already, and where they part the cache is cut back. The text is
the same as without, but for a tie closer than float32's rounding: products of eight tokens round otherwise than of one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.lookup import guess

_FEWEST_AT_ONCE, PREFILL_BLOCK = 64, 512
"""Tokens read at once: enough to keep BLAS busy, and so few that one can stop within a second or two."""
_BLOCK_WORK = 5 * 10**10
"""Tokens times weights of a block; 124M reads 512 at once, 774M and more read 64."""
_AT_ONCE, _MORE_AT_ONCE = 7, 15
"""Tokens guessed: with the one that is known 8 or 16, which BLAS multiplies better than 7 or 9."""
WORTH_IT, WORTH_IT_COMPILED, NEVER_WORTH_IT = 3, 4, _MORE_AT_ONCE + 1
"""A guess that brings fewer tokens has cost more than it saved; more so where numba has made a single one cheap."""
_LEAST_MATCH, _MOST_MATCH = 3, 9


class Model(Protocol):
    """What reading needs of a model."""

    @property
    def config(self) -> GPT2Config:
        """Its shape."""

    @property
    def worth_guessing(self) -> int:
        """How many tokens a guess has to bring: WORTH_IT, or another of those."""

    def forward(self, ids: Sequence[int], cache: KVCache, *, all_logits: bool = False) -> FloatArray:
        """Run new ids behind those in the cache; logits of the last, [1, n_vocab], or of all, [n_seq, n_vocab]."""


def prefill_block(config: GPT2Config) -> int:
    """How many tokens of a prompt are read at once."""
    n_fits = _BLOCK_WORK // (12 * config.n_layer * config.n_embd**2)
    return min(PREFILL_BLOCK, max(_FEWEST_AT_ONCE, 1 << n_fits.bit_length() - 1 if n_fits else 0))


def read_context(
    model: Model, ids: Sequence[int], cache: KVCache, phase: str, should_stop: Callable[[], bool]
) -> Generator[Progress, None, FloatArray | None]:
    """Bring the cache to hold exactly `ids` and return the last token's logits, [n_vocab].

    What the cache already holds of `ids` is not computed again; a long rest is read in blocks with Progress between.

    Returns:
        None when `should_stop` said so between blocks; the cache then holds what was read.
    """
    done = cache.change_to(ids, at_most=len(ids) - 1)
    n_block = prefill_block(model.config)
    while True:
        if should_stop():
            return None
        if len(ids) - done > 1:
            yield Progress(phase, done, len(ids))
        block = ids[done : done + n_block]
        logits = model.forward(block, cache)
        done += len(block)
        if done == len(ids):
            last: FloatArray = logits[0]  # [1, n_vocab] -> [n_vocab]
            return last


class Reader:
    """Reads a text that grows token by token.

    Attributes:
        n_guessed: how many tokens were read before anyone knew that they would come.
        n_accepted: how many of them came.
    """

    def __init__(self, model: Model, cache: KVCache, *, looks_up: bool) -> None:
        self.n_guessed = 0
        self.n_accepted = 0
        self._model = model
        self._cache = cache
        self._looks_up = looks_up
        self._first = 0  # the text's length up to the token that the first of these rows belongs to
        self._ahead: FloatArray | None = None
        self._n_hits = 0
        self._least = _LEAST_MATCH

    def read(
        self, ids: Sequence[int], phase: str, should_stop: Callable[[], bool], n_wanted: int = 1
    ) -> Generator[Progress, None, FloatArray | None]:
        """The logits of the last of `ids`, [n_vocab]; see `read_context`.

        Args:
            ids: the text.
            phase: what Progress says of it.
            should_stop: asked once a call, and once a block.
            n_wanted: how many tokens will be drawn at most: guessing more would be in vain.
        """
        known = self._known(ids)
        if known is None and self._looks_up and self._cache.ids == ids[:-1]:
            room = min(n_wanted - 1, self._model.config.n_ctx - len(ids))
            if guessed := self._guess(ids, room):
                return None if should_stop() else self._read_ahead(ids, guessed)
        if known is not None:
            return None if should_stop() else known
        return (yield from read_context(self._model, ids, self._cache, phase, should_stop))

    def _known(self, ids: Sequence[int]) -> FloatArray | None:
        """The logits of the last of `ids`, if it was guessed; else what was guessed from here on is forgotten."""
        if self._ahead is None:
            return None
        row = len(ids) - self._first
        if 0 < row < len(self._ahead) and self._cache.ids[: len(ids)] == ids:
            self._n_hits += 1
            self.n_accepted += 1
            logits: FloatArray = self._ahead[row]
            return logits
        self._ahead = None
        self._cache.keep_common_prefix(ids, at_most=len(ids) - 1)
        longer, shorter = min(self._least + 2, _MOST_MATCH), max(self._least - 2, _LEAST_MATCH)
        self._least = longer if self._n_hits < self._model.worth_guessing else shorter
        return None

    def _guess(self, ids: Sequence[int], room: int) -> list[int]:
        n = _MORE_AT_ONCE if self._n_hits >= _AT_ONCE and room >= _MORE_AT_ONCE else min(_AT_ONCE, room)
        return guess(ids, n, self._least) if n >= self._model.worth_guessing else []

    def _read_ahead(self, ids: Sequence[int], guessed: list[int]) -> FloatArray:
        self._ahead = self._model.forward([ids[-1], *guessed], self._cache, all_logits=True)
        self._first, self._n_hits = len(ids), 0
        self.n_guessed += len(guessed)
        last: FloatArray = self._ahead[0]
        return last
