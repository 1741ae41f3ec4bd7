"""`picogpt-tui generate`: a prompt goes in, its continuation streams out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from picogpt_tui.cli.exits import INTERRUPTED, note, stop_on_interrupt
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
from picogpt_tui.cli.output import (
    finished_json,
    is_terminal,
    shifted_json,
    token_json,
    write_json,
    write_text,
)
from picogpt_tui.events import ContextShifted, Event, Finished, Started, TokenEvent
from picogpt_tui.settings import GenerationSettings, SamplingSettings

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel

_WHY_IT_ENDED = {
    "max_tokens": "reached --max-tokens",
    "end_of_text": "the model ended the text",
    "stop": "found a stop string",
    "stopped": "stopped",
    "context": "the context is full",
}


@click.command(
    "generate",
    epilog=examples(
        'picogpt-tui generate "Once upon a time"',
        'picogpt-tui generate "The king" --temperature 0 --max-tokens 20',
        'picogpt-tui generate "The king" --seed 7 --top-k 0 --top-p 0.9',
        'picogpt-tui generate "One day" --stop . --json',
        "printf 'Once upon' | picogpt-tui generate -",
    ),
)
@click.argument("prompt")
@model_option
@click.option(
    "-n", "--max-tokens", type=int, default=DEFAULTS.max_tokens, show_default=True, metavar="N", help="The most tokens."
)
@sampling_options
@click.option("--seed", type=int, metavar="N", help="Of the random stream; the same seed gives the same text.")
@click.option("--stop", multiple=True, metavar="TEXT", help="End where this appears, without it. May be repeated.")
@click.option(
    "--when-full",
    type=click.Choice(["shift", "stop"]),
    default=DEFAULTS.when_full,
    show_default=True,
    help="When the context is full: go on from its last half, or end.",
)
@precision_option
@click.option(
    "--prompt-lookup/--no-prompt-lookup",
    default=DEFAULTS.prompt_lookup,
    show_default=True,
    help="Guess tokens that the text has said before, and check several at once. The text is the same.",
)
@click.option(
    "--top", type=int, default=DEFAULTS.top_n, show_default=True, metavar="N", help="Candidates a token, in JSON."
)
@json_option("Print JSON Lines: an object for every token, then one for the end. Units: nats.")
def generate(
    prompt: str,
    model: str,
    max_tokens: int,
    sampling: SamplingSettings,
    seed: int | None,
    stop: tuple[str, ...],
    when_full: str,
    precision: str,
    prompt_lookup: bool,
    top: int,
    as_json: bool,
) -> None:
    """Continue PROMPT and stream what the model writes. PROMPT - reads stdin.

    Only the new text is printed, not the prompt. An empty PROMPT begins a text of the model's own. Ctrl+C stops and
    keeps what is there.

    Where programs differ: the stages run in Hugging Face's order, penalty, temperature, top-k, top-p, min-p, typical.
    The defaults are not neutral; for the model's own distribution say --temperature 1 --top-k 0.
    """
    settings = GenerationSettings(
        sampling, max_tokens, seed, stop, when_full=when_full, top_n=top, prompt_lookup=prompt_lookup
    )
    find_or_fetch(model)
    text = read_text(prompt)
    from picogpt_tui.gpt2.generate import generate as generate_events
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    with stop_on_interrupt() as should_stop:
        events = generate_events(loaded, loaded.tokenizer.encode(text), settings, should_stop=should_stop)
        finished = _print_json(events, top) if as_json else _print_text(events, loaded)
    note_slow_int8(precision)
    if finished.reason == "stopped":
        raise click.exceptions.Exit(INTERRUPTED)


def _print_json(events: Iterator[Event], top_n: int) -> Finished:
    seed = 0
    for event in events:
        if isinstance(event, Started):
            seed = event.seed
        elif isinstance(event, TokenEvent):
            write_json(token_json(event, top_n))
        elif isinstance(event, ContextShifted):
            write_json(shifted_json(event))
        elif isinstance(event, Finished):
            write_json(finished_json(event, seed))
    assert isinstance(event, Finished)
    return event


def _print_text(events: Iterator[Event], model: LanguageModel) -> Finished:
    seed, n_shifts = 0, 0
    for event in events:
        if isinstance(event, Started):
            seed = event.seed
        elif isinstance(event, TokenEvent):
            write_text(event.piece)
        elif isinstance(event, ContextShifted):
            n_shifts += 1
        elif isinstance(event, Finished):
            write_text(event.rest)
    assert isinstance(event, Finished)
    if is_terminal():
        write_text("\n")
    if n_shifts:  # told behind the text, which a note in its midst would tear
        times = "once" if n_shifts == 1 else f"{n_shifts} times"
        note(f"note: the context of {model.config.n_ctx} tokens was full {times}; its older half was dropped.")
    if is_terminal():
        why = _WHY_IT_ENDED[event.reason]
        guesses = f", {event.n_accepted} of {event.n_guessed} guesses right" if event.n_guessed else ""
        note(f"[{len(event.ids)} tokens, {event.tokens_per_second:.0f} tokens/s, seed {seed}, {why}{guesses}]")
    return event
