"""Bring a model while a person watches: what `models download` does, and every command that finds a model missing."""

from __future__ import annotations

import sys

import click

from picogpt_tui.cli.exits import INTERRUPTED, note, stop_on_interrupt
from picogpt_tui.cli.output import write_json
from picogpt_tui.cli.progress import Teller, telling
from picogpt_tui.errors import ModelNotFound
from picogpt_tui.events import Downloaded, DownloadProgress, DownloadStopped
from picogpt_tui.hub.memory import available_bytes
from picogpt_tui.hub.registry import HUGGING_FACE, published
from picogpt_tui.hub.store import StoredModel, rest_bytes, stored_model
from picogpt_tui.quantities import size_text
from picogpt_tui.visible import one_line


def fetch(name: str, source: str | None = None, *, as_json: bool = False) -> Downloaded:
    """Download a model, or what is missing of it, and tell how far it is.

    Ctrl+C ends it, says how to go on, and leaves the program with its exit code.

    Raises:
        DownloadError, ModelNotFound, SettingError, FileError: what stands in the way; what came is kept.
    """
    from picogpt_tui.hub.download import Checks, Downloader
    from picogpt_tui.session.inspection import check_config, check_model

    downloader = Downloader(Checks(check_config, check_model))
    is_announced = False
    with stop_on_interrupt() as should_stop, telling(as_json=as_json) as teller:
        for event in downloader.download(name, source_name=source, should_stop=should_stop):
            if isinstance(event, DownloadProgress):
                if not is_announced and event.phase != "looking up":
                    # the source has answered, and nothing but the config is asked for yet
                    is_announced = True
                    _announce(event.name, teller)
                teller.show(event)
    if isinstance(event, DownloadStopped):
        _end(event, as_json=as_json)
    assert isinstance(event, Downloaded)
    return event


def find_here(name: str, source: str | None) -> StoredModel | None:
    """The model of this name if there is nothing to download: it is here, and from that source where one is named."""
    from picogpt_tui.hub.targets import target

    model = stored_model(name)
    if not model.is_here or source is None:
        return model if model.is_here else None
    is_that_one = model.path == target(name, source).directory or (model.is_shared and source == HUGGING_FACE)
    return model if is_that_one else None


def ask(question: str, *, default: bool) -> bool:
    """Ask the person at the terminal, on stderr since stdout is data; the end of the input is a no."""
    click.echo(f"{question} [{'Y/n' if default else 'y/N'}] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        click.echo(err=True)
        return False
    return answer.strip().lower() in ("y", "yes") or (default and not answer.strip())


def can_ask() -> bool:
    """Whether a person sits there who sees a question and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _announce(name: str, teller: Teller) -> None:
    """Licence and size, before the weights come."""
    try:
        model = stored_model(name)
    except ModelNotFound:  # removed by another process, a moment ago: the download will say so
        return
    if model.manifest is None:
        return
    of = model.manifest
    page = f" ({_page(model)})" if _page(model) else ""
    rest = "" if not model.partial_bytes else f", {size_text(rest_bytes(model))} of them to come"
    shown = one_line(name, 100)
    teller.say(f"{shown}: {size_text(of.size_bytes)} from {of.host}{rest}; licence {one_line(of.licence, 60)}{page}")
    available = available_bytes()
    if model.memory_bytes and available is not None and model.memory_bytes > available:
        needs, has = size_text(model.memory_bytes), size_text(available)
        teller.say(f"note: {shown} takes about {needs} of memory to run, and {has} are free now.")


def _page(model: StoredModel) -> str:
    """Where its licence can be read."""
    assert model.manifest is not None
    if model.manifest.source == HUGGING_FACE:
        return f"https://huggingface.co/{one_line(model.manifest.repo, 100)}"
    return "https://github.com/openai/gpt-2" if published(model.manifest.repo) else ""


def _end(stopped: DownloadStopped, *, as_json: bool) -> None:
    if as_json:
        write_json({"event": "stopped", "name": stopped.name, "done": stopped.done, "total": stopped.total})
    how_far = f" at {100 * stopped.done // stopped.total} %" if stopped.total else ""
    note(f"Stopped{how_far}. `picogpt-tui models download {one_line(stopped.name)}` goes on from there.")
    raise click.exceptions.Exit(INTERRUPTED)
