"""Keeps sessions in files: saves after every answer, opens, names, exports. Takes no room on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.widget import Widget

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.session import storage
from picogpt_tui.session.document import Document
from picogpt_tui.session.export import FORMATS, export, free_path
from picogpt_tui.tui import jobs
from picogpt_tui.tui.messages import SessionChosen, SessionSaved, SessionsListed
from picogpt_tui.tui.screens.ask import Ask
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.session.engine import Engine


class SessionKeeper(Widget):
    """Nothing is asked and nothing is lost: whatever has an answer is on disk."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._wants_picker = False

    def save(self, document: Document, engine: Engine | None) -> None:
        """Write a document to its file, in the background."""
        if document.is_empty:
            return
        document.path = document.path or storage.session_path(document)
        self._save(engine, document, storage.to_dict(document), document.path)

    def refresh_list(self) -> None:
        """Look which sessions are saved, for the library."""
        self._list()

    def pick(self) -> None:
        """Let the user choose a saved session."""
        self._wants_picker = True
        self._list()

    def open(self, path: Path, engine: Engine | None) -> None:
        """Read a session's file; SessionOpened tells when it is there."""
        self._open(path, engine)

    def ask_name(self, document: Document, engine: Engine | None) -> None:
        """Let the user give the session a name, and save it."""
        if document.is_empty:
            self.notify("There is nothing to save yet.", markup=False)
            return

        def take(title: str | None) -> None:
            if title is not None:
                document.title = title
                self.save(document, engine)
                self.notify(f"Saved as {one_line(title, 60)!r}.", markup=False)

        name = document.title or storage.title_of(document)
        self.app.push_screen(Ask("Name and save session", "It is kept under this name in the list.", name), take)

    def ask_export(self, document: Document, engine: Engine | None) -> None:
        """Let the user write the text to a file."""
        if document.is_empty or engine is None:
            self.notify("There is nothing to export yet.", markup=False)
            return

        def take(answer: str | None) -> None:
            if answer is None:
                return
            path = Path(answer).expanduser()
            try:
                export(document, path, engine)
            except PicoGPTError as error:
                self.notify(one_line(str(error), 400), severity="error", timeout=10, markup=False)
            else:
                self.notify(f"Written to {one_line(str(path.resolve()), 200)}.", markup=False)

        formats = ", ".join(f".{ending} {name}" for ending, name in FORMATS.items())
        stem = (document.path or storage.session_path(document)).stem
        suggestion = str(free_path(Path.cwd(), stem, "md"))
        self.app.push_screen(Ask("Export", f"The ending says the format: {formats}.", suggestion), take)

    @work(thread=True, group="save", exit_on_error=False)
    def _save(self, engine: Engine | None, document: Document, fields: dict[str, Any], path: Path) -> None:
        jobs.save_job(engine, document, fields, path, self.post_message)

    @work(thread=True, group="list", exit_on_error=False)
    def _list(self) -> None:
        jobs.list_sessions_job(self.post_message)

    @work(thread=True, group="open", exit_on_error=False)
    def _open(self, path: Path, engine: Engine | None) -> None:
        jobs.open_session_job(path, engine, self.post_message)

    @on(SessionSaved)
    def _note_digest(self, message: SessionSaved) -> None:
        message.document.digest = message.digest
        self.refresh_list()

    @on(SessionsListed)
    def _show_picker(self, message: SessionsListed) -> None:
        if self._wants_picker:
            self._wants_picker = False
            from picogpt_tui.tui.screens.sessions import SessionPicker  # opened seldom, so not part of the first frame

            def take(path: Path | None) -> None:
                if path is not None:
                    self.post_message(SessionChosen(path))

            self.app.push_screen(SessionPicker(message.sessions), take)
