"""The frame around the prompt: a mark, the input, and on its edge the mode and the main knobs."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.getters import query_one
from textual.widgets import Static

from picogpt_tui.session.chat import CHAT
from picogpt_tui.settings import SamplingSettings
from picogpt_tui.tui.widgets.prompt_input import PromptInput


class PromptBox(Horizontal):
    """The only thing with a border: here one types."""

    input = query_one("#prompt", PromptInput)

    def compose(self) -> ComposeResult:
        """Mark and input."""
        yield Static(Content("❯"), id="prompt-mark")
        yield PromptInput(id="prompt")

    def show(self, mode: str, sampling: SamplingSettings) -> None:
        """Say how a prompt will be used."""
        self.input.placeholder = "Ask something…" if mode == CHAT else "Say how it goes on…"
        knobs = f"T {sampling.temperature:g} · k {sampling.top_k or 'off'} · p {sampling.top_p:g}"
        self.border_subtitle = Content(f"{mode} · {knobs}")
