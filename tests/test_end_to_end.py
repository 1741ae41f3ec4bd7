"""The real program in a pseudo-terminal, on the bundled model: what a newcomer does in the first minute."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals of this kind", allow_module_level=True)

import pexpect
import pyte

from picogpt_tui.paths import bundled_dir

from .hub.loopback import Loopback

PATIENCE_SECONDS = 60.0
KEYS = {
    "escape": "\x1b",
    "enter": "\r",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "f7": "\x1b[18~",
    "left": "\x1b[D",
    "down": "\x1b[B",
    "alt+g": "\x1bg",
    "ctrl+q": "\x11",
}


class Terminal:
    """A program, and the screen that it draws."""

    def __init__(self, columns: int, rows: int, home: Path, **variables: str) -> None:
        environment = os.environ | {"PICOGPT_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= variables
        for name in ("NO_COLOR", "COLUMNS", "LINES", "TEXTUAL"):
            environment.pop(name, None)
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.program = pexpect.spawn(
            sys.executable,
            ["-m", "picogpt_tui"],
            env=environment,
            cwd=str(home.parent),
            dimensions=(rows, columns),
            timeout=PATIENCE_SECONDS,
        )

    @property
    def home(self) -> Path:
        """Where it keeps its files, and works."""
        return Path(os.fsdecode(self.program.env["PICOGPT_HOME"]))

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def press(self, key: str) -> None:
        """Press a key by its name, or type a text."""
        self.program.send(KEYS.get(key, key))

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window."""
        self._screen.resize(rows, columns)
        self.program.setwinsize(rows, columns)

    def until(self, is_so: Callable[[str], object], what: str) -> None:
        """Read what the program draws until something is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so(self.text):
            assert time.monotonic() < deadline, f"waited in vain for {what}\n{self.text}"
            with contextlib.suppress(pexpect.TIMEOUT):
                self._stream.feed(self.program.read_nonblocking(65536, timeout=0.1))

    def sees(self, *texts: str) -> None:
        """Wait until all of these stand on the screen."""
        self.until(lambda screen: all(text in screen for text in texts), repr(texts))

    def quit(self) -> None:
        """Leave with ctrl+q, in good order."""
        self.press("ctrl+q")
        self.program.expect(pexpect.EOF)
        self.program.close()
        assert self.program.exitstatus == 0

    def sees_no(self, text: str) -> None:
        """Wait until this does not stand on the screen."""
        self.until(lambda screen: text not in screen, f"no {text!r}")


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """The program, running; it is ended whatever happens."""
    columns, rows = request.param
    terminal = Terminal(columns, rows, tmp_path / "home")
    yield terminal
    terminal.program.close(force=True)


def test_a_first_minute(terminal: Terminal) -> None:
    terminal.sees("stories", "ready", "Type how a text begins")

    terminal.press("Once upon a time there was a")
    terminal.sees("❯ Once upon a time there was a")
    terminal.press("enter")
    terminal.sees("│ ")
    terminal.until(lambda screen: "the maximum" in screen or "the text ends here" in screen, "the end of the answer")
    terminal.sees("ready")

    terminal.press("f1")
    terminal.sees("Stop generating; the text so far stays.", "esc  leave")
    terminal.press("escape")
    terminal.sees_no("esc  leave")

    terminal.press("f2")
    terminal.sees("Models", "here, bundled", "1558M", "esc back")
    terminal.press("escape")
    terminal.sees_no("here, bundled")

    is_narrow = terminal.text.index("\n") < 100
    for key, heading in (("f3", "NEXT TOKEN"), ("f4", "TOKENS")):
        terminal.press(key)
        (terminal.sees if is_narrow else terminal.sees_no)(heading)
        terminal.press(key)
        (terminal.sees_no if is_narrow else terminal.sees)(heading)

    terminal.resize(60, 20)
    terminal.sees("ready", "❯ Say how it goes on")
    terminal.resize(120, 40)
    terminal.sees("ready", "NEXT TOKEN", "TOKENS", "SAMPLING")

    terminal.quit()
    assert list((terminal.home / "sessions").glob("*.json"))


def test_a_walk_through_the_explorer(terminal: Terminal) -> None:
    """Prompt, generate, cursor back, branch, lens, why, export: and the numbers in the file are those on the screen."""
    terminal.sees("ready")
    terminal.press("alt+g")
    terminal.press("Once upon a time there was a\r")
    terminal.until(lambda screen: "the maximum" in screen or "the text ends here" in screen, "the end of the answer")

    terminal.press("f7")
    terminal.sees("explore", "bits/byte", "sampler")
    terminal.press("\x1b[H")  # home
    terminal.sees("token 1 of")
    terminal.press("\x1b[C" * 7)  # right
    terminal.sees("token 8 of", "▸")
    terminal.press("down")
    terminal.press("\r")
    terminal.sees("2 branches", "behind 8 tokens")
    terminal.press("g")
    terminal.sees("generating")
    terminal.sees_no("generating")
    terminal.press("u")
    terminal.sees("behind 8 tokens")

    terminal.press("left")
    terminal.press("3")
    terminal.sees("h.5.mlp", "▸3 lens")
    terminal.press("4")
    terminal.sees("why", "apart")
    terminal.press("e")
    suggested = str(terminal.home.parent)[:12]
    terminal.sees("Export", suggested)
    terminal.press("\x15")  # ctrl+u empties the line
    terminal.sees_no(suggested)
    terminal.press("parts.json\r")
    terminal.sees("Written to")
    path = terminal.home.parent / "parts.json"
    terminal.until(lambda _: path.exists() and path.stat().st_size, "the file")
    taken = json.loads(path.read_text(encoding="utf-8"))
    assert taken["view"] == "why"
    assert taken["cursor"] == 7
    assert len(taken["ids"]) == 8
    terminal.press("\x1b")
    terminal.sees("ready", "❯ Say how it goes on")
    terminal.quit()


def test_quitting_while_it_generates(terminal: Terminal) -> None:
    terminal.sees("ready")
    terminal.press("Once upon a time")
    terminal.sees("Once upon a time")
    terminal.press("enter")
    terminal.sees("tok/s")
    terminal.quit()


def test_enter_does_not_overtake_what_was_typed_just_before(terminal: Terminal) -> None:
    """A fast typist, and every script, sends text and Enter in one breath."""
    terminal.sees("ready")
    terminal.press("There was once a king\r")
    terminal.sees("❯ Say how it goes on", "│ ")
    sessions = terminal.home / "sessions"
    terminal.until(lambda _: list(sessions.glob("*-there-was-once-a-king*.json")), "the session with the whole prompt")


def test_a_model_arrives_over_two_evenings(tmp_path: Path) -> None:
    """Added, begun, cancelled, left; taken up where it stood, loaded, played with; and no byte was sent twice."""
    files = {name: bundled_dir() / "stories" / name for name in ("config.json", "vocab.json", "merges.txt")}
    weights = bundled_dir() / "stories" / "model.safetensors"
    with Loopback() as hub:
        hub.add_repo("me/tales", files | {weights.name: weights})
        hub.bytes_per_second = 2e6
        variables = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(tmp_path / "no-cache")}
        terminal = Terminal(100, 30, tmp_path / "home", **variables)
        terminal.sees("ready")
        terminal.press("f2")
        terminal.sees("esc back")
        terminal.press("a")
        terminal.sees("owner/name[@revision]")
        terminal.press("me/tales\r")
        terminal.sees("○ not here", "enter download")
        terminal.press("\r")
        terminal.until(lambda screen: re.search(r"me/tales.*↓.* [1-9]\d? %", screen), "bytes")
        terminal.press("c")
        terminal.sees("◐ partial", "enter resume")
        terminal.press("escape")
        terminal.sees("Type how a text begins")
        terminal.quit()

        hub.bytes_per_second = None
        again = Terminal(100, 30, tmp_path / "home", **variables)
        again.sees("ready")
        again.press("f2")
        again.sees("◐ partial")
        again.press("\x1b[F")  # end
        again.sees("enter resume")
        again.press("\r")
        again.sees("● here ", "enter use")
        again.press("\r")
        again.sees("me/tales 3.6M", "ready")
        again.press("Once upon a time")
        again.sees("❯ Once upon a time")
        again.press("\r")
        again.sees("│ ", "tok/s")
        again.quit()
        sent = hub.body_bytes(f"*{weights.name}")
    on_the_way = 2**20  # what stood in buffers when it was cancelled
    assert weights.stat().st_size <= sent <= weights.stat().st_size + on_the_way
