"""The lens as data: JSON values, and rows for a table. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict

from picogpt_tui.readings import LensCell
from picogpt_tui.tui.views.lens_rows import Column

TABLE = ("cursor", "row", "id", "label", "prob", "entropy_nats", "kl_nats", "watched", "rank", "watched_prob")


def _number(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(cell: LensCell, bytes_of: Callable[[int], bytes]) -> dict[str, object]:
    fields = {name: _number(value) for name, value in asdict(cell).items()}
    return fields | {"bytes": bytes_of(cell.id).hex(), "rank": cell.rank if cell.rank >= 0 else None}


def lens_numbers(
    names: Sequence[str], columns: Sequence[Column], bytes_of: Callable[[int], bytes]
) -> dict[str, object] | None:
    """All that is known of these columns, from the embedding to the answer; None for nothing. Nats, rank from 0."""
    told = [
        {
            "cursor": column.cursor,
            "watched": column.watched,
            "cells": [_cell(cell, bytes_of) for cell in column.cells],
        }
        for column in columns
        if column.cells
    ]
    return {"rows": list(names), "columns": told} if told else None


def lens_table(names: Sequence[str], columns: Sequence[Column]) -> list[list[object]]:
    """The same, a line for each cell below a heading; [] for nothing."""
    lines: list[list[object]] = []
    for column in columns:
        for name, cell in zip(names, column.cells, strict=False):
            rank = cell.rank if cell.rank >= 0 else None
            numbers = map(_number, (cell.prob, cell.entropy, cell.kl, column.watched, rank, cell.watched_prob))
            lines.append([column.cursor, name, cell.id, cell.label, *numbers])
    return [list(TABLE), *lines] if lines else []
