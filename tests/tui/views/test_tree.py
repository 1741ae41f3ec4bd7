"""The tree of branches: what goes straight on stays at one depth, nothing is lost, and keys walk it."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence

import pytest
from rich.cells import cell_len

from picogpt_tui import paths
from picogpt_tui.session.document import Document
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.session.tree import ROOT, TokenFacts
from picogpt_tui.tui.screens.ask import Ask
from picogpt_tui.tui.views.tree import TreeView
from picogpt_tui.tui.views.tree_data import TABLE, surprise, tree_numbers, tree_table
from picogpt_tui.tui.views.tree_layout import (
    NOWHERE,
    Branch,
    find,
    folds_above,
    goes_on,
    has_sides,
    lay_out,
    line_at,
    next_match,
)
from picogpt_tui.tui.views.tree_rows import LazyRows, Picture, found_title, guides, keys, title, tree_rows
from picogpt_tui.tui.widgets.lines import STYLES, Row

from ...gpt2.checkpoints import toy_tokenizer
from ..playing import Play
from .exploring import exploring, looked, screen_of, view_of

TOYS = toy_tokenizer()
COMB = ("abcdef", "abX", "abcY", "abcdZ")
BUSH = ("abc", "axy", "axz")
WIDTHS = (8, 20, 40, 73, 77, 153)


def walk_in(*texts: str, cursor: int | None = None) -> Exploration:
    """A document that took all these ways, a token for each letter; the first is the one at hand."""
    document = Document("toy")
    for text in texts:
        document.tree.add_path(ROOT, list(text.encode()))
    document.add_prompt(texts[0], list(texts[0].encode()))
    return Exploration(document, TOYS.bytes_of, cursor)


def node_of(walk: Exploration, text: str) -> int:
    """The node of a text's last token."""
    return walk.document.tree.add_path(ROOT, list(text.encode()))


def laid_out(walk: Exploration, folded: Collection[int] = (), *, shows_pruned: bool = True) -> list[Branch]:
    return lay_out(walk.outline(), folded, shows_pruned=shows_pruned)


def pictured(walk: Exploration, lines: Sequence[Branch], chosen: int = NOWHERE, found: int | None = None) -> Picture:
    """The lines as the view draws them."""
    tree = walk.document.tree
    here = line_at(lines, walk.cursor, tree.position)
    return Picture(lines, tree, TOYS.label, chosen, here, found, "words")


def text(row: Row) -> str:
    return "".join(part for part, _ in row)


def drawn(walk: Exploration, folded: Collection[int] = (), *, shows_pruned: bool = True) -> list[str]:
    """The lines below the heading, without their numbers."""
    rows = tree_rows(pictured(walk, laid_out(walk, folded, shows_pruned=shows_pruned)), 60)
    return [text(row)[1:30].rstrip() for row in rows[1:]]


def texts(lines: Sequence[Branch], walk: Exploration) -> list[str]:
    """What each line says."""
    return ["".join(chr(walk.document.tree.id(node)) for node in branch.run.nodes) for branch in lines]


def told(walk: Exploration, path: str, *probs: float | None) -> None:
    """Let the model have said how likely each token of a path was."""
    nodes = walk.document.tree.path(node_of(walk, path))
    for node, prob in zip(nodes, probs, strict=True):
        if prob is not None:
            walk.document.tree.facts[node] = TokenFacts(math.log(prob), 0, 1.0, ())


# -- lines -------------------------------------------------------------------------------------------------------------


def test_the_way_that_is_followed_goes_straight_down_past_every_fork() -> None:
    assert drawn(walk_in(*COMB)) == ["● ab", "├─○ X", "● c", "├─○ Y", "● d", "├─○ Z", "◉ ef"]


def test_what_leaves_it_is_a_way_that_goes_straight_down_too() -> None:
    assert drawn(walk_in(*BUSH)) == ["● a", "├─○ x", "│ ├─○ y", "│ ○ z", "◉ bc"]


def test_other_beginnings_hang_above_the_first_line() -> None:
    assert drawn(walk_in("abc", "xyz", "xq", "z")) == ["┌─○ x", "│ ├─○ yz", "│ ○ q", "├─○ z", "◉ abc"]


@pytest.mark.parametrize(
    "cursor, marks",
    [(0, "◉●●●"), (1, "◉●●●"), (2, "●◉●●"), (3, "●●◉●"), (5, "●●●◉"), (6, "●●●◉")],
    ids=str,
)
def test_the_run_with_the_cursor_is_marked_the_last_one_behind_the_end(cursor: int, marks: str) -> None:
    lines = drawn(walk_in(*COMB, cursor=cursor))
    assert "".join(line[0] for line in lines if line[0] != "├") == marks


def test_a_folded_line_says_how_many_ways_it_hides_and_what_is_followed_stays() -> None:
    walk = walk_in("abcd", "abX", "abY", "abcZ")
    assert drawn(walk, {walk.path[0]}) == ["● ab +2", "● c", "├─○ Z", "◉ d"]


def test_a_fold_hides_all_that_hangs_below_and_can_be_within_another() -> None:
    walk = walk_in(*BUSH)
    assert drawn(walk, {node_of(walk, "ax")}) == ["● a", "├─○ x +1", "│ ○ z", "◉ bc"]
    assert drawn(walk, {node_of(walk, "ax"), node_of(walk, "a")}) == ["● a +1", "◉ bc"]


def test_a_fold_where_nothing_hangs_says_nothing() -> None:
    walk = walk_in("abc", "axy")
    walk.prune(node_of(walk, "ax"))
    assert drawn(walk, {walk.path[0]}, shows_pruned=False) == ["● a", "◉ bc"]


def test_what_is_pruned_goes_with_all_behind_it_and_can_be_shown() -> None:
    walk = walk_in(*BUSH)
    walk.prune(node_of(walk, "ax"))
    assert drawn(walk, shows_pruned=False) == ["● a", "◉ bc"]
    assert drawn(walk) == ["● a", "├─◌ x", "│ ├─◌ y", "│ ◌ z", "◉ bc"]


def test_where_the_followed_way_of_a_side_is_pruned_another_goes_on() -> None:
    walk = walk_in(*BUSH)
    walk.prune(node_of(walk, "axz"))
    assert drawn(walk, shows_pruned=False) == ["● a", "├─○ x", "│ ○ y", "◉ bc"]


def test_when_all_was_cut_back_nothing_is_at_hand_and_all_is_still_there() -> None:
    walk = walk_in("abc", "abx", cursor=0)
    walk.cut_back()
    assert drawn(walk) == ["○ ab", "├─○ x", "○ c"]
    assert line_at(laid_out(walk), 0, walk.document.tree.position) == NOWHERE


def test_a_comb_of_a_thousand_forks_stays_at_one_depth() -> None:
    """Each token has an alternative; neither the lines nor their text may go deeper with every one."""
    walk = walk_in("a" * 1000)
    for node in walk.path:
        walk.document.tree.add(walk.document.tree.parent(node), ord("b"))
    lines = laid_out(walk)
    assert len(lines) == 2000
    assert {branch.depth for branch in lines} == {0, 1}
    assert text(tree_rows(pictured(walk, lines), 40)[-1]).startswith(" ◉ a")


def test_what_hangs_below_a_line_can_be_folded_and_what_goes_on_cannot() -> None:
    lines = laid_out(walk_in(*BUSH))  # a, x, y, z, bc
    assert [has_sides(lines, n) for n in range(5)] == [True, True, False, False, False]
    assert [goes_on(lines, n) for n in range(5)] == [True, True, False, False, False]
    folded = laid_out(walk_in(*COMB), {0})  # ab (+X), c, Y ...
    assert (has_sides(folded, 0), goes_on(folded, 0)) == (False, True)


def test_only_the_forks_that_a_line_hangs_from_must_be_unfolded_to_show_it() -> None:
    walk = walk_in(*BUSH)
    lines = laid_out(walk)
    a, x = node_of(walk, "a"), node_of(walk, "ax")
    assert [folds_above(lines, n) for n in range(5)] == [set(), {a}, {a, x}, {a}, set()]


# -- columns -----------------------------------------------------------------------------------------------------------


def columns(walk: Exploration, width: int = 60) -> list[list[str]]:
    """The numbers of each line."""
    return [text(row)[32:].split() for row in tree_rows(pictured(walk, laid_out(walk)), width)]


def test_a_line_has_its_tokens_the_first_one_s_probability_and_the_surprisal_of_all() -> None:
    """1/4 and 1/2: 2 + 1 bits. The text's first token has none, for nothing comes before it."""
    walk = walk_in("abc", "axy")
    told(walk, "abc", None, 0.25, 0.5)
    told(walk, "axy", None, 0.125, 1.0)
    assert columns(walk) == [
        ["tokens", "p(first)", "bits"],
        ["1"],
        ["2", "12.5%", "3.0"],
        ["2", "25.0%", "3.0"],
    ]


def test_what_nobody_asked_the_model_is_not_made_up() -> None:
    walk = walk_in("abcd", "axy")
    told(walk, "abcd", None, None, 0.25, 0.5)
    assert columns(walk)[1:] == [["1"], ["2", "·", "·"], ["3", "·", "≥3.0"]]


def test_a_first_token_that_was_generated_is_known() -> None:
    walk = walk_in("ab", "cd")
    told(walk, "ab", 0.5, 0.5)
    assert columns(walk)[2] == ["2", "50.0%", "2.0"]


def test_a_number_that_is_none_counts_as_unknown() -> None:
    walk = walk_in("abc", "ax")
    walk.document.tree.facts[walk.path[1]] = TokenFacts(math.nan, 0, 1.0, ())
    told(walk, "ax", None, 0.5)
    assert surprise(walk.document.tree, walk.path[1:]).n_unknown == 2
    assert columns(walk)[3] == ["2", "·", "·"]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_is_as_wide_as_the_view(width: int) -> None:
    """However deep it hangs, however long its name is, and where a character takes two cells."""
    walk = walk_in("abc漢字漢字漢字", "a" + "x" * 40, *("a" + "x" * n + "y" for n in range(1, 40)))
    for n in range(1, 40, 3):
        walk.name(node_of(walk, "a" + "x" * n + "y"), "name " * n)
    lines = laid_out(walk, {node_of(walk, "a" + "x" * 33)})
    rows = tree_rows(pictured(walk, lines, 2), width)
    assert max(branch.depth for branch in lines) == 33
    assert {cell_len(text(row)) for row in rows} == {width} or width < 40
    assert {style for row in rows for _, style in row} <= set(STYLES)


def test_of_deep_guides_the_last_are_shown() -> None:
    run = walk_in("a").outline()[0]
    assert guides(Branch(run, 3, True, 0, False), 7, 73) == "│ │ ├─"
    assert guides(Branch(run, 30, True, 0, False), 7, 73) == "…" + "│ " * 6 + "├─"
    assert guides(Branch(run, 30, False, 0, False), 7, 8) == "… "


def test_only_the_rows_in_view_are_made() -> None:
    made: list[int] = []

    def make(number: int) -> Row:
        made.append(number)
        return [(str(number), "text")]

    rows = LazyRows(1000, make)
    assert len(rows) == 1000
    assert [text(row) for row in rows[5:7]] == ["5", "6"]
    assert text(rows[-1]) == "999"
    assert made == [5, 6, 999]
    with pytest.raises(IndexError):
        rows[1000]


def test_names_and_texts_cannot_harm_the_screen() -> None:
    walk = walk_in("a[/b]\x1b\n", "ac")
    walk.name(node_of(walk, "ac"), "[red]\x1b[31m\u202e")
    rows = [text(row) for row in tree_rows(pictured(walk, laid_out(walk)), 77)]
    assert rows[2].startswith(" ├─○ “[red]␛[31m⟨U+202E⟩” c ")
    assert rows[3].startswith(" ◉ [/b]␛⏎ ")


def test_a_long_run_is_cut_and_shows_from_where_it_was_found() -> None:
    walk = walk_in("abcdefghijklmnopqrstuvwxyz" * 3)
    lines = laid_out(walk)
    first = [text(tree_rows(pictured(walk, lines, 0, found), 44)[1])[:16] for found in (None, walk.path[30])]
    assert first == ["▸◉ abcdefghijkl…", "▸◉ …efghijklmno…"]


def test_without_a_token_and_without_a_fork_it_says_how_to_come_to_one() -> None:
    nothing = Exploration(Document("toy"), TOYS.bytes_of)
    (row,) = tree_rows(pictured(nothing, laid_out(nothing)), 77)
    assert "space lets the model say a token" in text(row)
    rows = [text(row) for row in tree_rows(pictured(walk_in("abc"), laid_out(walk_in("abc"))), 77)]
    assert rows[1].startswith(" ◉ abc")
    assert "No fork yet" in rows[3]


@pytest.mark.parametrize(
    "n_branches, n_pruned, shows, words",
    [
        (1, 0, False, "1 branch"),
        (1234, 0, True, "1,234 branches"),
        (3, 1, False, "3 branches · 1 pruned, hidden"),
        (3, 2, True, "3 branches · 2 pruned"),
    ],
)
def test_above_stands_how_many_ends_there_are(n_branches: int, n_pruned: int, shows: bool, words: str) -> None:
    assert title(n_branches, n_pruned, shows_pruned=shows) == words


def test_the_keys_fit_beside_the_list_and_name_what_they_would_do() -> None:
    longest = keys(2, is_inside=False, is_pruned=True, shows_pruned=False)
    assert len(longest) <= 73
    assert longest.endswith("x unprune  f find  h show pruned")
    assert keys(2, is_inside=True, is_pruned=False, shows_pruned=True).endswith("x prune  f find  h hide pruned")
    assert keys(0, is_inside=True, is_pruned=False, shows_pruned=False).endswith("x prune  f find")


# -- finding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, found",
    [
        pytest.param("king", [("the king", "k"), ("KING", "K")], id="capitals do not matter"),
        pytest.param("k", [("the king", "k"), ("KING", "K")], id="a single letter"),
        pytest.param("hen", [("hen", "h")], id="a side"),
        pytest.param("a hen", [("hen", "h")], id="begun before the fork"),
        pytest.param("a the", [("the king", "t")], id="begun before it, in what is followed"),
        pytest.param("dragon", [("hen", "h")], id="a name"),
        pytest.param("fox", [], id="none"),
        pytest.param("a hen and", [], id="longer than there is text"),
    ],
)
def test_a_branch_is_found_by_its_text_or_name(query: str, found: list[tuple[str, str]]) -> None:
    walk = walk_in("a the king", "a hen", "KING")
    walk.name(node_of(walk, "a h"), "Dragon")
    lines = laid_out(walk)
    matches = find(lines, query, lambda node: TOYS.bytes_of(walk.document.tree.id(node)))
    said = texts(lines, walk)
    by_text = sorted((said[match.line], chr(walk.document.tree.id(match.node))) for match in matches)
    assert by_text == sorted(found)


def test_the_next_match_comes_below_and_after_the_last_the_first() -> None:
    walk = walk_in("abxb", "abyb", "ac")
    lines = laid_out(walk)  # a, c, b, yb, xb
    matches = find(lines, "b", lambda node: TOYS.bytes_of(walk.document.tree.id(node)))
    assert [match.line for match in matches] == [2, 3, 4]
    assert [next_match(matches, line) for line in range(-1, 5)] == [0, 0, 0, 1, 2, 0]
    assert found_title("b\x1b", 1, 3) == "'b␛' 2 of 3, f enter for the next"


# -- as data -----------------------------------------------------------------------------------------------------------


def test_numbers_have_every_run_with_what_it_hangs_on() -> None:
    walk = walk_in("abc", "axy")
    told(walk, "abc", None, 0.25, 0.5)
    walk.name(node_of(walk, "ax"), "other")
    walk.prune(node_of(walk, "ax"))
    runs = tree_numbers(walk.document.tree, laid_out(walk), TOYS.bytes_of)
    assert [(run["text"], run["parent"], run["position"], run["at_hand"]) for run in runs] == [
        ("a", None, 0, True),
        ("xy", 0, 1, False),
        ("bc", 0, 1, True),
    ]
    assert (runs[1]["name"], runs[1]["pruned"], runs[1]["surprisal"], runs[1]["n_unknown"]) == ("other", True, None, 2)
    assert runs[2]["logprob"] == pytest.approx(math.log(0.25))
    assert runs[2]["surprisal"] == pytest.approx(math.log(8))
    assert (runs[2]["ids"], runs[2]["bytes"]) == ([98, 99], "6263")
    json.dumps(runs, allow_nan=False)


def test_a_run_that_ends_within_a_character_has_no_text_and_all_its_bytes() -> None:
    walk = walk_in("aé", "ab")
    runs = tree_numbers(walk.document.tree, lay_out(walk.outline()), TOYS.bytes_of)
    assert [run["text"] for run in runs] == ["a", "b", "é"]
    half = Document("toy")
    half.add_prompt("", [97, 0xC3])
    (run,) = tree_numbers(half.tree, lay_out(Exploration(half, TOYS.bytes_of).outline()), TOYS.bytes_of)
    assert (run["text"], run["bytes"]) == (None, "61c3")


def test_the_table_has_a_row_for_each_run() -> None:
    walk = walk_in("abc", "axy")
    heading, *rows = tree_table(walk.document.tree, laid_out(walk), TOYS.label)
    assert tuple(heading) == TABLE
    assert {len(row) for row in rows} == {len(TABLE)}
    assert [row[TABLE.index("text")] for row in rows] == ["a", "xy", "bc"]
    assert tree_table(walk.document.tree, [], TOYS.label) == []


# -- with keys ---------------------------------------------------------------------------------------------------------


async def branched(play: Play) -> TreeView:
    """Take another token where the cursor is, and go into the tree; on its second line hangs what was there."""
    await play.press("down", "enter")
    await looked(play)
    await play.press("tab")
    return view_of(play, TreeView)


def rows_of(view: TreeView) -> list[str]:
    """The lines below the heading, without their numbers."""
    return [line[:46].rstrip() for line in view.text.split("\n")[1:]]


def said(play: Play) -> str:
    """The version at hand."""
    screen = screen_of(play)
    return screen.engine.decode(screen.exploration.ids())


async def test_enter_goes_to_another_branch_and_the_cursor_stands_on_its_first_token() -> None:
    async with exploring("tree", n_tokens=6) as play:
        view, screen = view_of(play, TreeView), screen_of(play)
        before = said(play)
        assert "No fork yet" in view.text
        await play.press("left", "left")
        await looked(play)
        view = await branched(play)
        assert said(play) != before
        assert [line[:3] for line in rows_of(view)] == [" ● ", " ├─", "▸◉ "]
        await play.press("up", "enter")
        await looked(play)
        assert said(play) == before
        assert screen.exploration.cursor == len(screen.exploration.path) - 3
        assert [line[:3] for line in rows_of(view)] == [" ● ", " ├─", "▸◉ "]
        assert "·" not in view.text, "the model was asked about both"
        await play.press("u")
        await looked(play)
        assert said(play) != before


async def test_the_tree_follows_the_cursor_and_who_walks_elsewhere_stays() -> None:
    async with exploring("tree", n_tokens=4) as play:
        view = await branched(play)
        await play.press("escape", "home")
        await looked(play)
        assert rows_of(view)[0].startswith("▸◉ Once")
        await play.press("tab", "down", "space")
        await looked(play)
        assert [line[:3] for line in rows_of(view)] == [" ● ", "▸├─", " ◉ "]
        assert screen_of(play).exploration.cursor > 0


async def test_a_branch_has_a_name_that_is_saved_and_an_empty_one_takes_it_away() -> None:
    async with exploring("tree", n_tokens=4) as play:
        view = await branched(play)
        await play.press("up", "n")
        assert isinstance(play.app.screen, Ask)
        await play.type("The [b]king")
        await play.press("enter")
        assert "“The [b]king” " in rows_of(view)[1]

        def saved() -> bool:
            files = list(paths.sessions_dir().glob("*.json"))
            return any("The [b]king" in file.read_text(encoding="utf-8") for file in files)

        await play.until(saved, "a saved name")
        await play.press("n", *["backspace"] * 11, "enter")
        assert "king" not in rows_of(view)[1]
        assert not screen_of(play).exploration.document.names


async def test_what_is_pruned_is_hidden_shown_and_brought_back_and_the_text_at_hand_stays() -> None:
    async with exploring("tree", n_tokens=4) as play:
        view = await branched(play)
        document = screen_of(play).exploration.document
        await play.press("x")
        assert "The text at hand goes through this branch" in play.notice
        assert not document.pruned
        await play.press("up", "x")
        assert [line[:3] for line in rows_of(view)] == [" ● ", "▸◉ "]
        assert "1 pruned, hidden" in view.text
        await play.press("h", "up")
        assert "▸├─◌" in rows_of(view)[1]
        await play.press("x")
        assert not document.pruned
        assert "├─○" in rows_of(view)[1]


async def test_what_is_folded_is_found_by_its_text() -> None:
    async with exploring("tree", n_tokens=4) as play:
        there = " ".join(said(play).split()[-2:])
        view = await branched(play)
        await play.press("left")
        assert rows_of(view)[0].startswith("▸● Once"), "the line of the fork"
        await play.press("left")
        assert rows_of(view)[0].endswith("+1")
        assert len(rows_of(view)) == 2
        await play.press("f")
        await play.type(there)
        await play.press("enter")
        assert rows_of(view)[1].startswith("▸├─○")
        assert "1 of 1" in view.text
        await play.press("f", "x", "enter")
        assert f"No branch holds '{there}x'" in play.notice
        await play.press("left", "left", "right", "right")
        assert rows_of(view)[1].startswith("▸├─○")


async def test_a_click_chooses_and_another_goes_there() -> None:
    async with exploring("tree", n_tokens=4) as play:
        before = said(play)
        view = await branched(play)
        for _ in range(2):
            await play.pilot.click(view.lines, offset=(8, 2))
        await looked(play)
        assert said(play) == before


@pytest.mark.parametrize("prompt", ["", "Once"])
async def test_an_empty_text_and_one_of_a_single_token_have_a_tree(prompt: str) -> None:
    async with exploring("tree", prompt, size=(80, 24)) as play:
        view = view_of(play, TreeView)
        await play.press("tab", "up", "down", "left", "right", "pageup", "pagedown", "n", "escape", "x", "h")
        if prompt:
            assert rows_of(view)[0].startswith("▸◉ Once")
            assert view.table()[1][TABLE.index("tokens")] == 1
        else:
            assert "All ways the text ever took" in view.text
            assert (view.numbers(), view.table()) == (None, [])
