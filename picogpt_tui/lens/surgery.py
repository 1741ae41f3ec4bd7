"""Surgery: take a head, an MLP or a token's embedding out of the model, and see what it says without.

What is cut is written over as it passes by (`gpt2.taps`), at every position for a head and an MLP, also of tokens that
are generated later. It becomes zero, or its mean over the positions of the text in one untouched pass: zero is far from
anything the rest of the model has learned to meet, the mean takes away only what the part says of this place. The two
are those of Michel et al. 2019, "Are Sixteen Heads Really Better than One?" (https://arxiv.org/abs/1905.10650) and Wang
et al. 2022, "Interpretability in the Wild" (https://arxiv.org/abs/2211.00593).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from picogpt_tui.errors import SettingError
from picogpt_tui.events import Distribution, Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.generate import candidates_of, distribution, never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import read_context
from picogpt_tui.gpt2.sampler import Shaped, shape
from picogpt_tui.gpt2.taps import EMBED, HEADS, MLP_OUT
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.lens.divergence import kl
from picogpt_tui.lens.tapped import TappedModel
from picogpt_tui.readings import Cut, Surgery
from picogpt_tui.settings import SamplingSettings

_SHOWN_AS = {"head": HEADS, "mlp": MLP_OUT, "position": EMBED}
"""The tap's name for each kind of cut."""
ZERO, MEAN = HOWS = ("zero", "mean")


def check_cuts(cuts: Sequence[Cut], config: GPT2Config) -> None:
    """Make sure that the model has what is to be cut, and nothing is cut twice.

    Raises:
        SettingError: which cut is wrong, and what would be right.
    """
    for index, cut in enumerate(cuts):
        if cut.kind not in _SHOWN_AS:
            raise SettingError("kind", cut.kind, "'head', 'mlp' or 'position' in a cut")
        if cut.how not in HOWS:
            raise SettingError("how", cut.how, f"'zero' or 'mean' in the cut of {cut.part}")
        if cut.kind == "position":
            _within("position", cut.position, config.n_ctx, cut)
        else:
            _within("layer", cut.layer, config.n_layer, cut)
        if cut.kind == "head":
            _within("head", cut.head, config.n_head, cut)
        if cut.part in (other.part for other in cuts[:index]):
            raise SettingError("cut", cut.part, "a part that is not cut already")


def _within(name: str, value: int, n: int, cut: Cut) -> None:
    if not 0 <= value < n:
        raise SettingError(name, value, f"from 0 to {n - 1} in the cut of {cut.part}")


# -- means -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReferenceMeans:
    """Means over the positions of a text, in an untouched pass, of everything that can be cut."""

    embed: FloatArray
    """[n_embd]."""
    heads: FloatArray
    """[n_layer, n_head, d_head]."""
    mlp: FloatArray
    """[n_layer, n_embd]."""

    def of(self, cut: Cut) -> FloatArray:
        """What stands in for what is cut: [d_head] for a head, else [n_embd]."""
        if cut.kind == "head":
            mean: FloatArray = self.heads[cut.layer, cut.head]
            return mean
        return self.mlp[cut.layer] if cut.kind == "mlp" else self.embed


class _Sums:
    """A tap that adds up over the positions."""

    names = (EMBED, HEADS, MLP_OUT)

    def __init__(self, config: GPT2Config) -> None:
        self.sums = ReferenceMeans(
            np.zeros(config.n_embd, dtype=np.float32),
            np.zeros((config.n_layer, config.n_head, config.d_head), dtype=np.float32),
            np.zeros((config.n_layer, config.n_embd), dtype=np.float32),
        )

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        whole = {EMBED: self.sums.embed[None], HEADS: self.sums.heads, MLP_OUT: self.sums.mlp}[name]
        whole[layer] += value.sum(axis=0)  # the embedding's layer is -1, and its only row the last


def reference_means(
    model: LanguageModel, ids: Sequence[int], cache: KVCache, *, should_stop: Callable[[], bool] = never
) -> Iterator[Progress | ReferenceMeans]:
    """Read a text as the model is, and take the means of what a cut may replace.

    Args:
        model: float32 or int8.
        ids: the text, 1 to n_ctx tokens.
        cache: emptied, and left holding the text.
        should_stop: asked once a block of the text.

    Yields:
        Progress, and ReferenceMeans last; none of these when told to stop.
    """
    cache.truncate(0)
    tap = _Sums(model.config)
    logits = yield from read_context(TappedModel(model, tap), ids, cache, "taking means", should_stop)
    if logits is not None:
        n, sums = np.float32(len(ids)), tap.sums
        yield ReferenceMeans(sums.embed / n, sums.heads / n, sums.mlp / n)


def _last_of(steps: Iterator[Progress | ReferenceMeans]) -> Generator[Progress, None, ReferenceMeans | None]:
    """Pass the progress on, and return what comes behind it."""
    for step in steps:
        if not isinstance(step, Progress):
            return step
        yield step
    return None


# -- cuts --------------------------------------------------------------------------------------------------------------


class SurgeryTap:
    """A tap that writes zero or a mean over what is cut.

    Attributes:
        names: what it asks to be shown.
    """

    def __init__(self, cuts: Sequence[Cut], means: ReferenceMeans | None) -> None:
        """Take cuts that fit the model.

        Args:
            cuts: see `check_cuts`.
            means: of the text; None where all cuts are to zero.
        """
        self.names = {_SHOWN_AS[cut.kind] for cut in cuts}
        self._by_place: dict[tuple[str, int], list[tuple[Cut, FloatArray]]] = {}
        for cut in cuts:
            assert means is not None or cut.how == ZERO, f"{cut.name} needs the means of a text"
            new = np.zeros(1, dtype=np.float32) if means is None or cut.how == ZERO else means.of(cut)
            place = _SHOWN_AS[cut.kind], -1 if cut.kind == "position" else cut.layer
            self._by_place.setdefault(place, []).append((cut, new))

    def see(self, name: str, layer: int, first: int, value: FloatArray) -> None:
        """Writes into value, where something of it is cut."""
        for cut, new in self._by_place.get((name, layer), ()):
            if cut.kind == "head":
                value[:, cut.head] = new
            elif cut.kind == "mlp":
                value[:] = new
            elif 0 <= cut.position - first < len(value):
                value[cut.position - first] = new


def ablated(model: LanguageModel, cuts: Sequence[Cut], means: ReferenceMeans | None = None) -> TappedModel:
    """The model under some cuts, for `generate` and `read_context`; it wants a cache of its own.

    Args:
        model: float32 or int8.
        cuts: what to take out; none leaves the model as it is.
        means: of the text, which stay as it goes on; None where all cuts are to zero.

    Raises:
        SettingError: the model has no such part.
    """
    check_cuts(cuts, model.config)
    return TappedModel(model, SurgeryTap(cuts, means))


# -- before and after --------------------------------------------------------------------------------------------------


def operate(
    model: LanguageModel,
    ids: Sequence[int],
    position: int,
    cuts: Sequence[Cut],
    sampling: SamplingSettings,
    top_n: int,
    *,
    cache: KVCache,
    means: ReferenceMeans | None = None,
    should_stop: Callable[[], bool] = never,
) -> Iterator[Progress | Surgery]:
    """What comes after one position, before and after some cuts.

    Args:
        model: float32 or int8.
        ids: the text, at most n_ctx tokens; means are over all of it.
        position: index of the token whose successor is asked for.
        cuts: what to take out.
        sampling: shapes `final_prob` of both.
        top_n: how many of the likeliest, before and after.
        cache: of the untouched model, re-used as far as it holds the same tokens.
        means: of the text, where they are known already; they are taken where a cut needs them.
        should_stop: asked once a block of the text.

    Yields:
        Progress, and Surgery last; none when told to stop.

    Raises:
        SettingError: the model has no such part.
    """
    assert 0 <= position < len(ids) <= model.config.n_ctx, f"position {position} of {len(ids)} tokens"
    check_cuts(cuts, model.config)
    if means is None and any(cut.how == MEAN for cut in cuts):
        means = yield from _last_of(reference_means(model, ids, cache, should_stop=should_stop))
        if means is None:
            return
    text = ids[: position + 1]
    before = yield from read_context(model, text, cache, "reading the text", should_stop)
    if before is None:
        return
    under_cuts = ablated(model, cuts, means)
    after = yield from read_context(under_cuts, text, KVCache(model.config), "reading it under the cuts", should_stop)
    if after is not None:
        both = shape(before, sampling, text), shape(after, sampling, text)
        yield _surgery(position, tuple(cuts), *both, model.tokenizer, top_n)


def _surgery(
    position: int, cuts: tuple[Cut, ...], before: Shaped, after: Shaped, tokenizer: Tokenizer, top_n: int
) -> Surgery:
    ids = list(dict.fromkeys([*before.top_ids(top_n), *after.top_ids(top_n)]))
    sides = _distribution(before, tokenizer, ids), _distribution(after, tokenizer, ids)
    return Surgery(position, cuts, *sides, kl=kl(before, after))


def _distribution(shaped: Shaped, tokenizer: Tokenizer, ids: list[int]) -> Distribution:
    """With these candidates, in this order."""
    candidates = tuple(replace(one, rank=shaped.rank(one.id)) for one in candidates_of(shaped, tokenizer, ids))
    other_prob = max(0.0, 1.0 - sum(candidate.prob for candidate in candidates))
    rest = distribution(shaped, tokenizer, 0)
    return replace(rest, candidates=candidates, other_prob=other_prob, n_other=shaped.logits.size - len(ids))
