"""Where models, sessions and settings live.

One environment variable, `PICOGPT_HOME`, moves all of them into one folder; without it the platform's own places are
used (https://pypi.org/project/platformdirs). Nothing is created here: whoever writes makes the folder.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from platformdirs import PlatformDirs

from picogpt_tui.errors import FileError

_DIRS = PlatformDirs("picogpt-tui", appauthor=False)


def _place(folder: str, platform_path: Path) -> Path:
    home = os.environ.get("PICOGPT_HOME")
    return Path(home).expanduser() / folder if home else platform_path


def bundled_dir() -> Path:
    """The models that ship inside the package."""
    return Path(__file__).parent / "bundled"


def models_dir() -> Path:
    """Model directories, one folder each (cache: can be fetched again)."""
    return _place("models", _DIRS.user_cache_path / "models")


def sessions_dir() -> Path:
    """Saved sessions, one JSON file each (data: cannot be fetched again)."""
    return _place("sessions", _DIRS.user_data_path / "sessions")


def settings_file() -> Path:
    """The settings that the program remembers and the user may edit."""
    return _place(".", _DIRS.user_config_path) / "settings.json"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: a temporary name in the same folder, flushed to disk, then replaced.

    Raises:
        FileError: the folder cannot be made or the file not written; what was there before is untouched.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise FileError("write", path, error) from error
