"""Downloads on the main screen: they go on whatever one does, and say in a line what there is to press."""

from __future__ import annotations

import json

import pytest
from textual.geometry import Offset

from picogpt_tui import paths
from picogpt_tui.errors import DownloadError, FileError
from picogpt_tui.events import DownloadStopped
from picogpt_tui.tui.messages import DownloadTold, ModelLoaded
from picogpt_tui.tui.widgets.download_panel import DownloadPanel

from ..hub.placed import begun, downloaded
from .playing import Play, playing, write_settings
from .scripted import Gate, ScriptedModel, lacks, on_its_way

STORIES = "stories"


def panel_is_empty(play: Play) -> bool:
    return not play.main.query_one(DownloadPanel).has_class("-active")


# -- an offer ----------------------------------------------------------------------------------------------------------


async def test_a_model_that_is_not_here_is_offered_and_the_old_one_stays() -> None:
    async with playing(opener=lacks("124M")) as play:
        play.app.choose_model("124M")
        await play.until(lambda: play.panel)
        assert play.panel == "↓ 124M is not on this machine; 550 MB to fetch. F6 downloads it"
        assert play.panel in play.screen
        assert "loading" not in play.screen
        assert play.main.model_name == STORIES
        assert play.fetch.calls == []


async def test_a_first_model_that_is_not_here_is_offered_and_the_bundled_one_played_meanwhile() -> None:
    write_settings(model="124M")
    async with playing(opener=lacks("124M")) as play:
        assert play.main.model_name == STORIES
        await play.until(lambda: "F6 downloads it" in play.screen)
        await play.answer("There was a")


async def test_where_even_the_bundled_model_is_missing_it_is_said_and_nothing_turns_in_circles() -> None:
    async with playing(opener=lacks("124M", STORIES), is_ready=False) as play:
        await play.until(lambda: "stories is not on this machine" in play.screen)
        assert play.main.engine is None


async def test_f6_begins_the_download_that_was_offered_though_one_types() -> None:
    async with playing(opener=lacks("124M")) as play:
        play.app.choose_model("124M")
        await play.until(lambda: play.panel)
        await play.type("Once")
        await play.press("f6")
        await play.until(lambda: play.fetch.calls == [("124M", None)])
        assert play.main.prompt.text == "Once"
        assert play.panel.split()[:4] == ["↓", "124M", "looking", "up"]


async def test_what_came_from_openai_goes_on_from_there() -> None:
    """Its row is that of the size, whoever publishes it."""
    begun("124M-openai", source="openai")
    async with playing(opener=lacks("124M-openai")) as play:
        await play.until(lambda: play.main.models.models)
        play.app.choose_model("124M-openai")
        await play.until(lambda: play.panel)
        await play.press("f6")
        await play.until(lambda: play.fetch.calls == [("124M", "openai")])


@pytest.mark.parametrize("state", ["offered", "failed", "ready"])
async def test_escape_dismisses_what_does_not_run(state: str) -> None:
    async with playing(opener=lacks("355M")) as play:
        await play.begin()
        if state == "offered":
            play.app.choose_model("355M")
        elif state == "failed":
            play.fetch.tell(DownloadError("It broke.", name="124M"))
        else:
            play.fetch.bring()
        await play.until(lambda: "F6" in play.panel)
        await play.press("escape")
        assert [one.name for one in play.downloads.values()] == (["124M"] if state == "offered" else [])
        assert panel_is_empty(play) is (state != "offered")


async def test_f6_without_a_download_says_so() -> None:
    async with playing() as play:
        await play.press("f6")
        await play.until(lambda: play.notice == "No download waits for you; F2 shows the models.")


# -- it runs -----------------------------------------------------------------------------------------------------------


async def test_a_running_download_shows_its_files_where_there_is_room() -> None:
    async with playing(size=(120, 40)) as play:
        await play.begin()
        total, file = play.panel.split("\n")
        assert total.split()[:3] == ["↓", "124M", "downloading"]
        assert " 37 %     203 MB/548 MB   9.1 MB/s     38 s" in total
        assert file.split()[0] == "model.safetensors"
        await play.pilot.resize_terminal(80, 24)
        await play.until(lambda: len(play.panel.split("\n")) == 1 and "9.1 MB/s     38 s" in play.screen)
        await play.pilot.resize_terminal(40, 12)
        await play.until(lambda: "↓ 124M         downloading █▌╌╌  37 %" in play.screen)
        await play.pilot.resize_terminal(39, 9)
        await play.until(lambda: "124M" not in play.screen)
        await play.pilot.resize_terminal(120, 40)
        await play.until(lambda: play.panel.split("\n")[1:] == [file] and file in play.screen)


async def test_what_goes_wrong_is_said_in_words() -> None:
    async with playing() as play:
        await play.begin()
        play.fetch.tell(on_its_way(note="model.safetensors: no data for 12 s, trying again (2/6)"))
        await play.until(lambda: "no data for 12 s, trying again (2/6)" in play.panel)


async def test_a_download_goes_on_while_one_plays() -> None:
    async with playing() as play:
        await play.begin()
        play.model.gate.close()
        await play.send("There was a")
        play.model.gate.let(3)
        await play.until(lambda: play.model.gate.n_waiting and len(play.document.turns[-1].draws) == 3)
        play.fetch.tell(on_its_way(done=400 * 10**6))
        await play.until(lambda: " 72 %" in play.screen)
        play.model.gate.open()
        await play.until(lambda: not play.main.is_generating)
        assert "king" in play.said
        assert play.downloads["124M"].is_running


async def test_many_downloads_leave_a_thread_for_the_model() -> None:
    names = [f"owner/model-{index}" for index in range(12)]
    async with playing(size=(80, 24)) as play:
        for name in names:
            play.main.models.download(name)
        await play.until(lambda: play.fetch.n_running == len(names))
        await play.answer("There was a")
        assert "king" in play.said
        assert play.main.prompt.region.bottom <= 24


async def test_two_at_once_are_two_lines_in_the_order_in_which_they_began() -> None:
    async with playing(size=(100, 24)) as play:
        await play.begin("355M", done=100 * 10**6)
        await play.begin("124M")
        assert [line.split()[1] for line in play.panel.split("\n")] == ["355M", "124M"]
        assert "↓ 355M  18 %  ↓ 124M  37 %" in play.main.status.text
        play.fetch.bring("355M")
        await play.until(lambda: "✓ 355M  ↓ 124M  37 %" in play.main.status.text)


@pytest.mark.parametrize(
    "width, names, short",
    [
        (40, ["124M"], " ↓ 1 "),
        (80, ["124M"], "↓ 124M  37 % "),
        (80, ["124M", "355M", "774M"], "↓ 124M  37 %  +2 "),
        (40, ["openai-community/gpt2", "355M"], " ↓ 2 "),
        (120, ["124M", "355M", "owner/one"], "↓ 124M  37 %  ↓ 355M  37 %  +1 "),
    ],
    ids=["one, narrow", "one", "three", "long, narrow", "roomy"],
)
async def test_the_status_bar_names_as_many_as_a_third_of_it_takes(width: int, names: list[str], short: str) -> None:
    async with playing(size=(width, 24)) as play:
        for name in names:
            await play.begin(name)
        assert short in play.main.status.text
        assert " picogpt " in play.main.status.text


async def test_the_library_shows_how_far_each_is() -> None:
    async with playing(size=(200, 50)) as play:
        await play.begin()
        await play.until(lambda: "  124M  ↓  37 %" in play.screen)
        assert "  355M  not here" in play.screen
        library = play.stage.library.query_one("#library-models")
        library.focus()
        await play.press("end")
        here = library.highlighted  # type: ignore[attr-defined]
        play.fetch.tell(on_its_way(done=274 * 10**6))
        await play.until(lambda: "  124M  ↓  50 %" in play.screen)
        assert library.highlighted == here  # type: ignore[attr-defined]
        play.main.models.pause("124M")
        await play.until(lambda: "  124M  Ⅱ  50 %" in play.screen)


async def test_a_folder_may_be_called_like_the_bundled_model() -> None:
    (paths.models_dir() / STORIES).mkdir(parents=True)
    async with playing(size=(200, 50)) as play:
        await play.until(lambda: play.screen.count("stories  ") >= 2)


# -- it ends -----------------------------------------------------------------------------------------------------------


async def test_what_has_arrived_is_loaded_with_f6() -> None:
    async with playing(opener=lacks()) as play:
        await play.begin()
        play.fetch.bring()
        await play.until(lambda: play.panel == "✓ 124M is here. F6 loads it")
        assert play.main.model_name == STORIES
        await play.press("f6")
        await play.until(lambda: play.main.model_name == "124M")
        assert panel_is_empty(play)
        assert "124M is here" not in play.screen


async def test_what_was_loaded_in_another_way_is_no_longer_announced() -> None:
    async with playing(opener=lacks()) as play:
        await play.begin()
        play.fetch.bring()
        await play.until(lambda: "F6 loads it" in play.panel)
        play.app.choose_model("124M")
        await play.until(lambda: play.main.model_name == "124M" and panel_is_empty(play))


async def test_what_has_arrived_and_was_deleted_behind_our_back_is_offered_again() -> None:
    async with playing(opener=lacks("124M")) as play:
        await play.begin()
        play.fetch.bring()
        await play.until(lambda: "F6 loads it" in play.panel)
        await play.press("f6")
        await play.until(lambda: play.panel == "↓ 124M is not on this machine; 550 MB to fetch. F6 downloads it")


async def test_what_has_arrived_comes_before_what_waits() -> None:
    async with playing(opener=lacks("774M")) as play:
        play.app.choose_model("774M")
        await play.until(lambda: play.panel)
        await play.begin()
        play.fetch.bring()
        await play.until(lambda: "F6 loads it" in play.panel)
        await play.press("f6")
        await play.until(lambda: play.main.model_name == "124M")


@pytest.mark.parametrize(
    "error, sentence",
    [
        (DownloadError("huggingface.co cannot be reached.", name="124M"), "✗ huggingface.co cannot be reached."),
        (FileError("write", paths.bundled_dir(), OSError(28, "No space left on device")), "No space left on device"),
        (ValueError("h [/] \x1b[2J"), "✗ ValueError: h [/] ␛[2J"),
    ],
    ids=["network", "disk", "unknown"],
)
async def test_a_failure_is_a_sentence_and_f6_tries_again(error: Exception, sentence: str) -> None:
    async with playing() as play:
        await play.begin()
        play.fetch.tell(error)
        await play.until(lambda: sentence in " ".join(play.panel.split()))
        assert "F6 tries again" in play.panel
        assert "✗ 124M" in play.main.status.text
        await play.press("f6")
        await play.until(lambda: len(play.fetch.calls) == 2)
        assert play.downloads["124M"].is_running


async def test_a_long_sentence_is_wrapped_and_its_key_is_always_seen() -> None:
    async with playing(size=(40, 20)) as play:
        await play.begin()
        play.fetch.tell(DownloadError("unbreakable " * 9 + "小さい" * 6, name="124M"))
        await play.until(lambda: "F6 tries again" in play.screen)
        assert play.screen.count("unbreakable") == 9
        await play.begin("owner/a-model-with-a-very-long-name-indeed")
        play.fetch.bring("owner/a-model-with-a-very-long-name-indeed")
        await play.until(lambda: "F6 loads it" in play.screen)


async def test_paused_goes_on_with_f6_from_what_is_here() -> None:
    async with playing() as play:
        await play.begin()
        play.main.models.pause("124M")
        await play.until(lambda: "F6 goes on" in play.panel)
        await play.until(lambda: play.fetch.n_running == 0)
        await play.press("escape")
        assert play.downloads["124M"].state == "paused"
        await play.press("f6")
        await play.until(lambda: len(play.fetch.calls) == 2)
        assert " 37 %" in play.panel


async def test_a_key_of_ones_own_stands_in_the_line() -> None:
    write_settings(keys={"fetched": "f12"})
    async with playing(opener=lacks("124M")) as play:
        play.app.choose_model("124M")
        await play.until(lambda: "F12 downloads it" in play.screen)
        await play.press("f12")
        await play.until(lambda: play.fetch.calls)


@pytest.mark.parametrize("state", ["offered", "failed", "paused", "ready", "running"])
async def test_a_click_on_a_line_does_what_its_key_would(state: str) -> None:
    async with playing(opener=lacks("124M") if state == "offered" else lacks(), size=(80, 24)) as play:
        if state == "offered":
            play.app.choose_model("124M")
        else:
            await play.begin("355M")
            await play.begin()
        if state == "failed":
            play.fetch.tell(DownloadError("It broke.", name="124M"))
        elif state == "paused":
            play.main.models.pause("124M")
        elif state == "ready":
            play.fetch.bring()
        await play.until(lambda: "124M" in play.downloads and play.downloads["124M"].state == state)
        before = len(play.fetch.calls)
        y = len(play.panel.split("\n")) - 1
        await play.pilot.click("#downloads", offset=Offset(5, y))
        if state == "ready":
            await play.until(lambda: play.main.model_name == "124M")
        elif state == "running":
            assert len(play.fetch.calls) == before
        else:
            await play.until(lambda: len(play.fetch.calls) == before + 1)


# -- stopped runs ------------------------------------------------------------------------------------------------------


async def test_what_a_stopped_run_still_says_is_dropped() -> None:
    async with playing() as play:
        play.fetch.is_deaf = True
        await play.begin()
        play.main.models.pause("124M")
        n_told = len(play.told(DownloadTold))
        play.fetch.tell(on_its_way(done=500 * 10**6), DownloadStopped("124M", 0, 0))
        await play.until(lambda: len(play.told(DownloadTold)) >= n_told + 2)
        assert play.downloads["124M"].state == "paused"
        assert play.downloads["124M"].percent == 37


@pytest.mark.parametrize("end", [DownloadStopped("124M", 0, 0), ValueError("too late")], ids=["stops", "fails"])
async def test_a_run_that_follows_a_stopped_one_waits_until_that_has_let_go(end: DownloadStopped | Exception) -> None:
    """Pressed twice in a moment, the key must not run into its own lock."""
    async with playing() as play:
        play.fetch.is_deaf = True
        await play.begin()
        play.main.models.pause("124M")
        await play.press("f6")
        assert play.downloads["124M"].is_running
        assert len(play.fetch.calls) == 1
        play.fetch.tell(on_its_way(done=300 * 10**6), end)
        await play.until(lambda: len(play.fetch.calls) == 2)
        assert play.downloads["124M"].is_running
        assert play.downloads["124M"].percent == 37
        play.fetch.tell(on_its_way(done=411 * 10**6))
        await play.until(lambda: play.downloads["124M"].percent == 75)


async def test_a_second_request_for_what_runs_changes_nothing() -> None:
    async with playing(opener=lacks("124M")) as play:
        await play.begin()
        play.main.models.download("124M")
        play.app.choose_model("124M")
        await play.until(lambda: not play.main.loader.has_class("-active"))
        assert play.downloads["124M"].is_running
        assert len(play.fetch.calls) == 1


async def test_quitting_ends_every_download() -> None:
    async with playing() as play:
        await play.begin("124M")
        await play.begin("355M")
        await play.press("ctrl+q")
    assert play.fetch.n_running == 0


# -- other trouble -----------------------------------------------------------------------------------------------------


async def test_a_list_that_cannot_be_made_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise FileError("read", paths.models_dir(), OSError(5, "Input/output error [/] \x1b"))

    monkeypatch.setattr("picogpt_tui.hub.store.list_models", broken)
    async with playing() as play:
        await play.until(lambda: "Input/output error [/] ␛" in play.notice)
        n_notices = len(play.notices)
        await play.answer("There was a")
        await play.pilot.pause(0.05)
        assert len(play.notices) == n_notices


async def test_settings_that_cannot_be_written_stop_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise FileError("write", paths.settings_file(), OSError(30, "Read-only file system"))

    monkeypatch.setattr(paths, "write_whole", refuse)
    async with playing(opener=lacks()) as play:
        await play.begin()
        play.fetch.bring()
        await play.until(lambda: "F6 loads it" in play.panel)
        await play.press("f6")
        await play.until(lambda: play.main.model_name == "124M")


async def test_the_model_that_was_loaded_is_the_first_one_next_time() -> None:
    downloaded("124M")
    async with playing(opener=lacks()) as play:
        await play.begin()
        play.fetch.bring()
        await play.until(lambda: "F6 loads it" in play.panel)
        await play.press("f6")
        await play.until(lambda: len(play.told(ModelLoaded)) == 2)
    assert json.loads(paths.settings_file().read_text())["model"] == "124M"


async def test_a_model_that_loads_and_one_that_comes_are_two_lines() -> None:
    loading = Gate()
    async with playing(loading=loading, others=[ScriptedModel(name="other")], size=(80, 24)) as play:
        await play.begin()
        loading.close()
        play.app.choose_model("other")
        await play.until(lambda: "loading other" in play.screen and "↓ 124M         downloading" in play.screen)
        assert play.main.prompt.region.bottom <= 24


EVIL = "m\x1b[31m\u202e\x00[bold]x[/] 小さい"


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_no_name_note_or_sentence_acts_on_the_screen(width: int) -> None:
    async with playing(size=(width, 50)) as play:
        await play.begin(EVIL, done=None)
        play.fetch.tell(on_its_way(EVIL, note=EVIL * 9, weights=EVIL * 9, host=EVIL), name=EVIL)
        await play.until(lambda: play.downloads[EVIL].progress)
        assert not {"\x1b", "\u202e", "\x00"} & set(play.screen)
        play.fetch.tell(ValueError(EVIL * 9), name=EVIL)
        await play.until(lambda: "tries again" in play.panel)
        assert "[bold]x[/]" in play.screen
        assert not {"\x1b", "\u202e", "\x00"} & set(play.screen)
        for strip in play.app.screen._compositor.render_strips():
            assert strip.cell_length == width
