"""The models: which there are, which are here, what they need; download, pause, verify, repair, delete, add, use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from picogpt_tui import paths
from picogpt_tui.errors import ModelNotFound, PicoGPTError
from picogpt_tui.hub import disk, memory
from picogpt_tui.hub.added import add
from picogpt_tui.hub.registry import HUGGING_FACE, OPENAI, host_of, published
from picogpt_tui.hub.store import PUBLISHED_SIZE, StoredModel, stored_model
from picogpt_tui.hub.upkeep import check_removable
from picogpt_tui.tui.breakpoints import HEIGHTS, WIDTHS
from picogpt_tui.tui.downloads import PAUSED, RUNNING
from picogpt_tui.tui.model_row import head, title
from picogpt_tui.tui.model_text import Room, Shown, details, keys
from picogpt_tui.tui.precisions import Appraisal, other
from picogpt_tui.tui.screens.confirm import confirm_removal
from picogpt_tui.tui.widgets.model_keys import ModelKeys
from picogpt_tui.tui.widgets.model_table import ModelTable
from picogpt_tui.tui.widgets.one_line_input import OneLineInput
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from picogpt_tui.tui.app import PicoGPTApp
    from picogpt_tui.tui.widgets.model_keeper import ModelKeeper

_ADD, _USE = "a directory, or owner/name[@revision] of the Hugging Face hub", "the path of a model directory, or a name"


class ModelsScreen(Screen[str | None]):
    """Answers with the name of a model to load, or None when left. Downloads go on without it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "leave", "Back"),
        Binding("d", "download", "Download"),
        Binding("p", "pause", "Pause"),
        Binding("c", "cancel", "Cancel"),
        Binding("i", "precision", "int8 or float32"),
        Binding("v", "verify", "Verify"),
        Binding("r", "repair", "Repair"),
        Binding("x,delete", "remove", "Delete"),
        Binding("a", "add", "Add"),
        Binding("s", "source", "Other source"),
        Binding("y", "copy_path", "Copy path"),
        Binding("slash", "type_path", "Type a path"),
    ]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#models"

    app: PicoGPTApp

    table = query_one("#models", ModelTable)
    input = query_one("#model-path", Input)

    def __init__(self, keeper: ModelKeeper, current: str) -> None:
        super().__init__()
        self._keeper = keeper
        self._sources: dict[str, str] = {}
        self._wanted = next(iter(keeper.downloads), "") or current
        self._adds = False
        self._room = Room(None, None)

    def compose(self) -> ComposeResult:
        """A heading, the table, the details, an input, the keys."""
        yield Static("", id="models-title", markup=False)
        yield Static("", id="models-head", classes="quiet table-head", markup=False)
        yield ModelTable("models")
        with VerticalScroll(id="models-details", can_focus=False):
            yield Static("", id="model-detail", markup=False)
        yield OneLineInput(id="model-path")
        yield ModelKeys("models-keys")

    def on_mount(self) -> None:
        """Show what is known, and look again."""
        self._keeper.changed.subscribe(self, lambda _: self.show_models())
        self._room = Room(memory.available_bytes(), disk.free_bytes(paths.models_dir()))
        self._keeper.appraise()

    def on_resize(self) -> None:
        """Everything is as wide as there is room."""
        self.query_one("#models-title", Static).update(title(paths.models_dir(), self._room))
        self.query_one("#models-head", Static).update(Content(head(self.size.width)))
        self.show_models()

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show_models(self) -> None:
        """Draw what has changed."""
        if self.table.show([self._shown(model) for model in self._keeper.models], self._room, self._wanted):
            self._wanted = ""
        self._show_details()

    def _shown(self, model: StoredModel) -> Shown:
        keeper, name, main = self._keeper, model.name, self.app.main
        download, verifying, finding = keeper.downloads.get(name), keeper.checked(name), keeper.findings.get(name, "")
        source = download.source if download is not None and download.is_running else self._sources.get(name)
        if source is not None and model.path is None and (size_of := published(name)):
            model = replace(model, size_bytes=size_of.download_bytes(source), host=host_of(source))
        precision, appraisal = self.app.precision_of(name), keeper.appraisals.get(name, Appraisal())
        is_current, in_use = name == main.model_name, main.precision
        return Shown(model, is_current, download, verifying, finding, source, precision, in_use, appraisal)

    @on(OptionList.OptionHighlighted, "#models")
    def _show_details(self) -> None:
        model = self.table.model
        if model is None:
            return
        shown = self._shown(model)
        self.query_one("#model-detail", Static).update(details(shown, self._room, self.size.width - 4))
        self.query_one("#models-keys", ModelKeys).show(keys(shown))

    # -- what can be done ----------------------------------------------------------------------------------------------

    @on(OptionList.OptionSelected, "#models")
    def action_use(self) -> None:
        """Load it, or bring it here."""
        model = self.table.model
        if model is None:
            return
        if model.is_here:
            self.dismiss(model.name)
        elif model.can_download:
            self.action_download()
        else:
            lacks = f"{one_line(model.name, 60)} lacks {', '.join(model.missing)}"
            self._say(one_line(f"{lacks}; put that into {model.path}.", 400))

    def action_download(self) -> None:
        """Begin a download, or go on with it."""
        model = self.table.model
        if model is None:
            return
        if not model.can_download:
            self._say(f"{one_line(model.name, 60)} is here; there is nothing to download.")
            return
        begun_with = model.manifest.source if model.manifest is not None else None
        self._keeper.download(model.name, begun_with or self._sources.get(model.name))

    def action_pause(self) -> None:
        """Pause what runs, go on with what is paused."""
        model = self.table.model
        download = self._keeper.downloads.get(model.name) if model is not None else None
        if download is not None and download.state == PAUSED:
            self.action_download()
        elif download is not None:
            self._keeper.pause(download.name)

    def action_cancel(self) -> None:
        """Stop a download, what came stays on the disk; or stop looking at the bytes."""
        model = self.table.model
        if model is not None and self._keeper.checked(model.name) is not None:
            self._keeper.stop_verifying()
            return
        download = self._keeper.downloads.get(model.name) if model is not None else None
        if download is None:
            return
        self._keeper.cancel(download.name)
        if download.state in (RUNNING, PAUSED):
            self._say(f"{one_line(download.name, 60)}: the download has ended; what came is kept, and x deletes it.")

    def action_precision(self) -> None:
        """Load it in the other precision from now on."""
        if (model := self.table.model) is not None:
            self.app.choose_precision(model.name, other(self.app.precision_of(model.name)))
            self.show_models()

    def action_verify(self) -> None:
        """Look at every byte."""
        self._look_through(repairs=False)

    def action_repair(self) -> None:
        """Look at every byte, and fetch again what is damaged."""
        self._look_through(repairs=True)

    def action_remove(self) -> None:
        """Delete it, once more asked."""
        model = self.table.model
        if model is None:
            return
        name = one_line(model.name, 60)
        if self._is_in_use(model):
            self._say(f"{name} is in use; load another model first.")
            return
        if self._keeper.checked(model.name) is not None:
            self._say(f"{name} is being verified; wait until that is done, or press c.")
            return
        try:
            removable = check_removable(model.name)
        except PicoGPTError as error:
            self._say(one_line(str(error), 400))
            self._keeper.refresh_list()
            return
        self.app.push_screen(
            confirm_removal(removable), lambda is_sure: self._keeper.delete(model.name) if is_sure else None
        )

    def _is_in_use(self, model: StoredModel) -> bool:
        """By its name, or by another one that it was loaded by."""
        in_use = self.app.main.model_name
        if model.name == in_use or model.path is None:
            return model.name == in_use
        try:
            return stored_model(in_use).path == model.path
        except ModelNotFound:
            return False

    def action_source(self) -> None:
        """Ask the other publisher of a published size."""
        model = self.table.model
        download = self._keeper.downloads.get(model.name) if model is not None else None
        if download is not None and download.is_running:
            return
        if model is not None and model.kind == PUBLISHED_SIZE and model.path is None:
            before = self._sources.get(model.name, HUGGING_FACE)
            self._sources[model.name] = HUGGING_FACE if before == OPENAI else OPENAI
            self.show_models()

    def action_copy_path(self) -> None:
        """Send the path to the clipboard."""
        model = self.table.model
        if model is not None and model.path is not None:
            self.app.copy_to_clipboard(str(model.path))
            self._say(f"{one_line(str(model.path), 200)} sent to the terminal's clipboard.")

    def _look_through(self, *, repairs: bool) -> None:
        model = self.table.model
        if model is None:
            return
        if not model.is_here and not (repairs and model.missing):
            self._say(f"{one_line(model.name, 60)} is not here; there is nothing to verify.")
        elif self._keeper.verifying is not None:
            self._say("One model is being verified already; wait until that is done.")
        else:
            self._keeper.verify(model.name, repairs=repairs)

    # -- by name -------------------------------------------------------------------------------------------------------

    def action_add(self) -> None:
        """Let the user add a directory or a repository to the list."""
        self._ask(adds=True)

    def action_type_path(self) -> None:
        """Let the user load a model by its path, without adding it."""
        self._ask(adds=False)

    def action_leave(self) -> None:
        """Out of the input, then out of the screen."""
        if self.has_class("-asking"):
            self.remove_class("-asking")
            self.table.focus()
        else:
            self.dismiss(None)

    def _ask(self, *, adds: bool) -> None:
        self._adds = adds
        self.input.placeholder = _ADD if adds else _USE
        self.input.value = ""
        self.add_class("-asking")
        self.input.focus()

    @on(Input.Submitted, "#model-path")
    def _take_name(self, event: Input.Submitted) -> None:
        name = event.value.strip()
        if not name:
            return
        if not self._adds:
            self.dismiss(name)
            return
        try:
            self._wanted = add(name)
        except PicoGPTError as error:
            self._say(one_line(str(error), 400))
            return
        self.action_leave()
        self._keeper.refresh_list()

    def _say(self, sentence: str) -> None:
        self.notify(sentence, markup=False)
