"""How likely a text is, token by token: log-probability, rank, entropy.

All numbers are those of the model itself (temperature 1, nothing cut), by the same formulas that generating uses.
Perplexity with `<|endoftext|>` in front, where every token is scored, is that of GLTR, TransformerLens and Hugging
Face's `evaluate`; without it, where the first token is not, that of transformers' page on perplexity. How a text that
is longer than the context is cut: see `windows`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.lens.windows import HiddenRows, hidden_rows, window_shape, windows, with_end_of_text
from picogpt_tui.readings import Score, TokenScore
from picogpt_tui.settings import PURE


def nobody(rows: HiddenRows) -> None:
    """The `seen` of one who keeps nothing."""


def _score(logits: FloatArray, id: int) -> TokenScore:
    shaped = shape(logits, PURE)
    top_prob = math.exp(shaped.logprobs.max())
    return TokenScore(id, float(shaped.logprobs[id]), shaped.rank(id), shaped.entropy, top_prob)


def score_rows(model: LanguageModel, rows: HiddenRows, ids: Sequence[int]) -> list[TokenScore]:
    """The scores of the tokens that these hidden states predict.

    Args:
        model: who read the text.
        rows: some of what `hidden_rows` told of it.
        ids: the text, as `hidden_rows` had it.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    there = ids[rows.first : rows.first + len(rows.hidden)]
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is an error of its own
        logits = model.unembed(rows.hidden)  # [n, n_embd] -> [n, n_vocab]
        return [_score(row, id) for row, id in zip(logits, there, strict=True)]


def score(
    model: LanguageModel,
    ids: Sequence[int],
    *,
    bos: bool = True,
    stride: int | None = None,
    n_ctx: int | None = None,
    n_bytes: int,
    should_stop: Callable[[], bool] = never,
    seen: Callable[[HiddenRows], None] = nobody,
) -> Iterator[Progress | Score]:
    """Score a text: yields Progress as it is read, and the Score last; no Score where it was stopped.

    Args:
        model: who reads.
        ids: the text's tokens.
        bos: whether `<|endoftext|>` is put before the text, so that its first token is scored too. The two are cut
            into windows as one text: only the first window begins with it.
        stride: how many tokens a window moves on; None is half a window.
        n_ctx: how many tokens a window holds; None is the model's whole context.
        n_bytes: of the text in UTF-8.
        should_stop: asked once a block and once every 64 tokens; having said yes it must go on saying so.
        seen: told the hidden states of every stretch, for one who wants whole distributions later.

    Raises:
        PicoGPTError: bos, and the vocabulary has no end-of-text; or a logit is nan or infinite.
        SettingError: a stride or a window that does not fit.
    """
    text = with_end_of_text(model, ids) if bos else list(ids)
    n_ctx, stride = window_shape(model.config, n_ctx, stride)
    tokens = [TokenScore(id, None, None, None, None) for id in text]
    for step in hidden_rows(model, text, stride=stride, n_ctx=n_ctx, should_stop=should_stop):
        if isinstance(step, Progress):
            yield step
        else:
            seen(step)
            tokens[step.first : step.first + len(step.hidden)] = score_rows(model, step, text)
    if should_stop():
        return
    n_windows = sum(1 for _ in windows(len(text), n_ctx, stride))
    yield Score(tuple(tokens[len(text) - len(ids) :]), bos, n_bytes, n_ctx, stride, n_windows)
