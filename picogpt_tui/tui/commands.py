"""Everything one can do on the main screen, in one table: bindings, palette, footer and help are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do.

    Attributes:
        id: its name in the settings file, where its keys can be changed.
        key: its default keys, comma separated.
        action: the Textual action that does it.
        title: in the palette.
        help: one sentence, in palette, tooltip and help.
        group: heading in the help.
        footer: its word in the footer; "" keeps it out.
    """

    id: str
    key: str
    action: str
    title: str
    help: str
    group: str
    footer: str = ""

    def binding(self) -> Binding:
        """The Textual binding of this command."""
        return Binding(
            self.key,
            self.action,
            self.footer or self.title,
            show=bool(self.footer),
            id=self.id,
            tooltip=self.help,
            priority=self.id == "quit",
        )


WRITE, LOOK, KEEP, PROGRAM = "Write", "Look", "Keep", "Program"

COMMANDS = (
    Command("stop", "escape", "stop", "Stop", "Stop generating; the text so far stays.", WRITE, "stop"),
    Command("help", "f1", "help", "Help", "Keys, and what the numbers mean.", PROGRAM, "help"),
    Command("models", "f2", "models", "Models", "Choose a model.", PROGRAM, "models"),
    Command("next", "f3", "panel('next')", "Next token", "Show or hide the next-token probabilities.", LOOK, "next"),
    Command("tokens", "f4", "panel('tokens')", "Tokens", "Show or hide the token boundaries.", LOOK, "tokens"),
    Command("again", "f5", "regenerate", "Generate again", "Another answer to the last prompt.", WRITE, "again"),
    Command("edit", "f8", "edit", "Edit last prompt", "Take the last prompt back and change it.", WRITE, "edit"),
    Command("copy", "f9", "copy", "Copy last answer", "Copy the last answer to the clipboard.", KEEP, "copy"),
    Command("sampling", "ctrl+t", "panel('sampling')", "Sampling", "Show or go to the sampling knobs.", LOOK),
    Command("mode", "ctrl+g", "mode", "Complete or Chat", "Switch between going on and a question form.", WRITE),
    Command("template", "alt+t", "template", "Chat template", "Change the form and stop strings of Chat.", WRITE),
    Command("pure", "alt+1", "preset('pure')", "Sampling: pure", "The model's own probabilities, nothing cut.", WRITE),
    Command("usual", "alt+2", "preset('usual')", "Sampling: usual", "Temperature 0.8 and top-k 40.", WRITE),
    Command("greedy", "alt+3", "preset('greedy')", "Sampling: greedy", "Always the likeliest token.", WRITE),
    Command("new", "ctrl+n", "new", "New session", "Begin an empty session; this one is saved.", KEEP),
    Command("open", "ctrl+l", "open", "Open session", "Go on with a saved session.", KEEP),
    Command("save", "alt+s", "save", "Name and save session", "Give this session a name.", KEEP),
    Command("export", "alt+e", "export", "Export", "Write the text as txt, Markdown or JSON.", KEEP),
    Command("page_up", "pageup", "page(-1)", "Scroll up", "Scroll the text up; it stops following.", LOOK),
    Command("page_down", "pagedown", "page(1)", "Scroll down", "Scroll the text down.", LOOK),
    Command("follow", "ctrl+end", "follow", "Follow the end", "Go to the end of the text and follow it.", LOOK),
    Command("palette", "ctrl+p", "app.command_palette", "Commands", "Find any command.", PROGRAM),
    Command("quit", "ctrl+q", "app.quit", "Quit", "Leave; everything is kept.", PROGRAM, "quit"),
)

SCREEN_COMMANDS = tuple(command for command in COMMANDS if command.id not in ("palette", "quit"))
"""Those the main screen binds; the other two belong to the app."""

BY_ID = {command.id: command for command in COMMANDS}


def key_name(keys: str) -> str:
    """How the first of some keys is written for a person: `ctrl+p` as `^p`, `f1` as `f1`, `alt+s` as `alt+s`."""
    return keys.split(",")[0].replace("ctrl+", "^").replace("escape", "esc")
