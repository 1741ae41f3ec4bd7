"""`models`: what can be named, and where it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from picogpt_tui.paths import bundled_dir, models_dir

from .conftest import KING, ok, run


def _install(name: str) -> Path:
    return Path(shutil.copytree(bundled_dir() / "stories", models_dir() / name))


def test_every_model_that_can_be_named_is_listed() -> None:
    listed = ok("models", "list", "--json").json

    assert [model["name"] for model in listed] == ["stories", "124M", "355M", "774M", "1558M"]
    assert list(listed[0]) == [
        "name", "kind", "here", "path", "n_params", "size_bytes", "missing", "alias", "licence",
    ]  # fmt: skip
    assert (listed[0]["here"], listed[0]["n_params"]) == (True, 3_554_304)
    size = {key: listed[1][key] for key in ("here", "path", "n_params", "alias", "licence")}
    assert size == {
        "here": False, "path": None, "n_params": 124_439_808, "alias": "gpt2", "licence": "MIT (modified)",
    }  # fmt: skip


def test_people_read_a_table() -> None:
    header, stories, small, *_ = ok("models", "list").text.splitlines()

    assert header.split() == ["name", "alias", "parameters", "size", "here"]
    assert stories.split() == ["stories", "3.6", "M", "7.2", "MB", "yes"]
    assert small.split() == ["124M", "gpt2", "124.4", "M", "497.8", "MB", "no"]


def test_an_installed_size_is_here_under_all_its_names() -> None:
    path = _install("gpt2")

    assert {ok("models", "path", name).text for name in ("124M", "gpt2", "124m")} == {f"{path}\n"}
    assert ok("models", "list", "--json").json[1]["here"] is True


def test_a_folder_that_lacks_files_is_listed_with_what_it_lacks() -> None:
    (_install("owner--mine") / "merges.txt").unlink()
    mine = ok("models", "list", "--json").json[-1]

    assert (mine["name"], mine["kind"], mine["here"], mine["missing"]) == ("owner/mine", "local", False, ["merges.txt"])
    assert "incomplete, lacks merges.txt" in ok("models", "list").text


def test_path_is_a_directory_that_other_commands_take() -> None:
    path = ok("models", "path", "stories").text.rstrip("\n")

    assert os.path.isdir(path)
    assert ok("generate", KING, "-n", "2", "--seed", "1", "--model", path).text


@pytest.mark.parametrize("name", ["no-such-model", "", "no/such/folder", "owner/no-such", "a\x1b[31mb", "a\nb", "[/]"])
def test_a_model_that_is_not_there_is_one_line(name: str) -> None:
    ran = run("models", "path", name)

    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
    assert "\x1b" not in ran.stderr


def test_a_size_that_is_not_there_says_how_to_get_it() -> None:
    assert "124M is not on this machine" in run("generate", KING, "--model", "gpt2").stderr


def test_a_folder_s_name_cannot_act_on_the_terminal() -> None:
    _install("evil\x1b[31m\u202e")

    assert not {"\x1b", "\u202e"} & set(ok("models", "list").text)


def test_a_home_that_is_no_directory_hinders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    monkeypatch.setenv("PICOGPT_HOME", str(file))

    assert len(ok("models", "list", "--json").json) == 5
    assert ok("generate", KING, "-n", "2", "--seed", "1").text
