"""The whole of the sampler view in as many lines as there are: stages, candidates, the draw, the knobs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from picogpt_tui.readings import Waterfall
from picogpt_tui.settings import GenerationSettings
from picogpt_tui.tui.views.sampler_knobs import KnobCell, keys_row, knob_rows, order_and_keys_row, order_rows
from picogpt_tui.tui.views.sampler_rows import candidate, draw_rows, draw_words, grid, head, worth_showing
from picogpt_tui.tui.widgets.lines import Row

NOTHING_YET = (
    " What each sampling stage keeps, removes and makes of every candidate",
    " will stand here, as soon as the model has read the text.",
)
_ROOMY = 16  # lines that leave some for empty ones
_FEWEST_RANK_CELLS = 3
_TIGHT = 12  # lines below which the keys stand behind the order


@dataclass(frozen=True, slots=True)
class Subject:
    """What is drawn.

    Attributes:
        waterfall: the stages, None before the model has answered.
        settings: the knobs.
        used: the settings for which the order has a stage, in its order.
        unused: those for which it has none.
        knob: the setting whose knob is chosen.
        chosen: id of the candidate that is chosen.
        taken: id of the token that stands at the cursor.
        label: how a token is written.
    """

    waterfall: Waterfall | None
    settings: GenerationSettings
    used: Sequence[str]
    unused: Sequence[str]
    knob: str
    chosen: int | None
    taken: int | None
    label: Callable[[int], str]


@dataclass(slots=True)
class Picture:
    """The rows, and what the mouse finds there.

    Attributes:
        rows: from top to bottom.
        ids: candidates by their line.
        knobs: where the knobs stand; their lines count from `knobs_at`.
        knobs_at: the line of the first knobs.
        order_at: the line of the order.
    """

    rows: list[Row] = field(default_factory=list)
    ids: dict[int, int] = field(default_factory=dict)
    knobs: list[KnobCell] = field(default_factory=list)
    knobs_at: int = 0
    order_at: int = 0

    def knob_at(self, line: int, x: int) -> str | None:
        """The setting whose knob stands there."""
        here = (one for one in self.knobs if one.line == line - self.knobs_at and one.start <= x < one.end)
        return next((one.name for one in here), None)


def picture(subject: Subject, width: int, height: int) -> Picture:
    """Draw it in so many cells; where even what matters most does not fit, there are more lines than asked for."""
    gap: list[Row] = [[]] if height >= _ROOMY else []
    knobs, places = knob_rows(subject.settings, subject.used, subject.unused, subject.knob, width)
    order = subject.settings.sampling.order
    foot = [*order_rows(order, width, 1 + len(gap)), keys_row(width)]
    if height < _TIGHT:
        foot = [order_and_keys_row(order, width)]
    shown = Picture(knobs=places)
    _draw_answer(subject, width, height - len(knobs) - len(foot) - len(gap), gap, shown)
    shown.rows += gap
    shown.knobs_at = len(shown.rows)
    shown.order_at = shown.knobs_at + len(knobs)
    shown.rows += [*knobs, *foot]
    return shown


def _draw_answer(subject: Subject, width: int, height: int, gap: list[Row], shown: Picture) -> None:
    """Put the rows above the knobs into `shown`."""
    waterfall = subject.waterfall
    if waterfall is None:
        shown.rows += [[(line, "quiet")] for line in NOTHING_YET]
        return
    is_greedy = subject.settings.sampling.temperature == 0
    place = grid(len(waterfall.stages), width)
    shown.rows += [*head(waterfall, subject.knob, place), *gap]
    words = draw_words(waterfall, subject.taken, subject.label, is_greedy=is_greedy)
    draw = draw_rows(waterfall, words, subject.chosen, width - 2, is_greedy=is_greedy)
    n = max(1, height - len(shown.rows) - len(gap) - len(draw))
    rows = worth_showing(waterfall, subject.chosen, subject.taken, n)
    rank_cells = max([_FEWEST_RANK_CELLS, *(len(str(row.candidate.rank + 1)) for row in rows)])
    for row in rows:
        shown.ids[len(shown.rows)] = row.candidate.id
        shown.rows.append(candidate(row, waterfall, place, rank_cells, is_chosen=row.candidate.id == subject.chosen))
    shown.rows += [*gap, *draw]
