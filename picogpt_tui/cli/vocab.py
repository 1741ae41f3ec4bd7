"""`picogpt-tui vocab`: search a whole vocabulary, ask how likely what it finds is, and what lies near a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from picogpt_tui.cli.exits import note
from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import examples, json_option, model_option, precision_option, read_text
from picogpt_tui.cli.output import bar, n_cells, pad, percent, write_json, write_lines
from picogpt_tui.events import Candidate, ContextShifted
from picogpt_tui.settings import PURE, GenerationSettings

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel
    from picogpt_tui.gpt2.sampler import Shaped
    from picogpt_tui.gpt2.tokenizer import Tokenizer
    from picogpt_tui.readings import Neighbour, VocabularyMatch

_TOP = 20
_BAR_CELLS = 20


@click.command(
    "vocab",
    epilog=examples(
        "picogpt-tui vocab king",
        'picogpt-tui vocab "/^ [A-Z]/" --prompt "The name of the girl was"',
        'picogpt-tui vocab " he" --prompt "The king said that" --json',
        'picogpt-tui vocab "= king" --near',
        'picogpt-tui vocab "#262..270"',
    ),
)
@click.argument("question")
@model_option
@click.option("--prompt", metavar="TEXT", help="Say how likely each is after TEXT; - reads stdin.")
@click.option("--near", is_flag=True, help="Show the tokens nearest to the one that QUESTION finds.")
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=_TOP,
    show_default=True,
    metavar="N",
    help="How many to list; of all is said how many they are.",
)
@precision_option
@json_option("Print one JSON object. Units: nats; prob is raw, ranks count from 0.")
def vocab(question: str, model: str, prompt: str | None, near: bool, top: int, precision: str, as_json: bool) -> None:
    """Search a model's whole vocabulary.

    QUESTION is a part of a token's text, a space or ␣ being a space: in lower case it finds capitals too. /.../ is a
    regular expression (/.../i for capitals and small letters alike), =... the token that is just this text or label,
    #262 the token with this id, #262..270 those between two.

    --prompt gives each its rank and probability after a text (the model's own: temperature 1, nothing cut) and those
    of all of them together. --near lists the tokens whose rows of the embedding lie closest, by cosine.
    """
    if near and prompt is not None:
        raise click.UsageError("--near and --prompt are two questions; ask one at a time.")
    directory = find_or_fetch(model)
    if near:
        _write_near(_load(model, precision), question, top, as_json)
        note_slow_int8(precision)
    elif prompt is not None:
        text = read_text(prompt)
        _write_match(_load(model, precision), question, text, top, as_json)
        note_slow_int8(precision)
    else:
        from picogpt_tui.gpt2.tokenizer import read_tokenizer

        _write_found(read_tokenizer(directory), question, top, as_json)


def _load(model: str, precision: str) -> LanguageModel:
    from picogpt_tui.session.models import load

    return load(model, precision=precision)


def _token_json(tokenizer: Tokenizer, id: int) -> dict[str, Any]:
    raw = tokenizer.bytes_of(id)
    return {"id": id, "text": tokenizer.text_of(id), "bytes": raw.hex(), "label": tokenizer.label(id)}


def _width(labels: Iterable[str]) -> int:
    return max([len("token"), *map(n_cells, labels)])


# -- what is found -----------------------------------------------------------------------------------------------------


def _write_found(tokenizer: Tokenizer, question: str, top: int, as_json: bool) -> None:
    from picogpt_tui.lens.vocabulary import search

    found = search(tokenizer, question)
    if as_json:
        tokens = [_token_json(tokenizer, id) for id in found[:top]]
        write_json({"question": question, "n_found": len(found), "tokens": tokens})
    else:
        write_lines(_found_lines(tokenizer, found, top))


def _found_lines(tokenizer: Tokenizer, found: Sequence[int], top: int) -> Iterator[str]:
    width = _width(map(tokenizer.label, found[:top]))
    yield f"{'id':>7}  {pad('token', width)}  bytes"
    for id in found[:top]:
        yield f"{f'#{id}':>7}  {pad(tokenizer.label(id), width)}  {tokenizer.bytes_of(id).hex(' ')}".rstrip()
    yield ""
    yield _how_many(len(found), len(found[:top]), tokenizer.n_vocab)


def _how_many(n_found: int, n_listed: int, n_vocab: int) -> str:
    listed = "" if n_listed == n_found else f", {n_listed:,} of them listed"
    return f"found {n_found:,} of {n_vocab:,} tokens{listed}"


# -- how likely it is --------------------------------------------------------------------------------------------------


def _write_match(model: LanguageModel, question: str, prompt: str, top: int, as_json: bool) -> None:
    from picogpt_tui.lens.vocabulary import ask, search

    found = search(model.tokenizer, question)
    ids, shaped = _read(model, prompt)
    match = ask(shaped, model.tokenizer, found, top)
    if as_json:
        candidates = [_candidate_json(model.tokenizer, candidate) for candidate in match.candidates]
        sums = {"n_found": match.n_found, "prob": match.prob}
        write_json({"question": question, "ids": ids, **sums, "candidates": candidates})
    else:
        write_lines(_match_lines(match, model.tokenizer.n_vocab))


def _read(model: LanguageModel, prompt: str) -> tuple[list[int], Shaped]:
    """The prompt's tokens, and what the model expects behind them: by the one decode loop, whose draw is let go."""
    from picogpt_tui.gpt2.generate import generate, start_ids
    from picogpt_tui.gpt2.sampler import shape

    ids = start_ids(model, model.tokenizer.encode(prompt))
    seen: list[Shaped] = []
    settings = GenerationSettings(PURE, max_tokens=1, seed=0, top_n=0)
    for event in generate(model, ids, settings, seen=lambda logits, context: seen.append(shape(logits, PURE))):
        if isinstance(event, ContextShifted):
            n_ctx = model.config.n_ctx
            note(f"note: the prompt is longer than the context of {n_ctx} tokens; its last {event.n_kept} were read.")
    return ids, seen[0]


def _candidate_json(tokenizer: Tokenizer, candidate: Candidate) -> dict[str, Any]:
    numbers = {"logit": candidate.logit, "logprob": candidate.logprob, "prob": candidate.prob}
    return {"rank": candidate.rank, **_token_json(tokenizer, candidate.id), **numbers}


def _match_lines(match: VocabularyMatch, n_vocab: int) -> Iterator[str]:
    width = _width(candidate.label for candidate in match.candidates)
    most = max((candidate.prob for candidate in match.candidates), default=0) or 1.0
    yield f"{'rank':>7}  {pad('token', width)}  {'prob':>7}  {'logit':>8}"
    for candidate in match.candidates:
        name = f"{f'#{candidate.rank + 1:,}':>7}  {pad(candidate.label, width)}"
        numbers = f"{percent(candidate.prob)}  {candidate.logit:>8.2f}"
        yield f"{name}  {numbers}  {bar(candidate.prob / most, _BAR_CELLS)}".rstrip()
    yield ""
    yield f"{_how_many(match.n_found, len(match.candidates), n_vocab)}; together {percent(match.prob).strip()}"


# -- what lies near it -------------------------------------------------------------------------------------------------


def _write_near(model: LanguageModel, question: str, top: int, as_json: bool) -> None:
    from picogpt_tui.lens.vocabulary import Neighbours, search_one

    id = search_one(model.tokenizer, question)
    neighbours = Neighbours(model).of(id, top)
    if as_json:
        nearest = [_token_json(model.tokenizer, near.id) | {"cosine": near.cosine} for near in neighbours]
        write_json(_token_json(model.tokenizer, id) | {"neighbours": nearest})
    else:
        write_lines(_near_lines(f"#{id} {model.tokenizer.label(id)}", neighbours))


def _near_lines(name: str, neighbours: Sequence[Neighbour]) -> Iterator[str]:
    width = _width(near.label for near in neighbours)
    yield f"nearest to {name}"
    yield ""
    yield f"{'id':>7}  {pad('token', width)}  cosine"
    for near in neighbours:
        shown = bar(max(0.0, near.cosine), _BAR_CELLS)
        yield f"{f'#{near.id}':>7}  {pad(near.label, width)}  {near.cosine:>6.3f}  {shown}".rstrip()
