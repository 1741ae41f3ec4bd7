"""A model from its source into its folder: what is asked for when, and what is told on the way."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import ConfigError, FileError, ModelError, NoSpace, NotAGPT2
from picogpt_tui.events import Downloaded, DownloadProgress, Progress
from picogpt_tui.hub import crew, download
from picogpt_tui.hub.download import Checks, Downloader
from picogpt_tui.hub.manifest import MANIFEST, Manifest, finish, read_manifest
from picogpt_tui.hub.patience import Patience
from picogpt_tui.hub.sources import huggingface
from picogpt_tui.hub.transfer import RESERVE_BYTES
from picogpt_tui.session.inspection import check_config, check_model

from ..gpt2.checkpoints import write_model
from .fetching import (
    ANYTHING,
    BYTES,
    FILES,
    IMPATIENT,
    N_ALL,
    N_SMALL,
    QUICK,
    REPO,
    WEIGHTS,
    Disk,
    SmallDisk,
    assert_ready,
    assert_right,
    assert_unfinished,
    begin,
    fetch,
    files_of,
    folder,
    notes,
    part_bytes,
    sent,
    sentence,
)
from .loopback import Fault, Loopback

SIZE = len(BYTES)
REAL = Checks(check_config, check_model)
HERE = 700_001


@pytest.fixture
def real(hub: Loopback, tmp_path: Path) -> dict[str, bytes]:
    """A model that can be loaded, as owner/real, and the files of it."""
    files = files_of(write_model(tmp_path / "real"))
    hub.add_repo("owner/real", files)
    return files


def test_a_model_comes_whole_and_is_one(hub: Loopback, real: dict[str, bytes]) -> None:
    events = fetch("owner/real", checks=REAL, files=real)
    done = assert_ready(events, real, "owner/real")
    n_bytes = sum(map(len, real.values()))
    assert done == Downloaded("owner/real", folder("owner/real"), n_bytes, n_bytes)
    assert sent(hub) == n_bytes


def test_the_manifest_says_what_it_is_down_to_the_commit(hub: Loopback) -> None:
    commit = hub.add_repo(REPO, FILES, licence="apache-2.0")
    fetch()
    manifest = read_manifest(folder() / MANIFEST)
    assert manifest is not None
    assert replace(manifest, files=()) == Manifest(
        REPO, "huggingface", REPO, "main", commit, "apache-2.0", hub.endpoint.removeprefix("http://"), ()
    )
    kinds = [file.digest.partition(":")[0] for file in manifest.files]
    assert kinds == ["git-sha1", "git-sha1", "git-sha1", "sha256"]


def test_a_model_that_is_here_is_not_asked_for(hub: Loopback) -> None:
    fetch()
    hub.log.clear()
    assert fetch() == [Downloaded(REPO, folder(), N_ALL, 0)]
    assert hub.log == []


@pytest.mark.parametrize("name", ["124M", "gpt2", "openai-community/gpt2", "GPT2"])
def test_a_published_size_comes_into_one_folder_whatever_it_is_called(hub: Loopback, name: str) -> None:
    hub.add_repo("openai-community/gpt2", FILES)
    (*_, done) = Downloader(ANYTHING, patience=QUICK).download(name)
    assert done == Downloaded("124M", folder("124M"), N_ALL, N_ALL)
    assert_right(folder("124M"))


def test_a_revision_has_a_folder_of_its_own(hub: Loopback) -> None:
    hub.add_repo(REPO, FILES | {"merges.txt": b"newer"}, revisions={"v2": "b" * 40})
    fetch(f"{REPO}@v2", files=FILES | {"merges.txt": b"newer"})
    manifest = read_manifest(folder(f"{REPO}@v2") / MANIFEST)
    assert manifest is not None
    assert (manifest.revision, manifest.commit) == ("v2", "b" * 40)


def test_the_phases_come_in_order(hub: Loopback, real: dict[str, bytes]) -> None:
    events = fetch("owner/real", checks=REAL, files=real)
    told = [event for event in events if isinstance(event, DownloadProgress)]
    assert [phase for phase, _ in itertools.groupby(event.phase for event in told)] == [
        "looking up",
        "downloading",
        "checking",
    ]
    assert {event.host for event in told} == {hub.endpoint.removeprefix("http://")}
    loading = [event for event in told if event.phase == "downloading"]
    assert [event.done for event in loading] == sorted(event.done for event in loading)
    assert all(event.done <= event.total for event in loading)
    assert [file.name for file in loading[0].files] == ["config.json", "vocab.json", "merges.txt", WEIGHTS]


def test_the_manifest_gets_its_name_when_all_is_right_and_checked(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look(directory: Path) -> Iterator[Progress]:
        assert_right(directory)
        looked.append("checked")
        yield Progress("checking", 1, 1)
        assert not (directory / MANIFEST).exists()

    def finished(directory: Path, manifest: Manifest) -> None:
        looked.append("finished")
        assert not (directory / MANIFEST).exists()
        assert_right(directory)
        finish(directory, manifest)

    monkeypatch.setattr(download, "finish", finished)
    assert_ready(fetch(checks=Checks(ANYTHING.config, look)))
    assert looked == ["checked", "finished"]


def test_the_config_is_looked_at_before_the_weights_are_asked_for(hub: Loopback) -> None:
    def no_gpt2(directory: Path) -> int:
        assert (directory / "config.json").read_bytes() == FILES["config.json"]
        raise ConfigError("its config says 'llama', this program reads 'gpt2'.")

    with pytest.raises(NotAGPT2) as caught:
        fetch(checks=Checks(no_gpt2, ANYTHING.model))
    assert sentence(caught.value).startswith("owner/tiny is no GPT-2 that can be read here: its config says 'llama'")
    assert hub.requests(WEIGHTS) == []
    assert not folder().exists()


def test_what_somebody_else_put_into_the_folder_stays(hub: Loopback) -> None:
    folder().mkdir(parents=True)
    (folder() / "notes.txt").write_text("mine")

    def no_gpt2(_: Path) -> int:
        raise ConfigError("no.")

    with pytest.raises(NotAGPT2):
        fetch(checks=Checks(no_gpt2, ANYTHING.model))
    assert files_of(folder()) == {"notes.txt": b"mine"}


def test_weights_that_the_config_cannot_make_are_not_asked_for(hub: Loopback) -> None:
    with pytest.raises(NotAGPT2, match=f"its weights would be {SIZE:,} bytes, its config makes at most 1,000,000"):
        fetch(checks=Checks(lambda _: 1_000_000, ANYTHING.model))
    assert hub.requests(WEIGHTS) == []


def test_a_model_that_is_none_after_all_is_told_and_not_taken(hub: Loopback, real: dict[str, bytes]) -> None:
    hub.add_repo("owner/real", real | {"vocab.json": b"{}"})
    with pytest.raises(NotAGPT2, match="owner/real is no GPT-2 that can be read here") as caught:
        fetch("owner/real", checks=REAL)
    assert isinstance(caught.value.__cause__, ModelError)
    assert not (folder("owner/real") / MANIFEST).exists()


# --- the disk --------------------------------------------------------------------------------------------------------


def test_room_is_made_sure_of_before_the_first_byte(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(N_ALL + RESERVE_BYTES - 1))
    with pytest.raises(NoSpace) as caught:
        fetch()
    text = sentence(caught.value)
    assert text.startswith("owner/tiny needs 1.5 MB more on the disk of")
    assert "69 MB are free; make room, or set PICOGPT_MODELS to a folder on another disk" in text
    assert hub.requests("*/resolve/*") == []
    assert not folder().exists()


def test_only_the_rest_must_fit(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(hub, HERE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(SIZE - HERE + N_SMALL + RESERVE_BYTES))
    assert_ready(fetch())


def test_a_disk_that_fills_up_is_told_and_it_goes_on_when_there_is_room(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk(monkeypatch, N_SMALL + HERE)
    with pytest.raises(NoSpace, match="is full; what came is kept"):
        fetch()
    assert_unfinished()
    here = len(part_bytes())
    assert here > HERE - N_SMALL
    disk.free_bytes = 1 << 40
    n_before = hub.body_bytes(WEIGHTS)
    assert_ready(fetch())
    assert hub.body_bytes(WEIGHTS) - n_before == SIZE - here


@pytest.mark.parametrize("moment", range(6))
def test_a_disk_that_is_full_for_the_small_notes_is_told_too(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Of a version, of a manifest: whoever wrote it met the full disk."""
    fsync, n_calls = os.fsync, itertools.count()

    def full(handle: int) -> None:
        if next(n_calls) == moment:
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NoSpace, match="is full; what came is kept") as caught:
            fetch()
    sentence(caught.value)
    assert not (folder() / MANIFEST).exists()
    assert_ready(fetch())


@pytest.mark.parametrize("function", ["mkdir", "open", "replace"])
def test_a_folder_that_cannot_be_written_is_named(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """Root may write anywhere, so the refusal is played."""
    real = getattr(os, function)

    def refuse(path: object, *more: object, **options: object) -> object:
        if str(paths.models_dir()) in str(path):
            raise PermissionError(13, "Permission denied")
        return real(path, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, function, refuse)
        with pytest.raises(FileError, match=r"Cannot write .*models.*: Permission denied") as caught:
            fetch()
    sentence(caught.value)


# --- what is told ----------------------------------------------------------------------------------------------------


def told(hub: Loopback, fault: Fault, patience: Patience = IMPATIENT) -> list[DownloadProgress]:
    events = fetch(patience=patience)
    assert_ready(events)
    assert fault.reached.is_set()
    return [event for event in events if isinstance(event, DownloadProgress)]


def test_what_goes_wrong_is_told_and_forgotten_when_it_is_right_again(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "TELL_SECONDS", 0.0)
    hub.bytes_per_second = 5e6
    events = told(hub, hub.fault(WEIGHTS, "stall", after=HERE), replace(IMPATIENT, tries=6, backoff_seconds=0.1))
    assert "model.safetensors: no data for 0 s, trying again (2/6)" in notes(list(events))
    assert events[-1].note == ""


def test_a_silence_is_told_before_it_is_given_up(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_QUIET_SECONDS", 0.05)
    fault = hub.fault(WEIGHTS, "stall", after=HERE)
    events = told(hub, fault, replace(IMPATIENT, silence_seconds=1))
    assert "model.safetensors: no data for 0 s" in notes(list(events))


def test_a_hub_that_does_not_answer_is_asked_again(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "_TIMEOUT_SECONDS", 0.2)
    fault = hub.fault("/api/models/*", "hang")
    events = told(hub, fault, replace(QUICK, backoff_seconds=0.1))
    assert notes(list(events)) == ["no answer, trying again (2/3)"]


def test_a_second_fetch_of_wrong_bytes_is_told(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "TELL_SECONDS", 0.0)
    hub.fault(WEIGHTS, "corrupt", at=5)
    stall = hub.fault(WEIGHTS, "stall", after=0)
    events = told(hub, stall)
    expected = "model.safetensors: its sha256 is not the published one, fetching it once more"
    assert expected in notes(list(events))
