"""One process at a time changes a model's folder; the others are told who does.

The locks lie beside the folders, in `.locks`, so that a folder can be removed while its lock is held.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from picogpt_tui.errors import Busy, FileError
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FOLDER = ".locks"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def only_one(directory: Path, name: str) -> Iterator[None]:
    """Hold the folder of a model, whether it exists yet or not.

    Raises:
        Busy: another process holds it, or another thread of this one.
        FileError: the models directory cannot be written.
    """
    from filelock import Timeout  # takes its time to load, and lists of models know this module

    locks = directory.parent / _FOLDER
    path, holder = locks / f"{directory.name}.lock", locks / f"{directory.name}.json"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = _acquire(path)
    except Timeout as error:
        raise Busy(f"{_who(holder)} is at work on {name}; wait until it is done, or stop it.", name=name) from error
    except OSError as error:
        raise FileError("write", locks, error) from error
    try:
        with contextlib.suppress(OSError):  # only a courtesy
            holder.write_text(json.dumps(_ourselves()), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _acquire(path: Path) -> BaseFileLock:
    from filelock import FileLock, SoftFileLock, Timeout

    # subtle: not bound to a thread, for who lets go of an iterator may be another one than who began it
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except (NotImplementedError, OSError) as error:
        if isinstance(error, Timeout) or not _has_no_locks(error):
            raise
        # a file system without locks: a file that exists is one, and filelock knows a dead owner's
        soft = SoftFileLock(f"{path}.soft", thread_local=False)
        soft.acquire(timeout=0)
        return soft
    return lock


def _has_no_locks(error: BaseException) -> bool:
    return isinstance(error, NotImplementedError) or getattr(error, "errno", None) in _NO_LOCKS


def _ourselves() -> dict[str, str | int]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now():%H:%M}"}


def _who(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        where = "" if holder["host"] == socket.gethostname() else f" on {holder['host']}"
        who = "This program itself" if holder["pid"] == os.getpid() and not where else f"Process {holder['pid']}"
        return one_line(f"{who}{where} (since {holder['since']})", 120)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "Another process"
