"""A download in a line: what it says, at every width, and that nothing moves while its numbers grow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Downloaded, DownloadProgress, DownloadStopped, FileProgress
from picogpt_tui.tui.downloads import (
    FAILED,
    OFFERED,
    PAUSED,
    READY,
    RUNNING,
    STATES,
    Download,
    Segments,
    active_files,
    bar,
    file_line,
    note_line,
    total_line,
)

from .scripted import on_its_way

EVIL = "m\x1b[31m\u202e\n[bold]x[/]"
HALF = Download("124M", progress=on_its_way())
WIDTHS = (38, 40, 58, 60, 76, 78, 80, 99, 100, 118, 120, 198)


def text(line: Segments) -> str:
    return "".join(text for text, _ in line)


@pytest.mark.parametrize(
    "download, width, line",
    [
        (HALF, 40, "↓ 124M         downloading ██▎╌╌╌  37 % "),
        (HALF, 60, "↓ 124M         downloading ███▍╌╌╌╌╌  37 %     203 MB/548 MB"),
        (HALF, 80, "↓ 124M         downloading ███▍╌╌╌╌╌  37 %     203 MB/548 MB   9.1 MB/s     38 s"),
        (
            HALF,
            120,
            "↓ 124M                     downloading █████████████▊╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  37 % "
            "    203 MB/548 MB   9.1 MB/s     38 s",
        ),
        (replace(HALF, state=PAUSED), 40, "Ⅱ 124M         F6 goes on  ██▎╌╌╌  37 % "),
        (
            replace(HALF, state=PAUSED),
            80,
            "Ⅱ 124M         F6 goes on  ███▍╌╌╌╌╌  37 %     203 MB/548 MB                    ",
        ),
        (
            Download("124M"),
            80,
            "↓ 124M         looking up  ╌╌╌╌╌╌╌╌╌   0 %                                      ",
        ),
        (
            Download("124M", progress=on_its_way(phase="checking")),
            80,
            "↓ 124M         checking    ███▍╌╌╌╌╌  37 %     203 MB/548 MB                38 s",
        ),
        (Download("124M", state=READY), 40, "✓ 124M is here. F6 loads it"),
        (Download("124M", state=FAILED, sentence="The disk is full."), 40, "✗ The disk is full. F6 tries again"),
        (
            Download("124M", state=OFFERED, sentence="124M is not on this machine."),
            80,
            "↓ 124M is not on this machine. F6 downloads it",
        ),
        (
            Download("openai-community/gpt2"),
            60,
            "↓ openai-comm… looking up  ╌╌╌╌╌╌╌╌╌   0 %                  ",
        ),
        (Download("小さい小さい小さい"), 40, "↓ 小さい小さ … looking up  ╌╌╌╌╌╌   0 % "),
    ],
    ids=lambda value: f"{value.state} {value.name}" if isinstance(value, Download) else "",
)
def test_total_line(download: Download, width: int, line: str) -> None:
    assert text(total_line(download, width, "F6")) == line


@pytest.mark.parametrize(
    "file, width, line",
    [
        (FileProgress("config.json", "ready", 665, 665), 40, "  config.json                        ✓  "),
        (
            FileProgress("config.json", "ready", 665, 665),
            80,
            "  config.json                           ✓              665 B                    ",
        ),
        (
            FileProgress("model.safetensors", "downloading", 200, 400),
            40,
            "  model.safetensors        ███╌╌╌  50 % ",
        ),
        (
            FileProgress("model.safetensors", "downloading", 200, 400),
            80,
            "  model.safetensors        ████▌╌╌╌╌  50 %       200 B/400 B  downloading       ",
        ),
        (
            FileProgress("merges.txt", "downloading", 2_000, None),
            80,
            "  merges.txt               ╌╌╌╌╌╌╌╌╌   0 %            2.0 kB  downloading       ",
        ),
        (
            FileProgress("model.ckpt.data-00000-of-00001", "checking", 1, 1),
            60,
            "  model.ckpt.data-00000-o… █████████ 100 %           1 B/1 B",
        ),
    ],
    ids=lambda value: f"{value.name} {value.phase}" if isinstance(value, FileProgress) else "",
)
def test_file_line(file: FileProgress, width: int, line: str) -> None:
    assert text(file_line(file, width)) == line


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("key", ["F6", "CTRL+SHIFT+F12"])
@pytest.mark.parametrize("name", ["124M", "a" * 200, "小さい小さい小さい", EVIL])
def test_what_moves_is_as_wide_as_the_line(width: int, key: str, name: str) -> None:
    for state in (RUNNING, PAUSED):
        for progress in (None, on_its_way(name), on_its_way(name, phase="looking up")):
            assert cell_len(text(total_line(Download(name, None, state, progress), width, key))) == width
    for phase in ("waiting", "downloading", "checking", "ready"):
        for total in (None, 0, 548, 10**12):
            assert cell_len(text(file_line(FileProgress(name, phase, 17, total), width))) == width


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_moves_while_numbers_grow(width: int) -> None:
    """The words and the units stand where they stood, from the first byte to the last."""
    seen = set()
    for done, speed, eta in [
        (0, 0, None),
        (999, 999, 5),
        (10**7, 1e6, 61),
        (10**9, 9.9e8, 3599),
        (10**12, 1e10, 86400),
    ]:
        progress = DownloadProgress("124M", "downloading", "", done, 10**12, speed, eta)
        line = text(total_line(Download("124M", progress=progress), width, "F6"))
        seen.add((line.index("downloading"), line.index("%"), line.find("/s")))
    assert len(seen) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_the_percents_of_the_files_stand_under_that_of_the_total(width: int) -> None:
    total = text(total_line(HALF, width, "F6"))
    file = text(file_line(FileProgress("model.safetensors", "downloading", 3, 4), width))
    assert total.index("%") == file.index("%")


@pytest.mark.parametrize(
    "fraction, drawn",
    [(0, "╌╌╌╌"), (1e-9, "▏╌╌╌"), (0.5, "██╌╌"), (0.53, "██▏╌"), (1, "████"), (7, "████"), (-1, "╌╌╌╌")],
)
def test_bar(fraction: float, drawn: str) -> None:
    assert text(bar(fraction, 4)) == drawn


@pytest.mark.parametrize(
    "download, short",
    [
        (HALF, "↓ 124M  37 %"),
        (Download("124M"), "↓ 124M   0 %"),
        (replace(HALF, state=PAUSED), "Ⅱ 124M  37 %"),
        (replace(HALF, state=FAILED), "✗ 124M"),
        (replace(HALF, state=READY), "✓ 124M"),
        (replace(HALF, state=OFFERED), ""),
        (replace(HALF, name="openai-community/gpt2"), "↓ openai-communit…  37 %"),
        (replace(HALF, progress=on_its_way(done=547_999_999)), "↓ 124M  99 %"),
    ],
    ids=lambda value: value.state if isinstance(value, Download) else "",
)
def test_in_short(download: Download, short: str) -> None:
    """99.99 % is not all of it."""
    assert download.in_short == short


@pytest.mark.parametrize("state", STATES)
def test_no_state_says_what_a_terminal_would_obey(state: str) -> None:
    download = Download(EVIL, None, state, on_its_way(EVIL, note=EVIL, weights=EVIL), EVIL)
    assert download.progress is not None
    said = [total_line(download, 80, "F6"), *(file_line(file, 80) for file in download.progress.files)]
    for line in (*map(text, said), download.in_short, note_line(download)):
        assert not {"\x1b", "\u202e", "\n"} & set(line)


def test_an_event_changes_what_is_known() -> None:
    told = Download("124M").told(on_its_way(done=10))
    assert (told.state, told.progress) == (RUNNING, on_its_way(done=10))
    assert told.told(DownloadStopped("124M", 10, 20)).state == PAUSED
    assert told.told(Downloaded("124M", Path(), 1, 1)).state == READY


def test_the_files_under_work_are_two_at_most() -> None:
    files = tuple(FileProgress(name, "downloading", 1, 200) for name in "abc")
    progress = replace(on_its_way(), total=600, files=files)
    assert [file.name for file in active_files(Download("x", progress=progress))] == ["a", "b"]
    assert active_files(Download("x")) == []


def test_a_small_file_comes_and_goes_without_a_line() -> None:
    files = (FileProgress("merges.txt", "downloading", 0, 456_318), FileProgress("w", "downloading", 0, 548 * 10**6))
    progress = replace(on_its_way(), total=549 * 10**6, files=files)
    assert [file.name for file in active_files(Download("x", progress=progress))] == ["w"]


def test_a_note_is_shown_while_it_runs_only() -> None:
    download = Download("124M", progress=on_its_way(note="no data for 12 s"))
    assert note_line(download) == "no data for 12 s"
    assert note_line(replace(download, state=PAUSED)) == ""
