"""A model that is named and not here: a person is asked whether to download it, a script is told how."""

from __future__ import annotations

from pathlib import Path

from picogpt_tui.cli.fetch import ask, can_ask, fetch
from picogpt_tui.errors import ModelNotHere
from picogpt_tui.hub.store import find_model, stored_model
from picogpt_tui.quantities import size_text
from picogpt_tui.visible import one_line


def find_or_fetch(name: str) -> Path:
    """The directory of a model, as `store.find_model`; what is not here is downloaded if the person says so.

    Raises:
        ModelNotHere: it is not here, and nobody wants it or nobody can be asked.
        ModelNotFound, DownloadError: see `find_model` and `fetch`.
    """
    try:
        return find_model(name)
    except ModelNotHere as error:
        if not (can_ask() and ask(_question(name, error.rest_bytes), default=True)):
            raise
        fetch(error.name)
    return find_model(name)


def _question(name: str, rest_bytes: int | None) -> str:
    model = stored_model(name)
    shown, size = one_line(model.name, 100), size_text(rest_bytes) if rest_bytes else ""
    if model.path is None:
        return f"{shown} is not on this machine{f' ({size})' if size else ''}. Download it now?"
    if model.manifest is None and model.missing:
        lacks, differs = one_line(", ".join(model.missing)), f"what differs in {model.path} is replaced"
        return f"{shown} lacks {lacks}; a download brings {size}, and {differs}. Download it now?"
    how_far = "" if model.percent is None else f" ({model.percent} %)"
    return f"{shown} is not all here{how_far}{f', {size} to go' if size else ''}. Download the rest now?"
