"""A download as a program of its own, for the tests that kill it: tells after every event how many bytes are there.

    python -m tests.hub.fetch_process NAME [hold]

With `hold` it stops at the first event and keeps the folder.
"""

from __future__ import annotations

import signal
import sys

from picogpt_tui.events import DownloadProgress
from picogpt_tui.hub.download import Downloader

from .fetching import ANYTHING, QUICK


def main(name: str, hold: str) -> None:
    """Download, and tell."""
    for event in Downloader(ANYTHING, patience=QUICK).download(name):
        if isinstance(event, DownloadProgress):
            sys.stdout.write(f"{event.done}\n")
            sys.stdout.flush()
        if hold:
            signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
