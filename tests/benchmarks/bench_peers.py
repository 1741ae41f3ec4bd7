"""How fast we are beside other programs that run GPT-2: one sitting, one table, and the ratios that were aimed at.

    python -m tests.benchmarks.bench_peers DIR [--gguf FILE ...] [--rounds 3] [--python PEERS_PYTHON] [--json]

DIR is a model directory with GPT-2's context and vocabulary; its int8 copy is made first, and kept. Peers are
transformers (in bfloat16 only with --bfloat16: without instructions for it that takes minutes), llama.cpp for every
--gguf FILE, and for the tokenizer tiktoken and tokenizers. They may be installed in another Python; what is not there
is left out. Every measurement is a process of its own (`peer.py`), rounds are interleaved (A B C, A B C), and medians
are told. Machines are shared: only the ratios of one sitting mean anything.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from picogpt_tui.gpt2.tokenizer import read_tokenizer
from picogpt_tui.session.benchmark import sample_text
from picogpt_tui.session.machine import machine

from .peer import TOKENIZERS, Found

PEER = Path(__file__).with_name("peer.py")
TEXT_BYTES = 1_000_000
COLUMNS = {
    "load": ("load s", 1.0),
    "first_token": ("first token ms", 1e-3),
    "prefill_64": ("prefill 64", 1.0),
    "prefill_512": ("prefill 512", 1.0),
    "decode_10": ("decode at 10", 1.0),
    "decode_1000": ("at 1000", 1.0),
    "peak_bytes": ("peak MB", 1e6),
    "weights_bytes": ("weights MB", 1e6),
}
"""Heading and unit; speeds in tokens a second."""
FLOAT32, INT8, INT8_NUMPY = "ours float32", "ours int8, numba", "ours int8, no numba"
TORCH, LLAMA_F32, LLAMA_Q8 = "transformers float32", "llama.cpp F32", "llama.cpp Q8_0"
TOKENIZER = "tokenizer ours"


@dataclass(frozen=True, slots=True)
class Aim:
    """A number to reach: a fact of one of them, divided by one of another where there is one."""

    what: str
    of: tuple[str, str]
    over: tuple[str, str] | None
    aim: str


AIMS = (
    Aim("float32 decode / llama.cpp F32", (FLOAT32, "decode_10"), (LLAMA_F32, "decode_10"), ">= 1.15"),
    Aim("float32 decode / transformers float32", (FLOAT32, "decode_10"), (TORCH, "decode_10"), ">= 2.2"),
    Aim("float32 decode, share of the memory wall", (FLOAT32, "share"), None, ">= 0.85"),
    Aim("float32 decode at 1000 / at 10", (FLOAT32, "decode_1000"), (FLOAT32, "decode_10"), ">= 0.80"),
    Aim("float32 prefill 512 / transformers float32", (FLOAT32, "prefill_512"), (TORCH, "prefill_512"), ">= 1.15"),
    Aim("float32 prefill 512 / llama.cpp F32", (FLOAT32, "prefill_512"), (LLAMA_F32, "prefill_512"), ">= 0.92"),
    Aim("int8 with numba, decode / llama.cpp Q8_0", (INT8, "decode_10"), (LLAMA_Q8, "decode_10"), ">= 1.3"),
    Aim("int8 without numba, decode / our float32", (INT8_NUMPY, "decode_10"), (FLOAT32, "decode_10"), ">= 0.75"),
    Aim("int8 weights / float32 weights", (INT8, "weights_bytes"), (FLOAT32, "weights_bytes"), "<= 0.30"),
    Aim("float32, load to first token, seconds", (FLOAT32, "ready"), None, "<= 0.35"),
    Aim("int8, load to first token, seconds", (INT8, "ready"), None, "<= 0.6"),
    Aim(
        "float32, prompt lookup where nothing repeats", (FLOAT32, "generate"), (FLOAT32, "generate_without"), ">= 0.97"
    ),
    Aim("float32, peak memory beyond weights and cache, MB", (FLOAT32, "beyond_mb"), None, "<= 120"),
    Aim("tokenizer, MB/s", (TOKENIZER, "mb_per_second"), None, ">= 10"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One process a round."""

    python: str
    args: tuple[str, ...]


def runs_of(options: argparse.Namespace, text_file: Path) -> dict[str, Run]:
    """Everything to measure, by its name in the table."""
    directory, here, peers, n_tokens = options.directory, sys.executable, options.python, str(options.tokens)
    runs = {
        FLOAT32: Run(here, ("ours", directory, "float32", n_tokens)),
        TORCH: Run(peers, ("transformers", directory, "float32", n_tokens)),
        INT8: Run(here, ("ours", directory, "int8", n_tokens)),
        INT8_NUMPY: Run(here, ("ours", directory, "int8-numpy", n_tokens)),
    }
    if options.bfloat16:
        runs["transformers bfloat16"] = Run(peers, ("transformers", directory, "bfloat16", n_tokens))
    for gguf in options.gguf:
        numbers = re.search(r"(f32|f16|bf16|q\d_\w+?)\.gguf$", gguf, re.IGNORECASE)
        name = numbers[1].upper() if numbers else Path(gguf).stem
        runs[f"llama.cpp {name}"] = Run(peers, ("llama.cpp", gguf, n_tokens))
    for library in TOKENIZERS:
        python = here if library == "ours" else peers
        runs[f"tokenizer {library}"] = Run(python, ("tokenizer", directory, library, str(text_file)))
    return runs


def measured(name: str, run: Run) -> Found | None:
    """What one process found; None where it failed, which is said."""
    ran = subprocess.run([run.python, PEER, *run.args], capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        found: Found = json.loads(ran.stdout.splitlines()[-1])
        return found
    reasons = ran.stderr.strip().splitlines() or ["it gave no reason"]
    tell(f"{name} is left out: {reasons[-1][:200]}")
    return None


def interleaved(runs: dict[str, Run], n_rounds: int) -> dict[str, Found]:
    """The medians of everything, by name; what failed once is not tried again."""
    rounds: dict[str, list[Found]] = {name: [] for name in runs}
    for number in range(1, n_rounds + 1):
        for name in list(rounds):
            tell(f"round {number} of {n_rounds}: {name}")
            found = measured(name, runs[name])
            if found is None:
                del rounds[name]
            else:
                rounds[name].append(found)
    return {name: medians(found) for name, found in rounds.items()}


def medians(rounds: Sequence[Found]) -> Found:
    """Of every fact, its median over the rounds."""
    return {key: statistics.median(found[key] for found in rounds) for key in rounds[0]}


def ratios(found: dict[str, Found]) -> list[tuple[Aim, float]]:
    """The aims that can be judged, and what came out."""
    judged = []
    for aim in AIMS:
        value = found.get(aim.of[0], {}).get(aim.of[1])
        other = 1.0 if aim.over is None else found.get(aim.over[0], {}).get(aim.over[1])
        if value is not None and other:
            judged.append((aim, value / other))
    return judged


def report(found: dict[str, Found]) -> list[str]:
    """The tables."""
    models = {name: facts for name, facts in found.items() if "decode_10" in facts}
    rows = [["", *(heading for heading, _ in COLUMNS.values())]]
    rows += [
        [name, *(cell(facts.get(key), unit) for key, (_, unit) in COLUMNS.items())] for name, facts in models.items()
    ]
    tokenizers = [[name, f"{facts['mb_per_second']:.1f} MB/s"] for name, facts in found.items() if name not in models]
    judged = [[aim.what, f"{value:.2f}", aim.aim] for aim, value in ratios(found)]
    return [*aligned(rows), "", *aligned(tokenizers), "", *aligned([["", "measured", "aim"], *judged])]


def cell(value: float | None, unit: float) -> str:
    """Three digits; a dash where nobody tells."""
    if value is None:
        return "-"
    return f"{value / unit:,.0f}" if value >= 100 * unit else f"{value / unit:.3g}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [f"{row[0]:<{widths[0]}}", *(f"{text:>{width}}" for text, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def tell(text: str) -> None:
    """Say something to the person who waits."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # a script that tells what it does


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--gguf", action="append", default=[], metavar="FILE", help="may be repeated")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--tokens", type=int, default=64, metavar="N", help="of which the median is taken")
    parser.add_argument("--python", default=sys.executable, help="where the peers are installed")
    parser.add_argument("--text", type=Path, metavar="FILE", help="what the tokenizers read")
    parser.add_argument("--bfloat16", action="store_true", help="transformers in bfloat16, too")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Measure, and tell."""
    options = parsed()
    subprocess.run(
        [sys.executable, "-m", "picogpt_tui", "models", "quantize", options.directory, "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with tempfile.TemporaryDirectory() as folder:
        text_file = options.text or Path(folder) / "text"
        if options.text is None:
            text_file.write_text(sample_text(read_tokenizer(Path(options.directory)), TEXT_BYTES), encoding="utf-8")
        found = interleaved(runs_of(options, text_file), options.rounds)
    if options.json:
        judged = [{"what": aim.what, "measured": value, "aim": aim.aim} for aim, value in ratios(found)]
        lines = [json.dumps({"machine": machine(), "rounds": options.rounds, "medians": found, "ratios": judged})]
    else:
        facts = machine()
        here = f"{facts['processor']}, {facts['usable_cores']} cores, Python {facts['python']}, NumPy {facts['numpy']}"
        lines = [f"{here}, {facts['blas']}; medians of {options.rounds}", "", *report(found)]
    print("\n".join(lines))  # noqa: T201  # a script that tells what it measured


if __name__ == "__main__":
    main()
