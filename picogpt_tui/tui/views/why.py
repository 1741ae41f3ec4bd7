"""Why one token and not another: what every part of the model adds to the difference of their logits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from picogpt_tui.readings import Attribution
from picogpt_tui.tui.explorer_messages import LinePointed
from picogpt_tui.tui.views.why_data import why_numbers, why_table
from picogpt_tui.tui.views.why_rows import ORDERS, Picture, line_at, n_lines, parts_in, top_in_view, why_rows
from picogpt_tui.tui.widgets.instrument import Instrument

if TYPE_CHECKING:
    from picogpt_tui.session.instruments import Place
    from picogpt_tui.tui.explorer_jobs import Question


class WhyView(Instrument):
    """Two tokens and the parts that tell them apart. A is the one that stands at the cursor, unless another is chosen.

    Behind the last token it is the likeliest; B is the likeliest other one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Part above", show=False),
        Binding("down", "move(1)", "Part below", show=False),
        Binding("a", "choose('a')", "Ask about the chosen candidate", show=False),
        Binding("b", "choose('b')", "Compare with the chosen candidate", show=False),
        Binding("s", "swap", "Swap the two", show=False),
        Binding("v", "order", "By size, by layer, in order", show=False),
    ]
    HELP_TEXT = (
        "Which parts of the model prefer token A to token B: the difference of their logits is a sum over the "
        "embeddings, every head, every MLP and the biases, read with the last layer norm's scale held fixed. This is "
        "direct logit attribution, Elhage et al. 2021 (transformer-circuits.pub/2021/framework); it counts what a part "
        "says itself, not what later parts make of it."
    )

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._picture = Picture()
        self._place: Place | None = None
        self._pair: tuple[int | None, int | None] = None, None  # None for what it is by itself
        self._at = 0

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """The two tokens at the cursor; elsewhere than before they are chosen anew."""
        place = self.scene.place
        if self._place is None or (place.before, place.taken) != (self._place.before, self._place.taken):
            self._pair = None, None
            self._picture = replace(self._picture, found=None)
        self._place = place
        a, b = self._pair
        if a is None and place.taken != b:
            a = place.taken
        self.draw()
        from picogpt_tui.session import probes  # needs NumPy, which came with the model

        return lambda instruments, should_stop: probes.attribute(instruments, place, a, b, should_stop)

    def answer(self, reading: object) -> None:
        """Draw the parts."""
        if isinstance(reading, Attribution):
            self._picture = replace(self._picture, found=reading)
            self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Go so many lines down."""
        self._go_to(self._at + by)

    def action_choose(self, which: str) -> None:
        """Let the chosen candidate be A or B; where it is the other one, the two change places."""
        found, chosen = self._picture.found, self.scene.chosen
        if found is None or chosen is None:
            return
        a, b = found.a.id, found.b.id
        if which == "a":
            self._ask(chosen, a if chosen == b else b)
        else:
            self._ask(b if chosen == a else a, chosen)

    def action_swap(self) -> None:
        """Ask the other way round."""
        if (found := self._picture.found) is not None:
            self._ask(found.b.id, found.a.id)

    def action_order(self) -> None:
        """The next way to list the parts."""
        order = ORDERS[(ORDERS.index(self._picture.order) + 1) % len(ORDERS)]
        self._picture = replace(self._picture, order=order, top=0)
        self._go_to(0)

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        at = line_at(self._picture, message.line, self.lines.size.height)
        if at is not None:
            self._go_to(at)

    def _ask(self, a: int, b: int) -> None:
        if self._pair != (a, b):
            self._pair = a, b
            self.ask_again()

    def _go_to(self, line: int) -> None:
        self._at = min(max(0, line), max(0, n_lines(self._picture) - 1))
        self.draw()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        if not self.is_mounted:
            return
        width, height = self.lines.scrollable_content_region.size
        chosen = self.scene.chosen
        candidate = "" if chosen is None else self.scene.label(chosen)
        picture = replace(self._picture, at=self._at if self.has_focus_within else None, candidate=candidate)
        self._picture = replace(picture, top=top_in_view(picture, height))
        self.lines.show(why_rows(self._picture, width, height))

    def numbers(self) -> object:
        """All parts, in the order of the pass."""
        return None if self._place is None else why_numbers(self._picture.found, self._place.cursor)

    def table(self) -> list[list[object]]:
        """The parts as they are listed."""
        found = self._picture.found
        return [] if found is None else why_table(parts_in(found, self._picture.order))
