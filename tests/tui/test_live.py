"""The prompt as the model reads it while it is typed, and never in the typist's way."""

from __future__ import annotations

from picogpt_tui.tui.widgets.live_panel import LivePanel

from .playing import Play, playing
from .scripted import OPEN, ScriptedModel


def numbers(play: Play) -> str:
    return str(play.main.query_one("#live-numbers").render())


def panel(play: Play) -> LivePanel:
    return play.main.live


async def test_tokens_and_numbers_follow_what_is_typed() -> None:
    async with playing(ScriptedModel(" king. He had", OPEN)) as play:
        assert not panel(play).display
        await play.press("alt+v")
        assert panel(play).display
        await play.type("There was a")
        await play.until(lambda: numbers(play).startswith("live  3 tokens"))
        assert "There was a" in panel(play).tokens.text
        assert "perplexity" in numbers(play)
        assert "bits/byte" in numbers(play)
        assert "␣king" in play.stage.next_token.text, "what would come next stands beside it"
        await play.type(" king")
        await play.until(lambda: numbers(play).startswith("live  4 tokens"))
        await play.press(*["backspace"] * 5)
        await play.until(lambda: numbers(play).startswith("live  3 tokens"))


async def test_it_is_remembered_and_can_be_turned_off() -> None:
    async with playing(ScriptedModel(" king", OPEN)) as play:
        for is_on in (True, False):
            await play.press("alt+v")
            assert play.app.preferences.live == is_on
        assert not panel(play).display
        n_runs = play.model.n_runs
        await play.type("There")
        await play.ready()
        assert play.main.prompt.text == "There"
        assert play.model.n_runs == n_runs


async def test_typing_goes_on_while_the_model_is_slow() -> None:
    model = ScriptedModel(" king", OPEN)
    async with playing(model) as play:
        await play.press("alt+v")
        await play.until(lambda: numbers(play).startswith("live  0 tokens"))
        model.gate.close()
        await play.type("There")
        await play.until(lambda: model.gate.n_waiting)
        await play.type(" was a")
        assert play.main.prompt.text == "There was a"
        model.gate.open()
        await play.until(lambda: numbers(play).startswith("live  3 tokens"))


async def test_a_prompt_is_sent_as_ever_and_the_answer_streams() -> None:
    async with playing(ScriptedModel(" king. He had", OPEN)) as play:
        await play.press("alt+v", "alt+g")
        await play.answer("There was a")
        assert play.document.text().startswith("There was a king. He had")


async def test_a_model_that_breaks_says_so_in_the_line() -> None:
    model = ScriptedModel(" king", OPEN)
    async with playing(model) as play:
        model.fails_at = 0
        await play.press("alt+v")
        await play.type("There")
        await play.until(lambda: "the model broke" in numbers(play))
        assert play.main.prompt.text == "There"
