"""The files of a vocabulary: tokens with their ids, and merges in their order.

Three spellings exist: Hugging Face's `vocab.json` and `merges.txt`, OpenAI's `encoder.json` and `vocab.bpe` for the
same two, and one `tokenizer.json` for both, which is all that newer programs write
(https://huggingface.co/docs/tokenizers/components#models).
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from picogpt_tui.errors import TokenizerError
from picogpt_tui.gpt2.bpe import Merges

VOCAB_FILES = ("vocab.json", "encoder.json")
MERGES_FILES = ("merges.txt", "vocab.bpe")
ONE_FILE = "tokenizer.json"

# What a GPT-2's tokenizer.json says, or leaves unsaid; another value cuts texts elsewhere.
_ONLY = {
    ("model", "type"): ("BPE",),
    ("model", "dropout"): (None, 0.0),
    ("model", "continuing_subword_prefix"): (None, ""),
    ("model", "end_of_word_suffix"): (None, ""),
    ("model", "byte_fallback"): (None, False),
    ("model", "ignore_merges"): (None, False),
    ("normalizer", "type"): (None,),
    ("pre_tokenizer", "type"): ("ByteLevel",),
    ("pre_tokenizer", "add_prefix_space"): (None, False),
    ("pre_tokenizer", "use_regex"): (None, True),
}


def byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-in for each of the 256 bytes.

    Printable Latin-1 characters stand for themselves; the others are moved, in order, to U+0100 and up: a space
    becomes "Ġ", a line feed "Ċ".
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(moved)}


def read_vocabulary(directory: Path) -> tuple[Path, dict[str, int], Merges]:
    """Read the vocabulary of a model directory, two files before one.

    Returns:
        The file with the tokens, these with their ids, and the merges by id.

    Raises:
        TokenizerError: a file is missing or damaged, a byte has no token, or a merge joins what are no tokens.
    """
    vocab_path = _first(directory, VOCAB_FILES)
    merges_path = _first(directory, MERGES_FILES)
    if vocab_path is None or merges_path is None:
        if (directory / ONE_FILE).is_file():
            return _read_one_file(directory / ONE_FILE)
        missing = " or ".join(VOCAB_FILES if vocab_path is None else MERGES_FILES)
        raise TokenizerError(f"{directory} holds no {missing}, which its tokenizer needs.", directory)
    vocab = _checked_vocab(_read_json(vocab_path), vocab_path)
    return vocab_path, vocab, _read_merges(merges_path, vocab)


def _read_one_file(path: Path) -> tuple[Path, dict[str, int], Merges]:
    fields = _read_json(path)
    if not isinstance(fields, dict) or not isinstance(model := fields.get("model"), dict):
        raise TokenizerError(f"{path} must hold a JSON object with a model; fetch it again.", path)
    for (part, name), allowed in _ONLY.items():
        section = fields.get(part)
        value = section.get(name) if isinstance(section, dict) else section
        if value not in allowed:
            message = f"{path} says {part} {name} is {value!r}; only {allowed[-1]!r} is GPT-2's."
            raise TokenizerError(message, path)
    tokens = model.get("vocab")
    added = fields.get("added_tokens") or []
    if isinstance(tokens, dict) and isinstance(added, list):
        tokens = tokens | {one["content"]: one["id"] for one in added if _is_added(one)}
    vocab = _checked_vocab(tokens, path)
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise TokenizerError(f"{path} must hold a list of merges, not {type(merges).__name__}.", path)
    lines = [" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in merges]
    return path, vocab, _merges_by_id(lines, vocab, path, lambda index: f"{path}, merge {index}")


def _is_added(token: Any) -> bool:
    return isinstance(token, dict) and isinstance(token.get("content"), str) and "id" in token


def _first(directory: Path, names: Sequence[str]) -> Path | None:
    return next((directory / name for name in names if (directory / name).is_file()), None)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8 text (byte {error.start}); fetch it again.", path) from error
    except OSError as error:
        raise TokenizerError(f"Cannot read {path}: {error.strerror}.", path) from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{path} is not valid JSON ({error}); fetch it again.", path) from error


def _checked_vocab(vocab: Any, path: Path) -> dict[str, int]:
    ids = list(vocab.values()) if isinstance(vocab, dict) else []
    fits = set(map(type, ids)) == {int} and min(ids) >= 0 and max(ids) < 2**24 and len(set(ids)) == len(ids)
    if not fits:
        raise TokenizerError(f"{path} must hold a JSON object from token to a different id each.", path)
    checked: dict[str, int] = vocab
    for char, byte in byte_alphabet().items():
        if char not in checked:
            raise TokenizerError(f"{path} has no token for the byte 0x{byte:02x}.", path)
    return checked


def _read_merges(path: Path, vocab: dict[str, int]) -> Merges:
    lines = _read_text(path).split("\n")
    if lines[0].startswith("#version"):
        lines[0] = ""
    return _merges_by_id(lines, vocab, path, lambda index: f"{path}, line {index + 1}")


def _merges_by_id(lines: list[str], vocab: dict[str, int], path: Path, where: Callable[[int], str]) -> Merges:
    """Merges by the ids of their two tokens and of the join; one that is there twice keeps its first rank.

    Args:
        lines: two tokens with a space between, or nothing.
        vocab: their ids.
        path: the file, for what is wrong with it.
        where: names a line by its index.

    Raises:
        TokenizerError: one is not two tokens whose join is one.
    """
    if set(map(len, map(str.split, lines))) <= {0, 2}:  # all at once: there are 50,000
        tokens = " ".join(lines).split()
        tokens.reverse()
        lefts, rights = tokens[1::2], tokens[::2]
        try:
            left_ids, right_ids, joined_ids = (
                [*map(vocab.__getitem__, texts)] for texts in (lefts, rights, map(operator.add, lefts, rights))
            )
        except KeyError:
            pass  # which line it is, is looked for below
        else:
            ranks = range(len(joined_ids) - 1, -1, -1)
            return dict(zip(zip(left_ids, right_ids, strict=True), zip(ranks, joined_ids, strict=True), strict=True))
    for index, line in enumerate(lines):
        pair = line.split()
        if pair and not (len(pair) == 2 and {*pair, "".join(pair)} <= vocab.keys()):
            raise TokenizerError(f"{where(index)}: {line[:40]!r} is not two tokens whose join is one.", path)
    raise AssertionError("every merge is one")
