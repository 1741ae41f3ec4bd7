"""`models download` and whoever else fetches a model: from a fake hub, in trouble, on a terminal and off it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED
from picogpt_tui.hub.store import find_model, stored_model
from picogpt_tui.paths import models_dir

from ..hub.loopback import Loopback
from ..hub.placed import begun, cached, downloaded, state_of
from .conftest import KING, ok, run

WEIGHTS = "model.safetensors"
PROGRAM = (sys.executable, "-m", "picogpt_tui")
PATIENCE_SECONDS = 60.0
posix = pytest.mark.skipif(os.name == "nt", reason="signals and pseudo-terminals are POSIX's")


def weights_bytes() -> int:
    return (models_dir() / "124M" / WEIGHTS).stat().st_size


# --- it comes --------------------------------------------------------------------------------------------------------


def test_a_download_says_licence_and_size_first_and_what_to_run_next(net: Loopback) -> None:
    ran = ok("models", "download", "gpt2")
    talk = ran.stderr.splitlines()
    licence = next(line for line in talk if "licence" in line)

    assert ran.text == f"{models_dir() / '124M'}\n"
    assert talk[0].startswith("124M: looking up 127.0.0.1:")
    assert licence.startswith("124M: 59 kB from 127.0.0.1:")
    assert licence.endswith("licence MIT (modified) (https://huggingface.co/openai-community/gpt2)")
    assert talk.index(licence) < talk.index("124M: downloading") < talk.index("124M: checking")
    assert talk[-2:] == [
        "124M is ready: 59 kB, 59 kB fetched. Now try:",
        '  picogpt-tui generate "Once upon a time" --model 124M',
    ]
    assert ok("generate", "the", "--model", "124M", "-n", "2").code == 0


def test_a_repository_s_own_licence_is_said(net: Loopback) -> None:
    assert "licence mit (https://huggingface.co/owner/model)" in ok("models", "download", "owner/model").stderr


def test_openai_s_own_files_come_into_a_folder_of_their_own(net: Loopback) -> None:
    ran = ok("models", "download", "124M", "--source", "openai")

    assert ran.text == f"{models_dir() / '124M-openai'}\n"
    assert "licence MIT (modified) (https://github.com/openai/gpt-2)" in ran.stderr
    assert not net.requests("/api/*")
    assert ok("generate", "the", "--model", "124M", "-n", "2").code == 0


def test_programs_get_json_lines(net: Loopback) -> None:
    ran = ok("models", "download", "124M", "--json")
    *steps, last = ran.lines

    assert {step["event"] for step in steps} == {"progress"}
    assert list(steps[0]) == [
        "event", "phase", "host", "done", "total", "bytes_per_second", "eta_seconds", "note", "files",
    ]  # fmt: skip
    phases = list(dict.fromkeys(step["phase"] for step in steps))
    assert (phases[:2], phases[-1]) == (["looking up", "downloading"], "checking")
    assert list(steps[-1]["files"][0]) == ["name", "phase", "done", "total"]
    directory = models_dir() / "124M"
    size = sum(len(content) for name, content in state_of(directory).items() if name != MANIFEST)
    assert last == {
        "event": "downloaded", "name": "124M", "path": str(directory), "size_bytes": size, "fetched_bytes": size,
    }  # fmt: skip
    assert "%" not in ran.stderr


def test_too_little_memory_is_said_before_it_comes(net: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picogpt_tui.cli.fetch.available_bytes", lambda: 100_000_000)

    said = ok("models", "download", "124M").stderr
    assert "note: 124M takes about 573 MB of memory to run, and 100 MB are free now." in said


# --- it is here ------------------------------------------------------------------------------------------------------


def _by_download() -> Path:
    return downloaded("124M")


def _in_the_cache() -> Path:
    return cached("openai-community/gpt2")


@pytest.mark.parametrize("place", [_by_download, _in_the_cache])
@pytest.mark.parametrize("options", [(), ("--source", "huggingface")], ids=["", "from the hub"])
def test_what_is_here_or_in_the_cache_is_not_fetched_again(place: Any, options: tuple[str, ...], net: Loopback) -> None:
    directory = place()
    before = state_of(directory)
    ran = ok("models", "download", "124M", *options)

    assert ran.text == f"{directory}\n"
    assert ran.stderr.startswith("124M is on this machine already (here")
    told = ok("models", "download", "gpt2", *options, "--json").json
    assert (told["event"], told["path"], told["fetched_bytes"]) == ("downloaded", str(directory), 0)
    assert (net.requests(), state_of(directory)) == ([], before)


def test_another_source_is_another_model(net: Loopback) -> None:
    cached("openai-community/gpt2")

    assert ok("models", "download", "124M", "--source", "openai").text == f"{models_dir() / '124M-openai'}\n"
    assert ok("models", "download", "124M", "--source", "openai").stderr.count("\n") <= 3


def test_the_bundled_model_and_a_directory_are_here_already(model_dir: Path, net: Loopback) -> None:
    for name in ("stories", str(model_dir)):
        assert "is on this machine already" in ok("models", "download", name).stderr
    assert net.requests() == []


def test_files_put_there_by_hand_are_replaced_with_notice(net: Loopback) -> None:
    """They may be somebody's own weights."""
    directory = models_dir() / "124M"
    directory.mkdir(parents=True)
    (directory / WEIGHTS).write_bytes(b"mine")

    said = ok("models", "download", "124M").stderr
    assert f"note: {directory} holds files already; those that differ from the published ones are replaced." in said
    assert stored_model("124M").is_here


# --- trouble ---------------------------------------------------------------------------------------------------------


def test_a_broken_connection_is_told_and_mended(net: Loopback) -> None:
    net.fault(WEIGHTS, "drop", after=10_000)
    ran = ok("models", "download", "124M")

    assert "124M: model.safetensors: the connection broke off, trying again (2/6)" in ran.stderr
    assert net.body_bytes(WEIGHTS) == weights_bytes()


@pytest.mark.parametrize(
    "name, options, why",
    [
        ("owner/nothing", (), "has no repository owner/nothing"),
        ("owner/model@v9", (), "has no revision 'v9'"),
        ("125M", (), "no model '125M' (did you mean 124M?)"),
        ("owner/model", ("--source", "openai"), "source must be 'huggingface' for 'owner/model'"),
        ("../x", (), "There is no model '../x'"),
        ("a/b@../../x", (), "There is no model 'a/b@../../x'"),
        ("\x1b[31m", (), "There is no model '␛[31m'"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(
    name: str, options: tuple[str, ...], why: str, net: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("models", "download", name, *options)

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr.splitlines()[-1].startswith("error: ")
    assert why in ran.stderr.splitlines()[-1]
    assert "\x1b" not in ran.stderr


def test_a_source_that_is_none_is_a_usage_error() -> None:
    assert run("models", "download", "124M", "--source", "elsewhere").code == 2


def test_without_a_network_it_is_said_in_one_line_and_nothing_is_left(
    net: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    net.kill_listeners()
    ran = run("models", "download", "124M")

    assert (ran.code, ran.stdout) == (1, b"")
    assert "127.0.0.1" in ran.stderr.splitlines()[-1]
    assert stored_model("124M").state == "not here"


def test_a_folder_that_another_works_on_is_left_to_it(net: Loopback) -> None:
    with only_one(models_dir() / "124M", "124M"):
        ran = run("models", "download", "124M")
    assert ran.code == 1
    assert "is at work on 124M; wait until it is done, or stop it." in ran.stderr


# --- it goes on ------------------------------------------------------------------------------------------------------


def test_what_has_begun_goes_on_from_the_source_that_it_is_from(net: Loopback) -> None:
    begun("124M-openai", source="openai")
    ran = ok("models", "download", "124M")

    assert ran.text == f"{models_dir() / '124M-openai'}\n"
    assert not net.requests("/api/*")


@posix
def test_ctrl_c_keeps_the_part_and_the_same_command_goes_on(net: Loopback) -> None:
    fault = net.fault(WEIGHTS, "stall", after=30_000)
    with subprocess.Popen(
        [*PROGRAM, "models", "download", "124M"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert fault.reached.wait(PATIENCE_SECONDS)
        part = models_dir() / "124M" / f"{WEIGHTS}.part"
        _until(lambda: part.is_file() and part.stat().st_size == 30_000)
        _until(lambda: stored_model("124M").state == "partial 57 %")  # the small files may come later
        program.send_signal(signal.SIGINT)
        out, talk = program.communicate(timeout=PATIENCE_SECONDS)
    assert (program.returncode, out) == (130, b"")
    assert talk.decode().splitlines()[-1] == ("Stopped at 57 %. `picogpt-tui models download 124M` goes on from there.")
    assert stored_model("124M").state == "partial 57 %"
    assert (models_dir() / "124M" / UNFINISHED).is_file()

    ran = ok("models", "download", "124M")
    assert ", 25 kB of them to come;" in ran.stderr
    assert net.requests(WEIGHTS, "GET")[-1].headers["range"] == "bytes=30000-"
    assert net.body_bytes(WEIGHTS) == weights_bytes()


@posix
def test_programs_are_told_of_the_end_as_well(net: Loopback) -> None:
    fault = net.fault(WEIGHTS, "stall", after=30_000)
    with subprocess.Popen(
        [*PROGRAM, "models", "download", "124M", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert fault.reached.wait(PATIENCE_SECONDS)
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=PATIENCE_SECONDS)
    assert program.returncode == 130
    assert out.splitlines()[-1].startswith(b'{"event": "stopped", "name": "124M", "done": ')


def _until(is_so: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- repair ----------------------------------------------------------------------------------------------------------


def test_a_repair_fetches_the_damaged_file_and_no_other(net: Loopback) -> None:
    directory = Path(ok("models", "download", "124M").text.strip())
    sound = state_of(directory)
    (directory / "vocab.json").write_bytes(b"x" + sound["vocab.json"][1:])
    net.log.clear()

    ran = ok("models", "verify", "124M", "--repair")
    assert ran.text == "vocab.json is damaged: its git-sha1 is not the recorded one\n"
    assert ran.stderr.splitlines()[-1] == "124M is whole again: 3.4 kB fetched."
    assert [request.path.rpartition("/")[2] for request in net.requests(method="GET")] == ["vocab.json"]
    assert state_of(directory) == sound
    assert ok("models", "verify", "124M", "--repair", "--json").json["sound"] is True


# --- on a terminal ---------------------------------------------------------------------------------------------------


class Terminal:
    """The program in a pseudo-terminal, and what stands on its screen."""

    def __init__(self, *args: str, columns: int = 80, rows: int = 24) -> None:
        pexpect, pyte = pytest.importorskip("pexpect"), pytest.importorskip("pyte")
        self._timeout, self._end = pexpect.TIMEOUT, pexpect.EOF
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.program = pexpect.spawn(
            sys.executable, ["-m", "picogpt_tui", *args], dimensions=(rows, columns), timeout=PATIENCE_SECONDS
        )

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def sees(self, text: str) -> None:
        """Wait until it stands there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(text in line for line in self.lines):
            assert time.monotonic() < deadline, f"waited in vain for {text!r}\n" + "\n".join(self.lines)
            self._read()

    def interrupt(self) -> None:
        """Press Ctrl+C, and again where nothing comes of it, as one does.

        Python can miss one: between its last look at signals and the read in which it then waits for an answer.
        """
        with contextlib.suppress(self._end):
            for _ in range(10):
                self.program.sendintr()
                for _ in range(20):
                    self._read()

    def ends(self) -> int:
        """Wait until the program has ended; its exit code."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with contextlib.suppress(self._end):
            while True:
                assert time.monotonic() < deadline, "the program does not end\n" + "\n".join(self.lines)
                self._read()
        self.program.close()
        return int(self.program.exitstatus)

    def _read(self) -> None:
        with contextlib.suppress(self._timeout):
            self._stream.feed(self.program.read_nonblocking(65536, timeout=0.1))


@pytest.fixture
def stalled(net: Loopback) -> Iterator[Loopback]:
    """The weights stop coming in their midst, until somebody calls `release`."""
    net.fault(WEIGHTS, "stall", after=30_000)
    yield net
    net.release()


@posix
@pytest.mark.parametrize("columns", [80, 40])
def test_one_line_shows_how_far_it_is_and_is_gone_in_the_end(columns: int, stalled: Loopback) -> None:
    terminal = Terminal("models", "download", "124M", columns=columns)
    terminal.sees("124M  57 %")
    terminal.sees("/59 kB  model.saf")  # the note, of which 40 columns hold little
    assert len([line for line in terminal.lines if "57 %" in line]) == 1
    stalled.release()
    assert terminal.ends() == 0
    said = "".join(terminal.lines)
    assert "57 %" not in said
    assert "licence MIT" in said
    assert "124M is ready" in said
    assert not set("▕\r") & set(said)


@posix
def test_ctrl_c_on_a_terminal_says_how_to_go_on(stalled: Loopback) -> None:
    terminal = Terminal("models", "download", "124M")
    terminal.sees("124M  57 %")
    terminal.program.sendintr()
    assert terminal.ends() == 130
    assert terminal.lines[-1] == "Stopped at 57 %. `picogpt-tui models download 124M` goes on from there."
    assert not any("▕" in line for line in terminal.lines)

    terminal = Terminal("models", "download", "124M")
    assert terminal.ends() == 0
    assert stalled.body_bytes(WEIGHTS) == weights_bytes()


COMMANDS = {
    "generate": ("generate", "the", "-n", "2", "--model", "124M"),
    "next": ("next", "the", "--top", "1", "--model", "gpt2"),
    "tokenize": ("tokenize", "the", "--model", "124M"),
    "inspect": ("inspect", "124M"),
}


@posix
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_person_is_asked_and_no_leaves_it_at_that(command: tuple[str, ...], net: Loopback) -> None:
    terminal = Terminal(*command)
    terminal.sees("124M is not on this machine (550 MB). Download it now? [Y/n]")
    terminal.program.sendline("n")
    assert terminal.ends() == 1
    assert "`picogpt-tui models download 124M`" in " ".join(terminal.lines)
    assert net.requests() == []


@posix
def test_yes_downloads_and_goes_on_with_what_was_asked(net: Loopback) -> None:
    terminal = Terminal(*COMMANDS["tokenize"])
    terminal.sees("[Y/n]")
    terminal.program.sendline("")
    assert terminal.ends() == 0
    assert find_model("124M").is_dir()
    assert any("68 65" in line for line in terminal.lines)
    assert not any("▕" in line for line in terminal.lines)


@posix
def test_what_has_begun_is_offered_with_what_is_to_come(net: Loopback) -> None:
    begun("124M", n_weights=30_000)
    terminal = Terminal(*COMMANDS["inspect"])
    terminal.sees("124M is not all here (57 %), 25 kB to go. Download the rest now? [Y/n]")
    terminal.program.sendeof()
    assert terminal.ends() == 1


@posix
def test_what_was_put_there_by_hand_is_not_replaced_without_a_word(net: Loopback) -> None:
    directory = models_dir() / "124M"
    directory.mkdir(parents=True)
    (directory / WEIGHTS).write_bytes(b"mine")
    terminal = Terminal(*COMMANDS["inspect"], columns=400)
    terminal.sees(f"a download brings 550 MB, and what differs in {directory} is replaced. Download it now? [Y/n]")
    terminal.program.sendline("no")
    assert terminal.ends() == 1
    assert (directory / WEIGHTS).read_bytes() == b"mine"


@posix
def test_ctrl_c_at_the_question_is_an_interrupt(net: Loopback) -> None:
    terminal = Terminal(*COMMANDS["inspect"])
    terminal.sees("[Y/n]")
    terminal.interrupt()
    assert terminal.ends() == 130


@posix
def test_data_on_stdout_stays_clean_of_the_question(net: Loopback, tmp_path: Path) -> None:
    """Stdout goes into a file; the person still sees the question and the bar on stderr."""
    pexpect = pytest.importorskip("pexpect")
    out = tmp_path / "out"
    line = f"{sys.executable} -m picogpt_tui tokenize the --model 124M --json > {out}"
    program = pexpect.spawn("sh", ["-c", line], encoding="utf-8", timeout=PATIENCE_SECONDS)
    program.expect(r"\[Y/n\] ")
    program.sendline("y")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0
    assert out.read_text().startswith('{"tokens": [')


@posix
@pytest.mark.parametrize("answer, code, is_left", [("y", 0, False), ("", 1, True), ("n", 1, True)])
def test_a_removal_is_asked_for_on_a_terminal(answer: str, code: int, is_left: bool) -> None:
    directory = downloaded("owner/model")
    terminal = Terminal("models", "remove", "owner/model", columns=300)
    terminal.sees(f"Delete owner/model (60 kB) at {directory}? [y/N]")
    terminal.program.sendline(answer)
    assert (terminal.ends(), directory.is_dir()) == (code, is_left)
    assert any(("is kept." if is_left else "60 kB are free again.") in line for line in terminal.lines)


def test_offline_the_commands_about_what_is_here_open_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    downloaded("124M")
    cached("owner/cached")

    def refuse(*args: object, **options: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for args in (("list",), ("info", "124M"), ("verify", "124M"), ("download", "124M"), ("download", "owner/cached")):
        ok("models", *args)
    assert ok("generate", KING, "-n", "2", "--model", "124M").text
