"""What the BPE theatre draws: the words around one, its pieces with their ids and bytes, its merges, another cut. Pure.

Merges are counted from #1, as people read them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len

from picogpt_tui.readings import Merge, Stretch, TracedWord
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.widgets.lines import Row
from picogpt_tui.visible import label

if TYPE_CHECKING:
    from picogpt_tui.session.theatre import Piece, Stage

Label = Callable[[int], str]
TITLE_CELLS = 9
_GAP = 2
_LONGEST_WORD = 24
_LONGEST_PAIR = 32
_MERGE_CELLS = 10
_MORE = "… "


def window(widths: Sequence[int], at: int, room: int) -> tuple[int, int]:
    """Which neighbours of one cell fit in a room with it, as many on its left as on its right if there are as many.

    Args:
        widths: of all cells; each has one gap behind it.
        at: the one that has to be seen.
        room: cells in all.

    Returns:
        The first, and one past the last.
    """
    first, last, used = at, at + 1, widths[at] + _GAP
    grows = True
    while grows:
        grows = False
        if last < len(widths) and used + widths[last] + _GAP <= room:
            used, last, grows = used + widths[last] + _GAP, last + 1, True
        if first > 0 and used + widths[first - 1] + _GAP <= room:
            first, used, grows = first - 1, used + widths[first - 1] + _GAP, True
    return first, last


# -- the words ---------------------------------------------------------------------------------------------------------


def words_row(words: Sequence[str], at: int, note: str, width: int) -> Row:
    """The words around one, which is marked, and at the right where it stands; the note gives way to a long word.

    Args:
        words: the labels of some words around it.
        at: index of the one.
        note: where it stands.
        width: cells of the row.
    """
    shown = [cells(word, min(cell_len(word), _LONGEST_WORD)) for word in words]
    room = width - cell_len(note) - 2
    if room < cell_len(shown[at]) + 4:
        room, note = width, ""
    first, last = window([cell_len(word) for word in shown], at, room - 1)
    runs: list[tuple[str, str]] = []
    for index in range(first, last):
        is_here = index == at
        runs += [("▸" if is_here else " ", "chosen"), (f"{shown[index]} ", "chosen" if is_here else "quiet")]
    used = sum(cell_len(text) for text, _ in runs)
    return [*runs, (note.rjust(width - used - 1) if note else "", "quiet")]


# -- the stage ---------------------------------------------------------------------------------------------------------


def _title(text: str) -> tuple[str, str]:
    return f" {text}".ljust(TITLE_CELLS), "heading"


def _widths(pieces: Sequence[Piece], room: int) -> list[int]:
    """Cells of each piece: enough for all its bytes where all have room, else for its label and its id."""
    wide = [max(cell_len(one.label), len(str(one.id)), len(one.raw.hex(" "))) for one in pieces]
    if sum(wide) + _GAP * len(wide) <= room:
        return wide
    return [min(max(cell_len(one.label), len(str(one.id)), 2), room - 2 * _GAP) for one in pieces]


def _bracket(text: str, width: int) -> str:
    """A text below the pieces that only together hold it."""
    inner = f" {text} " if cell_len(text) + 4 <= width else text
    left = max(0, (width - 2 - cell_len(inner)) // 2)
    return f"└{'─' * left}{inner}{'─' * max(0, width - 2 - left - cell_len(inner))}┘"


def _shared_row(stage: Stage, widths: Sequence[int], first: int, last: int) -> Row:
    runs, at = [_title("char")], first
    for start, end, text in stage.shared:
        if first <= start and end < last:
            before = sum(widths[at:start]) + _GAP * (start - at) + 1
            width = sum(widths[start : end + 1]) + _GAP * (end - start)
            runs.append((" " * before + cells(_bracket(label(text.encode("utf-8")), width), width + 1), "mark"))
            at = end + 1
    return runs


def stage_rows(stage: Stage, width: int) -> list[Row]:
    """The pieces in columns: label, id, bytes; the one that was made last is marked; brackets join characters."""
    room = width - TITLE_CELLS - 2 * len(_MORE)
    widths = _widths(stage.pieces, room)
    first, last = window(widths, stage.made or 0, room)
    left = _MORE if first else ""
    labels, ids, raws = [_title("pieces")], [_title("id")], [_title("bytes")]
    for row in (labels, ids, raws):
        row.append((left, "quiet"))
    for index in range(first, last):
        one, n_cells, is_made = stage.pieces[index], widths[index], index == stage.made
        name = cells(one.label, min(cell_len(one.label), n_cells))
        labels += [("▸" if is_made else " ", "chosen"), (name, "chosen" if is_made else "ab"[index % 2])]
        labels.append((" " * (n_cells - cell_len(name) + 1), "text"))
        ids.append((f" {cells(str(one.id), n_cells)} ", "quiet"))
        raws.append((f" {cells(one.raw.hex(' '), n_cells)} ", "quiet"))
    if last < len(stage.pieces):
        labels.append(("…", "quiet"))
    rows: list[Row] = [labels, ids, raws]
    if stage.shared:
        shared = _shared_row(stage, widths, first, last)
        rows.insert(1, [shared[0], (left, "quiet"), *shared[1:]])
    return rows


# -- the merges --------------------------------------------------------------------------------------------------------


def _around(pieces: Sequence[int], at: int, name: Label, room: int) -> str:
    """Pieces on one line, those around one place if they are too many."""
    near = range(max(0, at - room // 2), min(len(pieces), at + room // 2 + 1))
    labels = [name(pieces[index]) for index in near]
    first, last = window([cell_len(one) for one in labels], at - near.start, room - 2 * len(_MORE))
    before, behind = near.start + first > 0, near.start + last < len(pieces)
    text = (_MORE if before else "") + "  ".join(labels[first:last]) + (" …" if behind else "")
    return cells(text, min(cell_len(text), room))


def _pair(merge: Merge, name: Label) -> str:
    return f"{name(merge.left)} + {name(merge.right)} → {name(merge.merged)}"


def merges_head(word: TracedWord, name: Label, width: int) -> Row:
    """The names of the columns."""
    pair = pair_cells(word, name, width)
    return [("merge".rjust(_MERGE_CELLS) + "  " + cells("joins", pair) + "  the word's pieces then", "heading")]


def pair_cells(word: TracedWord, name: Label, width: int) -> int:
    """How many cells the pairs of a word need."""
    widest = max((cell_len(_pair(merge, name)) for merge in word.merges), default=0)
    return max(8, min(widest, _LONGEST_PAIR, width // 2))


def merge_rows(word: TracedWord, frames: Sequence[Sequence[int]], step: int, name: Label, width: int) -> list[Row]:
    """The bytes, and a row for each merge: its rank, what it joins, and the pieces then; those to come are dimmed.

    Args:
        word: what is played.
        frames: its pieces after each number of merges.
        step: how many of them are done.
        name: labels tokens.
        width: cells of a row.
    """
    pair = pair_cells(word, name, width)
    room = max(1, width - _MERGE_CELLS - pair - 5)
    rows: list[Row] = []
    for index, pieces in enumerate(frames):
        merge = word.merges[index - 1] if index else None
        number = f"#{merge.rank + 1:,}" if merge is not None else "bytes"
        joins = _pair(merge, name) if merge is not None else f"{len(pieces):,} of them"
        style = "chosen" if index == step else "text" if index < step else "cut"
        quiet = style if style != "text" else "quiet"
        then = _around(pieces, merge.at if merge is not None else 0, name, room)
        mark = "▸" if index == step else " "
        rows.append(
            [(mark + number.rjust(_MERGE_CELLS - 1), quiet), (f"  {cells(joins, pair)}  ", style), (then, quiet)]
        )
    return rows


def reason_rows(labels: Sequence[str], why: str, width: int) -> list[Row]:
    """Why neighbouring tokens are apart, on as many lines as that takes."""
    indent = " " * _MERGE_CELLS + "  "
    tokens = " | ".join(labels)
    tokens = cells(tokens, min(cell_len(tokens), width // 2))
    room = width - len(indent) - 1
    first, *more = wrap(f"{'x' * cell_len(tokens)}  {why}", max(room, 20))  # the tokens' cells are not its business
    return [
        [(indent, "quiet"), (tokens, "text"), (first[cell_len(tokens) :], "quiet")],
        *([(indent + line, "quiet")] for line in more),
    ]


# -- side by side ------------------------------------------------------------------------------------------------------


def _column(width: int) -> int:
    return min(44, (width - 12) // 2)


def _summary(name: str, n: int, n_bytes: int, width: int) -> str:
    pieces = f" · {n:,} piece{'s' * (n != 1)}"
    long = f"{pieces}, {n_bytes / max(1, n):.1f} bytes each"
    behind = long if cell_len(name + long) <= width else pieces
    return cells(name, min(cell_len(name), width - len(behind))) + behind


def beside_head(names: tuple[str, str], numbers: tuple[int, int], n_bytes: int, n_agree: int, width: int) -> Row:
    """Whose pieces stand where, how many they are and how long, and at how many places both cut."""
    column = _column(width)
    left, right = (_summary(name, n, n_bytes, column) for name, n in zip(names, numbers, strict=True))
    text = f"{'byte':>8}  {cells(left, column)}  {cells(right, column)}"
    both = f"  both cut at {n_agree:,}"
    return [(text.rstrip() + both if cell_len(text.rstrip() + both) <= width else text, "heading")]


def beside_rows(
    stretches: Sequence[Stretch], a: Sequence[str], b: Sequence[str], here: tuple[int, int], width: int
) -> list[Row]:
    """A row for each stretch between places where both cut; the word at hand is marked, what is cut alike is quiet.

    Args:
        stretches: which pieces of both lie in each.
        a: labels of the one's pieces.
        b: labels of the other's.
        here: the word's first byte, and one past its last.
        width: cells of a row.
    """
    column = _column(width)
    rows: list[Row] = []
    for one in stretches:
        is_here = one.byte_start < here[1] and one.byte_end > here[0]
        left, right = a[slice(*one.a)], b[slice(*one.b)]
        style = "chosen" if is_here else "quiet" if len(left) == len(right) == 1 else "text"
        texts = "  ".join([cells("  ".join(left), column), cells("  ".join(right), column)])
        rows.append([("▸" if is_here else " ", "chosen"), (f"{one.byte_start:>7,}  ", "quiet"), (texts, style)])
    return rows
