"""The weights of a GPT-2 as a tree of dataclasses, named as in the checkpoint.

    wte.weight               [n_vocab, n_embd]     token embedding, and (tied) the unembedding
    wpe.weight               [n_ctx, n_embd]       position embedding
    h.<i>.ln_1.weight .bias  [n_embd]
    h.<i>.attn.c_attn        [n_embd, 3 * n_embd]  q, k, v side by side; + .bias
    h.<i>.attn.c_proj        [n_embd, n_embd]
    h.<i>.ln_2               [n_embd]
    h.<i>.mlp.c_fc           [n_embd, 4 * n_embd]
    h.<i>.mlp.c_proj         [4 * n_embd, n_embd]
    ln_f                     [n_embd]

Matrices are stored [in, out] (OpenAI's Conv1D), so `x @ w` needs no transpose. Each may be a `FloatMatrix` instead of
an array, which knows how to lie in memory; or an `Int8Matrix`, with a row for each output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.float_matrix import FloatMatrix
from picogpt_tui.gpt2.int8 import Int8Matrix

Matrix = FloatArray | FloatMatrix | Int8Matrix


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Gain and bias: [n_embd] each."""

    g: FloatArray
    b: FloatArray


@dataclass(frozen=True, slots=True)
class Linear:
    """w: [n_in, n_out], or [n_out, n_in] as an Int8Matrix; b: [n_out]."""

    w: Matrix
    b: FloatArray


@dataclass(frozen=True, slots=True)
class Attention:
    """c_attn makes q, k and v; c_proj mixes the heads' answers."""

    c_attn: Linear
    c_proj: Linear


@dataclass(frozen=True, slots=True)
class MLP:
    """c_fc widens fourfold, c_proj narrows again."""

    c_fc: Linear
    c_proj: Linear


@dataclass(frozen=True, slots=True)
class Block:
    """One layer."""

    ln_1: LayerNorm
    attn: Attention
    ln_2: LayerNorm
    mlp: MLP


@dataclass(frozen=True, slots=True)
class Params:
    """All weights of a GPT-2. `wte` is used twice: to embed and to unembed."""

    wte: FloatArray | Int8Matrix
    wpe: FloatArray
    blocks: tuple[Block, ...]
    ln_f: LayerNorm

    @property
    def n_params(self) -> int:
        """How many numbers the model has learned; the tied embedding counts once."""
        return sum(array.size for _, array in self._stored())

    @property
    def n_params_non_embedding(self) -> int:
        """`n_params` without the position embedding, the count nanoGPT reports (wte stays: it is the last layer)."""
        return self.n_params - self.wpe.size

    @property
    def nbytes(self) -> int:
        """How much memory the weights take."""
        return sum(array.nbytes for _, array in self._stored())

    def walk(self) -> Iterator[tuple[str, FloatArray]]:
        """Yield (name as in the checkpoint, array) in the order of the forward pass.

        Arrays are shared, not copied; an int8 matrix comes as the float32 that it stands for.
        """
        for name, array in self._stored():
            if isinstance(array, Int8Matrix):
                yield name, array.widened() if name == "wte.weight" else array.widened().T
            elif isinstance(array, FloatMatrix):
                yield name, array.array
            else:
                yield name, array

    def _stored(self) -> Iterator[tuple[str, Matrix]]:
        yield "wte.weight", self.wte
        yield "wpe.weight", self.wpe
        for i, block in enumerate(self.blocks):
            yield from _norm(f"h.{i}.ln_1", block.ln_1)
            yield from _linear(f"h.{i}.attn.c_attn", block.attn.c_attn)
            yield from _linear(f"h.{i}.attn.c_proj", block.attn.c_proj)
            yield from _norm(f"h.{i}.ln_2", block.ln_2)
            yield from _linear(f"h.{i}.mlp.c_fc", block.mlp.c_fc)
            yield from _linear(f"h.{i}.mlp.c_proj", block.mlp.c_proj)
        yield from _norm("ln_f", self.ln_f)

    def to_dict(self) -> dict[str, Any]:
        """The nested dict that picoGPT's functions take (see `pico.gpt2`), of the arrays of `walk`."""
        arrays = dict(self.walk())

        def norm(name: str) -> dict[str, FloatArray]:
            return {"g": arrays[f"{name}.weight"], "b": arrays[f"{name}.bias"]}

        def linear(name: str) -> dict[str, FloatArray]:
            return {"w": arrays[f"{name}.weight"], "b": arrays[f"{name}.bias"]}

        return {
            "wte": arrays["wte.weight"],
            "wpe": arrays["wpe.weight"],
            "blocks": [
                {
                    "ln_1": norm(f"h.{i}.ln_1"),
                    "attn": {"c_attn": linear(f"h.{i}.attn.c_attn"), "c_proj": linear(f"h.{i}.attn.c_proj")},
                    "ln_2": norm(f"h.{i}.ln_2"),
                    "mlp": {"c_fc": linear(f"h.{i}.mlp.c_fc"), "c_proj": linear(f"h.{i}.mlp.c_proj")},
                }
                for i in range(len(self.blocks))
            ],
            "ln_f": norm("ln_f"),
        }


def is_matrix(name: str) -> bool:
    """Whether this is a matrix that a token passes through: what int8 is for, and what has to be read fast."""
    return name == "wte.weight" or name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight"))


def expected_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint of this config, by name, with its shape."""
    d = config.n_embd
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (config.n_vocab, d), "wpe.weight": (config.n_ctx, d)}
    matrices = {"attn.c_attn": (d, 3 * d), "attn.c_proj": (d, d), "mlp.c_fc": (d, 4 * d), "mlp.c_proj": (4 * d, d)}
    norms = [f"h.{i}.{norm}" for i in range(config.n_layer) for norm in ("ln_1", "ln_2")] + ["ln_f"]
    for norm in norms:
        shapes |= {f"{norm}.weight": (d,), f"{norm}.bias": (d,)}
    for i in range(config.n_layer):
        for name, (n_in, n_out) in matrices.items():
            shapes |= {f"h.{i}.{name}.weight": (n_in, n_out), f"h.{i}.{name}.bias": (n_out,)}
    return shapes


def params_from_tensors(tensors: Mapping[str, Matrix], config: GPT2Config) -> Params:
    """Build the tree from tensors named as in `expected_shapes`; names and shapes are the caller's care."""

    def vector(name: str) -> FloatArray:
        values = tensors[name]
        assert isinstance(values, np.ndarray), f"{name} is a matrix"
        return values

    def norm(name: str) -> LayerNorm:
        return LayerNorm(vector(f"{name}.weight"), vector(f"{name}.bias"))

    def linear(name: str) -> Linear:
        return Linear(tensors[f"{name}.weight"], vector(f"{name}.bias"))

    blocks = tuple(
        Block(
            ln_1=norm(f"h.{i}.ln_1"),
            attn=Attention(linear(f"h.{i}.attn.c_attn"), linear(f"h.{i}.attn.c_proj")),
            ln_2=norm(f"h.{i}.ln_2"),
            mlp=MLP(linear(f"h.{i}.mlp.c_fc"), linear(f"h.{i}.mlp.c_proj")),
        )
        for i in range(config.n_layer)
    )
    wte = tensors["wte.weight"]
    assert not isinstance(wte, FloatMatrix), "wte is multiplied row by row, as it is stored"
    return Params(wte, vector("wpe.weight"), blocks, norm("ln_f"))


def _norm(name: str, norm: LayerNorm) -> Iterator[tuple[str, FloatArray]]:
    yield f"{name}.weight", norm.g
    yield f"{name}.bias", norm.b


def _linear(name: str, linear: Linear) -> Iterator[tuple[str, Matrix]]:
    yield f"{name}.weight", linear.w
    yield f"{name}.bias", linear.b
