"""The sampling knobs, one under the other."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from picogpt_tui.errors import SettingError
from picogpt_tui.settings import HUGGINGFACE, GenerationSettings
from picogpt_tui.tui.knobs import SPECS, value_of, with_value
from picogpt_tui.tui.messages import SettingsChanged, ValueRefused
from picogpt_tui.tui.widgets.knob import Knob


def _unused(order: str) -> list[str]:
    """The knobs that an order has no use for."""
    if order == HUGGINGFACE:
        return []  # the most usual case, and the first frame is to be drawn without NumPy
    from picogpt_tui.session.sampling import unused_knobs

    return unused_knobs(order)


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
        unused = _unused(settings.sampling.order)
        for knob in self.query(Knob):
            knob.value = value_of(knob.spec, settings)
            knob.note = f"not in {settings.sampling.order}" if knob.spec.name in unused else ""

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
        try:
            settings = with_value(event.knob.spec, self._settings, event.value)
        except SettingError as error:
            self.post_message(ValueRefused(str(error)))
            return
        self.show(settings)
        self.post_message(SettingsChanged(settings))
