"""Make the README's pictures from the real app on the bundled model: `python screenshots/make_screenshots.py`.

Seed, sizes and texts are fixed, so that the same program gives the same pictures; they are written beside this file.
What a network and a machine would say (how far a download is, how much memory is free, how fast it is) is fixed too.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from textual.pilot import Pilot

from picogpt_tui.events import DownloadProgress, FileProgress
from picogpt_tui.hub import disk, memory
from picogpt_tui.hub.registry import published
from picogpt_tui.session import expected_speed
from picogpt_tui.tui.app import PicoGPTApp
from picogpt_tui.tui.screens.explorer import ExplorerScreen

FOLDER = Path(__file__).parent
HOME = Path("/tmp/picogpt-pictures")  # shown in the picker; emptied for every picture, so it is nobody's own


@dataclass(frozen=True)
class Picture:
    """One screenshot: a size, a theme, and the keys that lead to it.

    `go` sends the prompt and awaits the answer; `get 124M` begins a download.
    """

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: str = "picogpt-ink"
    prompt: str = "Once upon a time there was a king who"
    seed: int = 2


PICTURES = (
    Picture("first", (100, 30)),
    Picture("main", (120, 40), ("go",)),
    Picture("small", (80, 24), ("go",)),
    Picture("sampling", (120, 40), ("go", "ctrl+t", "down", "down", *["left"] * 7, "up", *["left"] * 5)),
    Picture("explore", (120, 40), ("go", "f7", *["left"] * 9, "1")),
    Picture("lens", (120, 40), ("go", "f7", *["left"] * 9, "3")),
    Picture("why", (120, 40), ("go", "f7", *["left"] * 9, "4")),
    Picture("heads", (120, 40), ("go", "f7", *["left"] * 9, "5", "tab", "down", "down", "right")),
    Picture("models", (120, 30), ("go", "get 124M", "get 355M", "f2")),
    Picture("download", (120, 40), ("get 355M", "go")),
    Picture(
        "light", (160, 45), ("go",), theme="picogpt-paper", prompt="The witch looked into the mirror and said:", seed=1
    ),
)


def play_download(name: str, source: str | None, should_stop: Callable[[], bool]) -> Iterator[DownloadProgress]:
    """A download that stands at a moment of its life, each at its own."""
    share, note = {"124M": (0.84, ""), "355M": (0.27, "no data for 12 s, trying again (2/6)")}[name]
    model = published(name)
    assert model is not None
    small = [("config.json", 665), ("vocab.json", 1_042_301), ("merges.txt", 456_318)]
    total = model.safetensors_bytes
    files = [FileProgress(file, "ready", size, size) for file, size in small]
    files.append(FileProgress("model.safetensors", "downloading", int(share * total), total))
    before = sum(size for _, size in small)
    done, all_bytes = int(share * total) + before, total + before
    note = f"model.safetensors: {note}" if note else ""
    speed, eta = (0.0, None) if note else (11_200_000.0, (all_bytes - done) / 11_200_000)
    while not should_stop():
        yield DownloadProgress(name, "downloading", "huggingface.co", done, all_bytes, speed, eta, note, tuple(files))
        time.sleep(0.05)


async def take(picture: Picture) -> str:
    """The picture as SVG."""
    app = PicoGPTApp(fetch=play_download)
    app.theme = picture.theme
    app.main.settings = replace(app.main.settings, seed=picture.seed, max_tokens=120)

    async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
        while not holds():
            await pilot.pause(0.05)
        await pilot.pause(0.2)

    async with app.run_test(size=picture.size, tooltips=False, notifications=False) as pilot:
        stage = app.main.stage
        await until(pilot, lambda: "%" in stage.next_token.text + stage.strip.text)
        for key in picture.keys:
            if key == "go":
                app.main.conversation.send(picture.prompt)
                await until(pilot, lambda: app.main.document.last("answer") and not app.main.is_generating)
                await until(pilot, lambda: app.main.document.digest)
            elif key.startswith("get "):
                app.main.models.download(key.removeprefix("get "))
                await pilot.pause(0.2)
            else:
                await pilot.press(key)
            if isinstance(explorer := app.screen, ExplorerScreen):
                await until(pilot, lambda: explorer.scene.look is not None and not explorer.asker.is_busy)
        await pilot.pause(0.2)
        app.main.prompt.cursor_blink = False
        app.main.status.tokens_per_second = 0.0  # a number of the machine, not of the program
        await pilot.pause(0.2)
        return re.sub(r"terminal-\d+", f"terminal-{picture.name}", app.export_screenshot())


def main() -> None:
    """Take all of them."""
    os.environ |= {"PICOGPT_HOME": str(HOME), "TEXTUAL_ANIMATIONS": "none", "COLUMNS": "120", "LINES": "40"}
    for name in ("NO_COLOR", "HF_ENDPOINT", "PICOGPT_OPENAI_URL", "PICOGPT_MODELS"):
        os.environ.pop(name, None)
    os.environ["HF_HUB_CACHE"] = str(HOME / "no-cache")
    memory.available_bytes = lambda: 21_400_000_000
    disk.free_bytes = lambda place: 76_000_000_000
    patch.object(expected_speed, "weights_per_second", return_value=4.4e9).start()
    patch.object(expected_speed, "find_spec", return_value="numba").start()
    for picture in PICTURES:
        for session in (HOME / "sessions").glob("*.json"):
            session.unlink()
        (HOME / "settings.json").unlink(missing_ok=True)
        (FOLDER / f"{picture.name}.svg").write_text(asyncio.run(take(picture)), encoding="utf-8")
        print(f"{picture.name}.svg")


if __name__ == "__main__":
    main()
