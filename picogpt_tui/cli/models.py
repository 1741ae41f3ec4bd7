"""`picogpt-tui models`: which models there are, and where they live."""

from __future__ import annotations

import os
from typing import Any

import click

from picogpt_tui.cli.options import complete_model, examples, json_option
from picogpt_tui.cli.output import is_terminal, pad, write_bytes, write_json, write_lines
from picogpt_tui.hub.registry import published
from picogpt_tui.hub.store import StoredModel, find_model, list_models
from picogpt_tui.paths import models_dir
from picogpt_tui.visible import one_line


@click.group("models", epilog=examples("picogpt-tui models list", "picogpt-tui models path stories"))
def models() -> None:
    """List models, and say where they live."""


@models.command("list")
@json_option("Print one JSON list of objects.")
def list_command(as_json: bool) -> None:
    """List the bundled model, the published sizes, and the folders in the models directory."""
    known = list_models()
    if as_json:
        write_json([_model_json(model) for model in known])
    else:
        write_lines([*_table(known), "", f"models directory: {models_dir()}"])


@models.command("path", epilog=examples('ls "$(picogpt-tui models path stories)"'))
@click.argument("model", shell_complete=complete_model)
def path_command(model: str) -> None:
    """Print the directory of MODEL."""
    directory = find_model(model)
    if is_terminal():
        write_lines([str(directory)])
    else:
        write_bytes(os.fsencode(directory) + b"\n")  # a file name is bytes, which need not be UTF-8


def _model_json(model: StoredModel) -> dict[str, Any]:
    size = published(model.name) if model.kind == "published" else None
    return {
        "name": model.name,
        "kind": model.kind,
        "here": model.is_here,
        "path": str(model.path) if model.path else None,
        "n_params": model.n_params,
        "size_bytes": model.size_bytes,
        "missing": list(model.missing),
        "alias": size.alias if size else None,
        "licence": size.licence if size else None,
    }


def _table(known: list[StoredModel]) -> list[str]:
    rows = [("name", "alias", "parameters", "size", "here")] + [_row(model) for model in known]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return [
        f"{pad(name, widths[0])}  {alias:<{widths[1]}}  {n_params:>10}  {size:>9}  {here}"
        for name, alias, n_params, size, here in rows
    ]


def _row(model: StoredModel) -> tuple[str, str, str, str, str]:
    size = published(model.name) if model.kind == "published" else None
    n_params = f"{model.n_params / 1e6:,.1f} M" if model.n_params is not None else "?"
    return one_line(model.name), size.alias if size else "", n_params, _size(model.size_bytes), _here(model)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _here(model: StoredModel) -> str:
    if model.path is None:
        return "no"
    return f"incomplete, lacks {', '.join(model.missing)}" if model.missing else "yes"
