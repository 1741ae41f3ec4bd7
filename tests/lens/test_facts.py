"""Facts of many positions at once equal those that a generated token carries."""

from __future__ import annotations

import numpy as np
import pytest

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import shape
from picogpt_tui.lens.facts import token_facts
from picogpt_tui.settings import PURE

from ..gpt2.checkpoints import random_ids


def test_they_are_what_the_sampler_says_of_each_position(tiny_model: LanguageModel) -> None:
    ids = random_ids(tiny_model.config, 11)
    logits = tiny_model.logits(ids)[:-1]
    for row, id, facts in zip(logits, ids[1:], token_facts(logits, ids[1:], 7), strict=True):
        shaped = shape(row, PURE)
        assert facts.logprob == pytest.approx(float(shaped.logprobs[id]), abs=1e-5)
        assert facts.rank == shaped.rank(id)
        assert facts.entropy == pytest.approx(shaped.entropy, rel=1e-5)
        assert [one for one, _ in facts.alternatives] == shaped.top_ids(7)
        assert [value for _, value in facts.alternatives] == pytest.approx(
            shaped.logprobs[shaped.top_ids(7)].tolist(), abs=1e-5
        )


def test_equal_logits_stand_in_the_order_of_their_ids_and_share_a_rank() -> None:
    logits = np.array([[1, 3, 3, 0, 3]], dtype=np.float32)
    (facts,) = token_facts(logits, [4], 2)
    assert facts.rank == 0
    assert [id for id, _ in facts.alternatives] == [1, 2]


def test_certainty_has_no_entropy_and_no_nan() -> None:
    """Probabilities underflow to 0 there, and 0 times minus infinity would be nan."""
    logits = np.array([[1000, -1000, -1000]], dtype=np.float32)
    (facts,) = token_facts(logits, [1], 3)
    assert facts.entropy == 0
    assert facts.logprob == -2000


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_told(bad: float) -> None:
    logits = np.array([[1, bad, 0]], dtype=np.float32)
    with pytest.raises(PicoGPTError, match="overflowed"):
        token_facts(logits, [0], 1)
