"""A kept int8 copy is the model quantized anew, or it is not used."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from picogpt_tui.errors import FileError, WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.int8 import Int8Matrix
from picogpt_tui.gpt2.int8_file import INT8_FILE, Source, int8_params, quantized_params, read_int8, write_int8
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.model import forward
from picogpt_tui.gpt2.params import Params, expected_shapes, is_matrix
from picogpt_tui.gpt2.tokenizer import read_tokenizer
from picogpt_tui.gpt2.weights import load_params
from picogpt_tui.paths import bundled_dir

from ..conftest import SHARED
from .checkpoints import TINY, random_ids, write_model, write_tf_model

MakeModel = Callable[..., Path]
N_TENSORS = len(expected_shapes(TINY))


def last(steps: Iterable[Progress | Params]) -> Params:
    *_, params = steps
    assert isinstance(params, Params)
    return params


def stored(params: Params) -> dict[str, bytes]:
    """Every array's bytes, scales too."""
    found: dict[str, bytes] = {}
    for name, array in params._stored():
        if isinstance(array, Int8Matrix):
            found |= {name: array.rows.tobytes(), f"{name} scales": array.scales.tobytes()}
        else:
            assert isinstance(array, np.ndarray)
            found[name] = array.tobytes()
    return found


def kept(directory: Path, config: GPT2Config = TINY) -> Path:
    path = directory / INT8_FILE
    for _ in write_int8(directory, config, path):
        pass
    return path


def is_read(path: Path, directory: Path) -> bool:
    try:
        last(read_int8(path, TINY, Source.of(directory)))
    except WeightsError:
        return False
    return True


# --- what is in it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_a_kept_copy_is_what_is_quantized_in_memory(tiny_model_dir: MakeModel, dtype: str) -> None:
    directory = tiny_model_dir(dtype=dtype, masks=True, lm_head=True, prefix="transformer.")
    from_file = last(read_int8(kept(directory), TINY, Source.of(directory)))
    assert stored(from_file) == stored(last(quantized_params(directory, TINY)))
    assert from_file.n_params == last(load_params(directory, TINY)).n_params


def test_so_is_one_of_openai_s_checkpoint(tmp_path: Path) -> None:
    directory, other = write_tf_model(tmp_path / "tf"), write_model(tmp_path / "other")
    from_file = last(read_int8(kept(directory), TINY, Source.of(directory)))
    assert stored(from_file) == stored(last(quantized_params(other, TINY)))


def test_every_matrix_is_int8_and_nothing_else(tiny_model_dir: MakeModel) -> None:
    params = last(quantized_params(tiny_model_dir(), TINY))
    kinds = {name: isinstance(array, Int8Matrix) for name, array in params._stored()}
    assert kinds == {name: is_matrix(name) for name in expected_shapes(TINY)}
    assert sum(kinds.values()) == 1 + 4 * TINY.n_layer


def test_logits_are_near_those_of_float32(tiny_model_dir: MakeModel) -> None:
    directory, ids = tiny_model_dir(), random_ids(TINY, TINY.n_ctx)
    exact, near = (
        forward(ids, last(steps(directory, TINY)), TINY, KVCache(TINY), all_logits=True)
        for steps in (load_params, quantized_params)
    )
    assert 0 < np.abs(near - exact).max() < 0.02 * np.abs(exact).max()


def test_it_is_a_safetensors_file_that_says_what_it_is(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    with safe_open(kept(directory), framework="numpy") as file:
        names, metadata = set(file.keys()), file.metadata()
        rows = file.get_tensor("h.0.attn.c_attn.weight")
        scales = file.get_tensor("h.0.attn.c_attn.scale")
    assert names == {
        *expected_shapes(TINY),
        *(f"{n.removesuffix('.weight')}.scale" for n in expected_shapes(TINY) if is_matrix(n)),
    }
    assert (rows.dtype, rows.shape, scales.shape) == (
        np.dtype("int8"),
        (3 * TINY.n_embd, TINY.n_embd),
        (3 * TINY.n_embd,),
    )
    assert metadata["format"] == "picogpt-int8-1"
    assert len(metadata["source_sha256"]) == 64
    assert set(json.loads(metadata["crc32"])) == names


def test_progress_counts_every_tensor_and_ends_full(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    made = list(write_int8(directory, TINY, directory / INT8_FILE))
    assert [(step.phase, step.done, step.total) for step in made] == [
        ("quantizing", n, N_TENSORS) for n in [0, *range(N_TENSORS + 1)]
    ]
    *read, _ = read_int8(directory / INT8_FILE, TINY, Source.of(directory))
    assert all(isinstance(step, Progress) and step.phase == "loading" for step in read)


# --- stale or damaged ----------------------------------------------------------------------------------------------


@given(st.data())
def test_a_byte_that_changed_is_found_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = write_model(tmp_path_factory.mktemp("model") / "tiny")
    path = kept(directory)
    raw = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(raw[:8], "little")
    at = data.draw(st.integers(header, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    assert not is_read(path, directory)


@pytest.mark.parametrize("n_left", [0, 7, 100, 5000, -1])
def test_a_file_that_is_cut_short_is_not_read(tiny_model_dir: MakeModel, n_left: int) -> None:
    directory = tiny_model_dir()
    path = kept(directory)
    path.write_bytes(path.read_bytes()[:n_left])
    assert not is_read(path, directory)


def test_a_file_of_another_kind_or_config_is_not_read(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    path = kept(directory)
    with pytest.raises(WeightsError, match="does not hold the tensors of its config"):
        last(read_int8(path, replace(TINY, n_layer=2), Source.of(directory)))
    shutil.copy(directory / "model.safetensors", path)
    with pytest.raises(WeightsError, match="was not made of the weights"):
        last(read_int8(path, TINY, Source.of(directory)))


def test_a_copy_of_other_weights_is_not_read(tiny_model_dir: MakeModel) -> None:
    """Of the same size, and whatever time they bear."""
    directory = tiny_model_dir(seed=1)
    path = kept(directory)
    stat = (directory / "model.safetensors").stat()
    tiny_model_dir(seed=2)
    os.utime(directory / "model.safetensors", ns=(0, stat.st_mtime_ns + 1))
    assert (directory / "model.safetensors").stat().st_size == stat.st_size
    assert not is_read(path, directory)


def test_weights_that_were_only_touched_or_copied_are_the_same(tiny_model_dir: MakeModel, tmp_path: Path) -> None:
    directory = tiny_model_dir()
    path = kept(directory)
    os.utime(directory / "model.safetensors", ns=(0, 12345))
    assert is_read(path, directory)
    copied = shutil.copytree(directory, tmp_path / "copied", copy_function=shutil.copyfile)
    assert is_read(copied / INT8_FILE, copied)


@pytest.mark.parametrize("spoil", ["damaged", "stale", "not a file of ours"])
def test_a_copy_that_cannot_be_used_is_made_anew(tiny_model_dir: MakeModel, spoil: str) -> None:
    directory = tiny_model_dir(seed=1)
    path = kept(directory)
    good = path.read_bytes()
    if spoil == "stale":
        tiny_model_dir(seed=2)
        os.utime(directory / "model.safetensors", ns=(0, 1))
    else:
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]) if spoil == "damaged" else b"hello")
    params = last(int8_params(directory, TINY, [path]))
    assert stored(params) == stored(last(quantized_params(directory, TINY)))
    assert is_read(path, directory)
    assert (path.read_bytes() == good) == (spoil != "stale")


def test_without_a_copy_none_is_made(tiny_model_dir: MakeModel) -> None:
    """It is kept on the user's wish alone."""
    directory = tiny_model_dir()
    before = sorted(directory.iterdir())
    params = last(int8_params(directory, TINY, [directory / INT8_FILE, directory / "elsewhere"]))
    assert stored(params) == stored(last(quantized_params(directory, TINY)))
    assert sorted(directory.iterdir()) == before


def test_a_copy_that_can_neither_be_used_nor_made_is_no_hindrance(
    tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tiny_model_dir()
    path = kept(directory)
    path.write_bytes(b"damaged")
    monkeypatch.setattr(tempfile, "mkstemp", _no_place)
    params = last(int8_params(directory, TINY, [path]))
    assert stored(params) == stored(last(quantized_params(directory, TINY)))
    assert path.read_bytes() == b"damaged"


def _no_place(*args: Any, **options: Any) -> tuple[int, str]:
    raise PermissionError(13, "Permission denied")


# --- whole or not at all -------------------------------------------------------------------------------------------


def test_what_is_left_half_way_leaves_what_was_there(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    path = kept(directory)
    good = path.read_bytes()
    making = write_int8(directory, TINY, path)
    for _ in range(5):
        next(making)
    making.close()  # type: ignore[attr-defined]  # a generator
    assert path.read_bytes() == good
    assert [one.name for one in directory.glob(".*")] == []


def test_a_full_disk_is_told_and_leaves_nothing(tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    directory = tiny_model_dir()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"Cannot write .*model-int8\.safetensors.*No space left"):
        kept(directory)
    assert not (directory / INT8_FILE).exists()
    assert [one.name for one in directory.glob(".*")] == []


def test_weights_that_cannot_be_used_are_told(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    (directory / "model.safetensors").unlink()
    for steps in (int8_params(directory, TINY, []), write_int8(directory, TINY, directory / INT8_FILE)):
        with pytest.raises(WeightsError, match=r"holds no model\.safetensors"):
            list(steps)


# --- how good it is ------------------------------------------------------------------------------------------------


def test_int8_says_the_same_of_a_real_text() -> None:
    """Of 24 stretches of the validation text: mean KL to float32 at most 1e-3 nats, perplexity 1.003 at most."""
    text = SHARED / "data" / "corpus" / "valid.txt"
    if not text.is_file():
        pytest.skip(f"no {text}: set PICOGPT_SHARED")
    directory = bundled_dir() / "stories"
    ids = read_tokenizer(directory).encode(text.read_text(encoding="utf-8"))
    divergences, losses = [], {"float32": 0.0, "int8": 0.0}
    models = {}
    for precision in losses:
        *_, models[precision] = read_model(directory, "stories", precision)
    step = len(ids) // 24
    for start in range(0, 24 * step, step):
        block = ids[start : start + 256]
        logprobs = {}
        for precision, model in models.items():
            assert isinstance(model, LanguageModel)
            logits = model.logits(block).astype(np.float64)
            logits -= logits.max(axis=1, keepdims=True)
            logprobs[precision] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            losses[precision] -= float(logprobs[precision][np.arange(255), block[1:]].mean()) / 24
        exact = logprobs["float32"]
        divergences.append(float((np.exp(exact) * (exact - logprobs["int8"])).sum(axis=1).mean()))
    assert 0 < np.mean(divergences) <= 1e-3
    assert np.exp(losses["int8"] - losses["float32"]) <= 1.003
