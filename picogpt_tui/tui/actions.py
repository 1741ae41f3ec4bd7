"""What each command of the main screen does: one function a command, by its id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from picogpt_tui.session.chat import CHAT, COMPLETE, ChatTemplate
from picogpt_tui.settings import GREEDY, PURE, SamplingSettings
from picogpt_tui.tui.downloads import FAILED, OFFERED, PAUSED, READY
from picogpt_tui.tui.ways_in import explore_soon, read_file
from picogpt_tui.tui.widgets.knob import Knob

if TYPE_CHECKING:
    from picogpt_tui.tui.screens.main import MainScreen

PANELS = ("next", "tokens", "sampling")
_OVER = tuple(f"-over-{panel}" for panel in PANELS)


def stop(screen: MainScreen) -> None:
    """Stop generating; when nothing runs, close what is open and go to the prompt."""
    if screen.is_generating:
        screen.conversation.stop()
        return
    screen.loader.end()
    screen.models.dismiss()
    screen.remove_class(*_OVER)
    screen.prompt.focus()


def regenerate(screen: MainScreen) -> None:
    """Another answer to the last prompt."""
    if screen.engine is None:
        return
    screen.conversation.stop()
    if not screen.document.back_to_prompt():
        screen.say("There is no answer yet to generate again.")
        return
    if screen.settings.seed is not None:
        screen.say(f"Seed {screen.settings.seed} is fixed: the same answer comes again.")
    screen.stage.show_document(screen.document, screen.engine)
    screen.conversation.generate(None)


def edit(screen: MainScreen) -> None:
    """Take the last prompt back into the input."""
    screen.conversation.stop()
    text = screen.document.take_back_prompt()
    if text is None:
        screen.say("There is no prompt yet to edit.")
        return
    screen.show_document(screen.document)
    screen.prompt.put(text)
    screen.prompt.focus()


def copy(screen: MainScreen) -> None:
    """Copy the last answer."""
    text = screen.document.last_answer_text()
    if not text:
        screen.say("There is no answer yet to copy.")
        return
    screen.app.copy_to_clipboard(text)
    screen.say(f"{len(text):,} characters sent to the terminal's clipboard.")


def panel(name: str, screen: MainScreen) -> None:
    """Show or hide a panel; on a narrow screen beside the text until the next press. Knobs get the focus first."""
    knobs = screen.stage.sampling
    if name == "sampling" and knobs.is_shown and not isinstance(screen.focused, Knob):
        knobs.focus_first()
        return
    is_narrow = screen.has_class("-narrow")
    opens = not screen.has_class(f"-over-{name}") if is_narrow else screen.has_class(f"-no-{name}")
    if is_narrow:
        screen.remove_class(*_OVER)
        screen.set_class(opens, f"-over-{name}")
    else:
        screen.set_class(not opens, f"-no-{name}")
        screen.app.remember(panels=tuple(one for one in PANELS if not screen.has_class(f"-no-{one}")))
    if name == "sampling" and opens:
        screen.call_after_refresh(knobs.focus_first)
    elif isinstance(screen.focused, Knob):
        screen.prompt.focus()


def mode(screen: MainScreen) -> None:
    """Switch between Complete and Chat."""
    screen.document.mode = CHAT if screen.document.mode == COMPLETE else COMPLETE
    screen.app.remember(mode=screen.document.mode)
    screen.show_mode()
    if screen.document.mode == CHAT:
        screen.say("Chat puts a question form around your words; GPT-2 was never trained to answer.")


def template(screen: MainScreen) -> None:
    """Edit the form of Chat."""
    from picogpt_tui.tui.screens.template import TemplateScreen  # opened seldom, so not part of the first frame

    def take(changed: ChatTemplate | None) -> None:
        if changed is not None:
            screen.document.template = changed
            screen.app.remember(template=changed)

    screen.app.push_screen(TemplateScreen(screen.document.template), take)


def preset(sampling: SamplingSettings, screen: MainScreen) -> None:
    """Set all sampling knobs at once."""
    screen.set_settings(replace(screen.settings, sampling=sampling))
    screen.stage.sampling.show(screen.settings)


def lookup(screen: MainScreen) -> None:
    """Guess tokens from the text so far, or no longer."""
    is_on = not screen.settings.prompt_lookup
    screen.set_settings(replace(screen.settings, prompt_lookup=is_on))
    screen.stage.sampling.show(screen.settings)
    does = (
        "on: tokens are guessed from the text so far and checked several at once"
        if is_on
        else "off: the model runs once for every token"
    )
    screen.say(f"Prompt lookup is {does}; the text is the same.")


def live(screen: MainScreen) -> None:
    """Read the prompt while it is typed, or no longer."""
    is_on = not screen.app.preferences.live
    screen.app.remember(live=is_on)
    screen.set_class(is_on, "-live")
    if is_on:
        screen.read_live()
    else:
        screen.live.stop()
        screen.peek()


def new(screen: MainScreen) -> None:
    """Begin an empty session."""
    screen.conversation.stop()
    screen.show_document(screen.new_document())
    screen.prompt.focus()


def page(direction: int, screen: MainScreen) -> None:
    """Scroll the text a page."""
    text = screen.stage.transcript
    (text.scroll_page_up if direction < 0 else text.scroll_page_down)(animate=False)


def follow(screen: MainScreen) -> None:
    """Go to the end of the text, and stay there."""
    screen.stage.transcript.follow()


def show_help(screen: MainScreen) -> None:
    """Open the help."""
    from picogpt_tui.tui.screens.help import HelpScreen  # as above

    screen.app.push_screen(HelpScreen(screen.app.own_keys))


def models(screen: MainScreen) -> None:
    """Open the model picker."""
    screen.app.pick_model()


def fetched(screen: MainScreen) -> None:
    """Load the model that has arrived; else go on with a download that has not begun, was paused or broke off."""
    order = (READY, OFFERED, FAILED, PAUSED)
    waiting = [one for one in screen.models.downloads.values() if one.state in order]
    if not waiting:
        screen.say("No download waits for you; F2 shows the models.")
        return
    use_download(min(waiting, key=lambda one: order.index(one.state)).name, screen)


def use_download(name: str, screen: MainScreen) -> None:
    """Do what the line of a download offers."""
    download = screen.models.downloads.get(name)
    if download is None or download.is_running:
        return
    if download.state == READY:
        screen.models.cancel(name)
        screen.app.choose_model(name)
    else:
        screen.models.download(name)


def open_session(screen: MainScreen) -> None:
    """Choose a saved session."""
    screen.keeper.pick()


def save(screen: MainScreen) -> None:
    """Name and save this session."""
    screen.keeper.ask_name(screen.document, screen.engine)


def export(screen: MainScreen) -> None:
    """Write the text to a file."""
    screen.keeper.ask_export(screen.document, screen.engine)


ACTIONS: dict[str, Callable[[MainScreen], None]] = {
    "stop": stop,
    "help": show_help,
    "explore": explore_soon,
    "read": read_file,
    "models": models,
    "fetched": fetched,
    "next": partial(panel, "next"),
    "tokens": partial(panel, "tokens"),
    "again": regenerate,
    "edit": edit,
    "copy": copy,
    "sampling": partial(panel, "sampling"),
    "mode": mode,
    "template": template,
    "pure": partial(preset, PURE),
    "usual": partial(preset, SamplingSettings()),
    "greedy": partial(preset, GREEDY),
    "lookup": lookup,
    "live": live,
    "new": new,
    "open": open_session,
    "save": save,
    "export": export,
    "page_up": partial(page, -1),
    "page_down": partial(page, 1),
    "follow": follow,
}
