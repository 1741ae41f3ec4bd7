"""Small GPT-2 checkpoints for tests: random but reproducible weights at odd sizes, and a toy vocabulary.

The weights come from PCG64's raw 64-bit words, whose stream NumPy promises never to change, so that golden numbers can
be kept without the weights they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.params import Params, expected_shapes, params_from_tensors
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.gpt2.tokenizer_files import byte_alphabet

from .tf_writer import openai_tensors, write_checkpoint

MERGES = ((b" ", b"t"), (b"h", b"e"), (b" t", b"he"), (b"i", b"n"), (b"\xf0", b"\x9f"), (b"\xf0\x9f", b"\x98"))
"""The toy vocabulary's merges: a word, half a word, and the first bytes of an emoji."""
END_OF_TEXT_ID = 256 + len(MERGES)
N_TOY_VOCAB = END_OF_TEXT_ID + 1
TINY = GPT2Config(N_TOY_VOCAB + 6, n_ctx=13, n_embd=15, n_head=3, n_layer=3, end_of_text=END_OF_TEXT_ID)
"""No two sizes are equal, and six ids are padding without a token."""
DTYPES = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "F64": np.float64}


def random_tensors(config: GPT2Config, seed: int) -> dict[str, FloatArray]:
    """A checkpoint's tensors by name, uniform around what a trained model's are (gains around 1)."""
    stream = np.random.PCG64(seed)
    tensors: dict[str, FloatArray] = {}
    for name, shape in expected_shapes(config).items():
        words = stream.random_raw(int(np.prod(shape)))
        values = ((words >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)).reshape(shape)
        is_gain = name.endswith(".weight") and len(shape) == 1
        tensors[name] = values * np.float32(0.3) + np.float32(1) if is_gain else values * np.float32(0.4)
    return tensors


def random_params(config: GPT2Config, seed: int = 1) -> Params:
    """`random_tensors` as the model takes them."""
    return params_from_tensors(random_tensors(config, seed), config)


def random_ids(config: GPT2Config, n: int, seed: int = 2) -> list[int]:
    """Some n tokens."""
    words = np.random.PCG64(seed).random_raw(n)
    return [int(word) for word in words % np.uint64(config.n_vocab)]


def bfloat16_bytes(values: FloatArray) -> bytes:
    """The upper half of every float32."""
    return (values.astype("<f4").view("<u4") >> np.uint32(16)).astype("<u2").tobytes()


def write_safetensors(
    path: Path,
    tensors: Mapping[str, npt.NDArray[Any]],
    dtypes: Mapping[str, str] | str = "F32",
    *,
    header_end: str = "",
) -> None:
    """Write a safetensors file byte by byte.

    Args:
        path: the file.
        tensors: by name, in the order they shall lie in the file.
        dtypes: one for all, or by name (F32 where it names none).
        header_end: blanks behind the header's JSON, which move the numbers off their natural addresses.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        dtype = dtypes if isinstance(dtypes, str) else dtypes.get(name, "F32")
        raw = bfloat16_bytes(values) if dtype == "BF16" else values.astype(DTYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = (json.dumps(header) + header_end).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_config(directory: Path, config: GPT2Config, **fields: object) -> None:
    """Write Hugging Face's config.json; `fields` replace or add."""
    known = {
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "vocab_size": config.n_vocab,
        "n_positions": config.n_ctx,
        "n_embd": config.n_embd,
        "n_head": config.n_head,
        "n_layer": config.n_layer,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "eos_token_id": config.end_of_text,
    }
    (directory / "config.json").write_text(json.dumps(known | fields), encoding="utf-8")


def toy_vocab() -> tuple[dict[str, int], list[str]]:
    """The toy vocabulary as its files write it: token -> id, and the lines of merges."""
    stand_in = {byte: char for char, byte in byte_alphabet().items()}

    def written(raw: bytes) -> str:
        return "".join(stand_in[byte] for byte in raw)

    tokens = [bytes([byte]) for byte in range(256)] + [left + right for left, right in MERGES]
    vocab = {written(raw): id for id, raw in enumerate(tokens)} | {"<|endoftext|>": END_OF_TEXT_ID}
    return vocab, [f"{written(left)} {written(right)}" for left, right in MERGES]


def write_vocab(directory: Path, names: Sequence[str] = ("vocab.json", "merges.txt")) -> None:
    """Write the toy vocabulary's two files."""
    vocab, merges = toy_vocab()
    (directory / names[0]).write_text(json.dumps(vocab), encoding="utf-8")
    (directory / names[1]).write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")


def toy_tokenizer() -> Tokenizer:
    """The toy vocabulary, without files."""
    tokens = {byte: bytes([byte]) for byte in range(256)}
    ids = {raw: id for id, raw in tokens.items()}
    merges: dict[tuple[int, int], tuple[int, int]] = {}
    for rank, (left, right) in enumerate(MERGES):
        ids[left + right] = 256 + rank
        tokens[256 + rank] = left + right
        merges[ids[left], ids[right]] = (rank, 256 + rank)
    return Tokenizer(tokens, merges, {END_OF_TEXT_ID: "<|endoftext|>"})


def write_model(
    directory: Path,
    config: GPT2Config = TINY,
    *,
    seed: int = 1,
    dtype: str = "F32",
    prefix: str = "",
    masks: bool = False,
    lm_head: bool = False,
) -> Path:
    """Write a model directory that can be loaded, and return it.

    Args:
        directory: made where it is not there.
        config: its shape; with fewer than N_TOY_VOCAB tokens the toy vocabulary does not fit.
        seed: of the weights.
        dtype: F32, F16 or BF16.
        prefix: before every name, such as `transformer.`.
        masks: whether to add the buffers of older checkpoints, full of infinities.
        lm_head: whether to store the tied unembedding a second time.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, npt.NDArray[Any]] = {prefix + name: t for name, t in random_tensors(config, seed).items()}
    if masks:
        for layer in range(config.n_layer):
            name = f"{prefix}h.{layer}.attn"
            tensors[f"{name}.bias"] = np.full((1, 1, config.n_ctx, config.n_ctx), np.inf, dtype=np.float32)
            tensors[f"{name}.masked_bias"] = np.full((), -np.inf, dtype=np.float32)
    if lm_head:
        tensors["lm_head.weight"] = tensors[f"{prefix}wte.weight"]
    write_safetensors(directory / "model.safetensors", tensors, dtype)
    write_config(directory, config)
    write_vocab(directory)
    return directory


def write_tf_model(directory: Path, config: GPT2Config = TINY, *, seed: int = 1, **options: Any) -> Path:
    """Write a model directory as OpenAI published theirs, with the weights of `write_model`, and return it.

    Args:
        directory: made where it is not there.
        config: its shape; hparams.json says nothing of epsilon and end of text.
        seed: of the weights.
        options: those of `tf_writer.table`.
    """
    write_checkpoint(directory, openai_tensors(random_tensors(config, seed)), **options)
    names = ("n_vocab", "n_ctx", "n_embd", "n_head", "n_layer")
    hparams = {name: getattr(config, name) for name in names}
    (directory / "hparams.json").write_text(json.dumps(hparams), encoding="utf-8")
    write_vocab(directory, ("encoder.json", "vocab.bpe"))
    return directory
