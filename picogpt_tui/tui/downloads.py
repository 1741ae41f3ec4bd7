"""What the app knows of a download, and how that is written in a line. Pure: no widget, no thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.cells import cell_len

from picogpt_tui.events import Downloaded, DownloadEvent, DownloadProgress, FileProgress
from picogpt_tui.quantities import duration_text, size_text
from picogpt_tui.tui.drawing import cells, eighths
from picogpt_tui.visible import one_line

OFFERED, RUNNING, PAUSED, FAILED, READY = STATES = ("offered", "running", "paused", "failed", "ready")
NAME, BAR, TRACK, QUIET, NUMBER, BAD, GOOD = "name", "bar", "track", "quiet", "number", "bad", "good"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_PHASE_CELLS, _BYTES_CELLS, _SPEED_CELLS, _ETA_CELLS = 12, 17, 11, 9
_AFTER_CELLS = _SPEED_CELLS + _ETA_CELLS
_ROOM_FOR_BYTES, _ROOM_FOR_ALL, _ROOM_FOR_LONG_NAMES = 30, 49, 100
_WORTH_A_LINE = 0.02  # of all bytes
_SIGNS = {RUNNING: "↓", OFFERED: "↓", PAUSED: "Ⅱ", FAILED: "✗", READY: "✓"}
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
    def percent(self) -> int:
        """Of the bytes that are here; 100 only when all are."""
        return int(self.fraction * 100)

    @property
    def is_running(self) -> bool:
        """Whether bytes are on their way."""
        return self.state == RUNNING

    @property
    def in_short(self) -> str:
        """For the status bar; as wide at 100 % as at 0, and nothing for a mere offer."""
        if self.state == OFFERED:
            return ""
        name = one_line(self.name, 24)
        short = f"{_SIGNS[self.state]} {cells(name, 16) if cell_len(name) > 16 else name}"
        return f"{short} {self.percent:3d} %" if self.state in (RUNNING, PAUSED) else short


def bar(fraction: float, width: int) -> Segments:
    """A bar with eighth-block precision, `width` cells in all."""
    whole, part = divmod(eighths(fraction, width), 8)
    filled = "█" * whole + (_EIGHTHS[part] if part else "")
    return [(filled, BAR), ("╌" * (width - len(filled)), TRACK)]


def total_line(download: Download, width: int, key: str) -> Segments:
    """A download in one line of `width` cells: every number has its place, so nothing moves that need not.

    What does not run is told in a sentence, as long as it is.

    Args:
        download: it.
        width: of the line.
        key: what to press, where something is to be pressed.
    """
    if not download.is_running and download.state != PAUSED:
        return _waiting_line(download, key)
    progress = download.progress
    done, total = (progress.done, progress.total) if progress is not None else (0, 0)
    name = cells(one_line(download.name, 40), _name_cells(width))
    before: Segments = [(f"{_SIGNS[download.state]} ", NUMBER), (f"{name} ", NAME)]
    rest = width - _name_cells(width) - _PHASE_CELLS - len("↓  ")
    if download.state == PAUSED:
        key = key[:_PHASE_CELLS]
        goes_on: Segments = [(key, NUMBER), (cells(" goes on", _PHASE_CELLS - len(key)), QUIET)]
        return [*before, *goes_on, *_gauge(done, total, [], rest)]
    phase = progress.phase if progress is not None else "looking up"
    speed = f"{size_text(progress.bytes_per_second)}/s" if progress is not None and phase == "downloading" else ""
    eta = duration_text(progress.eta_seconds) if progress is not None and progress.eta_seconds is not None else ""
    after: Segments = [(speed.rjust(_SPEED_CELLS) + eta.rjust(_ETA_CELLS), QUIET)]
    return [*before, (cells(phase, _PHASE_CELLS), QUIET), *_gauge(done, total, after, rest)]


def file_line(file: FileProgress, width: int) -> Segments:
    """One file in one line of `width` cells, its numbers under those of the total; no bar where all of it is here."""
    name_cells = _name_cells(width) + _PHASE_CELLS + len("↓ ")
    name: Segments = [(cells(f"  {one_line(file.name, 60)}", name_cells) + " ", NAME)]
    rest = width - name_cells - len(" ")
    if file.phase == "ready":
        return [*name, *_numbers(("    ✓  ", GOOD), size_text(file.done), [], rest)]
    return [*name, *_gauge(file.done, file.total, [(f"  {file.phase}", QUIET)], rest)]


def note_line(download: Download) -> str:
    """What is going wrong, in words; "" while nothing is."""
    progress = download.progress
    return one_line(progress.note, 200) if download.is_running and progress is not None else ""


def active_files(download: Download) -> list[FileProgress]:
    """The files that are worked on now, at most two; a small one is not worth a line that comes and goes in a blink."""
    progress = download.progress
    if progress is None:
        return []
    worth_bytes = progress.total * _WORTH_A_LINE
    active = (file for file in progress.files if file.phase in ("downloading", "checking"))
    return [file for file in active if (file.total or file.done) >= worth_bytes][:2]


def _name_cells(width: int) -> int:
    return 12 if width < _ROOM_FOR_LONG_NAMES else 24


def _waiting_line(download: Download, key: str) -> Segments:
    """A mark, a sentence, and what to press."""
    sentence, kind, mark_kind, what = {
        READY: (f"{one_line(download.name, 40)} is here.", NAME, GOOD, "loads it"),
        FAILED: (download.sentence, BAD, BAD, "tries again"),
        OFFERED: (download.sentence, NAME, NUMBER, "downloads it"),
    }[download.state]
    mark = f"{_SIGNS[download.state]} "
    return [(mark, mark_kind), (one_line(sentence, 400), kind), (f" {key}", NUMBER), (f" {what}", QUIET)]


def _gauge(done: int, total: int | None, after: Segments, width: int) -> Segments:
    """A bar and its numbers, `width` cells in all."""
    share = min(1.0, done / total) if total else 0.0
    amount = f"{size_text(done)}/{size_text(total)}" if total else size_text(done) if done else ""
    numbers = _numbers((f"{int(share * 100):4d} % ", NUMBER), amount, after, width)
    rest = len(numbers[0][0])  # of blanks, which the bar takes
    return [*bar(share, rest), *numbers[1:]]


def _numbers(share: tuple[str, str], amount: str, after: Segments, width: int) -> Segments:
    """Blanks, a share, bytes, and what comes after: each in its column, those that find room."""
    columns = [share]
    if width >= _ROOM_FOR_BYTES:
        columns.append((amount.rjust(_BYTES_CELLS), QUIET))
    if width >= _ROOM_FOR_ALL:
        used = sum(len(text) for text, _ in after)
        columns += [*after, (" " * (_AFTER_CELLS - used), QUIET)]
    used = sum(len(text) for text, _ in columns)
    return [(" " * (width - used), QUIET), *columns]
