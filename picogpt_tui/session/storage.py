"""Documents as JSON files: written whole or not at all, read with every field checked.

    {"format": "picogpt-session-2", "title", "created", "model": {"name", "digest"}, "mode",
     "template": {"text", "stop"}, "head",
     "tree": {"ids": [...], "branches": {node: parent}, "facts": {node: [logprob, rank, entropy, [[id, logprob] ...]]},
              "names": {node: name}, "pruned": [node ...]},
     "turns": [{"kind", "parent", "end", "n_tokens", "text", "settings", "reason", "cuts": [{"kind", ...}], ...}]}

A node's parent is the node before it unless `branches` says otherwise. Files of format 1, which had no `names`, no
`pruned` and no turns of kind `taken`, are read as well; so are turns without `cuts`. Nothing in a file is ever executed
or trusted.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from picogpt_tui import paths
from picogpt_tui.errors import DocumentError, FileError, SettingError
from picogpt_tui.readings import Cut
from picogpt_tui.session.chat import MODES, ChatTemplate
from picogpt_tui.session.document import NO_TURN, Document, Turn
from picogpt_tui.session.export import free_path
from picogpt_tui.session.tree import ROOT, TokenFacts, TokenTree
from picogpt_tui.settings import GenerationSettings, SamplingSettings
from picogpt_tui.visible import one_line

FORMAT = "picogpt-session-2"
_READABLE = ("picogpt-session-1", FORMAT)
_KINDS = ("prompt", "answer", "taken")
_CUT_KINDS, _CUT_HOWS = ("head", "mlp", "position"), ("zero", "mean")
_MOST = 2**24  # no vocabulary and no context is as large


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A line in the list of saved sessions."""

    path: Path
    title: str
    model: str
    created: str
    n_tokens: int
    modified: float
    """Seconds since the epoch."""


def save(document: Document, path: Path) -> None:
    """Write a document to a file.

    Raises:
        FileError: the file cannot be written; what was there before is untouched.
    """
    save_fields(to_dict(document), path)


def save_fields(fields: dict[str, Any], path: Path) -> None:
    """Write what `to_dict` made, perhaps in another thread than the one that owns the document."""
    paths.write_whole(path, json.dumps(fields, separators=(",", ":")))


def load(path: Path) -> Document:
    """Read a document from a file.

    Raises:
        FileError: the file cannot be read.
        DocumentError: it is not a session, or damaged.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError("read", path, error) from error
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path} is not a session file: it holds no valid JSON ({error}).", path) from error
    try:
        document = from_dict(fields)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, SettingError) as error:
        what = f"{type(error).__name__}: {error}"
        raise DocumentError(f"{path} is not a whole session file ({one_line(what, 80)}).", path) from error
    document.path = path
    return document


def list_sessions(folder: Path | None = None) -> list[SavedSession]:
    """The saved sessions, the newest first; files that are no sessions are passed over."""
    folder = folder or paths.sessions_dir()
    sessions = []
    for path in folder.glob("*.json") if folder.is_dir() else ():
        try:
            document = load(path)
            modified = path.stat().st_mtime
        except (DocumentError, FileError, OSError):
            continue
        title, n_tokens = document.title or title_of(document), len(document.ids())
        sessions.append(SavedSession(path, title, document.model, document.created, n_tokens, modified))
    return sorted(sessions, key=lambda session: session.modified, reverse=True)


def title_of(document: Document) -> str:
    """The first words of the document."""
    return one_line(document.text()[:200].strip(), 48) or "empty"


def session_path(document: Document, folder: Path | None = None) -> Path:
    """Where a document is kept that has no other place: named after its start and its time, and not taken."""
    folder = folder or paths.sessions_dir()
    words = re.sub(r"[^a-z0-9]+", "-", (document.title or document.text()[:60]).lower()).strip("-")[:40].strip("-")
    stamp = re.sub(r"[^0-9]", "", document.created)[:14]
    return free_path(folder, f"{stamp}-{words or 'session'}", "json")


def to_dict(document: Document) -> dict[str, Any]:
    """A document as JSON values."""
    tree = document.tree
    return {
        "format": FORMAT,
        "title": document.title,
        "created": document.created,
        "model": {"name": document.model, "digest": document.digest},
        "mode": document.mode,
        "template": asdict(document.template),
        "head": document.head,
        "tree": {
            "ids": tree.all_ids(),
            "branches": {str(node): tree.parent(node) for node in tree.branch_nodes()},
            "facts": {
                str(node): [facts.logprob, facts.rank, facts.entropy, facts.alternatives]
                for node, facts in tree.facts.items()
            },
            "names": {str(node): name for node, name in document.names.items()},
            "pruned": sorted(document.pruned),
        },
        "turns": [_turn_to_dict(turn) for turn in document.turns],
    }


def from_dict(fields: Any) -> Document:
    """A document from JSON values; raises the usual Python errors where they do not fit."""
    if fields["format"] not in _READABLE:
        raise ValueError(f"format is {fields['format']!r}, expected {FORMAT!r}")
    if fields["mode"] not in MODES:
        raise ValueError(f"mode is {fields['mode']!r}")
    template = ChatTemplate(_text(fields["template"]["text"]), tuple(map(_text, _list(fields["template"]["stop"]))))
    document = Document(_text(fields["model"]["name"]), fields["mode"], template)
    document.digest = _text(fields["model"]["digest"])
    document.title, document.created = _text(fields["title"]), _text(fields["created"])
    tree = document.tree = _tree_from(fields["tree"])
    names, pruned = fields["tree"].get("names", {}), fields["tree"].get("pruned", [])
    document.names = {_within(int(node), 0, len(tree)): _text(name) for node, name in names.items()}
    document.pruned = {_within(node, 0, len(tree)) for node in _list(pruned)}
    for turn in _list(fields["turns"]):
        document.turns.append(_turn_from(turn, document.turns, document.tree))
    document.head = _within(fields["head"], NO_TURN, len(document.turns))
    return document


def _turn_to_dict(turn: Turn) -> dict[str, Any]:
    draws = [None if math.isnan(u) else u for u in turn.draws]
    fields = {name: getattr(turn, name) for name in Turn.__slots__}
    settings = None if turn.settings is None else asdict(turn.settings)
    cuts = [asdict(cut) for cut in turn.cuts]
    return fields | {"draws": draws, "final_probs": list(turn.final_probs), "settings": settings, "cuts": cuts}


def _turn_from(fields: dict[str, Any], before: list[Turn], tree: TokenTree) -> Turn:
    if fields["kind"] not in _KINDS:
        raise ValueError(f"turn {len(before)} is a {fields['kind']!r}")
    parent, end = _within(fields["parent"], NO_TURN, len(before)), _within(fields["end"], ROOT, len(tree))
    n_tokens = _within(fields["n_tokens"], 0, tree.position(end) + 2)
    nodes = tree.path(end, n_tokens)
    if (tree.parent(nodes[0]) if nodes else end) != (before[parent].end if parent != NO_TURN else ROOT):
        raise ValueError(f"turn {len(before)} does not begin where turn {parent} ends")
    return Turn(
        kind=fields["kind"],
        parent=parent,
        end=end,
        n_tokens=n_tokens,
        text=_text(fields["text"]),
        settings=None if fields["settings"] is None else _settings_from(fields["settings"]),
        reason=_text(fields["reason"]),
        cut=_text(fields["cut"]),
        tokens_per_second=_number(fields["tokens_per_second"]),
        n_dropped=_within(fields["n_dropped"], 0, _MOST),
        draws=[math.nan if u is None else _number(u) for u in _list(fields["draws"])],
        final_probs=[_number(prob) for prob in _list(fields["final_probs"])],
        cuts=tuple(map(_cut_from, _list(fields.get("cuts", [])))),
    )


def _cut_from(fields: dict[str, Any]) -> Cut:
    cut = Cut(**fields)
    if cut.kind not in _CUT_KINDS or cut.how not in _CUT_HOWS:
        raise ValueError(f"a cut makes a {cut.kind!r} {cut.how!r}")
    for number in (cut.layer, cut.head, cut.position):
        _within(number, -1, _MOST)
    return cut


def _settings_from(fields: dict[str, Any]) -> GenerationSettings:
    sampling = SamplingSettings(**fields["sampling"])
    return GenerationSettings(**(fields | {"sampling": sampling, "stop": tuple(_list(fields["stop"]))}))


def _tree_from(fields: dict[str, Any]) -> TokenTree:
    tree = TokenTree()
    branches = {int(node): parent for node, parent in fields["branches"].items()}
    for node, id in enumerate(_list(fields["ids"])):
        parent = _within(branches.get(node, node - 1), ROOT, node)
        if tree.add(parent, _within(id, 0, _MOST)) != node:
            raise ValueError(f"node {node} stands in the tree twice")
    for node, (logprob, rank, entropy, alternatives) in fields["facts"].items():
        pairs = tuple((_within(id, 0, _MOST), _number(value)) for id, value in alternatives)
        facts = TokenFacts(_number(logprob), _within(rank, 0, _MOST), _number(entropy), pairs)
        tree.facts[_within(int(node), 0, len(tree))] = facts
    return tree


def _within(value: Any, least: int, end: int) -> int:
    if type(value) is not int or not least <= value < end:
        raise ValueError(f"{value!r} is not a whole number from {least} to {end - 1}")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
