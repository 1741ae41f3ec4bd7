"""Where one types: several lines, history, and pastes of any size and content."""

from __future__ import annotations

import pytest
from textual import events

from picogpt_tui.session.document import Document

from ..gpt2.checkpoints import toy_tokenizer
from .playing import playing, write_settings
from .scripted import Gate, ScriptedModel


def _prompts(document: Document) -> list[str]:
    return [turn.text for turn in document.version() if turn.kind == "prompt"]


async def test_ctrl_j_makes_a_new_line_and_enter_sends_all() -> None:
    async with playing() as play:
        await play.answer("one\ntwo\n\nthree")
        assert _prompts(play.document) == ["one\ntwo\n\nthree"]


async def test_the_input_grows_with_its_lines_up_to_a_limit() -> None:
    async with playing() as play:
        height = play.main.prompt.size.height
        await play.type("a\nb\nc")
        await play.until(lambda: play.main.prompt.size.height == height + 2)
        await play.type("\n" * 30)
        await play.until(lambda: play.main.prompt.size.height == 8)
        assert play.stage.size.height > 20


async def test_up_and_down_walk_through_history_and_keep_the_draft() -> None:
    async with playing() as play:
        prompt = play.main.prompt
        await play.answer("one")
        await play.answer("two")
        await play.type("draft")
        for key, text in (("up", "two"), ("up", "one"), ("up", "one"), ("down", "two"), ("down", "draft")):
            await play.press(key)
            assert prompt.text == text, key


async def test_up_within_several_lines_moves_the_cursor_first() -> None:
    async with playing() as play:
        await play.answer("one")
        await play.type("a\nb")
        await play.press("up")
        assert play.main.prompt.text == "a\nb"
        await play.press("up")
        assert play.main.prompt.text == "one"


async def test_a_prompt_sent_twice_stands_once_in_history() -> None:
    async with playing() as play:
        for text in ("one", "two", "two"):
            await play.answer(text)
        await play.press("up", "up")
        assert play.main.prompt.text == "one"


async def test_a_changed_entry_is_as_it_was_left() -> None:
    async with playing() as play:
        prompt = play.main.prompt
        await play.answer("one")
        await play.answer("two")
        await play.press("up", "!", "up", "down")
        assert prompt.text == "two!"


@pytest.mark.parametrize("keys", [("up", "enter"), ("f8",)], ids=["another is sent", "the last is edited"])
async def test_a_draft_is_in_the_history_when_something_takes_its_place(keys: tuple[str, ...]) -> None:
    write_settings(generation={"max_tokens": 1})
    async with playing() as play:
        await play.answer("one")
        await play.type("draft")
        await play.press(*keys)
        await play.until(lambda: not play.main.is_generating)
        seen = []
        for _ in range(4):
            await play.press("up")
            seen.append(play.main.prompt.text)
        assert "draft" in seen


async def test_what_is_typed_or_pasted_takes_the_place_of_what_is_selected() -> None:
    async with playing() as play:
        await play.type("wolf")
        play.main.prompt.select_all()
        play.app.post_message(events.Key("ideographic_space", "\u3000"))
        await play.until(lambda: play.main.prompt.text == "\u3000")
        play.main.prompt.select_all()
        await play.paste("fox")
        assert play.main.prompt.text == "fox"


async def test_sent_before_the_model_is_there_it_waits() -> None:
    """Nothing that is typed early is lost."""
    loading = Gate()
    loading.close()
    async with playing(loading=loading, is_ready=False) as play:
        await play.send("early")
        assert "still loading" in play.notice
        loading.open()
        await play.until(lambda: "king" in play.said)
        assert _prompts(play.document) == ["early"]


HUGE = "All work and no play makes a dull text. " * 131_072


async def test_a_paste_of_5_mb_is_a_label_and_is_sent_whole() -> None:
    """The input never holds it; the model reads its end, because the context is full."""
    write_settings(generation={"max_tokens": 2})
    assert len(HUGE) > 5_000_000
    model = ScriptedModel([*b"ab"], tokenizer=toy_tokenizer())
    async with playing(model) as play:
        await play.paste(HUGE)
        assert play.main.prompt.text == f"⟨pasted text 1: {len(HUGE):,} characters⟩"
        await play.type(" go")
        await play.press("enter")
        await play.until(lambda: play.document.last("answer") and not play.main.is_generating)
        assert _prompts(play.document) == [f"{HUGE} go"]
        assert "characters not shown" in play.said
        assert "the context was full: its oldest" in play.said
        assert play.said.endswith("ab\n\n2 tokens, the maximum · enter goes on")
        assert len(play.said) < 5000


STRANGE = {
    "escape": "a\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "bell": "ding\x07",
    "c1": "csi\x9b2J",
    "null": "a\x00b",
    "bidi": "abc\u202edef\u202c",
    "isolate": "\u2066x\u2069",
    "surrogate": "lone \ud800 half",
    "zero width": "a\u200bb\ufeff",
    "line separator": "a\u2028b",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
async def test_a_strange_paste_is_kept_exactly_and_never_raw_on_the_screen(text: str) -> None:
    async with playing() as play:
        await play.paste(text)
        assert "⟨U+" in play.main.prompt.text
        assert all(char.isprintable() for char in play.main.prompt.text)
        assert play.main.prompt.value == text
        await play.press("enter")
        await play.until(lambda: play.document.last("answer") and not play.main.is_generating)
        assert _prompts(play.document) == [text]
        raw = {char for char in text if not char.isprintable()}
        assert not raw & set(play.screen)


async def test_line_breaks_of_any_kind_become_one() -> None:
    async with playing() as play:
        await play.paste("one\r\ntwo\rthree\nfour")
        assert play.main.prompt.text == "one\ntwo\nthree\nfour"


async def test_markup_is_only_text() -> None:
    async with playing() as play:
        await play.paste("[bold]x[/] [/] [red")
        await play.press("enter")
        await play.until(lambda: play.document.last("answer") and not play.main.is_generating)
        assert "[bold]x[/] [/] [red" in play.screen


async def test_a_label_that_the_user_breaks_is_text() -> None:
    """Editing into a label makes plain text of it; no other paste comes to light."""
    async with playing() as play:
        await play.paste("x" * 9000)
        await play.press("backspace")
        assert play.main.prompt.value == "⟨pasted text 1: 9,000 characters"
