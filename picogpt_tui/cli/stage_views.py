"""The sampling stages one after another, as `next --stages` prints them: for programs, and for people."""

from __future__ import annotations

from typing import Any

from picogpt_tui.cli.output import bits, n_cells, pad, percent
from picogpt_tui.readings import Stage, StageRow, Waterfall

_PERCENT_CELLS = 7


def _shown(name: str) -> str:
    return name.replace("_", "-")


def stages_json(waterfall: Waterfall) -> list[dict[str, Any]]:
    """Each stage with its numbers, `raw` first; `probs` are of the candidates, in their order."""
    return [
        {
            "name": stage.name,
            "n_kept": stage.n_kept,
            "mass_removed": stage.mass_removed,
            "entropy": stage.entropy,
            "probs": [row.probs[index] for row in waterfall.rows],
        }
        for index, stage in enumerate(waterfall.stages)
    ]


def _stage(stage: Stage, width: int) -> str:
    removed = "" if stage.name == "raw" else percent(stage.mass_removed)
    return f"{_shown(stage.name):{width}}  {stage.n_kept:>11,}  {removed:>7}  {bits(stage.entropy):>13.2f}"


def _row(row: StageRow, token_width: int, widths: dict[str, int]) -> str:
    """A candidate; the stage that cut it says so in its column, and those after it have nothing to say."""
    cut_by = row.candidate.cut_by
    n_behind = len(row.probs) if cut_by is None else list(widths).index(cut_by)
    cells = [*map(percent, row.probs[:n_behind]), "cut"]
    columns = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths.values(), strict=False))
    return f"{f'#{row.candidate.rank + 1}':>5}  {pad(row.candidate.label, token_width)}  {columns}"


def stages_table(waterfall: Waterfall) -> list[str]:
    """A line a stage, then a line a candidate with its probability behind each stage."""
    width = max(len(stage.name) for stage in waterfall.stages)
    lines = [f"{'stage':{width}}  {'tokens kept':>11}  {'removed':>7}  {'entropy, bits':>13}"]
    lines += [_stage(stage, width) for stage in waterfall.stages]
    token_width = max([len("token"), *(n_cells(row.candidate.label) for row in waterfall.rows)])
    widths = {stage.name: max(len(stage.name), _PERCENT_CELLS) for stage in waterfall.stages}
    columns = "  ".join(f"{_shown(name):>{width}}" for name, width in widths.items())
    lines += ["", f"{'rank':>5}  {pad('token', token_width)}  {columns}"]
    return lines + [_row(row, token_width, widths) for row in waterfall.rows]
