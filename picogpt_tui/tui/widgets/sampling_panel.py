"""The sampling knobs, one under the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from picogpt_tui.errors import SettingError
from picogpt_tui.settings import GenerationSettings
from picogpt_tui.tui.messages import SettingsChanged, ValueRefused
from picogpt_tui.tui.widgets.knob import Knob, KnobSpec, Value


def _number(value: Value) -> str:
    return f"{value:g}" if value is not None else ""


def _off_at(neutral: float, value: Value) -> str:
    return "off" if value == neutral else _number(value)


SPECS = (
    KnobSpec(
        "temperature",
        "temperature",
        tuple(i / 20 for i in range(41)),
        lambda value: "greedy" if value == 0 else f"{value:.2f}",
        is_whole=False,
        help="Divides the logits: below 1 sharper, above 1 flatter, 0 always the likeliest token.",
    ),
    KnobSpec(
        "top_k",
        "top-k",
        (0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 50, 75, 100, 200, 500, 1000),
        lambda value: _off_at(0, value),
        is_whole=True,
        help="Keeps the k likeliest tokens.",
    ),
    KnobSpec(
        "top_p",
        "top-p",
        (*(i / 20 for i in range(1, 20)), 0.97, 0.99, 1.0),
        lambda value: _off_at(1, value),
        is_whole=False,
        help="Keeps the smallest set of likeliest tokens with at least this mass.",
    ),
    KnobSpec(
        "min_p",
        "min-p",
        (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
        lambda value: _off_at(0, value),
        is_whole=False,
        help="Keeps tokens at least this fraction as likely as the likeliest.",
    ),
    KnobSpec(
        "repetition_penalty",
        "repetition",
        tuple(1 + i / 20 for i in range(21)),
        lambda value: _off_at(1, value),
        is_whole=False,
        help="Makes tokens that are already in the text less likely; 1 changes nothing.",
    ),
    KnobSpec(
        "max_tokens",
        "max tokens",
        (1, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000),
        _number,
        is_whole=True,
        help="The most tokens of one answer. Enter on an empty prompt goes on.",
    ),
    KnobSpec(
        "seed",
        "seed",
        tuple(range(101)),
        lambda value: "random" if value is None else f"{value:.0f}",
        is_whole=True,
        help="The same seed, text and settings give the same tokens. Backspace makes it random.",
        can_be_none=True,
    ),
)
_OF_SAMPLING = {"temperature", "top_k", "top_p", "min_p", "repetition_penalty"}


class SamplingPanel(Vertical):
    """Shows the settings and asks for others."""

    def __init__(self, settings: GenerationSettings, id: str) -> None:
        super().__init__(id=id)
        self._settings = settings

    def compose(self) -> ComposeResult:
        """A heading and the knobs."""
        yield Static("SAMPLING", classes="panel-heading", markup=False)
        for spec in SPECS:
            yield Knob(spec)

    def on_mount(self) -> None:
        """Show the first settings."""
        self.show(self._settings)

    def show(self, settings: GenerationSettings) -> None:
        """Show these settings."""
        self._settings = settings
        for knob in self.query(Knob):
            source = settings.sampling if knob.spec.name in _OF_SAMPLING else settings
            knob.value = getattr(source, knob.spec.name)

    @property
    def is_shown(self) -> bool:
        """Whether it stands on the screen."""
        return all(node.display for node in self.ancestors_with_self if isinstance(node, Widget))

    def focus_first(self) -> None:
        """Go to the first knob."""
        self.query(Knob).first().focus()

    @on(Knob.Changed)
    def _change(self, event: Knob.Changed) -> None:
        event.stop()
        name = event.knob.spec.name
        change: dict[str, Any] = {name: event.value}
        try:
            if name in _OF_SAMPLING:
                sampling = replace(self._settings.sampling, **change)
                settings = replace(self._settings, sampling=sampling)
            else:
                settings = replace(self._settings, **change)
        except SettingError as error:
            self.post_message(ValueRefused(str(error)))
            return
        self.show(settings)
        self.post_message(SettingsChanged(settings))
