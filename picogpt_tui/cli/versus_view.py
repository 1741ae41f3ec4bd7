"""`tokenize --versus`: a text as another tokenizer cuts it, and both ways side by side, aligned by their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from picogpt_tui.cli.output import n_cells, pad
from picogpt_tui.visible import label, one_line

if TYPE_CHECKING:
    from picogpt_tui.gpt2.tokenizer import Tokenizer

_WIDEST_CELL = 40


@dataclass(frozen=True, slots=True)
class Cut:
    """A text as one tokenizer cuts it, or as its characters."""

    name: str
    pieces: list[bytes]
    ids: list[int] | None = None
    """None of characters, which no vocabulary counts."""
    tokenizer: Tokenizer | None = None

    @property
    def n_bytes(self) -> int:
        """Of the text."""
        return sum(map(len, self.pieces))

    @property
    def bytes_per_token(self) -> float | None:
        """None where there is no token."""
        return self.n_bytes / len(self.pieces) if self.pieces else None

    def labels(self, first: int, last: int) -> str:
        """Some of the tokens, to be read: from the first up to one before the last."""
        if self.ids is None or self.tokenizer is None:
            return " ".join(map(label, self.pieces[first:last]))
        return " ".join(map(self.tokenizer.label, self.ids[first:last]))


def token_cut(name: str, tokenizer: Tokenizer, ids: list[int]) -> Cut:
    """The tokens of a text."""
    return Cut(name, list(map(tokenizer.bytes_of, ids)), ids, tokenizer)


def characters_cut(name: str, text: str) -> Cut:
    """The Unicode characters of a text."""
    from picogpt_tui.gpt2.segmentation import characters

    return Cut(name, characters(text))


def tokens_json(cut: Cut) -> Iterator[dict[str, Any]]:
    """The tokens as the contract has them, one after the other; the id of a character is null."""
    start = 0
    for id, raw in zip(cut.ids or repeat(None), cut.pieces, strict=False):
        end = start + len(raw)
        yield {"id": id, "text": _text(raw), "bytes": raw.hex(), "byte_start": start, "byte_end": end}
        start = end


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def versus_json(a: Cut, b: Cut) -> dict[str, Any]:
    """Both, and the bytes behind which both have an end."""
    from picogpt_tui.gpt2.segmentation import align

    other = {"name": b.name, "bytes_per_token": b.bytes_per_token, "tokens": list(tokens_json(b))}
    agree = align(a.pieces, b.pieces).agree
    return {"tokens": list(tokens_json(a)), "bytes_per_token": a.bytes_per_token, "versus": other, "agree": agree}


def versus_lines(a: Cut, b: Cut) -> Iterator[str]:
    """A line for each stretch of bytes between places where both cut, then how many pieces each has."""
    from picogpt_tui.gpt2.segmentation import align

    stretches = align(a.pieces, b.pieces).stretches
    cells = [a.labels(*stretch.a) for stretch in stretches]
    name, summary = one_line(a.name, _WIDEST_CELL), _summary(a)
    width = max(min(_WIDEST_CELL, max(map(n_cells, cells), default=0)), n_cells(name), len(summary))
    yield f"{'byte':>7}  {pad(name, width)}  {one_line(b.name, _WIDEST_CELL)}"
    for stretch, cell in zip(stretches, cells, strict=True):
        yield f"{stretch.byte_start:>7}  {pad(cell, width)}  {b.labels(*stretch.b)}"
    yield ""
    yield f"{'':>7}  {pad(summary, width)}  {_summary(b)}"
    yield f"{'':>7}  both cut at {len(stretches):,} of {a.n_bytes:,} bytes"


def _summary(cut: Cut) -> str:
    n = len(cut.pieces)
    each = f", {cut.bytes_per_token:.2f} bytes each" if cut.bytes_per_token is not None else ""
    return f"{n:,} token{'s' * (n != 1)}{each}"
