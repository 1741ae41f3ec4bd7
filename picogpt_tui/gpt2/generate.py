"""The one decode loop: prompt ids in, events out. The command line, the app and Python all iterate this.

Draws come from NumPy's PCG64 stream of the seed, one uniform number a token, so that the same seed, model and settings
give the same tokens everywhere.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.events import Candidate, ContextShifted, Distribution, Event, Finished, Started, TokenEvent
from picogpt_tui.gpt2 import reader
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.reader import Reader
from picogpt_tui.gpt2.sampler import Shaped, draw, shape
from picogpt_tui.gpt2.text_stream import TextStream
from picogpt_tui.gpt2.tokenizer import Tokenizer
from picogpt_tui.settings import MAX_SEED, GenerationSettings, SamplingSettings


class Model(reader.Model, Protocol):
    """What the loop needs of a model."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its vocabulary."""


def never() -> bool:
    """The `should_stop` of one who never stops."""
    return False


def nobody(logits: FloatArray, context: Sequence[int]) -> None:
    """The `seen` of one who looks at nothing."""


def start_ids(model: Model, ids: Sequence[int]) -> list[int]:
    """The prompt, or `<|endoftext|>` where it is empty: the model always needs one token to look at.

    Raises:
        PicoGPTError: the prompt is empty and the vocabulary has no end-of-text.
    """
    if ids:
        return list(ids)
    if (end_of_text := end_of_text_id(model)) is None:
        raise PicoGPTError("The prompt is empty and this model has no end-of-text token to begin from; type something.")
    return [end_of_text]


def end_of_text_id(model: Model) -> int | None:
    """The id that ends a text: the vocabulary's `<|endoftext|>`, else the config's."""
    known = model.tokenizer.end_of_text
    return known if known is not None else model.config.end_of_text


def generate(
    model: Model,
    prompt_ids: Sequence[int],
    settings: GenerationSettings,
    *,
    cache: KVCache | None = None,
    should_stop: Callable[[], bool] = never,
    seen: Callable[[FloatArray, Sequence[int]], None] = nobody,
    unfinished: bytes = b"",
) -> Iterator[Event]:
    """Continue a prompt token by token.

    Args:
        model: forward pass and vocabulary.
        prompt_ids: the context to continue; empty means to begin from `<|endoftext|>`.
        settings: sampling, limits, seed.
        cache: re-used as far as it holds the same tokens; left holding all but the last token.
        should_stop: asked once a token and once a block of the prompt.
        seen: told the logits that each token is drawn from, [n_vocab], and the context before it.
        unfinished: the end of the prompt, where a character begins in it that the answer may complete.

    Yields:
        Started, then Progress, TokenEvent and ContextShifted as they happen, and Finished last.
    """
    prompt = start_ids(model, prompt_ids)
    cache = KVCache(model.config) if cache is None else cache
    seed = secrets.randbelow(MAX_SEED + 1) if settings.seed is None else settings.seed
    rng = np.random.Generator(np.random.PCG64(seed).advance(settings.first_draw))
    reads = Reader(model, cache, looks_up=settings.prompt_lookup)
    stream = TextStream(settings.stop, unfinished)
    ends = end_of_text_id(model) if settings.stop_at_end_of_text else None
    yield Started(tuple(prompt), seed)

    context = list(prompt)
    ids: list[int] = []
    reason, phase, decode_seconds = "max_tokens", "reading the prompt", 0.0
    for index in range(settings.max_tokens):
        began = time.perf_counter()
        if len(context) > model.config.n_ctx:
            if settings.when_full == "stop":
                reason = "context"
                break
            context, shifted = _last_half(context, model.config.n_ctx)
            phase = "refilling the context"
            yield shifted
        logits = yield from reads.read(context, phase, should_stop, settings.max_tokens - index)
        if logits is None:
            reason = "stopped"
            break
        seen(logits, context)
        shaped = shape(logits, settings.sampling, context)
        id, u = choose(shaped, settings.sampling, rng)
        ids.append(id)
        context.append(id)
        piece = "" if id == ends else stream.push(model.tokenizer.bytes_of(id))
        facts = _facts(model.tokenizer, shaped, id, settings.top_n)
        n_context = min(len(context), model.config.n_ctx)  # the token behind a full context waits for its shift
        decode_seconds += (time.perf_counter() - began) if index else 0.0
        facts |= {"n_guessed": reads.n_guessed, "n_accepted": reads.n_accepted}
        yield TokenEvent(index, id, piece=piece, u=u, n_context=n_context, decode_seconds=decode_seconds, **facts)
        if id == ends or stream.stopped:
            reason = "end_of_text" if id == ends else "stop"
            break
    rest = stream.flush()
    speed = (len(ids) - 1) / decode_seconds if decode_seconds else 0.0
    cache.truncate(len(context) - 1)  # what was guessed and never came
    guesses = reads.n_guessed, reads.n_accepted
    yield Finished(reason, tuple(prompt), tuple(ids), stream.text, speed, rest, *guesses)


def choose(shaped: Shaped, sampling: SamplingSettings, rng: np.random.Generator) -> tuple[int, float]:
    """Draw a token, and the uniform number that picked it; at temperature 0 the likeliest, and nan."""
    if sampling.temperature == 0:
        return int(shaped.final_probs.argmax()), math.nan
    u = rng.random()
    return draw(shaped.final_probs, u), u


def candidates_of(shaped: Shaped, tokenizer: Tokenizer, ids: list[int]) -> Iterator[Candidate]:
    """The candidates of the likeliest ids, which come sorted: a rank is the place of the first with an equal logit.

    Of other ids all is right but the rank: see `Shaped.rank`.
    """
    logits, logprobs = shaped.logits[ids].tolist(), shaped.logprobs[ids].tolist()
    final_probs = shaped.final_probs[ids].tolist()
    rank = 0
    for index, id in enumerate(ids):
        rank = rank if logits[index] == logits[rank] else index
        yield Candidate(
            rank=rank,
            id=id,
            text=tokenizer.text_of(id),
            bytes=tokenizer.bytes_of(id),
            label=tokenizer.label(id),
            logit=logits[index],
            logprob=logprobs[index],
            prob=math.exp(logprobs[index]),
            final_prob=final_probs[index],
            cut_by=shaped.cut_name(id),
        )


def distribution(shaped: Shaped, tokenizer: Tokenizer, top_n: int, taken: int | None = None) -> Distribution:
    """The part of a distribution that a screen shows: the likeliest tokens, and the rest as one number.

    Args:
        shaped: the distribution.
        tokenizer: names the tokens.
        top_n: how many of the likeliest.
        taken: the token that was drawn; it stands last where it is not among them.
    """
    ids = shaped.top_ids(top_n)
    candidates = tuple(candidates_of(shaped, tokenizer, ids))
    if taken is not None and top_n and taken not in ids:
        ids.append(taken)
        last = next(candidates_of(shaped, tokenizer, [taken]))
        candidates = (*candidates, replace(last, rank=shaped.rank(taken)))
    n_kept = int(np.count_nonzero(shaped.cut_by < 0))
    other_prob = max(0.0, 1.0 - sum(candidate.prob for candidate in candidates))
    return Distribution(candidates, shaped.entropy, other_prob, shaped.logits.size - len(ids), n_kept)


def _last_half(context: list[int], n_ctx: int) -> tuple[list[int], ContextShifted]:
    n_kept = max(1, n_ctx // 2)
    return context[-n_kept:], ContextShifted(len(context) - n_kept, n_kept)


def _facts(tokenizer: Tokenizer, shaped: Shaped, id: int, top_n: int) -> dict[str, Any]:
    """What the model said of the token that was taken: fields of `TokenEvent`."""
    return {
        "text": tokenizer.text_of(id),
        "logprob": float(shaped.logprobs[id]),
        "rank": shaped.rank(id),
        "entropy": shaped.entropy,
        "final_prob": float(shaped.final_probs[id]),
        "distribution": distribution(shaped, tokenizer, top_n, taken=id),
    }
