"""The tree of branches, laid out line by line, and searched. Pure.

The way that is followed goes straight down at one depth, however many forks it passes; what leaves it hangs one step
further in below the fork, and is itself a way that goes straight down. So a comb does not wander off to the right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from picogpt_tui.session.exploration import Run

NOWHERE = -1
"""The line above a first one."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One line: a run, and where it stands.

    Attributes:
        run: the tokens.
        depth: how many forks it has left the followed way at.
        is_side: whether it leaves the followed way here.
        above: the line of the run that it goes on from, NOWHERE at the beginning.
        is_pruned: whether it is put away, or goes on from one that is.
        n_folded: how many runs leave behind it that have no line because it is folded.
    """

    run: Run
    depth: int
    is_side: bool
    above: int
    is_pruned: bool
    n_folded: int = 0

    @property
    def first(self) -> int:
        """Its first node, by which it is known however much the tree grows."""
        return self.run.nodes[0]


def _leaving(runs: Iterable[Run], before: Branch | None, above: int, *, shows_pruned: bool) -> list[Branch]:
    """The lines of the runs behind a fork: the sides first, then the way that is followed."""
    shown = [run for run in runs if shows_pruned or not run.is_pruned]
    depth, is_pruned = (before.depth, before.is_pruned) if before is not None else (0, False)
    sides = [Branch(run, depth + 1, True, above, is_pruned or run.is_pruned) for run in shown[1:]]
    return [*sides, *(Branch(run, depth, False, above, is_pruned or run.is_pruned) for run in shown[:1])]


def lay_out(top: Sequence[Run], folded: Collection[int] = (), *, shows_pruned: bool = True) -> list[Branch]:
    """Every line of the tree from top to bottom.

    Args:
        top: the runs that begin at the beginning, the followed one first; as are the forks of each.
        folded: first nodes of the runs below which the sides are not shown.
        shows_pruned: whether what is put away is.
    """
    lines: list[Branch] = []
    waiting = _leaving(top, None, NOWHERE, shows_pruned=shows_pruned)[::-1]
    while waiting:
        branch = waiting.pop()
        leaving = _leaving(branch.run.forks, branch, len(lines), shows_pruned=shows_pruned)
        if branch.first in folded and len(leaving) > 1:
            branch = replace(branch, n_folded=len(leaving) - 1)
            leaving = leaving[-1:]
        lines.append(branch)
        waiting += reversed(leaving)
    return lines


def goes_on(lines: Sequence[Branch], index: int) -> bool:
    """Whether the line below is behind this one."""
    return any(below.above == index for below in lines[index + 1 : index + 2])


def has_sides(lines: Sequence[Branch], index: int) -> bool:
    """Whether something hangs below a line that can be folded."""
    return goes_on(lines, index) and lines[index + 1].is_side


def folds_above(lines: Sequence[Branch], index: int) -> set[int]:
    """First nodes of the runs that must not be folded for a line to be shown."""
    needed = set()
    while index != NOWHERE:
        branch = lines[index]
        if branch.is_side and branch.above != NOWHERE:
            needed.add(lines[branch.above].first)
        index = branch.above
    return needed


def line_at(lines: Sequence[Branch], cursor: int, position: Callable[[int], int]) -> int:
    """The line in which a token of the version at hand stands, its last one behind the end; NOWHERE for none."""
    passed = (n for n, one in enumerate(lines) if one.run.is_on_path and position(one.first) <= cursor)
    return max(passed, default=NOWHERE)


@dataclass(frozen=True, slots=True)
class Match:
    """A line that a search found, and the node of its run where what was found begins."""

    line: int
    node: int


def find(lines: Sequence[Branch], query: str, bytes_at: Callable[[int], bytes]) -> list[Match]:
    """The lines whose text holds a query, or whose name does; capital and small ASCII letters are the same.

    What begins before a fork and ends behind it is found behind it.

    Args:
        lines: unfolded, so that none is missed.
        query: not empty.
        bytes_at: the bytes of a node's token.
    """
    wanted = query.encode("utf-8", "replace").lower()
    ends: list[bytes] = []  # of each line's text, too short to hold all that is wanted
    found = []
    for index, branch in enumerate(lines):
        before = ends[branch.above] if branch.above != NOWHERE else b""
        parts = [bytes_at(node) for node in branch.run.nodes]
        text = before + b"".join(parts)
        ends.append(text[max(0, len(text) - len(wanted) + 1) :])
        at = text.lower().find(wanted)
        if at >= 0:
            found.append(Match(index, branch.run.nodes[_part_at(parts, at - len(before))]))
        elif query.lower() in branch.run.name.lower():
            found.append(Match(index, branch.first))
    return found


def _part_at(parts: Sequence[bytes], at: int) -> int:
    """The part in which a byte lies, the first one for what lies before them all."""
    for index, part in enumerate(parts):
        at -= len(part)
        if at < 0:
            return index
    raise AssertionError("the byte lies behind them all")


def next_match(found: Sequence[Match], line: int) -> int:
    """Which of the matches comes next behind a line; behind the last the first."""
    return next((n for n, match in enumerate(found) if match.line > line), 0)
