"""Where models, sessions and settings live.

One environment variable, `PICOGPT_HOME`, moves all of them into one folder; without it the platform's own places are
used (https://pypi.org/project/platformdirs). Models are large, so their folder can be moved alone: by `PICOGPT_MODELS`,
or by `models_dir` in the settings. Nothing is created here: whoever writes makes the folder.
"""

from __future__ import annotations

import contextlib
import json
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
    if elsewhere := os.environ.get("PICOGPT_MODELS") or _models_dir_of_settings():
        with contextlib.suppress(RuntimeError):  # a `~` of nobody
            return Path(elsewhere).expanduser()
    return _place("models", _DIRS.user_cache_path / "models")


def int8_dir() -> Path:
    """Quantized models whose own folder is not ours to write in, one file each (cache: can be made again)."""
    return _place("int8", _DIRS.user_cache_path / "int8")


def sessions_dir() -> Path:
    """Saved sessions, one JSON file each (data: cannot be fetched again)."""
    return _place("sessions", _DIRS.user_data_path / "sessions")


def settings_file() -> Path:
    """The settings that the program remembers and the user may edit."""
    return _place(".", _DIRS.user_config_path) / "settings.json"


def added_file() -> Path:
    """Directories and repositories that the user added to the list of models."""
    return settings_file().with_name("models.json")


def _models_dir_of_settings() -> str:
    """The settings file is read here as well, because everybody asks where models are, also those who know no settings.

    Whoever reads the settings says what is wrong with them; here they are then as good as empty.
    """
    try:
        fields = json.loads(settings_file().read_text(encoding="utf-8"))
        place = fields.get("models_dir", "")
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""
    return place if isinstance(place, str) else ""


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
