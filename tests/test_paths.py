"""Where things are kept: one variable moves all of it, models can move alone, and files are written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import FileError


def test_one_variable_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOGPT_HOME", str(tmp_path))
    places = (paths.models_dir(), paths.sessions_dir(), paths.settings_file(), paths.added_file())
    assert [place.relative_to(tmp_path).as_posix() for place in places] == [
        "models",
        "sessions",
        "settings.json",
        "models.json",
    ]


def test_without_it_the_platform_s_places_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PICOGPT_HOME")
    places = (paths.models_dir(), paths.sessions_dir(), paths.settings_file())
    assert all("picogpt-tui" in str(place) for place in places)


@pytest.mark.parametrize(
    "variable, setting, expected",
    [
        ("", "", "HOME/models"),
        ("", "SET", "SET"),
        ("ASKED", "", "ASKED"),
        ("ASKED", "SET", "ASKED"),
        ("~/large", "", "USER/large"),
        ("", "~/large", "USER/large"),
        ("~nobody-of-this-name/x", "", "HOME/models"),
    ],
    ids=str,
)
def test_models_move_alone_by_a_variable_or_by_the_settings(
    variable: str, setting: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICOGPT_HOME", str(tmp_path))
    monkeypatch.setenv("PICOGPT_MODELS", variable)
    paths.write_whole(paths.settings_file(), f'{{"models_dir": "{setting}"}}')
    whole = expected.replace("HOME", str(tmp_path)).replace("USER", os.path.expanduser("~"))
    assert paths.models_dir() == Path(whole)
    assert paths.sessions_dir() == tmp_path / "sessions"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"models_dir": 7}', '{"models_dir": null}', "[" * 100_000, '"x"']
)
def test_settings_that_cannot_be_read_are_as_good_as_none(text: str) -> None:
    paths.write_whole(paths.settings_file(), text)
    assert paths.models_dir() == paths.settings_file().parent / "models"


def test_nothing_is_created_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOGPT_HOME", str(tmp_path / "home"))
    paths.models_dir()
    paths.added_file()
    assert not (tmp_path / "home").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deep" / "file.json"
    paths.write_whole(file, "first\n")

    def refuse(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(FileError, match=r"^Cannot write .*file\.json: No space left on device\.$"):
        paths.write_whole(file, "second\n")
    assert file.read_bytes() == b"first\n"
    assert [one.name for one in file.parent.iterdir()] == ["file.json"]
