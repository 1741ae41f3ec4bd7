"""What goes to stdout: data as UTF-8 or JSON, and text for people that no terminal obeys.

Into a file or a pipe the model's text goes byte for byte; onto a terminal it goes through `visible`. JSON is written
in ASCII, so that it is harmless everywhere.
"""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from picogpt_tui.events import Candidate, ContextShifted, Distribution, Finished, TokenEvent
from picogpt_tui.visible import replace_surrogates, visible

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def is_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def write_bytes(data: bytes) -> None:
    """Data to stdout at once, with no line ending translated."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def write_text(text: str) -> None:
    """Running text to stdout at once: raw for a program, visible for a person."""
    write_bytes(replace_surrogates(visible(text) if is_terminal() else text).encode("utf-8"))


def write_lines(lines: Iterable[str]) -> None:
    """Lines for people, made safe to print."""
    for line in lines:
        sys.stdout.buffer.write(f"{visible(line)}\n".encode())
    sys.stdout.buffer.flush()


def write_json(data: object) -> None:
    """One JSON value on one line."""
    write_bytes(json.dumps(data).encode("ascii") + b"\n")


def write_json_list(
    key: str,
    items: Iterable[object],
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """An object that holds one list, written item by item: it may be longer than one wants in memory.

    Args:
        key: of the list.
        items: what stands in it.
        before: what else the object holds, before the list.
        after: and behind it.
    """
    out = sys.stdout.buffer
    head = "".join(f"{json.dumps(name)}: {json.dumps(value)}, " for name, value in (before or {}).items())
    tail = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in (after or {}).items())
    out.write(f"{{{head}{json.dumps(key)}: [".encode("ascii"))
    for index, item in enumerate(items):
        out.write((", " * (index > 0) + json.dumps(item)).encode("ascii"))
    write_bytes(f"]{tail}}}\n".encode("ascii"))


def or_null(number: float) -> float | None:
    """A number as JSON can hold it: nan and the infinities, which it cannot, become null."""
    return number if math.isfinite(number) else None


def token_json(event: TokenEvent, top_n: int) -> dict[str, Any]:
    """A generated token as the contract has it, with its `top_n` likeliest candidates."""
    return {
        "event": "token",
        "index": event.index,
        "id": event.id,
        "text": event.text,
        "logprob": event.logprob,
        "rank": event.rank,
        "entropy": event.entropy,
        "top": [_top_json(candidate) for candidate in event.distribution.candidates[:top_n]],
    }


def shifted_json(event: ContextShifted) -> dict[str, Any]:
    """A full context whose older half was dropped."""
    return {"event": "context_shifted", "n_dropped": event.n_dropped, "n_kept": event.n_kept}


def finished_json(event: Finished, seed: int) -> dict[str, Any]:
    """The last line of a generation, with the seed that makes it again."""
    return {
        "event": "finished",
        "reason": event.reason,
        "prompt_ids": list(event.prompt_ids),
        "ids": list(event.ids),
        "text": event.text,
        "tokens_per_second": event.tokens_per_second,
        "seed": seed,
        "n_guessed": event.n_guessed,
        "n_accepted": event.n_accepted,
    }


def distribution_json(prompt_ids: tuple[int, ...], distribution: Distribution) -> dict[str, Any]:
    """What could come next, as the contract has it."""
    return {
        "ids": list(prompt_ids),
        "entropy": distribution.entropy,
        "candidates": [candidate_json(candidate) for candidate in distribution.candidates],
        "other_prob": distribution.other_prob,
    }


def _top_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "text": candidate.text,
        "logit": candidate.logit,
        "logprob": candidate.logprob,
        "prob": candidate.prob,
    }


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """A token that could come next, as the contract has it."""
    more = {"bytes": candidate.bytes.hex(), "final_prob": candidate.final_prob, "cut_by": candidate.cut_by}
    return {"rank": candidate.rank} | _top_json(candidate) | more


def bits(nats: float) -> float:
    """Nats as bits: JSON has the one, people read the other."""
    return nats / math.log(2)


def percent(prob: float) -> str:
    """A probability in five columns and a sign, with what is small but not nothing told from nothing."""
    return "<0.01 %" if 0 < prob < 0.0001 else f"{100 * prob:5.2f} %" if prob < 0.1 else f"{100 * prob:5.1f} %"


def bar(fraction: float, width: int) -> str:
    """A bar of at most `width` cells, drawn to an eighth of a cell."""
    whole, eighth = divmod(round(fraction * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighth]).rstrip()


def n_cells(text: str) -> int:
    """How many terminal cells a label takes: two for a wide character, none for a combining mark."""
    return sum(
        0 if unicodedata.category(char) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, width: int) -> str:
    """Fill a label with spaces up to `width` cells."""
    return text + " " * (width - n_cells(text))


def fitted(text: str, width: int) -> str:
    """A label in exactly `width` cells: filled with spaces, or cut with an ellipsis."""
    if n_cells(text) > width:
        while n_cells(text) > width - 1:
            text = text[:-1]
        text += "…"
    return pad(text, width)
