"""What is installed: every way to name a model finds it, and what is not here says how to get it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import FileError, ModelNotFound, ModelNotHere
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.hub.added import add
from picogpt_tui.hub.locks import only_one
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED, Manifest, read_manifest
from picogpt_tui.hub.registry import OPENAI, PUBLISHED
from picogpt_tui.hub.store import (
    StoredModel,
    canonical_name,
    find_model,
    how_to_get,
    list_models,
    stored_model,
)

from .placed import begun, cached, downloaded

FILES = ("config.json", "model.safetensors", "vocab.json", "merges.txt")
OPENAI_FILES = ("hparams.json", "model.safetensors", "encoder.json", "vocab.bpe")


def install(folder: str, files: tuple[str, ...] = FILES, content: bytes = b"{}") -> Path:
    """A folder in the models directory that looks like a model."""
    directory = paths.models_dir() / folder
    directory.mkdir(parents=True)
    for name in files:
        (directory / name).write_bytes(content)
    return directory


def by_name(name: str) -> StoredModel:
    return next(model for model in list_models() if model.name == name)


# --- listing -------------------------------------------------------------------------------------------------------


def test_a_fresh_machine_has_the_bundled_model_and_knows_the_published_sizes() -> None:
    assert [(model.name, model.kind, model.is_here) for model in list_models()] == [
        ("stories", "bundled", True),
        ("124M", "published", False),
        ("355M", "published", False),
        ("774M", "published", False),
        ("1558M", "published", False),
    ]


def test_listing_creates_nothing() -> None:
    list_models()
    assert not paths.models_dir().exists()


def test_the_bundled_models_numbers(stories: LanguageModel) -> None:
    listed = by_name("stories")
    assert listed.path == stories.directory == paths.bundled_dir() / "stories"
    assert listed.n_params == stories.params.n_params == 3_554_304
    assert listed.size_bytes == sum(file.stat().st_size for file in stories.directory.iterdir())


def test_a_size_that_is_not_here_tells_what_would_be_fetched() -> None:
    model = by_name("355M")
    assert (model.path, model.n_params, model.size_bytes, model.missing) == (None, 354_823_168, 1_521_498_619, ())
    assert (model.state, model.licence, model.host) == ("not here", "MIT (modified)", "huggingface.co")


@pytest.mark.parametrize("folder", ["124M", "gpt2", "openai-community--gpt2"])
@pytest.mark.parametrize("files", [FILES, OPENAI_FILES], ids=["hugging face", "openai"])
def test_a_published_size_is_found_under_each_of_its_names(folder: str, files: tuple[str, ...]) -> None:
    directory = install(folder, files)
    model = by_name("124M")
    assert (model.kind, model.path, model.is_here, model.size_bytes) == ("published", directory, True, 8)
    assert [model.kind for model in list_models()].count("local") == 0
    assert find_model("124M") == find_model("gpt2") == directory


def test_local_folders_come_last_by_name() -> None:
    for folder in ("zeta", "owner--model", ".hidden"):
        install(folder)
    (paths.models_dir() / "a file").write_text("no model")
    assert [(model.name, model.kind) for model in list_models()[5:]] == [("owner/model", "local"), ("zeta", "local")]


@pytest.mark.parametrize("missing", FILES)
def test_a_folder_that_lacks_a_file_is_listed_as_not_ready(missing: str) -> None:
    install("half", tuple(name for name in FILES if name != missing))
    half = by_name("half")
    assert half.missing == (missing,)
    assert not half.is_here


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"[1, 2]",
        b"null",
        b'"text"',
        b"{}",
        b"\xff",
        b'{"vocab_size": Infinity, "n_positions": 5, "n_embd": 4, "n_layer": 1}',
        b'{"vocab_size": "many", "n_positions": 5, "n_embd": 4, "n_layer": 1}',
        b"[" * 100_000,
    ],
    ids=lambda config: ascii(config)[:24],
)
def test_a_damaged_config_does_not_spoil_the_list(config: bytes) -> None:
    (install("damaged") / "config.json").write_bytes(config)
    assert by_name("damaged").n_params is None


@pytest.mark.parametrize("context", ["n_positions", "n_ctx"])
def test_the_parameter_count_follows_from_the_config(context: str) -> None:
    fields = {"vocab_size": 50257, context: 1024, "n_embd": 768, "n_layer": 12}
    (install("mine") / "config.json").write_text(json.dumps(fields))
    assert by_name("mine").n_params == 124_439_808


# --- finding -------------------------------------------------------------------------------------------------------


def test_the_bundled_name() -> None:
    assert find_model("stories") == paths.bundled_dir() / "stories"


@pytest.mark.parametrize("name", ["zeta", "owner/model"])
def test_a_local_folder_by_its_name(name: str) -> None:
    directory = install(name.replace("/", "--"))
    assert find_model(name) == directory
    assert canonical_name(name) == name


def test_a_path_absolute_relative_and_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in (str(tmp_path / "mine"), "mine", "./mine", "mine/", "~/mine"):
        assert find_model(name) == tmp_path / "mine"
        assert canonical_name(name) == str(tmp_path / "mine")


def test_a_dot_is_the_directory_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the models directory, of which it is a name as well."""
    install("zeta")
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    for name, directory in ((".", tmp_path / "mine"), ("..", tmp_path), ("../mine", tmp_path / "mine")):
        assert find_model(name) == directory
        assert canonical_name(name) == str(directory)


@pytest.mark.parametrize("name", ["gpt2-medium", "GPT2-Medium", "355M", "355m", "openai-community/gpt2-medium"])
def test_a_published_size_that_is_not_here_says_how_to_get_it(name: str) -> None:
    with pytest.raises(ModelNotHere) as caught:
        find_model(name)
    message = "355M is not on this machine; `picogpt-tui models download 355M` fetches it (1.52 GB)."
    assert str(caught.value) == message == how_to_get(stored_model(name))
    assert (caught.value.name, caught.value.rest_bytes) == ("355M", 1_521_498_619)


def test_half_a_published_size_put_there_by_hand_says_what_it_lacks() -> None:
    install("124M", FILES[:2])
    model = by_name("124M")
    assert (model.is_here, model.state) == (False, "incomplete, lacks vocab.json, merges.txt")
    assert (model.n_params, model.size_bytes) == (124_439_808, 549_603_790)
    with pytest.raises(
        ModelNotHere, match=r"^124M lacks vocab.json and merges.txt; `picogpt-tui models download 124M`"
    ):
        find_model("124M")


def test_the_empty_folder_of_a_download_that_found_no_room_is_nothing() -> None:
    install("124M", ())
    assert by_name("124M").state == "not here"


@pytest.mark.parametrize("name", ["owner/model", "a-b.c/d_e", "owner/model@main", "owner/model@refs/pr/1"])
def test_a_hub_id_that_is_not_here_says_how_to_get_it(name: str) -> None:
    with pytest.raises(ModelNotHere) as caught:
        find_model(name)
    assert str(caught.value) == f"{name} is not on this machine; `picogpt-tui models download {name}` fetches it."
    assert (caught.value.name, caught.value.rest_bytes) == (name, None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nothing",
        "~nobody-of-this-name/model",
        "~\ud800/a/b",
        "~\x00",
        "a" * 5000,
        "a/" * 3000,
        "nul\x00byte",
        "../..//no",
        "/no/such/place",
        "./no/where",
        "\ud800",
        "a b/c d",
        "owner/..",
        "../x",
        "a/b@../../x",
        "a/b@..",
        "owner/.hidden",
        "--/--",
        "a--b/c",
    ],
    ids=lambda name: ascii(name)[:24],
)
def test_what_is_no_name_lists_what_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound, match=r"There is no model .*; name one of stories, 124M, 355M, 774M, 1558M"):
        find_model(name)


def test_a_name_cannot_leave_the_models_directory() -> None:
    install("zeta")
    (paths.models_dir().parent / "secret").mkdir()
    with pytest.raises(ModelNotFound):
        find_model("zeta/../../secret")


def test_hostile_names_reach_the_message_as_signs() -> None:
    with pytest.raises(ModelNotFound) as caught:
        find_model("\x1b[31m\u202e" + "x" * 1000)
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "name, meant",
    [
        ("125M", "124M"),
        ("gpt-2", "gpt2"),
        ("gpt2-meduim", "gpt2-medium"),
        ("Storys", "stories"),
        ("zta", "zeta"),
    ],
)
def test_a_typing_error_is_answered_with_what_was_meant(name: str, meant: str) -> None:
    install("zeta")
    with pytest.raises(ModelNotFound, match=rf"^There is no model '{name}' \(did you mean {meant}( or .*)?\?\); name"):
        find_model(name)


def test_a_folder_that_may_not_be_read_does_not_spoil_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read anything, so the refusal is played."""
    closed, iterdir = install("closed"), Path.iterdir

    def refuse(self: Path) -> object:
        if self == closed:
            raise PermissionError(13, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert by_name("closed").size_bytes == 0


# --- downloads: begun, whole, damaged ------------------------------------------------------------------------------


def test_a_download_that_has_begun_is_partial_and_goes_on() -> None:
    directory = begun("124M", n_weights=20_000)
    model, total = by_name("124M"), sum(file.size_bytes or 0 for file in manifest_of_begun(directory).files)
    here = sum(file.stat().st_size for file in directory.iterdir() if not file.name.startswith("manifest.json"))
    assert (model.path, model.size_bytes, model.partial_bytes) == (directory, total, here)
    assert (model.is_here, model.can_download, model.state) == (False, True, f"partial {100 * here // total} %")
    with pytest.raises(ModelNotHere) as caught:
        find_model("124M")
    assert "is not all here yet (4" in str(caught.value)
    assert str(caught.value).endswith("`picogpt-tui models download 124M` goes on with it.")
    assert caught.value.rest_bytes == total - here


def manifest_of_begun(directory: Path) -> Manifest:
    manifest = read_manifest(directory / UNFINISHED)
    assert manifest is not None
    return manifest


def test_a_download_all_of_whose_bytes_are_here_is_not_ready_without_its_manifest() -> None:
    """It was cut short while it was checked."""
    directory = downloaded("124M")
    os.replace(directory / MANIFEST, directory / UNFINISHED)
    assert (by_name("124M").state, by_name("124M").is_here) == ("partial 99 %", False)


def test_what_has_begun_from_openai_goes_on_from_there() -> None:
    """`models download 124M` would begin another one."""
    begun("124M-openai", source=OPENAI)
    with pytest.raises(ModelNotHere, match="`picogpt-tui models download 124M-openai` goes on") as caught:
        find_model("124M")
    assert caught.value.name == "124M-openai"


def test_each_source_has_its_own_folder_and_the_hub_s_is_taken_first() -> None:
    theirs = downloaded("124M-openai", source=OPENAI)
    assert find_model("124M") == find_model("124M-openai") == theirs
    ours = downloaded("124M")
    assert (find_model("124M"), find_model("124M-openai")) == (ours, theirs)
    assert [model.name for model in list_models()] == ["stories", "124M", "355M", "774M", "1558M", "124M-openai"]


def test_whole_before_begun_whichever_source_it_is_from() -> None:
    begun("124M")
    theirs = downloaded("124M-openai", source=OPENAI)
    assert find_model("124M") == theirs


def test_openais_name_of_a_size_that_is_not_here_can_be_downloaded() -> None:
    with pytest.raises(ModelNotHere, match=r"`picogpt-tui models download 124M-openai` fetches it \(499 MB\)"):
        find_model("124m-OpenAI")


@pytest.mark.parametrize("harm", ["lost", "cut short", "longer"])
def test_a_file_that_was_lost_or_changed_its_length_is_missed(harm: str) -> None:
    directory = downloaded("owner/model")
    weights = directory / "model.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    if harm != "lost":
        weights.write_bytes(content[:-1] if harm == "cut short" else content + b"x")
    model = by_name("owner/model")
    assert (model.is_here, model.missing) == (False, ("model.safetensors",))
    with pytest.raises(ModelNotHere, match=r"has lost or damaged model\.safetensors; .* fetches it again") as caught:
        find_model("owner/model")
    assert caught.value.rest_bytes == len(content)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"files": [{"name": "../../x"}]}'])
def test_a_damaged_manifest_does_not_hide_a_model_that_is_whole(content: bytes) -> None:
    directory = downloaded("124M")
    (directory / MANIFEST).write_bytes(content)
    assert (by_name("124M").is_here, find_model("124M")) == (True, directory)


def test_a_damaged_unfinished_manifest_is_a_download_that_has_begun() -> None:
    (begun("owner/model") / UNFINISHED).write_bytes(b"")
    model = by_name("owner/model")
    assert (model.state, model.percent, model.can_download) == ("partial", None, True)
    assert how_to_get(model).startswith("owner/model is not all here yet; `picogpt-tui")


def test_a_revision_with_a_slash_keeps_its_name() -> None:
    """The folder's name has none; a download by that name would ask for another revision."""
    directory = downloaded("owner/model@refs/pr/1")
    assert directory.name == "owner--model@refs--pr--1"
    assert by_name("owner/model@refs/pr/1").path == find_model("owner/model@refs/pr/1") == directory


def test_a_folder_that_was_given_another_name_is_a_folder_of_that_name() -> None:
    """Its manifest says 124M, but no download would come into it."""
    directory = downloaded("124M", folder="mine")
    (directory / "merges.txt").unlink()
    model = by_name("mine")
    assert (model.kind, model.can_download, find_model("mine")) == ("local", False, directory)


def test_names_in_a_manifest_reach_the_message_as_signs() -> None:
    directory = downloaded("owner/model")
    text = (directory / MANIFEST).read_text().replace("merges.txt", "\\u001b[31m")
    (directory / MANIFEST).write_text(text)
    assert "\x1b" not in how_to_get(by_name("owner/model"))
    assert "␛[31m" in how_to_get(by_name("owner/model"))


# --- where models are ----------------------------------------------------------------------------------------------


def test_the_models_directory_moves_with_a_variable_or_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.write_whole(paths.settings_file(), json.dumps({"models_dir": str(tmp_path / "set")}))
    directory = install("zeta")
    assert directory == tmp_path / "set" / "zeta"
    monkeypatch.setenv("PICOGPT_MODELS", str(tmp_path / "asked"))
    with pytest.raises(ModelNotFound):
        find_model("zeta")
    assert install("zeta") == find_model("zeta") == tmp_path / "asked" / "zeta"


def test_mirrors_are_named_as_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hf/")
    assert by_name("124M").host == "mirror.example"


def test_with_everything_installed_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in PUBLISHED:
        downloaded(model.name)
    cached("owner/cached")
    add("owner/wanted")

    def refuse(*args: object, **options: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert [model.is_here for model in list_models()] == [True] * 6 + [False]
    assert all(find_model(model.alias) for model in PUBLISHED)


def test_a_store_that_may_not_be_written_is_listed_and_refuses_a_download_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root may write anywhere, so the refusal is played."""
    directory = downloaded("124M")
    mkdir = Path.mkdir

    def refuse(self: Path, *args: Any, **options: Any) -> None:
        if paths.models_dir() in self.parents:
            raise PermissionError(13, "Permission denied")
        mkdir(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert find_model("124M") == directory
    with pytest.raises(FileError, match=r"^Cannot write .*: Permission denied\.$"), only_one(directory, "124M"):
        pytest.fail("it was locked")
