"""Windows over a text of any length, and the hidden states that its tokens are predicted from.

The recipe is transformers' (https://huggingface.co/docs/transformers/perplexity). A window begins every `stride`
tokens, the first at 0, and holds at most n_ctx of them; the last is the first that reaches the end of the text. A token
is scored in the first window that holds it and something before it. So where windows overlap only the text's first
token is not scored; with stride = n_ctx they do not overlap, and the first token of each is not.

Where our sum differs from that page's loop: each scored token counts once here. The loop weighs the mean of every later
window by one token fewer than it is the mean of, because it takes for granted that the labels' shift costs a label.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from picogpt_tui.errors import PicoGPTError, SettingError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import end_of_text_id, never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import prefill_block

_ROWS_AT_ONCE = 64
"""The logits of so many positions are held at once: 13 MB with GPT-2's vocabulary."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text that is read at once. Positions count the text's tokens from 0."""

    start: int
    """Of the first token that is read."""
    first: int
    """Of the first token that is scored."""
    stop: int
    """One past the last token."""


@dataclass(frozen=True, slots=True)
class HiddenRows:
    """What some neighbouring tokens are predicted from."""

    first: int
    """Position of the first of them in the text, `<|endoftext|>` in front counted."""
    hidden: FloatArray
    """[n, n_embd], a row a token: `model.unembed` makes the logits of it in which the token has its probability."""


def with_end_of_text(model: LanguageModel, ids: Sequence[int]) -> list[int]:
    """The text with `<|endoftext|>` in front, so that its first token too has something before it.

    Raises:
        PicoGPTError: the vocabulary has none.
    """
    if (end_of_text := end_of_text_id(model)) is None:
        raise PicoGPTError(f"{model.name} has no <|endoftext|> to put before the text; score it without (--no-bos).")
    return [end_of_text, *ids]


def window_shape(config: GPT2Config, n_ctx: int | None = None, stride: int | None = None) -> tuple[int, int]:
    """How long a window is and how far it moves on: by default the whole context, and half a window.

    Raises:
        SettingError: a window longer than the context, or a stride longer than a window.
    """
    n_ctx = config.n_ctx if n_ctx is None else n_ctx
    if not 1 <= n_ctx <= config.n_ctx:
        raise SettingError("n_ctx", n_ctx, f"a whole number from 1 to {config.n_ctx}")
    stride = max(1, n_ctx // 2) if stride is None else stride
    if not 1 <= stride <= n_ctx:
        raise SettingError("stride", stride, f"a whole number from 1 to {n_ctx}")
    return n_ctx, stride


def windows(n_tokens: int, n_ctx: int, stride: int) -> Iterator[Window]:
    """The windows over a text of so many tokens, in order.

    Example:
        >>> [(one.start, one.first, one.stop) for one in windows(9, n_ctx=4, stride=3)]
        [(0, 1, 4), (3, 4, 7), (6, 7, 9)]
    """
    start = stop = 0
    while stop < n_tokens:
        first, stop = max(stop, start + 1), min(start + n_ctx, n_tokens)
        yield Window(start, first, stop)
        start += stride


def hidden_rows(
    model: LanguageModel,
    ids: Sequence[int],
    *,
    stride: int | None = None,
    n_ctx: int | None = None,
    should_stop: Callable[[], bool] = never,
) -> Iterator[Progress | HiddenRows]:
    """Read a text in windows and hand out what each of its tokens is predicted from.

    Args:
        model: who reads.
        ids: the text, with `<|endoftext|>` in front where that shall count.
        stride: how many tokens a window moves on; None is half a window.
        n_ctx: how many tokens a window holds; None is the whole context.
        should_stop: asked before every block that is read and every stretch that is handed out; ends it.

    Yields:
        Progress before each block, and HiddenRows, in the order of the text, of at most 64 tokens at a time.

    Raises:
        SettingError: see `window_shape`.
    """
    n_ctx, stride = window_shape(model.config, n_ctx, stride)
    cache = KVCache(model.config)
    for window in windows(len(ids), n_ctx, stride):
        rows = yield from _read(model, ids, window, cache, should_stop)
        if rows is None:
            return
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            if should_stop():
                return
            yield HiddenRows(window.first + at, rows[at : at + _ROWS_AT_ONCE])


def _read(
    model: LanguageModel, ids: Sequence[int], window: Window, cache: KVCache, should_stop: Callable[[], bool]
) -> Generator[Progress, None, FloatArray | None]:
    """The hidden states that a window's scored tokens are predicted from, [stop - first, n_embd]; None when stopped."""
    cache.truncate(0)
    rows: FloatArray = np.empty((window.stop - window.first, model.config.n_embd), dtype=np.float32)
    n_block, before_first = prefill_block(model.config), window.first - 1
    for start in range(window.start, window.stop - 1, n_block):  # subtle: the last token predicts none of them
        if should_stop():
            return None
        yield Progress("scoring", max(start, before_first), len(ids), model.name)
        stop = min(start + n_block, window.stop - 1)
        x = model.hidden_states(ids[start:stop], cache)
        if stop > before_first:
            known = max(start, before_first)
            rows[known - before_first : stop - before_first] = x[known - start :]
    return rows
