"""What is installed: every way to name a model finds it, and what is not here says how to get it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import ModelNotFound
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.hub.registry import PUBLISHED, published
from picogpt_tui.hub.store import StoredModel, canonical_name, find_model, how_to_get, list_models

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
    assert (model.path, model.n_params, model.size_bytes, model.missing) == (None, 354_823_168, 1_419_292_672, ())


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


@pytest.mark.parametrize("name", ["gpt2-medium", "GPT2-Medium", "355M", "355m"])
def test_a_published_size_that_is_not_here_says_how_to_get_it(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        find_model(name)
    message = str(caught.value)
    assert message.startswith("355M is not on this machine; put config.json, model.safetensors, vocab.json and merges.")
    assert "openai-community/gpt2-medium (1.4 GB)" in message
    assert message.endswith(f"into {paths.models_dir() / '355M'}.")
    known = published(name)
    assert known is not None
    assert message == how_to_get(known)


def test_half_a_published_size_is_not_here() -> None:
    install("124M", FILES[:2])
    assert not by_name("124M").is_here
    with pytest.raises(ModelNotFound, match="124M is not on this machine"):
        find_model("124M")


@pytest.mark.parametrize("name", ["owner/model", "a-b.c/d_e", "owner/model@main"])
def test_a_hub_id_that_is_not_here_says_where_it_would_be(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        find_model(name)
    assert str(caught.value).startswith(f"{name} is not on this machine; put its config.json")
    assert str(paths.models_dir() / name.replace("/", "--")) in str(caught.value)


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
    ],
    ids=lambda name: ascii(name)[:24],
)
def test_what_is_no_name_lists_what_is(name: str) -> None:
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


@pytest.mark.parametrize("size", [model.name for model in PUBLISHED])
def test_registry_knows_each_size_by_name_and_alias(size: str) -> None:
    model = published(size)
    assert model is not None
    assert published(model.alias) is published(model.alias.upper()) is model
    assert published(size + "x") is None


def test_a_folder_that_may_not_be_read_does_not_spoil_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read anything, so the refusal is played."""
    closed, iterdir = install("closed"), Path.iterdir

    def refuse(self: Path) -> object:
        if self == closed:
            raise PermissionError(13, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert by_name("closed").size_bytes == 0


