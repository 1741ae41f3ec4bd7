"""A token named on the command line: by its text, its label or its number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picogpt_tui.cli.exits import note
from picogpt_tui.errors import PicoGPTError
from picogpt_tui.visible import SPACE, one_line

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_NUMBER = re.compile("#([0-9]{1,9})")
_MOST_LABELS = 8


def _id_of(tokenizer: Tokenizer, name: str) -> int | None:
    """The token that this is the number, the text or the label of; the number may be of none."""
    if match := _NUMBER.fullmatch(name):
        return int(match[1])
    special = next((id for id, text in tokenizer.special.items() if text == name), None)
    return special if special is not None else tokenizer.id_of_label(name)


def _pieces(tokenizer: Tokenizer, text: str) -> str:
    """What a text is instead of one token: `'dragon' is 2 tokens, dr agon`."""
    ids = tokenizer.encode(text)
    if not ids:
        return "it is empty"
    labels = [tokenizer.label(id) for id in ids[:_MOST_LABELS]] + ["…"] * (len(ids) > _MOST_LABELS)
    return f"{one_line(text, 40)!r} is {len(ids)} tokens, {' '.join(labels)}"


def token_named(model: LanguageModel, name: str, option: str) -> int:
    """The id of the token that somebody means.

    `#262` is a number, whatever texts there are. A text that is no token is tried with a space before it, and a note
    says so; where both are tokens a note names the other.

    Args:
        model: whose vocabulary is meant.
        name: `had`, ` had`, `␣had`, `<|endoftext|>`, `#262`.
        option: where it was given, for what is said.

    Raises:
        PicoGPTError: it is no token, or several.
    """
    tokenizer, n_vocab = model.tokenizer, model.config.n_vocab
    id = _id_of(tokenizer, name)
    may_lack_space = name and not name.startswith((" ", SPACE)) and not _NUMBER.fullmatch(name)
    spaced = tokenizer.id_of_label(f" {name}") if may_lack_space else None
    if id is not None and id >= n_vocab:
        raise PicoGPTError(f"{option} {name}: {model.name} has the tokens #0 to #{n_vocab - 1}.")
    if id is not None:
        if spaced is not None:
            note(f"note: {option} is {tokenizer.label(id)}, as written; {tokenizer.label(spaced)} is another token.")
        return id
    if spaced is not None:
        note(f"note: {option} is {tokenizer.label(spaced)}, with a space before it; {_pieces(tokenizer, name)}.")
        return spaced
    raise PicoGPTError(f"{option} must be one token, but {_pieces(tokenizer, name)}; name another, or #ID its number.")
