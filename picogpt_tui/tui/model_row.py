"""The models as text in a table: a title, a head, and a row for each, with the columns that find room. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.content import Content

from picogpt_tui.hub.store import BUNDLED_MODEL
from picogpt_tui.quantities import parameters_text, size_text
from picogpt_tui.tui.downloads import BAD, FAILED, GOOD, NAME, NUMBER, PAUSED, QUIET, Segments, bar
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.model_text import Room, Shown, content, memory_words
from picogpt_tui.visible import one_line

_EDGE = 3  # a blank on both sides, and the scrollbar
_STATE, _SHORT_NAME, _LONG_NAME = 18, 20, 40
SIZE, MEMORY, PARAMS, LICENCE, HOST = "size", "memory", "params", "licence", "host"
_COLUMNS = {SIZE: 10, MEMORY: 10, PARAMS: 8, LICENCE: 18, HOST: 18}  # the most wanted first


def title(models_dir: Path, room: Room) -> Content:
    """The first line: where models are kept, and what this machine has for them."""
    free = f" · {room.in_words} free" if room.in_words else ""
    place = f"  {one_line(_from_home(models_dir))}{free}"
    return Content.assemble((" Models ", "bold reverse $accent"), (place, "$foreground-muted"))


def _from_home(path: Path) -> str:
    """A path below the home directory in short."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # elsewhere, or there is no home
        return str(path)


def columns(width: int) -> tuple[int, Sequence[str]]:
    """How many cells a name has in a table on a screen of this width, and which columns besides it find room."""
    rest = width - _EDGE - len("▸   ") - _STATE - _SHORT_NAME
    shown: list[str] = []
    for column, needed in _COLUMNS.items():
        if needed > rest:
            break
        shown.append(column)
        rest -= needed
    return max(8, min(_LONG_NAME, _SHORT_NAME + rest)), shown


def head(width: int) -> str:
    """The line above the table."""
    name_cells, shown = columns(width)
    names = [cells("  name", name_cells + 2)]
    names += [name.rjust(_COLUMNS[name]) for name in (PARAMS, SIZE) if name in shown]
    names.append(cells("  state", _STATE + 2))
    names += [name.rjust(_COLUMNS[name]) for name in (MEMORY,) if name in shown]
    return "".join([*names, *(cells(f"  {name}", _COLUMNS[name]) for name in (LICENCE, HOST) if name in shown)])


def row(shown: Shown, room: Room, width: int) -> Content:
    """One model in one line, as wide as the head."""
    model = shown.model
    name_cells, names = columns(width)
    numbers = {
        PARAMS: parameters_text(model.n_params) if model.n_params else "?",
        SIZE: size_text(model.size_bytes) if model.size_bytes else "?",
    }
    words = {LICENCE: model.licence, HOST: model.host}
    line: Segments = [
        ("▸ ", NUMBER) if shown.is_current else ("  ", NAME),
        (cells(one_line(model.name, 60), name_cells), NAME if model.is_here else QUIET),
        *((numbers[name].rjust(_COLUMNS[name]), QUIET) for name in numbers if name in names),
        ("  ", QUIET),
        *_state(shown),
        *([_memory(shown, room)] if MEMORY in names else []),
        *((cells(f"  {one_line(words[name], 40)}", _COLUMNS[name]), QUIET) for name in words if name in names),
    ]
    return content(line)


def _state(shown: Shown) -> Segments:
    model, download = shown.model, shown.download
    if shown.verifying is not None:
        return [(cells(f"◌ checking {shown.verified}", _STATE), NUMBER)]
    if download is not None and download.is_running:
        if download.progress is None or download.progress.phase == "looking up":
            return [(cells("↓ looking up", _STATE), NUMBER)]
        return [("↓ ", NUMBER), *bar(download.fraction, 8), (cells(f" {download.percent:3d} %", _STATE - 10), NUMBER)]
    if download is not None and download.state == FAILED:
        how_far = f"stopped at {download.percent} %" if download.fraction else "failed"
        return [(cells(f"✗ {how_far}", _STATE), BAD)]
    if model.partial_bytes is not None:
        how = "paused" if download is not None and download.state == PAUSED else "partial"
        return [(cells(f"◐ {how}" if model.percent is None else f"◐ {how} {model.percent} %", _STATE), NUMBER)]
    if model.missing:
        return [(cells("◐ incomplete", _STATE), BAD)]
    if not model.is_here:
        return [(cells("○ not here", _STATE), QUIET)]
    how = "bundled" if model.kind == BUNDLED_MODEL else "shared" if model.is_shared else ""
    return [("● ", GOOD), (cells(f"here, {how}" if how else "here", _STATE - 2), NAME)]


def _memory(shown: Shown, room: Room) -> tuple[str, str]:
    words, kind = memory_words(shown.model, shown.precision, room)
    return words.rjust(_COLUMNS[MEMORY]), kind
