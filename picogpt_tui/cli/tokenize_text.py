"""`picogpt-tui tokenize`: where a text is cut, and the ids of the pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import examples, json_option, model_option, read_text
from picogpt_tui.cli.output import n_cells, pad, write_json_list, write_lines

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_WIDEST_LABEL = 40


@click.command(
    "tokenize",
    epilog=examples(
        'picogpt-tui tokenize "Once upon a time"',
        'picogpt-tui tokenize "one two<|endoftext|>" --special',
        "picogpt-tui tokenize - --json < story.txt",
    ),
)
@click.argument("text")
@model_option
@click.option("--special", is_flag=True, help="Read <|endoftext|> in TEXT as that one token, not as ordinary text.")
@json_option("Print one JSON object: of each token its id, text, bytes (hex) and where these stand.")
def tokenize(text: str, model: str, special: bool, as_json: bool) -> None:
    """Cut TEXT into the tokens of a model. TEXT - reads stdin.

    Each line shows an id, the token, and its bytes in hex. A space is written ␣, a line break ⏎, bytes that are no
    whole character ⟨E2 80⟩. Joined, the bytes are TEXT again, whatever it holds.
    """
    directory = find_or_fetch(model)
    content = read_text(text)
    from picogpt_tui.gpt2.tokenizer import read_tokenizer

    tokenizer = read_tokenizer(directory)
    ids = tokenizer.encode(content, allow_special=special)
    if as_json:
        write_json_list("tokens", _tokens_json(tokenizer, ids))
    else:
        write_lines(_lines(tokenizer, ids))


def _tokens_json(tokenizer: Tokenizer, ids: list[int]) -> Iterator[dict[str, object]]:
    for id, (start, end) in zip(ids, tokenizer.offsets(ids), strict=True):
        text, raw = tokenizer.text_of(id), tokenizer.bytes_of(id)
        yield {"id": id, "text": text, "bytes": raw.hex(), "byte_start": start, "byte_end": end}


def _lines(tokenizer: Tokenizer, ids: list[int]) -> Iterator[str]:
    widest = max((n_cells(tokenizer.label(id)) for id in set(ids)), default=0)
    width = min(widest, _WIDEST_LABEL)
    for id in ids:
        yield f"{id:>6}  {pad(tokenizer.label(id), width)}  {tokenizer.bytes_of(id).hex(' ')}"
