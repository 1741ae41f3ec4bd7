"""Why this token and not that one: what every part of the model adds to the difference of their logits.

The residual stream is a sum: two embeddings, every head's answer, attention's bias, every MLP. The final layer norm is
linear once its scale is fixed, and the unembedding is linear, so the difference of two logits is a sum over the same
parts, exactly:

    logit(a) - logit(b) = sum of ((part - mean(part)) / sigma * g) . (wte[a] - wte[b])  +  ln_f.b . (wte[a] - wte[b])

sigma, which holds epsilon, is that of the stream behind the last block, for every part: the opposite rule to the logit
lens', whose rows each have their own (https://github.com/TransformerLensOrg/TransformerLens/issues/696). A value is in
nats of log p(a) / p(b), as logits are. It is what a part says itself, not what later parts make of it: `surgery` tells
that.

Source: direct logit attribution, Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"
(https://transformer-circuits.pub/2021/framework/index.html).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picogpt_tui.events import Candidate
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import distribution
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.ops import linear
from picogpt_tui.gpt2.params import LayerNorm, Linear
from picogpt_tui.gpt2.sampler import Shaped, shape
from picogpt_tui.gpt2.taps import HEADS, MLP_OUT, Taps
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.one_token import watch
from picogpt_tui.readings import Attribution, Part
from picogpt_tui.settings import PURE

_NONE = -1


def head_answers(heads: FloatArray, c_proj: Linear) -> FloatArray:
    """What each head adds to the stream, through its own rows of c_proj and without the bias, which is no head's.

    Args:
        heads: [n_head, d_head], one token's.
        c_proj: of the same layer.

    Returns:
        [n_head, n_embd]; with the bias they sum to what attention adds.
    """
    n_head, d_head = heads.shape
    alone = np.zeros((n_head, n_head, d_head), dtype=np.float32)
    alone[range(n_head), range(n_head)] = heads  # each in a row where all others are silent
    return linear(alone.reshape(n_head, n_head * d_head), c_proj.w, np.zeros_like(c_proj.b))  # -> [n_head, n_embd]


@dataclass(frozen=True, slots=True)
class _Difference:
    """How logit(a) - logit(b) reads the residual stream, once the final layer norm's scale is fixed.

    In float64: the parts of a large model are hundreds of times larger than what is left of their sum.
    """

    direction: npt.NDArray[np.float64]
    """[n_embd]: a part adds its product with this."""
    bias: float
    """What ln_f.b adds."""

    def of(self, part: FloatArray) -> float:
        """What a part of the stream adds. part: [n_embd]."""
        return float(part @ self.direction)


def _difference(hidden: FloatArray, unembedded: FloatArray, ln_f: LayerNorm, eps: float) -> _Difference:
    """Of what ln_f reads, [n_embd], and of wte[a] - wte[b], [n_embd]."""
    sigma = math.sqrt(hidden.var(dtype=np.float64) + eps)
    scaled = ln_f.g.astype(np.float64) * unembedded / sigma
    # subtle: to take the mean off the part or off what it is multiplied with is the same
    return _Difference(scaled - scaled.mean(), float(ln_f.b.astype(np.float64) @ unembedded))


def _parts(model: LanguageModel, id: int, position: int, taps: Taps, difference: _Difference) -> Iterator[Part]:
    """In the order of the forward pass."""
    params, of = model.params, difference.of
    yield Part("wte", _NONE, _NONE, of(params.wte[[id]][0]))
    yield Part("wpe", _NONE, _NONE, of(params.wpe[position]))
    for layer, block in enumerate(params.blocks):
        answers = head_answers(taps.values[HEADS, layer][0], block.attn.c_proj)
        for head, answer in enumerate(answers):
            yield Part(f"h.{layer}.head.{head}", layer, head, of(answer))
        yield Part(f"h.{layer}.attn.bias", layer, _NONE, of(block.attn.c_proj.b))
        yield Part(f"h.{layer}.mlp", layer, _NONE, of(taps.values[MLP_OUT, layer][0]))
    yield Part("ln_f.bias", _NONE, _NONE, difference.bias)


def _candidate(shaped: Shaped, tokenizer: Tokenizer, id: int) -> Candidate:
    return distribution(shaped, tokenizer, 1, taken=id).candidates[-1]


def _likeliest_but(shaped: Shaped, id: int | None) -> int:
    return next(top for top in shaped.top_ids(2) if top != id)


def attribute(
    model: LanguageModel, ids: Sequence[int], position: int, a: int | None, b: int | None, cache: KVCache
) -> Attribution:
    """Take the difference of two logits at one position apart.

    Args:
        model: float32 or int8.
        ids: the text, at most n_ctx tokens; those behind the position are not looked at.
        position: index of the token whose successor is asked for.
        a: the token that is preferred; None is the likeliest that is not b.
        b: the other; None is the likeliest that is not a.
        cache: re-used as far as it holds the same tokens, what it lacks is read at once (`one_token.read_before` tells
            how far it is); left holding the text up to the position.

    Raises:
        PicoGPTError: a logit is nan or infinite.
    """
    taps, hidden = watch(model, ids, position, cache, (HEADS, MLP_OUT))
    shaped = shape(model.unembed(hidden)[0], PURE)
    a = _likeliest_but(shaped, b) if a is None else a
    b = _likeliest_but(shaped, a) if b is None else b
    rows = model.params.wte[[a, b]]
    difference = _difference(hidden[0], rows[0] - rows[1], model.params.ln_f, model.config.layer_norm_epsilon)
    parts = tuple(_parts(model, ids[position], position, taps, difference))
    return Attribution(
        position,
        _candidate(shaped, model.tokenizer, a),
        _candidate(shaped, model.tokenizer, b),
        parts,
        total=math.fsum(part.value for part in parts),
        difference=float(shaped.logits[a]) - float(shaped.logits[b]),
    )


def by_layer(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same with each layer's heads and attention bias as one part, `h.3.attn`."""
    merged: list[Part] = []
    for part in parts:
        if part.head == _NONE and not part.name.endswith(".attn.bias"):
            merged.append(part)
            continue
        name, value = f"h.{part.layer}.attn", part.value
        if merged[-1].name == name:
            value += merged.pop().value
        merged.append(Part(name, part.layer, _NONE, value))
    return tuple(merged)
