"""The tree: every way the text ever took, walked by keys, named, put away and found again."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.getters import query_one
from textual.widgets import Static

from picogpt_tui.session.tree import ROOT, TokenTree
from picogpt_tui.tui.drawing import cells
from picogpt_tui.tui.explorer_messages import LinePointed, NodePointed, TreeChanged
from picogpt_tui.tui.screens.ask import Ask
from picogpt_tui.tui.views.tree_data import tree_numbers, tree_table
from picogpt_tui.tui.views.tree_layout import (
    NOWHERE,
    Branch,
    Match,
    find,
    folds_above,
    goes_on,
    has_sides,
    lay_out,
    line_at,
    next_match,
)
from picogpt_tui.tui.views.tree_rows import Picture, found_title, keys, title, tree_rows
from picogpt_tui.tui.widgets.instrument import Instrument
from picogpt_tui.tui.widgets.lines import Lines
from picogpt_tui.visible import one_line

_N_HEADINGS = 1
_BEGINNING = 40  # characters of a branch that a question names


class TreeView(Instrument):
    """Draws the document's tree; one of its lines is chosen, by default the one with the text's cursor."""

    HELP_TEXT = (
        "Every way the text ever took: each line is a stretch without a fork, with its number of tokens, the raw "
        "probability of its first token where it forks, and the total surprisal of all of them; ≥ where the model was "
        "not asked about each. Surprisal is -log2 p in bits (Shannon 1948, A Mathematical Theory of Communication); "
        "walking such a tree is after socketteer's loom (github.com/socketteer/loom)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Line above", show=False),
        Binding("down", "move(1)", "Line below", show=False),
        Binding("pageup", "turn(-1)", "Page above", show=False),
        Binding("pagedown", "turn(1)", "Page below", show=False),
        Binding("left", "fold", "Fold, else to the fork before", show=False),
        Binding("right", "unfold", "Unfold, else to what comes behind", show=False),
        Binding("enter", "go", "Go there", show=False),
        Binding("n", "name", "Name the branch", show=False),
        Binding("x", "prune", "Put the branch away, or back", show=False),
        Binding("h", "hide", "Show or hide what is put away", show=False),
        Binding("f", "find", "Find a branch by its text or name", show=False),
    ]
    foot = query_one("#tree-foot", Static)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._branches: list[Branch] = []
        self._folded: set[int] = set()
        self._shows_pruned = False
        self._chosen = 0
        self._first = ROOT  # of the chosen run, by which its line is found again
        self._title = ""
        self._laid_out: tuple[int, int] | None = None  # how many tokens, and the end at hand
        self._place: tuple[int, int] | None = None  # the text's cursor, and the end at hand
        self._here = ROOT  # the first node of the run the text's cursor is in
        self._query = ""
        self._found: tuple[Match, str] | None = None

    def compose(self) -> ComposeResult:
        """The lines, and below them the keys."""
        yield Lines()
        yield Static(id="tree-foot", classes="quiet", markup=False)

    def on_descendant_focus(self) -> None:
        """The keys are for the tree."""
        self._draw_foot()

    def on_descendant_blur(self) -> None:
        """The keys are for the text."""
        self._draw_foot()

    # -- what the user does --------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Choose the line so many below."""
        self._choose(self._chosen + by)

    def action_turn(self, direction: int) -> None:
        """Choose the line a page below."""
        self._choose(self._chosen + direction * max(1, self._room.height - _N_HEADINGS - 1))

    def action_fold(self) -> None:
        """Hide what hangs below the chosen line; where nothing does, go to the line before its fork."""
        if has_sides(self._branches, self._chosen):
            self._folded.add(self._first)
            self._draw_anew()
        elif self._branches and self._branches[self._chosen].above != NOWHERE:
            self._choose(self._branches[self._chosen].above)

    def action_unfold(self) -> None:
        """Show what hangs below the chosen line; where that is shown, go to the first line behind its fork."""
        if self._first in self._folded:
            self._folded.discard(self._first)
            self._draw_anew()
        elif goes_on(self._branches, self._chosen):
            self._choose(self._chosen + 1)

    def action_go(self) -> None:
        """Make the version through the chosen branch the one at hand, with the cursor where it begins, or was found."""
        if self._branches:
            self.post_message(NodePointed(self._found[0].node if self._found is not None else self._first))

    def action_name(self) -> None:
        """Ask for the chosen branch's name."""
        if not self._branches:
            return
        node, exploration = self._first, self.scene.exploration

        def take(name: str | None) -> None:
            if name is not None:
                exploration.name(node, name)
                self._save()

        nodes = self._branches[self._chosen].run.nodes[:_BEGINNING]
        words = one_line("".join(self.scene.label(self._tree.id(one)) for one in nodes), _BEGINNING)
        explanation = f"It begins with {words}. Without a text it has no name."
        known = self._branches[self._chosen].run.name
        self.app.push_screen(Ask("Name of the branch", explanation, known, may_be_empty=True), take)

    def action_prune(self) -> None:
        """Put the chosen branch away, or back; the one at hand stays."""
        if not self._branches:
            return
        if self.scene.exploration.prune(self._first):
            if not self._shows_pruned:
                self._first = ROOT  # it will have no line: stay at its height
            self._save()
        else:
            sentence = "The text at hand goes through this branch. Go to another one first, then prune it."
            self.notify(sentence, severity="warning", markup=False)

    def action_hide(self) -> None:
        """Show what is put away, or hide it."""
        self._shows_pruned = not self._shows_pruned
        self._draw_anew()

    def action_find(self) -> None:
        """Ask for a text, and choose the next branch that holds it."""

        def take(query: str | None) -> None:
            if query is not None:
                self._query = query
                self._go_to_match()

        explanation = "A text that it holds, or its name. The same again finds the next one."
        self.app.push_screen(Ask("Find a branch", explanation, self._query), take)

    @on(LinePointed)
    def _point(self, message: LinePointed) -> None:
        """Choose the line below the mouse; a click on the chosen one goes there."""
        message.stop()
        line = message.line - _N_HEADINGS
        if line == self._chosen:
            self.action_go()
        elif 0 <= line < len(self._branches):
            self._choose(line)

    def _go_to_match(self) -> None:
        lines, tokenizer = self._unfolded, self.scene.instruments.engine.tokenizer
        found = find(lines, self._query, lambda node: tokenizer.bytes_of(self._tree.id(node)))
        if not found:
            self.notify(f"No branch holds {one_line(self._query, 60)!r}.", severity="warning", markup=False)
            return
        before = next((n for n, branch in enumerate(lines) if branch.first == self._first), NOWHERE)
        number = next_match(found, before)
        match = found[number]
        self._folded -= folds_above(lines, match.line)
        self._lay_out()
        self._choose(next(n for n, branch in enumerate(self._branches) if branch.first == lines[match.line].first))
        self._found = match, found_title(self._query, number, len(found))
        self.draw()

    def _save(self) -> None:
        self.post_message(TreeChanged())
        self._draw_anew()

    def _choose(self, line: int) -> None:
        """Stand on a line, or on the nearest that there is."""
        self._found = None
        self._stand_on(line)
        self.draw()

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _tree(self) -> TokenTree:
        return self.scene.exploration.document.tree

    @property
    def _room(self) -> Size:
        return self.lines.scrollable_content_region.size

    @property
    def _unfolded(self) -> list[Branch]:
        return lay_out(self.scene.exploration.outline(), shows_pruned=self._shows_pruned)

    def _lay_out(self) -> None:
        """Make the lines; who stood on a branch stands on it again, else on one before it, else at the same height."""
        exploration = self.scene.exploration
        self._laid_out = len(self._tree), exploration.end
        self._branches = lay_out(exploration.outline(), self._folded, shows_pruned=self._shows_pruned)
        n_pruned = len(exploration.document.pruned)
        self._title = title(exploration.n_branches(), n_pruned, shows_pruned=self._shows_pruned)
        numbers = {branch.first: n for n, branch in enumerate(self._branches)}
        node = self._first
        while node != ROOT and node not in numbers:
            node = self._tree.parent(node)
        self._stand_on(numbers.get(node, self._chosen))

    def _stand_on(self, line: int) -> None:
        self._chosen = min(max(0, line), max(0, len(self._branches) - 1))
        self._first = self._branches[self._chosen].first if self._branches else ROOT

    def _follow(self) -> int:
        """Go where the text's cursor has gone; who walks elsewhere in the tree meanwhile stays. The cursor's line."""
        exploration = self.scene.exploration
        here = line_at(self._branches, exploration.cursor, self._tree.position)
        place = exploration.cursor, exploration.end
        is_with_it = not self.has_focus_within or self._first == self._here
        if place != self._place and here != NOWHERE and is_with_it:
            self._found = None
            self._stand_on(here)
        self._place, self._here = place, self._branches[here].first if here != NOWHERE else ROOT
        return here

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        if not self.is_mounted:
            return
        if self._laid_out != (len(self._tree), self.scene.exploration.end):
            self._lay_out()
        here = self._follow()
        node, words = (self._found[0].node, self._found[1]) if self._found is not None else (None, self._title)
        shown = Picture(self._branches, self._tree, self.scene.label, self._chosen, here, node, words)
        self.lines.show(tree_rows(shown, self._room.width), self._chosen + _N_HEADINGS, _N_HEADINGS)
        self._draw_foot()

    def _draw_anew(self) -> None:
        self._lay_out()
        self.draw()

    def _draw_foot(self) -> None:
        chosen = self._branches[self._chosen].run if self._branches else None
        words = keys(
            len(self.scene.exploration.document.pruned),
            is_inside=self.has_focus_within,
            is_pruned=chosen is not None and chosen.is_pruned,
            shows_pruned=self._shows_pruned,
        )
        self.foot.update(Content(cells(words, self._room.width).rstrip()))

    # -- as data -------------------------------------------------------------------------------------------------------

    def numbers(self) -> object:
        """All runs, those that are folded or put away too, and where the cursor is; None where there is no token."""
        exploration, tokenizer = self.scene.exploration, self.scene.instruments.engine.tokenizer
        runs = tree_numbers(self._tree, lay_out(exploration.outline()), tokenizer.bytes_of)
        if not runs:
            return None
        return {"n_branches": exploration.n_branches(), "cursor": exploration.cursor, "runs": runs}

    def table(self) -> list[list[object]]:
        """A row for each run."""
        return tree_table(self._tree, lay_out(self.scene.exploration.outline()), self.scene.label)
