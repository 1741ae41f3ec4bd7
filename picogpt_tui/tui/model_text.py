"""What the models screen says of a model below its table: the details, and what can be done. Pure: no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from textual.content import Content

from picogpt_tui.events import FileProgress, Progress
from picogpt_tui.hub.registry import OPENAI, published
from picogpt_tui.hub.store import ADDED, BUNDLED_MODEL, PUBLISHED_SIZE, StoredModel, rest_bytes
from picogpt_tui.quantities import size_text
from picogpt_tui.settings import FLOAT32, INT8, PRECISIONS
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
from picogpt_tui.tui.precisions import Appraisal, other, suggested
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
_ROOMY = 70
_SPEED, _SHORT_SPEED = len("  about 1,234 tok/s"), len("  1,234 tok/s")


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
    precision: str = FLOAT32
    """What it would be loaded in."""
    in_use: str = FLOAT32
    """What it is loaded in, if it is the current one."""
    appraisal: Appraisal = field(default_factory=Appraisal)

    @property
    def can_use(self) -> bool:
        """Whether it can be loaded, and is not in use already as it would be."""
        return self.model.is_here and not (self.is_current and self.precision == self.in_use)

    @property
    def verified(self) -> str:
        """How much of its bytes was looked at."""
        looked = self.verifying
        return f"{100 * looked.done // max(1, looked.total):3d} %" if looked is not None else ""


def content(segments: Segments) -> Content:
    """Drawn pieces as Textual takes them."""
    return Content.assemble(*((text, STYLES[kind]) for text, kind in segments))


def memory_words(model: StoredModel, precision: str, room: Room) -> tuple[str, str]:
    """What it takes to run a model, and how that is drawn: more than there is has a sign besides its colour."""
    needed = model.memory.get(precision)
    if needed is None:
        return "?", QUIET
    is_too_much = room.memory_bytes is not None and needed > room.memory_bytes
    return f"{'! ' if is_too_much else ''}{size_text(needed)}", BAD if is_too_much else QUIET


def details(shown: Shown, room: Room, width: int) -> Content:
    """Everything about one model, the most wanted first; `width` cells at most where that is in our hands."""
    model = shown.model
    lines: list[Segments] = [[(one_line(model.name, 60), NUMBER), (f"  {_where(shown)}", NAME)]]
    lines += [_precision(one, shown, room, width) for one in PRECISIONS]
    lines += [[(text, QUIET)] for text in (_disk(shown, room), _shape(model), _origin(shown)) if text]
    lines += _news(shown, width)
    lines += _files(shown, width)
    return Content("\n").join(content(line) for line in lines)


def keys(shown: Shown) -> Sequence[tuple[str, str, str]]:
    """What can be done with a model: (key, action, word)."""
    model, download = shown.model, shown.download
    can: list[tuple[str, str, str]] = []
    if shown.can_use:
        can.append(("enter", "use", f"load in {shown.precision}" if shown.is_current else "use"))
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
    can += [("i", "precision", other(shown.precision)), ("a", "add", "add")]
    if model.path is not None:
        can.append(("y", "copy_path", "path"))
    return [*can, ("esc", "leave", "back")]


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


def _precision(precision: str, shown: Shown, room: Room, width: int) -> Segments:
    """What a model takes and how fast it would be in a precision; the chosen one is marked. Numbers in columns."""
    is_chosen, is_roomy = precision == shown.precision, width >= _ROOMY
    kind = NAME if is_chosen else QUIET
    memory, memory_kind = memory_words(shown.model, precision, room)
    speed = shown.appraisal.speeds.get(precision)
    words = "" if speed is None else f"{'about ' if is_roomy else ''}{_speed(speed)} tok/s"
    line: Segments = [
        ("▸ ", NUMBER) if is_chosen else ("  ", QUIET),
        (cells(precision, len(FLOAT32)), kind),
        (memory.rjust(11), kind if memory_kind == QUIET else memory_kind),
        (" of memory" if is_roomy else "", kind),
        (words.rjust(_SPEED if is_roomy else _SHORT_SPEED), kind),
    ]
    rest = width - sum(len(text) for text, _ in line)
    for index, tag in enumerate(_tags(precision, shown, is_too_much=memory_kind == BAD)):
        tag = f"{', ' if index else '   '}{tag}"
        if (rest := rest - len(tag)) < 0:
            break
        line.append((tag, kind))
    return line


def _tags(precision: str, shown: Shown, *, is_too_much: bool) -> list[str]:
    """What there is to say of a precision in words, the most wanted first."""
    tags = ["in use"] if shown.is_current and precision == shown.in_use else []
    tags += ["suggested"] if precision == INT8 == suggested(shown.model.name) else []
    return [*tags, *(["more than is free"] if is_too_much else [])]


def _speed(tokens_per_second: float) -> str:
    """A guess, and so with no more digits than it has."""
    return f"{tokens_per_second:,.0f}" if tokens_per_second >= 9.5 else f"{tokens_per_second:.2g}"


def _disk(shown: Shown, room: Room) -> str:
    """What there is to fetch, and what int8 would keep; a running download's own line says how much is to come."""
    if shown.download is not None and shown.download.is_running:
        return ""
    model, parts = shown.model, []
    if model.can_download and model.size_bytes:
        free = f" ({size_text(room.disk_bytes)} free)" if room.disk_bytes is not None else ""
        parts.append(f"{size_text(rest_bytes(model))} to fetch{free}")
    return "; ".join([*parts, *_copy(shown)])


def _copy(shown: Shown) -> list[str]:
    """Whether a model's int8 weights are in a file of their own, or will be; a blank where nobody knows yet."""
    model, has_copy = shown.model, shown.appraisal.has_copy
    copy_bytes = _copy_bytes(model)
    if model.kind == BUNDLED_MODEL or copy_bytes is None:
        return []
    if model.is_here and has_copy is None:
        return [" "]
    if model.is_here and has_copy:
        return [f"its int8 copy of {size_text(copy_bytes)} is kept"]
    return [f"int8 keeps a copy of {size_text(copy_bytes)}{'' if model.is_shared else ' beside the model'}"]


def _copy_bytes(model: StoredModel) -> int | None:
    """Of its int8 weights alone, about: what it takes to run but for the keys and values, which are float32 always."""
    if model.n_params is None or FLOAT32 not in model.memory or INT8 not in model.memory:
        return None
    return model.memory[INT8] - (model.memory[FLOAT32] - 4 * model.n_params)


def _news(shown: Shown, width: int) -> list[Segments]:
    """What happens to it now, or happened last."""
    download, model = shown.download, shown.model
    if shown.verifying is not None:
        share = shown.verifying.done / max(1, shown.verifying.total)
        bar_cells = max(8, min(40, width - 40))
        detail = cells(one_line(shown.verifying.detail, 40), max(0, width - bar_cells - len("checking  100 %  ")))
        return [[("checking ", NAME), *bar(share, bar_cells), (f" {shown.verified}  {detail}", QUIET)]]
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
