"""How long the explorer's looks take, and what a long session of it keeps in memory.

usage: python -m tests.benchmarks.bench_explorer MODEL [tokens]

MODEL is a name or a directory; the text is random tokens, which cost what any others do. Medians, in milliseconds.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from picogpt_tui.session import probes
from picogpt_tui.session.document import Document
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.session.instruments import FactsFound, Instruments, Place
from picogpt_tui.session.models import load
from picogpt_tui.settings import SamplingSettings
from tests.gpt2.checkpoints import random_ids

ALL_ON = SamplingSettings(1.1, 0.8, 40, 0.95, 0.01, 0.98)
_CANDIDATES = 20


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def milliseconds(do: Callable[[int], object], n: int = 15) -> float:
    """The median of n times; `do` is told which."""
    times = []
    for index in range(n):
        began = time.perf_counter()
        do(index)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def exhaust(steps: Iterator[object]) -> None:
    """Run a question to its end."""
    for _ in steps:
        pass


def peak_mb() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def read(instruments: Instruments, exploration: Exploration) -> Place:
    """Read all of the version at hand; returns its end."""
    place = Place(tuple(exploration.ids()), tuple(exploration.path), len(exploration.path))
    facts = exploration.document.tree.facts
    lacking = [position for position, node in enumerate(place.nodes) if position and node not in facts]
    for step in instruments.read(place, lacking):
        if isinstance(step, FactsFound):
            facts.update(step.facts)
    return place


def looks(engine: Engine, n_tokens: int) -> None:
    """Print how long each look takes."""
    document, instruments = Document("bench"), Instruments(engine)
    document.add_prompt("", random_ids(engine.config, n_tokens))
    exploration = Exploration(document, engine.tokenizer.bytes_of)
    began = time.perf_counter()
    place = read(instruments, exploration)
    say(f"reading {n_tokens} tokens, with facts of each: {time.perf_counter() - began:.2f} s")

    def at(cursor: int) -> Place:
        return Place(place.ids, place.nodes, cursor)

    def moved(index: int) -> None:
        instruments.look(at(3 + 7 * index % (n_tokens - 3)), ALL_ON, _CANDIDATES)

    def branched(index: int) -> None:
        before = instruments.n_computed
        exploration.move_to(5 + 3 * index)
        exploration.take((place.ids[5 + 3 * index] + 1 + index) % engine.config.n_vocab)
        branch = Place(tuple(exploration.ids()), tuple(exploration.path), len(exploration.path))
        instruments.look(branch, ALL_ON, _CANDIDATES)
        assert instruments.n_computed == before + 1, "a branch costs its own token"
        exploration.undo()

    window = range(max(1, n_tokens - 63), n_tokens + 1)
    say(f"cursor to a position that was read:   {milliseconds(moved):8.1f}")
    say(f"knob turned (all stages on):          {milliseconds(lambda _: instruments.reshape(ALL_ON, 20)):8.1f}")
    asked = {
        "lens of one position": lambda _: exhaust(probes.lens_column(instruments, at(n_tokens), ALL_ON, _CANDIDATES)),
        "lens of 64 positions": lambda _: exhaust(probes.lens_grid(instruments, at(n_tokens), window)),
        "attribution": lambda _: exhaust(probes.attribute(instruments, at(n_tokens), None, None)),
        "attention of all heads": lambda _: exhaust(probes.attend(instruments, at(n_tokens - 1))),
    }
    for name, ask in asked.items():
        say(f"{name + ':':<38}{milliseconds(ask, 3 if '64' in name else 9):8.1f}")
    say(f"a branch, which computes one token:   {milliseconds(branched, 9):8.1f}")


def long_session(engine: Engine) -> None:
    """Print what 2,000 tokens and 200 branches keep, and how fast the cursor is among them."""
    before, config = peak_mb(), engine.config
    document, instruments = Document("bench"), Instruments(engine)
    document.add_prompt("", random_ids(config, 1800))
    exploration = Exploration(document, engine.tokenizer.bytes_of)
    place = read(instruments, exploration)
    for index in range(200):
        exploration.move_to(9 * index + 1)
        exploration.take((place.ids[9 * index + 1] + 1 + index) % config.n_vocab)
        if index % 50 == 0:
            read(instruments, exploration)
        exploration.undo()

    def moved(index: int) -> None:
        exploration.move_to(100 + 97 * index)
        instruments.look(Place(place.ids, place.nodes, exploration.cursor), ALL_ON, _CANDIDATES)

    say(f"{len(document.tree)} tokens, {exploration.n_branches()} branches: {peak_mb() - before:.0f} MB more at most")
    say(f"cursor there:                         {milliseconds(moved):8.1f}")
    say(f"outline of the tree:                  {milliseconds(lambda _: exploration.outline()):8.1f}")


def main() -> None:
    """Measure."""
    engine = Engine(load(sys.argv[1]))
    n_tokens = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    say(f"{engine.info.name}: {engine.info.n_params:,} parameters, {engine.info.n_vocab:,} tokens")
    looks(engine, min(n_tokens, engine.config.n_ctx))
    long_session(engine)


if __name__ == "__main__":
    main()
