"""What the explorer shows, for others to read: JSON and CSV of the numbers, rows with tabs between for a spreadsheet.

JSON is {"view", "model", "precision", "digest", "text", "ids", "cursor", "numbers"}; without a view the numbers are
those of the text itself, token by token. Log-probabilities and entropies are in nats, ranks count from 0, bytes are
hexadecimal.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from picogpt_tui.errors import SettingError
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.visible import replace_surrogates

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer

SESSION = "session.json"
FORMATS = ("json", "csv", "svg", "html", "txt", SESSION)
TEXT_VIEW = "text"
"""The view's name where none is open."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose numbers they are."""

    view: str
    model: str
    precision: str
    digest: str | None
    """SHA-256 of the weights, None where their file is gone."""
    text: str
    ids: tuple[int, ...]
    cursor: int


def format_of(path: Path) -> str:
    """The format that a file's name ends in, one of FORMATS.

    Raises:
        SettingError: it ends in none.
    """
    name = path.name.lower()
    found = [one for one in FORMATS if name.endswith(f".{one}")]
    if not found:
        raise SettingError("file name", path.name, "one that ends in " + ", ".join(f".{one}" for one in FORMATS))
    return max(found, key=len)  # a session is JSON too


def to_json(subject: Subject, numbers: object) -> str:
    """Whose numbers, and the numbers; what is no number (nan, infinity) becomes null, bytes become hex."""
    return json.dumps(_plain(asdict(subject) | {"numbers": numbers}), ensure_ascii=False, indent=1) + "\n"


def to_csv(table: Sequence[Sequence[object]]) -> str:
    """The rows of a table; what is not known is empty."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([_cell(value) for value in row] for row in table)
    return written.getvalue()


def to_tabs(table: Sequence[Sequence[object]]) -> str:
    """The same with tabs between; a tab or a line break within a cell becomes a space."""
    rows = ([" ".join(_cell(value).split()) for value in row] for row in table)
    return "".join("\t".join(row) + "\n" for row in rows)


def token_numbers(exploration: Exploration, tokenizer: Tokenizer) -> list[dict[str, object]]:
    """Every token of the version at hand, with what the model said where it stands; null where nobody asked."""
    tree = exploration.document.tree
    tokens: list[dict[str, object]] = []
    for position, node in enumerate(exploration.path):
        facts = tree.facts.get(node)
        known = {"position": position} | _written(tree.id(node), tokenizer)
        numbers = {name: getattr(facts, name, None) for name in ("logprob", "rank", "entropy")}
        likely = None if facts is None else [_written(id, tokenizer) | {"logprob": lp} for id, lp in facts.alternatives]
        tokens.append(known | numbers | {"alternatives": likely})
    return tokens


def token_table(exploration: Exploration, tokenizer: Tokenizer) -> list[list[object]]:
    """The same as rows; the alternatives in one cell, `label logprob` by `label logprob`."""
    tree = exploration.document.tree
    rows: list[list[object]] = [["position", "id", "token", "bytes", "logprob", "rank", "entropy", "alternatives"]]
    for position, node in enumerate(exploration.path):
        id, facts = tree.id(node), tree.facts.get(node)
        row: list[object] = [position, id, tokenizer.label(id), tokenizer.bytes_of(id).hex()]
        if facts is not None:
            likely = " ".join(f"{tokenizer.label(one)} {logprob:.4f}" for one, logprob in facts.alternatives)
            row += [facts.logprob, facts.rank, facts.entropy, likely]
        rows.append(row + [None] * (len(rows[0]) - len(row)))
    return rows


def _written(id: int, tokenizer: Tokenizer) -> dict[str, object]:
    raw = tokenizer.bytes_of(id)
    return {"id": id, "text": tokenizer.text_of(id), "label": tokenizer.label(id), "bytes": raw.hex()}


def _plain(value: object) -> object:
    """A value as JSON can hold it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _cell(value: object) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)
