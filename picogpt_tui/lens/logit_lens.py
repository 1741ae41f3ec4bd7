"""The logit lens: what the model would say if it ended here, at every place where the residual stream grows.

Each row is `unembed(ln_f(x))` of the raw stream x: first the embedding, then behind every attention and every MLP. The
last row is the model's answer. The statistics of ln_f are those of that x itself, not of the last one (the mistake of
https://github.com/TransformerLensOrg/TransformerLens/issues/1076). The lens is untuned: early rows of a large model are
written in a basis that the unembedding does not read well.

Sources: nostalgebraist 2020, "interpreting GPT: the logit lens"
(https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru); the measures, in nats, are those of Belrose et al. 2023, "Eliciting
Latent Predictions from Transformers with the Tuned Lens" (https://arxiv.org/abs/2303.08112).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import distribution, never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import Shaped, shape
from picogpt_tui.gpt2.taps import STREAM, Taps
from picogpt_tui.gpt2.threads import in_parts
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.divergence import kl
from picogpt_tui.lens.one_token import read_before, watch
from picogpt_tui.readings import LensCell, LensColumn, LensGrid
from picogpt_tui.settings import PURE, SamplingSettings

_CELLS_AT_ONCE = 128
"""The logits of so many cells are held at once, 26 MB with GPT-2's vocabulary: enough to keep BLAS busy."""
_Result = TypeVar("_Result")


def _for_each(function: Callable[[int], _Result], n: int) -> list[_Result]:
    """What a function says of 0 to n - 1, on all cores."""
    results: dict[int, _Result] = {}

    def part(start: int, stop: int) -> None:
        for index in range(start, stop):
            results[index] = function(index)

    in_parts(part, n)
    return [results[index] for index in range(n)]


def _stream(taps: Taps, hidden: FloatArray) -> tuple[tuple[str, ...], list[FloatArray]]:
    """The rows' names and the residual stream in each, [n_seq, n_embd]; the last is what the model's logits are of."""
    names, rows = zip(*taps.stream(), strict=True)
    assert np.array_equal(rows[-1], hidden, equal_nan=True), "the last row is not what the model unembeds"
    return names, list(rows)


def lens_column(
    model: LanguageModel, ids: Sequence[int], position: int, sampling: SamplingSettings, top_n: int, cache: KVCache
) -> LensColumn:
    """The candidates of every row at one position.

    Args:
        model: float32 or int8.
        ids: the text, at most n_ctx tokens; those behind the position are not looked at.
        position: index of the token whose successor is asked for.
        sampling: shapes `final_prob` in every row.
        top_n: how many candidates a row has.
        cache: re-used as far as it holds the same tokens, what it lacks is read at once (`one_token.read_before` tells
            how far it is); left holding the text up to the position.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    taps, hidden = watch(model, ids, position, cache, STREAM)
    names, rows = _stream(taps, hidden)
    # subtle: the last row is unembedded alone, as the model does it: products of many rows round otherwise than of one
    logits = [*model.unembed(np.concatenate(rows[:-1])), *model.unembed(hidden)]
    context = ids[: position + 1]
    shaped = _for_each(lambda row: shape(logits[row], sampling, context), len(logits))
    found = [distribution(one, model.tokenizer, top_n) for one in shaped]
    return LensColumn(position, tuple(zip(names, found, strict=True)))


def _cell(here: Shaped, answer: Shaped, watched: int, tokenizer: Tokenizer) -> LensCell:
    id = int(here.logits.argmax())
    return LensCell(
        id,
        tokenizer.label(id),
        prob=float(here.final_probs[id]),
        entropy=here.entropy,
        kl=kl(answer, here, answer.final_probs),  # under PURE those are the raw ones
        rank=here.rank(watched),
        watched_prob=float(here.final_probs[watched]),
    )


def _cells(
    model: LanguageModel, rows: Sequence[FloatArray], answers: Sequence[Shaped], watched: Sequence[int]
) -> list[list[LensCell]]:
    """The cells of some rows, [row][position]. rows: [n, n_embd] each, with n answers and watched tokens."""
    n, logits = len(answers), model.unembed(np.concatenate(rows))  # [n_rows * n, n_embd] -> [n_rows * n, n_vocab]

    def cell(index: int) -> LensCell:
        return _cell(shape(logits[index], PURE), answers[index % n], watched[index % n], model.tokenizer)

    flat = _for_each(cell, len(logits))
    return [flat[at : at + n] for at in range(0, len(flat), n)]


def _row_by_row(
    model: LanguageModel,
    rows: Sequence[FloatArray],
    answers: Sequence[Shaped],
    watched: Sequence[int],
    should_stop: Callable[[], bool],
) -> Iterator[list[LensCell]]:
    """The cells of every row, the model's answer last; ends before it when told to stop."""
    *before, _ = rows
    n_at_once = max(1, _CELLS_AT_ONCE // len(answers))
    for first in range(0, len(before), n_at_once):
        if should_stop():
            return
        yield from _cells(model, before[first : first + n_at_once], answers, watched)
    yield [_cell(answer, answer, id, model.tokenizer) for answer, id in zip(answers, watched, strict=True)]


def _answers(logits: FloatArray) -> list[Shaped]:
    """What the model itself says. logits: [n, n_vocab]."""
    return _for_each(lambda index: shape(logits[index], PURE), len(logits))


def _next(ids: Sequence[int], position: int, answer: Shaped) -> int:
    """The token that came next in the text; where the text ends, the model's own first choice."""
    return ids[position + 1] if position + 1 < len(ids) else int(answer.logits.argmax())


def _runs(positions: Sequence[int]) -> Iterator[range]:
    """Ascending positions as ranges without gap, none longer than are looked at at once."""
    first = 0
    for index, position in enumerate(positions, 1):
        is_end = index == len(positions) or positions[index] != position + 1
        if is_end or index - first == _CELLS_AT_ONCE:
            yield range(positions[first], position + 1)
            first = index


def lens_grid(
    model: LanguageModel,
    ids: Sequence[int],
    positions: Sequence[int],
    watched: int | None = None,
    *,
    cache: KVCache,
    should_stop: Callable[[], bool] = never,
) -> Iterator[Progress | LensGrid]:
    """The lens over some positions: the likeliest token in every row, and what becomes of a watched one.

    Args:
        model: float32 or int8.
        ids: the text, at most n_ctx tokens.
        positions: which of them, ascending; at least one.
        watched: the token whose rank is followed everywhere. None follows what came next in the text, and behind its
            last token the model's own first choice.
        cache: re-used as far as it holds the same tokens; left holding the text up to the last position.
        should_stop: asked once a block of the text, and once every so many cells.

    Yields:
        Progress (first in tokens of the text before, then in cells), and LensGrid last; none when told to stop.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    names: tuple[str, ...] = ()
    followed: list[int] = []
    cells: list[list[LensCell]] = [[] for _ in range(2 * model.config.n_layer + 1)]
    for run in _runs(positions):
        if not (yield from read_before(model, ids, run.start, cache, should_stop)):
            return
        taps = Taps(STREAM)
        hidden = model.hidden_states(list(ids[run.start : run.stop]), cache, tap=taps)
        names, rows = _stream(taps, hidden)
        answers = _answers(model.unembed(hidden))
        new = [_next(ids, at, answer) if watched is None else watched for at, answer in zip(run, answers, strict=True)]
        followed += new
        for index, found in enumerate(_row_by_row(model, rows, answers, new, should_stop)):
            cells[index] += found
            yield Progress("looking at every layer", sum(map(len, cells)), len(cells) * len(positions), model.name)
        if len(cells[-1]) < len(followed):
            return
    yield LensGrid(names, tuple(positions), tuple(followed), tuple(map(tuple, cells)))
