"""Asking the vocabulary: what is drawn of tokens, and what one does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Candidate
from picogpt_tui.readings import Neighbour, VocabularyMatch
from picogpt_tui.session.vocabulary import Found, Near
from picogpt_tui.settings import PURE
from picogpt_tui.tui.views.pieces import PiecesView
from picogpt_tui.tui.views.words import WordsView
from picogpt_tui.tui.views.words_picture import LISTED, WATCHED, Subject, picture
from picogpt_tui.tui.views.words_rows import columns, example_rows, layers_bar, match_row
from picogpt_tui.tui.widgets.lines import Row

from ..playing import Play
from .exploring import PROMPT, exploring, looked, screen_of, stories, view_of


def text_of(rows: Sequence[Row]) -> list[str]:
    return ["".join(text for text, _ in row).rstrip() for row in rows]


def candidate(id: int, label: str, rank: int, prob: float) -> Candidate:
    return Candidate(rank, id, label, label.encode(), label, 10.5 - rank / 100, -1.25, prob, prob, None)


HE, THE, LONG = candidate(7, "he", 0, 0.5), candidate(9, "␣the", 1233, 0.25), candidate(11, "x" * 40, 50256, 1e-9)
FOUND = Found(4, "he", VocabularyMatch((HE, THE), 3, 0.755))


# -- rows --------------------------------------------------------------------------------------------------------------


def test_what_a_question_found_stands_in_columns() -> None:
    shown = picture(Subject(FOUND, n_vocab=50257, is_asking=True), (LISTED, 9), 60)
    assert text_of(shown.rows) == [
        "      rank  token        prob    logit",
        " 3 of 50,257 tokens · together 75.5% · the 2 likeliest",
        "        #1  he          50.0%    10.50  ████████████████",
        "▸   #1,234  ␣the        25.0%    -1.83  ████████",
    ]
    assert shown.lines == {(LISTED, 7): 2, (LISTED, 9): 3}


def test_watched_tokens_stand_above_and_are_marked_below_too() -> None:
    ranks = {9: (50256, 500, 0)}
    shown = picture(Subject(FOUND, None, [THE], ranks, 50257, is_asking=True), (WATCHED, 9), 60)
    lines = text_of(shown.rows)
    assert lines[0].endswith("rank, layer by layer")
    assert lines[1] == "▸•  #1,234  ␣the        25.0%    -1.83  ▁▄█"
    assert lines[4] == " •  #1,234  ␣the        25.0%    -1.83  ████████"


def test_neighbours_have_cosines_and_their_own_likelihood() -> None:
    near = Near(4, 9, (Neighbour(9, "␣the", 1.0), Neighbour(7, "he", -0.25)), (THE, HE))
    shown = picture(Subject(FOUND, near, n_vocab=50257, is_asking=True), (LISTED, 9), 70)
    assert text_of(shown.rows) == [
        "      rank  token        prob    logit  cosine",
        " nearest to ␣the in the embedding, by the cosine of their rows of wte",
        "▸   #1,234  ␣the        25.0%    -1.83   1.000  ████████████████",
        "        #1  he          50.0%    10.50  -0.250",
    ]


@pytest.mark.parametrize(
    "match, said",
    [
        (VocabularyMatch((), 0, 0.0), " no token of the vocabulary"),
        (VocabularyMatch((HE,), 1, 0.5), " 1 of 4,096 tokens · together 50.0%"),
        (VocabularyMatch((HE,), 4000, 1.0), " 4,000 of 4,096 tokens · together 100.0%"),
    ],
    ids=["none", "all listed", "no room to say how many are listed"],
)
def test_how_many_were_found_and_their_mass(match: VocabularyMatch, said: str) -> None:
    assert text_of([match_row(match, 4096, 50)]) == [said]


@pytest.mark.parametrize(
    "ranks, width, drawn",
    [
        ((49999, 0), 9, "▁█"),
        (tuple(range(49, -1, -1)), 3, "▆▆█"),
        ((4,), 3, "▇"),
        ((0, 0), 0, ""),
        ((), 5, ""),
    ],
    ids=["last and first", "more layers than cells", "one row", "no room", "nobody told"],
)
def test_the_way_through_the_layers(ranks: tuple[int, ...], width: int, drawn: str) -> None:
    assert text_of([layers_bar(ranks, 50000, width)]) == [drawn]


@pytest.mark.parametrize("width", [40, 59, 76, 150])
@pytest.mark.parametrize("has_cosine", [True, False])
def test_every_row_fits(width: int, has_cosine: bool) -> None:
    place = columns([HE.label, LONG.label], width, has_cosine=has_cosine)
    assert place.label >= 10
    near = Near(4, 9, (Neighbour(11, LONG.label, 1.0), Neighbour(7, "he", 0.5)), (LONG, HE)) if has_cosine else None
    match = VocabularyMatch((replace(LONG, label="漢" * 30), THE), 2, 1.0)
    subject = Subject(Found(4, "x", match), near, [LONG, THE], {11: (5,) * 49}, 50257)
    lines = text_of(picture(subject, None, width).rows)
    assert max(map(cell_len, lines + text_of(example_rows(width)))) <= width


# -- the view ----------------------------------------------------------------------------------------------------------


def id_of(text: str) -> int:
    (id,) = stories().tokenizer.encode(text)
    return id


async def asked(here: Play, question: str) -> WordsView:
    """Ask from wherever one is."""
    await here.press("slash")
    view = view_of(here, WordsView)
    await here.until(lambda: here.app.focused is view.field, "the question")
    await here.type(question)
    await here.until(lambda: "tokens · together" in view.text and not screen_of(here).asker.is_busy, "an answer")
    return view


async def test_a_slash_asks_from_anywhere_and_enter_goes_to_the_answer() -> None:
    async with exploring("", PROMPT) as here:
        await here.press("slash")
        await here.until(lambda: screen_of(here).view is not None)
        view = view_of(here, WordsView)
        await here.until(lambda: here.app.focused is view.field)
        assert "Ask all tokens at once" in view.text
        assert (view.numbers(), view.table()) == (None, [])
        await here.type("=king")
        await here.until(lambda: "1 of 4,096 tokens" in view.text)
        await here.press("enter")
        assert here.app.focused is view.lines
        await here.press("escape")
        assert screen_of(here).tokens.has_focus


async def test_the_numbers_are_those_of_the_list_and_their_sum() -> None:
    async with exploring("words", PROMPT) as here:
        view = await asked(here, "/^ (king|queen)$/")
        look = screen_of(here).scene.instruments.reshape(PURE, 4096)
        assert look is not None
        known = {one.id: one for one in look.distribution.candidates}
        numbers = view.numbers()
        assert isinstance(numbers, dict)
        found = numbers["found"]["candidates"]
        assert sorted(one["id"] for one in found) == sorted([id_of(" king"), id_of(" queen")])
        for one in found:
            assert (one["rank"], one["label"]) == (known[one["id"]].rank, known[one["id"]].label)
            assert one["prob"] == pytest.approx(known[one["id"]].prob, abs=1e-6)
        assert numbers["found"]["prob"] == pytest.approx(sum(one["prob"] for one in found))
        assert view.table()[1][:4] == ["found", found[0]["rank"], found[0]["id"], found[0]["label"]]


async def test_the_mouse_chooses_a_token_and_takes_the_chosen_one() -> None:
    async with exploring("words", PROMPT) as here:
        view = await asked(here, "/^ (king|queen)$/")
        second = view.text.split("\n")[3]
        await here.pilot.click(view.lines, offset=(5, 3))
        assert f"▸{second[1:]}" in view.text
        exploration = screen_of(here).exploration
        before = exploration.cursor
        await here.pilot.click(view.lines, offset=(5, 3))
        await here.until(lambda: exploration.cursor == before + 1)
        assert stories().tokenizer.label(exploration.ids()[before]) in second


async def test_enter_takes_a_token_however_unlikely() -> None:
    async with exploring("words", PROMPT) as here:
        await here.press("end")
        await looked(here)
        await asked(here, "= when")
        await here.press("enter", "enter")
        exploration = screen_of(here).exploration
        await here.until(lambda: exploration.ids()[-1] == id_of(" when"))
        assert here.document.version(), "it is the document's now"


async def test_a_watched_token_follows_cursor_layers_and_views() -> None:
    async with exploring("words", PROMPT) as here:
        view = await asked(here, "= king")
        await here.press("enter", "p")
        await here.until(lambda: "layers" in str(view.numbers()))
        first = view.numbers()
        assert isinstance(first, dict)
        (king,) = first["watched"]
        assert king["rank"] == king["layers"][-1]["rank"] == first["found"]["candidates"][0]["rank"]
        await here.press("escape", "7")
        await here.until(lambda: isinstance(screen_of(here).view, PiecesView))
        await here.press("end", "8")
        await here.until(lambda: screen_of(here).view is view)
        await looked(here)
        await here.until(lambda: view.numbers() != first)
        second = view.numbers()
        assert isinstance(second, dict)
        assert [one["id"] for one in second["watched"]] == [id_of(" king")]
        assert second["watched"][0]["layers"][-1]["rank"] == second["watched"][0]["rank"] != king["rank"]
        assert view.table()[0][-1] == f"rank at {king['layers'][-1]['name']}"
        await here.press("tab", "enter", "p")
        assert "watched" not in str(view.numbers())


async def test_from_neighbour_to_neighbour_and_back() -> None:
    async with exploring("words", PROMPT) as here:
        view = await asked(here, "= king")
        await here.press("enter", "b")
        await here.until(lambda: "nearest to ␣king" in view.text)
        assert "▸" in next(line for line in view.text.split("\n") if "1.000" in line)
        await here.press("down", "b")
        await here.until(lambda: "nearest to ␣king" not in view.text and "nearest to" in view.text)
        numbers = view.numbers()
        assert isinstance(numbers, dict)
        assert id_of(" king") in [one["id"] for one in numbers["near"]["neighbours"]]
        assert view.table()[1][0] == "near"
        await here.press("b")
        assert "1 of 4,096 tokens" in view.text


async def test_what_cannot_be_asked_is_said_where_it_was_asked() -> None:
    async with exploring("words", PROMPT) as here:
        await here.press("slash")
        await here.type("/(/")
        view = view_of(here, WordsView)
        await here.until(lambda: "is not a regular expression" in view.text)
        assert not here.notice
        await here.press(*["backspace"] * 3)
        await here.until(lambda: "Ask all tokens at once" in view.text)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
async def test_it_fits_on_every_screen(size: tuple[int, int]) -> None:
    async with exploring("words", PROMPT, size=size) as here:
        await asked(here, "he")
        for fact in ("rank", "token", "prob", "logit", "together", "▸", "⏎ take it here", "b nearest, and back"):
            assert fact in here.screen, fact
