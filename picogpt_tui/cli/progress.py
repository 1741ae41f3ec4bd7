"""How far a download or other work is: a line drawn anew on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Protocol

import click

from picogpt_tui.cli.exits import note
from picogpt_tui.cli.output import bar, n_cells, write_json
from picogpt_tui.events import DownloadProgress, Progress
from picogpt_tui.quantities import duration_text, size_text
from picogpt_tui.visible import one_line

_LONGEST_BAR, _SHORTEST_BAR, _EDGES = 30, 6, 2
_LONGEST_NAME = 40
_USUAL_COLUMNS = 80
_ECHO_CELLS = 2  # the terminal writes ^C behind the line, and must not break it
_SECONDS = re.compile(r"\d+ s\b")
_COUNTED = {
    "quantizing": "tensors",
    "measuring": "measurements",
    "scoring": "tokens",
    "reading the prompt": "tokens",
    "looking at every layer": "cells",
}
"""What is counted in phases where that is not bytes."""


class Teller(Protocol):
    """Who tells a person or a program how far it is."""

    def show(self, progress: DownloadProgress) -> None:
        """It is so far now."""

    def say(self, text: str) -> None:
        """A line to the person at the terminal."""


def work_on(name: str, step: Progress, note: str = "") -> DownloadProgress:
    """Work on a model that is here, told as a download is."""
    return DownloadProgress(name, step.phase, "", step.done, step.total, note=note)


@contextlib.contextmanager
def telling(*, as_json: bool = False) -> Iterator[Teller]:
    """The one who fits this terminal; at the end nothing half drawn is left."""
    if as_json:
        yield _Json()
    elif sys.stderr.isatty():
        line = _Line()
        try:
            yield line
        finally:
            line.clear()
    else:
        yield _Log()


class _Json:
    """A JSON object on stdout for everything that happens."""

    def show(self, progress: DownloadProgress) -> None:
        fields = asdict(progress)
        del fields["name"]
        write_json({"event": "progress"} | fields)

    def say(self, text: str) -> None:
        note(text)


class _Line:
    """One line on a terminal: written over in one go, so that it does not flicker, and without escape sequences."""

    def __init__(self) -> None:
        self._drawn_cells = 0

    def show(self, progress: DownloadProgress) -> None:
        columns = _columns() - 1 - _ECHO_CELLS
        self._draw(line_of(progress, columns, _has_blocks()), min(self._drawn_cells, columns))

    def say(self, text: str) -> None:
        self.clear()
        note(text)

    def clear(self) -> None:
        """Leave an empty line, the cursor at its beginning."""
        if self._drawn_cells:
            self._draw("", min(self._drawn_cells + _ECHO_CELLS, _columns() - 1))
            click.echo("\r", err=True, nl=False)

    def _draw(self, line: str, over_cells: int) -> None:
        cells = n_cells(line)
        click.echo(f"\r{line}{' ' * (over_cells - cells)}", err=True, nl=False)
        self._drawn_cells = cells


class _Log:
    """Plain lines into a file or a pipe: when a phase begins, at every tenth, and when something goes wrong."""

    def __init__(self) -> None:
        self._phase, self._note, self._tenth = "", "", 0

    def show(self, progress: DownloadProgress) -> None:
        name, tenth, speed = one_line(progress.name, _LONGEST_NAME), _percent(progress) // 10, _speed(progress)
        if progress.phase != self._phase:
            where = f" {one_line(progress.host, 100)}" if progress.phase == "looking up" else ""
            note(f"{name}: {progress.phase}{where}")
            self._phase, self._tenth = progress.phase, tenth
        elif progress.phase == "downloading" and tenth > self._tenth:
            note(f"{name}: {_percent(progress)} % of {size_text(progress.total)}{', ' * bool(speed)}{speed}")
            self._tenth = tenth
        what = _SECONDS.sub("", progress.note)  # seconds that are counted are no news
        if what != self._note:
            self._note = what
            if what:
                note(f"{name}: {one_line(progress.note)}")

    def say(self, text: str) -> None:
        note(text)


def line_of(progress: DownloadProgress, columns: int, has_blocks: bool = True) -> str:
    """A progress in at most so many cells; what matters least goes first where they are few.

    Example:
        `124M  67 % ▕███████▏   ▏ 6.23 GB/9.30 GB   11 MB/s   4m 28s  downloading`
    """
    name, said = one_line(progress.name, _LONGEST_NAME), one_line(progress.note)
    if not progress.total:
        return _cut(f"{name}  {progress.phase} {said or one_line(progress.host, 100)}", columns)
    head = f"{name} {_percent(progress):>3} % "
    amount = _amount(progress)
    eta = "" if progress.eta_seconds is None else f"  {duration_text(progress.eta_seconds):>7}"
    speed, phase = f"{_speed(progress):>11}" if _speed(progress) else "", f"  {progress.phase}"
    tails = [f"  {said}"] if said else [speed + eta + phase, speed + eta, eta, ""]
    room = columns - n_cells(head) - n_cells(amount)
    tail = next((one for one in tails if n_cells(one) <= room - _SHORTEST_BAR - _EDGES), tails[-1])
    bar_cells = min(_LONGEST_BAR, room - n_cells(tail) - _EDGES)
    if bar_cells < _SHORTEST_BAR:
        return _cut(f"{head}{amount.strip()}{tail}", columns)
    return head + _bar(progress.done / progress.total, bar_cells, has_blocks) + amount + tail


def _percent(progress: DownloadProgress) -> int:
    return 100 * min(progress.done, progress.total) // progress.total if progress.total else 0


def _amount(progress: DownloadProgress) -> str:
    """As wide as the longest, so that the bar does not tremble."""
    if unit := _COUNTED.get(progress.phase):
        return f" {progress.done:>{len(str(progress.total))}}/{progress.total} {unit}"
    return f" {size_text(progress.done):>7}/{size_text(progress.total)}"


def _speed(progress: DownloadProgress) -> str:
    is_moving = progress.phase == "downloading" and progress.bytes_per_second > 0
    return f"{size_text(progress.bytes_per_second)}/s" if is_moving else ""


def _bar(fraction: float, cells: int, has_blocks: bool) -> str:
    fraction = min(1.0, fraction)
    if not has_blocks:
        return f"[{'#' * int(fraction * cells):<{cells}}]"
    return f"▕{bar(fraction, cells):<{cells}}▏"


def _cut(text: str, columns: int) -> str:
    while n_cells(text) > columns:
        text = text[:-1]
    return text


def _columns() -> int:
    """Of the terminal on stderr, which may have been dragged since the last line."""
    with contextlib.suppress(OSError, ValueError):
        if columns := os.get_terminal_size(sys.stderr.fileno()).columns:
            return columns
    return _USUAL_COLUMNS


def _has_blocks() -> bool:
    try:
        "▕█▏".encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
