"""Models in the user's Hugging Face cache: found in its real layout, used where they lie, never touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from picogpt_tui.errors import ModelError, ModelNotFound
from picogpt_tui.hub import hf_cache
from picogpt_tui.hub.store import find_model, list_models, stored_model
from picogpt_tui.hub.upkeep import remove
from picogpt_tui.session.models import load

from .placed import COMMIT, cached, downloaded, state_of

OTHER = "a" * 40


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_a_published_size_in_the_cache_is_here_and_shared(links: bool) -> None:
    snapshot = cached("openai-community/gpt2", links=links)
    assert (snapshot / "config.json").is_symlink() is links
    model = stored_model("124M")
    assert (model.path, model.kind, model.is_here, model.is_shared) == (snapshot, "published", True, True)
    assert (model.state, model.host, model.licence) == ("here, shared", "huggingface.co", "MIT (modified)")
    assert model.size_bytes == sum(os.path.getsize(file) for file in snapshot.iterdir())
    assert load("gpt2").directory == snapshot


def test_the_older_name_without_an_owner_counts_as_well() -> None:
    snapshot = cached("gpt2")
    assert find_model("124M") == snapshot
    assert [model.name for model in list_models()] == ["stories", "124M", "355M", "774M", "1558M"]


def test_any_other_gpt2_is_listed_by_its_id() -> None:
    snapshot = cached("owner/na--me")
    model = list_models()[-1]
    assert (model.name, model.kind, model.path, model.state) == ("owner/na--me", "shared", snapshot, "here, shared")
    assert find_model("owner/na--me") == snapshot


def test_our_own_download_is_taken_before_the_cache() -> None:
    cached("openai-community/gpt2")
    ours = downloaded("124M")
    assert (find_model("124M"), stored_model("124M").is_shared) == (ours, False)


def test_a_revision_is_found_by_its_name_and_by_its_commit() -> None:
    main, dev = cached("owner/model"), cached("owner/model", revision="dev", commit=OTHER)
    assert (find_model("owner/model"), find_model("owner/model@dev")) == (main, dev)
    assert (find_model(f"owner/model@{OTHER}"), find_model(f"owner/model@{COMMIT}")) == (dev, main)
    with pytest.raises(ModelNotFound):
        find_model("owner/model@v2")


def _other_architecture(snapshot: Path) -> None:
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").write_text(json.dumps({"model_type": "llama"}))


def _no_config(snapshot: Path) -> None:
    (snapshot / "config.json").unlink()


def _config_is_no_object(snapshot: Path) -> None:
    (snapshot / "config.json").write_text("[1]")


def _only_pickled_weights(snapshot: Path) -> None:
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")


def _link_into_nothing(snapshot: Path) -> None:
    os.unlink(os.path.realpath(snapshot / "model.safetensors"))


def _main_points_nowhere(snapshot: Path) -> None:
    (snapshot.parents[1] / "refs" / "main").write_text(OTHER)


def _main_climbs(snapshot: Path) -> None:
    (snapshot.parents[1] / "refs" / "main").write_text("../../../..")


@pytest.mark.parametrize(
    "harm",
    [
        _other_architecture,
        _no_config,
        _config_is_no_object,
        _only_pickled_weights,
        _link_into_nothing,
        _main_points_nowhere,
        _main_climbs,
    ],
    ids=lambda harm: harm.__name__,
)
def test_what_is_no_whole_gpt2_is_passed_over(harm: object) -> None:
    assert callable(harm)
    harm(cached("openai-community/gpt2"))
    harm(cached("owner/model"))
    assert [(model.name, model.is_here) for model in list_models()[1:]] == [
        (name, False) for name in ("124M", "355M", "774M", "1558M")
    ]
    with pytest.raises(ModelNotFound):
        find_model("owner/model")


def test_data_sets_and_stray_files_are_passed_over() -> None:
    cached("owner/model")
    (hf_cache.cache_dir() / "datasets--owner--texts").mkdir()
    (hf_cache.cache_dir() / "models--owner--file").write_text("no folder")
    (hf_cache.cache_dir() / "version.txt").write_text("1")
    assert [repo for repo, _ in hf_cache.snapshots()] == ["owner/model"]


@pytest.mark.parametrize("name", ["124M", "owner/model"])
def test_it_is_never_removed(name: str) -> None:
    cached("openai-community/gpt2")
    cached("owner/model")
    before = state_of(hf_cache.cache_dir())
    with pytest.raises(ModelError, match=r"lies in the Hugging Face cache .* which other programs use too"):
        remove(name)
    list_models()
    assert state_of(hf_cache.cache_dir()) == before


@pytest.mark.parametrize(
    "variables, place",
    [
        ({}, "HOME/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/huggingface/hub"),
        ({"HF_HOME": "/hf", "XDG_CACHE_HOME": "/xdg"}, "/hf/hub"),
        ({"HF_HOME": "~/hf"}, "HOME/hf/hub"),
        ({"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/hf"}, "/old"),
        ({"HF_HUB_CACHE": "/new", "HUGGINGFACE_HUB_CACHE": "/old"}, "/new"),
    ],
    ids=str,
)
def test_the_place_is_the_one_its_library_uses(
    variables: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hf_cache.cache_dir() == Path(place.replace("HOME", os.path.expanduser("~")))


def test_digests_are_the_names_of_blobs(tmp_path: Path) -> None:
    snapshot = cached("owner/model")
    assert hf_cache.digest_of(snapshot / "model.safetensors").startswith("sha256:")
    assert hf_cache.digest_of(snapshot / "config.json").startswith("git-sha1:")
    assert hf_cache.digest_of(cached("owner/plain", links=False) / "config.json") == ""
    (tmp_path / "config.json").write_text("{}")
    assert hf_cache.digest_of(tmp_path / "config.json") == ""
