"""`picogpt-tui score`: how likely a text is, token by token and in all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from math import exp
from typing import TYPE_CHECKING, Any

import click

from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import examples, json_option, model_option, precision_option, read_text
from picogpt_tui.cli.output import bar, bits, pad, percent, write_json, write_json_list, write_lines
from picogpt_tui.cli.scoring import (
    label_cells,
    score_text,
    sizes_json,
    sizes_text,
    sums_json,
    sums_text,
    token_fields,
    window_options,
)
from picogpt_tui.readings import Score, TokenScore

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_BUCKETS = (10, 100, 1000)
"""GLTR's (http://gltr.io): a text whose tokens all lie in the first may well be a model's own."""
_BAR_CELLS = 20


@click.command(
    "score",
    epilog=examples(
        'picogpt-tui score "Once upon a time there was a king"',
        'picogpt-tui score "The king said" --no-bos --json',
        "picogpt-tui score - --summary --stride 128 < story.txt",
    ),
)
@click.argument("text")
@model_option
@window_options
@precision_option
@click.option("--summary", is_flag=True, help="Print only the sums, not the tokens.")
@json_option("Print one JSON object. Units: nats; rank counts from 0; null where there is no such number.")
def score(text: str, model: str, bos: bool, stride: int | None, precision: str, summary: bool, as_json: bool) -> None:
    """Say how likely TEXT is, token by token and in all. TEXT - reads stdin.

    Each line shows a token, its surprisal in bits, its rank among all tokens (#1 is the likeliest), its probability,
    and the entropy: the bits of surprisal that the model expected there. The bar is the surprisal, a cell a bit.

    Perplexity is 2 to the power of the mean bits a token. Only bits a byte can be compared between models that cut
    text differently; all bytes count, also those of a token that is not scored.

    A text longer than the context is read in windows, as transformers' documentation has it: each begins --stride
    tokens behind the last, and scores only what that did not. --stride as long as the context is the fastest, and
    leaves the first token of each window unscored; with half of it, the default, half a context stands before each.
    """
    find_or_fetch(model)
    content = read_text(text)
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    scored = score_text(loaded, content, bos, stride)
    if as_json:
        _write_json(loaded.tokenizer, scored, summary)
    else:
        write_lines(
            _summary(scored) if summary or not scored.tokens else [*_table(loaded.tokenizer, scored), *_summary(scored)]
        )
    note_slow_int8(precision)


def _write_json(tokenizer: Tokenizer, scored: Score, is_summary: bool) -> None:
    sizes = {"bos": scored.bos} | sizes_json(scored)
    sums = sums_json(scored.nll, scored)
    if is_summary:
        write_json(sizes | sums)
    else:
        write_json_list("tokens", _tokens_json(tokenizer, scored), before=sizes, after=sums)


def _tokens_json(tokenizer: Tokenizer, scored: Score) -> Iterator[dict[str, Any]]:
    fields = token_fields(tokenizer, [token.id for token in scored.tokens])
    for known, token in zip(fields, scored.tokens, strict=True):
        said = {"logprob": token.logprob, "rank": token.rank, "entropy": token.entropy, "top_prob": token.top_prob}
        yield known | said


def _table(tokenizer: Tokenizer, scored: Score) -> Iterator[str]:
    width = label_cells(tokenizer, [token.id for token in scored.tokens])
    yield f"{pad('token', width)}  {'bits':>6}  {'rank':>7}  {'prob':>7}  entropy bits"
    for token in scored.tokens:
        yield f"{pad(tokenizer.label(token.id), width)}  {_row(token)}".rstrip()
    yield ""


def _row(token: TokenScore) -> str:
    if token.logprob is None or token.rank is None or token.entropy is None:
        return f"{'-':>6}  {'-':>7}  {'-':>7}  {'-':>12}"
    surprisal, rank = bits(-token.logprob), f"#{token.rank + 1:,}"
    drawn = bar(min(1.0, surprisal / _BAR_CELLS), _BAR_CELLS)
    return f"{surprisal:6.2f}  {rank:>7}  {percent(exp(token.logprob))}  {bits(token.entropy):12.2f}  {drawn}"


def _summary(scored: Score) -> list[str]:
    lines = [sizes_text(scored)]
    if scored.n_scored:
        lines += [f"{sums_text(scored.nll, scored)}; mean entropy {bits(scored.mean_entropy):.2f} bits"]
        lines += [f"ranks: {_ranks(scored)}"]
    return lines


def _ranks(scored: Score) -> str:
    counts = [0] * (len(_BUCKETS) + 1)
    for token in scored.tokens:
        if token.rank is not None:
            counts[bisect_right(_BUCKETS, token.rank)] += 1
    edges = zip((1, *(size + 1 for size in _BUCKETS)), _BUCKETS, counts, strict=False)
    return ", ".join([*(f"{n:,} in #{first:,} to #{last:,}" for first, last, n in edges), f"{counts[-1]:,} beyond"])
