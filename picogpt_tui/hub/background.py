"""Threads that bring bytes give way to those that a person waits for."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

_NICENESS = 10


def give_way() -> None:
    """Let the calling thread take only what processor time no other wants, from now on.

    A fast network and two hashes keep two processors busy, and a key would wait for its turn. Linux alone can do this
    to a single thread (https://man7.org/linux/man-pages/man2/setpriority.2.html, "C library/kernel differences");
    elsewhere, and where it is not allowed, nothing changes.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
