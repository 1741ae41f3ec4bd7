"""Another model on the same text: another size, another checkpoint, or the same one in another precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from picogpt_tui.readings import ComparedToken, Comparison
from picogpt_tui.settings import FLOAT32
from picogpt_tui.tui.explorer_messages import LinePointed, TextShaded, TokenPointed
from picogpt_tui.tui.views.compare_data import MEANING, compare_numbers, compare_table, in_order, levels, marks
from picogpt_tui.tui.views.compare_rows import ORDERS, Picture, compare_rows, position_at, top_in_view
from picogpt_tui.tui.widgets.instrument import Instrument
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.events import Distribution
    from picogpt_tui.session.comparison import Found, OtherModel
    from picogpt_tui.session.instruments import Place
    from picogpt_tui.settings import SamplingSettings
    from picogpt_tui.tui.app import PicoGPTApp
    from picogpt_tui.tui.explorer_jobs import Question

_CANDIDATES = 64


class CompareView(Instrument):
    """A is the explorer's model, B the one that the user chose; the text is shaded by what B needs more than A."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Token above", show=False),
        Binding("down", "move(1)", "Token below", show=False),
        Binding("v", "order", "By position, by difference, by KL", show=False),
        Binding("b", "bos", "With <|endoftext|> in front, or nothing", show=False),
    ]
    HELP_TEXT = (
        "Another model, precision or checkpoint on the same text: each token's surprisal in both, the difference "
        "(shaded from 0.1, 1 and 3 bits on), how far B's whole distribution lies from A's, and what each would say at "
        "the cursor; as in the top line nothing stands before the first token, unless b puts <|endoftext|> there, and "
        "where the text is longer than the shorter context both read it in the same windows. KL(A || B) is Kullback "
        "and Leibler's (1951, "
        "doi.org/10.1214/aoms/1177729694); the windows are those of huggingface.co/docs/transformers/perplexity."
    )

    app: PicoGPTApp

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._other: OtherModel | None = None
        self._found: Found | None = None
        self._found_ids: tuple[int, ...] = ()
        self._there: Distribution | None = None
        self._place: Place | None = None
        self._sampling: SamplingSettings | None = None  # of what was asked last
        self._trouble = ""
        self._order = ORDERS[0]
        self._bos = False
        self._top = 0

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """What the other model says at the cursor, and of the text."""
        place, sampling, bos, other = self.scene.place, self.scene.sampling, self._bos, self._other
        if self._place is None or (place.before, place.taken) != (self._place.before, self._place.taken):
            self._there = None
        self._place, self._sampling = place, sampling
        self._shade()
        self.draw()
        if other is None:
            return None
        return lambda instruments, should_stop: other.ask(
            instruments, place, sampling, _CANDIDATES, bos=bos, should_stop=should_stop
        )

    def answer(self, reading: object) -> None:
        """Draw what it said."""
        from picogpt_tui.session.comparison import OtherLook, Refused, Unlike  # needs NumPy, which came with the model

        if isinstance(reading, OtherLook):
            self._there = reading.distribution
        elif isinstance(reading, Comparison | Unlike) and self._place is not None:
            self._found, self._found_ids = reading, self._place.ids
            self._shade()
        elif isinstance(reading, Refused):
            self._trouble, self._other, self._bos = one_line(reading.sentence, 400), None, False
        self.draw()

    def look_changed(self) -> None:
        """Another candidate is chosen; other knobs shape the other model's candidates anew."""
        if self._other is not None and self.scene.sampling != self._sampling:
            self.ask_again()
        self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    def choose_other(self) -> None:
        """Let the user choose the other model."""
        from picogpt_tui.tui.screens.other_model import OtherModelScreen  # opened seldom

        info = self.scene.instruments.engine.info

        def take(chosen: tuple[str, str] | None) -> None:
            if chosen is not None:
                self.compare_with(*chosen)

        self.app.push_screen(OtherModelScreen(self.app.main.models, info.name, info.precision), take)

    def compare_with(self, name: str, precision: str) -> None:
        """Put this model beside the one that is there; the one before is let go of."""
        from picogpt_tui.session.comparison import OtherModel  # as above

        self._found, self._there, self._trouble = None, None, ""
        self._other = OtherModel(name, precision)
        self.ask_again()

    def action_move(self, by: int) -> None:
        """To the next token of the list."""
        listed, cursor = in_order(self._tokens, self._order), self.scene.exploration.cursor
        if not listed:
            return
        at = listed.index(cursor) + by if cursor < len(listed) else len(listed) - 1
        self.post_message(TokenPointed(listed[min(max(0, at), len(listed) - 1)]))

    def action_order(self) -> None:
        """The next way to list the tokens."""
        self._order, self._top = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)], 0
        self.draw()

    def action_bos(self) -> None:
        """Put `<|endoftext|>` in front, or nothing."""
        self._bos = not self._bos
        self.ask_again()

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        position = position_at(self._picture(), message.line, self.lines.size.height)
        if position is not None:
            self.post_message(TokenPointed(position))

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _is_of_this_text(self) -> bool:
        """Whether what was found is of the whole text at hand and of nothing else."""
        return self._found_ids == tuple(self.scene.exploration.ids())

    @property
    def _tokens(self) -> tuple[ComparedToken, ...]:
        """The tokens of the text at hand that were compared: what stands behind a change was not yet."""
        if not isinstance(self._found, Comparison):
            return ()
        pairs = zip(self._found_ids, self.scene.exploration.ids(), strict=False)
        n_same = next((n for n, (was, now) in enumerate(pairs) if was != now), None)
        return self._found.tokens[: len(self.scene.exploration.path) if n_same is None else n_same]

    def _shade(self) -> None:
        tokens = self._tokens
        if tokens:
            self.post_message(TextShaded(levels(tokens), "diff", marks(tokens), MEANING))
        else:
            self.post_message(TextShaded(None))

    def _picture(self) -> Picture:
        info, other, look = self.scene.instruments.engine.info, self._other, self.scene.look
        return Picture(
            (_called(info.name, info.precision), "" if other is None else _called(other.name, other.precision)),
            self._found,
            self._tokens,
            self.scene.exploration.cursor,
            look.distribution if look is not None else None,
            self._there,
            self.scene.chosen,
            self._trouble,
            self._order,
            self._bos,
            self.scene.label,
            self._top,
        )

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        if not self.is_mounted:
            return
        width, height = self.lines.scrollable_content_region.size
        picture = self._picture()
        self._top = top_in_view(picture, height)
        self.lines.show(compare_rows(picture, width, height))

    def numbers(self) -> object:
        """Both models' sums, every token, and both lists at the cursor."""
        if self._found is None or not self._is_of_this_text:
            return None
        look = self.scene.look
        here = look.distribution if look is not None else None
        return compare_numbers(self._found, here, self._there, self.scene.label)

    def table(self) -> list[list[object]]:
        """The tokens in the order of the text."""
        if self._found is None or not self._is_of_this_text:
            return []
        return compare_table(self._found, self.scene.label)


def _called(name: str, precision: str) -> str:
    return name if precision == FLOAT32 else f"{name} {precision}"
