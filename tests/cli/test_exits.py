"""Exit codes and manners: errors, interrupts, closed pipes, terminals, completion."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from picogpt_tui import __version__
from picogpt_tui.cli import main
from picogpt_tui.cli.exits import stop_on_interrupt

from .conftest import KING, ok, run

PROGRAM = (sys.executable, "-m", "picogpt_tui")
ENDLESS = ("generate", KING, "--max-tokens", "100000000")
posix = pytest.mark.skipif(os.name == "nt", reason="signals and pseudo-terminals are POSIX's")


def _start(*args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_version_is_said() -> None:
    assert ok("--version").text == f"picogpt-tui {__version__}\n"


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    paths = [path]
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        paths += _commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return paths


@pytest.mark.parametrize("path", _commands(main), ids=" ".join)
def test_every_help_teaches(path: Sequence[str]) -> None:
    """Each says what it does, and all but `models list`, which needs none, give an example."""
    said = ok(*path, "--help").text

    assert said.startswith("Usage: picogpt-tui")
    assert "Example" in said or path == ("models", "list")
    assert "\b" not in said


def test_without_a_terminal_the_app_says_what_to_use() -> None:
    ran = run()

    assert (ran.code, ran.stdout) == (1, b"")
    assert (
        ran.stderr == "error: The app needs a terminal; without one use `picogpt-tui generate PROMPT` (see --help).\n"
    )


def test_the_app_s_options_before_a_command_are_refused_not_ignored() -> None:
    ran = run("--model", "124M", "next", KING)

    assert (ran.code, ran.stdout) == (2, b"")
    assert "a command's options follow it" in ran.stderr


def test_an_interrupt_while_the_model_loads_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str, *, precision: str) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("picogpt_tui.session.models.load", interrupted)
    ran = run("generate", KING)

    assert (ran.code, ran.stdout, ran.stderr.strip()) == (130, b"", "")


def test_what_the_system_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str, *, precision: str) -> object:
        raise PermissionError(13, "Permission denied", "some\x1bfile")

    monkeypatch.setattr("picogpt_tui.session.models.load", refused)
    ran = run("next", KING)

    assert (ran.code, ran.stderr) == (1, "error: some␛file: Permission denied.\n")


@posix
def test_the_first_interrupt_is_a_wish_and_the_second_an_end() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as should_stop:
        assert not should_stop()
        signal.raise_signal(signal.SIGINT)
        assert should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@posix
def test_ctrl_c_keeps_what_was_printed_and_exits_130() -> None:
    with _start(*ENDLESS, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline()]
        process.send_signal(signal.SIGINT)
        lines += process.stdout.readlines()
        errors = process.stderr.read()
    events = [json.loads(line) for line in lines]

    assert (process.returncode, errors) == (130, b"")
    assert events[-1]["reason"] == "stopped"
    assert events[-1]["ids"] == [event["id"] for event in events if event["event"] == "token"]


@posix
@pytest.mark.parametrize(
    "args", [ENDLESS, (*ENDLESS, "--json"), ("tokenize", "x " * 60_000)], ids=lambda args: args[-1][:9]
)
def test_a_reader_that_had_enough_ends_it_quietly(args: tuple[str, ...]) -> None:
    with _start(*args) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([*PROGRAM, "next", KING], stdout=full, stderr=subprocess.PIPE, check=False)

    assert (ran.returncode, ran.stderr) == (1, b"error: No space left on device.\n")


@posix
def test_a_shell_that_closed_stdout_gets_no_traceback() -> None:
    command = f"{sys.executable} -m picogpt_tui generate x -n 2 --seed 1 >&-"
    ran = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)

    assert (ran.returncode, ran.stderr) == (0, b"")


@posix
def test_an_argument_that_is_not_utf8_is_taken() -> None:
    ran = subprocess.run([*PROGRAM, "tokenize", b"a\xff", "--json"], capture_output=True, check=True)

    tokens = json.loads(ran.stdout)["tokens"]
    assert b"".join(bytes.fromhex(token["bytes"]) for token in tokens) == "a\ufffd".encode()


def _on_a_terminal(*args: str, python: Sequence[str] = PROGRAM[1:], code: int = 0) -> str:
    pexpect = pytest.importorskip("pexpect")
    program = pexpect.spawn(sys.executable, [*python, *args], encoding="utf-8", timeout=120)
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == code, program.before
    return str(program.before)


WITH_A_PRETENDED_APP = """
import sys, types
app = types.ModuleType("picogpt_tui.tui.app")
app.run = lambda **options: print(options) or 3
sys.modules["picogpt_tui.tui.app"] = app
from picogpt_tui.cli import main
main()
"""


@posix
def test_on_a_terminal_the_app_starts_with_its_options_and_gives_the_exit_code() -> None:
    said = _on_a_terminal("--model", "124M", "--no-mouse", python=("-c", WITH_A_PRETENDED_APP), code=3)

    assert said.strip() == "{'model': '124M', 'mouse': False}"


@posix
def test_on_a_terminal_the_text_ends_its_line_and_a_summary_follows() -> None:
    said = _on_a_terminal("generate", KING, "--temperature", "0", "-n", "3", "--seed", "7")

    text, summary = said.splitlines()
    assert text == " had a daughter"
    assert summary.startswith("[3 tokens, ")
    assert summary.endswith("seed 7, reached --max-tokens]")


@posix
def test_on_a_terminal_the_summary_says_how_many_guesses_came_true() -> None:
    again = ("generate", "One, two, three, " * 15, "--temperature", "0", "-n", "24", "--seed", "7")
    with_guesses, without = _on_a_terminal(*again), _on_a_terminal(*again, "--no-prompt-lookup")

    assert re.search(r", seed 7, reached --max-tokens, \d+ of \d+ guesses right\]\s*$", with_guesses)
    assert without.rstrip().endswith(", seed 7, reached --max-tokens]")


@posix
def test_on_a_terminal_the_model_s_escape_characters_are_signs(escape_model: Path) -> None:
    said = _on_a_terminal("generate", KING, "--temperature", "0", "-n", "1", "--model", str(escape_model))

    assert said.startswith("␛")
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "words, completed",
    [
        ("picogpt-tui gen", ["plain,generate"]),
        ("picogpt-tui generate x --model 1", ["plain,124M", "plain,1558M"]),
        ("picogpt-tui inspect st", ["plain,stories"]),
        ("picogpt-tui models path ./", ["dir,./"]),
    ],
)
def test_the_shell_completes_commands_and_models(words: str, completed: list[str]) -> None:
    asked = {
        "_PICOGPT_TUI_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    command = "import sys; from picogpt_tui.cli import main; sys.argv[0] = 'picogpt-tui'; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command], env=os.environ | asked, capture_output=True, text=True, check=False
    )

    assert ran.stdout.split() == completed


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_the_list_of_commands_says_what_each_command_says(name: str) -> None:
    """The list is written by hand, so that `--help` need not import them all."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help is not None
    says = next(line for line in main.get_help(click.Context(main)).splitlines() if line.split()[:1] == [name])
    assert " ".join(command.help.split()).startswith(says.partition(name)[2].strip().rstrip("."))
