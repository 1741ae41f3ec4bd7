"""`picogpt-tui tokenize`: where a text is cut, how it came to that, and where another tokenizer cuts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import complete_model, examples, json_option, model_option, read_text
from picogpt_tui.cli.output import n_cells, pad, write_json, write_json_list, write_lines
from picogpt_tui.cli.trace_view import leading_space_lines, trace_lines
from picogpt_tui.cli.versus_view import Cut, characters_cut, token_cut, tokens_json, versus_json, versus_lines
from picogpt_tui.visible import label

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer
    from picogpt_tui.readings import TracedWord

_WIDEST_LABEL = 40
_CHARACTERS = "characters"


@click.command(
    "tokenize",
    epilog=examples(
        'picogpt-tui tokenize "Once upon a time"',
        'picogpt-tui tokenize "unbelievable" --trace',
        'picogpt-tui tokenize "naïve 👋" --versus characters',
        'picogpt-tui tokenize "one two<|endoftext|>" --special',
        "picogpt-tui tokenize - --json < story.txt",
    ),
)
@click.argument("text")
@model_option
@click.option("--special", is_flag=True, help="Read <|endoftext|> in TEXT as that one token, not as ordinary text.")
@click.option("--trace", is_flag=True, help="Show how each word came to its tokens, merge by merge.")
@click.option(
    "--versus",
    metavar="NAME",
    shell_complete=complete_model,
    help=f"Show beside it how another model cuts TEXT, or `{_CHARACTERS}`.",
)
@json_option("Print one JSON object: of each token its id, text, bytes (hex) and where these stand.")
def tokenize(text: str, model: str, special: bool, trace: bool, versus: str | None, as_json: bool) -> None:
    """Cut TEXT into the tokens of a model. TEXT - reads stdin.

    Each line shows an id, the token, and its bytes in hex. A space is written ␣, a line break ⏎, bytes that are no
    whole character ⟨E2 80⟩; a bracket holds tokens together that only together are one. Joined, the bytes are TEXT
    again, whatever it holds.

    --trace shows a word's bytes, each merge with its rank (#1 was learned first) and the piece it makes, and the tokens
    that are left. --versus shows a line for each stretch of bytes between places where both cut.
    """
    if trace and (special or versus is not None):
        raise click.UsageError("--trace goes with neither --special (a special token has no merges) nor --versus.")
    directory = find_or_fetch(model)
    others = find_or_fetch(versus) if versus is not None and versus != _CHARACTERS else None
    content = read_text(text)
    from picogpt_tui.gpt2.tokenizer import read_tokenizer

    tokenizer = read_tokenizer(directory)
    ids = tokenizer.encode(content, allow_special=special)
    cut = token_cut(model, tokenizer, ids)
    if trace:
        _write_trace(cut, tokenizer, content, as_json)
    elif versus is not None:
        other = characters_cut(versus, content)
        if others is not None:
            other_tokenizer = read_tokenizer(others)
            other = token_cut(versus, other_tokenizer, other_tokenizer.encode(content, allow_special=special))
        _write_versus(cut, other, as_json)
    elif as_json:
        write_json_list("tokens", tokens_json(cut))
    else:
        write_lines(_lines(tokenizer, ids))


def _lines(tokenizer: Tokenizer, ids: Sequence[int]) -> Iterator[str]:
    widest = max((n_cells(tokenizer.label(id)) for id in set(ids)), default=0)
    width = min(widest, _WIDEST_LABEL)
    brackets = _brackets(tokenizer, ids)
    hex_width = max((len(tokenizer.bytes_of(ids[index]).hex(" ")) for index in brackets), default=0)
    for index, id in enumerate(ids):
        line = f"{id:>6}  {pad(tokenizer.label(id), width)}  {tokenizer.bytes_of(id).hex(' '):<{hex_width}}"
        yield f"{line}  {brackets[index]}" if index in brackets else line.rstrip()


def _brackets(tokenizer: Tokenizer, ids: Sequence[int]) -> dict[int, str]:
    """What stands behind tokens that only together are whole characters, by index; behind the last also these."""
    from picogpt_tui.gpt2.segmentation import spans

    brackets: dict[int, str] = {}
    for first, last, text in spans(tokenizer, ids):
        brackets |= {first: "┐"} | dict.fromkeys(range(first + 1, last), "│")
        brackets[last] = f"┘ {label(text.encode('utf-8'))}"
    return brackets


def _words_json(words: Sequence[TracedWord]) -> Iterator[dict[str, Any]]:
    known: dict[tuple[int, ...], dict[str, Any]] = {}  # a text says the same words again and again
    for word in words:
        if word.pieces not in known:
            known[word.pieces] = asdict(word)
        yield known[word.pieces] | {"byte_start": word.byte_start, "byte_end": word.byte_end}


def _write_trace(cut: Cut, tokenizer: Tokenizer, text: str, as_json: bool) -> None:
    words = tokenizer.trace(text)
    if as_json:
        write_json({"tokens": list(tokens_json(cut)), "words": list(_words_json(words))})
    else:
        write_lines(trace_lines(tokenizer, words))
        write_lines(leading_space_lines(tokenizer, text))


def _write_versus(ours: Cut, other: Cut, as_json: bool) -> None:
    if as_json:
        write_json(versus_json(ours, other))
    else:
        write_lines(versus_lines(ours, other))
