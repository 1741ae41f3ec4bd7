"""What each command of the explorer does: one function a command, by its id."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.actions import SkipAction

from picogpt_tui.tui.explorer_commands import VIEWS
from picogpt_tui.tui.explorer_export import ask_export, copy
from picogpt_tui.tui.knobs import next_order
from picogpt_tui.tui.token_flow import TokenBytes

if TYPE_CHECKING:
    from picogpt_tui.tui.screens.explorer import ExplorerScreen
    from picogpt_tui.tui.views.sampler import SamplerView
    from picogpt_tui.tui.widgets.instrument import Instrument


def move(by: int, screen: ExplorerScreen) -> None:
    """Move the cursor by so many tokens."""
    go_to(screen.exploration.cursor + by, screen)


def go_to(position: int, screen: ExplorerScreen) -> None:
    """Put the cursor on a token."""
    if not screen.growth.is_running and screen.exploration.move_to(position):
        screen.stage.show_cursor()
        screen.look()


def select(by: int, screen: ExplorerScreen) -> None:
    """Choose another candidate."""
    if screen.candidates.select(by) is not None:
        screen.tokens.show_ghost(None)
        screen.stage.show_choice()


def cycle(by: int, screen: ExplorerScreen) -> None:
    """Choose another candidate, and show it in the text in place of the token there."""
    chosen = screen.candidates.select(by)
    if chosen is None:
        return
    screen.stage.show_choice()
    is_there = chosen.id == screen.exploration.taken
    screen.tokens.show_ghost(None if is_there else TokenBytes(chosen.bytes, chosen.label))


def take(screen: ExplorerScreen) -> None:
    """Let the chosen candidate stand at the cursor, and go on behind it."""
    if (chosen := screen.candidates.selected) is not None:
        take_token(chosen.id, screen)


def take_token(id: int, screen: ExplorerScreen) -> None:
    """Let this token stand at the cursor, and go on behind it."""
    exploration = screen.exploration
    if screen.growth.is_running:
        return
    if id == exploration.taken:
        go_to(exploration.cursor + 1, screen)
        return
    exploration.take(id)
    exploration.move_to(exploration.cursor + 1)
    screen.app.main.keeper.save(exploration.document, screen.engine)
    screen.changed()


def step(screen: ExplorerScreen) -> None:
    """One more token behind the end."""
    screen.growth.begin(1)


def run(screen: ExplorerScreen) -> None:
    """Go on from the cursor: what stands behind it stays a branch."""
    if not screen.growth.is_running:
        if not screen.exploration.is_at_end and screen.exploration.cursor < len(screen.exploration.path) - 1:
            screen.exploration.move_to(screen.exploration.cursor + 1)
            screen.exploration.cut_back()
        screen.growth.begin(screen.settings.max_tokens)


def cut(screen: ExplorerScreen) -> None:
    """End the text before the cursor; at the end, before its last token."""
    exploration = screen.exploration
    if screen.growth.is_running or not exploration.path:
        return
    if exploration.is_at_end:
        exploration.move_to(exploration.cursor - 1)
    exploration.cut_back()
    screen.changed()


def undo(screen: ExplorerScreen) -> None:
    """Back to the version before the last change."""
    if not screen.growth.is_running and screen.exploration.undo():
        screen.changed()


def redo(screen: ExplorerScreen) -> None:
    """Take an undo back."""
    if not screen.growth.is_running and screen.exploration.redo():
        screen.changed()


def colour(screen: ExplorerScreen) -> None:
    """The next way to colour the text."""
    screen.stage.legend.next_scale()
    screen.app.remember(colour=screen.stage.legend.scale)
    screen.stage.show_numbers()


def marks(screen: ExplorerScreen) -> None:
    """The next way to mark it without colour."""
    screen.stage.legend.next_marks()
    screen.stage.show_numbers()


def _look_into(screen: ExplorerScreen) -> None:
    """Look as soon as the view that was opened can ask."""
    if screen.view is not None and not screen.view.is_mounted:
        screen.call_after_refresh(_look_into, screen)
    else:
        screen.look()


def open_view(screen: ExplorerScreen, id: str) -> None:
    """Open a view, and ask what it wants to know; "" closes the one that is open."""
    known = id if id in [view for view, _, _ in VIEWS] else ""
    screen.stage.open_view(known)
    screen.app.remember(view=known)
    if not known:
        screen.tokens.focus()
    screen.call_after_refresh(_look_into, screen)


def _enter(view: Instrument, screen: ExplorerScreen) -> None:
    """Put the focus into the first part of a view that takes it."""
    inside = next((one for one in view.query("*") if one.can_focus and one.display), None)
    if inside is not None:
        screen.set_focus(inside)


def focus(screen: ExplorerScreen) -> None:
    """From the text into the view, and back."""
    view = screen.view
    is_in_view = view is not None and screen.focused is not None and view in screen.focused.ancestors_with_self
    if view is None or is_in_view:
        screen.tokens.focus()
        return
    _enter(view, screen)


def ask(screen: ExplorerScreen) -> None:
    """Open the view that asks the vocabulary, for a question to be typed."""

    def enter() -> None:
        if screen.view is not None:
            _enter(screen.view, screen)

    open_view(screen, "words")
    screen.call_after_refresh(enter)


def _sampler(screen: ExplorerScreen) -> SamplerView:
    """The sampler view where it is open; its keys are for nothing else."""
    from picogpt_tui.tui.views.sampler import SamplerView

    if not isinstance(screen.view, SamplerView):
        raise SkipAction
    return screen.view


def choose_knob(by: int, screen: ExplorerScreen) -> None:
    """Choose another sampling knob."""
    _sampler(screen).choose_knob(by)


def turn_knob(direction: int, screen: ExplorerScreen) -> None:
    """Turn the chosen knob one step on."""
    screen.set_settings(_sampler(screen).turned(screen.settings, direction))


def order(screen: ExplorerScreen) -> None:
    """The next order of the sampling stages; in the comparison, another model to compare with."""
    from picogpt_tui.tui.views.compare import CompareView

    if isinstance(screen.view, CompareView):
        screen.view.choose_other()
        return
    _sampler(screen)
    screen.set_settings(next_order(screen.settings))


def leave(screen: ExplorerScreen) -> None:
    """Stop what runs; else leave a view, else the explorer."""
    if screen.growth.is_running:
        screen.growth.stop()
    elif screen.asker.is_busy:
        screen.asker.stop()
        screen.stage.bar.state = ""
    elif screen.focused is not None and screen.focused is not screen.tokens:
        screen.tokens.focus()
    else:
        screen.dismiss()


def show_help(screen: ExplorerScreen) -> None:
    """Open the explorer's help."""
    from picogpt_tui.tui.screens.explorer_help import ExplorerHelp  # opened seldom

    screen.app.push_screen(ExplorerHelp(screen.app.own_keys))


def _open(id: str, screen: ExplorerScreen) -> None:
    open_view(screen, id)


ACTIONS: dict[str, Callable[[ExplorerScreen], None]] = {
    "explore-left": partial(move, -1),
    "explore-right": partial(move, 1),
    "explore-first": partial(go_to, 0),
    "explore-last": partial(go_to, 2**31),
    "explore-up": partial(select, -1),
    "explore-down": partial(select, 1),
    "explore-next": partial(cycle, 1),
    "explore-previous": partial(cycle, -1),
    "explore-take": take,
    "explore-step": step,
    "explore-run": run,
    "explore-cut": cut,
    "explore-undo": undo,
    "explore-redo": redo,
    "explore-colour": colour,
    "explore-marks": marks,
    "explore-knob-before": partial(choose_knob, -1),
    "explore-knob-behind": partial(choose_knob, 1),
    "explore-knob-less": partial(turn_knob, -1),
    "explore-knob-more": partial(turn_knob, 1),
    "explore-order": order,
    "explore-focus": focus,
    "explore-ask": ask,
    "explore-hide": partial(_open, ""),
    "explore-export": ask_export,
    "explore-copy": copy,
    "explore-help": show_help,
    "explore-leave": leave,
    **{f"explore-view-{id}": partial(_open, id) for id, _, _ in VIEWS},
}
