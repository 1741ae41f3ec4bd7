"""Check the user's keys before Textual gets them: it would ignore or shadow silently what cannot work.

There are two tables: on the main screen nearly every key is needed for typing, in the explorer letters are keys too.
The palette and quitting belong to the app, and so stand beside both.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys
from textual.widgets import TextArea

from picogpt_tui.tui.commands import BY_ID, COMMANDS, SCREEN_COMMANDS, Command
from picogpt_tui.tui.explorer_commands import ALL as EXPLORER_COMMANDS
from picogpt_tui.visible import one_line

_EXPLORER = {command.id: command for command in EXPLORER_COMMANDS}
_OF_APP = tuple(command for command in COMMANDS if command not in SCREEN_COMMANDS)
_ALIASES = {"ctrl+m": "enter", "ctrl+i": "tab"}
_TAKEN = {
    **dict.fromkeys(("enter", "ctrl+m"), "sends the prompt"),  # to a terminal, ctrl+m is enter and ctrl+i is tab
    **dict.fromkeys(("ctrl+j", "shift+enter", "alt+enter"), "starts a new line"),
    **dict.fromkeys(("tab", "ctrl+i"), "moves on"),
    "shift+tab": "moves back",
}
# The prompt takes these before a command can.
_EDITING = {key for one in TextArea.BINDINGS if isinstance(one, Binding) for key in one.key.split(",")}
_SIGNS = {unicodedata.name(sign).lower().replace("-", "_").replace(" ", "_") for sign in string.punctuation}
_SIGNS = {KEY_NAME_REPLACEMENTS.get(name, name) for name in _SIGNS} | {"space"}
_NAMES = {name for key in Keys if (name := key.value.split("+")[-1]).isalnum()}
_MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")


def check_keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Which of the wanted keys can be used.

    Args:
        wanted: command id -> keys, comma separated.

    Returns:
        The part that works, and a sentence about each entry that does not (its default stays).
    """
    split = {id: [key.strip() for key in keys.split(",")] for id, keys in wanted.items()}
    whys = {id: why for id, keys in split.items() if (why := _why_never(id, keys))}
    keymap = {id: keys for id, keys in split.items() if id not in whys}
    # subtle: all wishes are looked at together, so that two commands can trade keys; one that is refused keeps its
    # default, which may be what another wished for, so look again
    while refused := next(((id, why) for id in reversed(keymap) if (why := _why_not_beside(id, keymap))), None):
        whys[refused[0]] = refused[1]
        del keymap[refused[0]]
    notices = [
        f"Key setting {one_line(id, 40)!r} = {one_line(keys, 40)!r} is not used: {whys[id]}."
        for id, keys in wanted.items()
        if id in whys
    ]
    return {id: ",".join(keys) for id, keys in keymap.items()}, notices


def _why_never(id: str, keys: list[str]) -> str:
    """Why these keys cannot be used whatever the others are, "" if they can."""
    if id not in BY_ID and id not in _EXPLORER:
        known = _EXPLORER if id.startswith("explore-") else BY_ID
        return f"no command has that id; there are {', '.join(known)}"
    for key in keys:
        if not key:
            return "a key is missing"
        why = _why_not_while_typing(id, key) if id in BY_ID else _why_never_told(key)
        if why:
            return why
        if not _is_name(key):
            return f"no key is called {one_line(key, 40)!r} (as in f12, ctrl+r, alt+x)"
    return ""


def _why_not_while_typing(id: str, key: str) -> str:
    """Why the main screen, where the prompt nearly always has the focus, cannot have this key."""
    if key in _TAKEN:
        return f"{key} {_TAKEN[key]}"
    if len(key) == 1 or key in _SIGNS:
        return f"{key} is needed for typing"
    if key in _EDITING and key not in BY_ID[id].key.split(","):
        return f"{key} is needed for editing the prompt"
    return ""


def _why_never_told(key: str) -> str:
    """Why a terminal never tells of this key."""
    return f"to a terminal {key} is {_ALIASES[key]}" if key in _ALIASES else ""


def _beside(id: str) -> tuple[Command, ...]:
    """The commands that work where this one does, itself among them."""
    if id in _EXPLORER:
        return (*EXPLORER_COMMANDS, *_OF_APP)
    return (*COMMANDS, *EXPLORER_COMMANDS) if id in [command.id for command in _OF_APP] else COMMANDS


def _why_not_beside(id: str, keymap: Mapping[str, list[str]]) -> str:
    """Why a command's keys cannot be used beside the other commands' keys, "" if they can."""
    for command in _beside(id):
        theirs = keymap.get(command.id, command.key.split(","))
        if command.id != id and (shared := [key for key in keymap[id] if key in theirs]):
            return f"{shared[0]} already belongs to {command.id!r}"
    return ""


def _is_name(key: str) -> bool:
    """Whether Textual ever tells of a key by this name: modifiers in the order of the alphabet, then the key."""
    *modifiers, name = key.split("+")
    is_known = name in _NAMES | _SIGNS or (len(name) == 1 and name.isalnum())
    return is_known and modifiers == sorted(set(modifiers)) and all(one in _MODIFIERS for one in modifiers)
