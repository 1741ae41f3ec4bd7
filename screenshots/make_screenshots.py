"""Make the README's pictures from the real app on the bundled model: `python screenshots/make_screenshots.py`.

Seed, sizes and texts are fixed, so that the same program gives the same pictures; they are written beside this file.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).parent
HOME = Path("/tmp/picogpt-pictures")  # shown in the picker; emptied for every picture, so it is nobody's own


@dataclass(frozen=True)
class Picture:
    """One screenshot: a size, a theme, and the keys that lead to it; `go` sends the prompt and awaits the answer."""

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
    Picture("models", (100, 30), ("go", "f2", "down")),
    Picture(
        "light", (160, 45), ("go",), theme="picogpt-paper", prompt="The witch looked into the mirror and said:", seed=1
    ),
)


async def take(picture: Picture) -> str:
    """The picture as SVG."""
    from textual.pilot import Pilot

    from picogpt_tui.tui.app import PicoGPTApp

    app = PicoGPTApp()
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
                app.main.send(picture.prompt)
                await until(pilot, lambda: app.main.document.last("answer") and not app.main.is_generating)
                await until(pilot, lambda: app.main.document.digest)
            else:
                await pilot.press(key)
        await pilot.pause(0.2)
        app.main.prompt.cursor_blink = False
        app.main.status.tokens_per_second = 0.0  # a number of the machine, not of the program
        await pilot.pause(0.2)
        return re.sub(r"terminal-\d+", f"terminal-{picture.name}", app.export_screenshot())


def main() -> None:
    """Take all of them."""
    os.environ |= {"PICOGPT_HOME": str(HOME), "TEXTUAL_ANIMATIONS": "none", "COLUMNS": "120", "LINES": "40"}
    os.environ.pop("NO_COLOR", None)
    for picture in PICTURES:
        for session in (HOME / "sessions").glob("*.json"):
            session.unlink()
        (HOME / "settings.json").unlink(missing_ok=True)
        (FOLDER / f"{picture.name}.svg").write_text(asyncio.run(take(picture)), encoding="utf-8")
        print(f"{picture.name}.svg")


if __name__ == "__main__":
    main()
