"""Where an int8 copy is kept, and that whoever loads the model finds it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import FileError, ModelNotFound
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.int8_file import INT8_FILE
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.session.models import load, load_steps
from picogpt_tui.session.quantized import int8_file as kept_file
from picogpt_tui.session.quantized import int8_files, keep_int8, kernel_trouble

MakeModel = Callable[..., Path]


def keep(name: str) -> Path:
    *steps, path = keep_int8(name)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(path, Path)
    return path


def test_beside_a_model_of_the_user_s(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    assert kept_file(directory) is None
    assert keep(str(directory)) == directory / INT8_FILE == kept_file(directory)


def test_in_a_folder_of_ours_for_the_bundled_model_and_the_hugging_face_cache(
    tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What belongs to others, or to the package, is not written in."""
    directory = tiny_model_dir()
    monkeypatch.setenv("HF_HUB_CACHE", str(directory.parent))
    for name in (str(directory), "stories"):
        path = keep(name)
        assert path.parent == paths.int8_dir()
        assert path.is_file()
    assert len(list(paths.int8_dir().iterdir())) == 2
    assert not (directory / INT8_FILE).exists()


def test_elsewhere_where_the_model_s_folder_may_not_be_written_in(
    tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tiny_model_dir()
    may_not_be_written_in(directory, monkeypatch)
    path = keep(str(directory))
    assert path.parent == paths.int8_dir()
    assert path == kept_file(directory)
    assert is_loaded_from_a_copy(directory)


def test_nowhere_is_told(tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tiny_model_dir()
    may_not_be_written_in(directory, monkeypatch)
    paths.int8_dir().parent.mkdir(parents=True)
    paths.int8_dir().write_text("a file where a folder should be")
    with pytest.raises(FileError, match="Cannot write"):
        keep(str(directory))


def may_not_be_written_in(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for root, who may write anywhere."""
    real = tempfile.mkstemp

    def refuse(*, prefix: str, dir: Path) -> tuple[int, str]:
        if dir == directory:
            raise PermissionError(13, "Permission denied")
        return real(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)


def is_loaded_from_a_copy(directory: Path) -> bool:
    steps = [step for step in load_steps(str(directory), precision="int8") if isinstance(step, Progress)]
    return {step.phase for step in steps} == {"loading"}


def test_who_loads_it_finds_it(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    keep(str(directory))
    assert is_loaded_from_a_copy(directory)


def test_without_it_the_weights_are_quantized(tiny_model_dir: MakeModel) -> None:
    assert not is_loaded_from_a_copy(tiny_model_dir())


def test_each_precision_is_its_own_model(tiny_model_dir: MakeModel) -> None:
    name = str(tiny_model_dir())
    in_int8 = load(name, precision="int8")
    assert in_int8.precision == "int8"
    assert load(name, precision="int8") is in_int8
    assert load(name).precision == "float32"


def test_two_directories_have_two_places(tiny_model_dir: MakeModel) -> None:
    one, other = tiny_model_dir(name="one"), tiny_model_dir(name="other")
    assert not set(int8_files(one)) & set(int8_files(other))
    assert int8_files(one) == int8_files(Path(os.path.relpath(one)).resolve())


def test_a_model_that_is_not_here_is_told() -> None:
    with pytest.raises(ModelNotFound):
        keep("no such model")


def test_the_trouble_is_the_kernel_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KERNEL, "trouble", "it rains")
    assert kernel_trouble() == "it rains"
