"""Two models on the same text, token by token: what each thought likely, and how far their distributions lie apart.

The models may be two sizes, two checkpoints, or one in two precisions. They must share their vocabulary, for else
their tokens are not the same things; then only the bits they need for a byte of text can be compared.
KL divergence: Kullback and Leibler 1951, "On information and sufficiency".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from picogpt_tui.errors import TokenizerError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.lens.divergence import kl
from picogpt_tui.lens.windows import HiddenRows, hidden_rows, window_shape, windows, with_end_of_text
from picogpt_tui.readings import ComparedToken, Comparison
from picogpt_tui.settings import FLOAT32, PURE


def called(model: LanguageModel) -> str:
    """A model's name, with its precision where that is not the usual one: `124M int8`."""
    return model.name if model.precision == FLOAT32 else f"{model.name} {model.precision}"


def vocabulary_difference(a: LanguageModel, b: LanguageModel) -> str | None:
    """Why two models' tokens cannot be compared one by one, as a sentence; None where they can."""
    n_a, n_b = a.config.n_vocab, b.config.n_vocab
    n_differ = sum(_means(a, id) != _means(b, id) for id in range(n_a)) if n_a == n_b else 0
    if n_a == n_b and not n_differ:
        return None
    why = f"{n_differ:,} of their {n_a:,} tokens differ" if n_differ else f"one has {n_a:,} tokens, the other {n_b:,}"
    return f"{called(a)} and {called(b)} have different vocabularies ({why}); compare their bits per byte instead."


def _means(model: LanguageModel, id: int) -> tuple[bytes, bool]:
    return model.tokenizer.bytes_of(id), id in model.tokenizer.special


def _next_rows(steps: Iterator[Progress | HiddenRows]) -> Generator[Progress, None, HiddenRows | None]:
    """What comes next of a text being read, or None at its end."""
    for step in steps:
        if isinstance(step, HiddenRows):
            return step
        yield step
    return None


def _compared(id: int, logits_a: FloatArray, logits_b: FloatArray) -> ComparedToken:
    a, b = shape(logits_a, PURE), shape(logits_b, PURE)
    return ComparedToken(id, float(a.logprobs[id]), float(b.logprobs[id]), kl(a, b), a.rank(id), b.rank(id))


def _compare_rows(
    a: LanguageModel, b: LanguageModel, rows_a: HiddenRows, rows_b: HiddenRows, ids: Sequence[int]
) -> list[ComparedToken]:
    """The tokens that both models' hidden states predict, which are the same ones."""
    there = ids[rows_a.first : rows_a.first + len(rows_a.hidden)]
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is an error of its own
        logits = zip(a.unembed(rows_a.hidden), b.unembed(rows_b.hidden), strict=True)
        return [_compared(id, *both) for id, both in zip(there, logits, strict=True)]


def _comparison(names: tuple[str, str], bos: bool, tokens: Sequence[ComparedToken], *sizes: int) -> Comparison:
    nll_a = math.fsum(-token.logprob_a for token in tokens if token.logprob_a is not None)
    nll_b = math.fsum(-token.logprob_b for token in tokens if token.logprob_b is not None)
    kls = [token.kl for token in tokens if token.kl is not None]
    mean_kl = math.fsum(kls) / len(kls) if kls else math.nan
    return Comparison(*names, bos, tuple(tokens), nll_a, nll_b, len(kls), mean_kl, *sizes)


def compare(
    a: LanguageModel,
    b: LanguageModel,
    ids: Sequence[int],
    *,
    bos: bool = True,
    stride: int | None = None,
    n_bytes: int,
    should_stop: Callable[[], bool] = never,
) -> Iterator[Progress | Comparison]:
    """Compare two models on a text: yields Progress as each reads it, and the Comparison last; none where stopped.

    Args:
        a: the one that the other is measured against: KL is KL(a || b).
        b: the other.
        ids: the text's tokens.
        bos: whether `<|endoftext|>` is put before the text; see `score.score`.
        stride: how many tokens a window moves on; None is half a window. Both see the shorter
            context, so that they have as much before a token.
        n_bytes: of the text in UTF-8.
        should_stop: asked once a block and once every 64 tokens; having said yes it must go on saying so.

    Raises:
        TokenizerError: their vocabularies differ.
        PicoGPTError: bos, and the vocabulary has no end-of-text; or a logit is nan or infinite.
        SettingError: a stride that does not fit.
    """
    if why := vocabulary_difference(a, b):
        raise TokenizerError(why)
    text = with_end_of_text(a, ids) if bos else list(ids)
    n_ctx, stride = window_shape(a.config, min(a.config.n_ctx, b.config.n_ctx), stride)
    tokens = [ComparedToken(id, None, None, None, None, None) for id in text]
    steps_a, steps_b = (hidden_rows(m, text, stride=stride, n_ctx=n_ctx, should_stop=should_stop) for m in (a, b))
    while True:
        rows_a, rows_b = (yield from _next_rows(steps_a)), (yield from _next_rows(steps_b))
        if rows_a is None or rows_b is None:
            break
        stop = rows_a.first + len(rows_a.hidden)
        tokens[rows_a.first : stop] = _compare_rows(a, b, rows_a, rows_b, text)
    if not should_stop():
        n_windows = sum(1 for _ in windows(len(text), n_ctx, stride))
        names, tokens = (called(a), called(b)), tokens[len(text) - len(ids) :]
        yield _comparison(names, bos, tokens, n_bytes, n_ctx, stride, n_windows)
