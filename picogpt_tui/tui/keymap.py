"""Check the user's keys before Textual gets them: it would ignore or shadow silently what cannot work."""

from __future__ import annotations

from collections.abc import Mapping

from picogpt_tui.tui.commands import BY_ID, COMMANDS
from picogpt_tui.visible import one_line

_TAKEN = {"enter": "sends the prompt", "ctrl+j": "starts a new line", "tab": "moves on", "shift+tab": "moves back"}


def check_keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Which of the wanted keys can be used.

    Args:
        wanted: command id -> keys, comma separated.

    Returns:
        The part that works, and a sentence about each entry that does not (its default stays).
    """
    keymap: dict[str, str] = {}
    notices: list[str] = []
    for id, keys in wanted.items():
        why = _why_not(id, keys, {**{command.id: command.key for command in COMMANDS}, **keymap})
        if why:
            notices.append(f"Key setting {one_line(id, 40)!r} = {one_line(keys, 40)!r} is not used: {why}.")
        else:
            keymap[id] = ",".join(key.strip() for key in keys.split(","))
    return keymap, notices


def _why_not(id: str, keys: str, used: Mapping[str, str]) -> str:
    if id not in BY_ID:
        return f"no command has that id; there are {', '.join(BY_ID)}"
    for key in (key.strip() for key in keys.split(",")):
        if not key:
            return "a key is missing"
        if key in _TAKEN:
            return f"{key} {_TAKEN[key]}"
        if len(key) == 1:
            return f"{key} is needed for typing"
        other = next((other for other, theirs in used.items() if other != id and key in theirs.split(",")), None)
        if other:
            return f"{key} already belongs to {other!r}"
    return ""
