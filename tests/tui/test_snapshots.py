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
from picogpt_tui.events import Progress
from picogpt_tui.gpt2 import generate
from picogpt_tui.session.engine import Engine
from picogpt_tui.tui.app import PicoGPTApp
from picogpt_tui.tui.screens import help as help_screen

from .playing import wait_until, write_settings
from .scripted import OPEN, Gate, ScriptedModel, opens

MADE_WITH = "8.2.8"
"""The version of Textual that drew the pictures."""
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)
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
def shows(snap_compare: Shows, model: ScriptedModel, loading: Gate, monkeypatch: pytest.MonkeyPatch) -> Shows:
    """Compare one scene with its picture."""

    def compare(size: tuple[int, int], *scenes: Scene, app: PicoGPTApp | None = None, **settings: object) -> bool:
        given = {"generation": {"sampling": SAMPLING, "seed": 3, "max_tokens": 300}} | settings
        write_settings(**given)

        async def play(pilot: Pilot[Any]) -> None:
            for scene in scenes:
                await scene(pilot)
            await pilot.pause()

        shown = app or PicoGPTApp(opener=opens(model, gate=loading))
        leave = shown.exit

        def let_all_go(*args: Any, **kwargs: Any) -> None:  # after the picture, lest a thread be left at its gate
            model.gate.open()
            loading.open()
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
def test_picker(shows: Shows, size: tuple[int, int]) -> None:
    assert shows(size, answered, pressed("f2", waits_for="ModelPicker"), pressed("down", "enter"))


@SIZES
def test_load_error(shows: Shows, size: tuple[int, int], model: ScriptedModel) -> None:
    def opener(name: str) -> Iterator[Progress | Engine]:
        if name == "stories":
            yield from opens(model)(name)
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
