"""A model is loaded behind the screen: from a name, a path or a folder, and every way in which that fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.events import Progress
from picogpt_tui.session.engine import Engine
from picogpt_tui.tui.messages import ModelFailed

from ..gpt2.checkpoints import TINY, random_tensors, write_config, write_safetensors
from .playing import Play, playing
from .scripted import Gate, ScriptedModel, scripted_or_real


async def _choose_path(play: Play, path: Path | str) -> None:
    await play.models()
    await play.press("slash")
    await play.paste(str(path))
    await play.press("enter")
    await play.until(lambda: play.app.screen is play.main)


async def test_a_folder_among_the_models_is_loaded_and_remembered(tiny_model_dir: Callable[..., Path]) -> None:
    folder = tiny_model_dir()
    (paths.models_dir()).mkdir(parents=True)
    folder.rename(paths.models_dir() / "owner--tiny")
    async with playing(opener=scripted_or_real) as play:
        await play.models("owner/tiny")
        await play.press("enter")
        await play.until(lambda: "owner/tiny" in play.main.status.model)
        await play.ready()
    assert json.loads(paths.settings_file().read_text())["model"] == "owner/tiny"


async def test_a_text_of_another_model_ends_and_its_prompt_can_be_sent_again() -> None:
    other = ScriptedModel(name="other")
    async with playing(others=[other]) as play:
        await play.answer("There was a")
        play.app.choose_model("other")
        await play.until(lambda: play.main.status.model.startswith("other"))
        assert play.document.is_empty
        assert play.main.prompt.text == "There was a"


# -- every kind of broken directory ------------------------------------------------------------------------------------


def _without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _other_tensors(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        tensors = random_tensors(TINY, 1)
        dtypes = "F32"
        if "missing" in changes:
            del tensors["h.1.mlp.c_fc.weight"]
        if "shape" in changes:
            tensors["ln_f.weight"] = tensors["ln_f.weight"][:-1]
        if "dtype" in changes:
            dtypes = "F64"
        if "nan" in changes:
            tensors["h.2.attn.c_attn.weight"][0, 0] = float("nan")
        write_safetensors(folder / "model.safetensors", tensors, dtypes)

    return change


def _truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _huge_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((10 * 10**9).to_bytes(8, "little") + b"{}")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (_without("config.json"), "config.json"),
    "no weights": (_without("model.safetensors"), "model.safetensors"),
    "no vocabulary": (_without("vocab.json"), "vocab.json"),
    "no merges": (_without("merges.txt"), "merges.txt"),
    "missing tensor": (_other_tensors(missing=True), "h.1.mlp.c_fc.weight"),
    "wrong shape": (_other_tensors(shape=True), "ln_f.weight"),
    "wrong dtype": (_other_tensors(dtype=True), "F64"),
    "nan": (_other_tensors(nan=True), "h.2.attn.c_attn.weight"),
    "truncated": (_truncate, "model.safetensors"),
    "huge header": (_huge_header, "header too large"),
    "other architecture": (lambda folder: write_config(folder, TINY, model_type="llama"), "llama"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
}


@pytest.mark.parametrize("breaks, evidence", BROKEN.values(), ids=BROKEN)
async def test_a_broken_directory_is_told_and_the_old_model_stays(
    breaks: Callable[[Path], object], evidence: str, tiny_model_dir: Callable[..., Path]
) -> None:
    """One sentence names the culprit, and playing goes on."""
    folder = tiny_model_dir(name="broken")
    breaks(folder)
    async with playing(opener=scripted_or_real) as play:
        await _choose_path(play, folder)
        await play.until(lambda: play.told(ModelFailed))
        sentence = play.main.loader.detail
        assert evidence in sentence
        assert sentence.endswith("stories stays in use.")
        await play.until(lambda: "✗" in play.screen)
        await play.answer("There was a")
        assert "king" in play.said


async def test_a_path_that_is_not_there_is_told() -> None:
    async with playing(opener=scripted_or_real) as play:
        await _choose_path(play, "/no/such/[bold]folder")
        await play.until(lambda: "There is no model '/no/such/[bold]folder'" in play.screen)


async def test_a_failure_is_wrapped_between_words() -> None:
    def opener(name: str, precision: str) -> Iterator[Progress | Engine]:
        yield Progress("loading", 1, 3, "wte")
        raise RuntimeError("unbreakable " * 25)

    async with playing(opener=opener, is_ready=False, size=(80, 24)) as play:
        await play.until(lambda: "✗" in play.screen)
        assert play.screen.split("chooses")[0].split().count("unbreakable") == 25


async def test_a_failure_goes_away_with_escape() -> None:
    async with playing(opener=scripted_or_real) as play:
        await _choose_path(play, "/no/such/folder")
        await play.until(lambda: "✗" in play.screen)
        await play.press("escape")
        await play.until(lambda: "✗" not in play.screen)


@pytest.mark.parametrize(
    "error, sentence",
    [
        (RuntimeError("the disk [/] caught fire\x1b[2J"), "RuntimeError: the disk [/] caught fire␛[2J"),
        (MemoryError(), "not enough memory"),
    ],
    ids=["unknown", "memory"],
)
async def test_whatever_an_opener_raises_is_a_sentence(error: Exception, sentence: str) -> None:
    def opener(name: str, precision: str) -> Iterator[Progress | Engine]:
        yield Progress("loading", 1, 3, "wte")
        raise error

    async with playing(opener=opener, is_ready=False) as play:
        await play.until(lambda: sentence in play.screen)
        assert "F2 chooses another model." in " ".join(play.screen.split())
        await play.type("still alive")
        assert play.main.prompt.text == "still alive"


# -- while it loads ----------------------------------------------------------------------------------------------------


async def test_the_first_frame_does_not_wait_for_the_model() -> None:
    loading = Gate()
    loading.close()
    async with playing(loading=loading, is_ready=False) as play:
        await play.until(lambda: "loading stories" in play.screen)
        assert "Type how a text begins" in play.screen
        assert "50 %" in play.screen
        assert play.main.engine is None
        loading.open()
        await play.ready()
        assert "loading stories" not in play.screen


async def test_the_old_model_plays_on_while_another_loads() -> None:
    loading = Gate()
    other = ScriptedModel(name="other")
    async with playing(others=[other], loading=loading) as play:
        loading.close()
        play.app.choose_model("other")
        await play.until(lambda: "loading other" in play.screen)
        await play.answer("There was a")
        assert "king" in play.said
        assert play.main.status.model.startswith("scripted")
        loading.open()
        await play.until(lambda: play.main.status.model.startswith("other"))


async def test_choosing_another_while_one_loads_drops_the_first() -> None:
    loading = Gate()
    first, second = ScriptedModel(name="first"), ScriptedModel(name="second")
    async with playing(others=[first, second], loading=loading) as play:
        loading.close()
        play.app.choose_model("first")
        await play.until(lambda: loading.n_waiting == 1)
        play.app.choose_model("second")
        await play.until(lambda: loading.n_waiting == 2)
        loading.open()
        await play.until(lambda: play.main.status.model.startswith("second"))
        await play.until(lambda: loading.n_waiting == 0)
        assert play.main.status.model.startswith("second")
        assert json.loads(paths.settings_file().read_text())["model"] == "second"
