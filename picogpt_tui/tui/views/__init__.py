"""The explorer's views: one module each, imported when the view is first opened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picogpt_tui.tui.widgets.instrument import Instrument

_CLASSES = {
    "sampler": "SamplerView",
    "tree": "TreeView",
    "lens": "LensView",
    "why": "WhyView",
    "heads": "HeadsView",
    "surgery": "SurgeryView",
    "pieces": "PiecesView",
    "words": "WordsView",
    "compare": "CompareView",
}


def view_class(id: str) -> type[Instrument]:
    """The class of the views of this id."""
    found: type[Instrument] = getattr(import_module(f"{__name__}.{id}"), _CLASSES[id])
    return found


def make_view(id: str) -> Instrument:
    """A new view of this id."""
    return view_class(id)(id=f"view-{id}")
