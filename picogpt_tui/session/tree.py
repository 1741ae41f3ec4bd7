"""Every token a document ever held, as a tree keyed by position and id.

Two answers that begin alike share their beginning; going back and taking another path adds a branch and removes
nothing. Nodes are numbered in the order they came and never change, so a node's number is its name for good.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

ROOT = -1
"""The parent of a first token."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What the model said where this token stands: facts of model and context, whatever the sampling settings were."""

    logprob: float
    """Nats, raw."""
    rank: int
    """0-based."""
    entropy: float
    """Nats, of the raw distribution."""
    alternatives: tuple[tuple[int, float], ...]
    """The likeliest (id, logprob), this token perhaps among them."""


class TokenTree:
    """An append-only tree of tokens.

    The usual child of a node is the next one in number, which costs twelve bytes; only real branches need an entry in
    a table. A megabyte of pasted text is a few megabytes of tree.

    Attributes:
        facts: what the model said, by node; prompt tokens have none until somebody scores them.
    """

    def __init__(self) -> None:
        self._ids = array("i")
        self._parents = array("i")
        self._positions = array("i")
        self._branches: dict[tuple[int, int], int] = {}
        self.facts: dict[int, TokenFacts] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def id(self, node: int) -> int:
        """The token id at a node."""
        return self._ids[node]

    def parent(self, node: int) -> int:
        """The node before, ROOT for a first token."""
        return self._parents[node]

    def position(self, node: int) -> int:
        """0 for a first token, -1 for ROOT."""
        return self._positions[node] if node != ROOT else -1

    def child(self, parent: int, id: int) -> int | None:
        """The node of token `id` after `parent`, or None if that path was never taken."""
        following = parent + 1
        if following < len(self._ids) and self._parents[following] == parent and self._ids[following] == id:
            return following
        return self._branches.get((parent, id))

    def add(self, parent: int, id: int, facts: TokenFacts | None = None) -> int:
        """The node of token `id` after `parent`, made if that path is new."""
        node = self.child(parent, id)
        if node is None:
            node = len(self._ids)
            if node != parent + 1:
                self._branches[parent, id] = node
            self._ids.append(id)
            self._parents.append(parent)
            self._positions.append(self.position(parent) + 1)
        if facts is not None:
            self.facts[node] = facts
        return node

    def add_path(self, parent: int, ids: Sequence[int]) -> int:
        """Add tokens one after another; returns the last node (`parent` when there are none)."""
        for id in ids:
            parent = self.add(parent, id)
        return parent

    def path(self, node: int, n: int | None = None) -> list[int]:
        """The nodes from a first token to `node`, in order; only the last n where n is given."""
        nodes: list[int] = []
        while node != ROOT and (n is None or len(nodes) < n):
            nodes.append(node)
            node = self._parents[node]
        nodes.reverse()
        return nodes

    def path_ids(self, node: int, n: int | None = None) -> list[int]:
        """The token ids on `path(node, n)`."""
        return [self._ids[one] for one in self.path(node, n)]

    def all_ids(self) -> list[int]:
        """The token ids of all nodes, in the order they came."""
        return self._ids.tolist()

    def branch_nodes(self) -> list[int]:
        """The nodes whose parent is not the node before them."""
        return list(self._branches.values())

    def children(self, parent: int) -> list[int]:
        """All tokens that were ever taken after `parent`, in the order they came."""
        following = parent + 1
        usual = [following] if following < len(self._ids) and self._parents[following] == parent else []
        return sorted(usual + [node for (before, _), node in self._branches.items() if before == parent])
