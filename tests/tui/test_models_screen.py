"""The models screen: what it says of each model, and everything one can do there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.geometry import Offset
from textual.widgets import Input

from picogpt_tui import paths
from picogpt_tui.errors import DownloadError, FileError
from picogpt_tui.events import Progress
from picogpt_tui.hub import memory, upkeep
from picogpt_tui.hub.manifest import UNFINISHED
from picogpt_tui.session import inspection
from picogpt_tui.tui.messages import DownloadTold, ModelLoaded, ModelWorkFailed
from picogpt_tui.tui.screens.confirm import Confirm
from picogpt_tui.tui.screens.models import ModelsScreen

from ..gpt2.checkpoints import write_model
from ..hub.placed import begun, cached, downloaded, state_of
from .playing import Play, playing, write_settings
from .scripted import Gate, ScriptedModel, lacks, on_its_way, scripted_or_real

REPO = "owner/model"


def stories() -> ScriptedModel:
    return ScriptedModel(name="stories")


def words(play: Play) -> str:
    """What is on the screen, with what wrapping cut joined again."""
    return " ".join(play.screen.split())


def keys(play: Play) -> str:
    """The last line."""
    return play.screen.rstrip().split("\n")[-1].strip()


def without(directory: Path, name: str) -> Path:
    (directory / name).unlink()
    return directory


def spoil(directory: Path, name: str = "model.safetensors") -> None:
    """Turn one bit of a file over."""
    file = directory / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def is_open(play: Play) -> bool:
    return isinstance(play.app.screen, ModelsScreen)


# -- what it says ------------------------------------------------------------------------------------------------------


async def test_the_bundled_model_is_there_and_the_published_sizes_are_not() -> None:
    async with playing(stories()) as play:
        await play.models()
        row = play.line("stories")
        assert "● here, bundled" in row
        assert row.endswith("MIT")
        for name in ("124M", "355M", "774M", "1558M"):
            assert "○ not here" in play.line(f"{name} ")
        assert play.line("1558M ").rpartition("  MIT")[0].endswith("    2.20 GB"), "in int8, as is suggested"
        assert "!" not in play.line("774M")
        assert "5.00 GB of memory, 80 GB of disk free" in play.screen
        assert keys(play) == "v verify  i int8  a add  y path  esc back"


@pytest.mark.parametrize("available, marks", [(5_000_000_000, 1), (None, 0)], ids=["too little", "nobody knows"])
async def test_more_memory_than_is_free_is_marked(
    available: int | None, marks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: available)
    write_settings(precisions={"1558M": "float32"})
    async with playing(stories()) as play:
        await play.models()
        assert play.line("1558M ").count("! 6.86 GB") == marks
        assert "6.86 GB" in play.line("1558M ")
        assert "80 GB of disk free" in play.screen


@pytest.mark.parametrize(
    "place, state, detail",
    [
        (lambda: downloaded("124M"), "● here ", "licence mit"),
        (lambda: begun("124M"), "◐ partial 7 %", "to fetch"),
        (lambda: without(downloaded("124M"), "vocab.json"), "◐ incomplete", "lacks vocab.json"),
        (lambda: cached("openai-community/gpt2"), "● here, shared", "(the Hugging Face cache, used in place)"),
        (lambda: cached("gpt2", links=False), "● here, shared", "(the Hugging Face cache, used in place)"),
        (lambda: downloaded("124M-openai", source="openai"), "● here ", "from example.org: 124M-openai"),
        (lambda: None, "○ not here", "▸ float32 573 MB of memory"),
    ],
    ids=["here", "partial", "incomplete", "shared", "shared without links", "from OpenAI", "not here"],
)
async def test_a_published_size_in_every_state(place: object, state: str, detail: str) -> None:
    place()  # type: ignore[operator]
    async with playing(stories(), size=(100, 30)) as play:
        await play.models("124M")
        assert state in play.line("124M")
        assert detail in words(play)


async def test_a_repository_of_the_cache_that_nobody_added_is_listed() -> None:
    cached(REPO)
    async with playing(stories()) as play:
        await play.models(REPO)
        assert "● here, shared" in play.line(REPO)


async def test_running_paused_and_failed() -> None:
    async with playing(stories(), size=(80, 24)) as play:
        await play.models("124M")
        await play.press("d")
        await play.until(lambda: "↓ looking up" in play.line("124M"))
        play.fetch.tell(on_its_way())
        await play.until(lambda: "↓ ███╌╌╌╌╌  37 %" in play.line("124M"))
        assert "203 MB/548 MB   9.1 MB/s     38 s" in play.screen
        assert keys(play) == "p pause  c cancel  i int8  a add  esc back"
        await play.press("p")
        await play.until(lambda: "p goes on" in play.screen)
        await play.press("p")
        await play.until(lambda: len(play.fetch.calls) == 2)
        play.fetch.tell(DownloadError("huggingface.co cannot be reached.", name="124M"))
        await play.until(lambda: "✗ stopped at 37 %" in play.line("124M"))
        assert "✗ huggingface.co cannot be reached." in play.screen
        await play.press("enter")
        await play.until(lambda: len(play.fetch.calls) == 3)


async def test_it_opens_on_what_is_on_its_way_and_else_on_what_is_in_use() -> None:
    async with playing(stories()) as play:
        await play.models()
        assert play.screen.count("▸ stories") == 1
        assert "in the package" in play.screen
        await play.press("escape")
        await play.begin("355M")
        await play.models()
        assert "24 layers, 1,024 wide" in play.screen


async def test_the_model_that_has_loaded_meanwhile_is_marked() -> None:
    loading = Gate()
    loading.close()
    async with playing(stories(), loading=loading, is_ready=False) as play:
        await play.models()
        assert "▸ stories" not in play.screen
        loading.open()
        await play.until(lambda: "▸ stories" in play.screen)


@pytest.mark.parametrize("size", [(40, 12), (60, 20), (80, 24), (120, 40), (250, 70), (38, 9), (5, 3)], ids=str)
async def test_every_size_has_room_for_the_rows_and_the_keys(size: tuple[int, int]) -> None:
    downloaded("owner/a-model-with-quite-a-long-name")
    async with playing(stories(), size=size) as play:
        await play.begin()
        await play.models()
        if size[0] >= 40:
            assert play.line("124M").count("37 %") == 1
            assert "pause" in play.screen
            assert "back" in play.screen
        assert [len(line) for line in play.screen.split("\n")] == [size[0]] * size[1]


async def test_a_resize_while_it_runs_keeps_the_cursor_and_redraws_all() -> None:
    async with playing(stories()) as play:
        await play.begin()
        await play.models("355M")
        for size in ((60, 20), (200, 50), (40, 12), (120, 40)):
            await play.pilot.resize_terminal(*size)
            play.fetch.tell(on_its_way(done=size[0] * 10**6))
            await play.until(lambda size=size: f"{size[0] * 100 // 548:3d} %" in play.line("124M"))  # type: ignore[misc]
            screen = play.app.screen
            assert isinstance(screen, ModelsScreen)
            assert screen.table.model is not None
            assert screen.table.model.name == "355M"


# -- use and download --------------------------------------------------------------------------------------------------


async def test_enter_uses_what_is_here() -> None:
    downloaded("124M")
    async with playing(opener=scripted_or_real) as play:
        await play.models("124M")
        assert keys(play).startswith("enter use  v verify  r repair  x delete")
        await play.press("enter")
        await play.until(lambda: play.main.model_name == "124M")
        assert play.app.screen is play.main


@pytest.mark.parametrize("key", ["enter", "d"])
async def test_enter_and_d_bring_what_is_not_here(key: str) -> None:
    async with playing(stories()) as play:
        await play.models("355M")
        await play.press(key)
        await play.until(lambda: play.fetch.calls == [("355M", None)])
        await play.press(key)
        assert is_open(play)
        assert play.fetch.calls == [("355M", None)]
        assert len(play.told(ModelLoaded)) == 1


async def test_what_is_here_is_not_downloaded_again() -> None:
    async with playing(stories()) as play:
        await play.models("stories")
        await play.press("d")
        await play.until(lambda: play.notice == "stories is here; there is nothing to download.")
        assert play.fetch.calls == []


async def test_a_folder_that_lacks_a_file_and_cannot_be_fetched_says_what_to_put_there() -> None:
    without(write_model(paths.models_dir() / "half"), "vocab.json")
    async with playing(stories()) as play:
        await play.models("half")
        await play.press("enter")
        await play.until(lambda: f"half lacks vocab.json; put that into {paths.models_dir() / 'half'}." == play.notice)
        assert is_open(play)


async def test_what_came_from_openai_goes_on_from_there() -> None:
    begun("124M-openai", source="openai")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("enter")
        await play.until(lambda: play.fetch.calls == [("124M", "openai")])


async def test_s_asks_the_other_publisher() -> None:
    async with playing(stories(), size=(120, 40)) as play:
        await play.models("124M")
        assert "huggingface.co" in play.line("124M")
        await play.press("s")
        await play.until(lambda: "OpenAI's original TensorFlow checkpoint" in play.screen)
        assert "499 MB" in play.line("124M")
        assert "openaipublic" in play.line("124M")
        await play.press("s")
        await play.until(lambda: "from Hugging Face" in play.screen)
        await play.press("s", "enter")
        await play.until(lambda: play.fetch.calls == [("124M", "openai")])
        await play.press("s")
        assert "OpenAI's original TensorFlow checkpoint" in play.screen


async def test_s_changes_nothing_where_there_is_one_publisher() -> None:
    async with playing(stories()) as play:
        await play.models("stories")
        before = play.screen
        await play.press("s")
        assert play.screen == before


async def test_cancel_forgets_the_download_and_keeps_what_came() -> None:
    directory = begun("124M")
    before = state_of(directory)
    async with playing(stories()) as play:
        await play.begin()
        await play.models("124M")
        await play.press("c")
        await play.until(lambda: "◐ partial 7 %" in play.line("124M"))
        assert "what came is kept, and x deletes it" in play.notice
        await play.until(lambda: play.fetch.n_running == 0)
        assert "124M" not in play.downloads
    assert state_of(directory) == before


async def test_p_and_c_do_nothing_where_nothing_runs() -> None:
    async with playing(stories()) as play:
        await play.models("124M")
        before = play.screen
        await play.press("p", "c")
        assert play.screen == before
        assert play.notices == []


async def test_downloads_go_on_while_the_screen_is_closed() -> None:
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("d")
        await play.press("escape")
        play.fetch.tell(on_its_way(done=274 * 10**6))
        await play.until(lambda: " 50 %" in play.panel)
        await play.models()
        assert " 50 %" in play.line("124M")
        n_told = len(play.told(DownloadTold))
        await play.press("escape")
        play.fetch.bring()
        await play.until(lambda: len(play.told(DownloadTold)) > n_told and "F6 loads it" in play.panel)


async def test_two_at_once_each_with_its_own_keys() -> None:
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("d", "down", "d")
        await play.until(lambda: play.fetch.n_running == 2)
        play.fetch.tell(on_its_way("355M", 55 * 10**6), name="355M")
        play.fetch.tell(on_its_way())
        await play.until(lambda: " 37 %" in play.line("124M") and " 10 %" in play.line("355M"))
        await play.press("p")
        await play.until(lambda: play.fetch.n_running == 1)
        assert play.downloads["124M"].is_running
        assert not play.downloads["355M"].is_running


async def test_f6_is_for_the_main_screen() -> None:
    async with playing(stories()) as play:
        await play.begin()
        play.fetch.bring()
        await play.models()
        await play.press("f6")
        assert is_open(play)
        assert len(play.told(ModelLoaded)) == 1


# -- verify and repair -------------------------------------------------------------------------------------------------


async def test_verify_says_that_all_is_well() -> None:
    downloaded("124M")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("v")
        await play.until(lambda: "✓ every byte is as it was published" in play.screen)


async def test_verify_without_a_record_says_so() -> None:
    async with playing(stories()) as play:
        await play.models("stories")
        await play.press("v")
        await play.until(lambda: "✓ it can be read; there is no record to compare its bytes with" in words(play))


async def test_verify_finds_what_is_damaged() -> None:
    spoil(downloaded("124M"))
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("v")
        await play.until(lambda: "✗ model.safetensors is damaged: its sha256 is not the recorded one" in words(play))
        assert "press r to repair it" in words(play)
        assert play.fetch.calls == []


async def test_a_shared_model_is_compared_with_the_names_of_its_blobs() -> None:
    snapshot = cached("openai-community/gpt2")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("v")
        await play.until(lambda: "✓ every byte is as it was published" in play.screen)
        spoil(snapshot)
        await play.press("v")
        await play.until(lambda: "✗ model.safetensors is damaged" in words(play))
        assert "press r" not in words(play)


async def test_repair_fetches_again_what_is_damaged() -> None:
    directory = downloaded("124M")
    spoil(directory)
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("r")
        await play.until(lambda: play.fetch.calls == [("124M", "huggingface")])
        assert (directory / UNFINISHED).exists()
        assert not (directory / "model.safetensors").exists()
        assert (directory / "vocab.json").exists()


async def test_what_is_repaired_while_one_plays_with_it_can_be_loaded_anew() -> None:
    """The weights in use are still the damaged ones."""
    directory = downloaded("124M")
    async with playing(opener=lacks()) as play:
        play.app.choose_model("124M")
        await play.until(lambda: play.main.model_name == "124M")
        spoil(directory)
        await play.models("124M")
        await play.press("r")
        await play.until(lambda: play.fetch.calls)
        downloaded("124M")
        play.fetch.bring()
        await play.press("escape")
        await play.until(lambda: play.panel == "✓ 124M is here. F6 loads it")
        await play.press("f6")
        await play.until(lambda: [message.engine.info.name for message in play.told(ModelLoaded)][1:] == ["124M"] * 2)
        assert not play.panel


async def test_repair_asks_whoever_it_came_from() -> None:
    spoil(downloaded("124M-openai", source="openai"), "model.ckpt.data-00000-of-00001")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("r")
        await play.until(lambda: play.fetch.calls == [("124M", "openai")])


async def test_repair_of_what_is_whole_fetches_nothing() -> None:
    downloaded("124M")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("r")
        await play.until(lambda: "✓ every byte is as it was published" in play.screen)
        assert play.fetch.calls == []


async def test_repair_of_what_did_not_come_by_a_download_says_so() -> None:
    write_model(paths.models_dir() / "own", dtype="F32")
    spoiled = paths.models_dir() / "own" / "model.safetensors"
    spoiled.write_bytes(spoiled.read_bytes()[:-4])
    async with playing(stories()) as play:
        await play.models("own")
        await play.press("r")
        await play.until(lambda: "own cannot be repaired by a download; replace its files." in play.notice)


async def test_what_is_not_here_cannot_be_verified() -> None:
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("v")
        await play.until(lambda: play.notice == "124M is not here; there is nothing to verify.")


def check_that_waits(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> Gate:
    """Let the check of a model stand at three quarters until the gate is opened, and then perhaps break."""
    gate = Gate()
    gate.close()

    def check(directory: Path) -> Iterator[Progress]:
        yield Progress("checking", 3, 4, "h.1.mlp.c_fc.weight")
        gate.go_through()
        if error is not None:
            raise error
        yield Progress("checking", 4, 4)

    monkeypatch.setattr(inspection, "check_model", check)
    return gate


async def begin_check(play: Play) -> None:
    await play.models("124M")
    await play.press("v")
    await play.until(lambda: "◌ checking  75 %" in play.line("124M"))


async def test_checking_is_shown_and_one_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = check_that_waits(monkeypatch)
    downloaded("124M")
    async with playing(stories()) as play:
        await begin_check(play)
        assert "h.1.mlp.c_fc.weight" in play.screen
        await play.press("up", "v")
        await play.until(lambda: "One model is being verified already" in play.notice)
        await play.press("down", "x")
        await play.until(lambda: play.notice == "124M is being verified; wait until that is done, or press c.")
        gate.open()
        await play.until(lambda: "✓ every byte" in play.screen)


async def test_a_check_can_be_cancelled_and_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = check_that_waits(monkeypatch)
    downloaded("124M")
    async with playing(stories()) as play:
        await begin_check(play)
        assert keys(play).startswith("enter use  c cancel  i int8  a add")
        await play.press("c")
        await play.until(lambda: "● here" in play.line("124M"))
        assert "v verify" in keys(play)
        gate.let()
        await play.until(lambda: gate.n_waiting == 0)
        await play.press("v")
        await play.until(lambda: "◌ checking  75 %" in play.line("124M"))
        assert "✓ every byte" not in play.screen, "of the one that was cancelled, nothing is told"
        gate.open()
        await play.until(lambda: "✓ every byte" in play.screen)


async def test_what_breaks_in_a_check_that_was_cancelled_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = check_that_waits(monkeypatch, FileError("read", Path("x"), OSError(5, "Input/output error")))
    downloaded("124M")
    async with playing(stories()) as play:
        await begin_check(play)
        await play.press("c")
        gate.open()
        await play.until(lambda: play.told(ModelWorkFailed))
        assert "Input/output" not in play.notice
        assert "● here" in play.line("124M")


async def test_a_file_that_cannot_be_read_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(directory: Path) -> Iterator[Progress]:
        raise FileError("read", directory, OSError(5, "Input/output error"))

    monkeypatch.setattr(inspection, "check_model", check)
    async with playing(stories()) as play:
        await play.models("stories")
        await play.press("v")
        await play.until(lambda: "Input/output error" in play.notice)
        await play.press("v")
        assert "is being verified already" not in play.notice


# -- delete ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [["enter"], ["escape"], ["n"]], ids="-".join)
async def test_delete_asks_and_begins_at_no(answer: list[str]) -> None:
    directory = downloaded("124M")
    before = state_of(directory)
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("x")
        await play.until(lambda: isinstance(play.app.screen, Confirm))
        assert "Delete 124M?" in play.screen
        freed = f"{sum(map(len, before.values())) / 1e3:.0f} kB"
        assert f"which frees {freed}. It can be downloaded again." in " ".join(words(play).replace("│", "").split())
        assert f"Yes, delete {freed}" in play.screen
        await play.press(*answer)
        await play.until(lambda: is_open(play))
        assert state_of(directory) == before


@pytest.mark.parametrize("answer", [["y"], ["down", "enter"]], ids="-".join)
async def test_delete_frees_the_disk(answer: list[str]) -> None:
    directory = downloaded("124M")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("delete")
        await play.until(lambda: isinstance(play.app.screen, Confirm))
        await play.press(*answer)
        await play.until(lambda: "○ not here" in play.line("124M"))
        assert "124M removed; " in play.notice
        assert " kB freed." in play.notice
        assert not directory.exists()


async def test_delete_of_what_is_on_its_way_stops_it_first() -> None:
    """The download holds the folder's lock until it has let go."""
    directory = begun("124M")
    async with playing(stories()) as play:
        play.fetch.is_deaf = True
        await play.begin()
        await play.models("124M")
        await play.press("x")
        await play.until(lambda: isinstance(play.app.screen, Confirm))
        await play.press("y")
        await play.until(lambda: "124M" not in play.downloads)
        assert directory.exists()
        play.fetch.close()
        await play.until(lambda: "○ not here" in play.line("124M"))
        assert not directory.exists()


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("stories", "stories is part of the program and cannot be removed."),
        ("124M", "124M lies in the Hugging Face cache"),
        ("355M", "355M is not on this machine; there is nothing to remove."),
        ("774M", "774M is in use; load another model first."),
    ],
    ids=["bundled", "shared", "not here", "in use"],
)
async def test_what_is_not_ours_or_is_in_use_is_not_deleted(name: str, sentence: str) -> None:
    snapshot = cached("openai-community/gpt2")
    in_use = downloaded("774M")
    async with playing(ScriptedModel(name="774M")) as play:
        await play.models(name)
        await play.press("x")
        await play.until(lambda: play.notice.startswith(sentence))
        assert is_open(play)
    assert (snapshot / "config.json").exists()
    assert in_use.exists()


async def test_what_is_in_use_by_another_name_is_not_deleted() -> None:
    directory = downloaded("124M-openai", source="openai")
    async with playing(ScriptedModel(name="124M-openai")) as play:
        await play.models("124M")
        await play.press("x")
        await play.until(lambda: play.notice == "124M is in use; load another model first.")
    assert directory.exists()


async def test_a_removal_that_fails_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise FileError("remove", paths.models_dir() / name, OSError(13, "Permission denied"))

    monkeypatch.setattr(upkeep, "remove", refuse)
    downloaded("124M")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("x", "y")
        await play.until(lambda: "Permission denied" in play.notice)


@pytest.mark.parametrize("key", ["enter", "v", "r", "x", "y", "d"])
async def test_what_was_deleted_behind_our_back_is_no_accident(key: str) -> None:
    directory = downloaded("124M")
    async with playing(opener=scripted_or_real) as play:
        await play.models("124M")
        assert "● here" in play.line("124M")
        shutil.rmtree(directory)
        await play.press(key)
        if key == "enter":
            await play.until(lambda: "F6 downloads it" in play.panel)
        else:
            await play.until(lambda: play.notice)
            assert "124M" in play.notice
        await play.press("escape")
        assert play.app.screen is play.main


# -- add and type a path -----------------------------------------------------------------------------------------------


async def ask(play: Play, key: str, text: str) -> None:
    await play.press(key)
    await play.until(lambda: isinstance(play.app.focused, Input))
    await play.paste(text)
    await play.press("enter")


async def test_a_directory_can_be_added_used_and_taken_off_again(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    async with playing(opener=scripted_or_real, size=(200, 50)) as play:
        await play.models()
        await ask(play, "a", str(directory))
        await play.until(lambda: play.app.screen.table.model.name == str(directory))  # type: ignore[attr-defined]
        await play.until(lambda: not isinstance(play.app.focused, Input))
        await play.press("x")
        await play.until(lambda: "off the list?" in play.screen)
        assert "Its files stay where they are." in play.screen
        await play.press("y")
        await play.until(lambda: str(directory) not in [model.name for model in play.main.models.models])
        assert "its files stay where they are." in play.notice
    assert (directory / "config.json").exists()


async def test_a_repository_can_be_added_and_downloaded() -> None:
    async with playing(stories()) as play:
        await play.models()
        await ask(play, "a", f"  {REPO}@v1  ")
        await play.until(lambda: "○ not here" in play.line(f"{REPO}@v1"))
        assert keys(play).startswith("enter download")
        await play.press("enter")
        await play.until(lambda: play.fetch.calls == [(f"{REPO}@v1", None)])


async def test_a_repository_that_is_added_and_in_the_cache_is_taken_off_the_list_only() -> None:
    snapshot = cached(REPO)
    async with playing(stories()) as play:
        await play.models()
        await ask(play, "a", REPO)
        await play.go_to(REPO)
        await play.press("x")
        await play.until(lambda: "off the list?" in play.screen)
        await play.press("y")
        await play.until(lambda: "its files stay" in play.notice)
    assert (snapshot / "config.json").exists()


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("nonsense", "'nonsense' is neither a directory nor an owner/name"),
        ("gpt2", "'gpt2' is listed already"),
        ("[/] [bold]x", "'[/] [bold]x' is neither a directory nor an owner/name"),
        ("a" * 5000, "is neither a directory nor an owner/name"),
    ],
    ids=["nonsense", "known", "markup", "long"],
)
async def test_nonsense_is_refused_and_the_input_stays(text: str, sentence: str) -> None:
    async with playing(stories()) as play:
        await play.models()
        await ask(play, "a", text)
        await play.until(lambda: sentence in play.notice)
        assert isinstance(play.app.focused, Input)


async def test_what_a_terminal_would_obey_is_left_out_of_what_is_pasted() -> None:
    async with playing(stories()) as play:
        await play.models()
        await ask(play, "a", "a\x1b[2J\u202eb")
        assert not {"\x1b", "\u202e"} & set(play.screen)
        assert play.app.screen.query_one(Input).value == "a[2Jb"


async def test_a_list_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise FileError("write", paths.added_file(), OSError(30, "Read-only file system"))

    monkeypatch.setattr(paths, "write_whole", refuse)
    async with playing(stories()) as play:
        await play.models()
        await ask(play, "a", REPO)
        await play.until(lambda: "models.json" in play.notice and "Read-only file system" in play.notice)


async def test_slash_loads_a_path_without_adding_it(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    async with playing(opener=scripted_or_real) as play:
        await play.models()
        await ask(play, "slash", str(directory))
        await play.until(lambda: play.main.model_name == str(directory))
    assert not paths.added_file().exists()


async def test_escape_leaves_the_input_then_the_screen() -> None:
    async with playing(stories()) as play:
        await play.models()
        await play.press("a")
        await play.type("dpcivrxasy")
        assert play.app.screen.query_one(Input).value == "dpcivrxasy"
        await play.press("enter", "escape")
        assert is_open(play)
        assert not play.app.screen.query_one(Input).display
        await play.press("escape")
        assert play.app.screen is play.main
        assert len(play.told(ModelLoaded)) == 1


async def test_an_empty_name_is_no_name() -> None:
    async with playing(stories()) as play:
        await play.models()
        await ask(play, "slash", "  ")
        assert is_open(play)


async def test_y_copies_the_path() -> None:
    directory = downloaded("124M")
    async with playing(stories()) as play:
        await play.models("124M")
        await play.press("y")
        assert play.app.clipboard == str(directory)
        assert "sent to the terminal's clipboard" in play.notice


# -- the mouse ---------------------------------------------------------------------------------------------------------


def place_of(play: Play, text: str) -> Offset:
    """Where a text stands on the screen."""
    y, line = next((y, line) for y, line in enumerate(play.screen.split("\n")) if text in line)
    return Offset(line.index(text) + 1, y)


async def test_a_click_on_a_row_shows_it_and_the_second_takes_it() -> None:
    """A model of six gigabytes is not fetched by a glance at it."""
    async with playing(stories()) as play:
        await play.models("stories")
        await play.pilot.click(offset=place_of(play, "774M"))
        await play.until(lambda: "36 layers, 1,280 wide" in play.screen)
        assert play.fetch.calls == []
        await play.pilot.click(offset=place_of(play, "774M"))
        await play.until(lambda: play.fetch.calls == [("774M", None)])


async def test_a_click_on_a_key_does_what_the_key_does() -> None:
    async with playing(stories()) as play:
        await play.models("124M")
        await play.pilot.click(offset=place_of(play, "download"))
        await play.until(lambda: play.fetch.calls == [("124M", None)])
        play.fetch.tell(on_its_way())
        await play.until(lambda: "pause" in keys(play))
        await play.pilot.click(offset=place_of(play, "p pause"))
        await play.until(lambda: play.downloads["124M"].state == "paused")
        await play.pilot.click(offset=place_of(play, "a add"))
        await play.until(lambda: isinstance(play.app.focused, Input))
        await play.pilot.click(offset=place_of(play, "esc back"))
        await play.until(lambda: not isinstance(play.app.focused, Input))
        assert is_open(play)
        await play.pilot.click(offset=place_of(play, "esc back"))
        await play.until(lambda: play.app.screen is play.main)


# -- hostile names -----------------------------------------------------------------------------------------------------

EVIL = "m\x1b[31m\u202e[bold]x 小さい小さい小さい小さい"


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_no_name_or_path_acts_on_the_screen(width: int, tmp_path: Path) -> None:
    try:
        write_model(paths.models_dir() / EVIL)
        without(write_model(paths.models_dir() / f"{EVIL}2"), "vocab.json")
    except OSError:
        pytest.skip("this file system has no such names")
    async with playing(stories(), size=(width, 40)) as play:
        await play.models(EVIL)
        for key in ("v", "y", "x", "escape", "down", "enter", "x", "escape"):
            await play.press(key)
            await play.pilot.pause()
            assert not {"\x1b", "\u202e"} & set(play.screen)
            assert all(strip.cell_length == width for strip in play.app.screen._compositor.render_strips())
        assert "[bold]x" in play.screen or width == 40
