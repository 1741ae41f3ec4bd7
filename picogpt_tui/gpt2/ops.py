"""The formulas a GPT-2 is made of, float32 in and out.

Constants are float32: under NumPy 2 a float64 scalar such as `np.sqrt(2 / np.pi)` would turn every array it meets into
float64. Where a function writes into its argument, its first line says so.
"""

from __future__ import annotations

import math

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.params import Matrix
from picogpt_tui.gpt2.threads import in_parts

_LINEAR = np.float32(-2 * math.sqrt(2.0 / math.pi))
_CUBIC = np.float32(-2 * math.sqrt(2.0 / math.pi) * 0.044715)
_ONE = np.float32(1.0)
_CACHED = 2**16
"""Numbers that a core's cache holds: work that passes over its array several times does so in pieces of this size."""
_WORTH_A_THREAD = 2**17


def gelu(x: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Gaussian error linear unit, in GPT-2's tanh form (https://arxiv.org/abs/1606.08415).

    0.5 x (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), computed as the same x / (1 + exp(-2 u)): an
    exponential costs half of a tanh. The exact erf form gives other digits.

    Args:
        x: any shape.
        out: where to write, contiguous as x is; may be x.
    """
    out = np.empty_like(x) if out is None else out
    if x.size <= _CACHED:
        _gelu_piece(x, out)
        return out
    flat, result = x.reshape(-1), out.reshape(-1)

    def part(start: int, stop: int) -> None:
        for first in range(start, stop, _CACHED):
            piece = slice(first, min(first + _CACHED, stop))
            _gelu_piece(flat[piece], result[piece])

    in_parts(part, flat.size, _WORTH_A_THREAD)
    return out


def _gelu_piece(x: FloatArray, out: FloatArray) -> None:
    with np.errstate(over="ignore"):  # far below zero, where the answer is x / inf = 0
        exp = x * x  # x * x * x, not x**3: a power of a float32 array is forty times slower
        exp *= _CUBIC
        exp += _LINEAR
        exp *= x
        np.exp(exp, out=exp)
        exp += _ONE
        np.divide(x, exp, out=out)


def softmax(x: FloatArray) -> FloatArray:
    """Writes into x: exp(x) / sum(exp(x)) over the last axis, with the maximum subtracted first.

    An entry of -inf becomes exactly 0.
    """
    x -= x.max(axis=-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=-1, keepdims=True)
    return x


def log_softmax(x: FloatArray) -> FloatArray:
    """log(softmax(x)) over the last axis in nats, computed as such: exact where softmax underflows to 0."""
    shifted: FloatArray = x - x.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def causal_softmax(scores: FloatArray, n_past: int) -> FloatArray:
    """Writes into scores: softmax over the last axis, where no token sees those behind it.

    Args:
        scores: [n_head, n_seq, n_past + n_seq]; the queries are the last n_seq positions, so key j is visible to
            query i when j <= n_past + i.
        n_past: how many tokens come before the first query.
    """
    n_head, n_seq, n_kv = scores.shape
    if n_seq == 1:
        return softmax(scores)
    hidden = np.triu(np.full((n_seq, n_seq), -np.inf, dtype=np.float32), 1)
    rows = max(1, _CACHED // n_kv)

    def part(start: int, stop: int) -> None:
        for head in scores[start:stop]:
            head[:, n_past:] += hidden
            for first in range(0, n_seq, rows):
                softmax(head[first : first + rows])

    in_parts(part, n_head, max(1, _WORTH_A_THREAD // (n_seq * n_kv)))
    return scores


def layer_norm(
    x: FloatArray, g: FloatArray, b: FloatArray, eps: float = 1e-5, out: FloatArray | None = None
) -> FloatArray:
    """Bring each row to mean 0 and variance 1 (biased), then scale by g and shift by b.

    Args:
        x: [n_seq, n_embd].
        g: [n_embd], gain.
        b: [n_embd], bias.
        eps: added to the variance; the config's `layer_norm_epsilon`.
        out: where to write, [n_seq, n_embd].
    """
    if len(x) == 1:
        return _layer_norm_of_one(x, g, b, eps, np.empty_like(x) if out is None else out)
    n = np.float32(x.shape[-1])
    centered: FloatArray = np.subtract(x, x.sum(axis=-1, keepdims=True) / n, out=out)
    variance = np.einsum("...i,...i->...", centered, centered)[..., None] / n  # [n_seq, n_embd] -> [n_seq, 1]
    centered /= np.sqrt(variance + np.float32(eps))
    centered *= g
    centered += b
    return centered


def _layer_norm_of_one(x: FloatArray, g: FloatArray, b: FloatArray, eps: float, out: FloatArray) -> FloatArray:
    """The same for one row, by scalars: as arrays they cost more than all that is done to the row itself."""
    n, centered = x.size, out[0]
    np.subtract(x[0], np.add.reduce(x[0]) / np.float32(n), out=centered)
    centered *= np.float32(1 / math.sqrt(float(np.dot(centered, centered)) / n + eps))
    centered *= g
    centered += b
    return out


def linear(x: FloatArray, w: Matrix, b: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """X @ w + b.

    Args:
        x: [n_seq, n_in].
        w: [n_in, n_out], as the checkpoint has it; or [n_out, n_in] in int8.
        b: [n_out].
        out: where to write, [n_seq, n_out].
    """
    if not isinstance(w, np.ndarray):
        return w.product(x, b, out)
    y: FloatArray = np.matmul(x, w, out=out)
    y += b
    return y
