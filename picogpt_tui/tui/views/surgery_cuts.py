"""The cuts that somebody has made, with the way back. Pure."""

from __future__ import annotations

from picogpt_tui.readings import Cut


class Cuts:
    """Parts that are taken out of a model.

    Attributes:
        made: in the order in which they were made, no part twice.
    """

    def __init__(self) -> None:
        self.made: tuple[Cut, ...] = ()
        self._before: list[tuple[Cut, ...]] = []

    def how(self, part: str) -> str:
        """`zero` or `mean`, "" where the part is whole."""
        return next((cut.how for cut in self.made if cut.part == part), "")

    def toggle(self, cut: Cut) -> None:
        """Make this cut; where it is made already, the part is whole again."""
        rest = tuple(one for one in self.made if one.part != cut.part)
        self._change(rest if cut in self.made else (*rest, cut))

    def put_back(self, part: str) -> None:
        """Make a part whole again."""
        self._change(tuple(one for one in self.made if one.part != part))

    def clear(self) -> None:
        """Make all whole again; that can be undone too."""
        self._change(())

    def undo(self) -> bool:
        """Go back to what was cut before the last change; False where there was none."""
        if not self._before:
            return False
        self.made = self._before.pop()
        return True

    def _change(self, made: tuple[Cut, ...]) -> None:
        if made != self.made:
            self._before.append(self.made)
            self.made = made
