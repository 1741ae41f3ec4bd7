"""Random faults, several in every run: it ends in the right bytes, or in the right error and then in the right bytes.

40 runs always, all 200 with PICOGPT_FULL=1. What must hold in each:

* a folder that counts as a model holds the right bytes (`fetch` looks at every event);
* who ends it, a wish, a kill, a full disk or an error, leaves a true beginning, and the next run is sent exactly the
  bytes that are not there;
* in one run no byte is sent twice, beyond the chunk that was under way when a silent connection was given up, unless
  the fault forces it: bytes that were wrong, or stated wrongly (`corrupt`, `short`), have to come again, all of them
  where one was flipped, and a server that ignores ranges (`norange`) sends what is here already.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from picogpt_tui.errors import Corrupt, NoSpace, NotReachable, PicoGPTError
from picogpt_tui.hub.transfer import CHUNK_BYTES

from ..conftest import FULL
from .fetching import (
    BYTES,
    IMPATIENT,
    N_SMALL,
    WEIGHTS,
    Process,
    SmallDisk,
    assert_ready,
    fetch,
    folder,
    part_bytes,
    sent,
    weights_here,
)
from .loopback import Loopback

SIZE = len(BYTES)
N_RUNS = 200 if FULL else 40
PATIENCE = replace(IMPATIENT, tries=8, silence_seconds=0.3, slow_bytes=4000, slow_seconds=0.1)
HOLDING = {"stall", "trickle", "hang"}
KINDS_AT_THE_HUB = {"busy": "status"}
FORCED = {"corrupt", "short", "norange"}
"""The faults that make bytes come twice."""

KINDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "drop": lambda rng: {"after": rng.randrange(SIZE)},
    "reset": lambda rng: {"after": rng.randrange(SIZE)},
    "stall": lambda rng: {"after": rng.randrange(SIZE)},
    "trickle": lambda rng: {"after": rng.randrange(SIZE), "bytes": rng.randrange(1, 9), "every": 0.01},
    "corrupt": lambda rng: {"at": rng.randrange(SIZE)},
    "short": lambda rng: {"missing": rng.randrange(1, SIZE)},
    "norange": lambda _: {},
    "hang": lambda rng: {"origin": rng.choice(["hub", "cdn"])},
    "status": lambda rng: {"code": rng.choice([500, 502, 503]), "body": b""},
    "busy": lambda _: {"code": 429, "headers": {"Retry-After": "0"}, "body": b""},
}
ENDS = ["it runs on", "it is told to end", "it is killed", "the disk is full", "the server stays in trouble"]


class Run(NamedTuple):
    """What is done to one download."""

    faults: list[tuple[str, dict[str, Any]]]
    end: str
    at: int
    """How many bytes of the weights are there when it ends."""


def plan(seed: int) -> Run:
    """One of every kind of fault and of every end in turn, two further faults at random."""
    rng = random.Random(seed)
    kinds = [list(KINDS)[seed % len(KINDS)], *rng.choices(list(KINDS), k=rng.randrange(3))]
    return Run(
        [(kind, KINDS[kind](rng)) for kind in kinds],
        ENDS[(seed + seed // len(KINDS)) % len(ENDS)],
        rng.randrange(1, SIZE),
    )


def run_it(hub: Loopback, run: Run, monkeypatch: pytest.MonkeyPatch) -> PicoGPTError | None:
    """The first run, with its faults and its end; returns the error that it ended with."""
    should_stop = (lambda: weights_here() >= run.at) if run.end == "it is told to end" else lambda: False
    if run.end == "the server stays in trouble":
        hub.fault(WEIGHTS, "status", times=None, code=503, body=b"")
    if run.end == "it is killed":
        stall = hub.fault(WEIGHTS, "stall", times=None, after=run.at)
        process = Process()
        while not stall.reached.wait(0.01) and process.is_running:  # twice wrong, it ends before it is held
            pass
        process.kill()
        return None
    with monkeypatch.context() as patch:
        if run.end == "the disk is full":
            SmallDisk(patch, N_SMALL + run.at)
        try:
            fetch(patience=PATIENCE, should_stop=should_stop)
        except PicoGPTError as error:
            return error
    return None


def may_end_with(run: Run) -> set[type[PicoGPTError]]:
    """The errors that are right for what is done to it."""
    n_wrong = len([kind for kind, _ in run.faults if kind in ("corrupt", "short")])
    may: set[type[PicoGPTError]] = {Corrupt} if n_wrong > 1 else set()
    if run.end == "the disk is full":
        may.add(NoSpace)
    if run.end == "the server stays in trouble":
        may.add(NotReachable)
    return may


@pytest.mark.parametrize("seed", range(N_RUNS))
def test_a_run_full_of_faults(hub: Loopback, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run = plan(seed)
    for kind, options in run.faults:
        if run.end != "it is killed" or kind not in HOLDING:  # it is killed while it is held
            hub.fault(WEIGHTS, KINDS_AT_THE_HUB.get(kind, kind), **options)
    error = run_it(hub, run, monkeypatch)
    assert error is None or type(error) in may_end_with(run), (run, error)
    hub.wait_open(0)
    hub.clear_faults()
    is_forced = bool(FORCED & {kind for kind, _ in run.faults})
    here, is_true = weights_here(), is_a_beginning()
    assert is_true or is_forced
    if run.end in ("it runs on", "the server stays in trouble") and not is_forced:
        assert here <= sent(hub, WEIGHTS) <= here + CHUNK_BYTES
    hub.log.clear()
    assert_ready(fetch())
    assert sent(hub, WEIGHTS) == SIZE - here + (0 if is_true else SIZE)


def is_a_beginning() -> bool:
    """Whether what is there of the weights is a beginning of them; under their own name they are right."""
    path = folder() / WEIGHTS
    assert not path.exists() or path.read_bytes() == BYTES
    return BYTES.startswith(part_bytes())
