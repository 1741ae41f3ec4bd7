"""What the explorer shows: the text with its cursor, its colours, the candidates, and a view. Asks nobody anything."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.getters import query_one

from picogpt_tui.events import Distribution
from picogpt_tui.tui.explorer_messages import TextShaded
from picogpt_tui.tui.token_flow import TokenBytes
from picogpt_tui.tui.views import make_view
from picogpt_tui.tui.widgets.candidates import Candidates
from picogpt_tui.tui.widgets.explorer_bar import ExplorerBar
from picogpt_tui.tui.widgets.instrument import Instrument, Scene
from picogpt_tui.tui.widgets.next_token import HEADING, CandidateStrip
from picogpt_tui.tui.widgets.shading_legend import ShadingLegend
from picogpt_tui.tui.widgets.token_text import TokenText
from picogpt_tui.tui.widgets.view_tabs import ViewTabs

_FEWEST_CANDIDATES = 12


class ExplorerStage(Vertical):
    """Draws a scene.

    Attributes:
        scene: where one is.
    """

    bar = query_one("#explorer-bar", ExplorerBar)
    tokens = query_one("#token-text", TokenText)
    legend = query_one("#legend", ShadingLegend)
    tabs = query_one("#view-tabs", ViewTabs)
    views = query_one("#views", Vertical)
    candidates = query_one("#candidates", Candidates)
    strip = query_one("#explorer-strip", CandidateStrip)

    def __init__(self, scene: Scene, id: str) -> None:
        super().__init__(id=id)
        self.scene = scene

    def compose(self) -> ComposeResult:
        """Text and view at the left, candidates at the right, on narrow screens below."""
        yield ExplorerBar(id="explorer-bar")
        with Horizontal(id="explorer-columns"):
            with Vertical(id="explorer-left"):
                yield TokenText(id="token-text")
                yield ShadingLegend(id="legend")
                yield ViewTabs(id="view-tabs")
                yield Vertical(id="views")
            yield Candidates(id="candidates")
        yield CandidateStrip(id="explorer-strip")

    @property
    def view(self) -> Instrument | None:
        """The view that is open."""
        return next((one for one in self.views.query_children(Instrument) if one.display), None)

    @property
    def n_candidates(self) -> int:
        """How many candidates to ask for: the list's rows, and on a narrow screen, where it is hidden, a line's."""
        return max(_FEWEST_CANDIDATES, self.candidates.n_rows)

    def open_view(self, id: str) -> None:
        """Open the view of this id, made when it is first opened; "" leaves all the room to the text."""
        for other in self.views.children:
            other.display = False
        self.lend(None)
        self.tabs.open = id
        self.views.display = bool(id)
        known = next((one for one in self.views.query_children(Instrument) if one.id == f"view-{id}"), None)
        if known is not None:
            known.display = True
        elif id:
            made = make_view(id)
            made.scene = self.scene
            self.views.mount(made)

    def show_text(self) -> None:
        """The version at hand is another, or has grown."""
        exploration, tokenizer = self.scene.exploration, self.scene.instruments.engine.tokenizer
        self.tokens.show(
            [
                TokenBytes(tokenizer.bytes_of(id), tokenizer.label(id), id in tokenizer.special)
                for id in exploration.ids()
            ],
            exploration.cursor,
        )
        self.bar.n_branches = exploration.n_branches()
        self.show_numbers()

    def show_numbers(self) -> None:
        """What the model thinks of the tokens: colours, and the text as a whole."""
        exploration, tokenizer = self.scene.exploration, self.scene.instruments.engine.tokenizer
        path, tree = exploration.path, exploration.document.tree
        facts = [tree.facts.get(node) for node in path]
        self.legend.show_on(self.tokens, facts)
        known = [(one.logprob, tree.id(node)) for one, node in zip(facts[1:], path[1:], strict=True) if one is not None]
        self.bar.position, self.bar.n_tokens = exploration.cursor, len(path)
        self.bar.surprisals = -sum(logprob for logprob, _ in known), len(known)
        self.bar.n_bytes = sum(len(tokenizer.bytes_of(id)) for _, id in known)
        self._tell_view()

    def show_cursor(self) -> None:
        """The cursor is on another token."""
        self.bar.position = self.scene.exploration.cursor
        self.tokens.move_to(self.scene.exploration.cursor)
        self._tell_view()

    def show_distribution(self, shown: Distribution) -> None:
        """What could stand at the cursor, of another position than before; the token that stands there is chosen."""
        self.candidates.heading = HEADING
        self.candidates.show_at(shown, self.scene.exploration.taken)
        self.show_choice()

    def show_choice(self) -> None:
        """Another candidate is chosen, or the list is another."""
        chosen = self.candidates.selected
        self.scene.chosen = chosen.id if chosen is not None else None
        if self.scene.look is not None:
            self.strip.show(self.scene.look.distribution, self.scene.chosen)
        if self.view is not None and self.view.is_mounted:
            self.view.look_changed()

    def reshape(self) -> None:
        """The knobs are others: the same position, and the same candidate chosen."""
        look, chosen = self.scene.look, self.candidates.selected
        if look is None:
            return
        self.candidates.show(look.distribution, self.scene.exploration.taken)
        if chosen is not None:
            self.candidates.choose(chosen.id)
        self.show_choice()

    def show_instead(self, shown: Distribution | None, heading: str) -> None:
        """A view's own distribution in the list; None gives the model's back."""
        if shown is None and self.scene.look is not None:
            shown = self.scene.look.distribution
        if shown is not None:
            self.candidates.heading = heading or HEADING
            self.candidates.show(shown, self.scene.exploration.taken)
            self.strip.show(shown, self.scene.chosen)

    def lend(self, shaded: TextShaded | None) -> None:
        """Let a view shade the text; None gives it its own shades back."""
        self.legend.lend(shaded)
        self.show_numbers()

    def _tell_view(self) -> None:
        if self.view is not None and self.view.is_mounted:
            self.view.text_changed()
