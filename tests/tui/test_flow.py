"""The transcript's lines: appended token by token they are those of the whole text, and none of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from picogpt_tui.tui.flow import ANSWER, NOTE, PROMPT, Flow, Line, clip, wrap
from picogpt_tui.visible import visible

WORDS = st.sampled_from(
    ["a", "the", "king", "Rumpelstiltskin-and-all-his-kin", "日本語", "語", "é", "e\u0301", "😀👍🏽🇩🇪"]
)
SPACES = st.sampled_from([" ", "  ", "\n", "\n\n", " \n ", "            "])
LIKELY = st.lists(WORDS | SPACES, max_size=30).map("".join)
ANY = st.text(max_size=60).map(visible)
TEXTS = LIKELY | ANY
WIDTHS = st.integers(1, 24)


def joined(lines: list[Line]) -> str:
    """The text of which these are the lines."""
    return "".join(line.text + ("" if line.is_soft else "\n") for line in lines).removesuffix("\n")


@pytest.mark.parametrize(
    "text, lines",
    [
        ("", [("", False)]),
        ("the king", [("the king", False)]),
        ("the king had", [("the king ", True), ("had", False)]),
        ("the king   had", [("the king   ", True), ("had", False)]),
        ("the\nking", [("the", False), ("king", False)]),
        ("\n\n", [("", False), ("", False), ("", False)]),
        ("a Simpleton", [("a ", True), ("Simpleto", True), ("n", False)]),
        ("Simpletons", [("Simpleto", True), ("ns", False)]),
        ("  the king", [("  the ", True), ("king", False)]),
        ("日本語日本語", [("日本語日", True), ("本語", False)]),
        ("a日本語日", [("a日本語", True), ("日", False)]),
        ("cafe\u0301 cafe\u0301", [("cafe\u0301 ", True), ("cafe\u0301", False)]),
        ("Simpleto\u0301ns", [("Simpleto\u0301", True), ("ns", False)]),
    ],
    ids=ascii,
)
def test_wrap_in_eight_cells(text: str, lines: list[tuple[str, bool]]) -> None:
    assert [(line.text, line.is_soft) for line in wrap(text, 8)] == lines


@settings(max_examples=300)
@given(TEXTS, WIDTHS)
def test_wrapped_lines_fit_and_joined_again_are_the_text(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert joined(lines) == text
    for line in lines:
        bare = line.text.rstrip()
        assert cell_len(bare) <= width or len(bare) == 1 or cell_len(bare[1:]) == 0, "only spaces may hang over"


@settings(max_examples=300)
@given(TEXTS, st.integers(2, 24))
def test_no_line_ends_earlier_than_it_must(text: str, width: int) -> None:
    """Greedy: the word behind a soft break would not have fitted any more; of a broken word, the next character."""
    offset = 0
    for line in wrap(text, width):
        offset += len(line.text)
        if line.is_soft:
            is_in_word = not line.text[-1].isspace()
            word = text[offset] if is_in_word else text[offset:].split()[0]
            assert cell_len(line.text) + cell_len(word) > width
        else:
            offset += 1


@settings(max_examples=500)
@example(["Simpletons", "and", "\n", " kings"], 8)
@example(["日", "本"], 1)
@given(st.lists(TEXTS, max_size=8), WIDTHS)
def test_appending_gives_the_lines_of_the_whole_text(pieces: list[str], width: int) -> None:
    """The screen draws only from the line that `append` names; had another changed, it would show old text."""
    flow = Flow(width)
    block = flow.add(ANSWER)
    for piece in pieces:
        before = list(flow.lines)
        first = flow.append(piece)
        assert flow.lines[:first] == before[:first]
        assert first == len(before) - 1
    assert block.text == "".join(pieces)
    assert block.lines == wrap("".join(pieces), width)
    assert flow.lines == [(block, line) for line in block.lines]


def test_appending_touches_one_line_however_long_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token's cost must not grow with the transcript."""
    flow = Flow(20)
    flow.add(ANSWER, "once upon a time " * 500)
    wrapped: list[str] = []

    def watched(text: str, width: int) -> list[Line]:
        wrapped.append(text)
        return wrap(text, width)

    monkeypatch.setattr("picogpt_tui.tui.flow.wrap", watched)
    flow.append("there")
    assert wrapped == ["once upon a time there"]


def test_blocks_stand_under_each_other_with_an_empty_line_between() -> None:
    flow = Flow(8)
    flow.add(PROMPT, "the king had")
    flow.add(ANSWER, "three")
    flow.append(" sons")
    flow.add(NOTE, "stopped")
    assert [(block and block.kind, line.text) for block, line in flow.lines] == [
        ("prompt", "the king "),
        ("prompt", "had"),
        (None, ""),
        ("answer", "three "),
        ("answer", "sons"),
        (None, ""),
        ("note", "stopped"),
    ]
    assert [block.text for block in flow.blocks] == ["the king had", "three sons", "stopped"]


def test_nothing_is_left_after_clear() -> None:
    flow = Flow(8)
    flow.add(PROMPT, "the king had")
    flow.clear()
    assert (flow.blocks, flow.lines) == ([], [])
    flow.add(PROMPT, "a")
    assert len(flow.lines) == 1, "no empty line above the first block"


@given(st.lists(TEXTS, max_size=5), WIDTHS, WIDTHS)
def test_another_width_gives_the_lines_it_would_have_given_from_the_start(
    texts: list[str], width: int, other: int
) -> None:
    flow, expected = Flow(width), Flow(other)
    for text in texts:
        flow.add(ANSWER, text)
        expected.add(ANSWER, text)
    flow.set_width(other)
    assert flow.lines == expected.lines
    assert flow.blocks == expected.blocks


@given(st.lists(TEXTS, min_size=1, max_size=5), WIDTHS)
def test_a_copy_of_all_is_what_was_written(texts: list[str], width: int) -> None:
    """Wrapping leaves no line breaks in the clipboard."""
    flow = Flow(width)
    for text in texts:
        flow.add(ANSWER, text)
    last = len(flow.lines) - 1
    assert flow.extract((0, 0), (last, len(flow.lines[last][1].text))) == "\n\n".join(texts)


@given(TEXTS.filter(bool), WIDTHS, st.data())
def test_a_copy_of_a_part_is_that_part(text: str, width: int, data: st.DataObject) -> None:
    flow = Flow(width)
    flow.add(ANSWER, text)
    places, offset = [], 0  # of every character: (line, character) and where it stands in the text
    for y, (_, line) in enumerate(flow.lines):
        places += [((y, x), offset + x) for x in range(len(line.text) + 1)]
        offset += len(line.text) + (not line.is_soft)
    first = data.draw(st.integers(0, len(places) - 1))
    last = data.draw(st.integers(first, len(places) - 1))
    assert flow.extract(places[first][0], places[last][0]) == text[places[first][1] : places[last][1]]


def test_a_selection_that_ends_below_the_text_ends_with_it() -> None:
    flow = Flow(8)
    flow.add(ANSWER, "the king")
    assert flow.extract((0, 4), (0, 99)) == "king"
    assert flow.extract((0, 4), (99, 0)).rstrip("\n") == "king"


@pytest.mark.parametrize("n", [0, 1, 2400, 2500])
def test_a_prompt_of_this_length_is_shown_whole(n: int) -> None:
    assert clip("x" * n) == "x" * n


def test_of_a_longer_prompt_beginning_and_end_are_shown_and_what_is_missing_is_counted() -> None:
    text = "B" * 1200 + "m" * 5_000_000 + "E" * 1200
    shown = clip(text)
    assert shown == "B" * 1200 + "\n… 5,000,000 characters not shown …\n" + "E" * 1200


def test_the_shortest_text_that_is_clipped_gets_shorter_by_it() -> None:
    """Else a prompt could be hidden for nothing."""
    assert len(clip("x" * 2501)) < 2501
