"""The numbers of the vocabulary view: as JSON values and as a table. Nats, ranks from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from picogpt_tui.events import Candidate

if TYPE_CHECKING:
    from picogpt_tui.session.vocabulary import Found, Near, ThroughLayers

COLUMNS = ["list", "rank", "id", "token", "bytes", "logit", "logprob", "prob", "cosine"]


def token_json(one: Candidate) -> dict[str, object]:
    """A token, and what the model says of it here."""
    token = {"rank": one.rank, "id": one.id, "text": one.text, "label": one.label, "bytes": one.bytes.hex()}
    return token | {"logit": one.logit, "logprob": one.logprob, "prob": one.prob}


def found_json(found: Found) -> dict[str, object]:
    """What a question found."""
    match = found.match
    if match is None:
        return {"question": found.question, "trouble": found.trouble}
    sums = {"question": found.question, "cursor": found.cursor, "n_found": match.n_found, "prob": match.prob}
    return sums | {"candidates": [token_json(one) for one in match.candidates]}


def near_json(near: Near) -> dict[str, object]:
    """What lies near a token, itself the first."""
    pairs = zip(near.candidates, near.neighbours, strict=True)
    return {
        "id": near.id,
        "cursor": near.cursor,
        "neighbours": [token_json(one) | {"cosine": neighbour.cosine} for one, neighbour in pairs],
    }


def watched_json(one: Candidate, through: ThroughLayers | None) -> dict[str, object]:
    """A watched token, here and through the layers."""
    if through is None:
        return token_json(one)
    layers = zip(through.rows, through.ranks, through.probs, strict=True)
    return token_json(one) | {"layers": [{"name": name, "rank": rank, "prob": prob} for name, rank, prob in layers]}


def table(
    watched: Sequence[Candidate], layers: Mapping[int, ThroughLayers], found: Found | None, near: Near | None
) -> list[list[object]]:
    """A row for each token; watched ones have their ranks through the layers behind their numbers."""
    names = next((list(one.rows) for one in layers.values()), []) if watched else []
    rows: list[list[object]] = [[*COLUMNS, *(f"rank at {name}" for name in names)]]
    for one in watched:
        ranks = layers[one.id].ranks if one.id in layers else [""] * len(names)
        rows.append([*_columns("watched", one), "", *ranks])
    blanks = [""] * len(names)
    if near is not None:
        pairs = zip(near.candidates, near.neighbours, strict=True)
        rows += [[*_columns("near", one), neighbour.cosine, *blanks] for one, neighbour in pairs]
    elif found is not None and found.match is not None:
        rows += [[*_columns("found", one), "", *blanks] for one in found.match.candidates]
    return rows if len(rows) > 1 else []


def _columns(kind: str, one: Candidate) -> list[object]:
    return [kind, one.rank, one.id, one.label, one.bytes.hex(), one.logit, one.logprob, one.prob]
