"""`picogpt-tui lens`: the answer as it comes into being, from the embedding to the last layer."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import examples, json_option, model_option, position_option, precision_option, read_text
from picogpt_tui.cli.output import bits, candidate_json, fitted, n_cells, pad, percent, write_json, write_lines
from picogpt_tui.cli.prompt import place, prompt_ids
from picogpt_tui.cli.scoring import carry_out
from picogpt_tui.events import Candidate
from picogpt_tui.readings import LensCell, LensColumn, LensGrid
from picogpt_tui.settings import PURE

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_WIDEST_LABEL = 16
_NAME, _CELL, _HIT = 9, 9, "▸"
_LEVELS = "▁▂▃▄▅▆▇█"


@click.command(
    "lens",
    epilog=examples(
        'picogpt-tui lens "Once upon a time there was a king who"',
        'picogpt-tui lens "Once upon a time there was a king who" --position 4 --top 5',
        'picogpt-tui lens "Once upon a time there was a king who" --grid',
        'picogpt-tui lens "Once upon a time there was a king who" --json',
    ),
)
@click.argument("prompt")
@model_option
@position_option
@click.option(
    "--top", type=click.IntRange(min=0), default=3, show_default=True, metavar="N", help="How many candidates a row."
)
@click.option("--grid", is_flag=True, help="Show the likeliest token of each row, at --position and before.")
@precision_option
@json_option("Print one JSON object. Units: nats; rank counts from 0; kl is KL(answer || row).")
def lens(prompt: str, model: str, position: int, top: int, grid: bool, precision: str, as_json: bool) -> None:
    """Show what each layer would say after PROMPT. PROMPT - reads stdin.

    A row is what would be said if the model ended there: at the embedding, behind each layer's attention, behind each
    layer's MLP. The last is the model's answer. KL tells how far a row is from it, and the rank where the answer's
    first choice stands in the row. The lens is raw: the final layer norm and the unembedding, nothing trained.

    With --grid a column is a position: the token that was read there, what each row would say next, and below what came
    next in the text (behind its last token, the model's first choice). ▸ marks the rows that say the same. As many
    columns are printed as fit; JSON has all.
    """
    find_or_fetch(model)
    text = read_text(prompt)
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    ids = prompt_ids(loaded, text)
    at = place(position, len(ids))
    if grid:
        _print_grid(loaded, ids, at, as_json)
    else:
        _print_column(loaded, ids, at, top, as_json)
    note_slow_int8(precision)


# -- one position ------------------------------------------------------------------------------------------------------


def _print_column(model: LanguageModel, ids: list[int], at: int, top: int, as_json: bool) -> None:
    from picogpt_tui.gpt2.kv_cache import KVCache
    from picogpt_tui.lens.logit_lens import lens_column, lens_grid

    cache = KVCache(model.config)
    # subtle: of a text that ends here the lens follows the model's own first choice
    *_, measured = lens_grid(model, ids[: at + 1], [at], cache=cache)
    assert isinstance(measured, LensGrid)
    column = lens_column(model, ids, at, PURE, top, cache)
    if as_json:
        write_json(_column_json(ids, column, measured))
    else:
        read, answer = map(model.tokenizer.label, (ids[at], measured.watched[0]))
        write_lines(_table(column, measured, answer))
        ranks = f"rank of {answer} from {measured.rows[0]} to {measured.rows[-1]}, full is #1"
        write_lines(["", f"behind {read} (token {at}); {ranks}: {_sparkline(measured, model.config.n_vocab)}"])


def _column_json(ids: list[int], column: LensColumn, measured: LensGrid) -> dict[str, Any]:
    layers = [
        {
            "name": name,
            "entropy": row.entropy,
            "kl": cell.kl,
            "candidates": [candidate_json(candidate) for candidate in row.candidates],
        }
        for (name, row), (cell,) in zip(column.rows, measured.cells, strict=True)
    ]
    return {"ids": ids, "position": column.position, "layers": layers}


def _table(column: LensColumn, measured: LensGrid, answer: str) -> Iterator[str]:
    lists = [row.candidates for _, row in column.rows]
    widths = [min(_WIDEST_LABEL, max(n_cells(one.label) for one in nth)) for nth in zip(*lists, strict=True)]
    name_width = max(len("row"), *(len(name) for name, _ in column.rows))
    indent = " " * name_width
    yield f"{indent}  {'bits':>7}  {'bits':>6}  of {answer}"
    yield f"{pad('row', name_width)}  entropy  {'KL':>6}  {'rank':>7}  likeliest"
    for (name, _), (cell,), candidates in zip(column.rows, measured.cells, lists, strict=True):
        numbers = f"{bits(cell.entropy):7.2f}  {bits(cell.kl):6.2f}  {f'#{cell.rank + 1:,}':>7}"
        yield f"{pad(name, name_width)}  {numbers}  {_candidates(candidates, widths)}".rstrip()


def _candidates(candidates: Sequence[Candidate], widths: Sequence[int]) -> str:
    return "  ".join(
        f"{fitted(one.label, width)} {percent(one.prob)}" for one, width in zip(candidates, widths, strict=True)
    )


def _sparkline(measured: LensGrid, n_vocab: int) -> str:
    """The higher the better the rank: full where it is the first, half at the square root of the vocabulary."""
    heights = [1 - math.log(cell.rank + 1) / math.log(n_vocab) for (cell,) in measured.cells]
    return "".join(_LEVELS[round(height * (len(_LEVELS) - 1))] for height in heights)


# -- all positions -----------------------------------------------------------------------------------------------------


def _print_grid(model: LanguageModel, ids: list[int], at: int, as_json: bool) -> None:
    from picogpt_tui.gpt2.kv_cache import KVCache
    from picogpt_tui.lens.logit_lens import lens_grid

    n_fit = (shutil.get_terminal_size().columns - _NAME) // (1 + _CELL)
    first = 0 if as_json else max(0, at + 1 - max(1, n_fit))
    cache, positions = KVCache(model.config), range(first, at + 1)
    found: LensGrid = carry_out(
        lambda should_stop: lens_grid(model, ids, positions, cache=cache, should_stop=should_stop)
    )
    if as_json:
        write_json(_grid_json(model.tokenizer, ids, found))
        return
    write_lines(_grid_table(model.tokenizer, ids, found))
    if first:
        write_lines([f"the last {len(positions)} of {at + 1} positions: a wider terminal shows more, --json all"])


def _grid_json(tokenizer: Tokenizer, ids: list[int], found: LensGrid) -> dict[str, Any]:
    layers = [
        {"name": name, "cells": [_cell_json(tokenizer, cell) for cell in cells]}
        for name, cells in zip(found.rows, found.cells, strict=True)
    ]
    return {"ids": ids, "positions": list(found.positions), "watched": list(found.watched), "layers": layers}


def _cell_json(tokenizer: Tokenizer, cell: LensCell) -> dict[str, Any]:
    fields = asdict(cell)
    del fields["label"]
    return {"id": cell.id, "text": tokenizer.text_of(cell.id), "bytes": tokenizer.bytes_of(cell.id).hex()} | fields


def _grid_table(tokenizer: Tokenizer, ids: list[int], found: LensGrid) -> Iterator[str]:
    yield _grid_line("position", (f" {position}" for position in found.positions))
    yield _grid_line("read", (f" {tokenizer.label(ids[position])}" for position in found.positions))
    yield ""
    for name, cells in zip(found.rows, found.cells, strict=True):
        pairs = zip(cells, found.watched, strict=True)
        yield _grid_line(name, (f"{_HIT if cell.id == watched else ' '}{cell.label}" for cell, watched in pairs))
    yield ""
    yield _grid_line("next", (f" {tokenizer.label(id)}" for id in found.watched))


def _grid_line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<{_NAME}}{''.join(f' {fitted(cell, _CELL)}' for cell in cells)}".rstrip()
