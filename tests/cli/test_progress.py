"""How far a download is: the line on a terminal, the lines in a log."""

from __future__ import annotations

import io
import sys

import pytest

from picogpt_tui.cli import progress as progress_module
from picogpt_tui.cli.output import n_cells
from picogpt_tui.cli.progress import line_of, telling, work_on
from picogpt_tui.events import DownloadProgress, Progress

BUSY = DownloadProgress("124M", "downloading", "huggingface.co", 6_231_000_000, 9_300_000_000, 11_000_000.0, 268.0)
STALLED = DownloadProgress("124M", "downloading", "h", 60, 100, 0.0, None, "no data for 12 s, trying again (2/6)")
LOOKING = DownloadProgress("124M", "looking up", "huggingface.co")
CHECKING = DownloadProgress("124M", "checking", "", 50_000_000, 100_000_000, 9.0)
QUANTIZING = work_on("124M", Progress("quantizing", 7, 148, "h.0.mlp.c_fc.weight"))
MEASURING = work_on("124M", Progress("measuring", 3, 11), "prefill of 64 tokens")


@pytest.mark.parametrize(
    "said, columns, line",
    [
        (BUSY, 79, "124M  67 % ▕███████████▍     ▏ 6.23 GB/9.30 GB    11 MB/s   4m 28s  downloading"),
        (BUSY, 60, "124M  67 % ▕███████▍   ▏ 6.23 GB/9.30 GB    11 MB/s   4m 28s"),
        (BUSY, 45, "124M  67 % ▕████▊  ▏ 6.23 GB/9.30 GB   4m 28s"),
        (BUSY, 30, "124M  67 % 6.23 GB/9.30 GB"),
        (BUSY, 9, "124M  67 "),
        (STALLED, 79, "124M  60 % ▕████████▍     ▏    60 B/100 B  no data for 12 s, trying again (2/6)"),
        (STALLED, 40, "124M  60 % 60 B/100 B  no data for 12 s,"),
        (LOOKING, 79, "124M  looking up huggingface.co"),
        (CHECKING, 79, "124M  50 % ▕███████████████               ▏   50 MB/100 MB  checking"),
        (QUANTIZING, 79, "124M   4 % ▕█▍                            ▏   7/148 tensors  quantizing"),
        (MEASURING, 79, "124M  27 % ▕██████▉                  ▏  3/11 measurements  prefill of 64 tokens"),
    ],
    ids=range(11),
)
def test_the_line_fits_and_drops_what_matters_least(said: DownloadProgress, columns: int, line: str) -> None:
    assert line_of(said, columns) == line


@pytest.mark.parametrize("columns", range(1, 130))
@pytest.mark.parametrize(
    "said",
    [BUSY, STALLED, LOOKING, CHECKING, QUANTIZING, MEASURING],
    ids=["busy", "stalled", "looking", "checking", "quantizing", "measuring"],
)
def test_it_never_wraps(said: DownloadProgress, columns: int) -> None:
    assert n_cells(line_of(said, columns)) <= columns


def test_a_terminal_without_blocks_gets_letters() -> None:
    assert line_of(CHECKING, 56, False) == "124M  50 % [#########         ]   50 MB/100 MB  checking"


def test_notes_and_names_cannot_act_on_the_terminal() -> None:
    evil = DownloadProgress("a\x1b[31m", "downloading", "h", 1, 2, note="b\x1b]0;\u202e\n")
    assert not {"\x1b", "\u202e", "\n"} & set(line_of(evil, 200))


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_written_over_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress_module, "_columns", lambda: 60)
    with telling() as teller:
        teller.show(BUSY)
        teller.show(LOOKING)
        teller.say("a line")
        teller.show(BUSY)
    said = terminal.getvalue()

    assert "\x1b" not in said
    assert all(n_cells(part) <= 59 for line in said.split("\n") for part in line.split("\r"))
    assert _screen(said) == ["a line", ""]


def _screen(said: str) -> list[str]:
    """What stands there in the end: a carriage return goes back, letters overwrite."""
    lines = []
    for row in said.split("\n"):
        cells: list[str] = []
        for part in row.split("\r"):
            cells[: len(part)] = part
        lines.append("".join(cells).rstrip())
    return lines


def test_a_log_tells_phases_tenths_and_troubles_once(capsys: pytest.CaptureFixture[str]) -> None:
    def at(percent: int, note: str = "") -> DownloadProgress:
        return DownloadProgress("124M", "downloading", "h", percent * 10_000, 1_000_000, 2e6, note=note)

    with telling() as teller:
        for step in (LOOKING, LOOKING, at(0), at(4), at(11), at(12), at(35), at(36, "model: no data for 4 s")):
            teller.show(step)
        for step in (at(36, "model: no data for 5 s"), at(36, "trying again (2/6)"), at(36, "trying again (3/6)")):
            teller.show(step)
        teller.show(CHECKING)
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err.splitlines() == [
        "124M: looking up huggingface.co",
        "124M: downloading",
        "124M: 11 % of 1.0 MB, 2.0 MB/s",
        "124M: 35 % of 1.0 MB, 2.0 MB/s",
        "124M: model: no data for 4 s",
        "124M: trying again (2/6)",
        "124M: trying again (3/6)",
        "124M: checking",
    ]
