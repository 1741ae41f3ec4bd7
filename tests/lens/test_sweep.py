"""Each part taken out alone moves the answer as far as when it is operated on by itself; it only costs less."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from picogpt_tui.errors import SettingError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.params import params_from_tensors
from picogpt_tui.lens.surgery import operate
from picogpt_tui.lens.sweep import sweep
from picogpt_tui.readings import Cut, CutEffect, Surgery
from picogpt_tui.settings import INT8, PURE

from ..gpt2.checkpoints import TINY, random_ids
from .random_models import SMALL, random_model


def parts_of(config: GPT2Config) -> list[Cut]:
    """All heads and MLPs, those of the lowest layer first."""
    return [
        part
        for layer in range(config.n_layer)
        for part in (*(Cut("head", layer, head) for head in range(config.n_head)), Cut("mlp", layer))
    ]


def effects_of(model: LanguageModel, ids: Sequence[int], parts: Sequence[Cut]) -> dict[str, float]:
    return {step.cut.name: step.kl for step in sweep(model, ids, parts) if isinstance(step, CutEffect)}


def kl_of(model: LanguageModel, ids: Sequence[int], cut: Cut) -> float:
    *_, found = operate(model, ids, len(ids) - 1, [cut], PURE, 1, cache=KVCache(model.config))
    assert isinstance(found, Surgery)
    return found.kl


@pytest.mark.parametrize("config", SMALL, ids=str)
@pytest.mark.parametrize("n_tokens", [1, 9])
def test_a_part_alone_moves_the_answer_as_far_as_an_operation_on_it(config: GPT2Config, n_tokens: int) -> None:
    model, ids, parts = random_model(config), random_ids(config, n_tokens), parts_of(config)
    found = effects_of(model, ids, parts)
    assert list(found) == [part.name for part in parts]
    assert found == pytest.approx({part.name: kl_of(model, ids, part) for part in parts}, rel=1e-3, abs=1e-5)
    assert len({round(kl, 7) for kl in found.values()}) > 1, "parts that all weigh the same prove nothing"


def test_a_text_read_in_blocks_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids, parts = random_model(), random_ids(TINY, 11), parts_of(TINY)
    at_once = effects_of(model, ids, parts)
    monkeypatch.setattr("picogpt_tui.gpt2.reader.prefill_block", lambda config: 3)
    assert effects_of(model, ids, parts) == pytest.approx(at_once, rel=1e-3, abs=1e-5)


def test_only_what_is_asked_for_is_tried_and_progress_comes_before_each() -> None:
    parts = [Cut("head", 0, 1), Cut("mlp", 2)]
    steps = list(sweep(random_model(), random_ids(TINY, 5), parts))
    told = [(step.done, step.total) if isinstance(step, Progress) else step.cut for step in steps]
    assert told == [(0, 2), parts[0], (1, 2), parts[1]]


def stopping_after(n_asked: int) -> Callable[[], bool]:
    answers = iter([False] * n_asked)
    return lambda: next(answers, True)


def test_it_can_be_stopped_between_any_two_blocks_and_what_was_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picogpt_tui.gpt2.reader.prefill_block", lambda config: 2)
    model, ids, parts = random_model(), random_ids(TINY, 5), parts_of(TINY)[:3]
    whole = [step for step in sweep(model, ids, parts) if isinstance(step, CutEffect)]
    n_found = []
    for n_asked in itertools.count():
        steps = list(sweep(model, ids, parts, should_stop=stopping_after(n_asked)))
        found = [step for step in steps if isinstance(step, CutEffect)]
        assert found == whole[: len(found)]
        n_found.append(len(found))
        if len(found) == len(parts):
            break
    assert n_found == [0] * 6 + [1] * 3 + [2] * 3 + [3], "three blocks of the text, then three for each part"


def test_an_int8_model_is_swept_as_the_float32_it_stands_for(tiny_model_dir: Callable[..., Path]) -> None:
    *_, model = read_model(tiny_model_dir(), "tiny", INT8)
    assert isinstance(model, LanguageModel)
    wide = replace(model, params=params_from_tensors(dict(model.params.walk()), TINY))
    ids, parts = random_ids(TINY, 9), parts_of(TINY)
    assert effects_of(model, ids, parts) == pytest.approx(effects_of(wide, ids, parts), rel=1e-2, abs=1e-5)


def test_a_part_that_the_model_does_not_have_is_named() -> None:
    with pytest.raises(SettingError, match=r"layer must be from 0 to 2 in the cut of h\.3\.mlp, not 3\."):
        list(sweep(random_model(), [1], [Cut("mlp", 3)]))
