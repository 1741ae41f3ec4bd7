"""The real program in a pseudo-terminal, on the bundled model: what a person sees and presses."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("there is no pseudo-terminal on Windows", allow_module_level=True)

import pexpect
import pyte

F1, F2, F3, F4, ESCAPE, ENTER, CTRL_Q = "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b", "\r", "\x11"
PATIENCE_SECONDS = 30


class Terminal:
    """A program and the screen it draws."""

    def __init__(self, columns: int, lines: int, home: Path) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        environment = {**os.environ, "PICOGPT_HOME": str(home), "TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"}
        command = [sys.executable, "-m", "picogpt_tui"]
        self.program: Any = pexpect.spawn(
            command[0], command[1:], env=environment, dimensions=(lines, columns), timeout=PATIENCE_SECONDS
        )

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def press(self, keys: str) -> None:
        """Send keys as a terminal does."""
        self.program.send(keys)

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size."""
        self._screen.resize(lines, columns)
        self.program.setwinsize(lines, columns)

    def until(self, holds: Callable[[str], object]) -> None:
        """Draw what the program sends until the screen is as it should be."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(self.text):
            assert time.monotonic() < deadline, f"it never came; the screen is\n{self.text}"
            try:
                # subtle: pyte does not know the private modes of the Kitty protocol and would print their letter
                raw = self.program.read_nonblocking(65536, timeout=0.2)
                self._stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]", b"", raw))
            except pexpect.TIMEOUT:
                continue


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    columns, lines = request.param
    terminal = Terminal(columns, lines, tmp_path)
    yield terminal
    terminal.program.close(force=True)


def test_a_newcomer_plays(terminal: Terminal) -> None:
    """Start, type, read, look around, leave."""
    terminal.until(lambda text: "stories 3.6M" in text and "ready" in text)
    assert "Once upon a time there was a" in terminal.text, "a prompt worth trying"
    terminal.press("There was once a king")
    terminal.until(lambda text: "❯ There was once a king" in text)
    terminal.press(ENTER)
    terminal.until(lambda text: "200 tokens, the maximum" in text or "<|endoftext|>" in text or "the text ends" in text)
    assert "tok/s" in terminal.text
    assert "│" in terminal.text, "the answer's mark"

    terminal.press(F1)
    terminal.until(lambda text: "Stop generating; the text so far stays." in text)
    terminal.press(ESCAPE)
    terminal.until(lambda text: "Stop generating" not in text)
    terminal.press(F2)
    terminal.until(lambda text: "1558M" in text and "not here" in text)
    terminal.press(ESCAPE)
    terminal.until(lambda text: "1558M" not in text)

    shows_panels = "NEXT TOKEN" in terminal.text
    terminal.press(F3)
    terminal.until(lambda text: ("NEXT TOKEN" in text) is not shows_panels)
    terminal.press(F4)
    terminal.until(lambda text: ("TOKENS" in text) is not shows_panels)

    terminal.resize(100, 30)
    terminal.press("and then")
    terminal.until(lambda text: "❯ and then" in text)
    terminal.press(CTRL_Q)
    terminal.program.expect(pexpect.EOF)
    terminal.program.close()
    assert terminal.program.exitstatus == 0


def test_quitting_while_it_generates_ends_the_program(terminal: Terminal) -> None:
    """The model's thread hears of it, and nothing waits for it."""
    terminal.until(lambda text: "ready" in text)
    terminal.press("Once" + ENTER)
    terminal.until(lambda text: "❯ Once" in text)
    terminal.press(CTRL_Q)
    terminal.program.expect(pexpect.EOF)
    terminal.program.close()
    assert terminal.program.exitstatus == 0
