"""The published sizes: their names, and numbers that must agree with one another."""

from __future__ import annotations

import pytest

from picogpt_tui.hub.memory import Shape
from picogpt_tui.hub.registry import OPENAI, PUBLISHED, PublishedModel, host_of, published

SIZES = pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.name)


@SIZES
def test_each_is_known_by_name_alias_and_repository_in_any_case(model: PublishedModel) -> None:
    for name in (model.name, model.alias, model.repo):
        assert published(name) is published(name.upper()) is published(name.lower()) is model
        assert published(name + "x") is None


@SIZES
def test_the_shape_makes_the_parameters(model: PublishedModel) -> None:
    assert Shape(50257, model.n_ctx, model.n_embd, model.n_layer).n_params == model.n_params


@SIZES
def test_a_download_brings_at_least_the_weights(model: PublishedModel) -> None:
    assert 4 * model.n_params < model.download_bytes(OPENAI) < model.download_bytes()


def test_no_folder_belongs_to_two() -> None:
    folders = [folder for model in PUBLISHED for folder in model.folders]
    assert len(folders) == len(set(folders)) == 16


@pytest.mark.parametrize(
    "source, variable, value, host",
    [
        ("huggingface", "HF_ENDPOINT", "https://mirror.example/", "mirror.example"),
        ("huggingface", "HF_ENDPOINT", "", "huggingface.co"),
        ("openai", "PICOGPT_OPENAI_URL", "http://127.0.0.1:8000/gpt-2", "127.0.0.1:8000"),
        ("openai", "PICOGPT_OPENAI_URL", "", "openaipublic.blob.core.windows.net"),
        ("huggingface", "HF_ENDPOINT", "http://[broken", ""),
    ],
)
def test_the_host_follows_the_mirror(
    source: str, variable: str, value: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert host_of(source) == host
