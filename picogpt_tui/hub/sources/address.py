"""What both sources look at before they believe it: an address a user set, a size a server states."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from picogpt_tui.errors import NotAGPT2, SettingError
from picogpt_tui.hub.targets import Target
from picogpt_tui.visible import one_line

LARGEST_SMALL_FILE = 64 << 20
"""More bytes than any config, vocabulary or list of merges has."""


def checked_address(variable: str, usual: str) -> str:
    """The address that an environment variable names, or the usual one, without a slash at its end.

    Raises:
        SettingError: it is no address of the web.
    """
    address = (os.environ.get(variable) or usual).rstrip("/")
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise SettingError(variable, one_line(address, 100), "an address that begins with https:// or http://")
    return address


def check_small(file_name: str, size_bytes: int | None, target: Target) -> None:
    """Refuse what cannot be a config, a vocabulary or a list of merges.

    Raises:
        NotAGPT2: it is larger than any of them.
    """
    if size_bytes is not None and size_bytes > LARGEST_SMALL_FILE:
        message = f"{one_line(target.repo, 100)}: {file_name} would be {size_bytes:,} bytes, a GPT-2's has at most"
        raise NotAGPT2(f"{message} {LARGEST_SMALL_FILE:,}; choose another repository.", name=target.name)
