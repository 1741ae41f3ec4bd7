"""Heads as a screen shows them: which of two numbers is shown, and with the first token or without it."""

from __future__ import annotations

import pytest

from picogpt_tui.readings import Attention
from picogpt_tui.session.heads import head_glances, head_values

FOUND = Attention(2, (((0.7, 0.1, 0.2), (0.2, 0.6, 0.2)),), (((1.0, 6.0, 3.0), (0.0, 1.0, 1.0)),))
"""One layer of two heads; what comes through of the first token is short."""


@pytest.mark.parametrize(
    "by_norm, no_sink, expected",
    [
        pytest.param(False, False, [0.7, 0.1, 0.2], id="weights"),
        pytest.param(False, True, [0, 1 / 3, 2 / 3], id="weights without the first token sum to 1 again"),
        pytest.param(True, False, [0.1, 0.6, 0.3], id="norms as parts of their sum"),
        pytest.param(True, True, [0, 2 / 3, 1 / 3], id="norms without the first token"),
    ],
)
def test_values(by_norm: bool, no_sink: bool, expected: list[float]) -> None:
    assert list(head_values(FOUND, 0, 0, by_norm=by_norm, no_sink=no_sink)) == pytest.approx(expected)


def test_a_glance_tells_the_sink_before_it_is_left_out() -> None:
    whole, without = (head_glances(FOUND, by_norm=False, no_sink=no_sink) for no_sink in (False, True))
    assert [[one.sink for one in layer] for layer in whole] == [[pytest.approx(0.7), pytest.approx(0.2)]]
    assert [[one.sink for one in layer] for layer in without] == [[pytest.approx(0.7), pytest.approx(0.2)]]
    assert [one.key for one in without[0]] == [2, 1]
    assert [one.weight for one in without[0]] == pytest.approx([2 / 3, 0.75])
    assert without[0][0].entropy < whole[0][0].entropy


def test_one_token_alone_has_nothing_beside_it() -> None:
    alone = Attention(0, (((1.0,),),), (((2.0,),),))
    assert list(head_values(alone, 0, 0, by_norm=False, no_sink=True)) == [0]
    ((glance,),) = head_glances(alone, by_norm=False, no_sink=True)
    assert (glance.sink, glance.key) == (1, 0)
