"""Surgery: take heads, MLPs and tokens out of the model, see what it says then, and let the text go on like that."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.geometry import Size

from picogpt_tui.readings import Cut, CutEffect, Surgery
from picogpt_tui.tui.explorer_messages import CutsChosen, LinePointed
from picogpt_tui.tui.views.part_grid import moved, part_at, top_in_view
from picogpt_tui.tui.views.surgery_cuts import Cuts
from picogpt_tui.tui.views.surgery_data import by_part, surgery_numbers, surgery_table
from picogpt_tui.tui.views.surgery_rows import (
    Picture,
    all_parts,
    grid_column,
    grid_of,
    n_above,
    n_beside,
    part_cut,
    surgery_rows,
)
from picogpt_tui.tui.widgets.asker import Asker
from picogpt_tui.tui.widgets.instrument import Instrument

if TYPE_CHECKING:
    from picogpt_tui.session.instruments import Place
    from picogpt_tui.tui.explorer_jobs import Question

_CANDIDATES = 24
_PLACES = 64
"""Whose effects are kept: the newest."""


class SurgeryView(Instrument):
    """Layers by heads and MLPs. What is cut stays cut wherever the cursor goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "Layer above", show=False),
        Binding("down", "move(1, 0)", "Layer below", show=False),
        Binding("left", "move(0, -1)", "Part before", show=False),
        Binding("right", "move(0, 1)", "Part behind", show=False),
        Binding("x", "cut('zero')", "Make the part zero", show=False),
        Binding("n", "cut('mean')", "Make the part its mean over the text", show=False),
        Binding("p", "cut_position", "Cut the cursor's token: zero, mean, whole", show=False),
        Binding("z", "undo", "Undo the last cut", show=False),
        Binding("Z", "clear", "Make all whole again", show=False),
        Binding("f", "sweep", "Try each part alone", show=False),
        Binding("k", "grow", "Let the text go on under the cuts", show=False),
    ]
    HELP_TEXT = (
        "The next token before and after heads, MLPs or a token's embedding are made zero or their mean over the text "
        "(Michel et al. 2019, arxiv.org/abs/1905.10650; Wang et al. 2022, arxiv.org/abs/2211.00593). How far it moved "
        "is KL(before || after) = sum p log2(p / q) in bits, under all cuts together, and with f for each part alone."
    )

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._cuts = Cuts()
        self._place: Place | None = None
        self._found: tuple[int, Surgery] | None = None  # with the node before the cursor
        self._effects: dict[int, dict[Cut, float]] = {}  # by the node before the cursor
        self._is_sweep_wanted = self._is_sweeping = False
        self._grows = False
        self._at = 0, 0
        self._top = 0

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """Before and after at the cursor, where anything is cut; then each part alone, where somebody asked for it."""
        place, cuts, sampling = self.scene.place, self._cuts.made, self.scene.sampling
        self._place = place
        lacking = self._lacking(place) if self._is_sweep_wanted else []
        self._is_sweep_wanted, self._is_sweeping = False, bool(lacking)
        is_known = not cuts or self._here() is not None
        self.draw()
        if is_known and not lacking:
            return None
        from picogpt_tui.session import probes  # needs NumPy, which came with the model

        return lambda instruments, should_stop: chain(
            () if is_known else probes.operate(instruments, place, cuts, sampling, _CANDIDATES, should_stop),
            probes.sweep(instruments, place, lacking, should_stop) if lacking else (),
        )

    def answer(self, reading: object) -> None:
        """Keep and draw it."""
        if self._place is None:
            return
        if isinstance(reading, Surgery):
            self._found = self._place.before, reading
        elif isinstance(reading, CutEffect):
            self._effects.setdefault(self._place.before, {})[reading.cut] = reading.kl
            while len(self._effects) > _PLACES:
                del self._effects[next(iter(self._effects))]
        self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    def action_move(self, by_layers: int, by_columns: int) -> None:
        """Go to another part."""
        self._at = moved(grid_of(self._picture()), by_layers, by_columns)
        self.draw()

    def action_cut(self, how: str) -> None:
        """Cut the chosen part so, or make it whole again."""
        self._cuts.toggle(part_cut(self._at, self.scene.instruments.engine.config.n_head, how))
        self._recut()

    def action_cut_position(self) -> None:
        """Make the embedding of the cursor's token zero, then the mean, then whole again."""
        if (position := self._target()) is None:
            return
        cut = Cut("position", position=position)
        match self._cuts.how(cut.part):
            case "":
                self._cuts.toggle(cut)
            case "zero":
                self._cuts.toggle(Cut("position", position=position, how="mean"))
            case _:
                self._cuts.put_back(cut.part)
        self._recut()

    def action_undo(self) -> None:
        """Back to what was cut before."""
        if self._cuts.undo():
            self._recut()

    def action_clear(self) -> None:
        """Make all whole again."""
        self._cuts.clear()
        self._recut()

    def action_sweep(self) -> None:
        """Find out which part matters most here; what was tried already is not tried again."""
        self._is_sweep_wanted = True
        self.ask_again()

    def action_grow(self) -> None:
        """From now on the text goes on under the cuts, or without them."""
        self._grows = not self._grows
        self.post_message(CutsChosen(self._cuts.made if self._grows else ()))
        self.draw()

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        picture, (width, height) = self._picture(), self._room
        line, column = message.line - n_above(height), grid_column(picture, width)
        part = part_at(grid_of(picture), message.x, line, column, n_beside(height))
        if part == self._at:
            self.action_cut("zero")
        elif part is not None:
            self._at = part
            self.draw()

    def _recut(self) -> None:
        """Other cuts are made than before."""
        if self._grows:
            self.post_message(CutsChosen(self._cuts.made))
        self._is_sweep_wanted = self._is_sweeping and self.screen.query_one(Asker).is_busy  # it goes on behind that
        self.ask_again()
        self.draw()

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> Size:
        """Cells to draw in."""
        return self.lines.scrollable_content_region.size

    def _lacking(self, place: Place) -> list[Cut]:
        config, known = self.scene.instruments.engine.config, self._effects.get(place.before, {})
        return [cut for cut in all_parts(config.n_layer, config.n_head) if cut not in known]

    def _here(self) -> Surgery | None:
        """Before and after, if it is of this place and these cuts."""
        if self._found is None or self._place is None:
            return None
        node, found = self._found
        return found if (node, found.cuts) == (self._place.before, self._cuts.made) else None

    def _effects_here(self) -> dict[Cut, float]:
        return {} if self._place is None else self._effects.get(self._place.before, {})

    def _target(self) -> int | None:
        """Position of the token under the cursor, behind the end of the last."""
        exploration = self.scene.exploration
        return min(exploration.cursor, len(exploration.path) - 1) if exploration.path else None

    def _picture(self) -> Picture:
        exploration, config = self.scene.exploration, self.scene.instruments.engine.config
        ids, target = exploration.ids(), self._target()
        cut_positions = [cut.position for cut in self._cuts.made if 0 <= cut.position < len(ids)]
        return Picture(
            config.n_layer,
            config.n_head,
            self._at,
            self._cuts.made,
            {position: self.scene.label(ids[position]) for position in cut_positions},
            by_part(self._effects_here()),
            self._here() if self._cuts.made else None,
            None if target is None else (target, self.scene.label(ids[target])),
            exploration.cursor,
            self._grows,
            exploration.document.cuts_at(exploration.cursor),
            self._top,
            self.has_focus_within,
        )

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        if not self.is_mounted:
            return
        picture, (width, height) = self._picture(), self._room
        self._top = top_in_view(grid_of(picture), n_beside(height))
        self.lines.show(surgery_rows(picture, width, height))

    def numbers(self) -> object:
        """Before and after under the cuts, and what each part alone would change."""
        cursor = self.scene.exploration.cursor
        return surgery_numbers(self._here() if self._cuts.made else None, list(self._effects_here().items()), cursor)

    def table(self) -> list[list[object]]:
        """The candidates before and after; without cuts the parts that were tried."""
        return surgery_table(self._here() if self._cuts.made else None, list(self._effects_here().items()))
