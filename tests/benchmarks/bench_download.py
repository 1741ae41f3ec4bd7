"""How fast a download is against curl, what memory it takes, and how soon it ends when it is told to.

    python -m tests.benchmarks.bench_download speed [ROUNDS]
    python -m tests.benchmarks.bench_download cancel [TIMES]

The fake hub runs in a process of its own. `speed` fetches 500 MB, alternately with curl, with curl and a flush to the
disk behind it, and with the download manager, which hashes and flushes; `cancel` stops downloads at random moments amid
random faults and measures from the wish to the last event.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from picogpt_tui.hub.download import Checks, Downloader
from picogpt_tui.hub.patience import Patience

from ..hub.loopback import Loopback

N_BYTES = 500 << 20
REPO, WEIGHTS = "owner/big", "model.safetensors"
SMALL = {"config.json": b"{}", "vocab.json": b"{}", "merges.txt": b""}
ANYTHING = Checks(lambda _: 1 << 40, lambda _: iter(()))
IN_THE_BODY = {"stall", "trickle", "drop", "reset"}
FAULTS = [*sorted(IN_THE_BODY), "pass", "hang", "status"]


def serve(directory: str) -> None:
    """The hub: prints its address and that of the large file, and ends with its input."""
    weights = Path(directory) / "served"
    with weights.open("wb") as file:
        for _ in range(N_BYTES >> 20):
            file.write(os.urandom(1 << 20))
    with Loopback() as net:
        commit = net.add_repo(REPO, SMALL | {WEIGHTS: weights})
        print(net.endpoint, f"{net.endpoint}/{REPO}/resolve/{commit}/{WEIGHTS}", flush=True)  # noqa: T201  # it is read
        sys.stdin.read()


@contextmanager
def hub(directory: Path) -> Iterator[str]:
    """A hub in another process, which is asked from now on; yields the address of the large file."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_download", "serve", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint, url = process.stdout.readline().split()
        os.environ["HF_ENDPOINT"] = endpoint
        try:
            yield url
        finally:
            process.kill()


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes, beginning with a disk that has nothing to do."""
    os.sync()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(n_rounds: int, directory: Path) -> None:
    """Alternate with curl."""
    with hub(directory) as url:
        curls: list[float] = []
        flushed: list[float] = []
        ours, memory, curled = [], [], directory / "curled"

        def curl(*, flushes: bool) -> None:
            subprocess.run(["curl", "-sSL", "-o", curled, url], check=True)
            if flushes:
                with curled.open("rb") as file:
                    os.fsync(file.fileno())

        for number in range(n_rounds):
            for times, flushes in ((curls, False), (flushed, True)):
                times.append(seconds_of(partial(curl, flushes=flushes)))
                curled.unlink()
            os.environ["PICOGPT_MODELS"] = str(directory / f"models-{number}")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            ours.append(seconds_of(lambda: list(Downloader(ANYTHING).download(REPO))))
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            (directory / f"models-{number}" / REPO.replace("/", "--") / WEIGHTS).unlink()
            took = f"curl {curls[-1]:.3f} s, flushed {flushed[-1]:.3f} s, ours {ours[-1]:.3f} s"
            say(f"round {number}: {took}, memory +{memory[-1] / 1024:.1f} MB")
        our = statistics.median(ours)
        for what, times in (("curl", curls), ("curl and a flush", flushed)):
            theirs = statistics.median(times)
            say(f"median: {what} {theirs:.3f} s, ours {our:.3f} s, {theirs / our:.2f} of its speed")
        say(f"memory: +{sum(memory) / 1024:.1f} MB")


def cancel(n_times: int, directory: Path) -> None:
    """Stop at random moments."""
    rng, latencies = random.Random(1), []
    os.environ["PICOGPT_MODELS"] = str(directory / "models")
    patience = Patience(silence_seconds=0.5, backoff_seconds=0.2)
    with Loopback() as net:
        os.environ["HF_ENDPOINT"] = net.endpoint
        for number in range(n_times):
            repo = f"owner/{number}"
            net.add_repo(repo, SMALL | {WEIGHTS: rng.randbytes(4 << 20)})
            net.bytes_per_second = rng.choice([5e6, 20e6, None])
            for _ in range(3):
                kind = rng.choice(FAULTS)
                options: dict[str, Any] = {"after": rng.randrange(4 << 20)} if kind in IN_THE_BODY else {}
                net.fault(rng.choice([WEIGHTS, "*/resolve/*", "/api/models/*"]), kind, **options)
            latencies.append(seconds_to_end(Downloader(ANYTHING, patience=patience), repo, rng.uniform(0, 0.6)))
            net.clear_faults()
            net.release()
    latencies = [seconds for seconds in latencies if seconds >= 0]
    say(f"{len(latencies)} of {n_times} were stopped before their end")
    median, worst = statistics.median(latencies) * 1e3, max(latencies) * 1e3
    say(f"from the wish to the end: median {median:.0f} ms, worst {worst:.0f} ms")


def seconds_to_end(downloader: Downloader, repo: str, after_seconds: float) -> float:
    """From the wish to the end of the iteration; negative where it ended before."""
    wish, wished = threading.Event(), [0.0]

    def make() -> None:
        wished[0] = time.perf_counter()
        wish.set()

    timer = threading.Timer(after_seconds, make)
    timer.start()
    list(downloader.download(repo, should_stop=wish.is_set))
    ended = time.perf_counter()
    timer.cancel()
    timer.join()
    return ended - wished[0] if wished[0] else -1.0


def say(text: str) -> None:
    """Tell a result."""
    print(text, flush=True)  # noqa: T201  # a script that tells what it measured


def main(what: str, number: str = "") -> None:
    """Run one of them."""
    if what == "serve":
        serve(number)
        return
    with tempfile.TemporaryDirectory() as directory:
        if what == "speed":
            speed(int(number or 7), Path(directory))
        else:
            cancel(int(number or 100), Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
