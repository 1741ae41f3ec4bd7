"""Another model beside the explorer's: loaded once, asked at the cursor, compared on the whole text."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

import pytest

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.weights import weights_file
from picogpt_tui.lens.compare import compare
from picogpt_tui.readings import Comparison, bits_per_byte
from picogpt_tui.session.comparison import OtherLook, OtherModel, Refused, Unlike
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.instruments import Instruments, Place
from picogpt_tui.session.tree import TokenTree
from picogpt_tui.settings import FLOAT32, INT8, PURE

from ..gpt2.checkpoints import TINY, random_ids

IDS = random_ids(TINY, 9)


def place(ids: list[int], cursor: int) -> Place:
    tree = TokenTree()
    return Place(tuple(ids), tuple(tree.path(tree.add_path(-1, ids))), cursor)


def answers(other: OtherModel, here: Instruments, where: Place, *, bos: bool = False) -> list[object]:
    """All that it says but how far it is."""
    steps = other.ask(here, where, PURE, 5, bos=bos)
    return [step for step in steps if not isinstance(step, Progress)]


@pytest.fixture
def here(tiny_model: LanguageModel) -> Instruments:
    return Instruments(Engine(tiny_model))


@pytest.fixture
def other(tiny_model_dir: Callable[..., Path]) -> OtherModel:
    """A model of the same shape with other weights."""
    return OtherModel(str(tiny_model_dir(seed=4)), FLOAT32)


def test_first_it_says_what_could_stand_at_the_cursor_then_it_compares_the_text(
    here: Instruments, other: OtherModel, tiny_model: LanguageModel
) -> None:
    look, found = answers(other, here, place(IDS, 5))
    assert isinstance(look, OtherLook)
    b = other._model
    assert b is not None
    logits = b.logits(IDS[:5])[-1]
    assert [one.logit for one in look.distribution.candidates[:5]] == pytest.approx(sorted(logits)[::-1][:5], abs=1e-4)
    assert isinstance(found, Comparison)
    *_, expected = compare(tiny_model, b, IDS, bos=False, n_bytes=found.n_bytes)
    assert found == expected
    assert found.tokens[0].kl is None, "nothing comes before it"


def test_bits_per_byte_are_over_the_bytes_of_the_scored_tokens(here: Instruments, other: OtherModel) -> None:
    """As in the explorer's top line: of the first token nothing is known, and so its bytes do not count."""
    tokenizer = here.engine.tokenizer
    for bos, scored in ((False, IDS[1:]), (True, IDS)):
        found = answers(other, here, place(IDS, 9), bos=bos)[-1]
        assert isinstance(found, Comparison)
        assert (found.n_scored, found.bos) == (len(scored), bos)
        assert found.n_bytes == sum(len(tokenizer.bytes_of(id)) for id in scored)
        assert bits_per_byte(found.nll_a, found.n_scored, found.n_bytes) > 0


def test_a_text_that_was_compared_is_not_read_again(here: Instruments, other: OtherModel) -> None:
    first = answers(other, here, place(IDS, 9))[-1]
    there = other._there
    assert there is not None
    n_computed = there.n_computed
    for cursor in (3, 8):
        assert answers(other, here, place(IDS, cursor))[-1] is first
    assert there.n_computed == n_computed, "the cursor moved over tokens that it had read"


def test_who_is_told_to_stop_leaves_loading_where_it_is_and_the_next_goes_on(
    here: Instruments, other: OtherModel
) -> None:
    """Moving the cursor must not begin the loading of six gigabytes anew."""
    steps = other.ask(here, place(IDS, 9), PURE, 5)
    first = next(step for step in steps if isinstance(step, Progress))
    del steps
    second = next(step for step in other.ask(here, place(IDS, 8), PURE, 5) if isinstance(step, Progress))
    assert second.done > first.done
    assert isinstance(answers(other, here, place(IDS, 8))[-1], Comparison)


def test_told_to_stop_it_says_nothing_more(here: Instruments, other: OtherModel) -> None:
    answers(other, here, place(IDS[:4], 2))
    assert list(other.ask(here, place(IDS, 9), PURE, 5, should_stop=lambda: True)) == []
    for n_before in range(5):
        should_stop = chain([False] * n_before, repeat(True)).__next__
        steps = other.ask(here, place(IDS, 9), PURE, 5, should_stop=should_stop)
        assert not any(isinstance(step, Comparison) for step in steps)
    assert isinstance(answers(other, here, place(IDS, 9))[-1], Comparison), "what was left off is done another time"


def test_an_empty_text_and_a_cursor_before_everything(here: Instruments, other: OtherModel) -> None:
    look, found = answers(other, here, place([], 0))
    assert isinstance(look, OtherLook)
    assert isinstance(found, Comparison)
    assert (found.tokens, found.n_scored) == ((), 0)


def test_another_vocabulary_is_one_sentence_and_bits_per_byte_of_both(
    here: Instruments, tiny_model_dir: Callable[..., Path]
) -> None:
    """The text is read in the other's own tokens; what it says at the cursor can be shown all the same."""
    folder = tiny_model_dir(seed=4)
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    vocab["he"], vocab["in"] = vocab["in"], vocab["he"]
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    ids = here.engine.tokenizer.encode("the inn, the thin hen")
    look, found = answers(OtherModel(str(folder), FLOAT32), here, place(ids, 3))
    assert isinstance(look, OtherLook)
    assert isinstance(found, Unlike)
    assert "different vocabularies (2 of their" in found.why
    for score in (found.a, found.b):
        assert score.n_scored > 0
        assert score.bits_per_byte > 0


def test_what_cannot_be_loaded_is_one_sentence_every_time(
    here: Instruments, tiny_model_dir: Callable[..., Path]
) -> None:
    folder = tiny_model_dir(name="broken")
    weights_file(folder).write_bytes(b"no weights")
    for name in (str(folder), str(folder.with_name("nowhere"))):
        broken = OtherModel(name, FLOAT32)
        for _ in range(2):
            [refused] = answers(broken, here, place(IDS, 9))
            assert isinstance(refused, Refused)
            assert name.rsplit("/", 1)[-1] in refused.sentence


def test_the_same_model_in_int8_is_near_and_not_equal(stories: LanguageModel) -> None:
    here = Instruments(Engine(stories))
    ids = stories.tokenizer.encode("Once upon a time there was a king.")
    found = answers(OtherModel("stories", INT8), here, place(ids, 4))[-1]
    assert isinstance(found, Comparison)
    assert (found.name_a, found.name_b) == ("stories", "stories int8")
    assert 0 < found.mean_kl < 0.05
