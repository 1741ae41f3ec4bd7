"""A saved session says the same again, token by token: that is what the seed and the digest are kept for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from picogpt_tui.errors import DocumentError
from picogpt_tui.events import Finished, Started
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session import storage
from picogpt_tui.session.branches import whole_text
from picogpt_tui.session.chat import CHAT, ChatTemplate
from picogpt_tui.session.document import Document
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.session.replay import Replayed, replay
from picogpt_tui.settings import GREEDY, GenerationSettings, SamplingSettings

from ..tui.scripted import ScriptedModel, engine
from .test_document import play

DRAWN = GenerationSettings(SamplingSettings(), max_tokens=20, stop_at_end_of_text=False)
"""No seed: one is drawn each time and kept."""
HOT = GenerationSettings(
    SamplingSettings(repetition_penalty=1.2, temperature=1.4, top_k=0, top_p=0.9, min_p=0.01, typical_p=0.95),
    max_tokens=15,
    seed=11,
    stop_at_end_of_text=False,
)
COLD = GenerationSettings(GREEDY, max_tokens=12, stop_at_end_of_text=False)


@pytest.fixture
def played(stories: LanguageModel, tmp_path: Path) -> Document:
    """A session of many turns with the bundled model, as it comes back from disk."""
    on, document = Engine(stories), Document("stories")
    document.digest = on.digest()
    play(document, on, "Once upon a time there was a king", DRAWN)
    document.back_to_prompt()
    play(document, on, None, HOT)
    play(document, on, "and a fox", DRAWN, stop_after=4)
    play(document, on, None, COLD)
    document.mode, document.template = CHAT, ChatTemplate("Q: {prompt}\nA:", ("e",))
    play(document, on, "who", HOT)
    play(document, on, "why", DRAWN)
    storage.save(document, tmp_path / "played.json")
    return storage.load(tmp_path / "played.json")


def test_a_session_from_disk_is_reproduced_token_by_token(played: Document, stories: LanguageModel) -> None:
    """All answers of the version at hand: one generated again, one stopped, one that went on, two of a chat."""
    answers = list(replay(played, Engine(stories)))
    assert len(answers) == 5
    assert all(answer.is_same for answer in answers)
    assert [len(answer.ids) for answer in answers[:3]] == [15, 4, 12]
    assert answers[0].ids == played.tree.path_ids(played.turns[2].end, 15), "the new answer, not the one before"
    assert any(turn.reason == "stop" for turn in played.version()), "else the stop strings prove nothing"


def test_the_version_before_can_be_replayed_too(played: Document, stories: LanguageModel) -> None:
    played.head = 1
    [answer] = replay(played, Engine(stories))
    assert answer.is_same
    assert len(answer.ids) == 20


def test_the_order_of_requests_does_not_matter(played: Document, stories: LanguageModel) -> None:
    """Whatever the cache held before: the second time it holds the end of the session."""
    on = Engine(stories)
    first, again = list(replay(played, on)), list(replay(played, on))
    assert first == again


def test_an_answer_behind_a_full_context_is_reproduced() -> None:
    """The context was shifted on the way, and is again."""
    on, document = engine(ScriptedModel(" king. He had three sons", n_ctx=16)), Document("scripted")
    for typed in ("There was a", None, "and then a"):
        play(document, on, typed, GenerationSettings(SamplingSettings(1.0, 30.0, 0), max_tokens=12))
    assert any(turn.n_dropped for turn in document.version())
    assert [answer.is_same for answer in replay(document, on)] == [True, True, True]


def test_an_answer_that_was_stopped_before_its_first_token_is_reproduced() -> None:
    on, document = engine(ScriptedModel()), Document("scripted")
    request = document.request("There was a", DRAWN)
    document.accept(request)
    for event in on.run(request):
        document.apply(event)
        if isinstance(event, Started):
            break
    assert list(replay(document, on)) == [Replayed([], [])]


def test_another_seed_shows(played: Document, stories: LanguageModel) -> None:
    """Else `is_same` would prove nothing."""
    turn = played.turns[2]
    assert turn.settings is not None
    turn.settings = replace(turn.settings, seed=12)
    assert [answer.is_same for answer in replay(played, Engine(stories))] == [False, True, True, True, True]


def test_other_weights_are_refused_by_name() -> None:
    """Before anything runs: their tokens would differ, and look like a bug."""
    model = ScriptedModel(name="others")
    document = Document("stories")
    document.digest = "ab" * 32
    play(document, engine(ScriptedModel()), "hi", COLD)
    with pytest.raises(DocumentError) as caught:
        list(replay(document, engine(model)))
    assert str(caught.value) == (
        "This session was played with stories (weights abababababab), not with others (weights 5c817ed05c81)."
    )
    assert model.n_runs == 0


def test_a_session_without_a_digest_is_tried() -> None:
    """It was saved before the weights were read through; the model's name is all that is known."""
    document, on = Document("scripted"), engine(ScriptedModel())
    play(document, on, "There was a", COLD)
    assert document.digest == ""
    assert [answer.is_same for answer in replay(document, on)] == [True]


# --- a session somebody walked through ------------------------------------------------------------------------------


def steps(document: Document, on: Engine, n: int, settings: GenerationSettings) -> None:
    """Go on token by token: each behind the draws of those before, and with the seed of the first."""
    for index in range(n):
        play(document, on, None, replace(settings, max_tokens=1, first_draw=index))
        made = document.turns[document.head].settings
        assert made is not None
        settings = replace(settings, seed=made.seed)


@pytest.fixture
def walked(stories: LanguageModel, tmp_path: Path) -> Document:
    """Tokens taken in a prompt and in answers, an answer left, another cut, steps, and what came behind each."""
    on, document = Engine(stories), Document("stories")
    few = replace(DRAWN, max_tokens=5)
    document.digest = on.digest()
    play(document, on, "Once upon a time 😀", few)
    walk = Exploration(document, on.tokenizer.bytes_of)
    old = walk.end
    for position, id in ((0, "The"), (2, " queen"), (-3, " wolf"), (99, " big"), (99, "😀")):
        walk.go_to(old)
        walk.move_to(position if position >= 0 else len(walk.path) + position)
        walk.take(on.tokenizer.encode(id)[0])
        play(document, on, None, few)
        walk.refresh()
    walk.move_to(len(walk.path) - 2)
    walk.cut_back()
    steps(document, on, 4, DRAWN)
    walk.refresh()
    walk.move_to(len(walk.path) - 1)
    walk.cut_back()
    play(document, on, None, replace(HOT, max_tokens=6))
    storage.save(document, tmp_path / "walked.json")
    return storage.load(tmp_path / "walked.json")


def test_every_version_of_a_walk_is_reproduced_token_by_token(walked: Document, stories: LanguageModel) -> None:
    on, ends = Engine(stories), set(range(len(walked.turns))) - {turn.parent for turn in walked.turns}
    assert len(ends) >= 5
    for walked.head in ends:
        answers = list(replay(walked, on))
        assert [answer.is_same for answer in answers] == [True] * len(answers)
        assert [len(one.ids) for one in answers] == [one.n_tokens for one in walked.version() if one.kind == "answer"]


def test_a_walks_last_version_has_all_there_is(walked: Document, stories: LanguageModel) -> None:
    """Answers and taken tokens, an answer that was left, steps, and an answer with other settings: else it is easy."""
    assert [(turn.kind, turn.n_tokens, turn.reason) for turn in walked.version()[1:]] == [
        ("answer", 5, "max_tokens"),
        ("taken", 1, ""),
        ("answer", 5, "max_tokens"),
        ("taken", 1, ""),
        ("answer", 3, "left"),
        *[("answer", 1, "max_tokens")] * 3,
        ("answer", 6, "max_tokens"),
    ]
    assert walked.text() == whole_text(walked.ids(), stories.tokenizer.bytes_of)


TWICE = " The king had three sons, and the youngest was"
"""The prompt says it once, so that prompt lookup guesses it."""


@pytest.mark.parametrize("sampling", [GREEDY, SamplingSettings(1.0, 0.9), SamplingSettings(1.1, 0.9, 0, 0.98)])
def test_steps_are_an_answer_at_once_though_that_guesses_ahead(sampling: SamplingSettings) -> None:
    """Prompt lookup reads several tokens together; a step never can."""
    on = engine(ScriptedModel(TWICE + " old.", (0.92, 0.05, 0.02)))
    whole, document = Document("scripted"), Document("scripted")
    settings = GenerationSettings(sampling, max_tokens=30, seed=8, stop_at_end_of_text=False)
    finished = play(whole, on, TWICE + " young.", settings)[-1]
    assert isinstance(finished, Finished)
    assert finished.n_accepted, "else nothing was guessed"
    play(document, on, TWICE + " young.", replace(settings, max_tokens=0))
    steps(document, on, 30, settings)
    assert document.ids() == whole.ids()
    assert document.text() == whole.text()
    draws = [u for turn in document.version() for u in turn.draws]
    assert repr(draws) == repr(whole.turns[1].draws), "nan where nothing was drawn"
    assert all(answer.is_same for answer in replay(document, on))


def test_an_empty_session_replays_nothing(tiny_model: LanguageModel) -> None:
    assert list(replay(Document("tiny"), Engine(tiny_model))) == []
