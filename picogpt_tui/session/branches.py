"""Versions of a document that end at any token of its tree: going back, and taking another path from there.

A version is a chain of turns. Where one ends within a turn, a shorter copy of that turn is made, which keeps its
settings, seed and draws, so that a replay still reproduces it token by token; a token that somebody chose is a turn of
its own. Nothing is removed: what was there before stays in the tree, and in its own turns.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain

from picogpt_tui.session.document import NO_TURN, Document, Turn
from picogpt_tui.session.tree import ROOT

BytesOf = Callable[[int], bytes]
"""A token's bytes by its id."""
_LONGEST_CHARACTER = 4
"""Bytes, and so at most as many tokens."""


def whole_text(ids: Iterable[int], bytes_of: BytesOf) -> str:
    """The text of tokens up to the last character that is complete."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(b"".join(map(bytes_of, ids)))


def _holds(document: Document, index: int, node: int) -> bool:
    """Whether a token is one of a turn's."""
    tree, turn = document.tree, document.turns[index]
    behind = tree.position(turn.end) - tree.position(node)
    return 0 <= behind < turn.n_tokens and tree.path(turn.end, behind + 1)[0] == node


def _turn_that_holds(document: Document, node: int) -> int | None:
    """The turn that a token is known by: of the version at hand, else one that ends there, else any; the newest."""
    index = document.head
    while index != NO_TURN:
        if _holds(document, index, node):
            return index
        index = document.turns[index].parent
    newest_first = range(len(document.turns) - 1, NO_TURN, -1)
    ending = (index for index in newest_first if document.turns[index].end == node and document.turns[index].n_tokens)
    holding = (index for index in newest_first if _holds(document, index, node))
    return next(chain(ending, holding), None)


def _text_of(document: Document, node: int, n_tokens: int, bytes_of: BytesOf) -> str:
    """The text of the last n tokens up to a node: with the first character whole that they complete."""
    ids = document.tree.path_ids(node, n_tokens + _LONGEST_CHARACTER - 1)
    before = whole_text(ids[: len(ids) - n_tokens], bytes_of)
    return whole_text(ids, bytes_of)[len(before) :]


def _turn_ending_at(document: Document, node: int, bytes_of: BytesOf) -> int:
    """The turn that ends at a node, made if there is none; and those before it, of tokens that are in no turn."""
    loose: list[int] = []
    while (index := _turn_of(document, node, bytes_of)) is None:
        loose.append(node)
        node = document.tree.parent(node)
    for one in reversed(loose):
        document.turns.append(Turn("taken", index, one, 1, _text_of(document, one, 1, bytes_of)))
        index = len(document.turns) - 1
    return index


def _turn_of(document: Document, node: int, bytes_of: BytesOf) -> int | None:
    """The turn that ends at a node, perhaps a shorter copy of one that goes on behind it; None for a token in none."""
    if node == ROOT:
        return NO_TURN
    if (index := _turn_that_holds(document, node)) is None:
        return None
    owner = document.turns[index]
    if owner.end == node:
        return index
    n_tokens = owner.n_tokens - (document.tree.position(owner.end) - document.tree.position(node))
    shorter = replace(
        owner,
        end=node,
        n_tokens=n_tokens,
        text=_text_of(document, node, n_tokens, bytes_of),
        reason="left" if owner.kind == "answer" else "",
        cut="",
        n_dropped=0,
        draws=owner.draws[:n_tokens],
        final_probs=owner.final_probs[:n_tokens],
    )
    if shorter not in document.turns:
        document.turns.append(shorter)
    return document.turns.index(shorter)


def move_head(document: Document, node: int, bytes_of: BytesOf) -> None:
    """Let the version at hand end at `node`, whatever is there behind it."""
    document.head = _turn_ending_at(document, node, bytes_of)


def take(document: Document, before: int, id: int, bytes_of: BytesOf) -> int:
    """Go on behind node `before` with a token that somebody chose; returns its node, which ends the version at hand."""
    move_head(document, before, bytes_of)
    node = document.tree.add(before, id)
    move_head(document, node, bytes_of)
    return node
