"""The five formulas a GPT-2 is made of, float32 in and out.

Constants are float32: under NumPy 2 a float64 scalar such as `np.sqrt(2 / np.pi)` would turn every array it meets into
float64. Where a function writes into its argument, its first line says so.
"""

from __future__ import annotations

import math

import numpy as np

from picogpt_tui.gpt2.params import FloatArray

_SQRT_2_OVER_PI = np.float32(math.sqrt(2.0 / math.pi))
_CUBIC = np.float32(0.044715)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)


def gelu(x: FloatArray) -> FloatArray:
    """Gaussian error linear unit, in GPT-2's tanh form (https://arxiv.org/abs/1606.08415).

    0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); the exact erf form gives other digits.
    """
    inner = x * x  # x * x * x, not x**3: a power of a float32 array is forty times slower
    inner *= _CUBIC
    inner += _ONE
    inner *= x
    inner *= _SQRT_2_OVER_PI
    np.tanh(inner, out=inner)
    inner += _ONE
    inner *= x
    inner *= _HALF
    return inner


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


def layer_norm(x: FloatArray, g: FloatArray, b: FloatArray, eps: float = 1e-5) -> FloatArray:
    """Bring each row to mean 0 and variance 1 (biased), then scale by g and shift by b.

    Args:
        x: [n_seq, n_embd].
        g: [n_embd], gain.
        b: [n_embd], bias.
        eps: added to the variance; the config's `layer_norm_epsilon`.
    """
    n = np.float32(x.shape[-1])
    centered: FloatArray = x - x.sum(axis=-1, keepdims=True) / n
    variance = np.einsum("...i,...i->...", centered, centered)[..., None] / n  # [n_seq, n_embd] -> [n_seq, 1]
    centered /= np.sqrt(variance + np.float32(eps))
    centered *= g
    centered += b
    return centered


def linear(x: FloatArray, w: FloatArray, b: FloatArray) -> FloatArray:
    """X @ w + b. w: [n_in, n_out], as the checkpoint stores it."""
    y: FloatArray = x @ w  # [n_seq, n_in] -> [n_seq, n_out]
    y += b
    return y
