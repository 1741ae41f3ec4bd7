"""In which numbers a model's weights are loaded: what its size suggests, unless the user chose otherwise. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from picogpt_tui.hub.registry import published
from picogpt_tui.settings import FLOAT32, INT8

_MOST_PARAMS = 500_000_000  # that float32 is quick enough for


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What a look at a model's folder and at this machine tells of its precisions."""

    speeds: Mapping[str, float] = field(default_factory=dict)
    """Tokens a second to expect, by precision; empty until they are known, and where nobody knows the model's size."""
    has_copy: bool | None = None
    """Whether its int8 weights are kept in a file; None until that is known."""


def suggested(name: str) -> str:
    """What a model of this name is loaded in where nobody chose: the two large published sizes in int8."""
    size_of = published(name)
    return INT8 if size_of is not None and size_of.n_params > _MOST_PARAMS else FLOAT32


def precision_of(name: str, chosen: Mapping[str, str]) -> str:
    """What a model is loaded in, by the user's choices."""
    return chosen.get(name) or suggested(name)


def other(precision: str) -> str:
    """The one of the two that this is not."""
    return FLOAT32 if precision == INT8 else INT8


def with_choice(name: str, precision: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """The user's choices and this one; what is suggested anyway need not be kept."""
    rest = {one: its for one, its in chosen.items() if one != name}
    return rest if precision == suggested(name) else rest | {name: precision}
