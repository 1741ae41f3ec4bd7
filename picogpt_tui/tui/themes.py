"""The program's own two themes, `picogpt-ink` and `picogpt-paper`.

Roles: accent for what is chosen, current or live; secondary for data; warning for surprise; success and error. Widgets
use these names only, so that every other Textual theme works too.
"""

from __future__ import annotations

from textual.theme import Theme

INK = Theme(
    name="picogpt-ink",
    primary="#E6B450",
    secondary="#7FB4CA",
    accent="#E6B450",
    warning="#D68A5C",
    error="#E06C60",
    success="#8FBF7F",
    foreground="#D5D2C8",
    background="#14161B",
    surface="#181B21",
    panel="#20242C",
    dark=True,
    variables={
        "foreground-muted": "#8E8F8D",
        "foreground-disabled": "#6B6E74",
        "footer-background": "#181B21",
        "footer-key-foreground": "#E6B450",
        "footer-description-foreground": "#8E8F8D",
        "border": "#E6B450",
        "border-blurred": "#3A404B",
        "block-cursor-background": "#E6B450",
        "block-cursor-foreground": "#14161B",
        "input-cursor-background": "#E6B450",
        "input-selection-background": "#E6B450 30%",
        "screen-selection-background": "#7FB4CA 35%",
        "scrollbar": "#2A2F39",
        "scrollbar-hover": "#3A404B",
        "scrollbar-active": "#E6B450",
        "scrollbar-background": "#14161B",
        "scrollbar-background-hover": "#14161B",
        "scrollbar-background-active": "#14161B",
        "scrollbar-corner-color": "#14161B",
    },
)

PAPER = Theme(
    name="picogpt-paper",
    primary="#8A5A00",
    secondary="#1F6480",
    accent="#8A5A00",
    warning="#A1440F",
    error="#B3261E",
    success="#2F6B2B",
    foreground="#2B2A27",
    background="#F7F4EC",
    surface="#EFEBE0",
    panel="#E4DFD1",
    dark=False,
    variables={
        "foreground-muted": "#615E55",
        "foreground-disabled": "#7A766B",
        "footer-background": "#EFEBE0",
        "footer-key-foreground": "#8A5A00",
        "footer-description-foreground": "#615E55",
        "border": "#8A5A00",
        "border-blurred": "#C6BFAC",
        "block-cursor-background": "#8A5A00",
        "block-cursor-foreground": "#F7F4EC",
        "input-cursor-background": "#8A5A00",
        "input-selection-background": "#8A5A00 25%",
        "screen-selection-background": "#1F6480 25%",
        "scrollbar": "#D5CEBC",
        "scrollbar-hover": "#C6BFAC",
        "scrollbar-active": "#8A5A00",
        "scrollbar-background": "#F7F4EC",
        "scrollbar-background-hover": "#F7F4EC",
        "scrollbar-background-active": "#F7F4EC",
        "scrollbar-corner-color": "#F7F4EC",
    },
)

THEMES = (INK, PAPER)
