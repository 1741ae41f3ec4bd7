"""The manifest is the last thing that is written, and the first that is doubted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui.errors import FileError, ModelError
from picogpt_tui.hub.manifest import (
    MANIFEST,
    UNFINISHED,
    Manifest,
    ModelFile,
    finish,
    read_manifest,
    write_unfinished,
)

FILES = (ModelFile("config.json", 186, "git-sha1:ab"), ModelFile("model.safetensors", None))
WHOLE = Manifest("owner/model", "huggingface", "owner/model", "main", "c" * 40, "mit", "example.org", FILES)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    finish(tmp_path, WHOLE)
    assert read_manifest(tmp_path / MANIFEST) == WHOLE
    assert WHOLE.size_bytes == 186


def test_a_folder_is_never_both_begun_and_whole(tmp_path: Path) -> None:
    for write, name in ((write_unfinished, UNFINISHED), (finish, MANIFEST), (write_unfinished, UNFINISHED)):
        write(tmp_path, WHOLE)
        assert [file.name for file in tmp_path.iterdir()] == [name]


def test_cut_short_between_the_two_it_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file = os.replace

    def cut(source: Any, target: Any) -> None:
        if Path(target).name == MANIFEST:
            raise OSError(28, "No space left on device")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", cut)
    with pytest.raises(FileError, match=r"Cannot write .*manifest\.json: No space"):
        finish(tmp_path, WHOLE)
    assert [file.name for file in tmp_path.iterdir()] == [UNFINISHED]


def test_none_is_there(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / MANIFEST) is None


def test_a_folder_in_its_place_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(FileError, match="Cannot read"):
        read_manifest(tmp_path / MANIFEST)


def test_what_is_known_of_a_file_later_takes_its_place() -> None:
    known = WHOLE.with_file(ModelFile("model.safetensors", 7, "sha256:ff"))
    assert known.size_bytes == 193
    assert known.file("model.safetensors").digest == "sha256:ff"
    assert known.file("config.json") is WHOLE.file("config.json")


FILE = {"name": "config.json", "size_bytes": 1, "digest": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {"files": []},
        {"files": [FILE | {"name": "../config.json"}]},
        {"files": [FILE | {"name": ".."}]},
        {"files": [FILE | {"name": "a\\b"}]},
        {"files": [FILE | {"name": "C:x"}]},
        {"files": [FILE | {"name": "/etc/passwd"}]},
        {"files": [FILE | {"name": "a\0b"}]},
        {"files": [FILE | {"name": ""}]},
        {"files": [FILE | {"size_bytes": -1}]},
        {"files": [FILE | {"size_bytes": 1.5}]},
        {"files": [FILE | {"digest": "crc:1"}]},
        {"files": [{"name": "config.json"}]},
        {"files": "config.json"},
        {"source": "elsewhere"},
        {"name": 7},
        {"format": 2},
    ],
    ids=str,
)
def test_a_manifest_that_cannot_be_true_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    finish(tmp_path, replace(WHOLE, files=(ModelFile("config.json", 1),)))
    fields = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(fields | changes))
    with pytest.raises(ModelError, match="is damaged; download the model again, what is there is kept"):
        read_manifest(tmp_path / MANIFEST)
