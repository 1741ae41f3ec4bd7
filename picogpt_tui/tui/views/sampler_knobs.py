"""The foot of the sampler view: the knobs in the order of their stages, that order's edge rules, and the keys. Pure.

The rules are those of `generation/logits_process.py` of transformers, `src/llama-sampler.cpp` of llama.cpp and
`src/sample.py` of OpenAI's GPT-2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from picogpt_tui.settings import GPT_2, HUGGINGFACE, LLAMA_CPP, GenerationSettings
from picogpt_tui.tui.knobs import spec_of, value_of
from picogpt_tui.tui.views.sampler_rows import SHORTER
from picogpt_tui.tui.widgets.lines import Row

RULES = {
    HUGGINGFACE: ("temperature first", "ties at k stay", "what crosses p stays"),
    LLAMA_CPP: ("temperature last", "exactly k stay", "what crosses p stays", "repetition sees 64 tokens"),
    GPT_2: ("temperature first", "ties at k stay", "what crosses p goes", "no repetition, min-p, typical"),
}
"""What an order means at its edges."""
KEYS = "[ ] knob   - = turn it   o order"
MORE_KEYS = "   or tab and arrows"
_ROOMY = 96  # cells in which all knobs stand on one line with their full names, two cells apart


@dataclass(frozen=True, slots=True)
class KnobCell:
    """Where a knob stands in the view: for the mouse.

    Attributes:
        name: of its setting.
        line: of those that the knobs take.
        start: its first cell.
        end: one past its last.
    """

    name: str
    line: int
    start: int
    end: int


def _knob(name: str, settings: GenerationSettings, chosen: str, *, is_used: bool, is_short: bool) -> tuple[str, str]:
    """A knob in as many cells as it ever takes, so that the others stay where they are when it is turned."""
    spec = spec_of(name)
    label = SHORTER.get(spec.label, spec.label) if is_short else spec.label
    value = spec.show(value_of(spec, settings)) if is_used else "n/a"
    n_cells = max(len(spec.show(stop)) for stop in spec.stops)
    style = "chosen" if name == chosen else "cut" if not is_used else "quiet" if value == "off" else "text"
    return f"{'▸' if name == chosen else ' '}{label} {value:<{n_cells}}", style


def knob_rows(
    settings: GenerationSettings, used: Sequence[str], unused: Sequence[str], chosen: str, width: int
) -> tuple[list[Row], list[KnobCell]]:
    """The knobs from left to right as their stages follow one another, on as many lines as they need.

    Args:
        settings: where they stand.
        used: the settings for which the order has a stage, in its order.
        unused: those for which it has none; they stand last and have no value.
        chosen: the setting whose knob is chosen.
        width: of a line, in cells.
    """
    rows: list[list[tuple[str, str]]] = [[]]
    places: list[KnobCell] = []
    is_short, at = width < _ROOMY, 0
    for name in (*used, *unused):
        text, style = _knob(name, settings, chosen, is_used=name in used, is_short=is_short)
        if at and at + len(text.rstrip()) > width:
            rows.append([])
            at = 0
        rows[-1] += [(text, style), ("" if is_short else "  ", "quiet")]
        places.append(KnobCell(name, len(rows) - 1, at, at + len(text)))
        at += len(text) + (0 if is_short else 2)
    return list(rows), places


def order_rows(order: str, width: int, n_lines: int) -> list[Row]:
    """The order's name and its rules, on at most so many lines; rules for which there is no room are left out."""
    rows: list[list[tuple[str, str]]] = [[(" order ", "quiet"), (order, "text"), ("  ", "quiet")]]
    at = start = len(order) + 9
    for rule in RULES[order]:
        if at > start and at + len(rule) + 3 > width:
            if len(rows) == n_lines:
                break
            rows.append([(" " * start, "quiet")])
            at = start
        text = rule if at == start else f" · {rule}"
        rows[-1].append((text, "quiet"))
        at += len(text)
    return list(rows)


def keys_row(width: int) -> Row:
    """As many of the keys as there is room for."""
    every = f" {KEYS}{MORE_KEYS}"
    return [(every if len(every) <= width else f" {KEYS}", "quiet")]


def order_and_keys_row(order: str, width: int) -> Row:
    """Both on one line, without the order's rules; the keys only where they fit."""
    room = width - len(f" order {order}")
    return [(" order ", "quiet"), (order, "text"), (KEYS.rjust(room) if len(KEYS) < room else "", "quiet")]
