"""What numba compiles: products of int8 weights with few tokens, and a whole block for one token. Imported in no hurry.

Weights are widened on their way into the processor and multiplied as float32, so that a quarter of the bytes is read.
Activations stay float32. Rounding them to whole numbers makes the loop half as fast again on processors with narrow
vectors, and was tried: but what is rounded parts where its input differs in the last bit, as it does between a token
that is read along with others and one that is read alone, and of answers of 120 tokens half came out otherwise.

`block` is `model.transformer_block` for a token that comes alone, formula by formula: what NumPy takes to be called
forty times a layer is a fifth of such a token's time in a small model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

OLDEST_NUMBA = (0, 60)
if numba.version_info.short < OLDEST_NUMBA:
    raise ImportError(f"{numba.__version__} is too old, {'.'.join(map(str, OLDEST_NUMBA))} is needed")

_F4 = numba.types.float32
_INT = numba.types.intp
_ONE = np.float32(1)
_LINEAR = np.float32(-2 * math.sqrt(2.0 / math.pi))
_CUBIC = np.float32(-2 * math.sqrt(2.0 / math.pi) * 0.044715)


def _read_only(dtype: Any, ndim: int) -> Any:
    return numba.types.Array(dtype, ndim, "C", readonly=True)


_VECTOR, _ROWS = _read_only(_F4, 1), _read_only(numba.types.int8, 2)
_NORM, _LINEAR_LAYER = (_VECTOR, _VECTOR), (_ROWS, _VECTOR, _VECTOR)


def _compiled(*types: Any, parallel: bool = False) -> Callable[[Any], Any]:
    """Compile a function of these arguments now, or read it from numba's cache on disk."""
    # any order of additions, so that they are done side by side; but nan and infinity stay what they are
    options: dict[str, Any] = {"parallel": parallel, "nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(numba.void(*types), cache=True, **options)(function)
        except RuntimeError:  # there is no folder that numba could keep it in
            return numba.njit(numba.void(*types), **options)(function)

    return decorate


@_compiled(_ROWS, _VECTOR, _read_only(_F4, 2), _F4[:, ::1], parallel=True)
def product(rows: Any, scales: Any, x: Any, y: Any) -> None:
    """Writes y [n_seq, n_out] = x [n_seq, n_in] @ (rows [n_out, n_in] * scales [n_out]).T."""
    n_out, n_in = rows.shape
    if len(x) == 1:
        for out in numba.prange(n_out):
            row, total = rows[out], np.float32(0)
            for i in range(n_in):
                total += np.float32(row[i]) * x[0, i]
            y[0, out] = total * scales[out]
        return
    last, last_out = len(x) - 1, n_out - 1
    for pair in numba.prange((n_out + 1) // 2):
        # two rows by four tokens: what is fetched is multiplied several times; at the ends some are multiplied again
        one, other = 2 * pair, min(2 * pair + 1, last_out)
        v, w = np.empty(n_in, np.float32), np.empty(n_in, np.float32)
        for i in range(n_in):
            v[i] = np.float32(rows[one, i])
        for i in range(n_in):
            w[i] = np.float32(rows[other, i])
        for first in range(0, len(x), 4):
            second, third, fourth = min(first + 1, last), min(first + 2, last), min(first + 3, last)
            a, b, c, d = x[first], x[second], x[third], x[fourth]
            va = vb = vc = vd = wa = wb = wc = wd = np.float32(0)
            for i in range(n_in):
                va += v[i] * a[i]
                vb += v[i] * b[i]
                vc += v[i] * c[i]
                vd += v[i] * d[i]
                wa += w[i] * a[i]
                wb += w[i] * b[i]
                wc += w[i] * c[i]
                wd += w[i] * d[i]
            y[fourth, one], y[fourth, other] = vd * scales[one], wd * scales[other]
            y[third, one], y[third, other] = vc * scales[one], wc * scales[other]
            y[second, one], y[second, other] = vb * scales[one], wb * scales[other]
            y[first, one], y[first, other] = va * scales[one], wa * scales[other]


@_compiled(_VECTOR, *_NORM, _F4, _F4[::1])
def _layer_norm(x: Any, g: Any, b: Any, eps: Any, out: Any) -> None:
    n = x.size
    mean = np.float32(0)
    for i in range(n):
        mean += x[i]
    mean /= np.float32(n)
    variance = np.float32(0)
    for i in range(n):
        variance += (x[i] - mean) * (x[i] - mean)
    scale = _ONE / np.float32(math.sqrt(variance / np.float32(n) + eps))
    for i in range(n):
        out[i] = (x[i] - mean) * scale * g[i] + b[i]


@_compiled(_F4[::1], _F4[:, ::1], _F4[:, ::1], _INT, _F4[::1])
def _head(q: Any, keys: Any, values: Any, n_kv: Any, out: Any) -> None:
    """One head's answer to the query q [d_head]: softmax(q @ keys.T) @ values, of the first n_kv."""
    weights = np.empty(n_kv, np.float32)
    top = np.float32(-np.inf)
    for j in range(n_kv):
        score = np.float32(0)
        for i in range(q.size):
            score += q[i] * keys[j, i]
        weights[j] = score
        top = max(top, score)
    total = np.float32(0)
    out[:] = 0
    for j in range(n_kv):
        weight = np.float32(math.exp(weights[j] - top))
        total += weight
        for i in range(q.size):
            out[i] += weight * values[j, i]
    for i in range(q.size):
        out[i] /= total


@_compiled(
    _F4[:, ::1], *_NORM, *_LINEAR_LAYER, *_LINEAR_LAYER, *_NORM, *_LINEAR_LAYER, *_LINEAR_LAYER,
    _F4[:, :, ::1], _F4[:, :, ::1], _INT, _F4,
    parallel=True,
)  # fmt: skip
def block(
    x: Any,
    ln_1_g: Any, ln_1_b: Any, qkv_rows: Any, qkv_scales: Any, qkv_b: Any, mix_rows: Any, mix_scales: Any, mix_b: Any,
    ln_2_g: Any, ln_2_b: Any, fc_rows: Any, fc_scales: Any, fc_b: Any, proj_rows: Any, proj_scales: Any, proj_b: Any,
    keys: Any, values: Any, n_past: Any, eps: Any,
) -> None:  # fmt: skip
    """Writes into x [1, n_embd], and the token's keys and values at n_past of [n_head, n_room, d_head]."""
    n_embd, (n_head, _, d_head) = x.shape[1], keys.shape
    normed, answer = np.empty((1, n_embd), np.float32), np.empty((1, n_embd), np.float32)
    qkv, wide = np.empty((1, 3 * n_embd), np.float32), np.empty((1, fc_rows.shape[0]), np.float32)

    _layer_norm(x[0], ln_1_g, ln_1_b, eps, normed[0])
    product(qkv_rows, qkv_scales, normed, qkv)
    scale = np.float32(1 / math.sqrt(d_head))
    for head in numba.prange(n_head):
        q = np.empty(d_head, np.float32)
        first = head * d_head
        for i in range(d_head):
            q[i] = (qkv[0, first + i] + qkv_b[first + i]) * scale
            keys[head, n_past, i] = qkv[0, n_embd + first + i] + qkv_b[n_embd + first + i]
            values[head, n_past, i] = qkv[0, 2 * n_embd + first + i] + qkv_b[2 * n_embd + first + i]
        _head(q, keys[head], values[head], n_past + 1, answer[0, first : first + d_head])
    product(mix_rows, mix_scales, answer, normed)
    for i in range(n_embd):
        x[0, i] += normed[0, i] + mix_b[i]

    _layer_norm(x[0], ln_2_g, ln_2_b, eps, normed[0])
    product(fc_rows, fc_scales, normed, wide)
    for i in numba.prange(wide.shape[1]):
        u = wide[0, i] + fc_b[i]
        wide[0, i] = u / (_ONE + np.float32(math.exp((u * u * _CUBIC + _LINEAR) * u)))
    product(proj_rows, proj_scales, wide, answer)
    for i in range(n_embd):
        x[0, i] += answer[0, i] + proj_b[i]
