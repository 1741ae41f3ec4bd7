"""What the explorer shows, taken away: as a file in the format that its name ends in, or through the clipboard.

What is shown is gathered here and now; a worker adds the weights' digest, which may have to be computed, and writes.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from textual.app import App

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.session import storage
from picogpt_tui.session.export import free_path, to_text, write_new
from picogpt_tui.session.view_export import (
    SESSION,
    TEXT_VIEW,
    Subject,
    format_of,
    to_csv,
    to_json,
    to_tabs,
    token_numbers,
    token_table,
)
from picogpt_tui.tui.explorer_messages import Said
from picogpt_tui.tui.jobs import Post, sentence
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine
    from picogpt_tui.tui.screens.explorer import ExplorerScreen

T = TypeVar("T")
Written = Callable[[str], str]
"""What a file will hold, given the digest of the weights."""
_FORMATS = ".json .csv: the numbers, .svg .html: the picture, .txt: the text shown, .session.json: the whole session"


def ask_export(screen: ExplorerScreen) -> None:
    """Let the user write what the view shows to a file; where none is open, the text's tokens."""
    from picogpt_tui.tui.screens.ask import Ask  # opened seldom

    document = screen.exploration.document
    stem = f"{(document.path or storage.session_path(document)).stem}-{_view_name(screen)}"
    suggestion = str(free_path(Path.cwd(), stem, "json"))

    def take(answer: str | None) -> None:
        if answer is not None:
            screen.call_after_refresh(export, answer, screen)  # a picture of the screen, not of the question

    screen.app.push_screen(Ask("Export", f"The ending says the format; {_FORMATS}.", suggestion), take)


def export(answer: str, screen: ExplorerScreen) -> None:
    """Write what is shown to a file of this name."""
    path = Path(answer)
    with contextlib.suppress(RuntimeError):  # a `~` of nobody
        path = path.expanduser()
    try:
        written = _written(format_of(path), screen)
    except PicoGPTError as error:
        screen.say(sentence(error), is_trouble=True)
        return
    job = partial(export_job, path, written, screen.engine, screen.post_message)
    screen.run_worker(job, group="export", thread=True, exit_on_error=False)


def export_job(path: Path, written: Written, engine: Engine, post: Post) -> None:
    """Write a file, in a worker's thread; posts Said."""
    try:
        write_new(path, written(engine.digest()))
        post(Said(f"Written to {one_line(str(path.resolve()), 200)}."))
    except Exception as error:  # whatever goes wrong on a foreign disk becomes a sentence on the screen
        post(Said(sentence(error), is_trouble=True))


def copy(screen: ExplorerScreen) -> None:
    """Send what the view shows to the terminal's clipboard: rows for a spreadsheet, or the lines it has drawn."""
    table = _table(screen)
    if len(table) > 1:
        text, n_rows = to_tabs(table), len(table) - 1
    else:
        text = _text(screen)
        n_rows = len(text.splitlines())
    screen.app.copy_to_clipboard(text)
    screen.say(f"{n_rows:,} row{'s' * (n_rows != 1)} sent to the terminal's clipboard.")


# -- what is shown -----------------------------------------------------------------------------------------------------


def _view_name(screen: ExplorerScreen) -> str:
    return TEXT_VIEW if screen.view is None else (screen.view.id or "").removeprefix("view-")


def _numbers(screen: ExplorerScreen) -> object:
    if screen.view is None:
        return token_numbers(screen.exploration, screen.engine.tokenizer)
    return screen.view.numbers()


def _table(screen: ExplorerScreen) -> list[list[object]]:
    if screen.view is None:
        return token_table(screen.exploration, screen.engine.tokenizer)
    return screen.view.table()


def _text(screen: ExplorerScreen) -> str:
    return to_text(screen.exploration.document) if screen.view is None else screen.view.text.rstrip() + "\n"


def _subject(screen: ExplorerScreen) -> Subject:
    exploration, info = screen.exploration, screen.engine.info
    ids = tuple(exploration.ids())
    text = screen.engine.decode(ids)
    return Subject(_view_name(screen), info.name, info.precision, None, text, ids, exploration.cursor)


def _written(format: str, screen: ExplorerScreen) -> Written:
    if format == "json":
        return _json(_subject(screen), _something(_numbers(screen)))
    if format == "csv":
        return _always(to_csv(_something(_table(screen))))
    if format == "svg":
        return _always(screen.app.export_screenshot())
    if format == "html":
        return _always(picture_html(screen.app))
    if format == SESSION:
        return _session(storage.to_dict(screen.exploration.document))
    return _always(_text(screen))


def _something(shown: T) -> T:
    if not shown:
        raise PicoGPTError("This view shows no numbers yet; wait for them, or choose .txt, .svg or .html.")
    return shown


def _always(text: str) -> Written:
    return lambda digest: text


def _json(subject: Subject, numbers: object) -> Written:
    return lambda digest: to_json(replace(subject, digest=digest or None), numbers)


def _session(fields: dict[str, Any]) -> Written:
    def written(digest: str) -> str:
        fields["model"]["digest"] = fields["model"]["digest"] or digest
        return json.dumps(fields, separators=(",", ":"))

    return written


def picture_html(app: App[Any]) -> str:
    """The screen as an HTML page that stands by itself; made as Textual makes its SVG."""
    width, height = app.size
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))
    return console.export_html(theme=app.ansi_theme, inline_styles=True)
