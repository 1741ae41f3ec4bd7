"""Both of the program's themes can be read: WCAG's contrast of every text colour on every ground."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from picogpt_tui.tui.themes import INK, PAPER, THEMES

TEXTS = ("foreground", "foreground-muted", "accent", "secondary", "success", "error", "warning")
GROUNDS = ("background", "surface")


def color(theme: Theme, name: str) -> Color:
    value = theme.variables[name] if name in theme.variables else getattr(theme, name)
    assert isinstance(value, str)
    return Color.parse(value)


def luminance(color: Color) -> float:
    """Relative luminance: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""

    def linear(value: int) -> float:
        s = value / 255
        return s / 12.92 if s <= 0.04045 else float(((s + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_gives_what_wcag_says() -> None:
    """Black on white is 21; #777 on white is the known 4.48 that just fails."""
    white = Color.parse("#FFFFFF")
    assert contrast(Color.parse("#000000"), white) == pytest.approx(21)
    assert contrast(white, Color.parse("#777777")) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_is_readable(theme: Theme, text: str, ground: str) -> None:
    """Level AA for text."""
    assert contrast(color(theme, text), color(theme, ground)) >= 4.5


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_what_is_switched_off_can_still_be_seen(theme: Theme, ground: str) -> None:
    """Level AA for parts of an interface; text that is switched off would need none."""
    assert contrast(color(theme, "foreground-disabled"), color(theme, ground)) >= 3


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_what_stands_on_the_accent_is_readable(theme: Theme) -> None:
    assert contrast(color(theme, "block-cursor-foreground"), color(theme, "block-cursor-background")) >= 4.5


def test_one_is_dark_and_one_is_light_and_both_set_the_same_colours() -> None:
    assert (INK.dark, PAPER.dark) == (True, False)
    assert set(INK.variables) == set(PAPER.variables)
