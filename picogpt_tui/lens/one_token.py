"""One token's way through the model, looked into: what stands before it is read once and kept in the caller's cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.generate import never
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.gpt2.reader import prefill_block
from picogpt_tui.gpt2.taps import Taps


def read_before(
    model: LanguageModel,
    ids: Sequence[int],
    position: int,
    cache: KVCache,
    should_stop: Callable[[], bool] = never,
) -> Generator[Progress, None, bool]:
    """Bring the cache to hold exactly what stands before a position; what it holds of that is not computed again.

    Args:
        model: who reads.
        ids: the text, at most n_ctx tokens.
        position: index of a token of it.
        cache: written to.
        should_stop: asked once a block.

    Yields:
        Progress before every block.

    Returns:
        False when told to stop.
    """
    assert 0 <= position < len(ids) <= model.config.n_ctx, f"position {position} of {len(ids)} tokens"
    done, n_block = cache.keep_common_prefix(ids, at_most=position), prefill_block(model.config)
    while done < position:
        if should_stop():
            return False
        yield Progress("reading the prompt", done, position, model.name)
        block = list(ids[done : min(done + n_block, position)])
        model.hidden_states(block, cache)
        done += len(block)
    return True


def watch(
    model: LanguageModel, ids: Sequence[int], position: int, cache: KVCache, names: Collection[str]
) -> tuple[Taps, FloatArray]:
    """Run the token at a position through the model and keep what passes by.

    Args:
        model: who reads.
        ids: the text, at most n_ctx tokens; those behind the position are not looked at.
        position: index of the token.
        cache: re-used as far as it holds the same tokens; left holding the text up to the position.
        names: what to keep, of `taps.NAMES`.

    Returns:
        What was kept, of this one token, and what `model.unembed` makes its logits of: [1, n_embd].
    """
    for _ in read_before(model, ids, position, cache):
        pass
    taps = Taps(names)
    return taps, model.hidden_states([ids[position]], cache, tap=taps)
