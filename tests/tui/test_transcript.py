"""The text on the screen: it follows its end until somebody reads further up, and is copied as it was written."""

from __future__ import annotations

import pytest
from textual.geometry import Offset
from textual.selection import Selection

from .playing import Play, playing, write_settings
from .scripted import ScriptedModel

LONG = "".join(f" line {number} of a long tale.\n" for number in range(99))


@pytest.fixture(autouse=True)
def no_maximum() -> None:
    """Let the model say all that it has to."""
    write_settings(generation={"max_tokens": 5000})


async def _long_answer(play: Play) -> None:
    await play.answer("Tell")
    assert play.stage.transcript.max_scroll_y > 20


async def test_it_follows_the_end() -> None:
    async with playing(ScriptedModel(LONG, n_ctx=2048)) as play:
        await _long_answer(play)
        assert play.stage.transcript.is_vertical_scroll_end
        assert "line 98" in play.screen


async def test_a_reader_who_scrolls_up_is_left_alone_and_told_that_there_is_more() -> None:
    model = ScriptedModel(LONG, n_ctx=2048)
    async with playing(model) as play:
        model.gate.close()
        await play.send("Tell")
        model.gate.let(len(model.script) // 2)
        await play.until(lambda: "line 45" in play.said)
        await play.press("pageup")
        scroll_y = play.stage.transcript.scroll_y
        assert scroll_y < play.stage.transcript.max_scroll_y
        await play.until(lambda: "more below" in play.screen)
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert play.stage.transcript.scroll_y == scroll_y
        assert "line 98" not in play.screen
        await play.press("ctrl+end")
        await play.until(lambda: "line 98" in play.screen)
        assert "more below" not in play.screen


async def test_after_ctrl_end_it_follows_again() -> None:
    model = ScriptedModel(LONG, n_ctx=2048)
    async with playing(model) as play:
        model.gate.close()
        await play.send("Tell")
        model.gate.let(len(model.script) // 2)
        await play.until(lambda: "line 45" in play.said)
        await play.press("pageup", "pageup", "ctrl+end")
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert play.stage.transcript.is_vertical_scroll_end
        assert "line 98" in play.screen


async def test_page_down_to_the_end_follows_again() -> None:
    async with playing(ScriptedModel(LONG, n_ctx=2048)) as play:
        await _long_answer(play)
        await play.press("pageup")
        await play.until(lambda: not play.stage.transcript.is_following)
        await play.press("pagedown", "pagedown")
        await play.until(lambda: play.stage.transcript.is_following)


async def test_sending_goes_to_the_end() -> None:
    model = ScriptedModel(LONG, n_ctx=2048)
    async with playing(model) as play:
        await _long_answer(play)
        await play.press("pageup", "pageup")
        model.script = model.tokenizer.encode(" short.")
        await play.answer("and now?")
        assert "and now?" in play.screen
        assert play.stage.transcript.is_vertical_scroll_end


WRAPPED = (
    " One paragraph that is certainly too long for one line of a narrow terminal, so that it must be wrapped somewhere"
    " in the middle.\n\n  An indented line.\nThe end."
)


@pytest.mark.parametrize("width", [80, 44])
async def test_what_is_copied_has_the_line_breaks_it_was_written_with(width: int) -> None:
    """What wrapping did to the screen is no part of the text."""
    async with playing(ScriptedModel(WRAPPED), size=(width, 30)) as play:
        await play.answer("Tell")
        selected = play.stage.transcript.get_selection(Selection(None, None))
        assert selected is not None
        assert selected[0].startswith(f"Tell\n\n{WRAPPED.strip()}\n")


async def test_the_mouse_selects_and_ctrl_c_copies() -> None:
    async with playing(ScriptedModel(WRAPPED), size=(60, 30)) as play:
        await play.answer("Tell")
        transcript = play.stage.transcript
        last = len(WRAPPED.split("\n")) + 3
        await play.pilot.mouse_down(transcript, offset=(3, 2))
        await play.pilot.hover(transcript, offset=(9, last))
        await play.pilot.mouse_up(transcript, offset=(9, last))
        selected = play.main.get_selected_text()
        assert selected is not None
        await play.press("ctrl+c")
        assert play.app.clipboard == selected
        assert WRAPPED.strip().startswith(selected.rstrip())
        assert "must be wrapped somewhere in the middle." in selected


async def test_a_selection_is_seen() -> None:
    """Whatever the theme: the selected part has another background than the rest of its line."""
    async with playing() as play:
        await play.answer("There was a")
        transcript = play.stage.transcript
        play.main.selections = {transcript: Selection(Offset(0, 0), Offset(5, 0))}
        await play.pilot.pause()
        colours = {
            segment.text: segment.style.bgcolor
            for segment in transcript.render_line(0)
            if segment.text.strip() and segment.style is not None
        }
        assert colours["There"] != colours[" was a"]


async def test_wide_characters_keep_their_columns() -> None:
    """A CJK character takes two cells; a line of them ends where every other does."""
    async with playing(ScriptedModel("漢字" * 40 + " end", n_ctx=512), size=(60, 24)) as play:
        await play.answer("Tell")
        assert "漢字" * 40 in play.said
        assert {len(line) + sum(map("漢字".count, line)) for line in play.screen.split("\n")} == {60}


async def test_a_character_that_comes_in_pieces_appears_whole() -> None:
    """Three tokens of one emoji: nothing is shown until its last byte is there."""
    emoji = [*b"\xf0\x9f\x98\x80"]
    model = ScriptedModel()
    byte_ids = [model.tokenizer.encode("a"), *[[model.tokenizer._byte_ids[byte]] for byte in emoji]]
    model.script = [id for ids in byte_ids for id in ids]
    async with playing(model) as play:
        model.gate.close()
        await play.send("Say")
        for _ in range(4):
            model.gate.let()
            await play.until(lambda: model.gate.n_waiting == 1)
            assert "\ufffd" not in play.said
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert "a😀" in play.said


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (44, 12)], ids=str)
async def test_no_word_touches_the_scrollbar(size: tuple[int, int]) -> None:
    async with playing(ScriptedModel(" word" * 300, n_ctx=512), size=size) as play:
        await play.answer("Tell")
        transcript = play.stage.transcript
        rows = [transcript.render_line(y).text for y in range(transcript.size.height)]
        n_columns = transcript.scrollable_content_region.width
        assert {row[n_columns - 1] for row in rows} == {" "}
        assert any(len(row.rstrip()) >= n_columns - 5 for row in rows)


async def test_a_growing_prompt_does_not_hide_the_end() -> None:
    async with playing(ScriptedModel(LONG, n_ctx=2048), size=(80, 24)) as play:
        await _long_answer(play)
        await play.type("one\ntwo\nthree")
        await play.until(lambda: "the text ends here" in play.screen)
        assert play.stage.transcript.is_following


async def test_the_caret_goes_when_the_answer_ends() -> None:
    """Its line was drawn with the caret, and is no longer the last one when the note comes below it."""
    model = ScriptedModel(" king.")
    async with playing(model) as play:
        model.gate.close()
        await play.send("Tell")
        model.gate.let(len(model.script))
        await play.until(lambda: "king.▌" in play.screen)
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        await play.until(lambda: "the text ends here" in play.screen)
        assert "▌" not in play.stage.transcript.render_line(2).text
