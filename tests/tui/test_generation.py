"""From Enter to the last token: streaming, stopping, sending again, going on, and what never mixes."""

from __future__ import annotations

import json

import pytest

from picogpt_tui import paths
from picogpt_tui.tui import jobs
from picogpt_tui.tui.batches import in_batches
from picogpt_tui.tui.messages import EventsArrived, PromptSubmitted, SessionSaved

from .playing import playing, write_settings
from .scripted import TALE, ScriptedModel


async def test_enter_sends_and_the_answer_streams() -> None:
    """The whole way: key, message, worker, events, text on the screen."""
    async with playing() as play:
        await play.send("Once there was a")
        await play.until(lambda: TALE.strip() in play.said)
        await play.until(lambda: not play.main.is_generating)
        assert play.said == f"Once there was a\n\n{TALE.strip()}\n\n⟨|endoftext|⟩ · the text ends here"
        assert play.main.prompt.text == ""
        kinds = [type(message) for message in play.messages if isinstance(message, PromptSubmitted | EventsArrived)]
        assert kinds[0] is PromptSubmitted
        assert set(kinds[1:]) == {EventsArrived}


async def test_each_token_is_on_the_screen_as_soon_as_it_is_there() -> None:
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("a")
        await play.until(lambda: play.stage.transcript.is_streaming)
        assert "▌" in play.screen
        for n_tokens in (1, 2, 3):
            model.gate.let()
            so_far = model.tokenizer.decode(model.script[:n_tokens]).strip()
            await play.until(lambda so_far=so_far: play.said.endswith(so_far), so_far)  # type: ignore[misc]
            assert "▌" in play.screen
        assert play.main.status.state == "generating"
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert "▌" not in play.screen


async def test_the_prompt_is_on_the_screen_before_the_first_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large model reads for seconds; until then nobody waits for a batch to fill."""
    monkeypatch.setattr(jobs, "in_batches", in_batches)
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("There was a")
        await play.until(lambda: play.said == "There was a\n\n")
        assert play.main.status.state.startswith("reading the prompt")


async def test_one_types_while_it_generates() -> None:
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("a")
        model.gate.let(2)
        await play.type("what I say next")
        assert play.main.prompt.text == "what I say next"
        assert play.main.is_generating


async def test_escape_stops_within_a_token_and_keeps_the_text() -> None:
    """What the model says after Escape is dropped, even if it was already under way."""
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("There was a")
        model.gate.let(3)
        await play.until(lambda: "king. He" in play.said)
        await play.until(lambda: model.gate.n_waiting == 1)
        await play.press("escape")
        assert not play.main.is_generating
        assert play.main.status.state == "ready"
        n_runs = model.n_runs
        model.gate.open()
        await play.until(lambda: play.told(SessionSaved))
        assert play.said == "There was a\n\nking. He\n\nstopped · enter goes on"
        assert model.n_runs <= n_runs + 1
        assert _saved_turns()[-1]["reason"] == "stopped"
        assert _saved_turns()[-1]["text"] == " king. He"


def _saved_turns() -> list[dict[str, object]]:
    (file,) = paths.sessions_dir().glob("*.json")
    turns: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))["turns"]
    return turns


async def test_stop_and_send_at_once_never_interleaves() -> None:
    """The old stream hangs in the model while the new one is asked for; not one of its tokens appears later."""
    model = ScriptedModel(" old one two three four five six seven")
    async with playing(model) as play:
        model.gate.close()
        await play.send("first")
        model.gate.let(2)
        await play.until(lambda: play.said.endswith("old one"))
        await play.until(lambda: model.gate.n_waiting == 1)
        await play.press("escape")
        await play.send("second")
        model.script = model.tokenizer.encode(" new and whole.")
        model.gate.open()
        await play.until(lambda: "new and whole." in play.said)
        await play.until(lambda: not play.main.is_generating)
        assert "two" not in play.said
        turns = [(turn.kind, turn.text, turn.reason) for turn in play.document.version()]
        assert turns == [
            ("prompt", "first", ""),
            ("answer", " old one", "stopped"),
            ("prompt", "second", ""),
            ("answer", " new and whole.", "end_of_text"),
        ]


async def test_sending_while_it_generates_stops_and_follows() -> None:
    model = ScriptedModel(" one two three four")
    async with playing(model) as play:
        model.gate.close()
        await play.send("first")
        model.gate.let(2)
        await play.until(lambda: play.said.endswith("one two"))
        await play.send("second")
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        texts = [turn.text for turn in play.document.version()]
        assert texts == ["first", " one two", "second", " one two three four"]


async def test_what_was_sent_and_never_read_is_not_lost() -> None:
    """Two prompts, the first of which the model had no time to look at."""
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("first")
        await play.until(lambda: play.stage.transcript.is_streaming)
        model.gate.let(1)
        await play.until(lambda: play.said.endswith("king"))
        await play.until(lambda: model.gate.n_waiting == 1)
        await play.send("second")  # waits for the old one to leave the model
        await play.send("third")
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        prompts = "\n".join(turn.text for turn in play.document.version() if turn.kind == "prompt")
        assert [line for line in ("first", "second", "third") if line in prompts] == ["first", "second", "third"]


async def test_again_makes_another_answer_and_keeps_the_old_one() -> None:
    model = ScriptedModel(" the first answer.")
    async with playing(model) as play:
        await play.answer("Say")
        old = play.document.ids()
        model.script = model.tokenizer.encode(" quite another one.")
        await play.press("f5")
        await play.until(lambda: "quite another one." in play.said)
        await play.until(lambda: not play.main.is_generating)
        assert "the first answer." not in play.said
        tree = play.document.tree
        node = -1
        for id in old:
            child = tree.child(node, id)
            assert child is not None, "a token of the old answer left the tree"
            node = child
        assert [turn.text for turn in play.document.turns if turn.kind == "answer"] == [
            " the first answer.",
            " quite another one.",
        ]


async def test_again_stops_what_runs() -> None:
    model = ScriptedModel(" one two three")
    async with playing(model) as play:
        model.gate.close()
        await play.send("Say")
        model.gate.let(2)
        await play.until(lambda: play.said.endswith("one two"))
        await play.press("f5")
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert play.said.count("one") == 1
        assert [turn.text for turn in play.document.version()] == ["Say", " one two three"]


@pytest.mark.parametrize(
    "key, sentence",
    [("f5", "no answer yet to generate"), ("f8", "no prompt yet"), ("f9", "no answer yet to copy")],
)
async def test_keys_that_need_a_text_say_so(key: str, sentence: str) -> None:
    async with playing() as play:
        await play.press(key)
        await play.until(lambda: sentence in play.notice)


async def test_again_with_a_fixed_seed_says_that_nothing_will_change() -> None:
    write_settings(generation={"seed": 7})
    async with playing() as play:
        await play.answer("Say")
        await play.press("f5")
        await play.until(lambda: "Seed 7 is fixed" in play.notice)


async def test_edit_takes_the_last_prompt_back() -> None:
    async with playing(ScriptedModel(" well.")) as play:
        await play.answer("one")
        await play.answer("two")
        await play.press("f8")
        assert play.main.prompt.text == "two"
        assert [turn.text for turn in play.document.version()] == ["one", " well."]
        await play.type("!")
        await play.press("enter")
        await play.until(lambda: not play.main.is_generating and len(play.document.version()) == 4)
        assert [turn.text for turn in play.document.version()] == ["one", " well.", "two!", " well."]
        assert "two!" in play.said


async def test_copy_takes_the_last_answer() -> None:
    async with playing() as play:
        await play.answer("There was a")
        await play.press("f9")
        assert play.app.clipboard == TALE
        await play.until(lambda: "characters sent to the terminal's clipboard" in play.notice)


async def test_enter_on_nothing_goes_on() -> None:
    """A text that stopped at the maximum goes on with a second Enter, and no prompt stands between."""
    write_settings(generation={"max_tokens": 3})
    async with playing() as play:
        await play.answer("There was a")
        assert "3 tokens, the maximum" in play.said
        turns = len(play.document.turns)
        model = play.model
        rest = model.script[3:]
        model.script = rest
        await play.press("enter")
        await play.until(lambda: len(play.document.turns) > turns and not play.main.is_generating)
        kinds = [turn.kind for turn in play.document.version()]
        assert kinds == ["prompt", "answer", "answer"]
        assert model.tokenizer.decode(play.document.ids()[-6:]) == model.tokenizer.decode(
            [*model.tokenizer.encode(TALE)[:3], *rest[:3]]
        )


async def test_enter_on_nothing_at_all_begins_from_end_of_text() -> None:
    async with playing() as play:
        await play.press("enter")
        await play.until(lambda: "king" in play.said and not play.main.is_generating)
        assert play.said.startswith("⟨|endoftext|⟩")
        assert play.document.ids()[0] == play.model.config.end_of_text


async def test_a_full_context_goes_on_behind_a_note() -> None:
    write_settings(generation={"max_tokens": 12})
    model = ScriptedModel(" one two three four five six seven eight nine ten eleven twelve", n_ctx=8)
    async with playing(model) as play:
        await play.answer("Count")
        assert "the context was full: its oldest" in play.said
        assert play.main.status.n_context <= 8


async def test_chat_writes_the_form_and_stops_at_its_strings() -> None:
    """The screen shows the question as it was typed, the model sees the whole form, and the stop string is no text."""
    write_settings(mode="chat")
    model = ScriptedModel(" A frog.\nQuestion: and who")
    async with playing(model) as play:
        await play.answer("Who is it?")
        tokenizer = model.tokenizer
        assert tokenizer.decode(play.document.ids()).startswith("Question: Who is it?\nAnswer: A frog.")
        assert play.said == "Who is it?\n\nA frog.\n\nended at a stop string"


async def test_the_mode_key_switches_and_is_remembered() -> None:
    async with playing() as play:
        await play.press("ctrl+g")
        assert "chat ·" in str(play.main.prompt_box.border_subtitle)
        assert "never trained to answer" in play.notice
        await play.press("ctrl+g")
        assert "complete ·" in str(play.main.prompt_box.border_subtitle)
    assert json.loads(paths.settings_file().read_text())["mode"] == "complete"


# -- when it breaks ----------------------------------------------------------------------------------------------------


async def test_a_model_that_breaks_is_told_in_a_sentence_and_the_app_lives_on() -> None:
    model = ScriptedModel()
    async with playing(model) as play:
        model.fails_at = model.n_runs + 2
        await play.send("There was a")
        await play.until(lambda: play.notice == "RuntimeError: the model broke")
        assert not play.main.is_generating
        assert play.main.status.state == "ready"
        assert "king." in play.said
        model.fails_at = None
        await play.answer("and again")
        assert play.said.count("Simpleton.") == 1


@pytest.mark.parametrize("error", [MemoryError(), ValueError("[/b] [red]\x1b[31m‮x")], ids=["memory", "markup"])
async def test_any_error_is_one_safe_sentence(error: Exception) -> None:
    model = ScriptedModel()
    async with playing(model) as play:
        model.error, model.fails_at = error, 0
        await play.send("x")
        await play.until(lambda: play.notice)
        told = "not enough memory" if isinstance(error, MemoryError) else "ValueError: [/b] [red]␛[31m⟨U+202E⟩x"
        assert told in play.notice


# -- quitting ----------------------------------------------------------------------------------------------------------


async def test_quit_while_it_generates_ends_and_tells_the_worker() -> None:
    """The model runs at most once more after the app is gone, because its worker was told to stop."""
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("There was a")
        model.gate.let(2)
        await play.until(lambda: "king." in play.said)
        await play.until(lambda: model.gate.n_waiting == 1)
        n_runs = model.n_runs
        await play.press("ctrl+q")
    assert play.app.return_code == 0
    assert model.n_runs <= n_runs + 1


async def test_resize_while_it_streams_keeps_the_text() -> None:
    model = ScriptedModel()
    async with playing(model) as play:
        model.gate.close()
        await play.send("There was a")
        model.gate.let(4)
        await play.until(lambda: "king. He had" in play.said)
        for size in ((80, 24), (200, 50), (44, 12)):
            await play.pilot.resize_terminal(*size)
            assert "king. He had" in play.said
            assert "king. He had" in play.screen
        model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert play.said.startswith(f"There was a\n\n{TALE.strip()}")
