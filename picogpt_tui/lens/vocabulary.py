"""Ask the whole vocabulary: which tokens a question finds, how likely they are here, and what lies near one of them.

A question is one of these:

    the  ␣the        tokens that hold this text; a space or ␣ is a space, ⏎ a line break, ⟨E2 80⟩ bytes, as in labels
    King             the same; lower case finds capitals too, capitals only themselves
    =␣the            the token that is just this text, or has just this label
    /^ [A-Z]/        tokens in which a regular expression finds something; /.../i takes capitals and small letters alike
    #262             the token with this id
    #262..270        those with ids from 262 to 270

A special token is found by its text and by its label. Nothing else is special: `#x`, `/x` and `=` are texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import candidates_of
from picogpt_tui.gpt2.int8 import Int8Matrix
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.sampler import Shaped
from picogpt_tui.gpt2.token_texts import text_of_bytes
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.readings import Neighbour, VocabularyMatch
from picogpt_tui.visible import from_label, one_line

_IDS = re.compile(r"#([0-9]{1,9})(?:\.\.#?([0-9]{1,9}))?")
_PATTERN = re.compile(r"/(.+)/(i?)", re.DOTALL)
_ROWS_AT_ONCE = 4096
_NEXT_TO_ZERO = np.float32(1e-12)
_SHOWN = 5


def search(tokenizer: Tokenizer, question: str) -> list[int]:
    """The tokens that a question finds, in the order of their ids; the module says what can be asked.

    Raises:
        PicoGPTError: an id that no token has, or what is no regular expression.
    """
    if match := _IDS.fullmatch(question):
        return _between(tokenizer, int(match[1]), int(match[2] or match[1]))
    if match := _PATTERN.fullmatch(question):
        return tokenizer.texts.matching(match[1], ignore_case=bool(match[2]))
    if question.startswith("=") and question != "=":
        return _exactly(tokenizer, question[1:])
    return tokenizer.texts.containing(text_of_bytes(from_label(question))) or _exactly(tokenizer, question)


def search_one(tokenizer: Tokenizer, question: str) -> int:
    """The one token that a question finds; where it finds several, the one that is just this text.

    Raises:
        PicoGPTError: there is none, or which of them is not said.
    """
    found = search(tokenizer, question)
    if len(found) != 1:
        found = _exactly(tokenizer, question) or found
    if len(found) == 1:
        return found[0]
    shown = one_line(question, 60)
    if not found:
        raise PicoGPTError(f"{shown} finds no token; ask for a part of its text, or for its id as #262.")
    labels = "  ".join(tokenizer.label(id) for id in found[:_SHOWN]) + ("  ..." if len(found) > _SHOWN else "")
    how = f"by its id (#{found[0]}) or whole (={tokenizer.label(found[0])})"
    raise PicoGPTError(f"{shown} finds {len(found):,} tokens where one is needed: {labels}; name one {how}.")


def _between(tokenizer: Tokenizer, first: int, last: int) -> list[int]:
    if not first <= last < tokenizer.n_vocab:
        ids = f"#{first}" if first == last else f"#{first}..{last}"
        raise PicoGPTError(f"There is no token {ids}; ids go from #0 to #{tokenizer.n_vocab - 1}, the smaller first.")
    return list(range(first, last + 1))


def _exactly(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens with just this text, or the one with just this label."""
    labelled = tokenizer.id_of_label(text)
    if labelled is not None and labelled < tokenizer.n_vocab and tokenizer.label(labelled) == text:
        return [labelled]
    return tokenizer.texts.equal_to(text_of_bytes(from_label(text))) if text else []


def ask(shaped: Shaped, tokenizer: Tokenizer, ids: Sequence[int], top_n: int) -> VocabularyMatch:
    """How likely some tokens are, one by one and together.

    Args:
        shaped: what the model expects at one position.
        tokenizer: names the tokens.
        ids: the tokens, each once.
        top_n: how many of the likeliest to list; ties in the order of their ids.
    """
    asked = np.sort(np.asarray(ids, dtype=np.intp))
    likeliest = asked[np.argsort(-shaped.logits[asked], kind="stable")[:top_n]]
    ascending = np.sort(shaped.logits)
    n_larger = ascending.size - np.searchsorted(ascending, shaped.logits[likeliest], side="right")
    candidates = candidates_of(shaped, tokenizer, likeliest.tolist())
    ranked = tuple(replace(one, rank=rank) for one, rank in zip(candidates, n_larger.tolist(), strict=True))
    prob = float(np.exp(shaped.logprobs[asked]).sum(dtype=np.float64))
    return VocabularyMatch(ranked, len(asked), min(prob, 1.0))


class Neighbours:
    """Which tokens a model's embedding has close to each other; keep one for each model, it remembers the lengths."""

    def __init__(self, model: LanguageModel) -> None:
        self._wte = model.params.wte
        self._tokenizer = model.tokenizer

    def of(self, id: int, n: int) -> list[Neighbour]:
        """The n tokens whose rows of wte have the largest cosine with this one's, the closest first; not itself.

        Ties stand in the order of their ids. A row of zeros has no direction: its cosine is 0.
        """
        cosines = (self._products(id) / (self._norms * self._norms[id])).clip(-1, 1)
        tokens = cosines[: self._tokenizer.n_vocab]  # behind the last token there is only padding
        nearest = [near for near in np.argsort(-tokens, kind="stable")[: n + 1].tolist() if near != id]
        return [Neighbour(near, self._tokenizer.label(near), float(cosines[near])) for near in nearest[:n]]

    def _products(self, id: int) -> FloatArray:
        """With every row: [n_vocab]."""
        row, wte = self._wte[[id]], self._wte  # [1, n_embd]
        # both: [n_vocab, n_embd] @ [n_embd] -> [n_vocab]
        products: FloatArray = wte.product(row)[0] if isinstance(wte, Int8Matrix) else wte @ row[0]
        return products

    @cached_property
    def _norms(self) -> FloatArray:
        """The length of every row, [n_vocab], and not quite nothing for one of zeros."""
        n_vocab = len(self._wte.rows if isinstance(self._wte, Int8Matrix) else self._wte)
        norms = np.empty(n_vocab, dtype=np.float32)
        for first in range(0, n_vocab, _ROWS_AT_ONCE):  # int8 is never widened as a whole
            rows = self._wte[first : first + _ROWS_AT_ONCE]
            norms[first : first + _ROWS_AT_ONCE] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return np.maximum(norms, _NEXT_TO_ZERO)
