"""One setting on one line: name, value, slider. Changed by arrow keys, typing, mouse click and wheel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from picogpt_tui.tui.widgets.style_cache import StyleCache

_NAME_WIDTH = 12
_VALUE_WIDTH = 8
_LONGEST_VALUE = 11  # the largest seed and a caret
_TYPED = set("0123456789.")

Value = float | None


@dataclass(frozen=True, slots=True)
class KnobSpec:
    """What a knob sets.

    Attributes:
        name: the setting's field name.
        label: its name for a person.
        stops: the values that arrow keys and slider step through, rising.
        show: how a value is written.
        is_whole: whether only whole numbers fit.
        help: one sentence, as tooltip.
        can_be_none: whether deleting the value means "random".
        can_be_typed: whether it is a number; else its stops stand for words.
    """

    name: str
    label: str
    stops: tuple[float, ...]
    show: Callable[[Value], str]
    is_whole: bool
    help: str
    can_be_none: bool = False
    can_be_typed: bool = True

    def nearest(self, value: Value) -> int:
        """Index of the stop nearest to a value."""
        return 0 if value is None else min(range(len(self.stops)), key=lambda i: abs(self.stops[i] - value))

    def step(self, value: Value, direction: int) -> float:
        """The next stop above or below a value, which itself may lie between stops."""
        if value is None:
            return self.stops[0]
        if direction > 0:
            return next((stop for stop in self.stops if stop > value + 1e-9), max(value, self.stops[-1]))
        return next((stop for stop in reversed(self.stops) if stop < value - 1e-9), min(value, self.stops[0]))

    def fit(self, value: float) -> float:
        """A value as the setting holds it: a whole number where only such fit, and it is one."""
        return int(value) if self.is_whole and float(value).is_integer() else value


class Knob(StyleCache, can_focus=True):
    """Shows and changes one value."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "knob--name",
        "knob--value",
        "knob--editing",
        "knob--track",
        "knob--filled",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Less", show=False),
        Binding("right", "step(1)", "More", show=False),
        Binding("up", "app.focus_previous", "Knob above", show=False),
        Binding("down", "app.focus_next", "Knob below", show=False),
        Binding("delete", "nothing", "Random", show=False),
    ]

    value: reactive[Value] = reactive(None)
    note: reactive[str] = reactive("")
    """Stands in place of the slider: why the value does nothing."""
    _typed: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """The user wants another value."""

        knob: Knob
        value: Value

    def __init__(self, spec: KnobSpec) -> None:
        super().__init__(id=f"knob-{spec.name}")
        self.spec = spec
        self.tooltip = spec.help

    def render_line(self, y: int) -> Strip:
        """Name, value, slider."""
        width = self.size.width
        name = self.style_of("knob--name")
        mark = "▸" if self.has_focus else " "
        shown = f"{self._typed}▏"[-_LONGEST_VALUE:] if self._typed else self.spec.show(self.value)
        name_width = _NAME_WIDTH - max(0, len(shown) - _VALUE_WIDTH)
        segments = [
            Segment(f"{mark}{self.spec.label:<{name_width}}", name),
            Segment(f"{shown:>{_VALUE_WIDTH}}", self.style_of("knob--editing" if self._typed else "knob--value")),
        ]
        segments += self._slider(width - _NAME_WIDTH - 1 - _VALUE_WIDTH - 2)
        return Strip(segments).adjust_cell_length(width, self.style_of(""))

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Digits and the point are typed into the value; other letters are for the prompt."""
        return self.spec.can_be_typed and character is not None and character in _TYPED

    def action_step(self, direction: int) -> None:
        """To the next stop above or below."""
        self._typed = ""
        self.post_message(self.Changed(self, self.spec.fit(self.spec.step(self.value, direction))))

    def action_nothing(self) -> None:
        """No value: random, where the setting has that."""
        self._typed = ""
        if self.spec.can_be_none:
            self.post_message(self.Changed(self, None))

    def on_key(self, event: events.Key) -> None:
        """Digits are typed into the value; Enter takes it, Escape leaves it, Backspace deletes."""
        char = event.character
        if char is not None and self.check_consume_key(event.key, char):
            self._typed += char
        elif event.key == "backspace" and self._typed:
            self._typed = self._typed[:-1]
        elif event.key == "backspace":
            self.action_nothing()
        elif event.key == "enter" and self._typed:
            self._take()
        elif event.key == "escape" and self._typed:
            self._typed = ""
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """A pasted number is typed."""
        event.stop()
        self._typed += event.text

    def on_blur(self) -> None:
        """Leaving takes what was typed."""
        if self._typed:
            self._take()

    def on_click(self, event: events.Click) -> None:
        """A click on the slider sets the value there."""
        start = _NAME_WIDTH + 1 + _VALUE_WIDTH + 2
        width = self.size.width - start
        if event.x >= start and width > 1:
            fraction = min(1.0, (event.x - start) / (width - 1))
            stop = self.spec.stops[round(fraction * (len(self.spec.stops) - 1))]
            self.post_message(self.Changed(self, self.spec.fit(stop)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel steps, when the knob has the focus (else it would change while one scrolls past)."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """See above."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        if self.has_focus:
            event.stop()
            self.action_step(direction)

    def _take(self) -> None:
        typed, self._typed = self._typed, ""
        try:
            value = float(typed)
        except ValueError:
            value = float("nan")
        self.post_message(self.Changed(self, self.spec.fit(value)))

    def _slider(self, width: int) -> list[Segment]:
        if width < 6:
            return []
        gap, track = Segment("  ", self.style_of("")), self.style_of("knob--track")
        if self.note:
            return [gap, Segment(self.note, self.style_of("knob--name"))]
        if self.value is None:
            return [gap, Segment("─" * width, track)]
        at = round(self.spec.nearest(self.value) / (len(self.spec.stops) - 1) * (width - 1))
        filled = Segment("━" * at + "●", self.style_of("knob--filled"))
        return [gap, filled, Segment("─" * (width - at - 1), track)]
