"""`picogpt-tui models`: which models there are, how they come here, whether they are sound, how they go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from picogpt_tui.cli.exits import FAILED, note
from picogpt_tui.cli.fetch import ask, can_ask, fetch, find_here
from picogpt_tui.cli.int8 import copies_elsewhere, find_copy, quantize_command, remove_copies
from picogpt_tui.cli.model_views import facts, info_json, model_json, table
from picogpt_tui.cli.options import complete_model, examples, json_option
from picogpt_tui.cli.output import is_terminal, write_bytes, write_json, write_lines
from picogpt_tui.cli.progress import telling, work_on
from picogpt_tui.errors import ModelError, PicoGPTError
from picogpt_tui.events import Downloaded, Progress
from picogpt_tui.hub.added import add
from picogpt_tui.hub.registry import SOURCES
from picogpt_tui.hub.store import find_model, list_models, stored_model
from picogpt_tui.paths import models_dir
from picogpt_tui.quantities import size_text
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.hub.upkeep import Verified

_MODEL = click.argument("model", shell_complete=complete_model)


@click.group(
    "models",
    epilog=examples(
        "picogpt-tui models list", "picogpt-tui models download 124M", "picogpt-tui models remove 124M --yes"
    ),
)
def models() -> None:
    """List, download, check, quantize and remove models."""


models.add_command(quantize_command)


@models.command("list")
@json_option("Print one JSON list of objects.")
def list_command(as_json: bool) -> None:
    """List the bundled model, the published sizes, and whatever else is on this machine or was added.

    Nothing is asked of anyone: sizes of models that are not here are those of their publication.
    """
    known = list_models()
    if as_json:
        write_json([model_json(model) for model in known])
    else:
        columns = shutil.get_terminal_size().columns if is_terminal() else None
        write_lines([*table(known, columns), "", f"models directory: {models_dir()}"])


@models.command("info", epilog=examples("picogpt-tui models info 124M", "picogpt-tui models info owner/name --json"))
@_MODEL
@json_option("Print one JSON object.")
def info_command(model: str, as_json: bool) -> None:
    """Say all that is known of MODEL without a network: files, version, licence, and the memory it takes."""
    found = stored_model(model)
    int8_copy = find_copy(found)
    if as_json:
        write_json(info_json(found, int8_copy))
    else:
        write_lines(facts(found, int8_copy))


@models.command(
    "download",
    epilog=examples(
        "picogpt-tui models download 124M",
        "picogpt-tui models download 124M --source openai",
        "picogpt-tui models download owner/name@revision --json",
    ),
)
@_MODEL
@click.option("--source", type=click.Choice(SOURCES), help="Who sends it; both have the published sizes.")
@json_option("Print JSON Lines: progress, then downloaded or stopped.")
def download_command(model: str, source: str | None, as_json: bool) -> None:
    """Download MODEL, a published size or an owner/name[@revision] of the Hugging Face hub; print its directory.

    Ctrl+C stops and keeps what came; the same command goes on from there, and so it does after a crash. What is here
    already, also in the Hugging Face cache, is not fetched again.

    HF_ENDPOINT names a mirror, HTTPS_PROXY a proxy, HF_TOKEN your token, PICOGPT_MODELS a folder on another disk.
    """
    if here := find_here(model, source):
        assert here.path is not None
        note(f"{one_line(here.name)} is on this machine already ({here.state}, {size_text(here.size_bytes)}).")
        _print_downloaded(Downloaded(here.name, here.path, here.size_bytes, 0), as_json=as_json)
        return
    found = stored_model(model)
    if found.manifest is None and found.missing:
        note(f"note: {found.path} holds files already; those that differ from the published ones are replaced.")
    done = fetch(model if source else found.download_name, source, as_json=as_json)
    name = one_line(done.name)
    note(f"{name} is ready: {size_text(done.size_bytes)}, {size_text(done.fetched_bytes)} fetched. Now try:")
    note(f'  picogpt-tui generate "Once upon a time" --model {name}')
    _print_downloaded(done, as_json=as_json)


@models.command("verify", epilog=examples("picogpt-tui models verify 124M", "picogpt-tui models verify 124M --repair"))
@_MODEL
@click.option("--repair", is_flag=True, help="Fetch the damaged files again, and no others.")
@json_option("Print one JSON object; with --repair, JSON Lines follow.")
def verify_command(model: str, repair: bool, as_json: bool) -> None:
    """Compare every byte of MODEL with what its download recorded, and look into its files.

    The exit code is 1 where something is damaged (with --repair: where it could not be put right).
    """
    found = _verified(model)
    if as_json:
        write_json(_verified_json(found))
    else:
        write_lines(_report(found))
    if not found.damaged:
        return
    name = one_line(found.name)
    if not (repair and found.can_repair):
        cure = f"`picogpt-tui models verify {name} --repair` fetches the damaged files again"
        raise ModelError(f"{name} is damaged; {cure if found.can_repair else _no_cure(name)}.", found.path)
    from picogpt_tui.hub.upkeep import prepare_repair

    prepare_repair(found)
    done = fetch(stored_model(found.name).download_name, as_json=as_json)
    note(f"{name} is whole again: {size_text(done.fetched_bytes)} fetched.")
    if as_json:
        _print_downloaded(done, as_json=True)


@models.command(
    "remove", epilog=examples("picogpt-tui models remove 124M", "picogpt-tui models remove owner/name --yes")
)
@_MODEL
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option("Print one JSON object: name, path, freed_bytes.")
def remove_command(model: str, yes: bool, as_json: bool) -> None:
    """Delete MODEL's folder from the models directory; of what was added with `models add`, only the entry.

    Its int8 copy goes with it, wherever that lies. The bundled model and the Hugging Face cache are left alone.
    """
    from picogpt_tui.hub.store import ADDED, SHARED
    from picogpt_tui.hub.upkeep import check_removable, remove

    found = check_removable(model)
    shown, is_entry = one_line(found.name), found.kind in (ADDED, SHARED)
    if not yes and not is_entry:
        size = size_text(found.size_bytes if found.partial_bytes is None else found.partial_bytes)
        if not can_ask():
            raise PicoGPTError(f"Removing {shown} deletes {size} at {found.path}; add --yes to do it.")
        if not ask(f"Delete {shown} ({size}) at {found.path}?", default=False):
            note(f"{shown} is kept.")
            raise click.exceptions.Exit(FAILED)
    copies = copies_elsewhere(found)
    removed = remove(model)
    copies_bytes = remove_copies(copies)
    freed_bytes = removed.freed_bytes + copies_bytes
    if as_json:
        path = None if removed.path is None else str(removed.path)
        write_json({"name": removed.name, "path": path, "freed_bytes": freed_bytes})
    elif is_entry:
        touched = f"only its int8 copy of {size_text(copies_bytes)} is deleted" if copies else "no file was touched"
        write_lines([f"{shown} is off the list; {touched}."])
    else:
        write_lines([f"{shown} is removed: {size_text(freed_bytes)} are free again."])


@models.command("path", epilog=examples("picogpt-tui models path", 'ls "$(picogpt-tui models path stories)"'))
@click.argument("model", required=False, shell_complete=complete_model)
def path_command(model: str | None) -> None:
    """Print the directory of MODEL; without one, the directory of all models.

    It can be moved, with its models: PICOGPT_MODELS or `models_dir` in the settings names the new place.
    """
    _print_path(os.fspath(models_dir() if model is None else find_model(model)))


@models.command("add", epilog=examples("picogpt-tui models add ./my-model", "picogpt-tui models add owner/name"))
@click.argument("directory_or_id", shell_complete=complete_model)
def add_command(directory_or_id: str) -> None:
    """Put a model directory that lies elsewhere, or an owner/name of the Hugging Face hub, on the list.

    Nothing is copied and nothing downloaded. The name that it has from now on is printed.
    """
    name = add(directory_or_id)
    added, shown = stored_model(name), one_line(name, 1000)
    if added.is_here:
        note(f'Added. Now try:\n  picogpt-tui generate "Once upon a time" --model {shown}')
    elif added.can_download:
        note(f"Added. `picogpt-tui models download {shown}` fetches it.")
    else:
        note(f"Added, though it is no model yet: it lacks {', '.join(added.missing)}.")
    _print_path(name)


def _print_path(path: str) -> None:
    if is_terminal():
        write_lines([path])
    else:
        write_bytes(os.fsencode(path) + b"\n")  # a file name is bytes, which need not be UTF-8


def _print_downloaded(done: Downloaded, *, as_json: bool) -> None:
    if as_json:
        sizes = {"size_bytes": done.size_bytes, "fetched_bytes": done.fetched_bytes}
        write_json({"event": "downloaded", "name": done.name, "path": str(done.path), **sizes})
    else:
        _print_path(os.fspath(done.path))


def _verified(name: str) -> Verified:
    from picogpt_tui.hub.upkeep import verify
    from picogpt_tui.session.inspection import check_model

    steps: Iterator[Progress | Verified] = verify(name, check_model)
    with telling() as teller:
        for step in steps:
            if isinstance(step, Progress):
                teller.show(work_on(name, step))
    assert not isinstance(step, Progress)
    return step


def _verified_json(found: Verified) -> dict[str, Any]:
    return {
        "event": "verified",
        "name": found.name,
        "path": str(found.path),
        "sound": not found.damaged,
        "recorded": found.is_recorded,
        "damaged": [{"file": file or None, "fault": fault} for file, fault in found.damaged],
        "can_repair": found.can_repair,
    }


def _report(found: Verified) -> list[str]:
    if found.damaged:
        return [one_line(f"{file} {fault}" if file else fault, 500) for file, fault in found.damaged]
    name = one_line(found.name)
    if found.is_recorded:
        return [f"{name} is sound: every byte is as recorded, and the files make a model."]
    return [f"{name} is sound: the files make a model (nobody recorded their bytes, so only that can be checked)."]


def _no_cure(name: str) -> str:
    return f"no download of ours can put it right: replace its files, or remove {name} and get it anew"
