"""The BPE theatre: what is drawn of a word, and how one goes through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len

from picogpt_tui import paths
from picogpt_tui.gpt2.segmentation import align
from picogpt_tui.session.pieces import CHARACTERS, OtherTokenizers, cut, cut_beside
from picogpt_tui.session.theatre import Piece, Stage, play, stage
from picogpt_tui.tui.views.pieces import PiecesView
from picogpt_tui.tui.views.pieces_picture import NO_TEXT, SPECIAL, Picture, Subject, nothing_yet, picture
from picogpt_tui.tui.views.pieces_rows import beside_head, beside_rows, reason_rows, stage_rows, window, words_row
from picogpt_tui.tui.widgets.lines import Row

from ...gpt2.checkpoints import END_OF_TEXT_ID, toy_tokenizer
from .exploring import exploring, looked, screen_of, stories, view_of


def text_of(rows: Sequence[Row]) -> list[str]:
    return ["".join(text for text, _ in row).rstrip() for row in rows]


@pytest.mark.parametrize(
    "widths, at, room, seen",
    [
        ([3, 3, 3], 1, 15, (0, 3)),
        ([3, 3, 3], 1, 14, (1, 3)),
        ([3, 3, 3, 3, 3], 2, 25, (0, 5)),
        ([3, 3, 3, 3, 3], 0, 15, (0, 3)),
        ([3, 3, 3, 3, 3], 4, 15, (2, 5)),
        ([30, 3], 0, 5, (0, 1)),
    ],
    ids=["all", "not all", "wide", "at the beginning", "at the end", "one that is too wide"],
)
def test_a_window_holds_what_fits_around_one(widths: list[int], at: int, room: int, seen: tuple[int, int]) -> None:
    assert window(widths, at, room) == seen


def test_the_words_around_one_stand_beside_it_and_the_note_at_the_right() -> None:
    (line,) = text_of([words_row(["Once", "␣upon", "␣a", "␣time"], 1, "word 2 of 9", 40)])
    assert line == " Once ▸␣upon  ␣a  ␣time     word 2 of 9"


def test_a_long_word_has_the_row_for_itself() -> None:
    (line,) = text_of([words_row(["a", "x" * 90, "b"], 1, "word 2 of 3 · bytes 1 to 91", 50)])
    assert line.startswith(" a ▸xxxxxxxxxxxxxxxxxxxxxxx…  b")
    assert "word" not in text_of([words_row(["x" * 90], 0, "word 1 of 1", 30)])[0]


# -- pictures ----------------------------------------------------------------------------------------------------------


def subject(ids: list[int], at: int = 0, *, step: int | None = None, other: str = "", changed: bool = False) -> Subject:
    tokenizer = toy_tokenizer()
    found = next(cut_beside(tokenizer, ids, OtherTokenizers("toy"), other))
    played = play(tokenizer, found.standing, at, is_changed=changed)
    n_merges = len(played.word.merges) if step is None else step
    words = [tokenizer.decode(word.tokens) for word in found.standing.words]
    is_special = played.word.tokens[0] == END_OF_TEXT_ID
    shown = stage(tokenizer, played, n_merges)
    note = f"word {at + 1} of {len(words)}"
    return Subject(words, at, note, played, shown, n_merges, is_special, "toy", other, found.beside, tokenizer.label)


def encoded(text: str) -> list[int]:
    return toy_tokenizer().encode(text)


def test_a_word_is_played_merge_by_merge() -> None:
    shown = picture(subject(encoded(" then"), step=2), 76, 30)
    assert text_of(shown.rows) == [
        "▸ then" + " " * 58 + "word 1 of 1",
        "",
        " pieces   ␣t    ▸he     n",
        " id       256    257    110",
        " bytes    20 74  68 65  6e",
        "",
        "     merge  joins           the word's pieces then",
        "     bytes  5 of them       ␣  t  h  e  n",
        "        #1  ␣ + t → ␣t      ␣t  h  e  n",
        "▸       #2  h + e → he      ␣t  he  n",
        "        #3  ␣t + he → ␣the  ␣the  n",
        "            ␣the | n  no merge joins them",
    ]
    assert shown.chosen == 9


def test_at_the_end_the_reasons_are_in_view_and_the_last_merge_stays() -> None:
    shown = picture(subject(encoded(" then in")), 76, 8)
    last = text_of(shown.rows).index(next(line for line in text_of(shown.rows) if line.startswith("▸       #3")))
    assert shown.chosen == min(len(shown.rows) - 1, last + 8 - shown.n_fixed - 1)
    assert "another word begins" in "\n".join(text_of(shown.rows))


def test_characters_that_pieces_share_are_bracketed() -> None:
    lines = text_of(picture(subject(encoded("h 😀"), 1, step=0), 76, 30).rows)
    assert lines[2:6] == [
        " pieces   ␣   ⟨F0⟩  ⟨9F⟩  ⟨98⟩  ⟨80⟩",
        " char         └──────── 😀 ────────┘",
        " id       32  240   159   152   128",
        " bytes    20  f0    9f    98    80",
    ]


@pytest.mark.parametrize(
    "ids, at, said",
    [
        ([*b"in", END_OF_TEXT_ID], 1, SPECIAL),
        ([0xE2, 0x80], 0, NO_TEXT),
        (encoded("in" * 700), 0, "1,400 bytes: too long to be played merge by merge"),
    ],
    ids=["special", "no text", "too long"],
)
def test_what_is_not_played_says_why(ids: list[int], at: int, said: str) -> None:
    assert text_of(picture(subject(ids, at), 76, 20).rows)[-1] == f" {said}"


def test_tokens_that_stand_there_otherwise_are_told() -> None:
    told = "stands here  ␣  t  h  e · this text would be cut otherwise  ␣the"
    assert f" {told}" in text_of(picture(subject(list(b"in the"), 1), 76, 20).rows)
    assert told not in "\n".join(text_of(picture(subject(encoded("in the"), 1), 76, 20).rows))


def test_without_its_space_a_word_is_beside_what_stands_there() -> None:
    lines = text_of(picture(subject(encoded("in the"), 1, changed=True), 76, 20).rows)
    assert " in the text  ␣the" in lines
    assert " pieces   t   ▸he" in lines


def test_another_cut_lies_beside_by_bytes() -> None:
    shown = picture(subject(encoded("in then"), 1, other=CHARACTERS), 76, 20)
    lines = text_of(shown.rows)[shown.n_fixed - 1 :]
    assert [part.strip() for part in lines[0].split("  ") if part.strip()][:2] == [
        "byte",
        "toy · 3 pieces, 2.3 bytes each",
    ]
    assert lines[0].endswith("characters · 7 pieces")
    assert [line.split() for line in lines[1:]] == [
        ["0", "in", "i", "n"],
        ["▸", "2", "␣the", "␣", "t", "h", "e"],
        ["▸", "6", "n", "n"],
    ]
    assert shown.bytes_at == (0, 2, 6)


def test_alike_pieces_are_quiet_and_numbers_need_room() -> None:
    a, b = [b"the", b" end"], [b"the", b" ", b"end"]
    rows = beside_rows(align(a, b).stretches, ["the", "␣end"], ["the", "␣", "end"], (7, 7), 60)
    assert [row[-1][1] for row in rows] == ["quiet", "text"]
    wide = beside_head(("a", "b"), (2, 3), 7, 2, 120)
    assert text_of([wide])[0].endswith("both cut at 2")
    assert "both" not in text_of([beside_head(("a", "b"), (2, 3), 7, 2, 60)])[0]


def test_a_long_reason_goes_on_below_itself() -> None:
    lines = text_of(reason_rows(["h", "␣the"], "another word begins: words are cut first", 44))
    assert lines == ["            h | ␣the  another word begins:", "            words are cut first"]


@pytest.mark.parametrize("width, height", [(76, 6), (74, 17), (150, 30), (40, 5)])
@pytest.mark.parametrize("text", ["in the end", "x" * 400, "naïve 👋🏽", "\n\n", " "], ids=repr)
def test_every_row_fits_in_every_room(text: str, width: int, height: int) -> None:
    for other in ("", CHARACTERS):
        ids = encoded(text)
        for at in range(len(cut(toy_tokenizer(), ids).words)):
            shown: Picture = picture(subject(ids, at, other=other), width, height)
            assert max(map(cell_len, text_of(shown.rows))) <= width
            assert shown.n_fixed <= height - 2
            assert shown.chosen < len(shown.rows)
    assert max(map(cell_len, text_of(nothing_yet(width)))) <= width


def test_the_pieces_around_the_join_are_seen_of_very_many() -> None:
    pieces = tuple(Piece(id, chr(id), bytes([id])) for id in range(ord("A"), ord("z")))
    lines = text_of(stage_rows(Stage(pieces, 30, ()), 60))
    assert "▸_" in lines[0]
    assert lines[0].count("…") == 2
    assert max(map(cell_len, lines)) <= 60


# -- the view ----------------------------------------------------------------------------------------------------------

TEXT = "There was unbelievably much"


async def test_the_word_around_the_cursor_is_played_forwards_and_back() -> None:
    async with exploring("pieces", TEXT) as here:
        view, screen = view_of(here, PiecesView), screen_of(here)
        await here.until(lambda: "▸␣much" in view.text)
        await here.press("tab", "up")
        await here.until(lambda: "▸␣unbelievably" in view.text)
        assert stories().tokenizer.decode([screen.exploration.taken or 0]) == " un", "the text's cursor goes along"
        n_merges = len(view.table()) - 2
        assert view.text.count("#") == n_merges
        at_end = next(line for line in view.text.split("\n") if line.startswith("▸ "))
        await here.press("left")
        before = next(line for line in view.text.split("\n") if line.startswith("▸ "))
        assert before != at_end
        await here.press(*["left"] * (n_merges + 3))
        assert "▸    bytes" in view.text
        await here.pilot.click(view.lines, offset=(5, view.text.split("\n").index(at_end.replace("▸", " "))))
        assert at_end in view.text, "the mouse plays up to a merge"
        await here.press("left", "down", "up")
        await here.until(lambda: "▸␣unbelievably" in view.text)
        assert at_end in view.text, "a word is met as it is cut"


async def test_any_text_can_be_cut_and_an_empty_one_gives_the_document_back() -> None:
    async with exploring("pieces", TEXT) as here:
        view = view_of(here, PiecesView)
        await here.press("tab", "slash")
        await here.type("the king's")
        await here.until(lambda: "▸'s" in view.text and "of your own" in view.text)
        await here.press("up")
        await here.until(lambda: "▸␣king" in view.text)
        assert screen_of(here).exploration.is_at_end is False, "the document's cursor stays"
        await here.press("enter", "up")
        await here.until(lambda: "▸the" in view.text)
        await here.press("slash", *["backspace"] * 10)
        await here.until(lambda: "▸␣much" in view.text)
        await here.press("enter")
        assert not view.field.display
        assert here.app.focused is view.lines


async def test_a_word_with_and_without_its_space() -> None:
    async with exploring("pieces", "There was") as here:
        view = view_of(here, PiecesView)
        await here.until(lambda: "▸␣was" in view.text)
        await here.press("tab", "l")
        assert "without its leading space" in view.text
        assert "▸was" in view.text
        assert "in the text  ␣was" in view.text
        await here.press("up")
        await here.until(lambda: "▸␣There" in view.text and "with a leading space" in view.text)
        await here.press("l")
        assert "▸There" in view.text


async def test_other_tokenizers_take_their_turn_beside_it(tiny_model_dir: Callable[..., Path]) -> None:
    paths.models_dir().mkdir(parents=True)
    tiny_model_dir().rename(paths.models_dir() / "toy")
    async with exploring("pieces", "in there") as here:
        view = view_of(here, PiecesView)
        await here.press("tab", "t")
        await here.until(lambda: "characters · 8 pieces" in view.text)
        await here.press("t")
        await here.until(lambda: "toy · " in view.text)
        numbers = view.numbers()
        assert isinstance(numbers, dict)
        assert [piece["label"] for piece in numbers["beside"]["b"]["pieces"]] == ["in", "␣the", "r", "e"]
        assert view.table()[0] == ["byte", "stories", "toy"]
        await here.press("t")
        await here.until(lambda: "merge  joins" in view.text)
        assert "beside" not in str(view.numbers())


async def test_a_token_taken_by_hand_is_told_as_one() -> None:
    """`␣w` in the place of `␣was`, and the text goes on as nobody would have cut it."""
    tokenizer = stories().tokenizer
    async with exploring("pieces", "There w") as here:
        view, screen = view_of(here, PiecesView), screen_of(here)
        await here.press("end")
        await looked(here)
        screen.exploration.take(tokenizer.encode("as")[0])
        screen.changed()
        await here.until(lambda: "would be cut otherwise" in view.text)
        assert "stands here  ␣w  as · this text would be cut otherwise  ␣was" in view.text


async def test_an_empty_text_says_what_will_stand_here() -> None:
    async with exploring("pieces", "") as here:
        view = view_of(here, PiecesView)
        await here.until(lambda: "There is no text yet" in view.text)
        assert (view.numbers(), view.table()) == (None, [])


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
async def test_it_fits_on_every_screen(size: tuple[int, int]) -> None:
    async with exploring("pieces", TEXT, size=size) as here:
        view = view_of(here, PiecesView)
        await here.until(lambda: "▸␣much" in view.text)
        for fact in ("pieces", "id", "bytes", "merge  joins", "word 4 of 4", "/ any text"):
            assert fact in here.screen, fact
