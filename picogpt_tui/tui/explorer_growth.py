"""Tokens that the model says in the explorer: one at a time, or as many as it will, behind the end of the text.

Under cuts, where the surgery view wants it: then they are said by the model without these parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from picogpt_tui.events import Event, Finished, TokenEvent
from picogpt_tui.readings import Cut
from picogpt_tui.settings import GenerationSettings

if TYPE_CHECKING:
    from picogpt_tui.tui.screens.explorer import ExplorerScreen


class Growth:
    """Asks for tokens and puts them into the document.

    Attributes:
        is_running: whether some are on their way.
        cuts: what is taken out of the model that says them.
    """

    def __init__(self, screen: ExplorerScreen) -> None:
        self._screen = screen
        self.is_running = False
        self.cuts: tuple[Cut, ...] = ()

    def grow_under(self, cuts: tuple[Cut, ...]) -> None:
        """Take this out of the model from now on, and say so as long as it is so."""
        self.cuts = cuts
        self._screen.stage.bar.n_cuts = len(cuts)

    def begin(self, n_tokens: int) -> None:
        """Let the model say n tokens behind the end."""
        screen = self._screen
        if self.is_running:
            return
        screen.asker.stop()
        screen.scene.look = None
        screen.exploration.note_growth()
        document = screen.exploration.document
        request = document.request(None, self._settings(n_tokens), self.cuts)
        document.accept(request)
        self.is_running = True
        screen.stage.bar.state = "generating"
        screen.player.generate(request)

    def take_events(self, events: Sequence[Event]) -> None:
        """Keep what the model says, and show it."""
        screen, exploration = self._screen, self._screen.exploration
        for event in events:
            exploration.document.apply(event)
        exploration.refresh()
        tokens = [event for event in events if isinstance(event, TokenEvent)]
        if tokens:
            exploration.move_to(len(exploration.path) - 1)
            screen.stage.show_text()
            screen.stage.show_distribution(tokens[-1].distribution)
        if (end := next((event for event in events if isinstance(event, Finished)), None)) is not None:
            if end.reason == "context":
                screen.say("The context is full. A position can be cut only as long as it stands in it.")
            self._end()

    def stop(self) -> None:
        """Stop at once; the text so far stays."""
        if not self.is_running:
            return
        screen = self._screen
        screen.player.stop()
        turn = screen.exploration.document.last_turn
        if turn is not None and turn.kind == "answer" and not turn.reason:
            turn.reason = "left"  # a character that it may end within is completed by what comes next
        self._end()

    def _end(self) -> None:
        screen = self._screen
        self.is_running = False
        screen.player.stop()
        screen.stage.bar.state = ""
        screen.app.main.keeper.save(screen.exploration.document, screen.engine)
        screen.changed()

    def _settings(self, n_tokens: int) -> GenerationSettings:
        """Those at hand; behind an answer its random stream goes on, unless the text went on there before.

        Then the same stream would only say the same again; with a seed that the user has fixed, it does.
        """
        screen = self._screen
        document, settings = screen.exploration.document, replace(screen.settings, max_tokens=n_tokens)
        settings = replace(settings, top_n=screen.stage.n_candidates)
        if any(cut.kind == "position" for cut in self.cuts):
            settings = replace(settings, when_full="stop")  # else the cut would fall on whatever moves there
        last = document.last_turn
        if last is None or last.kind != "answer" or last.settings is None or last.settings.seed is None:
            return settings
        went_on = bool(document.tree.children(document.end))
        if settings.seed != last.settings.seed and (settings.seed is not None or went_on):
            return settings
        n_draws = sum(not math.isnan(draw) for draw in last.draws)
        return replace(settings, seed=last.settings.seed, first_draw=last.settings.first_draw + n_draws)
