"""One table of commands makes bindings, palette, footer and help: it must be sound."""

from __future__ import annotations

from collections import Counter

import pytest
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

from picogpt_tui.tui import explorer_commands
from picogpt_tui.tui.actions import ACTIONS
from picogpt_tui.tui.commands import BY_ID, COMMANDS, SCREEN_COMMANDS, Command, key_name


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_says_what_it_is(command: Command) -> None:
    assert command.title[0].isupper()
    assert command.help.endswith(".")
    assert BY_ID[command.id] is command
    binding = command.binding()
    assert (binding.id, binding.key, binding.tooltip) == (command.id, command.key, command.help)
    assert binding.description
    assert binding.show == bool(command.footer)


def test_no_key_id_or_title_stands_twice() -> None:
    keys = [key for command in COMMANDS for key in command.key.split(",")]
    for names in (keys, [command.id for command in COMMANDS], [command.title for command in COMMANDS]):
        assert [name for name, n in Counter(names).items() if n > 1] == []


def test_the_screen_has_an_action_for_each_of_its_commands_and_no_other() -> None:
    assert set(ACTIONS) == {command.id for command in SCREEN_COMMANDS}
    assert {command.id for command in COMMANDS} - set(ACTIONS) == {"palette", "quit"}
    assert BY_ID["stop"].action == "do('stop')"
    assert BY_ID["quit"].action == "app.quit"


def test_only_three_work_whatever_has_the_focus() -> None:
    """A text area takes F6 and F7 for itself, and what the downloads say to press must work while one types."""
    assert [command.id for command in COMMANDS if command.binding().priority] == ["fetched", "explore", "quit"]


@pytest.mark.parametrize(
    "keys, name", [("ctrl+p", "^p"), ("f1", "f1"), ("alt+s", "alt+s"), ("escape", "esc"), ("f12,ctrl+r", "f12")]
)
def test_key_name(keys: str, name: str) -> None:
    assert key_name(keys) == name


def test_no_key_is_a_character_on_an_old_terminal() -> None:
    """There alt+3 arrives as an escape and a 3, which Textual takes for the £ that a Mac makes of it."""
    for command in (*COMMANDS, *explorer_commands.ALL):
        for key in command.key.split(","):
            sent = f"\x1b{key.removeprefix('alt+')}"
            if key.startswith("alt+") and len(sent) == 2:
                assert sent not in ANSI_SEQUENCES_KEYS, key
