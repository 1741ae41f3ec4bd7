"""One walks through a text, takes other paths, and comes back: each step can be undone and nothing is ever lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.session.document import Document
from picogpt_tui.session.exploration import Exploration, Run
from picogpt_tui.session.tree import ROOT

from .test_branches import PARTS, SMILE, TOYS, say, text_of

A, B, X, Y, Z = (ord(char) for char in "abxyz")


def explored(document: Document, cursor: int | None = None) -> Exploration:
    return Exploration(document, TOYS.bytes_of, cursor)


def told(walk: Exploration) -> str:
    """The version at hand, the cursor as a bar before its token."""
    ids = walk.ids()
    return f"{text_of(ids[: walk.cursor])}|{text_of(ids[walk.cursor :])}"


def grow(walk: Exploration, ids: Sequence[int]) -> None:
    """Let an answer come, as a screen does."""
    walk.note_growth()
    say(walk.document, ids)
    walk.refresh()


@pytest.fixture
def document() -> Document:
    """A prompt and an answer, a token for each letter."""
    document = Document("toy")
    say(document, b"defg", "abc")
    return document


@pytest.fixture
def walk(document: Document) -> Exploration:
    return explored(document)


# --- the cursor -----------------------------------------------------------------------------------------------------


def test_one_begins_on_the_last_token(walk: Exploration) -> None:
    assert told(walk) == "abcdef|g"
    assert (walk.taken, walk.is_at_end) == (ord("g"), False)


def test_one_can_begin_elsewhere(document: Document) -> None:
    assert told(explored(document, 2)) == "ab|cdefg"
    assert told(explored(document, 99)) == "abcdefg|"


def test_in_an_empty_document_one_stands_where_the_first_token_would() -> None:
    walk = explored(Document("toy"))
    assert (walk.cursor, walk.is_at_end, walk.taken) == (0, True, None)
    assert (walk.before, walk.end, walk.ids()) == (ROOT, ROOT, [])
    assert (walk.outline(), walk.n_branches()) == ([], 0)
    assert [walk.cut_back(), walk.undo(), walk.redo()] == [False] * 3


@pytest.mark.parametrize(
    "position, shown, has_moved",
    [
        (0, "|abcdefg", True),
        (-5, "|abcdefg", True),
        (3, "abc|defg", True),
        (6, "abcdef|g", False),
        (7, "abcdefg|", True),
        (8, "abcdefg|", True),
    ],
)
def test_the_cursor_stays_within_the_text(walk: Exploration, position: int, shown: str, has_moved: bool) -> None:
    assert walk.move_to(position) is has_moved
    assert told(walk) == shown


def test_behind_the_last_token_none_stands(walk: Exploration) -> None:
    walk.move_to(7)
    assert walk.is_at_end
    assert walk.taken is None
    assert walk.before == walk.end == walk.path[-1]


def test_the_cursor_is_still_in_the_text_when_that_became_shorter(walk: Exploration) -> None:
    """The screen stepped back to the prompt, to generate again."""
    walk.document.back_to_prompt()
    walk.refresh()
    assert told(walk) == "abc|"
    assert walk.before == walk.path[2]


# --- taking another path --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cursor, shown", [(0, "|z"), (2, "ab|z"), (3, "abc|z"), (5, "abcde|z"), (7, "abcdefg|z")])
def test_taking_another_token_ends_the_version_there(walk: Exploration, cursor: int, shown: str) -> None:
    """At the beginning, in the prompt, at the answer's first token, within it, and behind its last."""
    walk.move_to(cursor)
    ids = walk.ids()
    assert walk.take(Z)
    assert walk.ids() == [*ids[:cursor], Z]
    assert told(walk) == shown
    assert walk.document.ids() == walk.ids()
    assert walk.document.turns[walk.document.head].kind == "taken"


def test_taking_the_token_that_stands_there_changes_nothing(walk: Exploration) -> None:
    n_turns = len(walk.document.turns)
    assert not walk.take(ord("g"))
    assert not walk.undo()
    assert len(walk.document.turns) == n_turns


def test_taking_the_old_token_again_brings_its_whole_continuation_back(walk: Exploration) -> None:
    walk.move_to(2)
    walk.take(Z)
    assert not walk.take(ord("c")), "it is no new path"
    assert told(walk) == "ab|cdefg"


def test_a_path_is_followed_as_it_was_followed_last(walk: Exploration) -> None:
    """There are three ways to go on behind the fifth token, and the way back leads to the one that was last seen."""
    walk.move_to(5)
    walk.take(X)
    walk.take(Y)
    walk.move_to(1)
    walk.take(Z)
    walk.take(B)
    assert told(walk) == "a|bcdey"
    walk.move_to(5)
    walk.take(ord("f"))
    walk.move_to(1)
    walk.take(Z)
    walk.take(B)
    assert told(walk) == "a|bcdefg"


def test_a_loaded_document_knows_its_old_paths(walk: Exploration) -> None:
    """Somebody saved it on another path, and wants the first one back: all of it."""
    walk.move_to(2)
    walk.take(Z)
    again = explored(walk.document)
    assert told(again) == "ab|z"
    again.take(ord("c"))
    assert told(again) == "ab|cdefg"


def test_of_several_paths_that_nobody_followed_the_newest_is(document: Document) -> None:
    document.back_to_prompt()
    say(document, b"dexy")
    document.back_to_prompt()
    walk = explored(document, 3)
    walk.take(ord("d"))
    assert told(walk) == "abc|dexy"


def test_an_old_version_can_be_gone_to_by_its_token(walk: Exploration) -> None:
    old = walk.path[4]
    walk.move_to(2)
    walk.take(Z)
    walk.go_to(old)
    assert told(walk) == "abcd|efg"
    walk.undo()
    assert told(walk) == "ab|z"


def test_going_to_a_token_of_the_version_at_hand_only_moves_the_cursor(walk: Exploration) -> None:
    """What was cut away does not come back by looking at what is left."""
    walk.move_to(5)
    walk.cut_back()
    walk.go_to(walk.path[1])
    assert told(walk) == "a|bcde"
    walk.undo()
    assert told(walk) == "abcde|fg", "and there is nothing more to undo"
    assert not walk.undo()


def test_cutting_back_keeps_the_rest_in_the_tree(walk: Exploration) -> None:
    rest = walk.path[4:]
    walk.move_to(4)
    assert walk.cut_back()
    assert told(walk) == "abcd|"
    assert not walk.cut_back(), "there is no rest"
    walk.go_to(rest[0])
    assert told(walk) == "abcd|efg"


def test_everything_can_be_cut(walk: Exploration) -> None:
    walk.move_to(0)
    assert walk.cut_back()
    assert (told(walk), walk.document.version()) == ("|", [])
    walk.take(A)
    assert told(walk) == "|abcdefg"


def test_behind_half_a_character_the_answer_completes_it(walk: Exploration) -> None:
    """Both where it was taken and where an answer was cut within it."""
    walk.move_to(7)
    for id in SMILE[:2]:
        walk.take(id)
        walk.move_to(len(walk.path))
    assert walk.document.text() == "abcdefg"
    grow(walk, [*SMILE[2:], X])
    assert walk.document.text() == "abcdefg😀x"
    walk.move_to(10)
    walk.cut_back()
    assert walk.document.text() == "abcdefg"
    grow(walk, [SMILE[3], Y])
    assert walk.document.text() == "abcdefg😀y"


# --- there and back -------------------------------------------------------------------------------------------------


def test_every_change_can_be_undone_and_done_again(walk: Exploration) -> None:
    """A token taken, text that grew, a rest cut away, another version gone to: backwards and forwards the same."""
    old = walk.path[5]
    shown = []
    walk.move_to(3)
    for change in (
        lambda: walk.take(Z),
        lambda: grow(walk, b"xy"),
        lambda: walk.move_to(4) and walk.cut_back(),
        lambda: walk.go_to(old),
    ):
        change()
        shown.append(told(walk))
    assert shown == ["abc|z", "abc|zxy", "abcz|", "abcde|fg"]
    backwards = []
    while walk.undo():
        backwards.append(told(walk))
    assert backwards == ["abcz|", "abcz|xy", "abc|z", "abc|defg"], "with the cursor where the change was made"
    forwards = []
    while walk.redo():
        forwards.append(told(walk))
    assert forwards == ["abc|z", "abcz|xy", "abcz|", "abcde|fg"], "with the cursor where one was when one left it"


def test_a_new_change_ends_what_could_be_done_again(walk: Exploration) -> None:
    y = len(walk.document.tree)
    for change in (lambda: walk.take(Z), lambda: grow(walk, b"x"), walk.cut_back, lambda: walk.go_to(y)):
        walk.move_to(2)
        walk.take(Y)
        assert walk.path[2] == y
        walk.undo()
        assert walk.redo()
        walk.undo()
        walk.move_to(4)
        change()
        assert not walk.redo()
        while walk.undo():
            pass
        assert walk.document.text() == "abcdefg"


def test_looking_around_is_no_change(walk: Exploration) -> None:
    walk.take(Z)
    walk.undo()
    walk.move_to(1)
    walk.go_to(walk.path[3])
    walk.refresh()
    assert walk.redo()
    assert told(walk) == "abcdef|z"


def test_an_undo_passes_over_an_answer_of_which_nothing_came(walk: Exploration) -> None:
    """It was stopped before its first token; a key that does nothing would look broken."""
    walk.take(Z)
    grow(walk, [])
    assert walk.undo()
    assert told(walk) == "abcdef|g"
    assert not walk.undo()
    assert walk.redo()
    assert told(walk) == "abcdef|z"


def test_an_undo_brings_the_very_turns_back(walk: Exploration) -> None:
    """Not others of the same tokens: how the text was made is part of it."""
    walk.document.back_to_prompt()
    say(walk.document, b"defg", settings=walk.document.turns[1].settings or pytest.fail("an answer has settings"))
    walk.document.head = 1
    walk.refresh()
    walk.move_to(5)
    walk.take(Z)
    walk.undo()
    assert walk.document.head == 1


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "grow", "cut", "go", "undo", "undo", "redo"]),
        st.integers(0, 12),
        st.sampled_from(PARTS),
    ),
    max_size=25,
)


@given(OPERATIONS)
def test_whatever_one_does_the_way_back_and_forth_is_the_same(operations: list[tuple[str, int, int]]) -> None:
    """Against two plain stacks of what was shown; and whatever was ever shown is in the tree for good."""
    document = Document("toy")
    say(document, [*b" a", *SMILE], "the")
    walk, back, forth = explored(document), list[tuple[list[int], int]](), list[tuple[list[int], int]]()
    for what, position, id in operations:
        walk.move_to(position)
        here = walk.ids(), walk.cursor
        match what:
            case "take":
                is_change = id != walk.taken
                walk.take(id)
                assert walk.ids()[: here[1] + 1] == [*here[0][: here[1]], id]
            case "grow":
                is_change = True
                grow(walk, [id, ord("t")])
                assert walk.ids() == [*here[0], id, ord("t")]
            case "cut":
                is_change = walk.cut_back()
                assert walk.ids() == here[0][: here[1]]
            case "go":
                node = position % len(document.tree)
                is_change = node not in walk.path
                walk.go_to(node)
                assert walk.path[walk.cursor] == node
            case "undo" | "redo":
                is_change = False
                stacks, travel = ((back, forth), walk.undo) if what == "undo" else ((forth, back), walk.redo)
                assert travel() is bool(stacks[0])
                if stacks[0]:
                    stacks[1].append(here)
                    assert (walk.ids(), walk.cursor) == stacks[0].pop()
        if is_change:
            back.append(here)
            forth.clear()
        assert document.ids() == walk.ids()
        assert document.text() == text_of(walk.ids())
        for ids, _ in (*back, *forth):
            assert document.tree.add_path(ROOT, ids) < len(document.tree)


# --- the tree -------------------------------------------------------------------------------------------------------


def flat(runs: Sequence[Run]) -> Iterator[tuple[int, Run]]:
    """All runs with their depth, without a call for each: some trees are deeper than Python's stack."""
    waiting = [(0, run) for run in reversed(runs)]
    while waiting:
        depth, run = waiting.pop()
        yield depth, run
        waiting += [(depth + 1, fork) for fork in reversed(run.forks)]


def sketch(walk: Exploration) -> list[str]:
    """A line for each run: indented by its depth, with what it is marked with."""
    lines = []
    for depth, run in flat(walk.outline()):
        text = text_of([walk.document.tree.id(node) for node in run.nodes])
        marks = "*" * run.is_on_path + "-" * run.is_pruned + (f" {run.name!r}" if run.name else "")
        lines.append(" " * depth + text + marks)
    return lines


def test_a_text_without_a_fork_is_one_run(walk: Exploration) -> None:
    assert walk.outline() == [Run([0, 1, 2, 3, 4, 5, 6], is_on_path=True, is_pruned=False, name="")]
    assert walk.n_branches() == 1


def test_the_outline_shows_the_version_at_hand_first(walk: Exploration) -> None:
    walk.move_to(5)
    walk.take(X)
    grow(walk, b"yz")
    walk.move_to(6)
    walk.take(Z)
    walk.move_to(1)
    walk.take(Y)
    assert sketch(walk) == ["a*", " y*", " bcde", "  x", "   z", "   yz", "  fg"]
    walk.take(B)
    assert sketch(walk) == ["a*", " bcde*", "  x*", "   z*", "   yz", "  fg", " y"]
    assert walk.n_branches() == 4


def test_two_texts_can_have_nothing_in_common(walk: Exploration) -> None:
    walk.move_to(0)
    walk.take(Z)
    assert sketch(walk) == ["z*", "abcdefg"]
    assert walk.n_branches() == 2


def test_a_rest_that_was_cut_away_is_in_the_outline(walk: Exploration) -> None:
    """The run is one: only a token that has two behind it ends one."""
    walk.move_to(3)
    walk.cut_back()
    assert sketch(walk) == ["abcdefg*"]


def test_a_branch_has_a_name_until_it_is_taken_away(walk: Exploration) -> None:
    walk.move_to(3)
    walk.take(Z)
    walk.name(walk.path[3], "the short one")
    assert sketch(walk) == ["abc*", " z* 'the short one'", " defg"]
    walk.name(walk.path[3], "")
    walk.name(walk.path[3], "")
    assert walk.document.names == {}


def test_a_branch_can_be_put_away_and_back(walk: Exploration) -> None:
    first = walk.path[3]
    walk.move_to(3)
    walk.take(Z)
    assert walk.prune(first)
    assert sketch(walk) == ["abc*", " z*", " defg-"]
    assert walk.prune(first)
    assert sketch(walk) == ["abc*", " z*", " defg"]


def test_the_version_at_hand_cannot_be_put_away(walk: Exploration) -> None:
    for node in walk.path:
        assert not walk.prune(node)
    assert walk.document.pruned == set()


@pytest.mark.parametrize("way", ["undo", "take", "go_to"])
def test_who_goes_into_a_branch_that_was_put_away_has_it_back(walk: Exploration, way: str) -> None:
    """What is on the screen is never among what is not to be shown."""
    first = walk.path[3]
    walk.move_to(3)
    walk.take(Z)
    walk.prune(first)
    match way:
        case "undo":
            walk.undo()
        case "take":
            walk.take(ord("d"))
        case "go_to":
            walk.go_to(first)
    assert sketch(walk) == ["abc*", " defg*", " z"]


def assert_covers(walk: Exploration) -> list[tuple[int, Run]]:
    """Every token is in one run, behind the token before it; every fork is where the tree has one."""
    tree, runs = walk.document.tree, list(flat(walk.outline()))
    assert sorted(node for _, run in runs for node in run.nodes) == list(range(len(tree)))
    for _, run in runs:
        assert [tree.parent(node) for node in run.nodes[1:]] == run.nodes[:-1]
        assert len(run.forks) != 1
        assert {tree.parent(fork.nodes[0]) for fork in run.forks} <= {run.nodes[-1]}
        assert run.is_on_path == (run.nodes[0] in walk.path)
        assert not any(fork.is_on_path for fork in run.forks[1:])
    assert walk.n_branches() == sum(not run.forks for _, run in runs)
    return runs


@given(st.lists(st.tuples(st.integers(ROOT, 30), st.integers(0, 3)), max_size=30), st.integers(ROOT, 30))
def test_the_outline_holds_every_token_once(tokens: list[tuple[int, int]], at_hand: int) -> None:
    document = Document("toy")
    for parent, id in tokens:
        document.tree.add(min(parent, len(document.tree) - 1), id)
    walk = explored(document)
    walk.go_to(min(at_hand, len(document.tree) - 1))
    assert_covers(walk)


def test_a_comb_needs_no_deep_recursion() -> None:
    """A long text of which every token was tried another way: runs within runs, deeper than Python's stack."""
    document, n = Document("toy"), 1_500
    say(document, [A] * n, "a")
    nodes = document.tree.path(document.end)
    for parent in nodes[:-1]:
        document.tree.add(parent, Z)
    walk = explored(document)
    runs = assert_covers(walk)
    assert walk.n_branches() == n + 1
    assert max(depth for depth, _ in runs) == n
    walk.go_to(len(document.tree) - 1)
    assert walk.ids() == [*[A] * n, Z]
    assert walk.outline()[0].is_on_path


def test_many_branches_from_one_token() -> None:
    document = Document("toy")
    say(document, b"b", "a")
    for id in range(200):
        document.head = 0
        say(document, [id] * 10)
    walk = explored(document)
    [run] = walk.outline()
    assert [len(fork.nodes) for fork in run.forks] == [10] * 200
    assert run.forks[0].is_on_path
    assert walk.n_branches() == 200, "the first began as one of them"
    assert_covers(walk)
