"""The numbers of the BPE theatre: as JSON values and as a table, of a word and of a text beside another cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picogpt_tui.session.pieces import SideBySide
    from picogpt_tui.session.theatre import Play

Label = Callable[[int], str]
BytesOf = Callable[[int], bytes]


def _token(id: int, name: Label, bytes_of: BytesOf) -> dict[str, object]:
    return {"id": id, "label": name(id), "bytes": bytes_of(id).hex()}


def word_json(played: Play, name: Label, bytes_of: BytesOf) -> dict[str, object]:
    """A word with all its merges; their ranks count from 0."""
    word = played.word
    return {
        "byte_start": word.byte_start,
        "byte_end": word.byte_end,
        "leading_space_changed": played.is_changed,
        "pieces": [_token(id, name, bytes_of) for id in word.pieces],
        "merges": [asdict(merge) | {"label": name(merge.merged)} for merge in word.merges],
        "tokens": [_token(id, name, bytes_of) for id in word.tokens],
        "stands_there": [_token(id, name, bytes_of) for id in played.stands],
        "apart": [asdict(one) for one in played.reasons],
    }


def word_table(played: Play, name: Label) -> list[list[object]]:
    """A row for the bytes, and one for each merge; ranks count from 0."""
    rows: list[list[object]] = [["step", "rank", "left", "right", "piece", "id", "pieces"]]
    for step, pieces in enumerate(played.frames):
        merge = played.word.merges[step - 1] if step else None
        joined = (
            [merge.rank, name(merge.left), name(merge.right), name(merge.merged), merge.merged] if merge else [""] * 5
        )
        rows.append([step, *joined, " ".join(map(name, pieces))])
    return rows


def beside_json(own: str, beside: SideBySide) -> dict[str, object]:
    """Both cuts of the text, and the bytes behind which both have an end."""
    alignment = beside.alignment
    return {
        "a": {"name": own, "pieces": _pieces(beside.labels_a, alignment.ends_a)},
        "b": {"name": beside.name, "pieces": _pieces(beside.labels_b, alignment.ends_b)},
        "agree": list(alignment.agree),
    }


def _pieces(labels: Sequence[str], ends: Sequence[int]) -> list[dict[str, object]]:
    return [
        {"label": one, "byte_start": start, "byte_end": end}
        for one, start, end in zip(labels, [0, *ends], ends, strict=False)
    ]


def beside_table(own: str, beside: SideBySide) -> list[list[object]]:
    """A row for each stretch between places where both cut."""
    rows: list[list[object]] = [["byte", own, beside.name]]
    for one in beside.alignment.stretches:
        rows.append(
            [one.byte_start, " ".join(beside.labels_a[slice(*one.a)]), " ".join(beside.labels_b[slice(*one.b)])]
        )
    return rows
