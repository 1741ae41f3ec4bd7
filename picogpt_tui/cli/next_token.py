"""`picogpt-tui next`: what the model could say next, and what sampling makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from picogpt_tui.cli.exits import note
from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import (
    DEFAULTS,
    examples,
    json_option,
    model_option,
    precision_option,
    read_text,
    sampling_options,
)
from picogpt_tui.cli.output import bar, bits, distribution_json, n_cells, pad, percent, write_json, write_lines
from picogpt_tui.cli.stage_views import stages_json, stages_table
from picogpt_tui.events import Candidate, ContextShifted, Distribution, Started, TokenEvent
from picogpt_tui.settings import GenerationSettings, SamplingSettings

if TYPE_CHECKING:
    from picogpt_tui.gpt2.arrays import FloatArray
    from picogpt_tui.readings import Waterfall

_BAR_CELLS = 20


def _summary(distribution: Distribution) -> str:
    n_other = distribution.n_other
    n_vocab = len(distribution.candidates) + n_other
    kept = f"sampling keeps {distribution.n_kept:,} of {n_vocab:,} tokens"
    others = f"{n_other:,} other tokens {percent(distribution.other_prob).strip()}"
    return f"entropy {bits(distribution.entropy):.2f} bits; {others}; {kept}"


def _row(candidate: Candidate, width: int, most: float) -> str:
    cut_by = (candidate.cut_by or "").replace("_", "-")
    final = f"cut by {cut_by}" if cut_by else percent(candidate.final_prob)
    rank = f"#{candidate.rank + 1}"
    raw_bar = bar(candidate.prob / most, _BAR_CELLS)
    return f"{rank:>5}  {pad(candidate.label, width)}  {percent(candidate.prob)}  {final:<18}  {raw_bar}"


def _table(distribution: Distribution) -> list[str]:
    candidates = distribution.candidates
    width = max([len("token"), *(n_cells(candidate.label) for candidate in candidates)])
    most = max((candidate.prob for candidate in candidates), default=1.0)
    rows = [f"{'rank':>5}  {pad('token', width)}  {'raw':>7}  {'final':<18}"]
    rows += [_row(candidate, width, most) for candidate in candidates]
    return [row.rstrip() for row in rows]


def _write(prompt_ids: tuple[int, ...], distribution: Distribution, stages: Waterfall | None, as_json: bool) -> None:
    if as_json:
        more = {"stages": stages_json(stages)} if stages else {}
        write_json(distribution_json(prompt_ids, distribution) | more)
    else:
        table = stages_table(stages) if stages else _table(distribution)
        write_lines([*table, "", _summary(distribution)])


@click.command(
    "next",
    epilog=examples(
        'picogpt-tui next "Once upon a"',
        'picogpt-tui next "The king said" --top 5 --temperature 0.7 --top-k 3',
        'picogpt-tui next "The king said" --temperature 1 --top-k 0 --json',
        'picogpt-tui next "The king said" --top-k 9 --top-p 0.8 --order llama.cpp --stages',
    ),
)
@click.argument("prompt")
@model_option
@click.option("--top", type=int, default=DEFAULTS.top_n, show_default=True, metavar="N", help="How many candidates.")
@sampling_options
@click.option("--stages", is_flag=True, help="Show what each sampling stage removes and makes of every candidate.")
@precision_option
@json_option("Print one JSON object. Units: nats; prob is raw, final_prob after sampling.")
def next_token(
    prompt: str, model: str, top: int, sampling: SamplingSettings, stages: bool, precision: str, as_json: bool
) -> None:
    """List the tokens that could follow PROMPT, the likeliest first. PROMPT - reads stdin.

    "raw" is the model's own probability (temperature 1, nothing cut), "final" what generate draws from, or the stage
    that cut the token. The bar shows the raw one, the likeliest token's being full. Entropy is in bits.

    With --stages each sampling stage has a line, with the share of probability that it removes, and a column, with
    what each candidate has behind it; "cut" stands under the stage that cut the token.
    """
    settings = GenerationSettings(sampling, max_tokens=1, seed=0, top_n=top)
    find_or_fetch(model)
    text = read_text(prompt)
    from picogpt_tui.gpt2.generate import generate
    from picogpt_tui.gpt2.waterfall import waterfall
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    prompt_ids: tuple[int, ...] = ()
    seen: list[tuple[FloatArray, list[int]]] = []
    steps = generate(loaded, loaded.tokenizer.encode(text), settings, seen=lambda z, ids: seen.append((z, list(ids))))
    # one step of the one decode loop: the token it draws is let go, the distribution it drew from is the answer
    for event in steps:
        if isinstance(event, Started):
            prompt_ids = event.prompt_ids
        elif isinstance(event, ContextShifted):
            n_ctx = loaded.config.n_ctx
            note(f"note: the prompt is longer than the context of {n_ctx} tokens; its last {event.n_kept} were read.")
        elif isinstance(event, TokenEvent):
            [(logits, context)] = seen
            fallen = waterfall(logits, sampling, context, loaded.tokenizer, top) if stages else None
            _write(prompt_ids, event.distribution.likeliest(top), fallen, as_json)
    note_slow_int8(precision)
