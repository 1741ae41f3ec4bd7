"""A key that cannot work is told of at start; the rest is used."""

from __future__ import annotations

import pytest

from picogpt_tui.tui.commands import BY_ID, COMMANDS
from picogpt_tui.tui.explorer_commands import ALL as EXPLORER_COMMANDS
from picogpt_tui.tui.keymap import check_keymap


@pytest.mark.parametrize(
    "wanted, keymap",
    [
        ({}, {}),
        ({"again": "f12"}, {"again": "f12"}),
        ({"again": " f12 , alt+y"}, {"again": "f12,alt+y"}),
        ({"next": "f4", "tokens": "f3"}, {"next": "f4", "tokens": "f3"}),
        ({"next": "f4", "tokens": "f12"}, {"next": "f4", "tokens": "f12"}),
        ({"next": "f3,f12"}, {"next": "f3,f12"}),
        ({"page_up": "pageup"}, {"page_up": "pageup"}),
        ({"help": "ctrl+underscore,alt+question_mark"}, {"help": "ctrl+underscore,alt+question_mark"}),
        ({"help": "ctrl+shift+up,alt+X"}, {"help": "ctrl+shift+up,alt+X"}),
        ({"explore-take": "t"}, {"explore-take": "t"}),
        ({"explore-take": "space", "explore-step": "enter"}, {"explore-take": "space", "explore-step": "enter"}),
        ({"explore-cut": "f2", "models": "f3", "next": "f12"}, {"explore-cut": "f2", "models": "f3", "next": "f12"}),
    ],
    ids=[
        "none",
        "one",
        "two keys with blanks",
        "a trade",
        "another's old key",
        "and",
        "default",
        "signs",
        "modifiers",
        "a letter in the explorer",
        "a trade in the explorer",
        "the same key on both screens",
    ],
)
def test_good_keys_are_used_and_nothing_is_told(wanted: dict[str, str], keymap: dict[str, str]) -> None:
    assert check_keymap(wanted) == (keymap, [])


@pytest.mark.parametrize(
    "id, keys, why",
    [
        ("agian", "f12", "no command has that id; there are stop, help,"),
        ("again", "f4", "f4 already belongs to 'tokens'"),
        ("again", "f12,escape", "escape already belongs to 'stop'"),
        ("again", "enter", "enter sends the prompt"),
        ("again", "ctrl+j", "ctrl+j starts a new line"),
        ("again", "alt+enter", "alt+enter starts a new line"),
        ("again", "shift+enter", "shift+enter starts a new line"),
        ("again", "tab", "tab moves on"),
        ("again", "x", "x is needed for typing"),
        ("again", "space", "space is needed for typing"),
        ("again", "question_mark", "question_mark is needed for typing"),
        ("again", "f6", "f6 is needed for editing the prompt"),
        ("again", "ctrl+k", "ctrl+k is needed for editing the prompt"),
        ("again", "", "a key is missing"),
        ("again", "f12,,alt+y", "a key is missing"),
        ("again", "F12", "no key is called 'F12'"),
        ("again", "f99", "no key is called 'f99'"),
        ("again", "shift+ctrl+up", "no key is called 'shift+ctrl+up'"),
        ("again", "control+r", "no key is called 'control+r'"),
        ("again", "<any>", "no key is called '<any>'"),
        ("again", "\x1b[31m", "no key is called '␛[31m'"),
        ("explore-jump", "f12", "no command has that id; there are explore-left, explore-right,"),
        ("explore-take", "g", "g already belongs to 'explore-run'"),
        ("explore-take", "3", "3 already belongs to 'explore-view-lens'"),
        ("explore-take", "ctrl+p", "ctrl+p already belongs to 'palette'"),
        ("explore-take", "ctrl+m", "to a terminal ctrl+m is enter"),
        ("explore-take", "?", "no key is called '?'"),
        ("quit", "alt+comma", "alt+comma already belongs to 'explore-previous'"),
    ],
    ids=lambda value: ascii(value)[1:26],
)
def test_a_bad_key_is_told_of_and_not_used(id: str, keys: str, why: str) -> None:
    """Textual would take all of these without a word; the command would then be out of reach."""
    keymap, [notice] = check_keymap({id: keys})
    assert keymap == {}
    assert f"{id!r}" in notice
    assert f"is not used: {why}" in notice
    assert "\x1b" not in notice


def test_of_two_commands_that_want_one_key_the_first_gets_it() -> None:
    keymap, [notice] = check_keymap({"again": "f12", "copy": "f12"})
    assert keymap == {"again": "f12"}
    assert "f12 already belongs to 'again'" in notice


@pytest.mark.parametrize("order", [("again", "tokens"), ("tokens", "again")], ids="-".join)
def test_who_is_refused_keeps_the_default_and_so_another_cannot_have_it(order: tuple[str, str]) -> None:
    wishes = {"again": "f4", "tokens": "x"}
    keymap, notices = check_keymap({id: wishes[id] for id in order})
    assert keymap == {}
    assert [f"{id!r}" in notice for id, notice in zip(order, notices, strict=True)] == [True, True]


@pytest.mark.parametrize("bad", [{"agian": "f12"}, {"copy": "f12,x"}], ids=["unknown id", "not used"])
def test_a_refused_wish_takes_no_key_from_others(bad: dict[str, str]) -> None:
    keymap, notices = check_keymap(bad | {"again": "f12"})
    assert keymap == {"again": "f12"}
    assert len(notices) == 1


def test_every_default_key_would_pass() -> None:
    """So a person can write down the keys as they are, and begin from there."""
    defaults = {command.id: command.key for command in (*COMMANDS, *EXPLORER_COMMANDS)}
    assert check_keymap(defaults) == (defaults, [])
    assert set(defaults) > set(BY_ID)
