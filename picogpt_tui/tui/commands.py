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
        title: in the palette.
        help: one sentence, in palette, tooltip and help.
        group: heading in the help.
        footer: its word in the footer; "" keeps it out.
    """

    id: str
    key: str
    title: str
    help: str
    group: str
    footer: str = ""

    @property
    def action(self) -> str:
        """The Textual action that does it; the main screen looks it up in `actions.ACTIONS`."""
        return _OF_APP.get(self.id, f"do('{self.id}')")

    def binding(self) -> Binding:
        """The Textual binding of this command."""
        return Binding(
            self.key,
            self.action,
            self.footer or self.title,
            show=bool(self.footer),
            id=self.id,
            tooltip=self.help,
            priority=self.id in _BEFORE_THE_PROMPT,
        )


_BEFORE_THE_PROMPT = ("quit", "fetched", "explore")  # whatever has the focus; f6 and f7 would select text
_OF_APP = {"palette": "app.command_palette", "quit": "app.quit"}
GROUPS = WRITE, LOOK, KEEP, PROGRAM = "Write", "Look", "Keep", "Program"

COMMANDS = (
    Command("stop", "escape", "Stop", "Stop generating; the text so far stays.", WRITE, "stop"),
    Command("help", "f1", "Help", "Keys, and what the numbers mean.", PROGRAM, "help"),
    Command("models", "f2", "Models", "Choose a model, download one, look after them.", PROGRAM, "models"),
    Command("next", "f3", "Next token", "Show or hide the next-token probabilities.", LOOK, "next"),
    Command("tokens", "f4", "Tokens", "Show or hide the token boundaries.", LOOK, "tokens"),
    Command("again", "f5", "Generate again", "Another answer to the last prompt.", WRITE, "again"),
    Command(
        "fetched", "f6", "Use the download", "Load what has arrived; try again or go on with what has not.", PROGRAM
    ),
    Command(
        "explore", "f7", "Explore", "Walk through the text token by token; see why, take other paths.", LOOK, "explore"
    ),
    Command(
        "read", "alt+r", "Read a file", "Begin a session with a file's text, and explore it: every token scored.", LOOK
    ),
    Command("edit", "f8", "Edit last prompt", "Take the last prompt back and change it.", WRITE),
    Command("copy", "f9", "Copy last answer", "Copy the last answer to the clipboard.", KEEP),
    Command("sampling", "ctrl+t", "Sampling", "Show or go to the sampling knobs.", LOOK),
    Command("mode", "ctrl+g", "Complete or Chat", "Switch between going on and a question form.", WRITE),
    Command("template", "alt+t", "Chat template", "Change the form and stop strings of Chat.", WRITE),
    Command("pure", "alt+p", "Sampling: pure", "The model's own probabilities, nothing cut.", WRITE),
    Command("usual", "alt+u", "Sampling: usual", "Temperature 0.8 and top-k 40.", WRITE),
    Command("greedy", "alt+g", "Sampling: greedy", "Always the likeliest token.", WRITE),
    Command(
        "lookup", "alt+l", "Prompt lookup on/off", "Guess tokens from the text so far: faster, the same text.", WRITE
    ),
    Command(
        "live", "alt+v", "Live on/off", "Read the prompt while it is typed: tokens, surprisal, what comes next.", LOOK
    ),
    Command("new", "ctrl+n", "New session", "Begin an empty session; this one is saved.", KEEP),
    Command("open", "ctrl+l", "Open session", "Go on with a saved session.", KEEP),
    Command("save", "alt+s", "Name and save session", "Give this session a name.", KEEP),
    Command("export", "alt+e", "Export", "Write the text as txt, Markdown or JSON.", KEEP),
    Command("page_up", "pageup", "Scroll up", "Scroll the text up; it stops following.", LOOK),
    Command("page_down", "pagedown", "Scroll down", "Scroll the text down.", LOOK),
    Command("follow", "ctrl+end", "Follow the end", "Go to the end of the text and follow it.", LOOK),
    Command("palette", "ctrl+p", "Commands", "Find any command.", PROGRAM),
    Command("quit", "ctrl+q", "Quit", "Leave; everything is kept.", PROGRAM, "quit"),
)

SCREEN_COMMANDS = tuple(command for command in COMMANDS if command.id not in _OF_APP)
"""Those the main screen binds; the other two belong to the app."""

BY_ID = {command.id: command for command in COMMANDS}


def key_name(keys: str) -> str:
    """How the first of some keys is written for a person: `ctrl+p` as `^p`, `f1` as `f1`, `alt+s` as `alt+s`."""
    return keys.split(",")[0].replace("ctrl+", "^").replace("escape", "esc")
