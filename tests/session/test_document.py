"""A document keeps what was said in every version, and asks for exactly what stands in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from picogpt_tui.events import ContextShifted, Distribution, Event, Finished, Started, TokenEvent
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session.chat import CHAT, ChatTemplate
from picogpt_tui.session.document import NO_TURN, Document, Turn
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.tree import ROOT
from picogpt_tui.settings import GREEDY, GenerationSettings, SamplingSettings

from ..tui.scripted import ScriptedModel, engine

SETTINGS = GenerationSettings(GREEDY, max_tokens=6, seed=1)


def play(
    document: Document, on: Engine, typed: str | None, settings: GenerationSettings = SETTINGS, *, stop_after: int = 999
) -> list[Event]:
    """Send a prompt and keep the answer, as a screen does; `stop_after` tokens the user stops."""
    request = document.request(typed, settings)
    document.accept(request)
    events: list[Event] = []

    def should_stop() -> bool:
        return sum(isinstance(event, TokenEvent) for event in events) >= stop_after

    for event in on.run(request, should_stop):
        document.apply(event)
        events.append(event)
    return events


def kinds(document: Document) -> list[tuple[str, str]]:
    return [(turn.kind, turn.text) for turn in document.version()]


@pytest.fixture
def tale() -> Engine:
    """Says a sentence about a king, whatever it is asked."""
    return engine(ScriptedModel(" king. He had three sons"))


def test_a_new_document_is_empty() -> None:
    document = Document("stories")
    assert document.is_empty
    assert (document.head, document.end) == (NO_TURN, ROOT)
    assert (document.ids(), document.text(), document.version()) == ([], "", [])
    assert document.last("prompt") is None


def test_prompt_and_answer_are_two_turns(tale: Engine) -> None:
    document = Document("scripted")
    events = play(document, tale, "There was a")
    assert kinds(document) == [("prompt", "There was a"), ("answer", " king. He had three sons")]
    assert document.text() == "There was a king. He had three sons"
    answer = document.turns[document.head]
    end = events[-1]
    assert isinstance(end, Finished)
    assert document.ids() == [*end.prompt_ids, *end.ids]
    assert answer.reason == "max_tokens"
    assert answer.n_tokens == len(end.ids) == 6
    assert answer.tokens_per_second == end.tokens_per_second
    assert [document.tree.id(node) for node in document.turn_nodes(answer)] == list(end.ids)


def test_the_next_request_is_all_that_was_read_and_said(stories: LanguageModel) -> None:
    """The context's ids are the turns' ids one after the other: nothing is encoded a second time."""
    document, on = Document("stories"), Engine(stories)
    settings = GenerationSettings(SamplingSettings(temperature=1.2), max_tokens=5, seed=3)
    spans: list[int] = []
    for typed in ("Once upon a time", "and then", None, "  \n end"):
        started = play(document, on, typed, settings)[1]
        assert isinstance(started, Started)
        assert list(started.prompt_ids[: len(spans)]) == spans
        spans = document.ids()
    by_turn = [id for turn in document.version() for id in document.tree.path_ids(turn.end, turn.n_tokens)]
    assert by_turn == document.ids()
    assert document.request("x", settings).context_ids == tuple(by_turn)
    assert stories.tokenizer.decode(by_turn) == document.text().replace("and then", " and then")


def test_tokens_keep_their_numbers(stories: LanguageModel) -> None:
    document = Document("stories")
    settings = GenerationSettings(SamplingSettings(), max_tokens=8, seed=4, top_n=3)
    tokens = [event for event in play(document, Engine(stories), "The king", settings) if isinstance(event, TokenEvent)]
    answer = document.turns[document.head]
    for token, node in zip(tokens, document.turn_nodes(answer), strict=True):
        facts = document.tree.facts[node]
        assert document.tree.id(node) == token.id
        assert (facts.logprob, facts.rank, facts.entropy) == (token.logprob, token.rank, token.entropy)
        assert facts.alternatives == tuple((one.id, one.logprob) for one in token.distribution.candidates)
        assert len(facts.alternatives) == 3 + (token.rank >= 3), "the likeliest, and the token itself"
    assert answer.draws == [token.u for token in tokens]
    assert answer.final_probs == [token.final_prob for token in tokens]
    prompt = document.version()[0]
    assert all(node not in document.tree.facts for node in document.turn_nodes(prompt))


def test_an_answer_keeps_the_seed_that_was_drawn(tale: Engine) -> None:
    document = Document("scripted")
    settings = GenerationSettings(SamplingSettings(), max_tokens=2)
    started = play(document, tale, "There was a", settings)[1]
    assert isinstance(started, Started)
    kept = document.turns[document.head].settings
    assert kept is not None
    assert kept.seed == started.seed


def test_generating_again_keeps_the_old_answer_in_the_tree(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "There was a")
    old = document.turns[document.head]
    assert document.back_to_prompt()
    assert document.text() == "There was a"
    play(document, tale, None, GenerationSettings(SamplingSettings(1.0, 5.0, 0), max_tokens=6, seed=2))
    new = document.turns[document.head]
    assert [turn.kind for turn in document.version()] == ["prompt", "answer"]
    assert new is not old
    assert new.parent == old.parent
    assert document.tree.path_ids(old.end, old.n_tokens) == tale.tokenizer.encode(" king. He had three sons")
    assert document.tree.path_ids(new.end) != document.tree.path_ids(old.end)
    assert document.turns.index(old) == 1, "and among the turns"


def test_the_same_answer_again_adds_no_token(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "There was a")
    n_nodes, end = len(document.tree), document.end
    document.back_to_prompt()
    play(document, tale, None)
    assert (len(document.tree), document.end) == (n_nodes, end)


def test_one_can_go_back_to_a_prompt_only_from_an_answer(tale: Engine) -> None:
    document = Document("scripted")
    assert not document.back_to_prompt()
    play(document, tale, "There was a")
    assert document.back_to_prompt()
    assert not document.back_to_prompt()


def test_a_prompt_taken_back_can_be_sent_in_other_words(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "There was a")
    play(document, tale, "and a")
    assert document.take_back_prompt() == "and a"
    assert kinds(document) == [("prompt", "There was a"), ("answer", " king. He had three sons")]
    play(document, tale, "or a")
    assert [text for _, text in kinds(document)][2] == "or a"
    assert [turn.text for turn in document.turns if turn.kind == "prompt"] == ["There was a", "and a", "or a"]


def test_all_prompts_can_be_taken_back_and_then_there_is_none(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "one")
    play(document, tale, None)
    assert document.take_back_prompt() == "one", "over both answers"
    assert document.take_back_prompt() is None
    assert document.head == NO_TURN
    assert not document.is_empty, "nothing is ever removed"


def test_going_on_without_typing_reads_nothing_new(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "There was a", GenerationSettings(GREEDY, max_tokens=3, seed=1))
    play(document, tale, None, GenerationSettings(GREEDY, max_tokens=3, seed=1))
    assert [turn.kind for turn in document.version()] == ["prompt", "answer", "answer"]
    assert document.text() == "There was a king. He had three sons"


def test_an_empty_document_goes_on_from_end_of_text(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, None)
    assert kinds(document) == [("prompt", ""), ("answer", " king. He had three sons")]
    assert document.ids()[0] == tale.tokenizer.end_of_text
    assert document.request(None, SETTINGS).context_ids == tuple(document.ids())


def test_an_answer_that_is_stopped_keeps_what_was_said(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "There was a", stop_after=2)
    answer = document.turns[document.head]
    assert (answer.text, answer.reason, answer.n_tokens) == (" king.", "stopped", 2)
    play(document, tale, None)
    assert document.text().startswith("There was a king. He had three sons")


def test_an_answer_in_the_middle_is_already_in_the_document(tale: Engine) -> None:
    """The screen saves, copies and closes at any moment."""
    document = Document("scripted")
    request = document.request("There was a", SETTINGS)
    document.accept(request)
    for event in tale.run(request):
        document.apply(event)
        if isinstance(event, TokenEvent):
            break
    assert document.text() == "There was a king"
    assert document.turns[document.head].reason == ""
    assert len(document.ids()) == len(tale.tokenizer.encode("There was a king"))


def test_text_held_back_for_a_stop_string_that_did_not_come_is_part_of_the_answer() -> None:
    document = Document("scripted")
    play(document, engine(ScriptedModel(" Fine.\n")), "hi", GenerationSettings(GREEDY, 9, 1, stop=("\nQ:",)))
    assert document.turns[document.head].text == " Fine.\n"


# --- chat ----------------------------------------------------------------------------------------------------------


def test_chat_writes_the_form_and_shows_the_words() -> None:
    on, document = engine(ScriptedModel(" Fine.")), Document("scripted", CHAT)
    play(document, on, "How are you?")
    assert kinds(document) == [("prompt", "How are you?"), ("answer", " Fine.")]
    ids = document.tree.path_ids(document.version()[0].end)
    assert on.tokenizer.decode(ids) == "Question: How are you?\nAnswer:"


def test_chat_adds_the_templates_stop_strings_each_once() -> None:
    document = Document("scripted", CHAT, ChatTemplate("{prompt}", ("\nQ:", "###")))
    settings = GenerationSettings(stop=("###", "END"))
    assert document.request("hi", settings).settings.stop == ("###", "END", "\nQ:")
    document.mode = "complete"
    assert document.request("hi", settings).settings.stop == ("###", "END")


def test_the_form_is_never_said_twice() -> None:
    """The stop string stands in the context though it is not shown: the next question goes on behind it."""
    on, document = engine(ScriptedModel(" Fine.\nQuestion: And")), Document("scripted", CHAT)
    settings = GenerationSettings(GREEDY, max_tokens=30, seed=1)
    for typed in ("How?", "Why?"):
        play(document, on, typed, settings)
        assert document.turns[document.head].reason == "stop"
    form = "Question: How?\nAnswer: Fine.\nQuestion: Why?\nAnswer: Fine.\nQuestion:"
    assert on.tokenizer.decode(document.ids()) == form
    assert document.text() == "How? Fine.Why? Fine."


def test_an_answer_that_is_generated_again_is_asked_the_same() -> None:
    on, document = engine(ScriptedModel(" Fine.\nQuestion: And")), Document("scripted", CHAT)
    settings = GenerationSettings(GREEDY, max_tokens=30, seed=1)
    play(document, on, "How?", settings)
    first = document.ids()
    document.back_to_prompt()
    play(document, on, None, settings)
    assert document.ids() == first


def test_behind_a_stop_string_that_ends_within_a_token_the_form_is_whole() -> None:
    """The rest of that token stands in the context too, so the model has not begun the form cleanly."""
    on = engine(ScriptedModel(" Fine.\nThe king"))
    document = Document("scripted", CHAT, ChatTemplate("The guest said: {prompt}\n", ("\nTh",)))
    play(document, on, "How?", GenerationSettings(GREEDY, max_tokens=30, seed=1))
    assert on.tokenizer.decode(document.ids()).endswith("Fine.\nThe")
    assert document.turns[document.head].reason == "stop"
    assert document.request("Why?", SETTINGS).new_text == "\nThe guest said: Why?\n"


# --- events by hand ------------------------------------------------------------------------------------------------


def token(id: int, piece: str) -> TokenEvent:
    return TokenEvent(0, id, piece, piece, -0.5, 1, 2.0, 0.7, 0.25, Distribution((), 2.0, 1.0, 9, 9), 1, 0.0)


def test_tokens_that_left_the_context_are_counted() -> None:
    document = Document()
    document.accept(document.request("hi", SETTINGS))
    for event in (Started((1, 2), 7), ContextShifted(5, 4), token(9, "a"), ContextShifted(3, 4)):
        document.apply(event)
    assert document.turns[document.head].n_dropped == 8
    assert document.ids() == [1, 2, 9], "they left the context, not the document"


def test_of_an_answer_that_never_finished_the_speed_is_known() -> None:
    """The user stops it, and nothing more is heard of it."""
    document = Document()
    document.accept(document.request("hi", SETTINGS))
    for event in (Started((1, 2), 7), token(9, "a"), replace(token(9, "a"), index=3, decode_seconds=0.5)):
        document.apply(event)
    assert document.turns[document.head].tokens_per_second == 6


def test_what_cut_an_answer_is_looked_for_in_that_answer_only() -> None:
    document = Document()
    settings = replace(SETTINGS, stop=("Q:", "\nQ:"))
    for piece, reason in (("\n", "max_tokens"), ("Q:", "stop"), ("\nQ:", "stop")):
        document.accept(document.request(None, settings))
        for event in (Started((*document.ids(),), 7), token(9, piece), Finished(reason, (), (9,), "", 0.0)):
            document.apply(event)
    assert [turn.cut for turn in document.version()] == ["", "Q:", "\nQ:"], "and the longest that fits"


def test_a_prompt_of_no_tokens_is_still_a_turn() -> None:
    """Somebody sent it; the transcript shows it."""
    document = Document()
    for typed in ("hi", ""):
        document.accept(document.request(typed, SETTINGS))
        document.apply(Started((1, 2), 7))
    assert [(turn.kind, turn.n_tokens) for turn in document.version()] == [
        ("prompt", 2),
        ("answer", 0),
        ("prompt", 0),
        ("answer", 0),
    ]
    assert document.turn_nodes(document.turns[2]) == []


def test_last_finds_the_last_turn_of_its_kind_in_this_version_only() -> None:
    document = Document()
    document.turns = [Turn("prompt", NO_TURN, ROOT), Turn("answer", 0, ROOT), Turn("answer", 0, ROOT)]
    document.head = 1
    assert document.last("answer") is document.turns[1]
    assert document.last("prompt") is document.turns[0]
