"""From what a person types to what is asked of whom, and a folder that no name can leave."""

from __future__ import annotations

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import ModelNotFound, SettingError
from picogpt_tui.hub.targets import Target, folder_of, hub_id, is_fetchable, name_of, target

HUB, AI = "huggingface", "openai"


@pytest.mark.parametrize(
    "name, source, expected",
    [
        ("124M", None, Target("124M", HUB, "openai-community/gpt2", "main", "124M")),
        ("GPT2-XL", None, Target("1558M", HUB, "openai-community/gpt2-xl", "main", "1558M")),
        ("openai-community/gpt2", HUB, Target("124M", HUB, "openai-community/gpt2", "main", "124M")),
        ("124M", AI, Target("124M-openai", AI, "124M", "", "124M-openai")),
        ("124m-openai", None, Target("124M-openai", AI, "124M", "", "124M-openai")),
        ("owner/name", None, Target("owner/name", HUB, "owner/name", "main", "owner--name")),
        ("owner/name@v1.0", HUB, Target("owner/name@v1.0", HUB, "owner/name", "v1.0", "owner--name@v1.0")),
        ("o/n@refs/pr/1", None, Target("o/n@refs/pr/1", HUB, "o/n", "refs/pr/1", "o--n@refs--pr--1")),
    ],
    ids=str,
)
def test_names_that_can_be_fetched(name: str, source: str | None, expected: Target) -> None:
    assert target(name, source) == expected
    assert expected.directory == paths.models_dir() / expected.folder
    assert is_fetchable(name)


HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "x/..",
    "../..",
    "owner/..",
    "owner/../x",
    "a/b@../../x",
    "a/b@..",
    "a/b@/etc",
    "/etc/passwd",
    "a/b/c",
    "a\\b",
    "a/b\\..\\c",
    "C:/x",
    "a/b\n",
    "a/b\x00",
    "a b/c",
    "é/b",
    "-a/b",
    ".a/b",
    "a/b.",
    "a--b/c",
    "a/" + "b" * 97,
    "a/b@" + "c" * 202,
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:24])
def test_names_that_climb_or_hide_are_none(name: str) -> None:
    assert hub_id(name) is None
    assert not is_fetchable(name)
    with pytest.raises(ModelNotFound, match="There is no model") as caught:
        target(name)
    assert not set("\n\x00\x1b") & set(str(caught.value))


@pytest.mark.parametrize("name", ["owner/name", "a.b_c-d/e.f_g-h", "o/na--me", "o/n@v1"])
def test_a_folder_s_name_gives_the_model_s(name: str) -> None:
    assert name_of(folder_of(name)) == name


def test_the_bundled_model_is_not_fetched() -> None:
    with pytest.raises(ModelNotFound, match=r"^stories is bundled; name one of 124M, "):
        target("stories")


def test_a_typing_error_is_answered_with_what_was_meant() -> None:
    with pytest.raises(ModelNotFound, match=r"no model '335M' to download \(did you mean 355M\?\); name one of"):
        target("335M")


@pytest.mark.parametrize("name, source", [("124M", "elsewhere"), ("owner/name", AI)])
def test_a_source_that_has_no_such_model_is_refused(name: str, source: str) -> None:
    with pytest.raises(SettingError, match=r"^source must be "):
        target(name, source)
