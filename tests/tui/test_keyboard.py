"""What is typed arrives in the prompt, whole and in order, wherever the focus is and however a terminal sends it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.widgets.text_area import Edit, EditResult

from picogpt_tui.tui.widgets.knob import Knob
from picogpt_tui.tui.widgets.prompt_input import PromptInput
from picogpt_tui.tui.widgets.welcome import Example

from .playing import Play, playing, write_settings
from .scripted import TALE, ScriptedModel

ELSEWHERE = ("example", "knob", "nothing")
PASTE_SECONDS, HAND_SECONDS = 0.00005, 0.1


def _come_in(play: Play, sent: str, seconds: float) -> None:
    """What a terminal sends, one key these seconds after the other, gets to the app before it has time for any."""
    parsed: Iterable[object] = XTermParser().feed(sent)
    keys = [event for event in parsed if isinstance(event, events.Key)]
    for n, key in enumerate(keys):
        key.time = keys[0].time + n * seconds
        play.app.post_message(key)


async def _focus(play: Play, what: str) -> None:
    if what == "example":
        await play.press("up")
        assert isinstance(play.app.focused, Example)
    elif what == "knob":
        await play.press("ctrl+t")
        assert isinstance(play.app.focused, Knob)
    elif what == "nothing":
        play.main.set_focus(None)


TEXTS = {
    "tab, joiner and signs": "a\tb ☃ 👩\u200d👧 <|endoftext|> [red]x[/]",
    "begins with a tab": "\tdef f(x):\n\t\treturn x",
    "ends with a tab": "a\t",
    "begins with a number": "1.5\tand 20 witches",
    "spaces": "a\u00a0b\u3000c\u2003d",
    "invisible": "a\u200bb\ufeffc\u202ed\u2066e\u2028f\u00adg",
    "c1 and private": "a\x85b\x9bc\ue000d\U000f0000e",
    "variation and combining": "❤\ufe0f e\u0301 \U000e0100",
}


CASES = [(text, "prompt") for text in TEXTS]
CASES += [(text, focus) for text in ("begins with a tab", "begins with a number") for focus in ELSEWHERE]


@pytest.mark.parametrize("name, focus", CASES)
async def test_a_paste_that_comes_as_keys_is_whole(name: str, focus: str) -> None:
    """A terminal without bracketed paste types it; a tab in it moved the focus, and an example was sent instead."""
    text = TEXTS[name]
    async with playing() as play:
        await _focus(play, focus)
        before = play.main.settings
        _come_in(play, text, PASTE_SECONDS)
        await play.until(lambda: play.main.prompt.value == text, repr(play.main.prompt.value))
        assert play.app.focused is play.main.prompt
        assert play.main.settings == before
        await play.press("enter")
        await play.until(lambda: play.document.last("prompt") and not play.main.is_generating)
        assert [turn.text for turn in play.document.version() if turn.kind == "prompt"] == [text]


async def test_many_keys_of_a_paste_are_few_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each edit wraps the whole text anew: letter by letter, a page would take half a minute."""
    edits: list[Edit] = []
    edit = PromptInput.edit

    def counted(self: PromptInput, one: Edit) -> EditResult:
        edits.append(one)
        return edit(self, one)

    monkeypatch.setattr(PromptInput, "edit", counted)
    async with playing() as play:
        text = "to be or not to be " * 50
        _come_in(play, text, PASTE_SECONDS)
        await play.until(lambda: play.main.prompt.value == text)
        assert len(edits) < len(text) / 10


async def test_the_end_of_a_long_paste_can_be_seen() -> None:
    """Also where it comes in parts, before the prompt has got the height for the first."""
    async with playing() as play:
        for part in ("to be or not to be " * 45, "to be or not to be " * 45 + "the end"):
            play.app.post_message(events.Paste(part))
        await play.until(lambda: "the end" in play.screen)


@pytest.mark.parametrize("n_tabs, focused", [(1, "knob-temperature"), (3, "knob-top_p")])
async def test_tab_moves_the_focus_for_a_hand(n_tabs: int, focused: str) -> None:
    """Also where a slow line brings several at once: without text beside them they are no paste."""
    async with playing() as play:
        await play.answer("There was a")
        await play.type("a")
        _come_in(play, "\t" * n_tabs, PASTE_SECONDS)
        await play.until(lambda: play.app.focused is not None and play.app.focused.id == focused)
        assert play.main.prompt.text == "a"


async def test_keys_go_where_the_focus_was_when_they_were_typed() -> None:
    """However late the app gets to them: a number behind a tab belongs to the knob, letters behind it to the prompt."""
    async with playing() as play:
        await play.answer("There was a")
        _come_in(play, "so\t0.5wolf 7", HAND_SECONDS)
        await play.until(lambda: play.main.prompt.text == "sowolf 7", play.main.prompt.text)
        await play.until(lambda: play.main.settings.sampling.temperature == 0.5)
        assert play.app.focused is play.main.prompt


@pytest.mark.parametrize("focus", ELSEWHERE)
async def test_letters_go_to_the_prompt_wherever_the_focus_is(focus: str) -> None:
    async with playing() as play:
        await _focus(play, focus)
        await play.type("an old wolf\n2 [cubs]")
        assert play.main.prompt.text == "an old wolf\n2 [cubs]"
        assert play.app.focused is play.main.prompt


@pytest.mark.parametrize("focus", ELSEWHERE)
async def test_a_bracketed_paste_goes_to_the_prompt_wherever_the_focus_is(focus: str) -> None:
    async with playing() as play:
        await _focus(play, focus)
        play.app.post_message(events.Paste("2 wolves\r\nand\ta fox"))
        await play.until(lambda: play.main.prompt.text == "2 wolves\nand\ta fox")
        await play.type("!")
        assert play.main.prompt.text == "2 wolves\nand\ta fox!"


@pytest.mark.parametrize("paste", [False, True], ids=["keys", "bracketed"])
async def test_a_number_that_is_pasted_at_a_knob_is_its_value(paste: bool) -> None:
    async with playing() as play:
        await _focus(play, "knob")
        if paste:
            play.app.post_message(events.Paste("0.35"))
        else:
            _come_in(play, "0.35", PASTE_SECONDS)
        await play.until(lambda: "0.35▏" in play.screen)
        await play.press("enter")
        assert play.main.settings.sampling.temperature == 0.35
        assert play.main.prompt.text == ""


async def test_a_letter_with_alt_is_a_command_and_no_text() -> None:
    """A terminal without modern keys sends escape and the letter, which the text area would write."""
    async with playing() as play:
        await play.answer("There was a")
        await play.type("so")
        play.app.post_message(events.Key("alt+e", "e"))
        await play.until(lambda: play.app.screen is not play.main)
        assert play.main.prompt.text == "so"


async def test_typed_on_while_it_streams_and_the_window_changes() -> None:
    """Enter within a paste sends; what follows waits in the prompt, whatever becomes of the window."""
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        _come_in(play, "one\ttwo\rthree", PASTE_SECONDS)
        await play.until(lambda: play.stage.transcript.is_streaming)
        for size, more in (((80, 24), "\tfour"), ((30, 8), " fi\u200dve"), ((120, 40), " six")):
            model.gate.let()
            await play.pilot.resize_terminal(*size)
            _come_in(play, more, PASTE_SECONDS)
            await play.until(lambda more=more: play.main.prompt.value.endswith(more))  # type: ignore[misc]
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert play.main.prompt.value == "three\tfour fi\u200dve six"
        assert play.said.startswith("one    two\n\n" + TALE.strip()[:10])
        await play.press("enter")
        await play.until(lambda: len(play.document.turns) == 4 and not play.main.is_generating)
        prompts = [turn.text for turn in play.document.version() if turn.kind == "prompt"]
        assert prompts == ["one\ttwo", "three\tfour fi\u200dve six"]


async def test_typed_in_a_window_too_small_for_the_prompt() -> None:
    async with playing() as play:
        await play.type("a")
        await play.pilot.resize_terminal(20, 5)
        await play.type("bc")
        await play.pilot.resize_terminal(120, 40)
        await play.type("d")
        await play.press("enter")
        await play.until(lambda: play.document.last("prompt"))
        turn = play.document.last("prompt")
        assert turn is not None
        assert turn.text == "abcd"


async def test_all_keys_are_for_the_prompt_where_nothing_has_the_focus() -> None:
    async with playing() as play:
        await play.type("one two")
        for key in ("backspace", "left", "enter"):
            play.main.set_focus(None)
            await play.press(key)
        await play.until(lambda: play.document.last("prompt"))
        assert play.said.startswith("one tw\n")


async def test_enter_again_before_the_model_has_read_loses_nothing() -> None:
    write_settings(generation={"max_tokens": 1})
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        _come_in(play, "one\rtwo\rthree", PASTE_SECONDS)
        await play.until(lambda: play.main.prompt.text == "three")
        model.gate.open()
        await play.until(lambda: play.document.turns and not play.main.is_generating)
        sent = "".join(turn.text for turn in play.document.turns if turn.kind == "prompt")
        assert sent.replace("\n", "") == "onetwo"
        assert isinstance(play.app.focused, PromptInput)
