"""int8 on the command line: a copy is made, found, read and removed; what hinders it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from picogpt_tui.cli.progress import _Log
from picogpt_tui.events import DownloadProgress
from picogpt_tui.gpt2.int8_file import INT8_FILE
from picogpt_tui.gpt2.int8_kernel import Kernel
from picogpt_tui.paths import bundled_dir, int8_dir, models_dir
from picogpt_tui.session import quantized
from picogpt_tui.session.quantized import int8_files

from ..gpt2.kernels import absent_kernel, use_kernel
from ..hub.loopback import Loopback
from ..hub.placed import cached, downloaded
from .conftest import KING, ok, run

TINY_FLOAT32_BYTES = 4 * 12_945


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Numba is not installed, and everybody knows by now."""
    kernel = use_kernel(monkeypatch, absent_kernel(), quantized)
    kernel.wait()
    return kernel


# --- quantize --------------------------------------------------------------------------------------------------------


def test_a_copy_is_kept_beside_the_model_and_read_by_whoever_loads_it_in_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = downloaded("owner/model")
    ran = ok("models", "quantize", "owner/model")
    copy = directory / INT8_FILE

    size, smaller = copy.stat().st_size, TINY_FLOAT32_BYTES / copy.stat().st_size
    assert ran.text == (
        f"int8 copy of owner/model: {copy}, {size / 1000:.0f} kB, {smaller:.1f} times smaller than in float32\n"
    )
    assert ran.stderr == "owner/model: quantizing\n"
    monkeypatch.setattr("picogpt_tui.gpt2.int8_file.quantize", None)  # it would be called if the copy were not read
    assert ok("generate", "the", "-n", "2", "--model", "owner/model", "--precision", "int8").text


def test_programs_get_an_object() -> None:
    directory = downloaded("owner/model")
    told = ok("models", "quantize", "owner/model", "--json").json

    copy = directory / INT8_FILE
    assert told == {
        "event": "quantized", "name": "owner/model", "path": str(copy), "size_bytes": copy.stat().st_size,
        "float32_bytes": TINY_FLOAT32_BYTES,
    }  # fmt: skip


def test_a_second_time_makes_it_anew() -> None:
    copy = downloaded("owner/model") / INT8_FILE
    ok("models", "quantize", "owner/model")
    whole = copy.read_bytes()
    copy.write_bytes(b"damaged")

    ok("models", "quantize", "owner/model")
    assert copy.read_bytes() == whole


def test_where_the_folder_belongs_to_others_the_copy_lies_elsewhere() -> None:
    snapshot = cached("openai-community/gpt2")
    for name, directory in (("stories", bundled_dir() / "stories"), ("124M", snapshot)):
        path = ok("models", "quantize", name, "--json").json["path"]
        assert Path(path).parent == int8_dir()
        assert not (directory / INT8_FILE).exists()


def test_where_the_copy_cannot_be_written_beside_the_model_it_lies_elsewhere(model_dir: Path) -> None:
    (model_dir / INT8_FILE).mkdir()

    assert Path(ok("models", "quantize", str(model_dir), "--json").json["path"]).parent == int8_dir()


def test_a_model_that_is_not_here_is_refused_with_the_command_that_brings_it() -> None:
    ran = run("models", "quantize", "gpt2")

    assert (ran.code, ran.stdout) == (1, b"")
    assert "`picogpt-tui models download 124M` fetches it" in ran.stderr
    assert run("models", "quantize", "no-such-model").code == 1


def test_a_person_is_asked_whether_to_fetch_it(net: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picogpt_tui.cli.missing.can_ask", lambda: True)
    ran = ok("models", "quantize", "124M", stdin="y\n")

    assert ran.text.startswith(f"int8 copy of 124M: {models_dir() / '124M' / INT8_FILE}, ")


def test_damaged_weights_are_one_line(model_dir: Path) -> None:
    (model_dir / "model.safetensors").write_bytes(b"\xff" * 64)
    ran = run("models", "quantize", str(model_dir))

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr.splitlines()[-1].startswith("error: ")


def test_an_interrupt_leaves_nothing_half_made(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = downloaded("owner/model")
    before = sorted(directory.iterdir())

    def interrupted(self: _Log, progress: DownloadProgress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Log, "show", interrupted)
    ran = run("models", "quantize", "owner/model")

    assert (ran.code, ran.stdout) == (130, b"")
    assert sorted(directory.iterdir()) == before


# --- info, remove ----------------------------------------------------------------------------------------------------


def test_info_says_what_either_precision_takes_and_where_the_copy_is() -> None:
    directory = downloaded("owner/model")
    before, said = ok("models", "info", "owner/model", "--json").json, ok("models", "info", "owner/model").text

    assert before["int8_path"] is None
    assert before["memory"]["float32"] == before["memory_bytes"] > before["memory"]["int8"] > 0
    assert "int8 copy   none; `picogpt-tui models quantize owner/model` keeps one" in said
    ok("models", "quantize", "owner/model")
    copy = directory / INT8_FILE
    assert ok("models", "info", "owner/model", "--json").json["int8_path"] == str(copy)
    assert f"int8 copy   {copy} (" in ok("models", "info", "owner/model").text


def test_info_of_what_is_not_here_knows_the_memory_and_offers_no_copy() -> None:
    told, said = ok("models", "info", "1558M", "--json").json, ok("models", "info", "1558M").text

    assert (told["int8_path"], sorted(told["memory"])) == (None, ["float32", "int8"])
    assert "6.86 GB in float32, 2.20 GB in int8, with a full context" in said
    assert "int8 copy" not in said


def test_removing_a_model_frees_its_copy_wherever_it_lies() -> None:
    directory = downloaded("owner/model")
    inside, elsewhere = int8_files(directory)
    ok("models", "quantize", "owner/model")
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_bytes(b"x" * 1000)
    size = 1000 + sum(file.stat().st_size for file in directory.iterdir())

    told = ok("models", "remove", "owner/model", "--yes", "--json").json
    assert told["freed_bytes"] == size
    assert [inside.exists(), elsewhere.exists()] == [False, False]


def test_what_is_taken_off_the_list_keeps_its_files_and_loses_the_copy_that_is_ours(model_dir: Path) -> None:
    ok("models", "add", str(model_dir))
    inside, elsewhere = int8_files(model_dir)
    elsewhere.parent.mkdir(parents=True)
    for copy in (inside, elsewhere):
        copy.write_bytes(b"x" * 1000)

    said = ok("models", "remove", str(model_dir)).text
    assert said == f"{model_dir} is off the list; only its int8 copy of 1.0 kB is deleted.\n"
    assert (inside.exists(), elsewhere.exists()) == (True, False)


def test_a_model_that_is_kept_keeps_its_copy() -> None:
    path = Path(ok("models", "quantize", "stories", "--json").json["path"])

    assert run("models", "remove", "stories", "--yes").code == 1
    assert path.is_file()


# --- --precision -----------------------------------------------------------------------------------------------------

COMMANDS = {
    "generate": ("generate", KING, "-n", "2", "--temperature", "0"),
    "next": ("next", KING, "--top", "2"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_in_int8_the_answer_is_the_same_and_a_script_reads_no_more_than_that(command: tuple[str, ...]) -> None:
    one, other = ok(*command), ok(*command, "--precision", "int8")

    assert other.text.split()[:3] == one.text.split()[:3]
    assert other.stderr == ""


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_person_is_told_behind_the_work_why_int8_is_slower_than_it_could_be(
    command: tuple[str, ...], kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picogpt_tui.cli.int8.is_terminal", lambda: True)

    assert ok(*command, "--precision", "int8").stderr == f"note: {kernel.trouble}\n"
    assert ok(*command).stderr == ""
    kernel.trouble = ""
    assert ok(*command, "--precision", "int8").stderr == ""


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_unknown_precision_is_answered_with_those_that_there_are(command: tuple[str, ...]) -> None:
    ran = run(*command, "--precision", "int4")

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == "error: precision must be 'float32' or 'int8', not 'int4'.\n"
