"""Help: the keys, made from the table of commands, and what the numbers on the screen mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from picogpt_tui import __version__, paths
from picogpt_tui.tui.commands import COMMANDS, GROUPS, key_name

_TYPING = (
    ("enter", "Send. While it generates: stop there, and go on with this."),
    ("enter", "On an empty prompt: go on from where the text stands."),
    ("^j", "New line (also shift+enter where the terminal knows it)."),
    ("up down", "Earlier prompts."),
    ("tab", "To the knobs: arrows step, digits type, backspace resets the seed."),
)

_CONCEPTS = (
    (
        "Next token",
        "The model gives every token of its vocabulary a probability; raw is that number as it is (temperature 1, "
        "nothing cut). Final is what is drawn from after sampling; a name there (top-k) says which stage cut it. "
        "▸ marks the token that was taken. # is the rank, #1 the likeliest.",
    ),
    (
        "Bits",
        "Entropy says how open the choice was: 0 bits is certain, 10 bits as open as a choice among 1,024. A token's "
        "own bits are its surprisal, -log2 of its raw probability.",
    ),
    (
        "Tokens",
        "The model does not read letters but tokens, each a number. ␣ is a space that belongs to the token after it, "
        "⏎ a line break, ⟨E2 80⟩ bytes that are only part of a character.",
    ),
    (
        "Complete and Chat",
        "GPT-2 is no chat model: it goes on with a text. Complete puts your words behind the text so far (with a space "
        "between words). Chat writes a question form around them and stops where the model would ask the next question "
        "itself; both can be edited. Expect a story, not an assistant.",
    ),
    (
        "Context",
        "The model sees a limited number of tokens. When they are used up, the older half is dropped and the text goes "
        "on; a note says so.",
    ),
    (
        "Prompt lookup",
        "Where a text repeats itself, the next tokens are guessed from what it said before, and the model checks "
        "several at once. lookup 12/16 in the top line: of 16 guessed tokens 12 came true, and each of those saved a "
        "run of the model. The text is the same.",
    ),
    (
        "float32 and int8",
        "How a model's weights are kept in memory: four bytes each, or one. int8 takes a third of the memory and is "
        "faster, and its probabilities differ a little. F2 says what this machine makes of both.",
    ),
    (
        "Seed",
        "The same seed, model, text and settings give the same tokens, here and on the command line "
        "(picogpt-tui generate). A random seed is drawn for every answer and saved with it.",
    ),
)


class HelpScreen(ModalScreen[None]):
    """Scrolls; Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q", "dismiss(None)", "Close")]

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Keys on top, concepts below."""
        with Vertical(classes="dialog wide tall"):
            yield Static(Content(f"picogpt-tui {__version__}"), classes="dialog-title")
            with VerticalScroll(id="help-text"):
                yield Static(self._keys())
                for title, text in _CONCEPTS:
                    yield Static(Content.assemble((f"{title}\n", "bold $accent"), text), classes="gap")
                yield Static(self._places(), classes="gap")
            yield Static(Content("esc  leave    up down  scroll"), classes="quiet gap")

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one("#help-text").focus()

    def _keys(self) -> Content:
        parts: list[Content | tuple[str, str] | str] = []
        for group in GROUPS:
            parts.append((f"{group}\n", "bold $accent"))
            rows = list(_TYPING) if group == "Write" else []
            rows += [(key_name(self._keymap.get(c.id, c.key)), c.help) for c in COMMANDS if c.group == group]
            for key, help_text in rows:
                parts += [(f"{key:>9}  ", "bold"), f"{help_text}\n"]
            parts.append("\n")
        return Content.assemble(*parts)

    def _places(self) -> Content:
        return Content.assemble(
            ("Files\n", "bold $accent"),
            f"settings {paths.settings_file()}\nsessions {paths.sessions_dir()}\nmodels   {paths.models_dir()}\n",
            'Keys can be changed in the settings: "keys": {"again": "f12"} with the ids ',
            ", ".join(command.id for command in COMMANDS),
            ".",
        )
