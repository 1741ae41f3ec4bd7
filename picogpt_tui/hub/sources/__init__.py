"""Who has models: for each, how to look one up, and where its files are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from picogpt_tui.hub.connection import Stop
from picogpt_tui.hub.manifest import Manifest
from picogpt_tui.hub.registry import OPENAI
from picogpt_tui.hub.targets import Target


class Source(Protocol):
    """What the modules of this package can do."""

    def host(self) -> str:
        """Whom one speaks to, as a person would say it."""

    def look_up(self, target: Target, stop: Stop) -> Manifest:
        """Which files make this model, of what size and digest. Blocks; may be abandoned.

        Raises:
            DownloadError: why that cannot be told.
            TryAgain: it may be told later.
        """

    def url(self, manifest: Manifest, file_name: str) -> str:
        """Where a file of this version is."""

    def headers(self) -> Mapping[str, str]:
        """What a request for a file carries: a token, where there is one."""


def source(name: str) -> Source:
    """The source of this name."""
    # imported when it is needed: the hub's library takes its time
    if name == OPENAI:
        from picogpt_tui.hub.sources.openai import OpenAI

        return OpenAI()
    from picogpt_tui.hub.sources.huggingface import HuggingFace

    return HuggingFace()
