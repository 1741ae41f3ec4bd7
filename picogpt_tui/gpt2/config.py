"""The hyper-parameters of a GPT-2 and how they are read from a model directory.

Two spellings exist: Hugging Face's `config.json` (`vocab_size`, `n_positions`, `n_embd` ...) and OpenAI's
`hparams.json` (`n_vocab`, `n_ctx` ...). https://github.com/openai/gpt-2/blob/master/src/model.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picogpt_tui.errors import ConfigError

CONFIG_FILES = ("config.json", "hparams.json")
_MOST_LAYERS = 1000
_MOST = 2**24  # larger than any published value, small enough that no product of two overflows


@dataclass(frozen=True, slots=True)
class GPT2Config:
    """The shape of a GPT-2."""

    n_vocab: int
    n_ctx: int
    """The most tokens a forward pass can see."""
    n_embd: int
    n_head: int
    n_layer: int
    layer_norm_epsilon: float = 1e-5
    end_of_text: int | None = None
    """Id of `<|endoftext|>` where the config names one; the tokenizer knows it otherwise."""

    @property
    def d_head(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head


GPT2_SIZES = {
    "124M": GPT2Config(50257, 1024, 768, 12, 12, end_of_text=50256),
    "355M": GPT2Config(50257, 1024, 1024, 16, 24, end_of_text=50256),
    "774M": GPT2Config(50257, 1024, 1280, 20, 36, end_of_text=50256),
    "1558M": GPT2Config(50257, 1024, 1600, 25, 48, end_of_text=50256),
}
"""The four published sizes."""

# What a GPT-2 does without saying; a config that says otherwise describes another architecture.
_ONLY = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}


def read_config(directory: Path) -> GPT2Config:
    """Read `config.json` or `hparams.json` of a model directory.

    Raises:
        ConfigError: there is none, it is damaged, or it describes another architecture.
    """
    path = next((directory / name for name in CONFIG_FILES if (directory / name).is_file()), None)
    if path is None:
        raise ConfigError(f"{directory} holds no {' or '.join(CONFIG_FILES)}: not a model directory.", directory)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.", path) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid JSON ({error}); fetch it again.", path) from error
    if not isinstance(fields, dict):
        raise ConfigError(f"{path} must hold a JSON object, not {type(fields).__name__}.", path)
    return _config_from(fields, path)


def _config_from(fields: Mapping[str, Any], path: Path) -> GPT2Config:
    for key, allowed in _ONLY.items():
        if key in fields and fields[key] not in allowed:
            expected = " or ".join(map(repr, allowed))
            raise ConfigError(f"{path} says {key} is {fields[key]!r}; only {expected} is GPT-2 as built here.", path)
    n_embd = _dimension(fields, path, "n_embd", "hidden_size")
    n_inner = fields.get("n_inner")
    if n_inner not in (None, 4 * n_embd):
        raise ConfigError(f"{path} says n_inner is {n_inner!r}; GPT-2's is 4 * n_embd = {4 * n_embd}.", path)
    config = GPT2Config(
        n_vocab=_dimension(fields, path, "vocab_size", "n_vocab"),
        n_ctx=_dimension(fields, path, "n_positions", "n_ctx"),
        n_embd=n_embd,
        n_head=_dimension(fields, path, "n_head"),
        n_layer=_dimension(fields, path, "n_layer"),
        layer_norm_epsilon=_epsilon(fields, path),
        end_of_text=_end_of_text(fields, path),
    )
    if config.n_layer > _MOST_LAYERS:
        raise ConfigError(f"{path}: n_layer {config.n_layer} is more than any GPT-2 has ({_MOST_LAYERS}).", path)
    if config.end_of_text is not None and config.end_of_text >= config.n_vocab:
        raise ConfigError(f"{path}: eos_token_id {config.end_of_text} is not below vocab_size {config.n_vocab}.", path)
    if config.n_embd % config.n_head:
        raise ConfigError(f"{path}: n_embd {config.n_embd} is not a multiple of n_head {config.n_head}.", path)
    return config


def _dimension(fields: Mapping[str, Any], path: Path, *names: str) -> int:
    name = next((name for name in names if fields.get(name) is not None), None)
    if name is None:
        raise ConfigError(f"{path} does not say {' or '.join(names)}.", path)
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _MOST:
        raise ConfigError(f"{path}: {name} must be a positive whole number, not {value!r}.", path)
    return value


def _epsilon(fields: Mapping[str, Any], path: Path) -> float:
    value = fields.get("layer_norm_epsilon", 1e-5)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise ConfigError(f"{path}: layer_norm_epsilon must be a small number, not {value!r}.", path)
    return float(value)


def _end_of_text(fields: Mapping[str, Any], path: Path) -> int | None:
    value = fields.get("eos_token_id")
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST):
        return value
    raise ConfigError(f"{path}: eos_token_id must be a token id, not {value!r}.", path)
