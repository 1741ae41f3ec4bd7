"""What the models screen says of a model: a row of the table, and the details below it. Pure: no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.content import Content

from picogpt_tui.events import FileProgress, Progress
from picogpt_tui.hub.registry import OPENAI, published
from picogpt_tui.hub.store import ADDED, BUNDLED_MODEL, PUBLISHED_SIZE, StoredModel
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
from picogpt_tui.tui.drawing import cells, parameters, size
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
ROOMY = 100
_NAME, _PARAMS, _SIZE, _STATE, _MEMORY, _LICENCE = 20, 8, 10, 18, 10, 16


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
        return ", ".join(f"{size(n)} of {what}" for n, what in known if n is not None)


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


def head(width: int) -> str:
    """The line above the table."""
    names = [
        cells("  name", _NAME + 2),
        *map(str.rjust, ("params", "size"), (_PARAMS, _SIZE)),
        cells("  state", _STATE + 2),
    ]
    names.append("memory".rjust(_MEMORY))
    if width >= ROOMY:
        names += ["  ", cells("licence", _LICENCE), "  host"]
    return "".join(names)


def row(shown: Shown, room: Room, width: int) -> Content:
    """One model in one line."""
    model = shown.model
    mark = ("▸ ", NUMBER) if shown.is_current else ("  ", NAME)
    params = parameters(model.n_params) if model.n_params else "?"
    how_large = size(model.size_bytes) if model.size_bytes else "?"
    line: Segments = [
        mark,
        (cells(one_line(model.name, 60), _NAME), NAME if model.is_here else QUIET),
        (params.rjust(_PARAMS), QUIET),
        (how_large.rjust(_SIZE), QUIET),
        ("  ", QUIET),
        *_state(shown),
        *_memory(shown, room),
    ]
    if width >= ROOMY:
        line += [("  ", QUIET), (cells(model.licence, _LICENCE), QUIET), (f"  {one_line(model.host, 40)}", QUIET)]
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
        if model.kind == PUBLISHED_SIZE and not begun:
            can.append(("s", "source", "other source"))
    if model.is_here:
        can.append(("v", "verify", "verify"))
        if model.manifest is not None:
            can.append(("r", "repair", "repair"))
    if (model.path is not None and model.kind != BUNDLED_MODEL) or model.kind == ADDED:
        can.append(("x", "remove", "delete"))
    can.append(("a", "add", "add"))
    if model.path is not None:
        can.append(("y", "copy_path", "copy path"))
    return [*can, ("esc", "dismiss(None)", "back")]


def _state(shown: Shown) -> Segments:
    model, download = shown.model, shown.download
    if shown.verifying is not None:
        return [(cells(f"◌ checking {_percent(shown.verifying)}", _STATE), NUMBER)]
    if download is not None and download.is_running:
        phase = download.progress.phase if download.progress else "looking up"
        text = phase if phase == "looking up" else f"{int(download.fraction * 100)} %"
        return [("↓ ", NUMBER), *bar(download.fraction, 8), (cells(f" {text}", _STATE - 10), NUMBER)]
    if download is not None and download.state == FAILED:
        how_far = f"stopped at {int(download.fraction * 100)} %" if download.fraction else "failed"
        return [(cells(f"✗ {how_far}", _STATE), BAD)]
    if model.partial_bytes is not None:
        percent = 100 * model.partial_bytes // max(1, model.size_bytes)
        is_paused = download is not None and download.state == PAUSED
        return [(cells(f"◐ {'paused' if is_paused else 'partial'} {percent} %", _STATE), NUMBER)]
    if model.missing:
        return [(cells("◐ incomplete", _STATE), BAD)]
    if not model.is_here:
        return [(cells("○ not here", _STATE), QUIET)]
    how = "bundled" if model.kind == BUNDLED_MODEL else "shared" if model.is_shared else ""
    return [("● ", GOOD), (cells(f"here, {how}" if how else "here", _STATE - 2), NAME)]


def _memory(shown: Shown, room: Room) -> Segments:
    needed = shown.model.memory_bytes
    if needed is None:
        return [("?".rjust(_MEMORY), QUIET)]
    is_too_much = room.memory_bytes is not None and needed > room.memory_bytes
    return [(f"{'! ' if is_too_much else ''}{size(needed)}".rjust(_MEMORY), BAD if is_too_much else QUIET)]


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
        source = "OpenAI's original TensorFlow checkpoint" if shown.source == OPENAI else f"Hugging Face ({model.host})"
        return f"from {source}; licence {model.licence}: https://github.com/openai/gpt-2/blob/master/LICENSE"
    return f"from {model.host}" if model.host else "a folder of yours"


def _shape(model: StoredModel) -> str:
    """What a published size is made of."""
    size_of = published(model.name)
    if size_of is None:
        return ""
    return f"{size_of.n_layer} layers, {size_of.n_embd:,} wide, a context of {size_of.n_ctx:,} tokens"


def _needs(shown: Shown, room: Room) -> str:
    parts = []
    if shown.model.can_download and shown.model.size_bytes:
        rest = shown.model.size_bytes - (shown.model.partial_bytes or 0)
        parts.append(f"{size(rest)} to fetch")
    if shown.model.memory_bytes is not None:
        parts.append(f"{size(shown.model.memory_bytes)} of memory to run")
    free = f" ({room.in_words} free)" if room.in_words else ""
    return f"{', '.join(parts)}{free}" if parts else ""


def _news(shown: Shown, width: int) -> list[Segments]:
    """What happens to it now, or happened last."""
    download, model = shown.download, shown.model
    if shown.verifying is not None:
        share = shown.verifying.done / max(1, shown.verifying.total)
        text = f" {_percent(shown.verifying)}  {one_line(shown.verifying.detail, 40)}"
        return [[("checking ", NAME), *bar(share, max(8, min(40, width - 40))), (text, QUIET)]]
    if download is not None and download.state == FAILED:
        return [[(f"✗ {download.sentence}", BAD)]]
    if download is not None and (download.is_running or download.state == PAUSED):
        return _running(download, width)
    if shown.finding:
        return [[(shown.finding, BAD if shown.finding.startswith("✗") else GOOD)]]
    if model.missing:
        return [[(f"lacks {', '.join(model.missing)}", BAD)]]
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
    return [
        [
            (f"  {cells(one_line(file.name, 60), 30)}", NAME),
            (f"{size(file.size_bytes or 0):>9}", NAME),
            (f"  {file.digest[:26]}", QUIET),
        ]
        for file in model.manifest.files
    ]


def _at_rest(file: FileProgress) -> FileProgress:
    return file if file.phase == "ready" else replace(file, phase="waiting")


def _percent(progress: Progress) -> str:
    return f"{100 * progress.done // max(1, progress.total)} %"
