"""Settings survive a restart, and a file that a person broke costs no more than what is broken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui import paths
from picogpt_tui.errors import FileError
from picogpt_tui.session import preferences
from picogpt_tui.session.chat import MODES, ChatTemplate
from picogpt_tui.session.preferences import Preferences, load, save
from picogpt_tui.settings import MAX_SEED, GenerationSettings, SamplingSettings

OTHER = Preferences(
    model="124M",
    theme="picogpt-paper",
    mode="chat",
    generation=GenerationSettings(
        SamplingSettings(1.1, 0.0, 0, 0.9, 0.05, 0.95), max_tokens=7, seed=5, when_full="stop", prompt_lookup=False
    ),
    template=ChatTemplate("Q: {prompt}\nA:", ("\nQ:", "###")),
    panels=("tokens",),
    keys={"again": "f12"},
    precisions={"124M": "int8", "774M": "float32"},
)
"""No field has its default."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def write(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(fields), encoding="utf-8")


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


# --- round trip ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("saved", [Preferences(), OTHER], ids=["defaults", "others"])
def test_what_is_saved_is_loaded(path: Path, saved: Preferences) -> None:
    save(saved, path)
    assert load(path) == (saved, [])


@given(
    sampling=st.builds(
        SamplingSettings,
        temperature=st.floats(0, 5),
        top_k=st.integers(0, 10**6),
        top_p=st.floats(0.001, 1),
        min_p=st.floats(0, 1),
    ),
    seed=st.none() | st.integers(0, MAX_SEED),
    max_tokens=st.integers(0, 10**9),
    mode=st.sampled_from(MODES),
    model=st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.just("\ud800[b]\x1b"),
    panels=st.lists(st.sampled_from(["next", "tokens", "sampling"]), unique=True).map(tuple),
)
def test_whatever_was_set_is_remembered(
    tmp_path_factory: pytest.TempPathFactory,
    sampling: SamplingSettings,
    seed: int | None,
    max_tokens: int,
    mode: str,
    model: str,
    panels: tuple[str, ...],
) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    generation = GenerationSettings(sampling, max_tokens, seed)
    saved = Preferences(model=model, mode=mode, generation=generation, panels=panels)
    save(saved, path)
    assert load(path) == (saved, [])


def test_what_belongs_to_one_request_is_not_remembered(path: Path) -> None:
    """Stop strings come from the template, and how many candidates are shown from the screen."""
    save(Preferences(generation=GenerationSettings(stop=("x",), top_n=99, stop_at_end_of_text=False)), path)
    assert load(path)[0].generation == GenerationSettings()


def test_without_a_file_the_defaults_are_used_and_nothing_is_told() -> None:
    assert load() == (Preferences(), [])
    assert not paths.settings_file().parent.exists(), "looking makes nothing"


def test_the_file_is_where_paths_says() -> None:
    save(OTHER)
    assert paths.settings_file().is_file()
    assert load() == (OTHER, [])


# --- one bad value -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value, why",
    [
        ("model", 5, "expected a text, got 5"),
        ("model", "", "expected a text, got ''"),
        ("theme", None, "expected a text, got None"),
        ("mode", "sing", "expected one of complete, chat, got 'sing'"),
        ("mode", ["chat"], "expected one of complete, chat"),
        ("generation", [], "list"),
        ("generation", "fast", "there is no"),
        ("generation", {"warmth": 1}, "there is no warmth"),
        ("generation", {"stop": ["x"]}, "there is no stop"),
        ("generation", {"sampling": {"warmth": 1}}, "warmth"),
        ("generation", {"sampling": {"temperature": -1}}, "temperature must be 0 (greedy) or more, not -1"),
        ("generation", {"sampling": {"temperature": "hot"}}, "temperature must be"),
        ("generation", {"sampling": {"temperature": float("nan")}}, "temperature must be"),
        ("generation", {"sampling": {"temperature": 10**400}}, "temperature must be"),
        ("generation", {"sampling": {"top_k": 1.5}}, "top k must be"),
        ("generation", {"sampling": {"top_k": True}}, "top k must be"),
        ("generation", {"sampling": {"top_p": 0}}, "top p must be"),
        ("generation", {"sampling": []}, "mapping"),
        ("generation", {"max_tokens": -1}, "max tokens must be"),
        ("generation", {"seed": MAX_SEED + 1}, "seed must be"),
        ("generation", {"when_full": "burst"}, "when full must be"),
        ("template", "Q: {prompt}", "string indices"),
        ("template", {"text": "Q:", "stop": []}, "chat template must be a text with {prompt}"),
        ("template", {"text": "{prompt}"}, "stop"),
        ("template", {"text": "{prompt}", "stop": "\nQ:"}, "expected a list of texts for stop"),
        ("template", {"text": "{prompt}", "stop": [""]}, "expected a text"),
        ("panels", "next", "expected some of next, tokens, sampling"),
        ("panels", ["nxt"], "expected some of next, tokens, sampling"),
        ("panels", [["next"]], "expected some of"),
        ("keys", [], "list"),
        ("keys", {"": "f12"}, "expected a text"),
        ("generation", {"prompt_lookup": "yes"}, "prompt lookup must be true or false"),
        ("precisions", ["124M"], "list"),
        ("precisions", {"124M": "int4"}, "expected float32 or int8 for a model, got 'int4'"),
        ("precisions", {"124M": ["int8"]}, "expected float32 or int8 for a model, got ['int8']"),
        ("precisions", {"124M": None}, "expected float32 or int8 for a model, got None"),
        ("precisions", {"124M": ""}, "expected float32 or int8 for a model, got ''"),
        ("precisions", {"": "int8"}, "expected a text"),
        ("themes", "picogpt-paper", "no setting has that name"),
        ("\x1b[31m\u202e", 1, "no setting has that name"),
        ("model", {"\x1b": "\u202e"}, "expected a text"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_one_bad_value_is_told_of_and_only_it_falls_back(path: Path, name: str, value: object, why: str) -> None:
    """All other settings stand: a slip in one line must not cost the rest."""
    save(OTHER, path)
    good = json.loads(path.read_text(encoding="utf-8"))
    write(path, **(good | {name: value}))
    loaded, [notice] = load(path)
    assert why in notice
    assert not set("\x1b\u202e\n") & set(notice)
    for field in ("model", "theme", "mode", "generation", "template", "panels", "keys", "precisions"):
        expected = Preferences() if field == name else OTHER
        assert getattr(loaded, field) == getattr(expected, field), field
    assert names(path) == ["settings.json"], "the file stays where it is"
    save(loaded.changed(panels=()), path)
    kept = json.loads(path.read_text(encoding="utf-8"))
    expected_value = value if name != "panels" else []
    assert repr(kept[name]) == repr(expected_value), "and what was written stays until it is changed"


def test_every_bad_value_is_told_of(path: Path) -> None:
    write(path, model=5, mode="sing", theme="picogpt-paper")
    loaded, notices = load(path)
    assert loaded == Preferences(theme="picogpt-paper", unused={"model": 5, "mode": "sing"})
    assert [notice.startswith(f"{path}: {name!r}") for name, notice in zip(("model", "mode"), notices, strict=True)]


# --- a damaged file ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"model": "124M",}',
        b"[]",
        b"null",
        b"5",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
    ids=["empty", "cut", "comma", "list", "null", "number", "bytes", "nested", "huge number"],
)
def test_a_damaged_file_is_kept_aside_and_told_of(path: Path, content: bytes) -> None:
    """The next save must not destroy what somebody wrote by hand."""
    path.write_bytes(content)
    loaded, [notice] = load(path)
    assert loaded == Preferences()
    [aside] = names(path)
    assert aside.startswith("settings.json.damaged-")
    assert (path.parent / aside).read_bytes() == content
    assert str(path.parent / aside) in notice
    assert "defaults are used" in notice
    assert load(path) == (Preferences(), []), "it is told once"


def test_two_damaged_files_of_one_second_are_both_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Still(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Still:
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(preferences, "datetime", Still)
    for content in ("first", "second", "third"):
        path.write_text(content)
        load(path)
    stem = "settings.json.damaged-20260102-030405"
    assert names(path) == [stem, f"{stem}-2", f"{stem}-3"]
    assert [(path.parent / name).read_text() for name in names(path)] == ["first", "second", "third"]


def no_reading(*_: object, **__: object) -> str:
    raise PermissionError(13, "Permission denied")


def no_moving(*_: object) -> None:
    raise PermissionError(30, "Read-only file system")


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_text("{"), lambda path: path.mkdir()], ids=["damaged", "a folder"]
)
def test_a_file_that_cannot_be_moved_is_told_of_and_left(
    path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], object]
) -> None:
    """A read-only home: the app starts all the same."""
    damage(path)
    monkeypatch.setattr(os, "replace", no_moving)
    loaded, [notice] = load(path)
    assert loaded == Preferences()
    assert "Settings could not be read" in notice
    assert "Read-only file system" in notice
    assert "Defaults are used" in notice
    assert names(path) == ["settings.json"]


def test_a_file_that_may_not_be_read_is_kept_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(OTHER, path)
    content = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", no_reading)
        loaded, [notice] = load(path)
    assert loaded == Preferences()
    assert "Permission denied" in notice
    [aside] = names(path)
    assert (path.parent / aside).read_bytes() == content


def test_a_file_that_cannot_be_written_says_so_and_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(OTHER, path)
    monkeypatch.setattr(os, "replace", no_moving)
    with pytest.raises(FileError, match=r"Cannot write .*: Read-only file system"):
        save(Preferences(), path)
    assert load(path) == (OTHER, [])
    assert names(path) == ["settings.json"]
