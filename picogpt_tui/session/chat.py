"""How a prompt becomes the text that the model sees: as it is (Complete), or in a template (Chat).

GPT-2 was never trained to answer. In Chat the template writes a dialogue's form around what the user types, and stop
strings end the answer where the model would go on and write the user's next line itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from picogpt_tui.errors import SettingError

COMPLETE, CHAT = "complete", "chat"
MODES = (COMPLETE, CHAT)
_PLACE = "{prompt}"
_NO_SPACE_BEFORE = tuple(",.;:!?)]}'’”…-")


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The form of one exchange.

    Raises:
        SettingError: the template has no `{prompt}`, or a stop string is empty.
    """

    text: str = "Question: {prompt}\nAnswer:"
    stop: tuple[str, ...] = ("\nQuestion:",)

    def __post_init__(self) -> None:
        if _PLACE not in self.text:
            raise SettingError("chat template", self.text, f"a text with {_PLACE} where the typed words go")
        if any(not stop for stop in self.stop):
            raise SettingError("stop", "", "a text that is not empty")

    def fill(self, prompt: str) -> str:
        """Put the typed words into the form."""
        return self.text.replace(_PLACE, prompt)


def compose(text_so_far: str, typed: str, template: ChatTemplate | None, cut: str = "") -> str:
    """What to append to the text so far when somebody types.

    In a template an exchange starts on a line of its own. Where the model has begun it already (`cut`, the stop string
    that it wrote behind the text so far), only the rest of the form is appended. Without a template, a space is put
    between two words that would otherwise run together, and nothing where the typed text begins with a space or with
    punctuation.

    Example:
        >>> compose("Once upon a time", "there was", None), compose("said he", ", and", None)
        (' there was', ', and')
    """
    if template is not None:
        form = template.fill(typed)
        begun = next((whole for whole in (form, "\n" + form) if cut and whole.startswith(cut)), None)
        if begun is not None:
            return begun.removeprefix(cut)
        return ("\n" if text_so_far and not text_so_far.endswith("\n") else "") + form
    joined = not text_so_far or not typed or text_so_far[-1].isspace() or typed[0].isspace()
    return typed if joined or typed.startswith(_NO_SPACE_BEFORE) else f" {typed}"
