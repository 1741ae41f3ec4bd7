"""int8 on the command line: `models quantize`, the copies that it keeps, and why int8 may run slower than it could."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from picogpt_tui.cli.exits import note
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import complete_model, examples, json_option
from picogpt_tui.cli.output import is_terminal, write_json, write_lines
from picogpt_tui.cli.progress import telling, work_on
from picogpt_tui.errors import FileError
from picogpt_tui.events import Progress
from picogpt_tui.hub.store import StoredModel, stored_model
from picogpt_tui.quantities import size_text
from picogpt_tui.visible import one_line

_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Int8Copy:
    """A model's weights in int8, kept in a file."""

    path: Path
    size_bytes: int


def find_copy(model: StoredModel) -> Int8Copy | None:
    """The copy that loading the model in int8 would read, or None."""
    return next(iter(_copies(model)), None)


def copies_elsewhere(model: StoredModel) -> list[Int8Copy]:
    """The copies of a model that do not lie in its folder."""
    return [copy for copy in _copies(model) if copy.path.parent != model.path]


def remove_copies(copies: Sequence[Int8Copy]) -> int:
    """Delete them; returns how many bytes that freed.

    Raises:
        FileError: one cannot be deleted.
    """
    for copy in copies:
        try:
            copy.path.unlink(missing_ok=True)
        except OSError as error:
            raise FileError("remove", copy.path, error) from error
    return sum(copy.size_bytes for copy in copies)


def note_slow_int8(precision: str) -> None:
    """Say to a person, behind the work, why int8 runs slower here than it could."""
    if precision == "float32" or not is_terminal():
        return
    from picogpt_tui.session.quantized import kernel_trouble

    if trouble := kernel_trouble():
        note(f"note: {one_line(trouble, 500)}")


@click.command(
    "quantize", epilog=examples("picogpt-tui models quantize 124M", "picogpt-tui models quantize stories --json")
)
@click.argument("model", shell_complete=complete_model)
@json_option("Print one JSON object: name, path, size_bytes, float32_bytes.")
def quantize_command(model: str, as_json: bool) -> None:
    """Keep a copy of MODEL's weights in int8, which --precision int8 then reads instead of quantizing them anew.

    It lies in the model's folder, or in one of this program's own where that cannot be written or belongs to others. A
    copy that is there is made anew.
    """
    find_or_fetch(model)
    found = stored_model(model)
    name, copy = found.name, _quantized(found.name)
    float32_bytes = found.n_params * _FLOAT32_BYTES if found.n_params else None
    if as_json:
        sizes = {"size_bytes": copy.size_bytes, "float32_bytes": float32_bytes}
        write_json({"event": "quantized", "name": name, "path": str(copy.path), **sizes})
    else:
        saves = f", {float32_bytes / copy.size_bytes:.1f} times smaller than in float32" if float32_bytes else ""
        write_lines([f"int8 copy of {one_line(name)}: {copy.path}, {size_text(copy.size_bytes)}{saves}"])


def _quantized(name: str) -> Int8Copy:
    from picogpt_tui.session.quantized import keep_int8

    with telling() as teller:
        for step in keep_int8(name):
            if isinstance(step, Progress):
                teller.show(work_on(name, step))
    assert isinstance(step, Path)
    return Int8Copy(step, step.stat().st_size)


def _copies(model: StoredModel) -> list[Int8Copy]:
    if model.path is None:
        return []
    from picogpt_tui.session.quantized import int8_files

    return [Int8Copy(path, path.stat().st_size) for path in int8_files(model.path) if path.is_file()]
