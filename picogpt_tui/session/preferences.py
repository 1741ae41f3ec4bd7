"""The settings that the program remembers between starts, in one JSON file that a person may edit.

A damaged file is kept aside under another name and told of; a single bad value falls back to its default and is told
of; the rest is used. Nothing a user wrote is ever lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from picogpt_tui import paths
from picogpt_tui.errors import FileError, PicoGPTError
from picogpt_tui.hub.registry import DEFAULT
from picogpt_tui.session.chat import COMPLETE, MODES, ChatTemplate
from picogpt_tui.settings import PRECISIONS, GenerationSettings, SamplingSettings
from picogpt_tui.visible import one_line


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the program remembers."""

    model: str = DEFAULT
    theme: str = "picogpt-ink"
    mode: str = COMPLETE
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    template: ChatTemplate = field(default_factory=ChatTemplate)
    panels: tuple[str, ...] = ("next", "tokens", "sampling")
    """The panels shown beside the transcript."""
    live: bool = False
    """Whether the prompt is read while it is typed."""
    colour: str = "surprisal"
    """What the explorer colours the text by."""
    view: str = "sampler"
    """The view that is open in the explorer, "" for none."""
    keys: dict[str, str] = field(default_factory=dict)
    """Command id -> keys, comma separated, in place of the default ones."""
    precisions: dict[str, str] = field(default_factory=dict)
    """Model name -> what it is loaded in, where the user chose another than is suggested."""
    models_dir: str = ""
    """Where models are kept, "" for the platform's place; `paths.models_dir` reads it."""
    unused: dict[str, Any] = field(default_factory=dict)
    """What stands in the file and cannot be used; it is written back, so that nothing a user wrote is lost."""

    def changed(self, **changes: Any) -> Preferences:
        """The same with other values; what stood in their place unused is gone."""
        unused = {name: value for name, value in self.unused.items() if name not in changes}
        return replace(self, **changes, unused=unused)


def load(path: Path | None = None) -> tuple[Preferences, list[str]]:
    """Read the settings file.

    Returns:
        The preferences, and sentences about what could not be used.
    """
    path = path or paths.settings_file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Preferences(), []
    except (OSError, UnicodeDecodeError) as error:
        return Preferences(), [_set_aside(path, str(error))]
    try:
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise TypeError(f"it holds a {type(fields).__name__}, not an object")
    except (ValueError, TypeError, RecursionError) as error:
        return Preferences(), [_set_aside(path, str(error))]
    return _from_fields(fields, path)


def save(preferences: Preferences, path: Path | None = None) -> None:
    """Write the settings file.

    Raises:
        FileError: it cannot be written.
    """
    generation = asdict(preferences.generation)
    fields = asdict(preferences) | {"generation": {name: generation[name] for name in _REMEMBERED}}
    fields |= fields.pop("unused")
    paths.write_whole(path or paths.settings_file(), json.dumps(fields, indent=2) + "\n")


_REMEMBERED = ("sampling", "max_tokens", "seed", "when_full", "prompt_lookup")


def _set_aside(path: Path, why: str) -> str:
    """Keep a damaged file under another name; says where, in one sentence."""
    stem = f"{path.name}.damaged-{datetime.now():%Y%m%d-%H%M%S}"
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    aside = next(free for free in map(path.with_name, names) if not os.path.lexists(free))
    try:
        os.replace(path, aside)
    except OSError as error:
        return f"Settings could not be read ({one_line(why, 80)}): {FileError('move', path, error)} Defaults are used."
    return f"Settings could not be read ({one_line(why, 80)}); the file is kept as {aside} and defaults are used."


def _from_fields(fields: dict[str, Any], path: Path) -> tuple[Preferences, list[str]]:
    preferences, notices = Preferences(), []
    for name, value in fields.items():
        read = _READERS.get(name)
        try:
            if read is None:
                raise ValueError("no setting has that name")
            preferences = replace(preferences, **{name: read(value)})
        except (PicoGPTError, ValueError, TypeError, KeyError, AttributeError) as error:
            preferences.unused[name] = value
            why = one_line(str(error).rstrip("."), 120)
            notices.append(f"{path}: {one_line(name, 40)!r} cannot be used: {why}.")
    return preferences, notices


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected a text, got {value!r}")
    return value


def _mode(value: Any) -> str:
    if value not in MODES:
        raise ValueError(f"expected one of {', '.join(MODES)}, got {value!r}")
    return str(value)


def _generation(value: Any) -> GenerationSettings:
    unknown = set(value) - set(_REMEMBERED)
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}")
    return GenerationSettings(**(value | {"sampling": SamplingSettings(**value.get("sampling", {}))}))


def _template(value: Any) -> ChatTemplate:
    if not isinstance(value["stop"], list):  # a text would be taken letter by letter
        raise TypeError(f"expected a list of texts for stop, got {value['stop']!r}")
    return ChatTemplate(_text(value["text"]), tuple(map(_text, value["stop"])))


def _panels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or any(panel not in Preferences().panels for panel in value):
        raise ValueError(f"expected some of {', '.join(Preferences().panels)}, got {value!r}")
    return tuple(value)


def _perhaps_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value


def _keys(value: Any) -> dict[str, str]:
    return {_text(id): str(keys) for id, keys in value.items()}


def _precision(value: Any) -> str:
    if value not in PRECISIONS:
        raise ValueError(f"expected {' or '.join(PRECISIONS)} for a model, got {value!r}")
    return str(value)


def _precisions(value: Any) -> dict[str, str]:
    return {_text(name): _precision(precision) for name, precision in value.items()}


_READERS: dict[str, Callable[[Any], Any]] = {
    "model": _text,
    "theme": _text,
    "mode": _mode,
    "generation": _generation,
    "template": _template,
    "panels": _panels,
    "live": _yes_or_no,
    "colour": _text,
    "view": _perhaps_text,
    "keys": _keys,
    "precisions": _precisions,
    "models_dir": _perhaps_text,
}
