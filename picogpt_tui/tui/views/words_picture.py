"""The whole of the vocabulary view: watched tokens, and below them what a question found or what lies near. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picogpt_tui.events import Candidate
from picogpt_tui.tui.views.words_rows import (
    Columns,
    bar,
    columns,
    example_rows,
    head,
    layers_bar,
    match_row,
    near_row,
    token_row,
    trouble_rows,
)
from picogpt_tui.tui.widgets.lines import Row

if TYPE_CHECKING:
    from picogpt_tui.session.vocabulary import Found, Near

WATCHED, LISTED = "watched", "listed"
Key = tuple[str, int]
"""Where a token stands, and its id: one may be both watched and found."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is drawn.

    Attributes:
        found: what the question found, None for no answer.
        near: what lies near a token, in place of that; None for nothing.
        watched: the watched tokens' numbers here.
        ranks: of every watched token those through the layers, by id; none while nobody has told them.
        n_vocab: how many tokens there are.
        is_asking: whether there is a question.
    """

    found: Found | None = None
    near: Near | None = None
    watched: Sequence[Candidate] = ()
    ranks: Mapping[int, Sequence[int]] = field(default_factory=dict)
    n_vocab: int = 1
    is_asking: bool = False

    @property
    def listed(self) -> Sequence[Candidate]:
        """The tokens below the watched ones."""
        if self.near is not None:
            return self.near.candidates
        return self.found.match.candidates if self.found is not None and self.found.match is not None else ()

    @property
    def keys(self) -> list[Key]:
        """All tokens that are shown, from top to bottom."""
        return [(WATCHED, one.id) for one in self.watched] + [(LISTED, one.id) for one in self.listed]


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows as `Lines` takes them, and the line of every token.

    Attributes:
        rows: the first on top, which does not scroll.
        lines: by token.
    """

    rows: list[Row]
    lines: dict[Key, int]


def _below_watched(subject: Subject, width: int) -> list[Row]:
    """What is said above the list."""
    if subject.near is not None:
        return [near_row(subject.near.neighbours[0].label, width)]
    if subject.found is None:
        return []
    if subject.found.match is None:
        return trouble_rows(subject.found.trouble, width)
    return [match_row(subject.found.match, subject.n_vocab, width)]


def _listed_row(subject: Subject, index: int, place: Columns, most: float, chosen: Key | None) -> Row:
    one = subject.listed[index]
    cosine = subject.near.neighbours[index].cosine if subject.near is not None else None
    fraction = max(0.0, cosine) if cosine is not None else one.prob / most
    is_watched, is_chosen = one.id in subject.ranks, (LISTED, one.id) == chosen
    return token_row(one, place, bar(fraction, place.bar), is_chosen=is_chosen, is_watched=is_watched, cosine=cosine)


def picture(subject: Subject, chosen: Key | None, width: int) -> Picture:
    """Draw it, as long as it gets."""
    watched, listed = subject.watched, subject.listed
    place = columns([one.label for one in (*watched, *listed)], width, has_cosine=subject.near is not None)
    rows: list[Row] = [head(place, has_layers=bool(watched))] if watched or listed else []
    lines: dict[Key, int] = {}
    for one in watched:
        key = WATCHED, one.id
        lines[key] = len(rows)
        through = layers_bar(subject.ranks.get(one.id, ()), subject.n_vocab, place.bar)
        rows.append(token_row(one, place, through, is_chosen=key == chosen, is_watched=True))
    rows += _below_watched(subject, width)
    most = max([one.prob for one in listed], default=0) or 1.0
    for index, one in enumerate(listed):
        lines[LISTED, one.id] = len(rows)
        rows.append(_listed_row(subject, index, place, most, chosen))
    if not subject.is_asking and subject.near is None:
        rows += example_rows(width)
    return Picture(rows, lines)
