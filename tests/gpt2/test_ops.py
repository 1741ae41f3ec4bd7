"""The five formulas, against their definitions in float64 and at their edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.ops import causal_softmax, gelu, layer_norm, linear, log_softmax, softmax


def normal(*shape: int, scale: float = 1.0) -> FloatArray:
    return (np.random.default_rng(5).standard_normal(shape) * scale).astype(np.float32)


def test_gelu_is_the_tanh_form() -> None:
    """The exact erf form differs in the fourth digit: 2.996 against 2.9964 at 3."""
    x = np.linspace(-6, 6, 97, dtype=np.float32)
    wide = x.astype(np.float64)
    expected = 0.5 * wide * (1 + np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))
    np.testing.assert_allclose(gelu(x), expected, rtol=1e-5, atol=1e-6)
    exact = 0.5 * wide * (1 + np.array([math.erf(value / math.sqrt(2)) for value in wide]))
    assert np.abs(gelu(x) - exact).max() > 1e-4


@pytest.mark.parametrize("x, expected", [(0.0, 0.0), (100.0, 100.0), (-100.0, 0.0)])
def test_gelu_far_out(x: float, expected: float) -> None:
    assert gelu(np.array([x], dtype=np.float32))[0] == expected


def test_gelu_leaves_its_argument() -> None:
    x = normal(3, 5)
    before = x.copy()
    gelu(x)
    np.testing.assert_array_equal(x, before)


def test_softmax_writes_into_its_argument_and_sums_to_one() -> None:
    x = normal(3, 7, scale=4)
    wide = np.exp(x.astype(np.float64))
    result = softmax(x)
    assert result is x
    np.testing.assert_allclose(x, wide / wide.sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(x.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    "x, expected",
    [
        pytest.param([1e38, 1e38], [0.5, 0.5], id="huge logits do not overflow"),
        pytest.param([-1e38, -1e38, -1e38, -1e38], [0.25] * 4, id="nor do tiny ones"),
        pytest.param([0, -math.inf, 0], [0.5, 0, 0.5], id="minus infinity is exactly zero"),
        pytest.param([3.5], [1], id="one"),
    ],
)
def test_softmax_at_the_edges(x: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(softmax(np.array(x, dtype=np.float32)), np.array(expected, dtype=np.float32))


@pytest.mark.parametrize(
    "n_seq, n_past, visible",
    [
        (1, 0, [[1]]),
        (3, 0, [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
        (2, 3, [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]),
        (1, 3, [[1, 1, 1, 1]]),
    ],
)
def test_causal_softmax_hides_what_comes_later(n_seq: int, n_past: int, visible: list[list[int]]) -> None:
    scores = normal(3, n_seq, n_past + n_seq)
    wide = np.where(np.array(visible) == 1, np.exp(scores.astype(np.float64)), 0)
    result = causal_softmax(scores, n_past)
    assert result is scores
    np.testing.assert_allclose(result, wide / wide.sum(-1, keepdims=True), rtol=1e-5)
    assert (result[:, np.array(visible) == 0] == 0).all()


@pytest.mark.parametrize("n_seq, n_past", [(300, 0), (200, 400)])
def test_long_causal_softmax_is_the_same_in_parts(n_seq: int, n_past: int) -> None:
    """Long enough for threads and for pieces that stay in the cache."""
    scores = normal(3, n_seq, n_past + n_seq)
    hidden = np.triu(np.ones((n_seq, n_past + n_seq), dtype=bool), n_past + 1)
    expected = softmax(np.where(hidden, np.float32(-np.inf), scores))
    np.testing.assert_array_equal(causal_softmax(scores, n_past), expected)


def test_gelu_of_much_is_the_same_in_parts_and_in_place() -> None:
    x = normal(300, 1001, scale=3)
    expected = np.concatenate([gelu(row) for row in x])
    result = gelu(x, out=x)
    assert result is x
    np.testing.assert_array_equal(x.reshape(-1), expected)


@pytest.mark.parametrize("n_seq", [1, 3])
def test_results_can_be_written_where_one_says(n_seq: int) -> None:
    x, g, b, w = normal(n_seq, 7), normal(7), normal(7) + np.float32(1), normal(7, 7)
    for formula in (layer_norm, lambda x, g, b, out=None: linear(x, w, b, out)):
        out = np.empty_like(x)
        expected = formula(x, g, b)
        assert formula(x, g, b, out=out) is out
        np.testing.assert_array_equal(out, expected)


def test_layer_norm_of_one_row_is_that_of_many() -> None:
    x, g, b = normal(4, 768, scale=3), normal(768), normal(768)
    rows = np.concatenate([layer_norm(row[None], g, b) for row in x])
    np.testing.assert_allclose(rows, layer_norm(x, g, b), rtol=1e-5, atol=1e-6)


def test_log_softmax_is_exact_where_softmax_is_zero() -> None:
    x = np.array([0, -200, -300], dtype=np.float32)
    np.testing.assert_array_equal(softmax(x.copy()), [1, 0, 0])
    np.testing.assert_array_equal(log_softmax(x), [0, -200, -300])


def test_log_softmax_is_the_log_of_softmax_and_leaves_its_argument() -> None:
    x = normal(3, 7)
    before = x.copy()
    np.testing.assert_allclose(log_softmax(x), np.log(softmax(x.copy())), atol=1e-6)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("eps", [1e-5, 1e-3, 0.5])
def test_layer_norm_divides_by_the_biased_deviation(eps: float) -> None:
    """The unbiased one (n - 1) would be 7 % off at this width."""
    x, g, b = normal(3, 7) + np.float32(2), normal(7, scale=2), normal(7)
    wide = x.astype(np.float64)
    expected = g * (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + eps) + b
    before = x.copy()
    np.testing.assert_allclose(layer_norm(x, g, b, eps), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(x, before)


def test_layer_norm_of_equal_numbers_is_its_bias() -> None:
    x, g, b = np.full((3, 5), 7, dtype=np.float32), normal(5), normal(5)
    np.testing.assert_allclose(layer_norm(x, g, b), np.tile(b, (3, 1)), atol=1e-3)


def test_linear_takes_its_matrix_as_stored() -> None:
    x, w, b = normal(3, 5), normal(5, 7), normal(7)
    np.testing.assert_allclose(linear(x, w, b), np.einsum("si,io->so", x, w) + b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "formula",
    [
        gelu,
        softmax,
        log_softmax,
        lambda x: layer_norm(x, normal(7), normal(7)),
        lambda x: linear(x, normal(7, 3), normal(3)),
    ],
    ids=["gelu", "softmax", "log_softmax", "layer_norm", "linear"],
)
def test_float32_stays_float32(formula: Callable[[FloatArray], FloatArray]) -> None:
    """One float64 scalar under NumPy 2 doubles the memory and halves the speed of all that follows."""
    assert formula(normal(3, 7)).dtype == np.float32
