"""Styles looked up once: a widget that draws its own lines asks for the same few at every line of every frame."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


class StyleCache(Widget):
    """Remembers component styles until the stylesheet changes (theme, focus, hover)."""

    _known: dict[str, Style] | None = None

    def style_of(self, name: str) -> Style:
        """The style of a component class; "" is the widget's own."""
        if self._known is None:
            self._known = {}
        style = self._known.get(name)
        if style is None:
            style = self._known[name] = self.get_component_rich_style(name) if name else self.rich_style
        return style

    def notify_style_update(self) -> None:
        """Textual says that styles may have changed."""
        super().notify_style_update()
        self._known = None
