"""A config is read in both spellings, and what is not a GPT-2 is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui.errors import ConfigError
from picogpt_tui.gpt2.config import GPT2_SIZES, GPT2Config, read_config

HUGGING_FACE: dict[str, Any] = {
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "vocab_size": 97,
    "n_positions": 13,
    "n_ctx": 13,
    "n_embd": 15,
    "n_head": 3,
    "n_layer": 2,
    "layer_norm_epsilon": 1e-3,
    "eos_token_id": 96,
}


def write(directory: Path, fields: object, name: str = "config.json") -> Path:
    (directory / name).write_text(json.dumps(fields), encoding="utf-8")
    return directory


def test_hugging_faces_spelling(tmp_path: Path) -> None:
    expected = GPT2Config(97, 13, 15, 3, 2, layer_norm_epsilon=1e-3, end_of_text=96)
    assert read_config(write(tmp_path, HUGGING_FACE)) == expected


def test_openais_spelling(tmp_path: Path) -> None:
    fields = {"n_vocab": 50257, "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12}
    config = read_config(write(tmp_path, fields, "hparams.json"))
    assert config == GPT2Config(50257, 1024, 768, 12, 12)
    assert config.d_head == GPT2_SIZES["124M"].d_head == 64


@pytest.mark.parametrize(
    "change",
    [
        {"n_inner": None},
        {"n_inner": 60},
        {"activation_function": "gelu_pytorch_tanh"},
        {"scale_attn_weights": True},
        {"tie_word_embeddings": True},
        {"attn_pdrop": 0.1, "summary_type": "cls_index", "torch_dtype": "float16"},
        {"layer_norm_epsilon": 0},
    ],
    ids=str,
)
def test_what_changes_nothing_is_accepted(tmp_path: Path, change: dict[str, Any]) -> None:
    assert read_config(write(tmp_path, HUGGING_FACE | change)).n_embd == 15


@pytest.mark.parametrize(
    "change, says",
    [
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"activation_function": "gelu"}, "activation_function is 'gelu'"),
        ({"activation_function": ["gelu_new"]}, "activation_function is"),
        ({"scale_attn_weights": False}, "scale_attn_weights is False"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
        ({"add_cross_attention": True}, "add_cross_attention is True"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False"),
        ({"n_inner": 64}, "n_inner is 64; GPT-2's is 4 * n_embd = 60"),
        ({"n_head": 4}, "n_embd 15 is not a multiple of n_head 4"),
        ({"n_head": 0}, "n_head must be a positive whole number, not 0"),
        ({"n_layer": -2}, "n_layer must be a positive whole number, not -2"),
        ({"n_layer": 2.0}, "n_layer must be a positive whole number, not 2.0"),
        ({"n_embd": "15"}, "n_embd must be a positive whole number, not '15'"),
        ({"n_embd": True}, "n_embd must be a positive whole number, not True"),
        ({"vocab_size": 10**12}, "vocab_size must be a positive whole number"),
        ({"n_positions": None, "n_ctx": None}, "does not say n_positions or n_ctx"),
        ({"vocab_size": None}, "does not say vocab_size or n_vocab"),
        ({"layer_norm_epsilon": -1e-5}, "layer_norm_epsilon must be a small number"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon must be a small number, not nan"),
        ({"layer_norm_epsilon": "1e-5"}, "layer_norm_epsilon must be a small number"),
        ({"eos_token_id": "</s>"}, "eos_token_id must be a token id"),
        ({"eos_token_id": -1}, "eos_token_id must be a token id"),
        ({"eos_token_id": [1, 2]}, "eos_token_id must be a token id"),
    ],
    ids=str,
)
def test_another_architecture_is_refused_by_name(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(write(tmp_path, HUGGING_FACE | change))
    assert says in str(caught.value)
    assert caught.value.path == tmp_path / "config.json"


@pytest.mark.parametrize(
    "content, says",
    [
        pytest.param(b"", "is not valid JSON", id="empty"),
        pytest.param(b'{"n_embd": 15', "is not valid JSON", id="cut short"),
        pytest.param(b"\xff\xfe\x00", "is not valid JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "is not valid JSON", id="nested without end"),
        pytest.param(b"[1, 2]", "must hold a JSON object, not list", id="a list"),
        pytest.param(b"null", "must hold a JSON object, not NoneType", id="null"),
        pytest.param(b"{}", "does not say n_embd or hidden_size", id="an empty object"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read_config(tmp_path)


def test_a_directory_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no config\.json or hparams\.json") as caught:
        read_config(tmp_path)
    assert caught.value.path == tmp_path


def test_config_json_wins_over_hparams(tmp_path: Path) -> None:
    write(tmp_path, {"n_vocab": 5, "n_ctx": 5, "n_embd": 5, "n_head": 5, "n_layer": 5}, "hparams.json")
    assert read_config(write(tmp_path, HUGGING_FACE)).n_vocab == 97
