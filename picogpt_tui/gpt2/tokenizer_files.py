"""The files of a vocabulary: tokens with their ids, and merges in their order.

Three spellings exist: Hugging Face's `vocab.json` and `merges.txt`, OpenAI's `encoder.json` and `vocab.bpe` for the
same two, and one `tokenizer.json` for both, which is all that newer programs write
(https://huggingface.co/docs/tokenizers/components#models).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from picogpt_tui.errors import TokenizerError

VOCAB_FILES = ("vocab.json", "encoder.json")
MERGES_FILES = ("merges.txt", "vocab.bpe")
ONE_FILE = "tokenizer.json"
Merge = tuple[str, str]

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


def read_vocabulary(directory: Path) -> tuple[Path, dict[str, int], Iterator[Merge]]:
    """Read the vocabulary of a model directory, two files before one.

    Returns:
        The file with the tokens, these with their ids, and the merges as pairs of tokens, each
        checked when its turn comes.

    Raises:
        TokenizerError: a file is missing or damaged, or a merge joins what are no tokens.
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


def _read_one_file(path: Path) -> tuple[Path, dict[str, int], Iterator[Merge]]:
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
    return path, vocab, (_checked_merge(one, vocab, f"{path}, merge {i}", path) for i, one in enumerate(merges))


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
    return checked


def _read_merges(path: Path, vocab: dict[str, int]) -> Iterator[Merge]:
    lines = _read_text(path).split("\n")
    first = 1 if lines[0].startswith("#version") else 0
    for number, line in enumerate(lines[first:], first + 1):
        pair = line.split()
        if _is_merge(pair, vocab):
            yield pair[0], pair[1]
        elif pair:
            raise _no_merge(line, f"{path}, line {number}", path)


def _checked_merge(merge: Any, vocab: dict[str, int], where: str, path: Path) -> Merge:
    """Two tokens, written with a space between or as a list, whose join is a token too."""
    pair = merge.split() if isinstance(merge, str) else merge
    if not isinstance(pair, list) or not all(isinstance(one, str) for one in pair) or not _is_merge(pair, vocab):
        raise _no_merge(merge, where, path)
    return pair[0], pair[1]


def _is_merge(pair: list[str], vocab: dict[str, int]) -> bool:
    return len(pair) == 2 and pair[0] in vocab and pair[1] in vocab and pair[0] + pair[1] in vocab


def _no_merge(merge: Any, where: str, path: Path) -> TokenizerError:
    return TokenizerError(f"{where}: {str(merge)[:40]!r} is not two tokens whose join is one.", path)
