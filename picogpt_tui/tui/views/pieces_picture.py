"""The whole of the BPE theatre: the words, the stage, and below it the merges, or another cut of the text. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.views.pieces_rows import (
    Label,
    beside_head,
    beside_rows,
    merge_rows,
    merges_head,
    reason_rows,
    stage_rows,
    words_row,
)
from picogpt_tui.tui.widgets.lines import Row

if TYPE_CHECKING:
    from picogpt_tui.session.pieces import SideBySide
    from picogpt_tui.session.theatre import Play, Stage

NOTHING_YET = (
    "How a text is cut into tokens stands here: its words, each word's bytes, and which pieces were joined when.",
    "There is no text yet: type one, let the model say a token with space, or try any text with tab and then /.",
)
SPECIAL = "a special token: no text is cut into it, and no merge makes it"
NO_TEXT = "these bytes are not UTF-8: a model may write them, but no text is cut into them"
TOO_LONG = "too long to be played merge by merge"
_STRETCHES_AROUND = 100
_ROOMY = 15  # lines that leave some for empty ones
_FEWEST_ROWS = 3  # below the stage; with fewer what is less important goes


@dataclass(frozen=True, slots=True)
class Subject:
    """What is drawn.

    Attributes:
        words: labels of the words around the one that is played.
        at: index of that one among them.
        note: where it stands.
        played: the word.
        stage: after `step` of its merges.
        step: how many are done.
        is_special: whether it is a special token.
        own: the name of the model whose tokens these are.
        other: the name of what is to lie beside them, "" for nothing.
        beside: that, None until it is there.
        name: labels tokens.
    """

    words: Sequence[str]
    at: int
    note: str
    played: Play
    stage: Stage
    step: int
    is_special: bool
    own: str
    other: str
    beside: SideBySide | None
    name: Label


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows as `Lines` takes them, and what the mouse finds in those that scroll.

    Attributes:
        rows: the first on top.
        n_fixed: how many stay on top.
        chosen: the row to keep in view.
        bytes_at: the first byte of each row that scrolls, where another cut is shown.
    """

    rows: list[Row]
    n_fixed: int
    chosen: int
    bytes_at: tuple[int, ...] = ()


def nothing_yet(width: int) -> list[Row]:
    """What will stand here."""
    return [[(f" {line}", "quiet")] for sentence in NOTHING_YET for line in wrap(sentence, max(20, width - 2))]


def _standing_rows(played: Play, name: Label, width: int) -> list[Row]:
    """What stands in the text, where that is not what is played."""
    stands, cut = ("  ".join(map(name, ids)) for ids in (played.stands, played.word.tokens))
    if played.is_changed:
        return [[(cells(f" in the text  {stands}", width), "quiet")]]
    if played.is_cut_otherwise:
        return [[(cells(f" stands here  {stands} · this text would be cut otherwise  {cut}", width), "warn")]]
    return []


def _why_unplayed(subject: Subject) -> str:
    if subject.is_special:
        return SPECIAL
    if not subject.played.is_text:
        return NO_TEXT
    word = subject.played.word
    n_bytes = word.byte_end - word.byte_start
    return f"{n_bytes:,} bytes: {TOO_LONG}" if len(word.pieces) != n_bytes else ""


def _script(subject: Subject, width: int) -> list[Row]:
    """The merges, and why there are no more."""
    played, name = subject.played, subject.name
    if why := _why_unplayed(subject):
        return [[(f" {why}", "quiet")]]
    rows = merge_rows(played.word, played.frames, subject.step, name, width)
    for why, alike in groupby(played.reasons, key=lambda one: one.why):
        pairs = list(alike)
        rows += reason_rows([name(pairs[0].left), *(name(one.right) for one in pairs)], why, width)
    return rows


def _with_merges(subject: Subject, fixed: list[Row], width: int, height: int) -> Picture:
    n_room = height - len(fixed) - 1
    if n_room >= _FEWEST_ROWS and not _why_unplayed(subject):
        fixed = [*fixed, merges_head(subject.played.word, subject.name, width)]
    rows = _script(subject, width)
    chosen = min(subject.step, len(rows) - 1)
    if subject.step == len(subject.played.frames) - 1:  # the last merge, and as many reasons as there is room for
        chosen = min(len(rows) - 1, subject.step + max(0, height - len(fixed) - 1))
    return Picture([*fixed, *rows], len(fixed), len(fixed) + chosen)


def _with_another(subject: Subject, beside: SideBySide, fixed: list[Row], width: int) -> Picture:
    alignment, word = beside.alignment, subject.played.word
    here = bisect_right(alignment.stretches, word.byte_start, key=lambda one: one.byte_end)
    first = max(0, here - _STRETCHES_AROUND)
    near = alignment.stretches[first : here + _STRETCHES_AROUND]
    numbers = len(beside.labels_a), len(beside.labels_b)
    head = beside_head((subject.own, beside.name), numbers, alignment.n_bytes, len(alignment.stretches), width)
    rows = beside_rows(near, beside.labels_a, beside.labels_b, (word.byte_start, word.byte_end), width)
    fixed = [*fixed, head]
    bytes_at = tuple(one.byte_start for one in near)
    return Picture([*fixed, *rows], len(fixed), len(fixed) + min(here - first, len(rows) - 1), bytes_at)


def picture(subject: Subject, width: int, height: int) -> Picture:
    """Draw it for so many cells; what is below the stage scrolls."""
    gap: list[Row] = [[]] if height >= _ROOMY else []
    stage, standing = stage_rows(subject.stage, width), _standing_rows(subject.played, subject.name, width)
    while len(stage) > 1 and height - 1 - len(stage) - len(standing) < _FEWEST_ROWS:
        stage.pop()  # the bytes, then the ids
    fixed = [words_row(subject.words, subject.at, subject.note, width), *gap, *stage, *standing, *gap]
    if not subject.other:
        return _with_merges(subject, fixed, width, height)
    if subject.beside is None or subject.beside.name != subject.other:
        waiting: Row = [(f" how {subject.other} cuts this text stands here when its tokenizer is read", "quiet")]
        return Picture([*fixed, waiting], len(fixed), len(fixed))
    return _with_another(subject, subject.beside, fixed, width)
