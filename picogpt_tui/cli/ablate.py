"""`picogpt-tui ablate`: what the model says with some of its parts taken out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picogpt_tui.cli.exits import INTERRUPTED, stop_on_interrupt
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
from picogpt_tui.cli.prompt import place, prompt_ids
from picogpt_tui.events import Candidate, Distribution, Finished, Progress
from picogpt_tui.readings import Cut, Surgery
from picogpt_tui.settings import MAX_SEED, GenerationSettings, SamplingSettings

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel

_BAR_CELLS = 16
_PART = re.compile(r"h\.(?P<layer>[0-9]{1,9})\.(?:head\.(?P<head>[0-9]{1,9})|mlp)|position:(?P<position>-?[0-9]{1,9})")
_HOW_IT_ENDED = {
    "context": ", then the context was full",
    "end_of_text": ", then the model ended it",
    "stopped": ", then stopped",
}
_Outcome = TypeVar("_Outcome")


def _parsed(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[Cut, ...]:
    """Cuts whose numbers are still to be compared with a model."""
    return tuple(map(_cut, values))


def _cut(text: str) -> Cut:
    part, equals, how = text.partition("=")
    match = _PART.fullmatch(part)
    if match is None:
        raise click.BadParameter(f"{part!r} is no part: write h.LAYER.head.HEAD, h.LAYER.mlp or position:N.")
    if equals and how not in ("zero", "mean"):
        raise click.BadParameter(f"{text!r} must end in =zero or =mean, or have no = at all.")
    numbers = {name: int(digits) for name, digits in match.groupdict().items() if digits is not None}
    kind = "position" if "position" in numbers else "head" if "head" in numbers else "mlp"
    return Cut(kind, how=how or "zero", **numbers)


@click.command(
    "ablate",
    epilog=examples(
        'picogpt-tui ablate "Once upon a time there was a" --cut h.0.mlp',
        'picogpt-tui ablate "The king and the queen" --cut h.3.head.5 --cut h.2.mlp=mean',
        'picogpt-tui ablate "The king and the queen" --cut position:1 --max-tokens 20 --seed 7',
        'picogpt-tui ablate "The king and the queen" --cut h.5.head.0=mean --json',
    ),
)
@click.argument("prompt")
@model_option
@click.option(
    "--cut",
    "cuts",
    callback=_parsed,
    multiple=True,
    required=True,
    metavar="CUT",
    help="What to take out; may be repeated.",
)
@click.option(
    "--top", type=int, default=DEFAULTS.top_n, show_default=True, metavar="N", help="The likeliest before, and after."
)
@click.option(
    "-n",
    "--max-tokens",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Go on for so many tokens, without the cuts and with them.",
)
@sampling_options
@click.option("--seed", type=int, metavar="N", help="Of the random stream of both texts.")
@precision_option
@json_option("Print one JSON object: before and after have the same candidates in the same order. Units: nats.")
def ablate(
    prompt: str,
    model: str,
    cuts: tuple[Cut, ...],
    top: int,
    max_tokens: int,
    sampling: SamplingSettings,
    seed: int | None,
    precision: str,
    as_json: bool,
) -> None:
    """Take parts out of the model and see what comes after PROMPT. PROMPT - reads stdin.

    \b
    A CUT is one of
      h.LAYER.head.HEAD   what that head answers, at every position
      h.LAYER.mlp         what that MLP adds, at every position
      position:N          the embedding of that token (-1: the last)
    counted from 0, and becomes 0, or with =mean behind it its mean over
    PROMPT in the untouched model: h.3.head.5=mean.

    Probabilities are the model's own (temperature 1, nothing cut); the sampling options shape the texts of
    --max-tokens, which end where the context is full. KL says in bits how far the answer moved: 0 is not at all.
    """  # noqa: D301 (click's mark for a paragraph as it is)
    seed = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
    settings = GenerationSettings(sampling, max_tokens, seed, when_full="stop", top_n=top)
    find_or_fetch(model)
    text = read_text(prompt)
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    ids = prompt_ids(loaded, text)
    with stop_on_interrupt() as should_stop:
        report = _report(loaded, ids, _placed(cuts, loaded, len(ids)), settings, should_stop)
    note_slow_int8(precision)
    if report is not None and as_json:
        write_json(_json(ids, report, seed))
    elif report is not None:
        write_lines(_lines(report, seed))
    if report is None or any(finished.reason == "stopped" for finished in report.texts):
        raise click.exceptions.Exit(INTERRUPTED)


def _placed(cuts: Sequence[Cut], model: LanguageModel, n: int) -> tuple[Cut, ...]:
    """The cuts of a prompt of n tokens.

    Raises:
        SettingError: the model or the prompt has no such part.
    """
    from picogpt_tui.lens.surgery import check_cuts

    placed = tuple(replace(cut, position=place(cut.position, n)) if cut.kind == "position" else cut for cut in cuts)
    check_cuts(placed, model.config)
    return placed


@dataclass(frozen=True, slots=True)
class _Report:
    """What was found."""

    surgery: Surgery
    texts: tuple[Finished, ...]
    """Without the cuts and with them; none where nobody asked to go on."""


def _report(
    model: LanguageModel,
    ids: list[int],
    cuts: tuple[Cut, ...],
    settings: GenerationSettings,
    should_stop: Callable[[], bool],
) -> _Report | None:
    """None when told to stop before there is an answer; texts are as long as they got."""
    from picogpt_tui.gpt2.generate import generate
    from picogpt_tui.gpt2.kv_cache import KVCache
    from picogpt_tui.lens.surgery import ablated, operate, reference_means

    cache = KVCache(model.config)
    means = _outcome(reference_means(model, ids, cache, should_stop=should_stop))
    if means is None:
        return None
    at, top_n = len(ids) - 1, settings.top_n
    steps = operate(model, ids, at, cuts, settings.sampling, top_n, cache=cache, means=means, should_stop=should_stop)
    surgery = _outcome(steps)
    if surgery is None:
        return None
    if not settings.max_tokens:
        return _Report(surgery, ())
    runs = (model, cache), (ablated(model, cuts, means), KVCache(model.config))
    texts = []
    for one, its_cache in runs:
        *_, finished = generate(one, ids, settings, cache=its_cache, should_stop=should_stop)
        assert isinstance(finished, Finished)
        texts.append(finished)
    return _Report(surgery, tuple(texts))


def _outcome(steps: Iterator[Progress | _Outcome]) -> _Outcome | None:
    """What comes behind the progress, or None."""
    return next((step for step in steps if not isinstance(step, Progress)), None)


def _json(ids: list[int], report: _Report, seed: int) -> dict[str, Any]:
    surgery = report.surgery
    said = {
        "ids": ids,
        "cuts": [_cut_json(cut) for cut in surgery.cuts],
        "kl": surgery.kl,
        "before": _side_json(surgery.before),
        "after": _side_json(surgery.after),
    }
    if report.texts:
        before, after = report.texts
        said |= {"seed": seed, "text_before": before.text, "text_after": after.text}
        said |= {"ids_before": list(before.ids), "ids_after": list(after.ids)}
    return said


def _cut_json(cut: Cut) -> dict[str, Any]:
    """With the numbers that its kind has."""
    numbers = {name: getattr(cut, name) for name in ("layer", "head", "position")}
    return {"kind": cut.kind} | {name: n for name, n in numbers.items() if n >= 0} | {"how": cut.how}


def _side_json(distribution: Distribution) -> dict[str, Any]:
    fields = distribution_json((), distribution)
    del fields["ids"]
    return fields


def _lines(report: _Report, seed: int) -> Iterator[str]:
    surgery = report.surgery
    before, after = surgery.before, surgery.after
    yield "cut: " + "; ".join(cut.name for cut in surgery.cuts)
    yield ""
    yield from _table(before.candidates, after.candidates)
    yield ""
    others = f"{before.n_other:,} other tokens {percent(before.other_prob).strip()}"
    yield f"{others} before, {percent(after.other_prob).strip()} after"
    yield f"entropy {bits(before.entropy):.2f} bits before, {bits(after.entropy):.2f} bits after"
    yield f"KL(before || after) {bits(surgery.kl):.3g} bits"
    for title, finished in zip(("without the cuts", "with the cuts"), report.texts, strict=False):
        yield ""
        yield f"{title}, seed {seed}, {len(finished.ids)} tokens{_HOW_IT_ENDED.get(finished.reason, '')}:"
        yield finished.text


def _table(before: Sequence[Candidate], after: Sequence[Candidate]) -> Iterator[str]:
    width = max([len("token"), *(n_cells(candidate.label) for candidate in before)])
    most = max((candidate.prob for candidate in (*before, *after)), default=1.0)
    side = f"{'rank':>7}  {{:<{len('100.0 %') + 2 + _BAR_CELLS}}}"
    yield f"{pad('token', width)}  {side.format('before')}  {side.format('after')}".rstrip()
    for candidate, then in zip(before, after, strict=True):
        yield f"{pad(candidate.label, width)}  {_side(candidate, most)}  {_side(then, most)}".rstrip()


def _side(candidate: Candidate, most: float) -> str:
    rank = f"#{candidate.rank + 1:,}"
    return f"{rank:>7}  {percent(candidate.prob)}  {bar(candidate.prob / most, _BAR_CELLS):<{_BAR_CELLS}}"
