"""An answer reads as one text, whatever it is made of: going back, copying and a character's halves go by passages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from picogpt_tui.session.document import NO_TURN, Document
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.exploration import Exploration

from ..gpt2.checkpoints import toy_tokenizer
from ..tui.scripted import ScriptedModel, engine
from .test_document import SETTINGS, kinds, play


@pytest.fixture
def tale() -> Engine:
    """Says a sentence about a king, whatever it is asked."""
    return engine(ScriptedModel(" king. He had three sons"))


# --- going back -----------------------------------------------------------------------------------------------------


def first_two(document: Document, on: Engine) -> Exploration:
    """A prompt, and an answer that was left behind its second token for one that was taken."""
    play(document, on, "There was a")
    walk = Exploration(document, on.tokenizer.bytes_of, len(document.ids()) - 4)
    walk.take(on.tokenizer.encode(" She")[0])
    return walk


def left(document: Document, on: Engine) -> None:
    first_two(document, on).cut_back()


def taken(document: Document, on: Engine) -> None:
    first_two(document, on)


def taken_and_more(document: Document, on: Engine) -> None:
    first_two(document, on)
    play(document, on, None)


def went_on(document: Document, on: Engine) -> None:
    play(document, on, "There was a", stop_after=2)
    play(document, on, None)


PASSAGES = pytest.mark.parametrize("write", [left, taken, taken_and_more, went_on])


@PASSAGES
def test_generating_again_steps_back_over_the_whole_passage(
    tale: Engine, write: Callable[[Document, Engine], None]
) -> None:
    """All that was read as one text, whatever turns it is made of."""
    document = Document("scripted")
    write(document, tale)
    assert document.back_to_prompt()
    assert kinds(document) == [("prompt", "There was a")]
    assert not document.back_to_prompt()
    play(document, tale, None)
    assert document.text() == "There was a king. He had three sons"


@PASSAGES
def test_the_prompt_of_a_whole_passage_can_be_taken_back(
    tale: Engine, write: Callable[[Document, Engine], None]
) -> None:
    document = Document("scripted")
    play(document, tale, "One.")
    before = document.head
    write(document, tale)
    assert document.take_back_prompt() == "There was a"
    assert document.head == before


def test_a_passage_without_a_prompt_is_generated_again_from_nothing(tale: Engine) -> None:
    document = Document("scripted")
    Exploration(document, tale.tokenizer.bytes_of).take(tale.tokenizer.encode("The")[0])
    play(document, tale, None)
    assert [turn.kind for turn in document.version()] == ["taken", "answer"]
    assert document.take_back_prompt() is None
    assert document.back_to_prompt()
    assert document.head == NO_TURN


def test_a_prompt_that_was_cut_within_goes_on_as_a_text_does(tale: Engine) -> None:
    document = Document("scripted")
    play(document, tale, "There was a")
    walk = Exploration(document, tale.tokenizer.bytes_of, 1)
    walk.cut_back()
    assert kinds(document) == [("prompt", "There")]
    assert not document.back_to_prompt(), "there is no answer to it"
    play(document, tale, "and")
    assert document.take_back_prompt() == "and"
    assert document.take_back_prompt() == "There"


def test_a_passage_is_what_one_reads_between_two_prompts(tale: Engine) -> None:
    document = Document("scripted")
    taken_and_more(document, tale)
    play(document, tale, "One.", stop_after=1)
    play(document, tale, "Two.", replace(SETTINGS, max_tokens=0))
    passages = [["".join(turn.text for turn in passage), len(passage)] for passage in document.passages()]
    assert passages == [
        ["There was a", 1],
        [" king. She king. He had three sons", 3],
        ["One.", 1],
        [" king", 1],
        ["Two.", 1],
        ["", 1],
    ]
    assert Document().passages() == []


def test_a_text_that_begins_with_an_answer_is_a_passage_too(tale: Engine) -> None:
    document = Document("scripted")
    walk = Exploration(document, tale.tokenizer.bytes_of)
    for word in ("The", " old"):
        walk.take(tale.tokenizer.encode(word)[0])
        walk.move_to(99)
    play(document, tale, None, stop_after=1)
    assert [len(passage) for passage in document.passages()] == [3]
    assert document.last_answer_text() == "The old king"


def test_the_last_answer_is_copied_with_all_that_was_taken_in_it(tale: Engine) -> None:
    document = Document("scripted")
    assert document.last_answer_text() == ""
    taken_and_more(document, tale)
    assert document.last_answer_text() == " king. She king. He had three sons"
    document.back_to_prompt()
    assert document.last_answer_text() == ""
    play(document, tale, None, stop_after=2)
    assert document.last_answer_text() == " king."
    play(document, tale, "and a", stop_after=1)
    assert document.last_answer_text() == " king"


# --- characters of several tokens -----------------------------------------------------------------------------------

SMILES = [*b" a", *"😀".encode(), *b"!", *"é".encode()]


def test_half_a_character_is_shown_when_its_other_half_comes() -> None:
    """The answer ends within an emoji, and going on completes it; stopped at any token, no text is ever broken."""
    on = engine(ScriptedModel(SMILES, tokenizer=toy_tokenizer()))
    for n in range(len(SMILES) + 1):
        document = Document("toy")
        play(document, on, "the", replace(SETTINGS, max_tokens=n))
        assert document.text() == "the" + bytes(SMILES[:n]).decode("utf-8", "ignore")
        play(document, on, None, replace(SETTINGS, max_tokens=len(SMILES) - n))
        assert document.text() == "the a😀!é"


def test_an_answer_token_by_token_reads_as_one_at_once() -> None:
    on, document = engine(ScriptedModel(SMILES, tokenizer=toy_tokenizer())), Document("toy")
    for typed in ("the", *[None] * (len(SMILES) - 1)):
        play(document, on, typed, replace(SETTINGS, max_tokens=1))
    assert document.last_answer_text() == " a😀!é"


def test_half_a_character_before_typed_words_stays_unseen() -> None:
    """Nothing can complete it any more; the tokens are in the text for good."""
    on, document = engine(ScriptedModel(SMILES, tokenizer=toy_tokenizer())), Document("toy")
    play(document, on, "the", replace(SETTINGS, max_tokens=4))
    play(document, on, "in", replace(SETTINGS, max_tokens=1))
    assert kinds(document)[1:] == [("answer", " a"), ("prompt", "in"), ("answer", " ")]
    assert on.decode(document.ids()) == "the a� in "
