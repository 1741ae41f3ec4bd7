"""Walking through a document: a cursor on any token, a choice of alternatives there, and the way back.

Positions count the tokens of the version at hand from 0; the position behind the last is where the next token would
stand. Nothing here runs a model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from picogpt_tui.session.branches import BytesOf, move_head, take
from picogpt_tui.session.document import Document
from picogpt_tui.session.tree import ROOT


@dataclass(slots=True)
class Run:
    """A stretch of the tree without a fork.

    Attributes:
        nodes: its tokens, in order.
        is_on_path: whether it belongs to the version at hand.
        is_pruned: whether the user put it away.
        name: what the user calls it, "" for nothing.
        forks: the runs that leave behind its last token, the one that is followed first.
    """

    nodes: list[int]
    is_on_path: bool
    is_pruned: bool
    name: str
    forks: list[Run] = field(default_factory=list)


class Exploration:
    """A document with a cursor in it.

    Attributes:
        document: what is walked through; taking a token changes its tree and its head.
        path: the nodes of the version at hand.
        cursor: a position, 0 to len(path).
    """

    def __init__(self, document: Document, bytes_of: BytesOf, cursor: int | None = None) -> None:
        self.document = document
        self._bytes_of = bytes_of
        self._followed: dict[int, int] = {}
        self._n_known = 0  # nodes
        self._undo: list[tuple[int, int]] = []
        self._redo: list[tuple[int, int]] = []
        self.path: list[int] = []
        self.cursor = 0
        self.refresh()
        self.move_to(max(0, len(self.path) - 1) if cursor is None else cursor)

    # -- where one is --------------------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """The last node of the version at hand, ROOT for none."""
        return self.path[-1] if self.path else ROOT

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor stands where the next token would."""
        return self.cursor == len(self.path)

    @property
    def before(self) -> int:
        """The node before the cursor, ROOT at the beginning."""
        return self.path[self.cursor - 1] if self.cursor else ROOT

    @property
    def taken(self) -> int | None:
        """Id of the token under the cursor, None behind the last."""
        return None if self.is_at_end else self.document.tree.id(self.path[self.cursor])

    def draw(self) -> float | None:
        """The uniform number that picked the token under the cursor, None where none did."""
        if self.is_at_end:
            return None
        node, tree = self.path[self.cursor], self.document.tree
        for turn in self.document.version():
            index = turn.n_tokens - 1 - (tree.position(turn.end) - self.cursor)
            if 0 <= index < len(turn.draws) and tree.path(turn.end, turn.n_tokens - index)[0] == node:
                return None if math.isnan(turn.draws[index]) else turn.draws[index]
        return None

    def ids(self) -> list[int]:
        """The token ids of the version at hand."""
        return [self.document.tree.id(node) for node in self.path]

    def refresh(self) -> None:
        """The document's version at hand has changed, or grown. What it goes through is not put away."""
        tree = self.document.tree
        self.path = tree.path(self.document.end)
        self._followed.update((tree.parent(node), node) for node in range(self._n_known, len(tree)))
        self._followed.update(zip([ROOT, *self.path], self.path, strict=False))
        self._n_known = len(tree)
        self.document.pruned.difference_update(self.path)
        self.move_to(self.cursor)

    # -- moving --------------------------------------------------------------------------------------------------------

    def move_to(self, position: int) -> bool:
        """Put the cursor there, or as near as the text allows; says whether it moved."""
        before, self.cursor = self.cursor, min(max(position, 0), len(self.path))
        return self.cursor != before

    def go_to(self, node: int) -> None:
        """Make the version that goes through a node the one at hand, to where it was last followed; cursor on it.

        Where the version at hand goes through it, only the cursor moves.
        """
        position = self.document.tree.position(node)
        if self.path[position : position + 1] == [node]:
            self.move_to(position)
            return
        self._remember()
        self._show(self._continuation(node), position)

    def take(self, id: int) -> bool:
        """Let this token stand at the cursor; what stood there stays in the tree. Says whether that is a new path.

        A path that was taken before is followed as far as it was.
        """
        if id == self.taken:
            return False
        self._remember()
        known, cursor = self.document.tree.child(self.before, id), self.cursor
        if known is None:
            self._show(take(self.document, self.before, id, self._bytes_of), cursor)
        else:
            self._show(self._continuation(known), cursor)
        return known is None

    def cut_back(self) -> bool:
        """Let the version at hand end before the cursor; the rest stays in the tree. Says whether there was a rest."""
        if self.is_at_end:
            return False
        self._remember()
        self._show(self.before, self.cursor)
        return True

    def note_growth(self) -> None:
        """Tokens came behind the end: they are one step that can be undone. To be called before they come."""
        self._remember()

    def undo(self) -> bool:
        """Go back to the version and the cursor before the last change; False when there is none."""
        return self._travel(self._undo, self._redo)

    def redo(self) -> bool:
        """Take an undo back; False when there is none."""
        return self._travel(self._redo, self._undo)

    # -- the tree ------------------------------------------------------------------------------------------------------

    def name(self, node: int, name: str) -> None:
        """Call the branch that begins at a node so; "" takes its name away."""
        if name:
            self.document.names[node] = name
        else:
            self.document.names.pop(node, None)

    def prune(self, node: int) -> bool:
        """Put a branch away, or back; False for one that the version at hand goes through, which stays."""
        if node in self.document.pruned:
            self.document.pruned.discard(node)
            return True
        if node in self.path:
            return False
        self.document.pruned.add(node)
        return True

    def n_branches(self) -> int:
        """How many ends the tree has."""
        tree = self.document.tree
        inner = {tree.parent(node) for node in range(len(tree))}
        return len(tree) - len(inner - {ROOT}) if len(tree) else 0

    def outline(self) -> list[Run]:
        """The whole tree as runs: those that begin at the beginning, the version at hand first."""
        tree, on_path = self.document.tree, set(self.path)
        children: dict[int, list[int]] = {}
        for node in range(len(tree)):
            children.setdefault(tree.parent(node), []).append(node)
        top: list[Run] = []
        waiting = [(ROOT, top)]
        while waiting:
            parent, runs = waiting.pop()
            for first in sorted(children.get(parent, []), key=lambda node: node != self._followed.get(parent)):
                nodes = [first]
                while len(following := children.get(nodes[-1], [])) == 1:
                    nodes += following
                name, is_pruned = self.document.names.get(first, ""), first in self.document.pruned
                runs.append(Run(nodes, first in on_path, is_pruned, name))
                waiting.append((nodes[-1], runs[-1].forks))
        return top

    def _continuation(self, node: int) -> int:
        """The end of the path that was last followed from a node on."""
        while (following := self._followed.get(node)) is not None:
            node = following
        return node

    def _remember(self) -> None:
        self._undo.append((self.document.head, self.cursor))
        self._redo.clear()

    def _travel(self, back: list[tuple[int, int]], forth: list[tuple[int, int]]) -> bool:
        """Go to another text; a change of which nothing came, as growth that was stopped at once, is passed over."""
        end, here = self.document.end, (self.document.head, self.cursor)
        while back:
            self.document.head, cursor = back.pop()
            if self.document.end != end:
                forth.append(here)
                self.refresh()
                self.move_to(cursor)
                return True
        return False

    def _show(self, end: int, cursor: int) -> None:
        move_head(self.document, end, self._bytes_of)
        self.refresh()
        self.move_to(cursor)
