"""What `score` and `compare` share: their options, reading a text to its end, and how its totals are said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picogpt_tui.cli.exits import INTERRUPTED, stop_on_interrupt
from picogpt_tui.cli.options import Command
from picogpt_tui.cli.output import bits, n_cells, or_null
from picogpt_tui.cli.progress import telling, work_on
from picogpt_tui.events import Progress
from picogpt_tui.readings import Comparison, Score, bits_per_byte, perplexity

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_WIDEST_LABEL = 24
_LONG_NUMBER = 1e7
T = TypeVar("T")


def window_options(command: Command) -> Command:
    """`--no-bos` and `--stride`: what stands before a token when it is scored."""
    command = click.option(
        "--stride",
        type=int,
        metavar="N",
        help="Text longer than the context is read in windows, each N tokens further on. [default: half a context]",
    )(command)
    return click.option(
        "--bos/--no-bos",
        default=True,
        show_default=True,
        help="Put <|endoftext|> before TEXT, so that its first token is scored too.",
    )(command)


def carry_out(start: Callable[[Callable[[], bool]], Iterator[Progress | T]]) -> T:
    """What a piece of work yields last, its progress told and Ctrl+C heeded.

    Args:
        start: begins the work, which asks the function it is given whether to stop.

    Raises:
        Exit: it was stopped.
    """
    with stop_on_interrupt() as should_stop, telling() as teller:
        for step in start(should_stop):
            if not isinstance(step, Progress):
                return step
            if step.done:  # a short text is read before there is anything to tell
                teller.show(work_on(step.detail, step))
    raise click.exceptions.Exit(INTERRUPTED)


def score_text(model: LanguageModel, text: str, bos: bool, stride: int | None) -> Score:
    """Score a text; see `carry_out`."""
    from picogpt_tui.lens.score import score

    ids = model.tokenizer.encode(text)
    n_bytes = len(model.tokenizer.decode_bytes(ids))
    return carry_out(
        lambda should_stop: score(model, ids, bos=bos, stride=stride, n_bytes=n_bytes, should_stop=should_stop)
    )


def token_fields(tokenizer: Tokenizer, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What JSON says of each token, whatever the model thinks of it."""
    for id, (start, end) in zip(ids, tokenizer.offsets(ids), strict=True):
        text, raw = tokenizer.text_of(id), tokenizer.bytes_of(id)
        yield {"id": id, "text": text, "bytes": raw.hex(), "byte_start": start, "byte_end": end}


def label_cells(tokenizer: Tokenizer, ids: Sequence[int]) -> int:
    """How wide a column of labels is: as the widest, if that is not too wide."""
    widest = max((n_cells(tokenizer.label(id)) for id in set(ids)), default=0)
    return min(max(widest, len("token")), _WIDEST_LABEL)


def sizes_json(reading: Score | Comparison) -> dict[str, Any]:
    """How much was read, and in what windows."""
    names = "n_ctx", "stride", "n_windows", "n_scored", "n_bytes"
    return {"n_tokens": len(reading.tokens)} | {name: getattr(reading, name) for name in names}


def sums_json(nll: float, reading: Score | Comparison) -> dict[str, Any]:
    """What one model's nats over the text come to; null where there is no such number."""
    ratio, a_byte = perplexity(nll, reading.n_scored), bits_per_byte(nll, reading.n_scored, reading.n_bytes)
    return {"nll": nll, "perplexity": or_null(ratio), "bits_per_byte": or_null(a_byte)}


def sizes_text(reading: Score | Comparison) -> str:
    """The same for people, with the convention that the sums follow."""
    n_tokens, n_not_scored = len(reading.tokens), len(reading.tokens) - reading.n_scored
    before = "<|endoftext|> before them" if reading.bos else "nothing before them"
    parts = [counted(n_tokens, "token"), counted(reading.n_bytes, "byte"), before]
    parts += [f"{n_not_scored:,} not scored"] if n_not_scored else []
    n_windows, n_ctx, stride = reading.n_windows, reading.n_ctx, reading.stride
    parts += [f"{n_windows:,} windows of {n_ctx:,} tokens, one every {stride:,}"] if n_windows > 1 else []
    return ", ".join(parts)


def sums_text(nll: float, reading: Score | Comparison) -> str:
    """The same for people, in bits."""
    if not reading.n_scored:
        return "nothing scored"
    ratio = perplexity(nll, reading.n_scored)
    said = f"{ratio:,.2f}" if ratio < _LONG_NUMBER else f"{ratio:.3g}"
    a_token, a_byte = bits(nll) / reading.n_scored, bits_per_byte(nll, reading.n_scored, reading.n_bytes)
    return f"{bits(nll):,.2f} bits, {a_token:.2f} a token (perplexity {said}), {a_byte:.3f} a byte"


def counted(n: int, what: str) -> str:
    """`1 token`, `2,048 tokens`."""
    return f"{n:,} {what}{'s' * (n != 1)}"
