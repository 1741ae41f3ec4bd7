"""Verify, repair, remove: what a look at every byte finds, and that nothing but the model in question goes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import Busy, FileError, ModelError, ModelNotFound, ModelNotHere
from picogpt_tui.events import Progress
from picogpt_tui.hub import upkeep
from picogpt_tui.hub.download import whole
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED
from picogpt_tui.hub.registry import OPENAI
from picogpt_tui.hub.store import find_model, list_models, stored_model
from picogpt_tui.hub.upkeep import Verified, prepare_repair, remove, verify
from picogpt_tui.session.inspection import check_model

from ..gpt2.checkpoints import write_model
from .placed import begun, cached, downloaded, state_of

WEIGHTS = "model.safetensors"


def verified(name: str) -> Verified:
    *steps, found = verify(name, check_model)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(found, Verified)
    return found


def flip(path: Path, at: int = -10) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


# --- verify ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, source", [("124M", "huggingface"), ("124M-openai", OPENAI)])
def test_a_model_as_it_came_is_sound(name: str, source: str) -> None:
    directory = downloaded(name, source=source)
    assert verified(name) == Verified(name, directory, (), is_recorded=True, can_repair=True)


def _flip(path: Path) -> None:
    flip(path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _lose(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("file", [WEIGHTS, "config.json", "merges.txt"])
@pytest.mark.parametrize(
    "harm, fault",
    [(_flip, "is damaged: its sha256 is not the recorded one"), (_cut, " bytes, expected "), (_lose, "is missing")],
)
def test_a_flipped_bit_a_cut_file_and_a_lost_one_are_found(harm: object, fault: str, file: str) -> None:
    assert callable(harm)
    harm(downloaded("owner/model") / file)
    found = verified("owner/model")
    assert [name for name, _ in found.damaged] == [file]
    assert fault in found.damaged[0][1]
    assert found.can_repair


def test_progress_goes_from_nothing_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_TELL_BYTES", 10_000)
    directory = downloaded("owner/model")
    flip(directory / "config.json", 0)
    steps = [step for step in verify("owner/model", check_model) if isinstance(step, Progress)]
    total = sum(file.stat().st_size for file in directory.iterdir() if file.name != MANIFEST)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {step.total for step in steps} == {total}
    assert steps[-1].done == total


def test_a_folder_without_a_manifest_is_looked_into_only() -> None:
    directory = write_model(paths.models_dir() / "mine")
    assert verified("mine") == Verified("mine", directory, (), is_recorded=False, can_repair=False)
    (directory / "vocab.json").write_text("{}")
    ((file, fault),) = verified("mine").damaged
    assert file == ""
    assert "vocab.json" in fault


def test_files_that_are_as_recorded_and_make_no_model_cannot_be_repaired() -> None:
    """The repository itself is wrong; the same bytes would come again."""

    def refuse(directory: Path) -> Iterator[Progress]:
        yield Progress("checking", 1, 2)
        raise ModelError("it is no model")

    downloaded("owner/model")
    *_, found = verify("owner/model", refuse)
    assert isinstance(found, Verified)
    assert (found.damaged, found.can_repair) == ((("", "it is no model"),), False)
    with pytest.raises(ModelError, match="cannot be repaired by a download; replace its files"):
        prepare_repair(found)


def test_the_cache_s_files_are_compared_with_the_names_of_their_blobs() -> None:
    snapshot = cached("openai-community/gpt2")
    assert verified("124M").is_recorded
    flip(snapshot / WEIGHTS)
    found = verified("124M")
    assert [file for file, _ in found.damaged] == [WEIGHTS]
    assert not found.can_repair


def test_what_is_not_all_here_is_not_verified() -> None:
    begun("owner/model")
    with pytest.raises(ModelNotHere, match="is not all here yet"):
        verified("owner/model")
    with pytest.raises(ModelNotHere, match="is not on this machine"):
        verified("124M")


# --- repair ----------------------------------------------------------------------------------------------------------


def test_a_repair_takes_away_the_damaged_files_alone_and_leaves_a_download_that_has_begun() -> None:
    directory = downloaded("owner/model")
    flip(directory / WEIGHTS)
    (directory / "merges.txt").unlink()
    found = verified("owner/model")
    prepare_repair(found)
    assert sorted(file.name for file in directory.iterdir()) == ["config.json", UNFINISHED, "vocab.json"]
    assert whole(directory) is None
    assert stored_model("owner/model").state.startswith("partial ")


def test_a_moved_folder_cannot_be_repaired_by_a_download_into_another() -> None:
    directory = downloaded("124M", folder="mine")
    flip(directory / WEIGHTS)
    assert not verified("mine").can_repair


def test_a_folder_that_another_works_on_is_left_alone() -> None:
    directory = downloaded("owner/model")
    flip(directory / WEIGHTS)
    found, before = verified("owner/model"), state_of(directory)
    with only_one(directory, "owner/model"):
        for change in (lambda: prepare_repair(found), lambda: remove("owner/model")):
            with pytest.raises(Busy, match=r"This program itself \(since \d\d:\d\d\) is at work on owner/model"):
                change()
    assert state_of(directory) == before


# --- remove ----------------------------------------------------------------------------------------------------------


def test_a_removal_frees_what_it_says_and_leaves_the_others() -> None:
    other, directory = downloaded("owner/other"), downloaded("owner/model")
    before, size = state_of(other), sum(len(content) for content in state_of(directory).values())
    removed = remove("owner/model")
    assert (removed.name, removed.path, removed.freed_bytes) == ("owner/model", directory, size)
    assert state_of(other) == before
    assert sorted(folder.name for folder in paths.models_dir().iterdir()) == [".locks", "owner--other"]


def test_an_unfinished_download_is_removed_as_well() -> None:
    directory = begun("124M")
    assert remove("gpt2").path == directory
    assert stored_model("124M").state == "not here"


def test_cut_short_it_leaves_no_half_of_a_model_and_the_next_one_sweeps_up(monkeypatch: pytest.MonkeyPatch) -> None:
    downloaded("124M")
    downloaded("355M")

    def killed(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove("124M")
    assert (stored_model("124M").state, len(list_models())) == ("not here", 5)
    assert any(folder.name.startswith(".removed-") for folder in paths.models_dir().iterdir())
    remove("355M")
    assert [folder.name for folder in paths.models_dir().iterdir()] == [".locks"]


def test_another_process_that_sweeps_up_meanwhile_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    directory, delete = downloaded("124M"), shutil.rmtree

    def delete_first(folder: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            delete(folder)
        delete(folder, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", delete_first)
    remove("124M")
    assert not directory.exists()


def test_a_folder_that_cannot_be_moved_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows while a file of it is open."""
    directory = downloaded("124M")
    before = state_of(directory)

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(FileError, match=r"^Cannot remove .*124M: Permission denied"):
        remove("124M")
    assert state_of(directory) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows lets not everyone make links")
def test_of_a_folder_that_is_a_link_only_the_link_goes(tmp_path: Path) -> None:
    """Somebody moved it to a larger disk."""
    elsewhere = tmp_path / "large disk"
    downloaded("124M").rename(elsewhere)
    (paths.models_dir() / "124M").symlink_to(elsewhere)
    before = state_of(elsewhere)
    assert find_model("124M")
    assert remove("124M").freed_bytes == 0
    assert (state_of(elsewhere), stored_model("124M").state) == (before, "not here")


def test_what_is_the_program_s_or_the_user_s_own_is_not_removed(tmp_path: Path) -> None:
    own = write_model(tmp_path / "mine")
    with pytest.raises(ModelError, match=r"^stories is part of the program and cannot be removed"):
        remove("stories")
    with pytest.raises(ModelError, match="is a directory of your own; this program does not delete it"):
        remove(str(own))
    assert find_model("stories").is_dir()
    assert own.is_dir()


@pytest.mark.parametrize("name", ["124M", "owner/model", "no-such-model", "../x", "", "."])
def test_what_is_not_there_is_not_removed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound if name != "." else ModelError):
        remove(name)
