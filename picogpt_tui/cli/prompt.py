"""A prompt as the commands that look inside read it: its tokens, as many as the context holds, and a place in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picogpt_tui.cli.exits import note
from picogpt_tui.errors import SettingError

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel


def prompt_ids(model: LanguageModel, text: str) -> list[int]:
    """The tokens of a text, `<|endoftext|>` where it is empty.

    Of a text longer than the context the last half a context is read, as `generate` does, and the person is told.

    Raises:
        PicoGPTError: the prompt is empty and the vocabulary has no end-of-text.
    """
    from picogpt_tui.gpt2.generate import start_ids

    ids, n_ctx = start_ids(model, model.tokenizer.encode(text)), model.config.n_ctx
    if len(ids) <= n_ctx:
        return ids
    kept = ids[-max(1, n_ctx // 2) :]
    note(
        f"note: the prompt is longer than the context of {n_ctx} tokens; its last {len(kept)} were read, "
        "and positions count from the first of these."
    )
    return kept


def place(position: int, n: int) -> int:
    """A position counted from 0; what is negative counts from the end.

    Args:
        position: as the user gave it.
        n: how many tokens there are.

    Raises:
        SettingError: there is no such token.
    """
    if not -n <= position < n:
        raise SettingError("position", position, f"from {-n} to {n - 1} (the prompt's tokens, counted from 0)")
    return position % n


def numbered(name: str, value: int, n: int) -> int:
    """One of n layers or heads, counted from 0.

    Raises:
        SettingError: there are not so many.
    """
    if not 0 <= value < n:
        raise SettingError(name, value, f"from 0 to {n - 1} in this model")
    return value
