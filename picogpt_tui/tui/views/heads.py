"""Where the heads look from the token under the cursor: a grid of all, one of them in the text itself, and pictures."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.geometry import Size

from picogpt_tui.readings import Attention, HeadGlance, HeadPictures
from picogpt_tui.tui.explorer_messages import LinePointed, TextShaded, TokenPointed
from picogpt_tui.tui.views.heads_data import heads_numbers, heads_table
from picogpt_tui.tui.views.heads_pictures import head_at, layout, pictures_view
from picogpt_tui.tui.views.heads_rows import (
    MEASURES,
    Picture,
    grid_column,
    grid_of,
    heads_rows,
    list_start,
    looked_at,
    most_looking,
    n_above,
    n_beside,
    text_levels,
    text_marks,
    text_meaning,
)
from picogpt_tui.tui.views.part_grid import moved, part_at, top_in_view
from picogpt_tui.tui.widgets.instrument import Instrument

if TYPE_CHECKING:
    from picogpt_tui.session.instruments import Place
    from picogpt_tui.tui.explorer_jobs import Question

_SEEN = tuple[int, int, int]
"""What a layer's pictures are of: the node of the last token, the layer, their size."""


class HeadsView(Instrument):
    """Layers by heads. The text is shaded by the chosen head, whether the focus is in here or not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "Layer above", show=False),
        Binding("down", "move(1, 0)", "Layer below", show=False),
        Binding("left", "move(0, -1)", "Head before", show=False),
        Binding("right", "move(0, 1)", "Head behind", show=False),
        Binding("enter", "follow", "To the token that it looks at most", show=False),
        Binding("k", "measure", "What the grid shows", show=False),
        Binding("i", "sink", "Leave the first token out", show=False),
        Binding("v", "norm", "By weight, or by what comes through", show=False),
        Binding("t", "pictures", "Pictures of all heads of the layer", show=False),
    ]
    HELP_TEXT = (
        "Where each head looks from the token under the cursor: softmax(q k / sqrt(d_head)), or with v the length of "
        "what each token sends through, ||weight v W_O|| (Kobayashi et al. 2020, arxiv.org/abs/2004.10102); i leaves "
        "out the first token, where idle heads rest (Xiao et al. 2023, arxiv.org/abs/2309.17453). Attention is not "
        "explanation (Jain & Wallace 2019, arxiv.org/abs/1902.10186): surgery tries out what a head does."
    )

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._place: Place | None = None
        self._found: tuple[int, Attention] | None = None  # with the node of the token that looks
        self._pictures: tuple[_SEEN, HeadPictures] | None = None
        self._has_pictures = False
        self._at = 0, 0
        self._measure = 0
        self._by_norm = self._no_sink = False
        self._top = 0
        self._glances: tuple[tuple[HeadGlance, ...], ...] = ()

    # -- asking --------------------------------------------------------------------------------------------------------

    def question(self) -> Question | None:
        """What is not known of the token under the cursor; behind the last token, of the last."""
        place = self._place = self.scene.place
        if not place.ids:
            self._found, self._glances = None, ()
            self._show()
            return None
        is_known = self._found is not None and self._found[0] == _node(place)
        pictured, (layer, size) = self._pictured(), (self._at[0], self._n_dots)
        is_pictured = not self._has_pictures or (self._pictures is not None and self._pictures[0] == pictured)
        if is_known:
            self._show()
        if is_known and is_pictured:
            return None
        from picogpt_tui.session import probes  # needs NumPy, which came with the model

        return lambda instruments, should_stop: chain(
            () if is_known else probes.attend(instruments, place, should_stop),
            () if is_pictured else probes.picture_heads(instruments, place, layer, size, should_stop),
        )

    def answer(self, reading: object) -> None:
        """Draw it, and shade the text."""
        place = self._place
        if place is None or not place.ids:
            return
        if isinstance(reading, Attention):
            self._found = _node(place), reading
            is_first = not self._glances
            self._glance()
            if is_first:
                self._at = most_looking(self._glances)
        elif isinstance(reading, HeadPictures) and (seen := self._pictured()) is not None:
            self._pictures = (seen[0], reading.layer, seen[2]), reading
        self._show()

    def on_resize(self) -> None:
        """More room makes larger pictures."""
        if self._has_pictures and self._pictures is not None and self._pictures[0] != self._pictured():
            self.ask_again()
        self.draw()

    # -- what the user does --------------------------------------------------------------------------------------------

    def action_move(self, by_layers: int, by_heads: int) -> None:
        """Go to another head."""
        if self._glances:
            self._choose(moved(grid_of(self._picture()), by_layers, by_heads))

    def action_follow(self) -> None:
        """Put the cursor on the token that the head looks at most."""
        picture = self._picture()
        if found := looked_at(picture):
            self.post_message(TokenPointed(picture.first + found[0]))

    def action_measure(self) -> None:
        """Let the grid show the next number."""
        self._measure = (self._measure + 1) % len(MEASURES)
        self.draw()

    def action_sink(self) -> None:
        """Leave the first token out, or let it in."""
        self._no_sink = not self._no_sink
        self._glance()
        self._show()

    def action_norm(self) -> None:
        """Measure by weight, or by what comes through."""
        self._by_norm = not self._by_norm
        self._glance()
        self._show()

    def action_pictures(self) -> None:
        """From the grid to the pictures of the layer, and back."""
        self._has_pictures = not self._has_pictures
        self.ask_again()
        self.draw()

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        if not self._glances:
            return
        picture, (width, height) = self._picture(), self._room
        line = message.line - n_above(height)
        if self._has_pictures:
            n_head = len(self._glances[0])
            head = head_at(layout(n_head, width, n_beside(height)), n_head, message.x, line)
            self._choose((self._at[0], head if head is not None else self._at[1]))
        elif message.x < list_start(picture, width):
            part = part_at(grid_of(picture), message.x, line, grid_column(picture, width), n_beside(height))
            self._choose(part or self._at)
        elif 0 < line <= len(found := looked_at(picture)):
            self.post_message(TokenPointed(picture.first + found[line - 1]))

    def _choose(self, at: tuple[int, int]) -> None:
        is_another_layer, self._at = at[0] != self._at[0], at
        if is_another_layer and self._has_pictures:
            self.ask_again()
        self._show()

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> Size:
        """Cells to draw in."""
        return self.lines.scrollable_content_region.size

    @property
    def _n_dots(self) -> int:
        """Rows and columns of a picture that there is room for."""
        width, height = self._room
        return layout(self.scene.instruments.engine.config.n_head, width, n_beside(height)).dots

    def _pictured(self) -> _SEEN | None:
        """What the pictures should be of."""
        return (_node(self._place), self._at[0], self._n_dots) if self._place is not None and self._place.ids else None

    def _glance(self) -> None:
        from picogpt_tui.session.heads import head_glances  # needs NumPy, which came with the model

        if self._found is not None:
            self._glances = head_glances(self._found[1], by_norm=self._by_norm, no_sink=self._no_sink)

    def _picture(self) -> Picture:
        """Of the token that was told last, though the cursor may be on its way already."""
        place = self._place
        if self._found is None or place is None or not self._glances:
            return Picture()
        from picogpt_tui.session.heads import head_values  # as above

        tree, (node, found), (layer, head) = self.scene.exploration.document.tree, self._found, self._at
        ids = tree.path_ids(node, found.position + 1)
        return Picture(
            tuple(map(self.scene.label, ids)),
            tree.position(node) - found.position,
            self._glances,
            head_values(found, layer, head, by_norm=self._by_norm, no_sink=self._no_sink),
            self._at,
            MEASURES[self._measure],
            self._by_norm,
            self._no_sink,
            self._top,
            self.has_focus_within,
        )

    def _show(self) -> None:
        """Draw, and shade the text."""
        picture = self._picture()
        if picture.glances:
            n_tokens = max(len(self.scene.exploration.path), picture.where + 1)
            levels, marks = text_levels(picture, n_tokens), text_marks(picture, n_tokens)
            self.post_message(TextShaded(levels, "cool", marks, text_meaning(picture)))
        else:
            self.post_message(TextShaded(None))
        self.draw()

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        if not self.is_mounted:
            return
        picture, (width, height) = self._picture(), self._room
        if picture.glances:
            self._top = top_in_view(grid_of(picture), n_beside(height))
        pictures = self._pictures[1] if self._pictures is not None and self._pictures[0] == self._pictured() else None
        if picture.glances and self._has_pictures:
            self.lines.show(pictures_view(picture, pictures, width, height))
        else:
            self.lines.show(heads_rows(picture, width, height))

    def numbers(self) -> object:
        """All weights and norms."""
        return None if self._found is None else heads_numbers(self._found[1], self._picture().first)

    def table(self) -> list[list[object]]:
        """A line for each head."""
        return heads_table(self._glances, self._picture().first)


def _node(place: Place) -> int:
    """Of the token that looks: the one under the cursor, else the last."""
    return place.nodes[min(place.cursor, len(place.nodes) - 1)]
