"""A model is loaded by name, once; a changed file is read anew; a failure names what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from picogpt_tui import load as load_from_package
from picogpt_tui.errors import ModelNotFound, SettingError, WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.tf_checkpoint import DATA_FILE
from picogpt_tui.session.models import load, load_steps

from ..gpt2.checkpoints import write_model, write_tf_model

MakeModel = Callable[..., Path]


def test_load_steps_tells_how_far_it_is_and_ends_with_the_model(tiny_model_dir: MakeModel) -> None:
    *steps, model = load_steps(str(tiny_model_dir()))
    assert isinstance(model, LanguageModel)
    assert [type(step) for step in steps] == [Progress] * len(steps)
    last = steps[-1]
    assert isinstance(last, Progress)
    assert last.done == last.total == len(steps) - 1


def test_a_second_call_gives_the_same_object_at_once(tiny_model_dir: MakeModel) -> None:
    name = str(tiny_model_dir())
    model = load(name)
    assert list(load_steps(name)) == [model]
    assert load(name) is model


def test_two_that_load_at_once_end_with_the_same_object(tiny_model_dir: MakeModel) -> None:
    """Both began before either was done: the weights of the later one are dropped."""
    name = str(tiny_model_dir())
    first, second = load_steps(name), load_steps(name)
    next(first), next(second)
    *_, one = first
    *_, other = second
    assert one is other
    assert load(name) is one


def test_every_name_of_a_directory_gives_the_same_object(
    tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tiny_model_dir()
    monkeypatch.chdir(directory.parent)
    assert load("tiny") is load(str(directory)) is load("./tiny")


def test_changed_weights_are_read_anew(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir(seed=1)
    before = load(str(directory))
    kept = before.logits([1, 2]).copy()
    (directory / "model.safetensors").unlink()  # replaced, not written over: the old model goes on reading the old file
    write_model(directory, seed=2, lm_head=True)
    after = load(str(directory))
    assert after is not before
    assert (before.logits([1, 2]) == kept).all()
    assert (after.logits([1, 2]) != kept).any()


def test_openais_own_files_give_the_same_params(tiny_model_dir: MakeModel, tmp_path: Path) -> None:
    ours, theirs = load_from_package(str(tiny_model_dir())), load_from_package(str(write_tf_model(tmp_path / "tf")))
    assert theirs is not ours
    for (name, values), (_, other) in zip(ours.params.walk(), theirs.params.walk(), strict=True):
        assert values.tobytes() == other.tobytes(), name


def test_a_changed_checkpoint_is_read_anew(tmp_path: Path) -> None:
    """Its size is the same, its time is not."""
    before = load(str(write_tf_model(tmp_path, seed=1)))
    assert load(str(tmp_path)) is before
    (tmp_path / DATA_FILE).unlink()
    write_tf_model(tmp_path, seed=2)
    os.utime(tmp_path / DATA_FILE, ns=(1, 1))
    after = load(str(tmp_path))
    assert (after.logits([1, 2]) != before.logits([1, 2])).any()


def test_a_models_name_is_the_canonical_one(tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tiny_model_dir()
    monkeypatch.chdir(directory.parent)
    assert load("tiny").name == str(directory)
    assert load("stories").name == "stories"


def test_the_packages_load_is_this_one_and_its_default_the_bundled_model() -> None:
    assert load_from_package() is load("stories")
    with pytest.raises(SettingError):
        load_from_package(precision="float64")


@pytest.mark.parametrize("precision", ["float16", "", "FLOAT32"])
def test_an_unknown_precision_is_refused_before_anything_is_read(precision: str) -> None:
    with pytest.raises(SettingError, match="precision must be 'float32' or 'int8'"):
        next(load_steps("no such model", precision=precision))


def test_what_is_not_here_says_so() -> None:
    with pytest.raises(ModelNotFound, match="There is no model 'nothing'"):
        load("nothing")


def test_a_failed_load_leaves_the_model_in_memory(tiny_model_dir: MakeModel) -> None:
    good, bad = tiny_model_dir(name="good"), tiny_model_dir(name="bad")
    model = load(str(good))
    (bad / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(WeightsError):
        load(str(bad))
    assert load(str(good)) is model
