"""What the vocabulary view draws: tokens with their numbers here, watched ones through the layers. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len

from picogpt_tui.events import Candidate
from picogpt_tui.readings import VocabularyMatch
from picogpt_tui.tui.drawing import cells, percent, sparkline, two_bars
from picogpt_tui.tui.widgets.lines import Row

EXAMPLES = (
    ("he", "tokens that hold it, capitals too; a space or ␣ is a space"),
    ("=␣the", "the token that is just this"),
    ("/^ [A-Z]/", "where a regular expression matches; /.../i ignores case"),
    ("#262", "the token with this id; #262..270 those between two"),
)
_SHORTEST_LABEL, _LONGEST_LABEL = 10, 24
_NUMBER_CELLS = 2 + 8 + 2 + 1 + 6 + 9 + 2  # marks, rank, gaps around the token, probability, logit, gap
_ENOUGH_FOR_COSINES = 56
_COSINE_CELLS = 8
_LONGEST_BAR, _LONGEST_WAY = 16, 60


@dataclass(frozen=True, slots=True)
class Columns:
    """How a row shares its width.

    Attributes:
        label: cells of the token.
        has_cosine: whether there is a cosine.
        bar: cells of the bar, or of the way through the layers.
    """

    label: int
    has_cosine: bool
    bar: int


def columns(labels: Sequence[str], width: int, *, has_cosine: bool) -> Columns:
    """Room for the longest label, up to a bound; the bar has what is left, and tells a cosine where no number fits."""
    has_cosine = has_cosine and width >= _ENOUGH_FOR_COSINES
    rest = width - _NUMBER_CELLS - (_COSINE_CELLS if has_cosine else 0)
    widest = max([_SHORTEST_LABEL, *map(cell_len, labels)])
    wide = max(_SHORTEST_LABEL, min(widest, _LONGEST_LABEL, rest - 8))
    return Columns(wide, has_cosine, max(0, min(_LONGEST_WAY, rest - wide)))


def head(place: Columns, *, has_layers: bool) -> Row:
    """The names of the columns."""
    cosine = "cosine".rjust(_COSINE_CELLS) if place.has_cosine else ""
    text = f"  {'rank':>8}  {cells('token', place.label)} {'prob':>6}{'logit':>9}{cosine}"
    layers = "rank, layer by layer" if has_layers else ""
    return [(f"{text}  {cells(layers, min(place.bar, len(layers)))}", "heading")]


def token_row(
    one: Candidate, place: Columns, bar: Row, *, is_chosen: bool, is_watched: bool, cosine: float | None = None
) -> Row:
    """A token: whether it is chosen and watched, its rank from #1, its probability and logit here, and what follows."""
    style = "chosen" if is_chosen else "text"
    quiet = style if is_chosen else "quiet"
    near = "" if not place.has_cosine else (f"{cosine:.3f}" if cosine is not None else "").rjust(_COSINE_CELLS)
    return [
        ("▸" if is_chosen else " ", "chosen"),
        ("•" if is_watched else " ", "chosen"),
        (f"{f'#{one.rank + 1:,}':>8}  ", quiet),
        (cells(one.label, place.label), style),
        (f" {percent(one.prob)}{one.logit:>9.2f}{near}  ", quiet),
        *bar,
    ]


def bar(fraction: float, width: int) -> Row:
    """How much of the largest; in a wide room it does not get longer than the eye compares."""
    return [("".join(text for text, _, _ in two_bars(fraction, 0, min(width, _LONGEST_BAR))), "bar")]


def _spread(ranks: Sequence[int], width: int) -> list[int]:
    """As many of the ranks as there are cells, evenly spread, the last among them."""
    n = min(len(ranks), width)
    return [ranks[len(ranks) - 1 - (n - 1 - at) * (len(ranks) - 1) // max(1, n - 1)] for at in range(n)]


def layers_bar(ranks: Sequence[int], n_vocab: int, width: int) -> Row:
    """A token's way from the embedding to the answer: the higher the likelier, a full block where it is the first."""
    if not ranks or width <= 0:
        return []
    heights = [1 - math.log(rank + 1) / math.log(max(2, n_vocab)) for rank in _spread(ranks, width)]
    return [(sparkline(heights, len(heights), 1.0), "bar")]


def match_row(match: VocabularyMatch, n_vocab: int, width: int) -> Row:
    """How many tokens a question found, and how likely it is that one of them comes."""
    if not match.n_found:
        return [(" no token of the vocabulary", "quiet")]
    listed = f" · the {len(match.candidates):,} likeliest" if len(match.candidates) < match.n_found else ""
    found = f" {match.n_found:,} of {n_vocab:,} tokens · together "
    runs = [(found, "quiet"), (percent(match.prob).strip(), "text"), (listed, "quiet")]
    return runs if sum(cell_len(text) for text, _ in runs) <= width else runs[:2]


def near_row(label: str, width: int) -> Row:
    """Whose neighbours these are."""
    return [(cells(f" nearest to {label} in the embedding, by the cosine of their rows of wte", width), "quiet")]


def trouble_rows(sentence: str, width: int) -> list[Row]:
    """Why a question cannot be asked."""
    return [[(f" {line}", "warn")] for line in wrap(sentence, max(20, width - 2))]


def example_rows(width: int) -> list[Row]:
    """What can be asked."""
    rows: list[Row] = [[(cells(" Ask all tokens at once how likely they are here:", width), "quiet")]]
    rows += [[(f"  {question:<11}", "text"), (cells(meaning, width - 14), "quiet")] for question, meaning in EXAMPLES]
    return rows
