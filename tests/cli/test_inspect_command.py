"""`inspect`: a checkpoint's header, and what is said of one that is broken."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from picogpt_tui import load

from ..gpt2.checkpoints import TINY, write_model, write_tf_model
from .conftest import KING, edit_json, ok, run


def test_counts_and_tensors_are_those_of_the_loaded_model() -> None:
    said, params = ok("inspect", "stories", "--json").json, load("stories").params

    assert said["n_params"] == params.n_params == sum(math.prod(tensor["shape"]) for tensor in said["tensors"])
    assert said["n_params_non_embedding"] == params.n_params_non_embedding
    assert [(t["name"], t["shape"]) for t in said["tensors"]] == [(n, list(a.shape)) for n, a in params.walk()]
    assert {tensor["dtype"] for tensor in said["tensors"]} == {"F16"}


def test_the_config_is_said_in_gpt2_s_own_words() -> None:
    assert ok("inspect", "stories", "--json").json["config"] == {
        "n_vocab": 4096,
        "n_ctx": 512,
        "n_embd": 192,
        "n_head": 6,
        "n_layer": 6,
        "layer_norm_epsilon": 1e-5,
        "end_of_text": 4095,
    }


def test_people_read_a_table() -> None:
    lines = ok("inspect", "stories").text.splitlines()

    assert "parameters          3,554,304" in lines
    assert "wte.weight              4096 x 192  F16" in lines


def test_masks_prefixes_and_the_tied_copy_are_no_weights_of_their_own(model_dir: Path) -> None:
    plain = ok("inspect", str(model_dir), "--json").json

    def older(tensors: dict[str, np.ndarray]) -> None:
        for name in list(tensors):
            tensors[f"transformer.{name.removeprefix('transformer.')}"] = tensors.pop(name)
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
        tensors["transformer.h.0.attn.bias"] = np.ones((1, 1, 3, 3), dtype=np.float32)

    _edit_weights(model_dir, older)
    assert ok("inspect", str(model_dir), "--json").json == plain


def test_openais_own_checkpoint_is_shown_and_played_like_the_same_in_safetensors(tmp_path: Path) -> None:
    theirs, ours = write_tf_model(tmp_path / "tf"), write_model(tmp_path / "safetensors")

    said = ok("inspect", str(theirs), "--json").json
    assert said["tensors"] == ok("inspect", str(ours), "--json").json["tensors"]
    assert {tensor["dtype"] for tensor in said["tensors"]} == {"F32"}
    assert said["tensors"][2] == {"name": "h.0.ln_1.weight", "shape": [TINY.n_embd], "dtype": "F32"}
    answers = {ok("generate", "the", "--model", str(path), "--temperature", "0").stdout for path in (theirs, ours)}
    assert len(answers) == 1


def test_a_damaged_checkpoint_of_openai_is_refused_in_one_line(tmp_path: Path) -> None:
    (write_tf_model(tmp_path) / "model.ckpt.index").write_bytes(b"garbage")

    _check_refused("damaged or cut short", "inspect", str(tmp_path))
    _check_refused("damaged or cut short", "generate", "the", "--model", str(tmp_path))


def test_weights_are_not_read(model_dir: Path) -> None:
    """A nan is found when the model is loaded, not when its header is."""
    _edit_weights(model_dir, _spoil)

    assert ok("inspect", str(model_dir)).code == 0
    ran = run("generate", KING, "--model", str(model_dir))
    assert ran.code == 1
    assert "ln_f.bias holds 1 values that are nan or infinite" in ran.stderr


def _edit_weights(directory: Path, edit: Callable[[dict[str, np.ndarray]], object]) -> None:
    path = directory / "model.safetensors"
    tensors = {name: array.copy() for name, array in load_file(path).items()}
    edit(tensors)
    save_file(tensors, path)


def _name(tensors: dict[str, np.ndarray], end: str) -> str:
    return next(name for name in tensors if name.endswith(end))


def _spoil(tensors: dict[str, np.ndarray]) -> None:
    tensors[_name(tensors, "ln_f.bias")][0] = np.nan


def _missing_tensor(directory: Path) -> None:
    _edit_weights(directory, lambda tensors: tensors.pop(_name(tensors, "ln_f.bias")))


def _wrong_shape(directory: Path) -> None:
    def edit(tensors: dict[str, np.ndarray]) -> None:
        tensors[_name(tensors, "wpe.weight")] = np.zeros((3, 5), dtype=np.float16)

    _edit_weights(directory, edit)


def _wrong_dtype(directory: Path) -> None:
    def edit(tensors: dict[str, np.ndarray]) -> None:
        name = _name(tensors, "ln_f.bias")
        tensors[name] = tensors[name].astype(np.int16)

    _edit_weights(directory, edit)


def _unknown_tensor(directory: Path) -> None:
    _edit_weights(directory, lambda tensors: tensors.update({"h.99.extra": np.zeros(3, dtype=np.float32)}))


def _truncated(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _huge_header(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes((10 * 2**30).to_bytes(8, "little") + b"{}")


def _empty_weights(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(b"")


def _no_weights(directory: Path) -> None:
    (directory / "model.safetensors").unlink()


def _pickle(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")


def _no_config(directory: Path) -> None:
    (directory / "config.json").unlink()


def _config_not_json(directory: Path) -> None:
    (directory / "config.json").write_text("{nonsense", encoding="utf-8")


def _config_is_a_list(directory: Path) -> None:
    (directory / "config.json").write_text(json.dumps([1]), encoding="utf-8")


def _another_architecture(directory: Path) -> None:
    edit_json(directory / "config.json", lambda fields: fields.update(model_type="llama\x1b[31m"))


def _another_activation(directory: Path) -> None:
    edit_json(directory / "config.json", lambda fields: fields.update(activation_function="relu"))


def _no_vocab(directory: Path) -> None:
    (directory / "vocab.json").unlink()


def _vocab_not_utf8(directory: Path) -> None:
    (directory / "vocab.json").write_bytes(b"\xff\xfe")


def _damaged_merges(directory: Path) -> None:
    (directory / "merges.txt").write_text("#version: 0.2\nno\x1bsuch pair\n", encoding="utf-8")


BROKEN_CHECKPOINTS: list[tuple[Callable[[Path], None], str]] = [
    (_missing_tensor, "lacks the tensor ln_f.bias"),
    (_wrong_shape, "has shape [3, 5], the config asks for [512, 192]"),
    (_wrong_dtype, "is stored as I16"),
    (_unknown_tensor, "h.99.extra"),
    (_truncated, "damaged or cut short"),
    (_huge_header, "damaged or cut short"),
    (_empty_weights, "damaged or cut short"),
    (_no_weights, "holds no model.safetensors"),
    (_pickle, "pickled weights only, which are never read"),
    (_no_config, "config.json"),
    (_config_not_json, "is not valid JSON"),
    (_config_is_a_list, "must hold a JSON object"),
    (_another_architecture, "model_type"),
    (_another_activation, "activation_function"),
]
BROKEN_TOKENIZERS: list[tuple[Callable[[Path], None], str]] = [
    (_no_vocab, "vocab.json"),
    (_vocab_not_utf8, "not UTF-8"),
    (_damaged_merges, "merges.txt, line 2"),
]


def _check_refused(said: str, *args: str) -> None:
    ran = run(*args)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
    assert said in ran.stderr
    assert "\x1b" not in ran.stderr


@pytest.mark.parametrize("damage, said", BROKEN_CHECKPOINTS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_broken_checkpoint_is_refused_in_one_line(model_dir: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(model_dir)

    _check_refused(said, "inspect", str(model_dir))
    _check_refused(said, "generate", KING, "--model", str(model_dir))


@pytest.mark.parametrize("damage, said", BROKEN_TOKENIZERS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_broken_tokenizer_is_refused_in_one_line(model_dir: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(model_dir)

    _check_refused(said, "tokenize", KING, "--model", str(model_dir))
    _check_refused(said, "generate", KING, "--model", str(model_dir))


def test_a_file_is_no_model_directory(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"x")

    _check_refused("There is no model", "inspect", str(file))
