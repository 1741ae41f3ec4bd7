"""A document for others to read: plain text, Markdown, or JSON with every token's numbers. Pure functions."""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from picogpt_tui import paths
from picogpt_tui.errors import SettingError
from picogpt_tui.session.document import Document, Turn
from picogpt_tui.settings import HUGGINGFACE
from picogpt_tui.visible import replace_surrogates

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine

FORMATS = {"txt": "plain text", "md": "Markdown", "json": "JSON with every token's numbers"}


def render(document: Document, suffix: str, engine: Engine) -> str:
    """The version at hand in one of FORMATS.

    Raises:
        SettingError: an unknown format.
    """
    if suffix == "txt":
        return to_text(document)
    if suffix == "md":
        return to_markdown(document)
    if suffix == "json":
        return to_json(document, engine)
    raise SettingError("format", suffix, "one of " + ", ".join(FORMATS))


def export(document: Document, path: Path, engine: Engine) -> None:
    """Write the version at hand to a new file, in the format its name ends in.

    Raises:
        SettingError: the name ends in none of FORMATS, or a file of that name exists.
        FileError: the file cannot be written.
    """
    write_new(path, render(document, path.suffix.lower().lstrip("."), engine))


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        SettingError: no file can have that name, or one has it.
        FileError: the file cannot be written.
    """
    if "\0" in str(path) or replace_surrogates(str(path)) != str(path):
        raise SettingError("file name", str(path), "one that the file system can hold")
    if os.path.lexists(path):
        raise SettingError("file name", str(path), "one that is not taken")
    paths.write_whole(path, replace_surrogates(text))


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """A path in `folder` that is not taken: stem.suffix, stem-2.suffix ..."""
    path, number = folder / f"{stem}.{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.{suffix}", number + 1
    return path


def to_text(document: Document) -> str:
    """The text alone, as it stands in the transcript."""
    passages = ("".join(turn.text for turn in passage) for passage in document.passages())
    return "\n\n".join(text.strip("\n") for text in passages if text) + "\n"


def to_markdown(document: Document) -> str:
    """Prompts as quotations, answers as text, and under each answer how it was made."""
    parts = [f"# {document.title or 'A session with ' + document.model}"]
    for passage in document.passages():
        text = "".join(turn.text for turn in passage)
        if passage[0].kind == "prompt":
            parts.append("\n".join(f"> {line}" for line in text.split("\n")))
        else:
            parts += [text.strip("\n"), f"<sub>{_how(passage, document)}</sub>"]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_json(document: Document, engine: Engine) -> str:
    """Every token with id, label, bytes and the model's numbers; logprob and entropy in nats, rank 0-based."""
    tree, tokenizer = document.tree, engine.tokenizer
    turns = []
    for turn in document.version():
        tokens = []
        for node in document.turn_nodes(turn):
            id, facts = tree.id(node), tree.facts.get(node)
            token = {
                "position": tree.position(node),
                "id": id,
                "text": tokenizer.text_of(id),
                "label": tokenizer.label(id),
                "bytes": tokenizer.bytes_of(id).hex(),
                "logprob": facts and facts.logprob,
                "rank": facts and facts.rank,
                "entropy": facts and facts.entropy,
            }
            tokens.append(token)
        turns.append({"kind": turn.kind, "text": turn.text, "reason": turn.reason or None, "tokens": tokens})
    whole = {"model": document.model, "digest": document.digest or None, "mode": document.mode, "turns": turns}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _how(passage: list[Turn], document: Document) -> str:
    """How the tokens of a passage came, in order; those that came alike, as step by step, are counted together."""
    turns = [turn for turn in passage if turn.n_tokens] or passage
    told = []
    for made, group in groupby(turns, key=partial(_made, model=document.model)):
        *_, last = alike = list(group)
        reason = f" ({last.reason.replace('_', ' ')})" if last.reason else ""
        n_tokens = sum(turn.n_tokens for turn in alike)
        told.append(f"{made}: {'1 token' if n_tokens == 1 else f'{n_tokens} tokens'}{reason}")
    return "; ".join(told)


def _made(turn: Turn, model: str) -> str:
    """By whom or with which settings."""
    if turn.kind == "taken":
        return "by hand"
    if turn.settings is None:
        return model
    s = turn.settings.sampling
    knobs = f"temperature {s.temperature:g}, top-k {s.top_k or 'off'}, top-p {s.top_p:g}, seed {turn.settings.seed}"
    return f"{model}, {knobs}" + (f", order {s.order}" if s.order != HUGGINGFACE else "")
