"""A version may end at any token: nothing is lost, every turn is one that can be replayed, no character is broken."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.events import Distribution, Finished, Started, TokenEvent
from picogpt_tui.gpt2.text_stream import TextStream
from picogpt_tui.session import storage
from picogpt_tui.session.branches import move_head, take, whole_text
from picogpt_tui.session.document import NO_TURN, Document, Turn
from picogpt_tui.session.tree import ROOT
from picogpt_tui.settings import GenerationSettings, SamplingSettings

from ..gpt2.checkpoints import toy_tokenizer

TOYS = toy_tokenizer()
SETTINGS = GenerationSettings(SamplingSettings(temperature=1.2, top_k=0), max_tokens=9, seed=5)
SMILE = [0xF0, 0x9F, 0x98, 0x80]
"""The tokens of an emoji, a byte each; the toy vocabulary also has its first two bytes and its first three as one."""
TWO_BYTES, THREE_BYTES = (TOYS.id_of_bytes("😀".encode()[:n]) or 0 for n in (2, 3))


def say(
    document: Document,
    ids: Sequence[int],
    typed: str | None = None,
    settings: GenerationSettings = SETTINGS,
    *,
    u: float = 0.25,
    reason: str = "max_tokens",
) -> None:
    """What an engine would tell that reads what is typed and says these tokens of the toy vocabulary."""
    request = document.request(typed, settings)
    document.accept(request)
    context = (*request.context_ids, *TOYS.encode(request.new_text))
    stream = TextStream((), TOYS.decode_bytes(context[-3:]))
    document.apply(Started(context, settings.seed or 0))
    for index, id in enumerate(ids):
        piece, text = stream.push(TOYS.bytes_of(id)), TOYS.text_of(id)
        facts = Distribution((), 1.0, 1.0, 9, 9)
        document.apply(TokenEvent(index, id, text, piece, -0.5, 1, 2.0, 0.5, u + index / 100, facts, 1, 0.1))
    document.apply(Finished(reason, context, tuple(ids), "", 12.5, stream.flush()))


def text_of(ids: Sequence[int]) -> str:
    """The text of these tokens, without a character that is not whole."""
    return whole_text(ids, TOYS.bytes_of)


@pytest.fixture
def document() -> Document:
    """A prompt of five tokens, an answer with an emoji in four, and one that went on."""
    document = Document("toy")
    say(document, [*b" a", *SMILE, *b"!"], "the hen")
    say(document, b" in")
    return document


@pytest.mark.parametrize(
    "ids, text",
    [
        ([], ""),
        (list(b"ab"), "ab"),
        ([*b"a", *SMILE[:1]], "a"),
        ([*b"a", *SMILE[:3]], "a"),
        ([*b"a", *SMILE], "a😀"),
        ([THREE_BYTES, SMILE[3]], "😀"),
        ([TWO_BYTES], ""),
        ([TWO_BYTES, *b"a"], "�a"),
        ([0x80, *b"a"], "�a"),
    ],
    ids=str,
)
def test_a_text_ends_with_its_last_whole_character(ids: list[int], text: str) -> None:
    assert whole_text(ids, TOYS.bytes_of) == text


def test_a_version_can_end_at_any_token(document: Document) -> None:
    """Each time exactly the tokens up to there, and their text, whatever turns the tokens are in."""
    path = document.tree.path(document.end)
    for n, node in enumerate(path, 1):
        move_head(document, node, TOYS.bytes_of)
        assert document.tree.path(document.end) == path[:n]
        assert document.text() == text_of(document.ids())
        move_head(document, path[-1], TOYS.bytes_of)
    assert text_of([document.tree.id(node) for node in path]) == document.text() == "the hen a😀! in"


def test_a_version_can_end_before_the_first_token(document: Document) -> None:
    move_head(document, ROOT, TOYS.bytes_of)
    assert (document.head, document.ids(), document.text()) == (NO_TURN, [], "")
    assert not document.is_empty


def test_what_was_there_stays_as_it_was(document: Document) -> None:
    before, ids = copy.deepcopy(document.turns), document.tree.all_ids()
    for node in range(len(document.tree)):
        move_head(document, node, TOYS.bytes_of)
    assert document.turns[: len(before)] == before
    assert document.tree.all_ids() == ids


def test_going_to_the_same_token_again_makes_no_turn(document: Document) -> None:
    """Else a session would grow while one only looks around in it."""
    path = document.tree.path(document.end)
    rounds = []
    for _ in range(3):
        for node in [*path, *reversed(path), path[3], path[-2], path[7]]:
            move_head(document, node, TOYS.bytes_of)
        rounds.append(len(document.turns))
    assert rounds == [3 + 4 + 6 + 2] * 3, "the turns that were there, and one for each token within a turn"


def test_greedy_draws_make_no_turn_either(document: Document) -> None:
    """They are nan, which is not equal to itself."""
    say(document, b" ten", u=math.nan)
    path = document.tree.path(document.end)
    move_head(document, path[-2], TOYS.bytes_of)
    n_turns = len(document.turns)
    move_head(document, path[-1], TOYS.bytes_of)
    move_head(document, path[-2], TOYS.bytes_of)
    assert len(document.turns) == n_turns


def test_a_shorter_answer_keeps_what_made_it(document: Document) -> None:
    whole = document.turns[1]
    move_head(document, document.turn_nodes(whole)[2], TOYS.bytes_of)
    shorter = document.turns[document.head]
    assert (shorter.kind, shorter.parent, shorter.reason, shorter.n_tokens) == ("answer", whole.parent, "left", 3)
    assert shorter.settings == whole.settings
    assert (shorter.draws, shorter.final_probs) == (whole.draws[:3], whole.final_probs[:3])
    assert shorter.text == " a", "the emoji has but begun"


def test_an_answer_that_a_stop_string_ended_is_shorter_without_it() -> None:
    """The stop string is no part of the answer that it ended, but what is left of it is ordinary text."""
    document = Document("toy")
    say(document, b"no END", "the", reason="stop")
    document.turns[1].text, document.turns[1].cut = "no", " END"
    move_head(document, document.tree.path(document.end)[-2], TOYS.bytes_of)
    assert (document.turns[document.head].text, document.turns[document.head].cut) == ("no EN", "")
    move_head(document, document.turns[1].end, TOYS.bytes_of)
    assert document.head == 1


def test_a_shorter_prompt_is_a_prompt(document: Document) -> None:
    move_head(document, document.tree.path(document.end)[2], TOYS.bytes_of)
    assert document.version() == [Turn("prompt", NO_TURN, 2, 3, text_of(document.ids()))]


def test_an_answer_that_said_nothing_is_not_what_a_version_ends_with(document: Document) -> None:
    """Somebody pressed Escape before its first token."""
    before = document.head
    say(document, [], reason="stopped")
    for head in (document.head, 0):
        document.head = head
        move_head(document, document.turns[before].end, TOYS.bytes_of)
        assert document.head == before


def test_the_version_at_hand_keeps_its_own_turns(document: Document) -> None:
    """Of two answers that begin alike, the one that is shown is the one that is made shorter."""
    document.back_to_prompt()
    say(document, [*b" a", *SMILE, *b"?"], None, GenerationSettings(seed=77))
    ours, old = document.head, 1
    assert document.turn_nodes(document.turns[ours])[:6] == document.turn_nodes(document.turns[old])[:6]
    for head, seed in ((ours, 77), (old, 5)):
        document.head = head
        move_head(document, document.turn_nodes(document.turns[old])[1], TOYS.bytes_of)
        settings = document.turns[document.head].settings
        assert settings is not None
        assert settings.seed == seed


def test_an_answer_that_ended_there_is_rather_gone_to_than_a_longer_one_cut(document: Document) -> None:
    document.back_to_prompt()
    say(document, [*b" a", *SMILE, *b"! ten"])
    document.head = 0
    move_head(document, document.turns[1].end, TOYS.bytes_of)
    assert document.head == 1


def test_the_version_at_hand_keeps_its_own_text() -> None:
    """Another answer ended there by a stop string, which is no part of its text."""
    document = Document("toy")
    say(document, b" a\n", "the")
    document.turns[1].text, document.turns[1].cut = " a", "\n"
    document.back_to_prompt()
    say(document, b" a\nhen")
    move_head(document, document.turns[1].end, TOYS.bytes_of)
    assert document.text() == "the a\n"


# --- taking a token -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n_before", [0, 1, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15]
)  # behind 5 the answer begins, behind 7 an emoji of four tokens, behind 12 the second answer; 15 are all
def test_another_token_can_stand_anywhere(document: Document, n_before: int) -> None:
    path, old = document.tree.path(document.end), document.head
    before = path[n_before - 1] if n_before else ROOT
    ids = [document.tree.id(node) for node in path]
    node = take(document, before, ord("z"), TOYS.bytes_of)
    assert document.end == node
    assert document.ids() == [*ids[:n_before], ord("z")]
    assert document.text() == text_of(document.ids())
    taken = document.version()[-1]
    assert (taken.kind, taken.end, taken.n_tokens) == ("taken", node, 1)
    document.head = old
    assert document.ids() == ids
    assert document.text() == text_of(ids)


def test_a_token_can_be_taken_in_an_empty_document() -> None:
    document = Document("toy")
    take(document, ROOT, ord("a"), TOYS.bytes_of)
    assert document.version() == [Turn("taken", NO_TURN, 0, 1, "a")]


def test_tokens_that_are_parts_of_a_character_show_it_when_it_is_whole() -> None:
    document = Document("toy")
    say(document, b" a", "the")
    texts = []
    for id in SMILE:
        take(document, document.end, id, TOYS.bytes_of)
        texts.append(document.turns[document.head].text)
    assert texts == ["", "", "", "😀"]
    take(document, document.tree.parent(document.end), ord("z"), TOYS.bytes_of)
    assert document.text() == "the a�z", "and what will never be whole says so"


def test_tokens_that_no_turn_knows_become_turns_of_their_own(document: Document) -> None:
    """A tree may hold more than its turns: nothing says who chose these, so somebody did."""
    node = document.tree.add_path(document.turns[0].end, [*SMILE, *b"z"])
    n_turns = len(document.turns)
    move_head(document, node, TOYS.bytes_of)
    assert [turn.kind for turn in document.version()] == ["prompt", *["taken"] * 5]
    assert [turn.text for turn in document.version()[1:]] == ["", "", "", "😀", "z"]
    move_head(document, document.tree.parent(node), TOYS.bytes_of)
    assert len(document.turns) == n_turns + 5


def test_behind_a_token_that_was_taken_the_text_goes_on(document: Document) -> None:
    """Half an emoji is taken, and the answer completes it: nobody ever sees a broken character."""
    take(document, document.turn_nodes(document.turns[1])[1], TWO_BYTES, TOYS.bytes_of)
    say(document, [*SMILE[2:], *b" ten"])
    assert [(turn.kind, turn.text) for turn in document.version()[1:]] == [
        ("answer", " a"),
        ("taken", ""),
        ("answer", "😀 ten"),
    ]


PARTS = [*b"a t", TWO_BYTES, THREE_BYTES, *SMILE]


@given(st.data())
def test_wherever_one_goes_and_whatever_one_takes_the_text_is_that_of_the_tokens(data: st.DataObject) -> None:
    """And what was said before is there as it was, and the file holds all of it."""
    document = Document("toy")
    some_ids = st.lists(st.sampled_from(PARTS), max_size=6)
    say(document, data.draw(some_ids), data.draw(st.text("at 😀", max_size=5)))
    for _ in range(data.draw(st.integers(0, 8))):
        before, nodes = copy.deepcopy(document.turns), document.tree.all_ids()
        node = data.draw(st.integers(ROOT, len(document.tree) - 1))
        path = document.tree.path(node)
        match data.draw(st.sampled_from(["move", "take", "say"])):
            case "move":
                move_head(document, node, TOYS.bytes_of)
                assert document.tree.path(document.end) == path
            case "take":
                id = data.draw(st.sampled_from(PARTS))
                take(document, node, id, TOYS.bytes_of)
                assert document.tree.path(document.end)[:-1] == path
                assert document.ids()[-1] == id
            case "say":
                say(document, data.draw(some_ids))
        assert document.turns[: len(before)] == before
        assert document.tree.all_ids()[: len(nodes)] == nodes
        assert document.text() == text_of(document.ids())
    written = json.dumps(storage.to_dict(document))
    assert json.dumps(storage.to_dict(storage.from_dict(json.loads(written)))) == written
