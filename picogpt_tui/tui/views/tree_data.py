"""The tree of branches as numbers: how surprising each run is, JSON values, rows for a table. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from picogpt_tui.session.tree import ROOT, TokenTree
from picogpt_tui.tui.views.tree_layout import Branch

TABLE = (
    *("node", "parent", "position", "at hand", "pruned", "name", "tokens", "text"),
    *("logprob_nats", "surprisal_nats", "unknown"),
)


@dataclass(frozen=True, slots=True)
class Surprise:
    """What the model thinks of a run.

    Attributes:
        first: log-probability of its first token where it forks, nats, raw; None where it is not known.
        nats: surprisal of all its tokens that are known.
        n_known: how many those are.
        n_unknown: how many others nobody asked the model about; the text's first token is neither, for nothing comes
            before it.
    """

    first: float | None
    nats: float
    n_known: int
    n_unknown: int


def surprise(tree: TokenTree, nodes: Sequence[int]) -> Surprise:
    """Add up what is known of a run's tokens."""
    facts = [tree.facts.get(node) for node in nodes]
    known = [one.logprob for one in facts if one is not None and math.isfinite(one.logprob)]
    n_unscored = int(facts[0] is None and tree.position(nodes[0]) == 0)
    first = facts[0].logprob if facts[0] is not None and math.isfinite(facts[0].logprob) else None
    return Surprise(first, -math.fsum(known), len(known), len(nodes) - len(known) - n_unscored)


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def tree_numbers(tree: TokenTree, lines: Sequence[Branch], bytes_of: Callable[[int], bytes]) -> list[dict[str, object]]:
    """Every run with its tokens, in the order of the lines; nats. A run hangs on the node that is its parent."""
    runs: list[dict[str, object]] = []
    for branch in lines:
        nodes, known = branch.run.nodes, surprise(tree, branch.run.nodes)
        ids = [tree.id(node) for node in nodes]
        data = b"".join(map(bytes_of, ids))
        parent = tree.parent(nodes[0])
        runs.append(
            {
                "nodes": list(nodes),
                "parent": parent if parent != ROOT else None,
                "position": tree.position(nodes[0]),
                "at_hand": branch.run.is_on_path,
                "pruned": branch.is_pruned,
                "name": branch.run.name,
                "ids": ids,
                "text": _decoded(data),
                "bytes": data.hex(),
                "logprob": known.first,
                "surprisal": known.nats if known.n_known else None,
                "n_unknown": known.n_unknown,
            }
        )
    return runs


def tree_table(tree: TokenTree, lines: Sequence[Branch], label: Callable[[int], str]) -> list[list[object]]:
    """The same below a heading, the text as labels; [] for no line."""
    rows: list[list[object]] = []
    for branch in lines:
        run, known = branch.run, surprise(tree, branch.run.nodes)
        parent = tree.parent(branch.first)
        text = "".join(label(tree.id(node)) for node in run.nodes)
        where = [branch.first, parent if parent != ROOT else None, tree.position(branch.first)]
        marks = [run.is_on_path, branch.is_pruned, run.name, len(run.nodes), text]
        rows.append([*where, *marks, known.first, known.nats if known.n_known else None, known.n_unknown])
    return [list(TABLE), *rows] if rows else []
