"""Memory is asked for once, and each name has its own."""

from __future__ import annotations

import numpy as np

from picogpt_tui.gpt2.scratch import Scratch


def test_the_same_memory_comes_again_in_any_shape() -> None:
    scratch = Scratch()
    first = scratch.array("a", 3, 5)
    assert (first.shape, first.dtype) == ((3, 5), np.dtype(np.float32))
    assert np.shares_memory(first, scratch.array("a", 3, 5))
    assert np.shares_memory(first, scratch.array("a", 5, 3))
    assert np.shares_memory(first, scratch.array("a", 2))


def test_it_grows_where_more_is_asked_for() -> None:
    scratch = Scratch()
    scratch.array("a", 2)
    assert scratch.array("a", 100, 7).shape == (100, 7)
    assert scratch.array("a", 2).shape == (2,)


def test_names_do_not_mix() -> None:
    scratch = Scratch()
    one, other = scratch.array("one", 4), scratch.array("other", 4)
    one[:], other[:] = 1, 2
    assert (one == 1).all()
