"""A matrix that turns when tokens come one at a time: the same numbers, another order in memory, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.float_matrix import FloatMatrix, by_columns
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.model import forward
from picogpt_tui.gpt2.params import Params, params_from_tensors
from picogpt_tui.gpt2.weights import load_params

from .checkpoints import TINY, random_tensors


def normal(*shape: int) -> FloatArray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 32), (100, 333)])
def test_by_columns_is_the_same_matrix(shape: tuple[int, int]) -> None:
    matrix = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    columns = by_columns(matrix)
    assert columns.T.flags.c_contiguous
    np.testing.assert_array_equal(columns, matrix)


def test_many_tokens_are_multiplied_as_the_matrix_lies() -> None:
    stored, b = normal(48, 80), normal(80)
    matrix = FloatMatrix(stored, lambda: pytest.fail("its bytes are still needed"))
    x = normal(5, 48)
    np.testing.assert_array_equal(matrix.product(x, b), x @ stored + b)
    assert matrix.array is stored


def test_one_token_turns_it_once_and_lets_its_bytes_go() -> None:
    stored, let_go = normal(48, 80), list[str]()
    matrix, out = FloatMatrix(stored, lambda: let_go.append("once")), np.empty((1, 80), dtype=np.float32)
    for _ in range(2):
        assert matrix.product(normal(1, 48), None, out) is out
    np.testing.assert_allclose(out, normal(1, 48) @ stored, rtol=1e-5, atol=1e-5)
    assert matrix.array.flags.f_contiguous
    assert let_go == ["once"]
    assert (matrix.size, matrix.nbytes) == (48 * 80, 4 * 48 * 80)
    np.testing.assert_array_equal(matrix.array, stored)


def test_it_turns_once_where_two_ask_at_once() -> None:
    let_go, together = list[str](), Barrier(4)
    matrix = FloatMatrix(normal(400, 300), lambda: let_go.append("once"))

    def ask(_: int) -> FloatArray:
        together.wait()
        return matrix.product(normal(1, 400))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert let_go == ["once"]
    for answer in answers:
        np.testing.assert_array_equal(answer, answers[0])


def test_a_loaded_model_turns_with_its_second_token_and_says_the_same(tiny_model_dir: Callable[..., Path]) -> None:
    *_, params = load_params(tiny_model_dir(), TINY)
    assert isinstance(params, Params)
    plain, cache = params_from_tensors(random_tensors(TINY, 1), TINY), KVCache(TINY)
    matrix = params.blocks[0].mlp.c_fc.w
    assert isinstance(matrix, FloatMatrix)
    forward([1, 2, 3], params, TINY, cache)
    assert matrix.array.flags.c_contiguous
    logits = forward([4], params, TINY, cache)
    assert matrix.array.flags.f_contiguous
    np.testing.assert_allclose(logits, forward([1, 2, 3, 4], plain, TINY, KVCache(TINY)), rtol=1e-4, atol=1e-5)
    for name, array in params.walk():
        np.testing.assert_array_equal(array, dict(plain.walk())[name])
