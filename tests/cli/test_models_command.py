"""`models`: what can be named, where it is, what it takes, and how it goes; downloads have a file of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from picogpt_tui.cli.model_views import table
from picogpt_tui.hub.registry import PUBLISHED
from picogpt_tui.hub.store import list_models
from picogpt_tui.paths import added_file, bundled_dir, models_dir, settings_file, write_whole

from ..gpt2.checkpoints import write_model
from ..hub.placed import COMMIT, begun, cached, downloaded, state_of
from .conftest import KING, ok, run

KEYS = [
    "name", "kind", "here", "path", "n_params", "size_bytes", "missing", "alias", "licence",
    "partial_bytes", "shared", "host", "source", "revision", "commit",
]  # fmt: skip


def _install(name: str) -> Path:
    return Path(shutil.copytree(bundled_dir() / "stories", models_dir() / name))


# --- list ------------------------------------------------------------------------------------------------------------


def test_every_model_that_can_be_named_is_listed() -> None:
    listed = ok("models", "list", "--json").json

    assert [model["name"] for model in listed] == ["stories", "124M", "355M", "774M", "1558M"]
    assert all(list(model) == KEYS for model in listed)
    assert (listed[0]["here"], listed[0]["n_params"], listed[0]["licence"]) == (True, 3_554_304, "MIT")
    assert listed[1] == {
        "name": "124M", "kind": "published", "here": False, "path": None, "n_params": 124_439_808,
        "size_bytes": 549_603_790, "missing": [], "alias": "gpt2", "licence": "MIT (modified)", "partial_bytes": None,
        "shared": False, "host": "huggingface.co", "source": None, "revision": None, "commit": None,
    }  # fmt: skip


def test_people_read_a_table() -> None:
    header, stories, small, *_ = ok("models", "list").text.splitlines()

    assert header.split() == ["name", "alias", "parameters", "size", "state", "licence", "host"]
    assert stories.split() == ["stories", "3.6M", "7.2", "MB", "here,", "bundled", "MIT"]
    assert small.split() == [
        "124M", "gpt2", "124M", "550", "MB", "not", "here", "MIT", "(modified)", "huggingface.co",
    ]  # fmt: skip


def test_every_state_is_told_from_the_others() -> None:
    downloaded("355M")
    weights = sorted(begun("774M").glob("*.part"))
    cached("openai-community/gpt2-xl")
    (_install("owner--mine") / "merges.txt").unlink()
    told = {model["name"]: model for model in ok("models", "list", "--json").json}
    text = ok("models", "list").text

    assert weights
    assert [told[name]["here"] for name in ("124M", "355M", "774M", "1558M")] == [False, True, False, True]
    assert (told["355M"]["source"], told["355M"]["revision"], told["355M"]["commit"]) == ("huggingface", "main", COMMIT)
    assert (told["1558M"]["shared"], told["1558M"]["commit"]) == (True, COMMIT)
    assert 0 < told["774M"]["partial_bytes"] < told["774M"]["size_bytes"]
    percent = 100 * told["774M"]["partial_bytes"] // told["774M"]["size_bytes"]
    for state in ("here, bundled", "not here", f"partial {percent} %", "here, shared", "incomplete, lacks merges.txt"):
        assert state in text


@pytest.mark.parametrize(
    "columns, last", [(200, "host"), (87, "licence"), (80, "licence"), (60, "state"), (20, "state")]
)
def test_a_narrow_terminal_loses_the_last_columns_and_no_state(columns: int, last: str) -> None:
    rows = table(list_models(), columns)

    assert rows[0].split()[-1] == last
    assert "here, bundled" in rows[1]
    assert max(map(len, rows)) <= max(columns, 56)


def test_an_installed_size_is_here_under_all_its_names() -> None:
    path = _install("gpt2")

    assert {ok("models", "path", name).text for name in ("124M", "gpt2", "124m")} == {f"{path}\n"}
    assert ok("models", "list", "--json").json[1]["here"] is True


def test_a_folder_that_lacks_files_is_listed_with_what_it_lacks() -> None:
    (_install("owner--mine") / "merges.txt").unlink()
    mine = ok("models", "list", "--json").json[-1]

    assert (mine["name"], mine["kind"], mine["here"], mine["missing"]) == ("owner/mine", "local", False, ["merges.txt"])


def test_the_list_is_light_however_much_is_installed() -> None:
    for model in PUBLISHED:
        downloaded(model.name)
    command = [sys.executable, "-X", "importtime", "-m", "picogpt_tui", "models", "list"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}

    assert "click" in loaded
    assert loaded & {"numpy", "textual", "requests", "urllib3", "huggingface_hub", "asyncio", "ssl"} == set()


def test_a_folder_s_name_cannot_act_on_the_terminal() -> None:
    _install("evil\x1b[31m\u202e")

    for args in (("list",), ("info", "evil\x1b[31m\u202e"), ("remove", "evil\x1b[31m\u202e", "--yes")):
        ran = ok("models", *args)
        assert not {"\x1b", "\u202e"} & set(ran.text + ran.stderr)


def test_a_home_that_is_no_directory_hinders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    monkeypatch.setenv("PICOGPT_HOME", str(file))

    assert len(ok("models", "list", "--json").json) == 5
    assert ok("generate", KING, "-n", "2", "--seed", "1").text


# --- path ------------------------------------------------------------------------------------------------------------


def test_path_is_a_directory_that_other_commands_take() -> None:
    path = ok("models", "path", "stories").text.rstrip("\n")

    assert os.path.isdir(path)
    assert ok("generate", KING, "-n", "2", "--seed", "1", "--model", path).text


def test_path_without_a_name_is_where_models_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ok("models", "path").text == f"{models_dir()}\n"
    write_whole(settings_file(), json.dumps({"models_dir": str(tmp_path / "set")}))
    assert ok("models", "path").text == f"{tmp_path / 'set'}\n"
    monkeypatch.setenv("PICOGPT_MODELS", str(tmp_path / "asked"))
    assert ok("models", "path").text == f"{tmp_path / 'asked'}\n"


@pytest.mark.parametrize("command", ["path", "info", "verify", "remove"])
@pytest.mark.parametrize(
    "name", ["no-such-model", "", "no/such/folder", "a\x1b[31mb", "a\nb", "[/]", "../x", "owner/..", "a/b@../../x"]
)
def test_a_model_that_is_not_there_is_one_line(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("models", command, name)

    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
    assert "\x1b" not in ran.stderr


def test_a_typing_error_is_answered_with_what_was_meant() -> None:
    assert "no model '125M' (did you mean 124M?); name one of" in run("models", "info", "125M").stderr


# --- what other commands say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("generate", KING), ("next", KING), ("tokenize", KING), ("inspect",)], ids=lambda c: c[0]
)
def test_without_a_terminal_a_model_that_is_not_here_is_refused_with_the_command_that_brings_it(
    command: tuple[str, ...],
) -> None:
    ran = run(*command, *(("gpt2",) if command == ("inspect",) else ("--model", "gpt2")))

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == (
        "error: 124M is not on this machine; `picogpt-tui models download 124M` fetches it (550 MB).\n"
    )


# --- info ------------------------------------------------------------------------------------------------------------


def test_info_says_what_is_known_without_asking_anyone() -> None:
    told = ok("models", "info", "gpt2-xl", "--json").json

    assert list(told)[: len(KEYS)] == KEYS
    assert (told["name"], told["state"], told["repo"]) == ("1558M", "not here", "openai-community/gpt2-xl")
    assert (told["memory_bytes"], told["files"]) == (6_859_590_400, [])
    assert told["free_disk_bytes"] > 0
    assert "6.86 GB in float32, 2.20 GB in int8, with a full context" in ok("models", "info", "1558M").text


def test_info_of_a_download_lists_its_files_with_their_digests() -> None:
    directory = downloaded("owner/model")
    files = {file["name"]: file for file in ok("models", "info", "owner/model", "--json").json["files"]}
    said = ok("models", "info", "owner/model").text

    assert files["merges.txt"]["size_bytes"] == (directory / "merges.txt").stat().st_size
    assert files["merges.txt"]["digest"].startswith("sha256:")
    for text in (COMMIT, str(directory), "mit", "example.org", "main", f"{files['model.safetensors']['size_bytes']:,}"):
        assert text in said


def test_info_of_a_directory_lists_the_files_that_are_there(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    told = ok("models", "info", str(directory), "--json").json

    assert {file["name"]: file["size_bytes"] for file in told["files"]} == {
        file.name: file.stat().st_size for file in directory.iterdir()
    }
    assert all(file["digest"] is None for file in told["files"])


# --- verify ----------------------------------------------------------------------------------------------------------


def test_a_sound_model_is_said_to_be(model_dir: Path) -> None:
    downloaded("owner/model")

    assert ok("models", "verify", "owner/model").text == (
        "owner/model is sound: every byte is as recorded, and the files make a model.\n"
    )
    assert "nobody recorded their bytes" in ok("models", "verify", str(model_dir)).text
    assert ok("models", "verify", "stories", "--json").json == {
        "event": "verified", "name": "stories", "path": str(bundled_dir() / "stories"), "sound": True,
        "recorded": False, "damaged": [], "can_repair": False,
    }  # fmt: skip


def test_a_damaged_file_is_named_with_its_fault_and_the_cure() -> None:
    directory = downloaded("owner/model")
    (directory / "merges.txt").unlink()
    (directory / "vocab.json").write_bytes(b"{}")
    ran, told = run("models", "verify", "owner/model"), run("models", "verify", "owner/model", "--json")

    assert ran.code == told.code == 1
    assert ran.text == "merges.txt is missing\nvocab.json has 2 bytes, expected 3,388\n"
    assert ran.stderr.endswith("`picogpt-tui models verify owner/model --repair` fetches the damaged files again.\n")
    assert told.json["sound"] is False
    assert told.json["damaged"][0] == {"file": "merges.txt", "fault": "is missing"}


def test_what_no_download_brought_none_can_repair(model_dir: Path) -> None:
    (model_dir / "vocab.json").write_text("{}")
    ran = run("models", "verify", str(model_dir), "--repair")

    assert ran.code == 1
    assert "vocab.json" in ran.text
    assert "no download of ours can put it right" in ran.stderr


# --- remove, add -----------------------------------------------------------------------------------------------------


def test_a_removal_says_what_it_freed() -> None:
    directory = downloaded("owner/model")
    size = sum(map(len, state_of(directory).values()))
    told = ok("models", "remove", "owner/model", "--yes", "--json").json

    assert told == {"name": "owner/model", "path": str(directory), "freed_bytes": size}
    downloaded("owner/model")
    assert ok("models", "remove", "owner/model", "-y").text == "owner/model is removed: 60 kB are free again.\n"
    assert not directory.exists()


def test_without_a_terminal_nothing_is_removed_unless_it_is_said_twice() -> None:
    directory = downloaded("owner/model")
    ran = run("models", "remove", "owner/model", stdin="y\n")

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == f"error: Removing owner/model deletes 60 kB at {directory}; add --yes to do it.\n"
    assert directory.is_dir()


@pytest.mark.parametrize(
    "name, why", [("stories", "is part of the program"), ("124M", "lies in the Hugging Face cache")]
)
def test_bundled_and_shared_models_stay(name: str, why: str) -> None:
    snapshot = cached("openai-community/gpt2")
    ran = run("models", "remove", name, "--yes")

    assert (ran.code, ran.stdout) == (1, b"")
    assert why in ran.stderr
    assert snapshot.is_dir()


def test_a_directory_of_one_s_own_is_added_played_and_taken_off_the_list(model_dir: Path) -> None:
    added = ok("models", "add", str(model_dir))

    assert added.text == f"{model_dir}\n"
    assert "Now try:" in added.stderr
    assert ok("models", "list", "--json").json[-1]["kind"] == "added"
    assert ok("generate", KING, "-n", "2", "--model", str(model_dir)).text
    assert ok("models", "remove", str(model_dir)).text == f"{model_dir} is off the list; no file was touched.\n"
    assert (model_dir / "config.json").is_file()
    assert len(ok("models", "list", "--json").json) == 5


def test_adding_says_what_comes_next(tmp_path: Path) -> None:
    assert "`picogpt-tui models download owner/name` fetches it" in ok("models", "add", "owner/name").stderr
    (tmp_path / "empty").mkdir()
    assert "no model yet: it lacks config.json, " in ok("models", "add", str(tmp_path / "empty")).stderr
    assert run("models", "add", "124M").code == 1


def test_a_damaged_list_is_told_and_kept() -> None:
    write_whole(added_file(), "damaged")
    ran = run("models", "add", "owner/name")

    assert (ran.code, ran.stderr) == (
        1,
        f"error: {added_file()} is damaged; correct it, or delete it to begin an empty list.\n",
    )
    assert added_file().read_text() == "damaged"
    assert len(ok("models", "list", "--json").json) == 5
