"""The lens: what each layer would say, at the cursor and around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.geometry import Size

from picogpt_tui.readings import LensColumn, LensGrid
from picogpt_tui.tui.explorer_messages import CandidatesShown, LinePointed, TokenPointed
from picogpt_tui.tui.views.lens_data import lens_numbers, lens_table
from picogpt_tui.tui.views.lens_measures import MEASURES
from picogpt_tui.tui.views.lens_memory import LensMemory, in_part
from picogpt_tui.tui.views.lens_rows import (
    Column,
    Picture,
    column_at,
    lens_rows,
    n_columns,
    row_at,
    top_in_view,
)
from picogpt_tui.tui.views.window import first_in_view
from picogpt_tui.tui.widgets.instrument import Instrument
from picogpt_tui.tui.widgets.shading_legend import ShadingLegend

if TYPE_CHECKING:
    from picogpt_tui.session.instruments import Place
    from picogpt_tui.settings import SamplingSettings
    from picogpt_tui.tui.explorer_jobs import Question

_CANDIDATES = 64
_MARGIN = 1  # columns beside that of the cursor


class LensView(Instrument):
    """Layers by positions; with the focus in it, one row's candidates stand in the list at the right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(1)", "Towards the answer", show=False),
        Binding("down", "move(-1)", "Towards the embedding", show=False),
        Binding("k", "measure", "Next measure", show=False),
        Binding("a", "attention", "Rows after attention", show=False),
        Binding("w", "watch", "Watch the chosen candidate", show=False),
    ]
    HELP_TEXT = (
        "What each layer would say in place of the tokens around the cursor if the model ended there: the final layer "
        "norm and the unembedding applied to the residual stream, which grows from the embedding below to the answer "
        "on top. The logit lens is nostalgebraist's (2020, lesswrong.com/posts/AcKRB8wDpdaN6v6ru), raw and untuned; "
        "its measures are those of Belrose et al. 2023 (arxiv.org/abs/2303.08112)."
    )

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._memory = LensMemory()
        self._names: tuple[str, ...] = ()
        self._place: Place | None = None
        self._column: LensColumn | None = None
        self._sampling: SamplingSettings | None = None  # of what was asked last
        self._asked: list[int] = []
        self._pinned: int | None = None
        self._measure = 0
        self._has_attention = True
        self._row = 0  # where one is with the focus in here
        self._first = 0
        self._top = 0

    def on_mount(self) -> None:
        """The text's marks are the lens' too."""
        self.watch(self.screen.query_one(ShadingLegend), "marks", self.draw)

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """The column of the cursor, and those around it that are not known."""
        place, sampling, watched = self.scene.place, self.scene.sampling, self._pinned
        if place != self._place:
            self._column = None
        self._place, self._sampling = place, sampling
        lacking = self._asked = [column.cursor for column in self._columns() if not column.cells]
        self.draw()
        from picogpt_tui.session.lens_columns import lens_columns  # needs NumPy, which came with the model

        return lambda instruments, should_stop: lens_columns(
            instruments, place, lacking, watched, sampling, _CANDIDATES, should_stop
        )

    def answer(self, reading: object) -> None:
        """Keep the columns that were told."""
        place = self._place
        if place is None:
            return
        if isinstance(reading, LensColumn):
            self._column = reading
            self._name_rows(tuple(name for name, _ in reading.rows))
            self._show_candidates()
        elif isinstance(reading, LensGrid):
            for at, position in enumerate(reading.positions):
                cells = tuple(row[at] for row in reading.cells)
                self._memory.put(_node(place, position + 1), reading.watched[at], cells)
        self.draw()

    def look_changed(self) -> None:
        """Another candidate can be watched; other knobs shape the rows' candidates anew."""
        if self.scene.sampling != self._sampling:
            self.ask_again()
            return
        self._show_candidates()
        self.draw()

    def on_resize(self) -> None:
        """More room wants more columns."""
        if self._place is not None:
            if any(not column.cells and column.cursor not in self._asked for column in self._columns()):
                self.ask_again()
            self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """Stand on a row."""
        self._choose(self._row)

    def on_descendant_blur(self) -> None:
        """Stand on none; the list is the model's own again."""
        self.post_message(CandidatesShown(None))
        self.draw()

    def action_move(self, by: int) -> None:
        """Go so many rows up."""
        shown = self._picture().shown
        if shown:
            self._choose(shown[min(max(0, shown.index(self._row) - by), len(shown) - 1)])

    def action_measure(self) -> None:
        """Shade by the next number."""
        self._measure = (self._measure + 1) % len(MEASURES)
        self.draw()

    def action_attention(self) -> None:
        """Show or leave out the rows after attention; who stands on one goes on to the MLP behind it."""
        self._has_attention = not self._has_attention
        if self._names and self._row not in self._picture().shown:
            self._row += 1
        self._choose(self._row)

    def action_watch(self) -> None:
        """Follow the chosen candidate in all columns, or again what came next in each."""
        if self._pinned is None and self.scene.chosen is None:
            return
        self._pinned = self.scene.chosen if self._pinned is None else None
        self.ask_again()

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        picture = self._picture()
        row = row_at(picture, message.line, *self._room)
        column = column_at(picture, message.x, self._room.width)
        if row is not None:
            self._choose(row)
        if column is not None:
            self.post_message(TokenPointed(column.cursor))

    def _choose(self, row: int) -> None:
        self._row = row
        self._show_candidates()
        self.draw()

    def _show_candidates(self) -> None:
        if self._column is not None and self.has_focus_within:
            name, distribution = self._column.rows[self._row]
            self.post_message(CandidatesShown(distribution, name))

    def _name_rows(self, names: tuple[str, ...]) -> None:
        if names != self._names:
            self._names, self._row = names, len(names) - 1

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> Size:
        """Cells to draw in; none before there is a screen."""
        return self.lines.scrollable_content_region.size if self.is_mounted else Size(0, 0)

    def _columns(self) -> list[Column]:
        """Those that there is room for."""
        place = self._place
        assert place is not None
        n = n_columns(self._name_width(), self._room.width)
        self._first = first_in_view(self._first, place.cursor, n, len(place.ids) + 1, _MARGIN)
        cursors = range(self._first, min(self._first + n, len(place.ids) + 1))
        return [self._column_at(place, cursor) for cursor in cursors]

    def _name_width(self) -> int:
        return Picture(self._names, (), 0).name_width

    def _column_at(self, place: Place, cursor: int) -> Column:
        label = self.scene.label(place.ids[cursor]) if cursor < len(place.ids) else ""
        known = self._memory.get(_node(place, cursor), self._watched_at(cursor))
        return Column(cursor, label) if known is None else Column(cursor, label, *known)

    def _watched_at(self, cursor: int) -> int | None:
        """What is followed in a column, None for the model's own first choice."""
        if self._pinned is not None or self._place is None:
            return self._pinned
        return self._place.ids[cursor] if cursor < len(self._place.ids) else None

    def _picture(self) -> Picture:
        place = self._place
        assert place is not None
        columns = [self._in_part(one) if one.cursor == place.cursor else one for one in self._columns()]
        here = next(column for column in columns if column.cursor == place.cursor)
        chosen, config = self.scene.chosen, self.scene.instruments.engine.config
        return Picture(
            self._names,
            tuple(columns),
            place.cursor,
            MEASURES[self._measure],
            self._has_attention,
            self._row if self.has_focus_within else None,
            self._top,
            self.screen.query_one(ShadingLegend).marks,
            "" if here.watched is None else self.scene.label(here.watched),
            "pinned" if self._pinned is not None else "came next" if here.label else "its choice",
            "" if chosen is None else self.scene.label(chosen),
            config.n_vocab,
        )

    def _in_part(self, here: Column) -> Column:
        """The cursor's column, as far as its rows' candidates tell it already."""
        if here.cells or self._column is None:
            return here
        rows = [distribution for _, distribution in self._column.rows]
        watched = self._watched_at(here.cursor)
        watched = rows[-1].candidates[0].id if watched is None else watched
        return Column(here.cursor, here.label, watched, tuple(in_part(row, watched) for row in rows))

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        if not self.is_mounted or self._place is None:
            return
        picture, (width, height) = self._picture(), self._room
        self._top = top_in_view(picture, width, height)
        self.lines.show(lens_rows(picture, width, height))

    def numbers(self) -> object:
        """What is known of the columns in view."""
        bytes_of = self.scene.instruments.engine.tokenizer.bytes_of
        return None if self._place is None else lens_numbers(self._names, self._columns(), bytes_of)

    def table(self) -> list[list[object]]:
        """The same, a line for each cell."""
        return [] if self._place is None else lens_table(self._names, self._columns())


def _node(place: Place, cursor: int) -> int:
    """Of the token before a cursor, -1 at the beginning."""
    return place.nodes[cursor - 1] if cursor else -1
