"""What the lens tells of a text: frozen dataclasses of plain data, as a screen draws and a command line prints them.

Positions count tokens from 0. Probabilities, log-probabilities and entropies are those of the model itself (temperature
1, nothing cut), in nats; a rank is how many tokens have a strictly larger logit.
"""

from __future__ import annotations

from picogpt_tui.readings.inside import (
    Attention,
    Attribution,
    Cut,
    CutEffect,
    HeadGlance,
    HeadPictures,
    LensCell,
    LensColumn,
    LensGrid,
    Part,
    Surgery,
)
from picogpt_tui.readings.sampled import Stage, StageRow, Waterfall
from picogpt_tui.readings.scores import ComparedToken, Comparison, Score, TokenScore, bits_per_byte, perplexity
from picogpt_tui.readings.tokens import Alignment, Merge, Neighbour, Stretch, TracedWord, VocabularyMatch

__all__ = [
    "Alignment",
    "Attention",
    "Attribution",
    "ComparedToken",
    "Comparison",
    "Cut",
    "CutEffect",
    "HeadGlance",
    "HeadPictures",
    "LensCell",
    "LensColumn",
    "LensGrid",
    "Merge",
    "Neighbour",
    "Part",
    "Score",
    "Stage",
    "StageRow",
    "Stretch",
    "Surgery",
    "TokenScore",
    "TracedWord",
    "VocabularyMatch",
    "Waterfall",
    "bits_per_byte",
    "perplexity",
]
