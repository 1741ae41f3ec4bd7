"""An app without a clock: what happens, happens at once."""

from __future__ import annotations

import pytest
from textual import _wait

from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.hub import disk, memory
from picogpt_tui.session import expected_speed
from picogpt_tui.tui import jobs, keyboard
from picogpt_tui.tui.batches import in_batches
from picogpt_tui.tui.widgets import stage

_OF_THE_HUB = (
    "PICOGPT_MODELS",
    "PICOGPT_OPENAI_URL",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "HF_TOKEN",
)


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token is shown when it comes, and nothing of the terminal outside gets in."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM", *_OF_THE_HUB):
        monkeypatch.delenv(name, raising=False)
    # Textual waits after each key until nothing has happened for 20 ms; 2 ms say the same, and 400 tests are quick
    monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", 0.002, raising=False)
    monkeypatch.setattr(_wait, "SLEEP_IDLE", 0.0001, raising=False)
    monkeypatch.setattr(stage, "_PANEL_SECONDS", 0.0)
    monkeypatch.setattr(keyboard, "_BURST_SECONDS", 0.001)  # a test's keys are 2 ms apart, and no paste
    monkeypatch.setattr(keyboard, "_HOLD_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "in_batches", lambda events, clock: in_batches(events, clock, 0.0))
    monkeypatch.setattr(memory, "available_bytes", lambda: 5_000_000_000)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 80_000_000_000)
    monkeypatch.setattr(expected_speed, "weights_per_second", lambda: 4.4e9)
    monkeypatch.setattr(expected_speed, "find_spec", lambda name: name)  # as if numba were there
    monkeypatch.setattr(KERNEL, "prepare", lambda: None)  # and took no time to compile anything
    monkeypatch.setattr(KERNEL, "trouble", "")  # whatever a test before this has found out
