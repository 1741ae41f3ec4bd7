"""`picogpt-tui compare`: two models side by side on one text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import complete_model, examples, json_option, read_text
from picogpt_tui.cli.output import bits, n_cells, or_null, pad, write_json, write_json_list, write_lines
from picogpt_tui.cli.scoring import (
    carry_out,
    counted,
    label_cells,
    score_text,
    sizes_json,
    sizes_text,
    sums_json,
    sums_text,
    token_fields,
    window_options,
)
from picogpt_tui.readings import ComparedToken, Comparison, Score
from picogpt_tui.settings import FLOAT32, INT8
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_BAR_CELLS = 8
_WIDEST_NAME = 40


@click.command(
    "compare",
    epilog=examples(
        'picogpt-tui compare "Once upon a time" stories stories --precision-b int8',
        'picogpt-tui compare "The king said" 124M 355M',
        "picogpt-tui compare - stories 124M --json < story.txt",
    ),
)
@click.argument("text")
@click.argument("model_a", shell_complete=complete_model)
@click.argument("model_b", shell_complete=complete_model)
@click.option("--precision-a", default=FLOAT32, show_default=True, metavar="NAME", help="Of MODEL_A: float32 or int8.")
@click.option("--precision-b", default=FLOAT32, show_default=True, metavar="NAME", help="Of MODEL_B.")
@window_options
@json_option("Print one JSON object. Units: nats; ranks count from 0; null where there is no such number.")
def compare(
    text: str,
    model_a: str,
    model_b: str,
    precision_a: str,
    precision_b: str,
    bos: bool,
    stride: int | None,
    as_json: bool,
) -> None:
    """Lay two models side by side on TEXT. TEXT - reads stdin.

    Each line shows a token, its surprisal in bits in A and in B, and B's less A's, drawn to the left where B knew the
    token better; the longest bar is the largest difference. KL is how far B's whole distribution there lies from A's,
    KL(A || B) in bits: what coding A's choices by B's probabilities would waste.

    The models may be the same in two precisions. Both read the text in the same windows, as long as the shorter
    context, so that both see as much before a token. Models with different vocabularies cut the text into other
    tokens: of them only the sums are shown, of which bits a byte can be compared.
    """
    for name in (model_a, model_b):
        find_or_fetch(name)
    content = read_text(text)
    from picogpt_tui.lens.compare import vocabulary_difference
    from picogpt_tui.session.models import load

    a, b = load(model_a, precision=precision_a), load(model_b, precision=precision_b)
    if why := vocabulary_difference(a, b):
        score_a, score_b = (score_text(model, content, bos, stride) for model in (a, b))
        _tell_sums(a, b, score_a, score_b, why, as_json)
    else:
        _tell_tokens(a, b, _compared(a, b, content, bos, stride), as_json)
    note_slow_int8(INT8 if INT8 in (precision_a, precision_b) else FLOAT32)


def _tell_sums(a: LanguageModel, b: LanguageModel, score_a: Score, score_b: Score, why: str, as_json: bool) -> None:
    """Of models whose tokens are not the same."""
    from picogpt_tui.lens.compare import called

    if as_json:
        sides = {"a": _side(a, score_a.nll, score_a), "b": _side(b, score_b.nll, score_b)}
        write_json(sides | {"bos": score_a.bos, "why": why, "tokens": None, "mean_kl": None})
    else:
        sides_text = _sides_text((called(a), score_a.nll, score_a), (called(b), score_b.nll, score_b))
        write_lines([why, "", *sides_text, f"A: {sizes_text(score_a)}", f"B: {sizes_text(score_b)}"])


def _compared(a: LanguageModel, b: LanguageModel, content: str, bos: bool, stride: int | None) -> Comparison:
    from picogpt_tui.lens.compare import compare as steps

    ids = a.tokenizer.encode(content)
    n_bytes = len(a.tokenizer.decode_bytes(ids))
    return carry_out(
        lambda should_stop: steps(a, b, ids, bos=bos, stride=stride, n_bytes=n_bytes, should_stop=should_stop)
    )


def _tell_tokens(a: LanguageModel, b: LanguageModel, compared: Comparison, as_json: bool) -> None:
    if as_json:
        sides = {"a": _side(a, compared.nll_a, compared), "b": _side(b, compared.nll_b, compared)}
        before = sides | {"bos": compared.bos, "why": None}
        after = {"mean_kl": or_null(compared.mean_kl)}
        write_json_list("tokens", _tokens_json(a.tokenizer, compared), before=before, after=after)
    else:
        write_lines([*_table(a.tokenizer, compared), *_summary(compared)] if compared.tokens else _summary(compared))


def _side(model: LanguageModel, nll: float, reading: Score | Comparison) -> dict[str, Any]:
    about = {"model": model.name, "precision": model.precision}
    return about | sizes_json(reading) | sums_json(nll, reading)


def _tokens_json(tokenizer: Tokenizer, compared: Comparison) -> Iterator[dict[str, Any]]:
    names = "logprob_a", "logprob_b", "rank_a", "rank_b", "kl"
    fields = token_fields(tokenizer, [token.id for token in compared.tokens])
    for known, token in zip(fields, compared.tokens, strict=True):
        yield known | {name: getattr(token, name) for name in names}


def _table(tokenizer: Tokenizer, compared: Comparison) -> Iterator[str]:
    width = label_cells(tokenizer, [token.id for token in compared.tokens])
    largest = max((abs(_more_bits(token)) for token in compared.tokens), default=0.0)
    yield f"{pad('token', width)}  {'A bits':>6}  {'B bits':>6}  {'B - A':>6}  {'KL bits':>7}"
    for token in compared.tokens:
        yield f"{pad(tokenizer.label(token.id), width)}  {_row(token, largest)}".rstrip()
    yield ""


def _more_bits(token: ComparedToken) -> float:
    """How much more surprised B was."""
    return bits((token.logprob_a or 0.0) - (token.logprob_b or 0.0))


def _row(token: ComparedToken, largest: float) -> str:
    if token.logprob_a is None or token.logprob_b is None or token.kl is None:
        return f"{'-':>6}  {'-':>6}  {'-':>6}  {'-':>7}"
    more, surprisals = _more_bits(token), f"{bits(-token.logprob_a):6.2f}  {bits(-token.logprob_b):6.2f}"
    drawn = _signed_bar(more / largest if largest else 0.0)
    return f"{surprisals}  {more:+6.2f}  {bits(token.kl):7.4f}  {drawn}"


def _signed_bar(fraction: float) -> str:
    """From the middle to the left below 0, to the right above it, to half a cell."""
    whole, half = divmod(round(abs(fraction) * _BAR_CELLS * 2), 2)
    if fraction < 0:
        return f"{'▐' * half + '█' * whole:>{_BAR_CELLS}}│"
    return " " * _BAR_CELLS + "│" + "█" * whole + "▌" * half


def _summary(compared: Comparison) -> Iterator[str]:
    a, b = (compared.name_a, compared.nll_a, compared), (compared.name_b, compared.nll_b, compared)
    yield sizes_text(compared)
    yield from _sides_text(a, b)
    if compared.n_scored:
        n_better = sum(_more_bits(token) < 0 for token in compared.tokens)
        more = bits(compared.nll_b - compared.nll_a)
        mean_kl = f"KL(A || B) {bits(compared.mean_kl):.4f} bits a token"
        yield f"B less A: {more:+,.2f} bits; B knew {counted(n_better, 'token')} better; {mean_kl}"


def _sides_text(*sides: tuple[str, float, Score | Comparison]) -> Iterator[str]:
    names = [one_line(name, _WIDEST_NAME) for name, _, _ in sides]
    width = max(map(n_cells, names))
    for letter, name, (_, nll, reading) in zip("AB", names, sides, strict=True):
        yield f"{letter}  {pad(name, width)}  {sums_text(nll, reading)}"
