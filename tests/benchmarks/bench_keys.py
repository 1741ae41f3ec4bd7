"""How long a key takes until it is on the screen: alone, beside two downloads elsewhere, and with them inside.

Run it by hand: `python -m tests.benchmarks.bench_keys [seconds [megabytes a second]]`. The hub is the fake one of the
tests, in a process of its own, and sends large files over the loopback as fast as they are taken, or each at the given
speed, as a network would. A key counts from the moment it is due until the prompt that holds it has been laid out and
painted; the terminal itself is not in it. The same downloads in another program show what a machine with few processors
loses to the load itself; `own work` is what the app's thread computed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from picogpt_tui.tui.app import PicoGPTApp
from picogpt_tui.tui.downloads import Download
from picogpt_tui.tui.model_jobs import Fetcher
from tests.hub.loopback import Loopback

SIZES = {"owner/one": 10 * 10**9, "owner/two": 10 * 10**9}
BLOCK_BYTES = 64 * 2**20
PAUSE_SECONDS = 0.03
SPAWN = multiprocessing.get_context("spawn")


def serve(folder: str, pipe: Connection, bytes_per_second: float | None) -> None:
    """Be a hub with two large models until the pipe is closed."""
    directory = Path(folder)
    config = {"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 1600, "n_head": 25}
    config |= {"n_layer": 80}
    small = {"config.json": json.dumps(config).encode(), "vocab.json": b"{}", "merges.txt": b"#version: 0.2\n"}
    with Loopback() as net:
        net.bytes_per_second = bytes_per_second
        for repo, size_bytes in SIZES.items():
            weights = directory / f"{repo.replace('/', '--')}.safetensors"
            with weights.open("wb") as file:
                file.write(os.urandom(BLOCK_BYTES))
                file.truncate(size_bytes)  # the rest is a hole, which costs no disk
            net.add_repo(repo, {**small, "model.safetensors": weights}, digests={"model.safetensors": "0" * 64})
        pipe.send(net.endpoint)
        pipe.recv()


@dataclass(frozen=True, slots=True)
class Key:
    """One key that was pressed."""

    seconds: float
    own_seconds: float
    """That the app's thread computed meanwhile."""


async def press(app: PicoGPTApp, seconds: float) -> list[Key]:
    """Type for so long."""
    keys = []
    start = time.perf_counter()
    end = start + seconds
    prompt = app.main.prompt
    while start < end:
        painted = asyncio.Event()
        length = len(prompt.text)
        own = time.thread_time()
        app.simulate_key("x" if length < 60 else "ctrl+u")
        while len(prompt.text) == length:
            await asyncio.sleep(0)
        app.main.call_after_refresh(painted.set)
        await painted.wait()
        now = time.perf_counter()
        keys.append(Key(now - start, time.thread_time() - own))
        # subtle: a finger does not wait for a busy program, so the next key counts from when it was due
        start = now + PAUSE_SECONDS
        await asyncio.sleep(PAUSE_SECONDS)
    return keys


def tell(what: str, keys: list[Key], rate: float = 0.0) -> None:
    """One line of figures."""
    took, own = (sorted(values) for values in zip(*((key.seconds, key.own_seconds) for key in keys), strict=True))
    shares = (statistics.median(took), took[int(len(took) * 0.99)], took[-1], own[-1])
    names = ("median", "99 %", "worst", "most own work")
    words = "   ".join(f"{name} {1000 * value:6.1f} ms" for name, value in zip(names, shares, strict=True))
    speed = f"   {rate / 1e6:,.0f} MB/s" if rate else ""
    sys.stdout.write(f"{what:26} {words}   {len(keys)} keys{speed}\n")


def fetch(endpoint: str, home: str, repo: str) -> None:
    """Download in a program of one's own."""
    os.environ |= {"HF_ENDPOINT": endpoint, "PICOGPT_HOME": home}
    for _ in Fetcher()(repo, None, lambda: False):
        pass


def here(app: PicoGPTApp) -> int:
    """How many bytes of all downloads are here."""
    downloads: list[Download] = list(app.main.models.downloads.values())
    return sum(one.progress.done for one in downloads if one.progress is not None)


async def measure(endpoint: str, home: str, seconds: float) -> None:
    """The three lines of figures."""
    os.environ |= {"HF_ENDPOINT": endpoint, "PICOGPT_HOME": home}
    app = PicoGPTApp(fetch=Fetcher())
    async with app.run_test(size=(120, 40)) as pilot:
        while app.main.status.state != "ready":
            await pilot.pause(0.05)
        app.main.prompt.focus()
        tell("nothing happens", await press(app, seconds))
        others = [SPAWN.Process(target=fetch, args=(endpoint, f"{home}-2", repo)) for repo in SIZES]
        for other in others:
            other.start()
        await pilot.pause(2.0)
        tell("two downloads elsewhere", await press(app, seconds))
        for other in others:
            other.kill()
            other.join()
        for repo in SIZES:
            app.main.models.download(repo)
        while not here(app):
            await pilot.pause(0.05)
        before = here(app)
        keys = await press(app, seconds)
        tell("two downloads", keys, (here(app) - before) / seconds)
        assert all(one.is_running for one in app.main.models.downloads.values())
        for repo in SIZES:
            app.main.models.pause(repo)
        await pilot.pause(1.0)


def main() -> None:
    """Set up both processes."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    bytes_per_second = float(sys.argv[2]) * 1e6 if len(sys.argv) > 2 else None
    ours, theirs = SPAWN.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        server = SPAWN.Process(target=serve, args=(folder, theirs, bytes_per_second))
        server.start()
        try:
            asyncio.run(measure(ours.recv(), str(Path(folder, "home")), seconds))
        finally:
            ours.send(None)
            server.join()


if __name__ == "__main__":
    main()
