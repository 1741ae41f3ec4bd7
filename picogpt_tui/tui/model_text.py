"""What the models screen says of a model: a row of the table, and the details below it. Pure: no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.content import Content

from picogpt_tui.events import FileProgress, Progress
from picogpt_tui.hub.registry import OPENAI, published
from picogpt_tui.hub.store import ADDED, BUNDLED_MODEL, PUBLISHED_SIZE, StoredModel, rest_bytes
from picogpt_tui.quantities import parameters_text, size_text
from picogpt_tui.tui.downloads import (
    BAD,
    BAR,
    FAILED,
    GOOD,
    NAME,
    NUMBER,
    PAUSED,
    QUIET,
    READY,
    TRACK,
    Download,
    Segments,
    bar,
    file_line,
    note_line,
    total_line,
)
from picogpt_tui.tui.drawing import cells
from picogpt_tui.visible import one_line

STYLES = {
    NAME: "$foreground",
    BAR: "$accent",
    TRACK: "$foreground-disabled",
    QUIET: "$foreground-muted",
    NUMBER: "bold $accent",
    BAD: "$error",
    GOOD: "$success",
}
_EDGE = 3  # a blank on both sides, and the scrollbar
_STATE, _SHORT_NAME, _LONG_NAME = 18, 20, 40
SIZE, MEMORY, PARAMS, LICENCE, HOST = "size", "memory", "params", "licence", "host"
_COLUMNS = {SIZE: 10, MEMORY: 10, PARAMS: 8, LICENCE: 18, HOST: 18}  # the most wanted first


@dataclass(frozen=True, slots=True)
class Room:
    """What this machine has."""

    memory_bytes: int | None
    """Free for a model; None where the system does not say."""
    disk_bytes: int | None

    @property
    def in_words(self) -> str:
        """Both, as far as they are known."""
        known = [(self.memory_bytes, "memory"), (self.disk_bytes, "disk")]
        return ", ".join(f"{size_text(n)} of {what}" for n, what in known if n is not None)


@dataclass(frozen=True, slots=True)
class Shown:
    """A model and all that is known of it now."""

    model: StoredModel
    is_current: bool
    download: Download | None = None
    verifying: Progress | None = None
    finding: str = ""
    source: str | None = None
    """Whom the user would have asked, None for the usual one."""


def content(segments: Segments) -> Content:
    """Drawn pieces as Textual takes them."""
    return Content.assemble(*((text, STYLES[kind]) for text, kind in segments))


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
        *(_memory(shown, room) if MEMORY in names else []),
        *((cells(f"  {one_line(words[name], 40)}", _COLUMNS[name]), QUIET) for name in words if name in names),
    ]
    return content(line)


def details(shown: Shown, room: Room, width: int) -> Content:
    """Everything about one model, the most wanted first; `width` cells at most where that is in our hands."""
    model = shown.model
    lines: list[Segments] = [[(one_line(model.name, 60), NUMBER), (f"  {_where(shown)}", NAME)]]
    lines += [[(text, QUIET)] for text in (_origin(shown), _shape(model), _needs(shown, room)) if text]
    lines += _news(shown, width)
    lines += _files(shown, width)
    return Content("\n").join(content(line) for line in lines)


def keys(shown: Shown) -> Sequence[tuple[str, str, str]]:
    """What can be done with a model: (key, action, word)."""
    model, download = shown.model, shown.download
    can: list[tuple[str, str, str]] = []
    if model.is_here and not shown.is_current:
        can.append(("enter", "use", "use"))
    if download is not None and download.is_running:
        can += [("p", "pause", "pause"), ("c", "cancel", "cancel")]
    elif model.can_download:
        begun = model.partial_bytes is not None or (download is not None and download.state == PAUSED)
        can.append(("enter", "use", "resume" if begun else "download"))
        if model.kind == PUBLISHED_SIZE and model.path is None and not begun:
            can.append(("s", "source", "other source"))
    if shown.verifying is not None:
        can.append(("c", "cancel", "cancel"))
    elif model.is_here:
        can.append(("v", "verify", "verify"))
        if model.manifest is not None:
            can.append(("r", "repair", "repair"))
    is_ours = model.path is not None and model.kind != BUNDLED_MODEL and not model.is_shared
    if (is_ours or model.kind == ADDED) and not shown.is_current and shown.verifying is None:
        can.append(("x", "remove", "delete"))
    can.append(("a", "add", "add"))
    if model.path is not None:
        can.append(("y", "copy_path", "copy path"))
    return [*can, ("esc", "leave", "back")]


def _state(shown: Shown) -> Segments:
    model, download = shown.model, shown.download
    if shown.verifying is not None:
        return [(cells(f"◌ checking {_percent(shown.verifying)}", _STATE), NUMBER)]
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


def _memory(shown: Shown, room: Room) -> Segments:
    needed = shown.model.memory_bytes
    if needed is None:
        return [("?".rjust(_COLUMNS[MEMORY]), QUIET)]
    is_too_much = room.memory_bytes is not None and needed > room.memory_bytes
    words = f"{'! ' if is_too_much else ''}{size_text(needed)}"
    return [(words.rjust(_COLUMNS[MEMORY]), BAD if is_too_much else QUIET)]


def _where(shown: Shown) -> str:
    model = shown.model
    if model.kind == BUNDLED_MODEL:
        return "in the package"
    if model.path is None:
        return "on its way" if shown.download is not None and shown.download.is_running else "not on this machine"
    return one_line(str(model.path), 300) + (" (the Hugging Face cache, used in place)" if model.is_shared else "")


def _origin(shown: Shown) -> str:
    """From where, which version, under which licence."""
    model, manifest = shown.model, shown.model.manifest
    if model.kind == BUNDLED_MODEL:
        return "trained on public-domain fairy tales, MIT licence"
    if manifest is not None:
        version = f" at {manifest.commit[:12]}" if manifest.commit else ""
        return one_line(f"from {manifest.host}: {manifest.repo}{version}; licence {manifest.licence}", 200)
    if model.kind == PUBLISHED_SIZE and not model.is_shared:
        is_original = shown.source == OPENAI
        source = "OpenAI's original TensorFlow checkpoint" if is_original else f"Hugging Face ({one_line(model.host)})"
        return f"from {source}; licence {model.licence}: https://github.com/openai/gpt-2/blob/master/LICENSE"
    return f"from {one_line(model.host, 60)}" if model.host else "a folder of yours"


def _shape(model: StoredModel) -> str:
    """What a published size is made of."""
    size_of = published(model.name)
    if size_of is None:
        return ""
    return f"{size_of.n_layer} layers, {size_of.n_embd:,} wide, a context of {size_of.n_ctx:,} tokens"


def _needs(shown: Shown, room: Room) -> str:
    """What it takes, and what there is."""
    model, parts = shown.model, []
    is_running = shown.download is not None and shown.download.is_running  # its own line says how much is to come
    if model.can_download and model.size_bytes and not is_running:
        parts.append(f"{size_text(rest_bytes(model))} to fetch{_free(room.disk_bytes)}")
    if model.memory_bytes is not None:
        parts.append(f"{size_text(model.memory_bytes)} of memory to run{_free(room.memory_bytes)}")
    return ", ".join(parts)


def _free(n_bytes: int | None) -> str:
    return f" ({size_text(n_bytes)} free)" if n_bytes is not None else ""


def _news(shown: Shown, width: int) -> list[Segments]:
    """What happens to it now, or happened last."""
    download, model = shown.download, shown.model
    if shown.verifying is not None:
        share = shown.verifying.done / max(1, shown.verifying.total)
        bar_cells = max(8, min(40, width - 40))
        detail = cells(one_line(shown.verifying.detail, 40), max(0, width - bar_cells - len("checking  100 %  ")))
        return [[("checking ", NAME), *bar(share, bar_cells), (f" {_percent(shown.verifying)}  {detail}", QUIET)]]
    if download is not None and download.state == FAILED:
        return [[(f"✗ {one_line(download.sentence, 400)}", BAD)]]
    if download is not None and (download.is_running or download.state == PAUSED):
        return _running(download, width)
    if shown.finding:
        return [[(shown.finding, BAD if shown.finding.startswith("✗") else GOOD)]]
    if model.missing:
        return [[(one_line(f"lacks {', '.join(model.missing)}", 200), BAD)]]
    return []


def _running(download: Download, width: int) -> list[Segments]:
    note = note_line(download)
    return [total_line(download, width, "p"), *([[(f"  {note}", BAD)]] if note else [])]


def _files(shown: Shown, width: int) -> list[Segments]:
    """Its files: bars while a download tells of them; size and digest where they are all here."""
    model, download = shown.model, shown.download
    if download is not None and download.progress is not None and download.state != READY:
        files = download.progress.files
        shown_files = files if download.is_running else [_at_rest(file) for file in files]
        return [file_line(file, width) for file in shown_files]
    if model.manifest is None or model.partial_bytes is not None:
        return []
    name_cells = max(8, min(30, width - 11))
    digest_cells = 28 if width >= name_cells + 11 + 28 else 0
    return [
        [
            (f"  {cells(one_line(file.name, 60), name_cells)}", NAME),
            (f"{size_text(file.size_bytes or 0):>9}", NAME),
            (cells(f"  {one_line(file.digest, 26)}", digest_cells), QUIET),
        ]
        for file in model.manifest.files
    ]


def _at_rest(file: FileProgress) -> FileProgress:
    return file if file.phase == "ready" else replace(file, phase="waiting")


def _percent(progress: Progress) -> str:
    return f"{100 * progress.done // max(1, progress.total):3d} %"
