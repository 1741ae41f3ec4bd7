"""float32 or int8: chosen on the models screen, remembered, loaded so, and what there is to tell of int8."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import FileError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2 import int8_file
from picogpt_tui.gpt2.int8_file import INT8_FILE
from picogpt_tui.hub.registry import PUBLISHED
from picogpt_tui.session import expected_speed, quantized
from picogpt_tui.session.engine import Engine
from picogpt_tui.settings import PRECISIONS
from picogpt_tui.tui.jobs import open_engine
from picogpt_tui.tui.messages import ModelLoaded, ModelsAppraised
from picogpt_tui.tui.precisions import other, precision_of, suggested, with_choice

from ..hub.placed import cached, downloaded
from .playing import PATIENCE_SECONDS, Play, playing, write_settings
from .scripted import Gate, ScriptedModel, opens, scripted_or_real

TROUBLE = "int8 runs without numba (it is not installed); pip install -U numba makes it faster."


def stories() -> ScriptedModel:
    return ScriptedModel(name="stories")


def saved() -> object:
    """The choices in the settings file."""
    return json.loads(paths.settings_file().read_text(encoding="utf-8"))["precisions"]


def keys(play: Play) -> str:
    """The last line."""
    return play.screen.rstrip().split("\n")[-1].strip()


def lines(play: Play) -> tuple[str, str]:
    """What is said of the two precisions, with the mark of the chosen one."""
    found = [line.strip() for line in play.screen.split("\n") if " of memory " in line and "disk" not in line]
    first, second = found
    return first, second


# -- which one ---------------------------------------------------------------------------------------------------------


def test_each_precision_is_the_other_of_the_other() -> None:
    assert [other(one) for one in PRECISIONS] == list(reversed(PRECISIONS))


@pytest.mark.parametrize(
    "name, precision",
    [
        ("stories", "float32"),
        ("124M", "float32"),
        ("355M", "float32"),
        ("774M", "int8"),
        ("gpt2-xl", "int8"),
        ("openai-community/gpt2-large", "int8"),
        ("owner/774M", "float32"),
    ],
)
def test_int8_is_suggested_for_the_two_large_published_sizes(name: str, precision: str) -> None:
    assert suggested(name) == precision
    assert precision_of(name, {}) == precision
    assert precision_of(name, {name: other(precision)}) == other(precision)


@pytest.mark.parametrize("name", ["stories", *(model.name for model in PUBLISHED)])
def test_only_what_is_not_suggested_is_kept(name: str) -> None:
    before = {"owner/other": "int8"}
    chosen = with_choice(name, other(suggested(name)), before)
    assert chosen == before | {name: other(suggested(name))}
    assert with_choice(name, suggested(name), chosen) == before
    assert before == {"owner/other": "int8"}


# -- on the models screen ----------------------------------------------------------------------------------------------


async def test_both_are_told_with_memory_and_speed_and_i_chooses() -> None:
    async with playing(stories(), size=(80, 24)) as play:
        await play.models("124M")
        await play.until(lambda: "tok/s" in play.screen)
        assert lines(play) == (
            "▸ float32     573 MB of memory     about 32 tok/s",
            "int8        203 MB of memory     about 68 tok/s",
        )
        assert play.line("124M ").endswith("573 MB")
        assert "i int8" in keys(play)
        await play.press("i")
        assert lines(play) == (
            "float32     573 MB of memory     about 32 tok/s",
            "▸ int8        203 MB of memory     about 68 tok/s",
        )
        assert play.line("124M ").endswith("203 MB")
        assert "i float32" in keys(play)
        assert saved() == {"124M": "int8"}
        await play.press("i")
        assert lines(play)[0].startswith("▸ float32")
        assert saved() == {}


async def test_int8_is_preselected_where_it_is_suggested_until_the_user_says_otherwise() -> None:
    async with playing(stories(), size=(80, 24)) as play:
        await play.models("1558M")
        await play.until(lambda: "tok/s" in play.screen)
        assert lines(play) == (
            "float32  ! 6.86 GB of memory    about 2.7 tok/s   more than is free",
            "▸ int8       2.20 GB of memory    about 6.6 tok/s   suggested",
        )
        assert play.line("1558M ").endswith("  2.20 GB")
        await play.press("i")
        assert play.line("1558M ").endswith("! 6.86 GB")
    assert saved() == {"1558M": "float32"}
    async with playing(stories(), size=(80, 24)) as play:
        await play.models("1558M")
        assert lines(play)[0].startswith("▸ float32")


async def test_the_speeds_come_when_they_are_measured_and_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring takes a tenth of a second and needs NumPy, so a thread does it, and not before somebody looks."""
    gate = Gate()
    gate.close()

    def measure() -> float:
        gate.go_through()
        return 4.4e9

    monkeypatch.setattr(expected_speed, "weights_per_second", measure)
    async with playing(stories(), size=(80, 24)) as play:
        assert gate.n_waiting == 0
        await play.models("774M")
        await play.until(lambda: gate.n_waiting == 1)
        before = play.screen.split("\n")
        assert "tok/s" not in play.screen
        assert "suggested" in play.screen
        gate.open()
        await play.until(lambda: "tok/s" in play.screen)
        changed = [
            (old, new) for old, new in zip(before, play.screen.split("\n"), strict=True) if old.rstrip() != new.rstrip()
        ]
        assert len(changed) == 2
        assert all(
            new.replace(" about 5.4 tok/s", " " * 16).replace("  about 13 tok/s", " " * 16) == old
            for old, new in changed
        )
        await play.press("escape")
        await play.models("774M")
        assert "tok/s" in play.screen, "what is known stays known"


async def test_what_nobody_knows_the_size_of_can_be_chosen_all_the_same() -> None:
    async with playing(stories(), size=(80, 24)) as play:
        await play.models()
        await play.press("a")
        await play.paste("owner/model")
        await play.press("enter")
        await play.until(lambda: "▸ float32          ? of memory" in play.screen)
        await play.press("i")
        await play.until(lambda: "▸ int8             ? of memory" in play.screen)
        assert saved() == {"owner/model": "int8"}


@pytest.mark.parametrize(
    "place, said",
    [
        (lambda: downloaded("124M"), "int8 keeps a copy of 128 MB beside the model"),
        (lambda: cached("openai-community/gpt2"), "int8 keeps a copy of 128 MB"),
        (lambda: (downloaded("124M") / INT8_FILE).write_bytes(b"copy"), "its int8 copy of 128 MB is kept"),
        (lambda: None, "550 MB to fetch (80 GB free); int8 keeps a copy of 128 MB beside the model"),
    ],
    ids=["none", "shared", "kept", "not here"],
)
async def test_the_details_say_whether_a_copy_is_kept(place: object, said: str) -> None:
    place()  # type: ignore[operator]
    async with playing(stories(), size=(80, 24)) as play:
        await play.models("124M")
        await play.until(lambda: play.told(ModelsAppraised))
        await play.until(lambda: said in [line.strip() for line in play.screen.split("\n")])


async def test_the_small_bundled_model_has_no_copy() -> None:
    async with playing(stories()) as play:
        await play.models("stories")
        await play.until(lambda: "tok/s" in play.screen)
        assert "copy" not in play.screen


# -- loading it so -----------------------------------------------------------------------------------------------------


async def test_enter_loads_in_the_chosen_precision() -> None:
    downloaded("124M")
    async with playing(opener=opens(stories(), ScriptedModel(name="124M"))) as play:
        await play.models("124M")
        await play.press("i", "enter")
        await play.until(lambda: play.main.model_name == "124M")
        assert play.main.precision == "int8"
        assert "· int8" in play.screen


async def test_the_model_in_use_is_loaded_again_in_the_other_precision_and_the_text_stays() -> None:
    async with playing(stories()) as play:
        await play.answer("There was a")
        document, said = play.document, play.said
        await play.models()
        assert "in use" in lines(play)[0]
        assert not keys(play).startswith("enter")
        await play.press("i")
        assert keys(play).startswith("enter load in int8  v verify  i float32")
        await play.press("enter")
        await play.until(lambda: play.main.precision == "int8")
        assert play.app.screen is play.main
        assert play.document is document
        assert play.said == said
        await play.answer("and so")
        await play.models()
        assert "in use" in lines(play)[1]
        assert not keys(play).startswith("enter")


async def test_what_was_chosen_and_not_loaded_is_loaded_at_the_next_start() -> None:
    async with playing(stories()) as play:
        await play.models()
        await play.press("i", "escape")
        await play.pilot.pause()
        assert play.main.precision == "float32"
    async with playing(stories()) as play:
        assert play.main.precision == "int8"


@pytest.mark.parametrize("name", ["gpt2-large", "774M"])
async def test_a_model_is_loaded_as_is_suggested_by_whatever_name(name: str) -> None:
    write_settings(model=name)
    async with playing(ScriptedModel(name="774M")) as play:
        assert play.main.precision == "int8"


async def test_a_relative_path_is_known_by_its_full_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has full paths, and the choice was made there."""
    downloaded("mine").rename(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    write_settings(model=f".{os.sep}mine", precisions={str(tmp_path / "mine"): "int8"})
    async with playing() as play:
        assert play.main.precision == "int8"


# -- its copy ----------------------------------------------------------------------------------------------------------


async def load_in_int8(play: Play, name: str) -> None:
    await play.models(name)
    await play.press("i", "enter")
    await play.until(lambda: play.main.model_name == name)
    await play.ready()
    assert play.main.precision == "int8"


async def test_a_model_is_quantized_into_its_copy_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    keep_int8 = quantized.keep_int8

    def keep(name: str) -> Iterator[Progress | Path]:
        kept.append(name)
        yield from keep_int8(name)

    monkeypatch.setattr(quantized, "keep_int8", keep)
    directory = downloaded("124M")
    async with playing(opener=scripted_or_real) as play:
        await load_in_int8(play, "124M")
        assert (directory / INT8_FILE).is_file()
        await play.models("124M")
        await play.until(lambda: "its int8 copy of" in play.screen)
        await play.go_to("stories")
        await play.press("enter")
        await play.until(lambda: play.main.model_name == "stories")
        play.app.choose_model("124M")
        await play.until(lambda: play.main.model_name == "124M")
        assert play.main.precision == "int8"
        assert play.notices == []
    assert kept == ["124M"]


async def test_the_bundled_model_and_float32_keep_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "keep_int8", lambda _: pytest.fail("a copy"))
    downloaded("124M")
    write_settings(precisions={"stories": "int8"})
    async with playing(opener=open_engine) as play:
        assert play.main.precision == "int8"
        play.app.choose_model("124M")
        await play.until(lambda: play.main.model_name == "124M")
        assert play.main.precision == "float32"


async def test_quantizing_is_shown_like_loading() -> None:
    gate = Gate()
    gate.close()

    def opener(name: str, precision: str) -> Iterator[Progress | Engine | FileError]:
        yield Progress("quantizing", 1, 4, "h.0.attn.c_attn.weight")
        gate.go_through()
        yield from opens(stories())(name, precision)

    async with playing(opener=opener, is_ready=False, size=(80, 24)) as play:
        await play.until(lambda: " 25 %" in play.screen)
        assert " quantizing stories ██████╌" in play.screen
        gate.open()
        await play.ready()
        assert "quantizing" not in play.screen


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_the_percent_is_in_sight_at_every_width(width: int) -> None:
    def opener(name: str, precision: str) -> Iterator[Progress | Engine | FileError]:
        yield Progress("quantizing", 1, 4, "h.0.attn.c_attn.weight")
        gate.go_through()
        yield from opens(stories())(name, precision)

    gate = Gate()
    gate.close()
    async with playing(opener=opener, is_ready=False, size=(width, 24)) as play:
        await play.until(lambda: " 25 %" in play.screen)
        gate.open()
        await play.ready()


async def test_a_copy_that_cannot_be_written_is_told_once_and_the_model_is_played_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    directory = downloaded("124M")
    monkeypatch.setattr(int8_file, "_write_tensors", refuse)
    async with playing(opener=scripted_or_real) as play:
        await load_in_int8(play, "124M")
        assert not (directory / INT8_FILE).exists()
        await play.until(lambda: play.notice)
        play.app.choose_model("124M")
        await play.until(lambda: len(play.told(ModelLoaded)) == 3)
        [notice] = play.notices
        assert notice.startswith("The int8 copy is not kept. Cannot write ")
        assert notice.endswith("Read-only file system.")


def quantizing_that_waits(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Let it stand at each matrix until the gate is opened."""
    gate = Gate()
    gate.close()
    quantize = int8_file._quantized

    def slow(*args: Any) -> Any:
        gate.go_through()
        return quantize(*args)

    monkeypatch.setattr(int8_file, "_quantized", slow)
    return gate


async def test_choosing_another_model_ends_the_quantizing_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = quantizing_that_waits(monkeypatch)
    directory = downloaded("124M")
    before = sorted(file.name for file in directory.iterdir())
    async with playing(opener=scripted_or_real) as play:
        await play.models("124M")
        await play.press("i", "enter")
        await play.until(lambda: gate.n_waiting == 1)
        play.app.choose_model("stories")
        await play.until(lambda: len(play.told(ModelLoaded)) == 2)
        gate.open()
        await play.until(lambda: sorted(file.name for file in directory.iterdir()) == before)
        assert play.main.model_name == "stories"


async def test_leaving_in_the_middle_of_quantizing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the terminal would wait until a large model is done that nobody will play with."""
    gate = quantizing_that_waits(monkeypatch)
    directory = downloaded("124M")
    before = sorted(file.name for file in directory.iterdir())
    async with playing(opener=scripted_or_real) as play:
        await play.models("124M")
        await play.press("i", "enter")
        await play.until(lambda: gate.n_waiting == 1)
        await play.press("ctrl+q")
    gate.open()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sorted(file.name for file in directory.iterdir()) != before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


# -- the kernel --------------------------------------------------------------------------------------------------------


async def test_why_int8_is_slow_is_told_once_after_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "kernel_trouble", lambda: TROUBLE)
    write_settings(precisions={"stories": "int8"})
    async with playing() as play:
        await play.until(lambda: play.notices == [TROUBLE])
        await play.answer("There was a")
        await play.answer("There was a")
        play.app.choose_model("scripted")
        await play.until(lambda: len(play.told(ModelLoaded)) == 2)
        assert play.notices == [TROUBLE]


async def test_what_turns_out_while_it_compiles_is_told_after_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = ""
    monkeypatch.setattr(quantized, "kernel_trouble", lambda: trouble)
    write_settings(precisions={"stories": "int8"})
    async with playing() as play:
        await play.answer("There was a")
        assert play.notices == []
        trouble = f"{TROUBLE}\n\x1b[31m"
        await play.answer("There was a")
        await play.until(lambda: play.notices)
        assert play.notice.startswith(TROUBLE)
        assert not {"\x1b", "\n"} & set(play.notice)


async def test_in_float32_nobody_hears_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "kernel_trouble", lambda: TROUBLE)
    async with playing() as play:
        await play.answer("There was a")
        assert play.notices == []
