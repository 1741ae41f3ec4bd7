"""The app's own way to download, from a hub on this machine: it comes, is kept when one leaves, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.hub.manifest import UNFINISHED
from picogpt_tui.tui.model_jobs import Fetcher

from ..gpt2.checkpoints import write_model
from ..hub.loopback import Loopback
from .playing import playing
from .scripted import ScriptedModel, scripted_or_real

REPO = "owner/model"
N_FIRST = 1000


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Loopback]:
    """A hub that has one tiny model."""
    files = write_model(tmp_path / "published")
    with Loopback() as net:
        net.add_repo(REPO, {file.name: file for file in files.iterdir()})
        monkeypatch.setenv("HF_ENDPOINT", net.endpoint)
        yield net
        net.release()


async def test_a_repository_is_added_fetched_and_played(net: Loopback) -> None:
    async with playing(opener=scripted_or_real, fetch=Fetcher()) as play:
        await play.models()
        await play.press("a")
        await play.paste(REPO)
        await play.press("enter")
        await play.go_to(REPO)
        await play.press("enter")
        await play.until(lambda: "● here" in play.line(REPO))
        assert "from 127.0.0.1" in play.screen
        await play.press("v")
        await play.until(lambda: "✓ every byte is as it was published" in play.screen)
        await play.press("escape", "f6")
        await play.until(lambda: play.main.model_name == REPO)
        await play.ready()


async def test_leaving_in_the_middle_ends_at_once_and_keeps_what_came(net: Loopback) -> None:
    fault = net.fault("model.safetensors", "stall", after=N_FIRST)
    part = paths.models_dir() / "owner--model" / "model.safetensors.part"
    async with playing(ScriptedModel(name="stories"), fetch=Fetcher()) as play:
        play.main.models.download(REPO)
        await play.until(fault.reached.is_set)
        await play.until(lambda: part.exists() and part.stat().st_size == N_FIRST)
        await play.press("ctrl+q")
    assert part.stat().st_size == N_FIRST
    assert part.with_name(UNFINISHED).exists()
    net.release()
    async with playing(opener=scripted_or_real, fetch=Fetcher()) as play:
        await play.models(REPO)
        assert "◐ partial" in play.line(REPO)
        await play.press("enter")
        await play.until(lambda: "● here" in play.line(REPO))
    last = net.requests("model.safetensors", "GET")[-1]
    assert last.headers["range"].startswith(f"bytes={N_FIRST}-")


async def test_pause_and_resume_in_a_breath(net: Loopback) -> None:
    """The second run waits for the lock that the first is about to let go."""
    fault = net.fault("model.safetensors", "stall", after=N_FIRST)
    async with playing(fetch=Fetcher()) as play:
        play.main.models.download(REPO)
        await play.until(fault.reached.is_set)
        play.main.models.pause(REPO)
        await play.press("f6")
        await play.until(lambda: play.downloads[REPO].state != "running")
        assert play.panel == f"✓ {REPO} is here. F6 loads it"


async def test_a_repository_that_is_not_there_is_a_sentence(net: Loopback) -> None:
    async with playing(fetch=Fetcher()) as play:
        play.main.models.download("owner/other")
        await play.until(lambda: "F6 tries again" in play.panel)
        assert "owner/other" in play.panel
