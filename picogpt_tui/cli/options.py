"""What several commands take: a text, a model's name, how to sample."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from picogpt_tui.cli.exits import note
from picogpt_tui.hub.registry import DEFAULT
from picogpt_tui.settings import GenerationSettings, SamplingSettings

Command = Callable[..., Any]
DEFAULTS = GenerationSettings()


def read_text(text: str) -> str:
    """The text itself, or all of stdin where it is `-`: UTF-8, every byte kept but those that are not UTF-8.

    What is wrong becomes U+FFFD, and is told. Line ends stay as they are, the last one too.
    """
    if text != "-":
        return text
    if sys.stdin.isatty():
        note("Reading the text from the terminal; end it with Ctrl+D on a line of its own.")
    data = sys.stdin.buffer.read()
    content = data.decode("utf-8", "replace")
    if n_wrong := content.count("\ufffd") - data.count("\ufffd".encode()):
        note(f"note: the text is not UTF-8 in {n_wrong:,} place{'s' * (n_wrong > 1)}; U+FFFD was read there.")
    return content


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models whose name begins so; where there is none, directories."""
    from picogpt_tui.hub.store import list_models

    help = {model.name: model.state for model in list_models()}
    items = [CompletionItem(name, help=text) for name, text in help.items() if name.startswith(incomplete)]
    return items or [CompletionItem(incomplete, type="dir")]


def model_option(command: Command) -> Command:
    """`--model`: every command that needs one takes it so."""
    return click.option(
        "-m",
        "--model",
        default=DEFAULT,
        show_default=True,
        metavar="NAME",
        shell_complete=complete_model,
        help="A bundled name, a size (124M, gpt2, ...), an owner/name, or a directory.",
    )(command)


def json_option(help: str) -> Callable[[Command], Command]:
    """`--json`, which says of each command what it prints."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def precision_option(command: Command) -> Command:
    """`--precision`: in what numbers the model's matrices are kept."""
    return click.option(
        "--precision",
        default="float32",
        show_default=True,
        metavar="NAME",
        help="float32, or int8: a quarter of the memory, faster with numba.",
    )(command)


def position_option(command: Command) -> Command:
    """`--position`: of the token from which a command looks."""
    return click.option(
        "--position",
        type=int,
        default=-1,
        show_default=True,
        metavar="N",
        help="Look from this token of PROMPT, counted from 0, or from the end: -1 is the last.",
    )(command)


def examples(*lines: str) -> str:
    """A help text's closing examples, each on its own line."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def _sampling_option(name: str, metavar: str, help: str) -> Callable[[Command], Command]:
    default = getattr(DEFAULTS.sampling, name)
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, type=type(default), default=default, show_default=True, metavar=metavar, help=help)


_SAMPLING = (
    _sampling_option(
        "temperature", "T", "Divides the logits. 0 is greedy: the likeliest token, the lowest id on ties."
    ),
    _sampling_option("top_k", "K", "Keeps the K likeliest tokens, and those that tie with the last. 0 is off."),
    _sampling_option("top_p", "P", "Keeps the smallest set of tokens whose mass is at least P. 1 is off."),
    _sampling_option("min_p", "P", "Keeps tokens at least P times as likely as the likeliest. 0 is off."),
    _sampling_option("typical_p", "P", "Keeps tokens whose surprise is nearest the entropy, up to mass P. 1 is off."),
    _sampling_option("repetition_penalty", "X", "Above 1, makes tokens already in the text less likely. 1 is off."),
    _sampling_option("order", "NAME", "Whose order of these and whose edge rules: huggingface, llama.cpp or gpt-2."),
)


def _note_unused(sampling: SamplingSettings) -> None:
    from picogpt_tui.gpt2.sampling_orders import unused

    if names := ", ".join(f"--{name.replace('_', '-')}" for name in unused(sampling)):
        note(f"note: the order {sampling.order} has no such stage; without effect: {names}.")


def sampling_options(command: Command) -> Command:
    """The sampling options, given to the command as one `sampling: SamplingSettings`."""

    @functools.wraps(command)
    def collected(
        *,
        temperature: float,
        top_k: int,
        top_p: float,
        min_p: float,
        typical_p: float,
        repetition_penalty: float,
        order: str,
        **others: Any,
    ) -> Any:
        sampling = SamplingSettings(repetition_penalty, temperature, top_k, top_p, min_p, typical_p, order)
        if order != DEFAULTS.sampling.order:
            _note_unused(sampling)
        return command(sampling=sampling, **others)

    decorated: Command = collected
    for option in reversed(_SAMPLING):  # click lists the one that was put on last first
        decorated = option(decorated)
    return decorated
