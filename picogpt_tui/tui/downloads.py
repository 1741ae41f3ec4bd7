"""What the app knows of a download, and how that is written in a line. Pure: no widget, no thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

from picogpt_tui.events import Downloaded, DownloadEvent, DownloadProgress, FileProgress
from picogpt_tui.tui.drawing import cells, eighths, size
from picogpt_tui.visible import one_line

OFFERED, RUNNING, PAUSED, FAILED, READY = STATES = ("offered", "running", "paused", "failed", "ready")
NAME, BAR, TRACK, QUIET, NUMBER, BAD, GOOD = "name", "bar", "track", "quiet", "number", "bad", "good"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_NAME_CELLS, _PHASE_CELLS, _SHARE_CELLS, _BYTES_CELLS, _SPEED_CELLS, _ETA_CELLS = 12, 12, 7, 17, 11, 9
_ROOM_FOR_BYTES, _ROOM_FOR_ALL = 40, 50
Segments = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Download:
    """One model on its way, or no longer.

    Attributes:
        name: the model.
        source: who is asked, None for the usual one.
        state: one of STATES: offered where the user wanted a model that is not here, and has not been asked yet.
        progress: what was told last, None before anything was.
        sentence: why it failed, or how much an offer is about.
    """

    name: str
    source: str | None = None
    state: str = RUNNING
    progress: DownloadProgress | None = None
    sentence: str = ""

    def told(self, event: DownloadEvent) -> Download:
        """The same after an event."""
        if isinstance(event, DownloadProgress):
            return replace(self, progress=event)
        return replace(self, state=READY if isinstance(event, Downloaded) else PAUSED)

    @property
    def fraction(self) -> float:
        """Of the bytes that are here."""
        progress = self.progress
        return min(1.0, progress.done / progress.total) if progress is not None and progress.total else 0.0

    @property
    def is_running(self) -> bool:
        """Whether bytes are on their way."""
        return self.state == RUNNING

    @property
    def in_short(self) -> str:
        """For the status bar."""
        name = one_line(self.name, 16)
        if self.state == RUNNING and self.progress is not None and self.progress.phase == "looking up":
            return f"↓ {name} …"
        signs = {OFFERED: "", PAUSED: "Ⅱ", FAILED: "✗", READY: "✓"}
        if self.state in (RUNNING, PAUSED):
            return f"{signs.get(self.state, '↓')} {name} {self.fraction * 100:.0f} %"
        return f"{signs[self.state]} {name}".strip() if self.state != OFFERED else ""


def duration(seconds: float) -> str:
    """How long, in at most seven cells: `12 s`, `4m 08s`, `1h 02m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}m {whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h {whole % 3600 // 60:02}m"


def bar(fraction: float, width: int) -> Segments:
    """A bar with eighth-block precision, `width` cells in all."""
    whole, part = divmod(eighths(fraction, width), 8)
    filled = "█" * whole + (_EIGHTHS[part] if part else "")
    return [(filled, BAR), ("╌" * (width - len(filled)), TRACK)]


def total_line(download: Download, width: int, key: str) -> Segments:
    """A download in one line of `width` cells: every number has its place, so nothing moves that need not.

    Args:
        download: it.
        width: of the line.
        key: what to press, where something is to be pressed.
    """
    if not download.is_running and download.state != PAUSED:
        return _waiting_line(download, key)
    progress = download.progress
    name = f"{cells(one_line(download.name, 40), _NAME_CELLS)} "
    done, total = (progress.done, progress.total) if progress is not None else (0, 0)
    if download.state == PAUSED:
        after: Segments = [(f"  {key}", NUMBER), (" goes on", QUIET)]
        return [("Ⅱ ", NUMBER), (name, NAME), *_gauge("paused", done, total, after, width - 3 - _NAME_CELLS)]
    phase = progress.phase if progress is not None else "looking up"
    speed = f"{size(progress.bytes_per_second)}/s" if progress is not None and phase == "downloading" else ""
    eta = duration(progress.eta_seconds) if progress is not None and progress.eta_seconds is not None else ""
    after = [(speed.rjust(_SPEED_CELLS), QUIET), (eta.rjust(_ETA_CELLS), QUIET)]
    return [("↓ ", NUMBER), (name, NAME), *_gauge(phase, done, total, after, width - 3 - _NAME_CELLS)]


def file_line(file: FileProgress, width: int) -> Segments:
    """One file in one line of `width` cells, its numbers under those of the total; no bar where all of it is here."""
    name = cells(f"  {one_line(file.name, 60)}", 3 + _NAME_CELLS + _PHASE_CELLS)
    rest = width - len(name)
    if file.phase == "ready":
        here = f"{size(file.done)} ".rjust(_SHARE_CELLS + _BYTES_CELLS + 1)
        return [(name, NAME), (here.rjust(max(0, rest - _SPEED_CELLS - _ETA_CELLS) + 1), QUIET), (" ✓", GOOD)]
    after: Segments = [(f"  {file.phase}", QUIET)]
    return [(name, NAME), *_gauge("", file.done, file.total, after, rest)]


def note_line(download: Download) -> str:
    """What is going wrong, in words; "" while nothing is."""
    progress = download.progress
    return one_line(progress.note, 200) if download.is_running and progress is not None else ""


def active_files(download: Download) -> list[FileProgress]:
    """The files that are worked on now, at most two."""
    files = download.progress.files if download.progress is not None else ()
    return [file for file in files if file.phase in ("downloading", "checking")][:2]


def _waiting_line(download: Download, key: str) -> Segments:
    """A mark, a sentence, and what to press."""
    if download.state == READY:
        return [
            ("✓ ", GOOD),
            (f"{one_line(download.name, 40)} is here.", NAME),
            (f" {key}", NUMBER),
            (" loads it", QUIET),
        ]
    if download.state == FAILED:
        return [("✗ ", BAD), (download.sentence, BAD), (f" {key}", NUMBER), (" tries again", QUIET)]
    return [("↓ ", NUMBER), (download.sentence, NAME), (f" {key}", NUMBER), (" downloads it", QUIET)]


def _gauge(phase: str, done: int, total: int | None, after: Segments, width: int) -> Segments:
    """Phase, bar, percent and bytes in their columns, then `after` in its own; the columns that find room."""
    share = min(1.0, done / total) if total else 0.0
    parts: Segments = [(f"{int(share * 100):4d} % ", NUMBER)]
    if width >= _ROOM_FOR_BYTES:
        amount = f"{size(done)}/{size(total)}" if total else ""
        parts.append((amount.rjust(_BYTES_CELLS), QUIET))
    if width >= _ROOM_FOR_ALL:
        used = sum(len(text) for text, _ in after)
        parts += [*after, (" " * (_SPEED_CELLS + _ETA_CELLS - used), QUIET)]
    before: Segments = [(cells(phase, _PHASE_CELLS), QUIET)] if phase else []
    used = sum(len(text) for text, _ in before + parts)
    return [*before, *bar(share, max(0, width - used)), *parts]
