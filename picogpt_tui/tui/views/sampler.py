"""The sampler under the microscope: what each sampling stage does to the distribution at the cursor.

All is made of a `Waterfall`, from logits that are there already: turning a knob runs no model. How it is drawn is in
`sampler_picture`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from picogpt_tui.readings import StageRow
from picogpt_tui.settings import GenerationSettings
from picogpt_tui.tui.explorer_messages import CandidatePointed, LinePointed
from picogpt_tui.tui.knobs import spec_of, stepped
from picogpt_tui.tui.views.sampler_picture import Picture, Subject, picture
from picogpt_tui.tui.widgets.instrument import Instrument


def _candidate_json(row: StageRow) -> dict[str, object]:
    one = row.candidate
    token = {"rank": one.rank, "id": one.id, "text": one.text, "label": one.label, "bytes": one.bytes.hex()}
    return token | {"probs": list(row.probs), "cut_by": one.cut_by, "cumulative": list(row.cumulative)}


_ALWAYS = "temperature"  # all orders have it


class SamplerView(Instrument):
    """Draws the scene's waterfall; one of the knobs is chosen and can be turned."""

    HELP_TEXT = (
        "The sampling stages from left to right: how many tokens each keeps, the mass it removes, the entropy that is "
        "left, every candidate's probability behind it, and the line on which the draw u picks a token by inverse CDF "
        "in the order of ids. Formulas and edge rules: transformers' generation/logits_process.py, llama.cpp's "
        "src/llama-sampler.cpp, OpenAI's gpt-2 src/sample.py; top-p is of Holtzman et al. 2020, min-p of Nguyen et al. "
        "2024, typical of Meister et al. 2023."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "screen.do('explore-knob-before')", "Knob before", show=False),
        Binding("down", "screen.do('explore-knob-behind')", "Knob behind", show=False),
        Binding("left", "screen.do('explore-knob-less')", "Less", show=False),
        Binding("right", "screen.do('explore-knob-more')", "More", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._knob = _ALWAYS
        self._shown = Picture()

    @property
    def knob(self) -> str:
        """The setting whose knob is chosen: one for which the order has a stage."""
        return self._knob if self._knob in self._used else _ALWAYS

    def choose_knob(self, by: int) -> None:
        """Choose another knob, so many places behind; the ends are joined."""
        names = self._used
        self._choose(names[(names.index(self.knob) + by) % len(names)])

    def turned(self, settings: GenerationSettings, direction: int) -> GenerationSettings:
        """The settings with the chosen knob one step on."""
        return stepped(spec_of(self.knob), settings, direction)

    @on(LinePointed)
    async def _point(self, message: LinePointed) -> None:
        """Choose the candidate or the knob below the mouse; the order's line is for the next order."""
        message.stop()
        if (id := self._shown.ids.get(message.line)) is not None:
            self.post_message(CandidatePointed(id, takes=id == self.scene.chosen))
        elif (name := self._shown.knob_at(message.line, message.x)) in self._used:
            self._choose(name)
        elif message.line == self._shown.order_at:
            await self.run_action("screen.do('explore-order')")

    def numbers(self) -> object:
        """The stages, the candidates behind each of them, and the draw; nats, ranks from 0."""
        if (look := self.scene.look) is None:
            return None
        waterfall = look.waterfall
        return {
            "sampling": asdict(self.scene.sampling),
            "stages": [asdict(stage) for stage in waterfall.stages],
            "candidates": [_candidate_json(row) for row in waterfall.rows],
            "u": waterfall.u,
            "drawn": waterfall.drawn,
        }

    def table(self) -> list[list[object]]:
        """A column for each stage, first its own numbers, then the candidates' probabilities behind it."""
        if (look := self.scene.look) is None:
            return []
        stages, rows = look.waterfall.stages, look.waterfall.rows
        return [
            ["rank", "id", "token", "bytes", *(stage.name for stage in stages), "cut by", "from", "to"],
            ["", "", "tokens kept", "", *(stage.n_kept for stage in stages), "", "", ""],
            ["", "", "mass removed", "", *(stage.mass_removed for stage in stages), "", "", ""],
            ["", "", "entropy, nats", "", *(stage.entropy for stage in stages), "", "", ""],
            *([one.rank, one.id, one.label, one.bytes.hex(), *row.probs, one.cut_by or "", *row.cumulative]
              for row in rows for one in [row.candidate]),
        ]  # fmt: skip

    @property
    def _used(self) -> list[str]:
        from picogpt_tui.session.sampling import used_knobs  # needs NumPy, which came with the model

        return used_knobs(self.scene.sampling.order)

    @property
    def _unused(self) -> list[str]:
        from picogpt_tui.session.sampling import unused_knobs  # as above

        return unused_knobs(self.scene.sampling.order)

    def _choose(self, name: str) -> None:
        self._knob = name
        self.draw()

    def draw(self) -> None:
        """Draw what is known, in the room there is."""
        scene, size = self.scene, self.lines.scrollable_content_region.size
        if not size:
            return
        subject = Subject(
            scene.look.waterfall if scene.look is not None else None,
            GenerationSettings(scene.sampling),
            self._used,
            self._unused,
            self.knob,
            scene.chosen,
            scene.exploration.taken,
            scene.label,
        )
        self._shown = picture(subject, size.width, size.height)
        self.lines.show(self._shown.rows)
