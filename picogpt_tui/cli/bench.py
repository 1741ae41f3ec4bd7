"""`picogpt-tui bench`: how fast a model is on this machine, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from picogpt_tui.cli.exits import INTERRUPTED
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import complete_model, examples, json_option, precision_option, read_text
from picogpt_tui.cli.output import n_cells, pad, write_json, write_lines
from picogpt_tui.cli.progress import telling, work_on
from picogpt_tui.events import Progress
from picogpt_tui.hub.registry import DEFAULT
from picogpt_tui.quantities import parameters_text, size_text
from picogpt_tui.visible import one_line

_PROMPT = "Once upon a time there was a king who"

Found = dict[str, dict[str, Any]]
"""The facts of every measurement so far, by its name."""


@click.command(
    "bench",
    epilog=examples(
        "picogpt-tui bench", "picogpt-tui bench 124M --precision int8", "picogpt-tui bench 124M --tokens 256 --json"
    ),
)
@click.argument("model", default=DEFAULT, shell_complete=complete_model)
@precision_option
@click.option(
    "-n", "--tokens", type=int, default=64, show_default=True, metavar="N", help="How many tokens a median is taken of."
)
@click.option("--prompt", default=_PROMPT, show_default=True, metavar="TEXT", help="What is continued; - reads stdin.")
@json_option("Print one JSON object. Units: seconds, bytes, tokens per second.")
def bench(model: str, precision: str, tokens: int, prompt: str, as_json: bool) -> None:
    """Measure how fast MODEL is on this machine, stories where none is named, and what memory it takes.

    Loading counts from a program that has NumPy loaded to a model that is ready. Prefill reads a prompt of 64 and of
    512 tokens at once. Decode makes one token after another, always the likeliest, behind 10 and behind 1000 others;
    generate does the same as the command of that name, sampling and candidates included. A context that is too short
    is measured as far as it goes, and the length is said.

    Every token reads all weights, so the memory is a wall that no program passes; its share says how near decoding
    comes to it. Whatever else runs at the same time makes all of it slower. Ctrl+C ends it and prints what is known.
    """
    find_or_fetch(model)
    found: Found = {}
    is_complete = _collect(found, model, precision, tokens, read_text(prompt))
    if as_json:
        write_json(found | {"complete": is_complete})
    else:
        write_lines(_table(found))
    if not is_complete:
        raise click.exceptions.Exit(INTERRUPTED)


def _collect(found: Found, model: str, precision: str, n_tokens: int, prompt: str) -> bool:
    """Measure into `found`; whether nobody interrupted it."""
    from picogpt_tui.session.benchmark import measure

    try:
        with telling() as teller:
            for step in measure(model, precision=precision, n_tokens=n_tokens, prompt=prompt):
                if isinstance(step, Progress):
                    teller.show(work_on(model, step, step.detail))
                else:
                    found[step.name] = dict(step.facts)
    except KeyboardInterrupt:
        return False
    return True


def _table(found: Found) -> list[str]:
    """A line for every fact, in the order in which they were measured."""
    rows = [row for name, facts in found.items() for row in _ROWS[name](facts)]
    width = max((n_cells(what) for what, _ in rows), default=0)
    return [f"{pad(what, width)}  {text}" for what, text in rows]


Rows = list[tuple[str, str]]


def _machine(facts: dict[str, Any]) -> Rows:
    memory = f", {size_text(facts['memory_bytes'])} of memory" if facts["memory_bytes"] else ""
    cores = f"{facts['usable_cores']} usable cores, {facts['threads']} threads"
    limits = [f"{name.upper()} is {facts[name]}" for name in ("omp_num_threads", "openblas_num_threads") if facts[name]]
    versions = [f"{name} {facts[key]}" for name, key in _VERSIONS.items() if facts[key]]
    return [
        ("machine", one_line(f"{facts['processor'] or 'unknown processor'}, {facts['system']}{memory}", 200)),
        ("cores", one_line(", ".join([cores, *limits]), 200)),
        ("software", one_line(", ".join([*versions, facts["blas"] or "unknown BLAS"]), 200)),
    ]


_VERSIONS = {"Python": "python", "NumPy": "numpy", "numba": "numba"}


def _load(facts: dict[str, Any]) -> Rows:
    shape = f"{parameters_text(facts['n_params'])} parameters, a context of {facts['n_ctx']:,} tokens"
    return [
        ("model", f"{one_line(facts['model'], 200)} in {facts['precision']}, {shape}"),
        ("load", _seconds(facts["seconds"])),
    ]


def _first_token(facts: dict[str, Any]) -> Rows:
    return [("first token", f"{_seconds(facts['seconds'])} after a prompt of {_tokens(facts['n_prompt'])}")]


def _int8_kernel(facts: dict[str, Any]) -> Rows:
    said = "compiled by numba" if facts["is_used"] else one_line(facts["trouble"], 300)
    return [("int8 kernel", said)] if said else []


def _prefill(facts: dict[str, Any]) -> Rows:
    return [(f"prefill of {_tokens(facts['n_tokens'])}", _speed(facts["tokens_per_second"]))]


def _decode(facts: dict[str, Any]) -> Rows:
    of = f"median of {facts['n_tokens']:,}" if facts["n_tokens"] > 1 else "one token"
    return [(f"decode at context {facts['n_context']:,}", f"{_speed(facts['tokens_per_second'])}, {of}")]


def _generate(facts: dict[str, Any]) -> Rows:
    guesses = f"{facts['n_accepted']:,} of {facts['n_guessed']:,} guesses right" if facts["n_guessed"] else "no guesses"
    return [
        ("generate", f"{_speed(facts['tokens_per_second'])} with prompt lookup, {guesses}"),
        ("", f"{_speed(facts['tokens_per_second_without_lookup'])} without"),
    ]


def _memory(facts: dict[str, Any]) -> Rows:
    peak = "" if facts["peak_bytes"] is None else f"{size_text(facts['peak_bytes'])} at most, "
    weights, cache = size_text(facts["weights_bytes"]), size_text(facts["cache_bytes"])
    return [("memory", f"{peak}{weights} of it weights and {cache} a full context")]


def _memory_wall(facts: dict[str, Any]) -> Rows:
    reads, gives = size_text(facts["bytes_per_token"]), size_text(facts["read_bytes_per_second"])
    share = f"{100 * facts['share']:.0f} %"
    return [("share of the memory wall", f"{share}: a token reads {reads}, the memory gives {gives}/s")]


def _tokenizer(facts: dict[str, Any]) -> Rows:
    cold, warm = (size_text(facts[f"{name}_bytes_per_second"]) for name in ("cold", "warm"))
    return [("tokenizer", f"{cold}/s at first, {warm}/s again ({size_text(facts['n_bytes'])} of {facts['text']})")]


def _tokens(n: int) -> str:
    return "1 token" if n == 1 else f"{n:,} tokens"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} seconds" if seconds >= 0.1 else f"{seconds * 1000:.0f} milliseconds"


def _speed(tokens_per_second: float | None) -> str:
    """As many digits as mean something; one token alone has no speed."""
    if tokens_per_second is None:
        return "unknown"
    return f"{tokens_per_second:,.{0 if tokens_per_second >= 100 else 1}f} tokens/s"


_ROWS: dict[str, Callable[[dict[str, Any]], Rows]] = {
    "machine": _machine,
    "load": _load,
    "first_token": _first_token,
    "int8_kernel": _int8_kernel,
    "prefill_64": _prefill,
    "prefill_512": _prefill,
    "generate": _generate,
    "decode_10": _decode,
    "decode_1000": _decode,
    "memory": _memory,
    "memory_wall": _memory_wall,
    "tokenizer": _tokenizer,
}
