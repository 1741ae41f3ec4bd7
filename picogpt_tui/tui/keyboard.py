"""Where each key goes: what is typed arrives in the prompt, whole and in order, whatever has the focus.

The app asks here about every key before a widget gets it. Only there do keys stand in the order in which they were
typed; once they wait in the queues of several widgets, that order is gone. A terminal without bracketed paste types
what is pasted: its keys come in a burst, faster than any hand, and in a burst a tab is text and no wish to move on.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import events
from textual.widget import Widget
from textual.widgets import Input, TextArea

if TYPE_CHECKING:
    from picogpt_tui.tui.screens.main import MainScreen

_BURST_SECONDS = 0.01
"""Keys closer than this are of one paste, where mostly 50 µs lie between two; between two of a hand lies more."""
_HOLD_SECONDS = 0.03
"""How long a key that may be a wish or text waits for the next one, which says what it is."""
_NAMED = {"tab": "\t", "ctrl+j": "\n", "shift+enter": "\n", "alt+enter": "\n"}

PassOn = Callable[[events.Event], Awaitable[None]]
Callback = Callable[[], Awaitable[None] | None]


def text_of(key: events.Key) -> str:
    """What a key writes where one types, an invisible character too; "" for a key that only does something."""
    if key.key in _NAMED or key.key.startswith("alt+"):
        return _NAMED.get(key.key, "")
    char = key.character or ""
    return char if char.isprintable() or not char.isascii() else ""


class Keyboard:
    """Decides of each key whether it is text or a wish to do something."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._held: list[events.Key] = []
        """Keys of one burst that are text if more text follows in it."""
        self._text_at = -math.inf
        """When the last text was typed."""
        self._pasted = ""
        """What came in a burst and is not yet in its field."""

    @property
    def _field(self) -> Widget:
        """Where text goes: to what has the focus if one can write in it, else to the prompt."""
        focused = self._screen.focused
        return focused if isinstance(focused, Input | TextArea) else self._screen.prompt

    def _is_used(self, key: events.Key) -> bool:
        """Whether what has the focus does something with a key, other than to write it."""
        focused = self._screen.focused
        if focused is None or focused is self._field:
            return False
        return focused.check_consume_key(key.key, key.character) or key.key in self._screen.active_bindings

    def _soon(self, do: Callback) -> None:
        # subtle: then it goes to the end of the app's queue, behind all that was typed meanwhile
        asyncio.get_running_loop().call_later(_HOLD_SECONDS, self._screen.app.call_later, do)

    def _flush(self) -> None:
        text, self._pasted = self._pasted, ""
        if text:
            self._field.post_message(events.Paste(text))  # not inserted: letters before it may wait in the same queue

    def _write(self, text: str) -> None:
        self._screen.set_focus(self._field)
        if not self._pasted:
            self._soon(self._flush)  # one edit for many letters
        self._pasted += text

    async def _release(self, pass_on: PassOn) -> None:
        """No text followed: let the held keys do what they do."""
        self._flush()
        held, self._held = self._held, []
        for key in held:
            if key.key == "tab":
                self._screen.focus_next()  # subtle: at once, so that the next key goes where the focus is then
            else:
                await pass_on(key)

    def _hold(self, key: events.Key, pass_on: PassOn) -> None:
        async def release() -> None:
            if self._held and self._held[-1] is key:
                await self._release(pass_on)

        self._held.append(key)
        self._soon(release)

    async def _take_key(self, key: events.Key, pass_on: PassOn) -> None:
        text = text_of(key)
        is_pasted = bool(text) and key.time - self._text_at < _BURST_SECONDS
        if self._held and (not text or key.time - self._held[-1].time >= _BURST_SECONDS):
            await self._release(pass_on)
        if text and not is_pasted and (key.key == "tab" or self._is_used(key)):
            self._hold(key, pass_on)
            return
        if text or key.key == "enter":
            self._text_at = key.time
        if is_pasted or self._held or (text and self._screen.focused is not self._field):
            self._write("".join(map(text_of, self._held)) + text)
            self._held = []
        else:
            self._flush()
            await pass_on(key)

    async def _take_paste(self, paste: events.Paste, pass_on: PassOn) -> None:
        focused = self._screen.focused
        takes = focused is not None and all(focused.check_consume_key(char, char) for char in paste.text)
        if focused is self._field or takes:
            await pass_on(paste)
        else:
            self._write(paste.text)

    async def take(self, event: events.Event, pass_on: PassOn) -> None:
        """Bring a key or a paste to whom it is for; all else is passed on.

        Args:
            event: what the app got; all that is typed, in the order in which it was.
            pass_on: what the app does with it.
        """
        is_typed = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if is_typed and self._screen.is_active and self._screen.focused is None:
            self._screen.set_focus(self._screen.prompt)
        if not is_typed or not self._screen.is_active:
            await pass_on(event)
        elif isinstance(event, events.Key):
            await self._take_key(event, pass_on)
        elif isinstance(event, events.Paste):
            await self._release(pass_on)
            await self._take_paste(event, pass_on)
