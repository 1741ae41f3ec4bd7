"""Int8 weights stand for nearly the same float32 weights, whichever way they are multiplied."""

from __future__ import annotations

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray, Int8Array
from picogpt_tui.gpt2.int8 import Int8Matrix, quantize
from picogpt_tui.gpt2.int8_kernel import KERNEL, Compiled, Kernel

from .kernels import absent_kernel, compiled, use_kernel

SHAPES = [(1, 1), (7, 3), (3, 1025), (700, 48), (300, 1600)]


def normal(*shape: int, seed: int = 5) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


@pytest.fixture(params=["numba", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to multiply; without numba only the second."""
    if request.param == "numpy":
        use_kernel(monkeypatch, absent_kernel())
    elif not KERNEL.wait():
        pytest.skip(KERNEL.trouble)
    return str(request.param)


# --- the numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_each_weight_is_off_by_half_a_step_at_most(shape: tuple[int, int]) -> None:
    w = normal(*shape)
    matrix = quantize(w)
    assert matrix.rows.dtype == np.dtype(np.int8)
    assert matrix.scales.dtype == np.dtype(np.float32)
    np.testing.assert_allclose(matrix.scales, np.abs(w).max(axis=1) / 127, rtol=1e-6)
    assert (np.abs(matrix.widened() - w) <= matrix.scales[:, None] * 0.5001).all()
    assert (np.abs(matrix.rows).max(axis=1) == 127).all()


def test_whole_numbers_are_kept_as_they_are() -> None:
    w = np.array([[127, -127, 5, 0], [-127, 1, -1, 64]], dtype=np.float32)
    np.testing.assert_array_equal(quantize(w).rows, w)
    np.testing.assert_array_equal(quantize(w / np.float32(127)).widened(), w / np.float32(127))


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-45, -1e-44, 1e-38, 3e38, -3e38])
def test_rows_at_the_ends_of_float32(value: float) -> None:
    """Zeros, numbers too small to have an inverse, the largest: nothing becomes nan, no sign is lost."""
    w = np.full((3, 5), value, dtype=np.float32)
    w[1] = normal(5)
    matrix = quantize(w)
    assert np.isfinite(matrix.scales).all()
    np.testing.assert_allclose(matrix.widened()[[0, 2]], w[[0, 2]], rtol=1e-5, atol=2e-37)
    np.testing.assert_array_equal(matrix.rows[1], quantize(w[1:2]).rows[0])


def test_a_matrix_of_zeros_multiplies_to_zeros(way: str) -> None:
    matrix = quantize(np.zeros((9, 7), dtype=np.float32))
    np.testing.assert_array_equal(matrix.product(normal(2, 7)), np.zeros((2, 9)))


def test_rows_are_picked_as_from_an_array() -> None:
    matrix = quantize(normal(7, 5))
    np.testing.assert_array_equal(matrix[[3, 0, 3]], matrix.widened()[[3, 0, 3]])
    assert (matrix.size, matrix.nbytes) == (35, 35 + 4 * 7)


def filled(rows: Int8Array, scales: FloatArray, x: FloatArray, y: FloatArray) -> None:
    y.fill(42)


# --- the products --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_seq", [1, 2, 8, 16, 17, 40])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_product_is_that_of_the_float32_it_stands_for(way: str, shape: tuple[int, int], n_seq: int) -> None:
    matrix, x, b = quantize(normal(*shape)), normal(n_seq, shape[1]), normal(shape[0])
    expected = x.astype(np.float64) @ matrix.widened().T.astype(np.float64)
    close = 2e-6 * float(np.abs(expected).max()) + 1e-6
    np.testing.assert_allclose(matrix.product(x), expected, rtol=1e-5, atol=close)
    out = np.empty((n_seq, shape[0]), dtype=np.float32)
    assert matrix.product(x, b, out) is out
    np.testing.assert_allclose(out, expected + b, rtol=1e-5, atol=close)


def test_tokens_read_together_are_those_read_alone(way: str) -> None:
    """To the last bit but three: what prompt lookup relies on."""
    matrix, x = quantize(normal(300, 768)), normal(8, 768)
    alone = np.concatenate([matrix.product(row[None]) for row in x])
    np.testing.assert_allclose(matrix.product(x), alone, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_has_overflowed_stays_seen(way: str, bad: float) -> None:
    x = normal(1, 48)
    x[0, 13] = bad
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(quantize(normal(70, 48)).product(x)).any()


def test_weights_that_may_not_be_written_are_read(way: str) -> None:
    matrix, x = quantize(normal(7, 5)), normal(1, 5)
    for array in (matrix.rows, matrix.scales, x):
        array.flags.writeable = False
    np.testing.assert_allclose(matrix.product(x)[0], matrix.widened() @ x[0], rtol=1e-5, atol=1e-6)


def test_the_kernel_is_asked_for_by_the_first_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt is read without it; and until it is there, all goes on."""
    made: list[Kernel] = []

    def compile() -> Compiled:
        made.append(kernel)
        return compiled(filled)

    kernel = use_kernel(monkeypatch, Kernel(compile, lambda: None))
    matrix, x = quantize(normal(7, 5)), normal(3, 5)
    np.testing.assert_allclose(matrix.product(x), x @ matrix.widened().T, rtol=1e-5, atol=1e-6)
    assert made == []
    matrix.product(x[:1])
    assert kernel.wait()
    assert made == [kernel]
    np.testing.assert_array_equal(matrix.product(x[:1]), np.full((1, 7), 42))


def test_many_tokens_never_go_through_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    assert use_kernel(monkeypatch, Kernel(lambda: compiled(filled), lambda: None)).wait()
    matrix: Int8Matrix = quantize(normal(7, 5))
    x = normal(100, 5)
    np.testing.assert_allclose(matrix.product(x), x @ matrix.widened().T, rtol=1e-5, atol=1e-6)
