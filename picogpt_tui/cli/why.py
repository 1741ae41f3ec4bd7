"""`picogpt-tui why`: which parts of the model want one token rather than another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.named_token import token_named
from picogpt_tui.cli.options import examples, json_option, model_option, position_option, precision_option, read_text
from picogpt_tui.cli.output import bar, bits, candidate_json, percent, write_json, write_lines
from picogpt_tui.cli.prompt import place, prompt_ids
from picogpt_tui.errors import PicoGPTError
from picogpt_tui.readings import Attribution, Part

_BAR_CELLS = 16
_HALF = "▐"


@click.command(
    "why",
    epilog=examples(
        'picogpt-tui why "Once upon a time there was a king who"',
        'picogpt-tui why "Once upon a time there was a king who" --this lived --that was',
        'picogpt-tui why "Once upon a time there was a king who" --by layer --json',
    ),
)
@click.argument("prompt")
@model_option
@click.option("--this", metavar="TOKEN", help="The token that is asked about. [default: the likeliest]")
@click.option("--that", metavar="TOKEN", help="The one it is compared with. [default: the likeliest other]")
@position_option
@click.option(
    "--top", type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="How many parts get a line."
)
@click.option(
    "--by",
    type=click.Choice(["head", "layer"]),
    default="head",
    show_default=True,
    help="Take attention apart into heads, or leave each layer's as one.",
)
@precision_option
@json_option("Print one JSON object: all parts in the order of the forward pass. Units: nats, as logits are.")
def why(
    prompt: str,
    model: str,
    this: str | None,
    that: str | None,
    position: int,
    top: int,
    by: str,
    precision: str,
    as_json: bool,
) -> None:
    """Say which parts of the model prefer one token to another after PROMPT. PROMPT - reads stdin.

    The difference of two logits is a sum of what the model's parts add to it: the embeddings (wte, wpe), every head,
    every MLP, the biases. A positive part speaks for --this, a negative one for --that; one bit makes --this twice as
    likely beside --that. A part is counted for what it says itself, not for what later parts make of it.

    A TOKEN is a text that is one token (" lived"; lived is tried with the space too), its label (␣lived), or its number
    (--this=#262).
    """
    find_or_fetch(model)
    text = read_text(prompt)
    from picogpt_tui.gpt2.kv_cache import KVCache
    from picogpt_tui.lens.attribution import attribute, by_layer
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    ids = prompt_ids(loaded, text)
    a = None if this is None else token_named(loaded, this, "--this")
    b = None if that is None else token_named(loaded, that, "--that")
    if a is not None and a == b:
        raise PicoGPTError(f"--this and --that are both {loaded.tokenizer.label(a)}; name two different tokens.")
    found = attribute(loaded, ids, place(position, len(ids)), a, b, KVCache(loaded.config))
    found = replace(found, parts=by_layer(found.parts)) if by == "layer" else found
    if as_json:
        write_json(_json(ids, found))
    else:
        write_lines(_report(found, loaded.tokenizer.label(ids[found.position]), top))
    note_slow_int8(precision)


def _json(ids: list[int], found: Attribution) -> dict[str, Any]:
    return {
        "ids": ids,
        "position": found.position,
        "this": candidate_json(found.a),
        "that": candidate_json(found.b),
        "parts": [_part_json(part) for part in found.parts],
        "total": found.total,
        "difference": found.difference,
    }


def _part_json(part: Part) -> dict[str, Any]:
    layer, head = (number if number >= 0 else None for number in (part.layer, part.head))
    return {"name": part.name, "layer": layer, "head": head, "value": part.value}


def _report(found: Attribution, read: str, top: int) -> Iterator[str]:
    this, that = found.a.label, found.b.label
    largest = found.largest()
    shown, rest = largest[:top], largest[top:]
    yield f"why {this} ({percent(found.a.prob).strip()}) and not {that} ({percent(found.b.prob).strip()})"
    yield f"behind {read} (token {found.position}), in bits: + is for {this}, - for {that}"
    yield ""
    yield from _bars(shown)
    if rest:
        yield f"{_signed(math.fsum(part.value for part in rest))}  {len(rest):,} other parts"
    yield ""
    yield f"{_signed(found.total)}  sum of all parts"
    apart = bits(abs(found.total - found.difference))
    yield f"{_signed(found.difference)}  the model's logit({this}) - logit({that}); {apart:.1g} bits apart"


def _bars(parts: Sequence[Part]) -> Iterator[str]:
    width = max((len(part.name) for part in parts), default=0)
    most = max((abs(part.value) for part in parts), default=0.0) or 1.0
    for part in parts:
        left = _to_the_left(max(0.0, -part.value) / most)
        right = bar(max(0.0, part.value) / most, _BAR_CELLS)
        yield f"{_signed(part.value)}  {part.name:<{width}}  {left:>{_BAR_CELLS}}│{right}".rstrip()


def _to_the_left(fraction: float) -> str:
    """A bar that grows from its right end, drawn to half a cell: there are no eighths on that side."""
    whole, half = divmod(round(fraction * _BAR_CELLS * 2), 2)
    return _HALF * half + "█" * whole


def _signed(nats: float) -> str:
    return f"{bits(nats):+8.3f}"
