"""`picogpt-tui attention`: where the heads look from one token, from all of them at a glance down to one in detail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from picogpt_tui.cli.exits import note
from picogpt_tui.cli.int8 import note_slow_int8
from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import examples, json_option, model_option, position_option, precision_option, read_text
from picogpt_tui.cli.output import bar, bits, fitted, n_cells, pad, percent, write_json, write_lines
from picogpt_tui.cli.prompt import numbered, place, prompt_ids
from picogpt_tui.readings import Attention

_BAR_CELLS = 20
_WIDEST_LABEL = 24
_GRID_CELLS, _TEXT_CELLS = 96, 78
_SHADES = " ░▒▓█"
_LEGEND = "░ ▒ ▓ █ are about 25, 50, 75 and 100 %"


@click.command(
    "attention",
    epilog=examples(
        'picogpt-tui attention "Once upon a time there was a king who"',
        'picogpt-tui attention "The king and the queen" --no-sink --layer 2',
        'picogpt-tui attention "The king and the queen" --layer 2 --head 3 --norm',
        'picogpt-tui attention "The king and the queen" --position 1 --json',
    ),
)
@click.argument("prompt")
@model_option
@position_option
@click.option("--layer", type=int, metavar="L", help="Only this layer, counted from 0: a line a head.")
@click.option("--head", type=int, metavar="H", help="Only this head of the layer: a bar a token, and the text shaded.")
@click.option("--norm", is_flag=True, help="Measure what comes through instead: a head's norms as shares of their sum.")
@click.option("--no-sink", is_flag=True, help="Leave out the first token, where idle heads rest, and share out anew.")
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many tokens of one head get a bar.",
)
@precision_option
@json_option("Print one JSON object: each head's weights, and norms, by position; --norm and --no-sink change nothing.")
def attention(
    prompt: str,
    model: str,
    position: int,
    layer: int | None,
    head: int | None,
    norm: bool,
    no_sink: bool,
    top: int,
    precision: str,
    as_json: bool,
) -> None:
    """Show where the heads look from a token of PROMPT. PROMPT - reads stdin.

    A head's weights over the tokens up to this one sum to 1. Its norms (Kobayashi et al. 2020) say how much of each
    token comes through: the weight times the length of the token's value vector behind the head's part of c_proj.
    Where a head looks is no proof of what it does: picogpt-tui ablate takes it out.
    """
    if head is not None and layer is None:
        raise click.UsageError("--head needs --layer: heads are counted within a layer.", click.get_current_context())
    find_or_fetch(model)
    text = read_text(prompt)
    from picogpt_tui.gpt2.kv_cache import KVCache
    from picogpt_tui.lens.attention import attention_at
    from picogpt_tui.session.models import load

    loaded = load(model, precision=precision)
    config = loaded.config
    layers = range(config.n_layer) if layer is None else [numbered("layer", layer, config.n_layer)]
    heads = range(config.n_head) if head is None else [numbered("head", head, config.n_head)]
    ids = prompt_ids(loaded, text)
    found = attention_at(loaded, ids, place(position, len(ids)), KVCache(config))
    note_slow_int8(precision)
    if as_json:
        write_json(_json(ids, found, layers, heads))
        return
    labels = [loaded.tokenizer.label(id) for id in ids[: found.position + 1]]
    write_lines(_tables(_View(found, labels, by_norm=norm, no_sink=no_sink), layer, head, top))
    if no_sink and len(labels) == 1:
        note("note: without the first token nothing is left to look at.")


def _json(ids: list[int], found: Attention, layers: Sequence[int], heads: Sequence[int]) -> dict[str, object]:
    def head_json(layer: int, head: int) -> dict[str, object]:
        weights, norms = found.weights[layer][head], found.norms[layer][head]
        return {"head": head, "weights": list(weights), "norms": list(norms)}

    rows = [{"layer": layer, "heads": [head_json(layer, head) for head in heads]} for layer in layers]
    return {"ids": ids, "position": found.position, "layers": rows}


@dataclass(frozen=True, slots=True)
class _View:
    """What the tables show, and how it is measured."""

    found: Attention
    labels: list[str]
    """Of the tokens that can be seen."""
    by_norm: bool
    no_sink: bool

    @property
    def measure(self) -> str:
        """`weight`, or `share` of the norms."""
        return "share" if self.by_norm else "weight"

    @property
    def where(self) -> str:
        """`position 8, ␣who`."""
        return f"position {self.found.position}, {self.labels[-1]}"

    def values(self, layer: int, head: int) -> Sequence[float]:
        """Of each token, 0 to 1."""
        from picogpt_tui.lens.attention import hide_sink, shares

        found = self.found
        values = shares(found.norms[layer][head]) if self.by_norm else found.weights[layer][head]
        return hide_sink(values) if self.no_sink else values

    def largest(self, layer: int, head: int) -> tuple[int, float]:
        """Where most of it lies, and how much."""
        values = self.values(layer, head)
        key = max(range(len(values)), key=values.__getitem__)
        return key, values[key]


def _grid(view: _View) -> Iterator[str]:
    n_head = view.found.n_head
    width = max(3, min(12, _GRID_CELLS // n_head - 2))
    without = " other than the first" if view.no_sink else ""
    yield f"{view.where}: the token{without} with each head's largest {view.measure}, shaded by it"
    yield f"{_LEGEND}; a row a layer, a column a head"
    yield ""
    yield ("       " + " ".join(pad(str(head), width + 1) for head in range(n_head))).rstrip()
    for layer in range(view.found.n_layer):
        cells = []
        for head in range(n_head):
            key, value = view.largest(layer, head)
            cells.append(_shade(value) + fitted(view.labels[key], width))
        yield f"{f'h.{layer}':<7}{' '.join(cells)}".rstrip()


def _layer_table(view: _View, layer: int) -> Iterator[str]:
    from picogpt_tui.lens.attention import glance

    rows = [view.largest(layer, head) for head in range(view.found.n_head)]
    width = max(len("token"), *(n_cells(_short(view.labels[key])) for key, _ in rows))
    without = ", the first token left out" if view.no_sink else ""
    yield f"h.{layer} at {view.where}: each head's largest {view.measure}{without}"
    yield ""
    yield f"head  position  {pad('token', width)}  {view.measure:>7}  {'entropy':>9}  {'on the first':>12}"
    for head, (key, value) in enumerate(rows):
        entropy = f"{bits(glance(view.values(layer, head)).entropy):.2f} bits"
        sink = percent(view.found.weights[layer][head][0])
        label = pad(_short(view.labels[key]), width)
        row = f"{head:>4}  {key:>8}  {label}  {percent(value)}  {entropy:>9}  {sink:>12}  {bar(value, _BAR_CELLS)}"
        yield row.rstrip()


def _head_table(view: _View, layer: int, head: int, top: int) -> Iterator[str]:
    from picogpt_tui.lens.attention import glance

    values, norms = view.values(layer, head), view.found.norms[layer][head]
    first = 1 if view.no_sink else 0
    keys = sorted(range(first, len(values)), key=lambda key: -values[key])
    shown, rest = keys[:top], keys[top:]
    width = max([len("token"), *(n_cells(_short(view.labels[key])) for key in shown)])
    yield f"h.{layer}.head.{head} at {view.where}; entropy {bits(glance(values).entropy):.2f} bits"
    yield ""
    yield f"position  {pad('token', width)}  {view.measure:>7}  {'norm':>8}"
    most = max(values) or 1.0
    for key in shown:
        label, size = pad(_short(view.labels[key]), width), bar(values[key] / most, _BAR_CELLS)
        yield f"{key:>8}  {label}  {percent(values[key])}  {norms[key]:>8.3g}  {size}".rstrip()
    if rest:
        yield f"{len(rest):,} other tokens {percent(sum(values[key] for key in rest)).strip()}"
    yield ""
    yield from _shaded_text(view.labels, [value / most for value in values])
    yield ""
    yield f"shades are parts of the largest {view.measure}: {_LEGEND}"


def _shaded_text(labels: Sequence[str], fractions: Sequence[float]) -> Iterator[str]:
    """The text, and under each token its shade."""
    text, under, cells = "", "", 0
    for label, fraction in zip(labels, fractions, strict=True):
        width = n_cells(label)
        if cells and cells + width > _TEXT_CELLS:
            yield from (text, under.rstrip())
            text, under, cells = "", "", 0
        text, under, cells = text + label, under + _shade(fraction) * width, cells + width
    yield from (text, under.rstrip())


def _shade(fraction: float) -> str:
    return _SHADES[round(fraction * (len(_SHADES) - 1))]


def _short(label: str) -> str:
    return fitted(label, min(n_cells(label), _WIDEST_LABEL))


def _tables(view: _View, layer: int | None, head: int | None, top: int) -> Iterator[str]:
    if layer is None:
        return _grid(view)
    return _layer_table(view, layer) if head is None else _head_table(view, layer, head, top)
