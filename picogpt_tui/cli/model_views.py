"""A model of the list as people and programs read it: a row of a table, a page of facts, an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from picogpt_tui.cli.int8 import Int8Copy
from picogpt_tui.cli.output import n_cells, pad
from picogpt_tui.hub.disk import free_bytes
from picogpt_tui.hub.manifest import ModelFile
from picogpt_tui.hub.memory import available_bytes
from picogpt_tui.hub.registry import HUGGING_FACE, published
from picogpt_tui.hub.store import PUBLISHED_SIZE, StoredModel
from picogpt_tui.hub.targets import MAIN
from picogpt_tui.paths import models_dir
from picogpt_tui.quantities import parameters_text, size_text
from picogpt_tui.settings import FLOAT32, INT8
from picogpt_tui.visible import one_line

_HEADINGS = ("name", "alias", "parameters", "size", "state", "licence", "host")
_TO_THE_RIGHT = (2, 3)
_N_NEEDED = 5  # the columns that are there however narrow the terminal is
_WIDEST = 60


def model_json(model: StoredModel) -> dict[str, Any]:
    """What `models list --json` says of a model; null where nobody knows."""
    return {
        "name": model.name,
        "kind": model.kind,
        "here": model.is_here,
        "path": str(model.path) if model.path else None,
        "n_params": model.n_params,
        "size_bytes": model.size_bytes,
        "missing": list(model.missing),
        "alias": _alias(model) or None,
        "licence": model.licence or None,
        "partial_bytes": model.partial_bytes,
        "shared": model.is_shared,
        "host": model.host or None,
        **_version(model),
    }


def info_json(model: StoredModel, int8_copy: Int8Copy | None) -> dict[str, Any]:
    """What `models info --json` says: the same, its files and int8 copy, and what this machine has for it."""
    return model_json(model) | {
        "state": model.state,
        "repo": _repo(model),
        "files": [asdict(file) | {"digest": file.digest or None} for file in _files(model)],
        "memory_bytes": model.memory_bytes,
        "memory": {precision: model.memory.get(precision) for precision in (FLOAT32, INT8)},
        "int8_path": None if int8_copy is None else str(int8_copy.path),
        "available_memory_bytes": available_bytes(),
        "free_disk_bytes": free_bytes(models_dir()),
    }


def table(models: Sequence[StoredModel], columns: int | None) -> list[str]:
    """One row a model; without the last columns where so many cells cannot hold them (None holds everything)."""
    rows = [_HEADINGS, *map(_row, models)]
    widths = [max(n_cells(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    while columns is not None and len(widths) > _N_NEEDED and sum(widths) + 2 * (len(widths) - 1) > columns:
        widths.pop()
    return [
        "  ".join(_cell(text, *at) for text, at in zip(row, enumerate(widths), strict=False)).rstrip() for row in rows
    ]


def facts(model: StoredModel, int8_copy: Int8Copy | None) -> list[str]:
    """A page about one model."""
    version = _version(model)
    available, free = available_bytes(), free_bytes(models_dir())
    known = {
        "name": one_line(model.name),
        "alias": _alias(model),
        "state": one_line(model.state),
        "parameters": "" if model.n_params is None else f"{_parameters(model)} ({model.n_params:,})",
        "size": size_text(model.size_bytes) if model.size_bytes else "",
        "licence": one_line(model.licence),
        "source": version["source"] or "",
        "host": one_line(model.host),
        "repository": one_line(_repo(model) or ""),
        "revision": one_line(version["revision"] or ""),
        "commit": one_line(version["commit"] or ""),
        "path": "" if model.path is None else str(model.path),
        "int8 copy": _int8_copy(model, int8_copy),
        "memory": _memory(model, available),
        "disk": "" if free is None else f"{size_text(free)} are free at {models_dir()}",
    }
    width = max(map(len, known))
    lines = [f"{name:<{width}}  {text}" for name, text in known.items() if text]
    files = [(one_line(file.name), file.size_bytes) for file in _files(model)]
    widest = max((n_cells(name) for name, _ in files), default=0)
    sizes = [f"  {pad(name, widest)}  {'?' if size is None else f'{size:,}':>15}" for name, size in files]
    return [*lines, "", "files, in bytes", *sizes] if files else lines


def _cell(text: str, column: int, width: int) -> str:
    return " " * (width - n_cells(text)) + text if column in _TO_THE_RIGHT else pad(text, width)


def _row(model: StoredModel) -> tuple[str, ...]:
    size = size_text(model.size_bytes) if model.size_bytes else "?"
    texts = model.name, _alias(model), _parameters(model), size, model.state, model.licence, model.host
    return tuple(one_line(text, _WIDEST) for text in texts)


def _parameters(model: StoredModel) -> str:
    return "?" if model.n_params is None else parameters_text(model.n_params)


def _alias(model: StoredModel) -> str:
    size = published(model.name) if model.kind == PUBLISHED_SIZE else None
    return size.alias if size else ""


def _version(model: StoredModel) -> dict[str, str | None]:
    """Which version of what it is: by its manifest, or by its place in the Hugging Face cache."""
    if of := model.manifest:
        return {"source": of.source, "revision": of.revision or None, "commit": of.commit or None}
    if model.is_shared and model.path is not None:
        revision = model.name.partition("@")[2] or MAIN
        return {"source": HUGGING_FACE, "revision": revision, "commit": model.path.name}
    return {"source": None, "revision": None, "commit": None}


def _repo(model: StoredModel) -> str | None:
    if model.manifest:
        return model.manifest.repo
    size = published(model.name)
    return size.repo if size else model.name.partition("@")[0] if model.is_shared else None


def _files(model: StoredModel) -> list[ModelFile]:
    """As they should be, where there is a manifest; as they are, where there is only a folder."""
    if model.manifest:
        return list(model.manifest.files)
    try:
        found = sorted(file for file in model.path.iterdir() if file.is_file()) if model.path else []
        return [ModelFile(file.name, file.stat().st_size) for file in found]
    except OSError:  # the folder may not be read, or is being removed
        return []


def _int8_copy(model: StoredModel, copy: Int8Copy | None) -> str:
    if copy is not None:
        return f"{copy.path} ({size_text(copy.size_bytes)})"
    return f"none; `picogpt-tui models quantize {one_line(model.name)}` keeps one" if model.is_here else ""


def _memory(model: StoredModel, available: int | None) -> str:
    if not model.memory:
        return ""
    has = "" if available is None else f"; {size_text(available)} are free now"
    needs = ", ".join(f"{size_text(n_bytes)} in {precision}" for precision, n_bytes in model.memory.items())
    return f"{needs}, with a full context{has}"
