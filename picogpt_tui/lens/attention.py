"""Where the heads look: attention from one position, and a layer's heads as small pictures of the whole text.

Rows are queries, columns are keys: row i says where token i looks. A weight tells how much of a token is let through,
not how much there is of it, so the length of what comes through stands beside it: ||weight v_j W_O||, with v_j the
token's value vector (c_attn's bias included) and W_O the head's rows of c_proj, whose bias is no head's own. That is
the norm of Kobayashi et al. 2020, "Attention is Not Only a Weight" (https://arxiv.org/abs/2004.10102). GPT-2's heads
rest on the first token when they have nothing to do, and its value vector is short there: the sink of Xiao et al. 2023
(https://arxiv.org/abs/2309.17453). Neither number says why a token was chosen; `surgery` tries that out.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.float_matrix import FloatMatrix
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.int8 import Int8Matrix
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.params import Matrix
from picogpt_tui.gpt2.reader import read_context
from picogpt_tui.gpt2.taps import WEIGHTS
from picogpt_tui.lens.one_token import watch
from picogpt_tui.lens.tapped import TappedModel
from picogpt_tui.readings import Attention, HeadGlance, HeadPictures

# -- one head's row, as plain numbers ----------------------------------------------------------------------------------


def hide_sink(weights: Sequence[float]) -> Sequence[float]:
    """A head's weights without the first token's, made to sum to 1 again; all 0 where there is nothing else."""
    row = np.array(weights, dtype=np.float32)
    row[0] = 0
    return _shares(row)


def shares(norms: Sequence[float]) -> Sequence[float]:
    """Norms as parts of their sum, to be read as weights are; all 0 where they are."""
    return _shares(np.array(norms, dtype=np.float32))


def _shares(row: FloatArray) -> Sequence[float]:
    """Writes into row: divides it by its sum."""
    total = row.sum()
    if total > 0:
        row /= total
    return _plain(row)


def glance(weights: Sequence[float]) -> HeadGlance:
    """What matters most of a head's weights from one position; the earlier token on ties."""
    row = np.array(weights, dtype=np.float32)
    positive = row[row > 0]
    entropy = -float(np.dot(positive, np.log(positive)))
    key = 1 + int(row[1:].argmax()) if len(row) > 1 else 0
    return HeadGlance(float(row[0]), key, float(row[key]), max(0.0, entropy))


def _plain(row: FloatArray) -> Sequence[float]:
    return array("f", row.tobytes())


# -- from one position -------------------------------------------------------------------------------------------------


def attention_at(model: LanguageModel, ids: Sequence[int], position: int, cache: KVCache) -> Attention:
    """Where every head of every layer looks from one position.

    Args:
        model: float32 or int8.
        ids: the text, at most n_ctx tokens; those behind the position are not looked at.
        position: index of the token that looks.
        cache: re-used as far as it holds the same tokens; left holding the text up to the position. Whoever wants to
            be able to stop brings it there first, by `one_token.read_before`.
    """
    (taps, _), layers = watch(model, ids, position, cache, [WEIGHTS]), range(model.config.n_layer)
    weights = [taps.values[WEIGHTS, layer][:, 0] for layer in layers]  # [n_head, 1, n_kv] -> [n_head, n_kv]
    norms = [weights[layer] * value_lengths(model, layer, cache) for layer in layers]
    return Attention(position, tuple(map(_rows, weights)), tuple(map(_rows, norms)))


def value_lengths(model: LanguageModel, layer: int, cache: KVCache) -> FloatArray:
    """How much each head would let in of each token at weight 1, ||v_j W_O||: [n_head, n_past].

    Args:
        model: float32 or int8.
        layer: index of the block.
        cache: holds the n_past tokens.
    """
    config, (_, values) = model.config, cache.held(layer)
    w = _as_array(model.params.blocks[layer].attn.c_proj.w)
    by_head = w.reshape(config.n_head, config.d_head, config.n_embd)  # [n_embd, n_embd] -> [n_head, d_head, n_embd]
    # |v W|^2 = v (W W^T) v^T, which is n_embd / d_head times less work for a long text
    gram = by_head @ by_head.transpose(0, 2, 1)  # -> [n_head, d_head, d_head]
    squared = np.einsum("hkd,hkd->hk", values @ gram, values)  # [n_head, n_past, d_head] -> [n_head, n_past]
    norms: FloatArray = np.sqrt(np.maximum(squared, 0))  # rounding may leave a little less than nothing
    return norms


def _as_array(w: Matrix) -> FloatArray:
    """A layer's matrix as the checkpoint has it, [n_in, n_out]."""
    if isinstance(w, Int8Matrix):
        return w.widened().T
    return w.array if isinstance(w, FloatMatrix) else w


def _rows(matrix: FloatArray) -> tuple[Sequence[float], ...]:
    return tuple(map(_plain, matrix))


# -- the whole text ----------------------------------------------------------------------------------------------------


class _Pictures:
    """A tap that keeps of one layer's weights the largest in each cell, as the rows come by.

    Attributes:
        cells: [n_head, size, size].
    """

    names = (WEIGHTS,)

    def __init__(self, layer: int, n_head: int, n_tokens: int, size: int) -> None:
        self.cells: FloatArray = np.zeros((n_head, size, size), dtype=np.float32)
        self._layer = layer
        self._bounds = [n_tokens * cell // size for cell in range(size + 1)]

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        if layer != self._layer:
            return
        columns = [bound for bound in self._bounds if bound < value.shape[2]]  # later tokens are not there yet
        for row, (start, stop) in enumerate(pairwise(self._bounds)):
            rows = value[:, max(0, start - first) : max(0, stop - first)]
            if rows.shape[1]:
                # [n_head, n_rows, n_kv] -> [n_head, n_kv] -> [n_head, n_columns]
                largest = np.maximum.reduceat(rows.max(axis=1), columns, axis=1)
                cells = self.cells[:, row, : len(columns)]
                np.maximum(cells, largest, out=cells)


def head_pictures(
    model: LanguageModel, ids: Sequence[int], layer: int, size: int, *, should_stop: Callable[[], bool] = never
) -> Iterator[Progress | HeadPictures]:
    """All heads of one layer over a whole text, each made as small as `size`: a cell keeps its largest weight.

    Only the layers up to this one are run, and no more than a block's weights are held at once.

    Args:
        model: float32 or int8.
        ids: the text, 1 to n_ctx tokens.
        layer: index of the block.
        size: the most rows and columns; a shorter text has a cell for each pair of tokens.
        should_stop: asked once a block of the text.

    Yields:
        Progress, and HeadPictures last; none of these when told to stop.
    """
    assert 0 < len(ids) <= model.config.n_ctx, f"{len(ids)} tokens for a context of {model.config.n_ctx}"
    size = min(size, len(ids))
    lower, tap = _up_to(model, layer), _Pictures(layer, model.config.n_head, len(ids), size)
    logits = yield from read_context(
        TappedModel(lower, tap), ids, KVCache(lower.config), "reading the text", should_stop
    )
    if logits is not None:
        yield HeadPictures(layer, size, tuple(map(_rows, tap.cells)))


def _up_to(model: LanguageModel, layer: int) -> LanguageModel:
    """The same model without the layers behind this one: what it says is no answer, where it looks is the same."""
    config = replace(model.config, n_layer=layer + 1)
    return replace(model, config=config, params=replace(model.params, blocks=model.params.blocks[: layer + 1]))
