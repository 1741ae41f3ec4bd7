"""Windows over a text, and the hidden states that its tokens are predicted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from picogpt_tui.errors import SettingError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.taps import Tap
from picogpt_tui.lens.windows import HiddenRows, hidden_rows, window_shape, windows

from ..gpt2.checkpoints import TINY, random_ids
from .random_models import random_model


@pytest.mark.parametrize(
    "n_tokens, n_ctx, stride, expected",
    [
        pytest.param(0, 5, 2, [], id="no text, no window"),
        pytest.param(1, 5, 2, [(0, 1, 1)], id="a token alone is not scored"),
        pytest.param(5, 5, 2, [(0, 1, 5)], id="what fits is one window"),
        pytest.param(6, 5, 2, [(0, 1, 5), (2, 5, 6)], id="one token more is a window more, of the tokens left"),
        pytest.param(9, 5, 2, [(0, 1, 5), (2, 5, 7), (4, 7, 9)], id="each scores what the one before did not"),
        pytest.param(7, 3, 3, [(0, 1, 3), (3, 4, 6), (6, 7, 7)], id="without overlap each window's first is left out"),
        pytest.param(4, 2, 1, [(0, 1, 2), (1, 2, 3), (2, 3, 4)], id="stride 1 scores a token a window"),
        pytest.param(2, 1, 1, [(0, 1, 1), (1, 2, 2)], id="a window of one token scores nothing"),
    ],
)
def test_windows(n_tokens: int, n_ctx: int, stride: int, expected: list[tuple[int, int, int]]) -> None:
    assert [(one.start, one.first, one.stop) for one in windows(n_tokens, n_ctx, stride)] == expected


@pytest.mark.parametrize("n_ctx, stride", [(7, 1), (7, 3), (7, 6), (8, 5)])
def test_overlapping_windows_score_every_token_but_the_first_exactly_once(n_ctx: int, stride: int) -> None:
    for n_tokens in range(1, 40):
        found = [position for one in windows(n_tokens, n_ctx, stride) for position in range(one.first, one.stop)]
        assert found == list(range(1, n_tokens))


def test_a_window_is_the_whole_context_and_moves_on_by_half_of_it() -> None:
    assert window_shape(TINY) == (13, 6)
    assert window_shape(TINY, n_ctx=9) == (9, 4)
    assert window_shape(replace(TINY, n_ctx=1)) == (1, 1)


@pytest.mark.parametrize("n_ctx, stride", [(14, None), (0, None), (None, 0), (None, 14), (5, 6)])
def test_a_window_that_does_not_fit_and_a_stride_that_skips_are_refused(n_ctx: int | None, stride: int | None) -> None:
    with pytest.raises(SettingError, match="must be a whole number from 1 to"):
        window_shape(TINY, n_ctx, stride)


def rows_of(model: LanguageModel, ids: Sequence[int], **options: Any) -> list[HiddenRows]:
    return [step for step in hidden_rows(model, ids, **options) if isinstance(step, HiddenRows)]


def test_a_row_unembeds_to_the_logits_that_its_token_was_predicted_from() -> None:
    model, ids = random_model(), random_ids(TINY, 13)
    (rows,) = rows_of(model, ids)

    assert (rows.first, rows.hidden.shape) == (1, (12, TINY.n_embd))
    assert rows.hidden.dtype == np.float32
    np.testing.assert_allclose(model.unembed(rows.hidden), model.logits(ids)[:-1], rtol=1e-4, atol=1e-5)


def test_a_row_of_a_later_window_has_seen_what_that_window_holds() -> None:
    model, ids = random_model(), random_ids(TINY, 20)
    rows = rows_of(model, ids, stride=5)[1]

    assert (rows.first, len(rows.hidden)) == (13, 5)
    np.testing.assert_allclose(model.unembed(rows.hidden), model.logits(ids[5:18])[7:12], rtol=1e-4, atol=1e-5)


def test_rows_come_at_most_64_at_a_time_and_in_order(stories: LanguageModel) -> None:
    """The logits of a whole window of 124M would take 206 MB."""
    rows = rows_of(stories, random_ids(stories.config, 300), stride=100, n_ctx=150)

    assert max(len(one.hidden) for one in rows) == 64
    assert [position for one in rows for position in range(one.first, one.first + len(one.hidden))] == [*range(1, 300)]


def test_a_block_boundary_in_a_window_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids = random_model(), random_ids(TINY, 31)
    whole = np.concatenate([rows.hidden for rows in rows_of(model, ids, stride=4)])
    for n_block in (1, 3, 5, 12):
        monkeypatch.setattr("picogpt_tui.lens.windows.prefill_block", lambda config, n_block=n_block: n_block)
        blocks = np.concatenate([rows.hidden for rows in rows_of(model, ids, stride=4)])
        np.testing.assert_allclose(blocks, whole, rtol=1e-4, atol=1e-5)


class Counting(LanguageModel):
    """Notes how many tokens it reads at once."""

    read: list[int]

    def hidden_states(self, ids: Sequence[int], cache: KVCache, *, tap: Tap | None = None) -> FloatArray:
        self.read.append(len(ids))
        return super().hidden_states(ids, cache, tap=tap)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch, tiny_model: LanguageModel) -> Counting:
    monkeypatch.setattr(Counting, "read", [], raising=False)
    model = tiny_model
    return Counting(model.name, model.directory, model.config, model.params, model.tokenizer)


def test_the_last_token_of_a_window_is_not_read_for_it_predicts_none(counting: Counting) -> None:
    rows_of(counting, random_ids(TINY, 16), stride=8)

    assert counting.read == [12, 7]


@pytest.mark.parametrize("ids", [[], [5]])
def test_a_text_with_nothing_to_predict_is_not_read(counting: Counting, ids: list[int]) -> None:
    assert rows_of(counting, ids) == []
    assert counting.read == []
