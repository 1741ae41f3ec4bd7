"""The user's own list: directories that lie elsewhere, repositories to fetch some day."""

from __future__ import annotations

from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import Busy, FileError, ModelError, ModelNotFound
from picogpt_tui.hub.added import Added, add, forget, read_added
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.store import find_model, list_models, stored_model
from picogpt_tui.hub.upkeep import remove
from picogpt_tui.session.models import load

from ..gpt2.checkpoints import write_model
from .placed import cached, downloaded, state_of


def test_a_directory_is_used_where_it_lies_and_called_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_model(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert add("mine") == add("./mine/") == str(directory)
    listed = list_models()[-1]
    assert (listed.name, listed.kind, listed.path, listed.state) == (str(directory), "added", directory, "here")
    assert load(str(directory)).directory == find_model("mine") == directory


def test_a_repository_is_listed_until_it_is_here_by_itself() -> None:
    assert add("owner/model@v1") == "owner/model@v1"
    wanted = list_models()[-1]
    assert (wanted.name, wanted.kind, wanted.state, wanted.can_download) == (
        "owner/model@v1",
        "added",
        "not here",
        True,
    )
    downloaded("owner/model@v1")
    assert [(model.name, model.kind) for model in list_models()[5:]] == [("owner/model@v1", "local")]


def test_a_repository_that_is_in_the_cache_is_shared_and_can_be_taken_off_the_list() -> None:
    snapshot = cached("owner/model", revision="v1")
    add("owner/model@v1")
    assert [(model.name, model.path) for model in list_models()[5:]] == [("owner/model@v1", snapshot)]
    assert remove("owner/model@v1").freed_bytes == 0
    assert snapshot.is_dir()
    assert len(list_models()) == 5


def test_what_is_listed_already_is_not_listed_twice(tmp_path: Path) -> None:
    ours = downloaded("owner/model")
    for name in ("owner/model", str(ours)):
        add(name)
    assert [(model.name, model.kind) for model in list_models()[5:]] == [("owner/model", "local")]


def test_removal_takes_it_off_the_list_and_touches_no_file(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    before = state_of(directory)
    removed = remove(add(str(directory)))
    assert (removed.freed_bytes, state_of(directory), read_added()) == (0, before, Added())


def test_a_directory_that_is_gone_says_so_and_can_be_taken_off(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    name = add(str(directory))
    directory.rename(tmp_path / "yours")
    assert list_models()[-1].state.startswith("incomplete, lacks config.json")
    assert remove(name).name == name
    with pytest.raises(ModelNotFound):
        stored_model(name)


@pytest.mark.parametrize("name", ["owner/never-added", "owner/model"])
def test_what_was_never_added_is_not_removed(name: str) -> None:
    add("owner/other")
    with pytest.raises(ModelNotFound, match="there is nothing to remove"):
        remove(name)
    assert read_added() == Added((), ("owner/other",))


@pytest.mark.parametrize(
    "name",
    ["", "nothing", "/no/such/place", "~nobody-of-this-name/x", "~\x00", "a\x00b", "a" * 5000, "../../x", "o/.."],
)
def test_what_is_neither_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound, match="is neither a directory nor an owner/name; add the path") as caught:
        add(name)
    assert "\x00" not in str(caught.value)
    assert not paths.added_file().exists()


@pytest.mark.parametrize("name", ["124M", "gpt2", "openai-community/gpt2", "stories"])
def test_what_the_program_knows_needs_no_adding(name: str) -> None:
    with pytest.raises(ModelNotFound, match="is listed already"):
        add(name)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"directories": [7], "repositories": []}', b"\xff", b'{"directories": [""]}']
)
def test_a_damaged_list_hides_nothing_else_and_is_not_overwritten(content: bytes) -> None:
    paths.added_file().parent.mkdir(parents=True, exist_ok=True)
    paths.added_file().write_bytes(content)
    assert len(list_models()) == 5
    for change in (lambda: add("owner/model"), lambda: forget("owner/model")):
        with pytest.raises(ModelError, match="is damaged; correct it, or delete it"):
            change()
    assert paths.added_file().read_bytes() == content


def test_nonsense_that_somebody_wrote_into_it_is_listed_and_does_no_harm() -> None:
    paths.write_whole(paths.added_file(), '{"directories": ["a\\u0000b"], "repositories": ["no id", "../x"]}')
    assert [model.can_download for model in list_models()[5:]] == [False] * 3


def test_a_list_that_cannot_be_read_hinders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    monkeypatch.setenv("PICOGPT_HOME", str(file))
    assert len(list_models()) == 5
    with pytest.raises(FileError):
        add("owner/model")


def test_two_at_once_are_told(tmp_path: Path) -> None:
    with only_one(paths.added_file(), "the list of models"), pytest.raises(Busy, match="is at work on the list of mod"):
        add("owner/model")
