"""The tree keeps every token that ever was, and gives paths that share a beginning the same nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.session.tree import ROOT, TokenFacts, TokenTree

FACTS = TokenFacts(-0.5, 0, 1.0, ((7, -0.5), (8, -2.0)))


def test_an_empty_tree_has_only_its_root() -> None:
    tree = TokenTree()
    assert len(tree) == 0
    assert (tree.path(ROOT), tree.children(ROOT), tree.child(ROOT, 5)) == ([], [], None)
    assert tree.position(ROOT) == -1


def test_a_path_is_numbered_in_the_order_it_came() -> None:
    tree = TokenTree()
    end = tree.add_path(ROOT, [5, 6, 7])
    assert tree.path(end) == [0, 1, 2]
    assert tree.path_ids(end) == [5, 6, 7]
    assert [tree.position(node) for node in tree.path(end)] == [0, 1, 2]
    assert [tree.parent(node) for node in tree.path(end)] == [ROOT, 0, 1]


def test_the_same_path_again_is_the_same_nodes() -> None:
    tree = TokenTree()
    assert tree.add_path(ROOT, [5, 6, 7]) == tree.add_path(ROOT, [5, 6, 7])
    assert len(tree) == 3


def test_answers_that_begin_alike_share_their_beginning() -> None:
    tree = TokenTree()
    first = tree.add_path(ROOT, [5, 6, 7, 8])
    second = tree.add_path(ROOT, [5, 6, 9])
    assert tree.path(second) == [0, 1, 4]
    assert tree.path_ids(first) == [5, 6, 7, 8], "the first path is still there"
    assert tree.children(1) == [2, 4]
    assert tree.branch_nodes() == [4]


def test_one_id_at_two_positions_is_two_nodes() -> None:
    tree = TokenTree()
    assert tree.path(tree.add_path(ROOT, [5, 5, 5])) == [0, 1, 2]


def test_no_tokens_end_where_they_began() -> None:
    tree = TokenTree()
    end = tree.add_path(ROOT, [5])
    assert (tree.add_path(end, []), tree.add_path(ROOT, [])) == (end, ROOT)


@pytest.mark.parametrize(
    "n, nodes", [(0, []), (1, [2]), (2, [1, 2]), (3, [0, 1, 2]), (9, [0, 1, 2]), (None, [0, 1, 2])]
)
def test_the_last_nodes_of_a_path(n: int | None, nodes: list[int]) -> None:
    tree = TokenTree()
    end = tree.add_path(ROOT, [5, 6, 7])
    assert tree.path(end, n) == nodes
    assert tree.path_ids(end, n) == [5 + node for node in nodes]


def test_facts_are_kept_by_node_and_a_visit_without_any_leaves_them() -> None:
    tree = TokenTree()
    node = tree.add(ROOT, 5, FACTS)
    assert tree.add(ROOT, 5) == node
    assert tree.facts == {node: FACTS}
    newer = TokenFacts(-0.25, 0, 1.0, ())
    tree.add(ROOT, 5, newer)
    assert tree.facts == {node: newer}


class NaiveTree:
    """The same as a list of paths: slow, and plainly right."""

    def __init__(self) -> None:
        self.paths: list[tuple[int, ...]] = []

    def add(self, path: tuple[int, ...]) -> int:
        if path not in self.paths:
            self.paths.append(path)
        return self.paths.index(path)

    def children(self, path: tuple[int, ...]) -> list[int]:
        return [node for node, other in enumerate(self.paths) if len(other) > 0 and other[:-1] == path]


@given(st.lists(st.tuples(st.integers(0, 99), st.lists(st.integers(0, 2), max_size=5)), max_size=30))
def test_it_is_the_naive_tree(steps: list[tuple[int, list[int]]]) -> None:
    """Whatever paths are added behind whatever nodes: the child that costs nothing equals the one in the table."""
    tree, naive = TokenTree(), NaiveTree()
    for number, ids in steps:
        node = number % (len(tree) + 1) - 1  # any node, or ROOT
        path = naive.paths[node] if node != ROOT else ()
        for id in ids:
            path = (*path, id)
            node = tree.add(node, id)
            assert node == naive.add(path)
    assert len(tree) == len(naive.paths)
    assert tree.all_ids() == [path[-1] for path in naive.paths]
    for node in [ROOT, *range(len(tree))]:
        path = naive.paths[node] if node != ROOT else ()
        assert tree.path_ids(node) == list(path)
        assert tree.position(node) == len(path) - 1
        assert tree.children(node) == naive.children(path)
        found = {id: tree.child(node, id) for id in range(4)}
        assert found == {id: naive.paths.index((*path, id)) if (*path, id) in naive.paths else None for id in range(4)}
    off_line = [node for node in range(len(tree)) if tree.parent(node) != node - 1]
    assert tree.branch_nodes() == off_line, "the usual child needs no entry in the table"
