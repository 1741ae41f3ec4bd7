"""Pictures of the screen, compared with those that somebody looked at.

They depend on Textual's own drawing, and are compared only under the version they were made with. After a change that
is meant, look at the report that pytest names and make them anew:

    pytest tests/tui/test_snapshots.py --snapshot-update
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import textual
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from picogpt_tui import paths
from picogpt_tui.errors import DownloadError, FileError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2 import generate
from picogpt_tui.hub import hf_cache
from picogpt_tui.session.engine import Engine
from picogpt_tui.tui.app import PicoGPTApp
from picogpt_tui.tui.screens import help as help_screen
from picogpt_tui.tui.screens.models import ModelsScreen

from ..hub.placed import begun, cached, downloaded
from .playing import screen_text, wait_until, write_settings
from .scripted import OPEN, Gate, ScriptedFetch, ScriptedModel, lacks, on_its_way, opens

MADE_WITH = "8.2.8"
"""The version of Textual that drew the pictures."""
TINY, SMALL, MIDDLE, LARGE = (40, 12), (80, 24), (120, 40), (200, 50)
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x50"])
ANSWER = (
    " king who had three sons. The eldest was strong, the second was clever, and the youngest said so little that he"
    " was called Simpleton.\nWhen the king grew old, he said: [i]Who brings me the finest carpet shall have my"
    " crown.[/i] So they went out into the world."
)
SAMPLING = {"temperature": 0.9, "top_k": 6, "top_p": 0.95}

Shows = Callable[..., bool]
Scene = Callable[[Pilot[Any]], Awaitable[None]]

pytestmark = pytest.mark.skipif(
    textual.__version__ != MADE_WITH,
    reason=f"the pictures were made with Textual {MADE_WITH}, and Textual {textual.__version__} may draw otherwise",
)


class _Seconds:
    """A clock that moves by a hundredth at every look."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 0.01
        return self._now


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No time, no version, no folder of this machine gets into a picture."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(generate, "draw", lambda probs, u: int(probs.argmax()))  # the text stays readable
    monkeypatch.setattr(generate, "time", SimpleNamespace(perf_counter=_Seconds()))
    monkeypatch.setattr(help_screen, "__version__", "0.0.0")
    monkeypatch.setattr(paths, "models_dir", lambda: Path("~/.cache/picogpt-tui/models"))
    monkeypatch.setattr(hf_cache, "cache_dir", lambda: Path("~/.cache/huggingface/hub"))
    monkeypatch.setattr(paths, "sessions_dir", lambda: Path("~/.local/share/picogpt-tui/sessions"))
    monkeypatch.setattr(paths, "settings_file", lambda: Path("~/.config/picogpt-tui/settings.json"))
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget, "cursor_blink", False)


@pytest.fixture
def model() -> ScriptedModel:
    """Says the answer, with nine other ideas at every token."""
    model = ScriptedModel(ANSWER, OPEN, name="stories", n_ctx=512)
    model.sharpness = (1.0, 2.5, 0.6, 1.4, 4.0, 0.3, 1.1)
    return model


@pytest.fixture
def loading() -> Gate:
    """In front of each load."""
    return Gate()


@pytest.fixture
def fetch() -> ScriptedFetch:
    """The downloads."""
    return ScriptedFetch()


@pytest.fixture
def shows(
    snap_compare: Shows, model: ScriptedModel, loading: Gate, fetch: ScriptedFetch, monkeypatch: pytest.MonkeyPatch
) -> Shows:
    """Compare one scene with its picture."""

    def compare(size: tuple[int, int], *scenes: Scene, app: PicoGPTApp | None = None, **settings: object) -> bool:
        generation = {"sampling": SAMPLING, "seed": 3, "max_tokens": 300, "prompt_lookup": False}
        given = {"generation": generation} | settings
        write_settings(**given)

        async def play(pilot: Pilot[Any]) -> None:
            for scene in scenes:
                await scene(pilot)
            await pilot.pause()

        shown = app or PicoGPTApp(opener=opens(model, gate=loading), fetch=fetch)
        leave = shown.exit

        def let_all_go(*args: Any, **kwargs: Any) -> None:  # after the picture, lest a thread be left at its gate
            model.gate.open()
            loading.open()
            fetch.close()
            leave(*args, **kwargs)

        monkeypatch.setattr(shown, "exit", let_all_go)
        return snap_compare(shown, terminal_size=size, run_before=play)

    return compare


def _main(pilot: Pilot[Any]) -> Any:
    return pilot.app.main  # type: ignore[attr-defined]


async def ready(pilot: Pilot[Any]) -> None:
    await wait_until(
        pilot, lambda: _main(pilot).status.state == "ready" and _main(pilot).stage.next_token._distribution
    )


async def answered(pilot: Pilot[Any]) -> None:
    await ready(pilot)
    await pilot.press(*"Once", "space", *"there", "space", *"was", "space", "a", "enter")
    await wait_until(pilot, lambda: _main(pilot).document.last("answer") and not _main(pilot).is_generating)
    await wait_until(pilot, lambda: _main(pilot).document.digest)  # it is saved


def streaming(model: ScriptedModel, n_tokens: int = 24) -> Scene:
    """The model has said some tokens and stands at its gate."""

    async def scene(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        model.gate.close()
        await pilot.press(*"Once", "space", *"there", "space", *"was", "space", "a", "enter")
        model.gate.let(n_tokens)
        await wait_until(pilot, lambda: model.gate.n_waiting == 1)
        await wait_until(pilot, lambda: len(_main(pilot).document.turns[-1].draws) == n_tokens)

    return scene


def pressed(*keys: str, waits_for: str = "") -> Scene:
    async def scene(pilot: Pilot[Any]) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        if waits_for:
            await wait_until(pilot, lambda: type(pilot.app.screen).__name__ == waits_for)

    return scene


@SIZES
def test_empty(shows: Shows, size: tuple[int, int]) -> None:
    assert shows(size, ready)


@SIZES
def test_streaming(shows: Shows, size: tuple[int, int], model: ScriptedModel) -> None:
    assert shows(size, streaming(model))


@SIZES
def test_finished(shows: Shows, size: tuple[int, int]) -> None:
    assert shows(size, answered)


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_prompt_lookup(shows: Shows, size: tuple[int, int]) -> None:
    """What is guessed in a real text changes with the way it is guessed; the picture is of the numbers."""

    async def guesses(pilot: Pilot[Any]) -> None:
        _main(pilot).status.guesses = (12, 16)

    assert shows(size, answered, guesses)


@SIZES
def test_palette(shows: Shows, size: tuple[int, int]) -> None:
    async def search(pilot: Pilot[Any]) -> None:
        await pilot.press(*"sampling")
        await pilot.pause(0.5)
        await wait_until(pilot, lambda: not pilot.app.screen.query_one("CommandList").loading)

    assert shows(size, answered, pressed("ctrl+p", waits_for="CommandPalette"), search)


@SIZES
def test_help(shows: Shows, size: tuple[int, int]) -> None:
    assert shows(size, answered, pressed("f1", waits_for="HelpScreen"))


@SIZES
def test_load_error(shows: Shows, size: tuple[int, int], model: ScriptedModel) -> None:
    def opener(name: str, precision: str) -> Iterator[Progress | FileError | Engine]:
        if name == "stories":
            yield from opens(model)(name, precision)
            return
        yield Progress("loading", 1, 3, "h.1.mlp.c_fc.weight")
        raise RuntimeError("h.1.mlp.c_fc.weight has the shape (768, 3072), expected (15, 60) [/bold]")

    async def fail(pilot: Pilot[Any]) -> None:
        pilot.app.choose_model("models/my-own")  # type: ignore[attr-defined]
        await wait_until(pilot, lambda: _main(pilot).loader.has_class("-failed"))

    assert shows(size, answered, fail, app=PicoGPTApp(opener=opener))


def test_loading(shows: Shows, loading: Gate) -> None:
    async def load(pilot: Pilot[Any]) -> None:
        loading.close()
        pilot.app.choose_model("124M")  # type: ignore[attr-defined]
        await wait_until(pilot, lambda: _main(pilot).loader.fraction > 0)

    assert shows(MIDDLE, answered, load)


@pytest.mark.parametrize("theme", ["picogpt-paper", "ansi-dark", "nord", "textual-light", "dracula"])
def test_themes(shows: Shows, theme: str) -> None:
    assert shows(MIDDLE, answered, theme=theme)


def test_paper_small(shows: Shows) -> None:
    assert shows(SMALL, answered, theme="picogpt-paper")


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_no_color(shows: Shows, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert shows(size, answered)


def test_chat(shows: Shows, model: ScriptedModel) -> None:
    model.script = model.tokenizer.encode(" The youngest of the three, who said little.\nQuestion: And")
    assert shows(MIDDLE, answered, mode="chat")


@pytest.mark.parametrize("key", ["f3", "f4", "ctrl+t"], ids=["next", "tokens", "sampling"])
def test_panel_on_a_narrow_screen(shows: Shows, key: str) -> None:
    assert shows(SMALL, answered, pressed(key))


def test_knob_typed(shows: Shows) -> None:
    assert shows(MIDDLE, answered, pressed("ctrl+t", "down", *"12"))


def test_notice(shows: Shows) -> None:
    assert shows(MIDDLE, answered, pressed("f9"))


def test_template(shows: Shows) -> None:
    assert shows(SMALL, ready, pressed("alt+t", waits_for="TemplateScreen"))


def test_several_lines(shows: Shows) -> None:
    assert shows(SMALL, answered, pressed(*"one", "ctrl+j", *"two", "ctrl+j", *"three"))


def test_too_small(shows: Shows) -> None:
    assert shows((38, 9), pressed())


# -- models and downloads ----------------------------------------------------------------------------------------------


def told(fetch: ScriptedFetch, name: str, done: int | None, **fields: Any) -> Scene:
    """A download of this model has begun and told how far it is."""

    async def scene(pilot: Pilot[Any]) -> None:
        _main(pilot).models.download(name)
        if done is not None:
            fetch.tell(on_its_way(name, done, **fields), name=name)
            await wait_until(pilot, lambda: _main(pilot).models.downloads[name].fraction)

    return scene


def ended(fetch: ScriptedFetch, name: str, how: str) -> Scene:
    """And is ready, failed or paused now."""

    async def scene(pilot: Pilot[Any]) -> None:
        if how == "ready":
            fetch.bring(name)
        elif how == "failed":
            sentence = (
                "cdn-lfs.huggingface.co closed the connection 6 times in a row after 203 MB; what came is kept, and the"
                " download goes on from there."
            )
            fetch.tell(DownloadError(sentence, name=name), name=name)
        else:
            _main(pilot).models.pause(name)
        await wait_until(pilot, lambda: _main(pilot).models.downloads[name].state == how)

    return scene


async def offered(pilot: Pilot[Any]) -> None:
    """The user has chosen a model that is not here."""
    pilot.app.choose_model("124M")  # type: ignore[attr-defined]
    await wait_until(pilot, lambda: _main(pilot).models.downloads)


def on(name: str, *keys: str, shows: str = "") -> Scene:
    """The models screen is open, the cursor on a model."""

    async def scene(pilot: Pilot[Any]) -> None:
        await wait_until(pilot, lambda: name in [model.name for model in _main(pilot).models.models])
        await pilot.press("f2")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and pilot.app.screen.table.model)
        await wait_until(pilot, lambda: _main(pilot).models.appraisals)
        names = [model.name for model in _main(pilot).models.models]
        await pilot.press("home", *["down"] * names.index(name), *keys)
        await wait_until(pilot, lambda: shows in " ".join(screen_text(pilot.app.screen).split()))

    return scene


def all_kinds() -> None:
    """Here, shared, incomplete, begun, and not here."""
    downloaded("124M")
    cached("openai-community/gpt2-medium")
    (downloaded("774M") / "merges.txt").unlink()
    begun("owner/poems")
    weights = paths.models_dir() / "124M" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")


@SIZES
@pytest.mark.parametrize("how", ["failed", "paused", "ready"])
def test_download(shows: Shows, size: tuple[int, int], how: str, fetch: ScriptedFetch) -> None:
    assert shows(size, answered, told(fetch, "124M", 203_000_000), ended(fetch, "124M", how))


@SIZES
def test_download_offered(shows: Shows, size: tuple[int, int], fetch: ScriptedFetch, model: ScriptedModel) -> None:
    app = PicoGPTApp(opener=lacks("124M", model=model), fetch=fetch)
    assert shows(size, answered, offered, app=app)


@SIZES
def test_two_downloads(shows: Shows, size: tuple[int, int], fetch: ScriptedFetch) -> None:
    note = "model.safetensors: no data for 12 s, trying again (2/6)"
    first, second = told(fetch, "124M", 203_000_000), told(fetch, "355M", 61_000_000, total=1_520_000_000, note=note)
    assert shows(size, answered, first, second)


@SIZES
def test_models(shows: Shows, size: tuple[int, int], fetch: ScriptedFetch) -> None:
    """Every kind in one list, and one on its way."""
    all_kinds()
    assert shows(size, ready, told(fetch, "1558M", 900_000_000, total=6_430_000_000), on("1558M"))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_models_int8(shows: Shows, size: tuple[int, int]) -> None:
    """Chosen for a model that is here, as all keys in one line say; another is in use so."""
    all_kinds()
    assert shows(size, ready, on("124M", "i", shows="i float32"), precisions={"stories": "int8"})


def test_models_in_use_otherwise(shows: Shows) -> None:
    assert shows(SMALL, ready, on("stories", "i", shows="load in int8"))


@SIZES
def test_models_damaged(shows: Shows, size: tuple[int, int]) -> None:
    all_kinds()
    assert shows(size, ready, on("124M", "v", shows="press r to repair it"))


@SIZES
def test_models_delete(shows: Shows, size: tuple[int, int]) -> None:
    all_kinds()
    assert shows(size, ready, on("124M", "x", shows="Delete 124M?"))


@pytest.mark.parametrize(
    "name",
    ["355M", "774M", "owner/poems", "1558M", "stories"],
    ids=["shared", "incomplete", "begun", "away", "bundled"],
)
def test_models_details(shows: Shows, name: str) -> None:
    """Shared, incomplete, begun, not here and larger than the memory, bundled."""
    all_kinds()
    assert shows(SMALL, ready, on(name))


@pytest.mark.parametrize("how", ["failed", "paused"])
def test_models_download(shows: Shows, how: str, fetch: ScriptedFetch) -> None:
    begun("owner/poems")
    assert shows(SMALL, ready, told(fetch, "owner/poems", 4_000), ended(fetch, "owner/poems", how), on("owner/poems"))


def test_models_add(shows: Shows) -> None:
    assert shows(SMALL, ready, on("124M", "a", *"owner", "slash", *"poems"))


@pytest.mark.parametrize("theme", ["picogpt-paper", "ansi-dark"])
def test_models_themes(shows: Shows, theme: str, fetch: ScriptedFetch) -> None:
    all_kinds()
    assert shows(MIDDLE, ready, told(fetch, "1558M", 900_000_000, total=6_430_000_000), on("1558M"), theme=theme)


def test_models_no_color(shows: Shows, fetch: ScriptedFetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    all_kinds()
    assert shows(SMALL, ready, told(fetch, "1558M", 900_000_000, total=6_430_000_000), on("1558M"))


def test_models_tiny(shows: Shows, fetch: ScriptedFetch) -> None:
    all_kinds()
    assert shows(TINY, ready, told(fetch, "1558M", 900_000_000, total=6_430_000_000), on("1558M"))


def test_download_tiny(shows: Shows, fetch: ScriptedFetch) -> None:
    assert shows(TINY, ready, told(fetch, "124M", 203_000_000))


@pytest.mark.parametrize("theme", ["picogpt-paper", "ansi-dark"])
def test_download_themes(shows: Shows, theme: str, fetch: ScriptedFetch) -> None:
    failed = told(fetch, "124M", 203_000_000), ended(fetch, "124M", "failed")
    assert shows(SMALL, ready, told(fetch, "355M", 61_000_000), *failed, theme=theme)
