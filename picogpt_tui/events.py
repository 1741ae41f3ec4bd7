"""What the engine and the downloads tell: frozen dataclasses of plain data (text, ints, floats), in their order.

    Started  Progress*  (Token | ContextShifted Progress*)*  Finished
    DownloadProgress*  (Downloaded | DownloadStopped)

A command line prints them, a document keeps them, a screen draws them. Probabilities and entropies are in nats and of
the model itself (temperature 1, nothing cut) unless the name says `final`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Candidate:
    """One token that could come next."""

    rank: int
    """How many tokens have a strictly larger logit: 0 for the likeliest."""
    id: int
    text: str | None
    """None where the token alone is not valid UTF-8."""
    bytes: bytes
    label: str
    """Unique, printable, width-true; see `visible.label`."""
    logit: float
    logprob: float
    """Nats."""
    prob: float
    """Raw softmax: temperature 1, nothing cut."""
    final_prob: float
    """After the sampling stages; 0 where cut."""
    cut_by: str | None
    """The stage that removed it (`top_k`), or None."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What the model expects next at one position, as much of it as a screen shows."""

    candidates: tuple[Candidate, ...]
    """The likeliest first; ties in the order of their ids. The token that was taken stands last, if it is not
    among the likeliest."""
    entropy: float
    """Nats, of the raw distribution over the whole vocabulary."""
    other_prob: float
    """Raw mass of all tokens that are not among the candidates."""
    n_other: int
    """How many tokens those are."""
    n_kept: int
    """How many tokens of the vocabulary the sampling stages keep."""

    def likeliest(self, n: int) -> Distribution:
        """The same with only the n likeliest candidates, the others counted among the rest."""
        dropped = self.candidates[n:]
        other_prob = self.other_prob + sum(one.prob for one in dropped)
        return replace(self, candidates=self.candidates[:n], other_prob=other_prob, n_other=self.n_other + len(dropped))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stretch of work is that has no tokens to show."""

    phase: str
    """`loading`, `checking`, `encoding`, `reading the prompt`, `refilling the context`."""
    done: int
    total: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """The prompt is encoded; the model has not run yet."""

    prompt_ids: tuple[int, ...]
    """Of the whole context so far, the new prompt included."""
    seed: int
    """Of the random stream: the one asked for, or the one drawn."""


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """One token was generated."""

    index: int
    """0 for the first of this answer."""
    id: int
    text: str | None
    """Of this token alone; None where it is not valid UTF-8."""
    piece: str
    """What may now be shown: completed characters, held back while they could begin a stop string."""
    logprob: float
    """Nats, raw."""
    rank: int
    """0-based: how many tokens had a strictly larger logit."""
    entropy: float
    """Nats, of the raw distribution it was drawn from."""
    final_prob: float
    """Its probability after the sampling stages."""
    u: float
    """The draw in [0, 1) that picked it by inverse CDF in id order (nan when greedy)."""
    distribution: Distribution
    n_context: int
    """How many tokens the context holds with this one, at most n_ctx."""
    decode_seconds: float
    """What decoding took since the first token, by the engine's own clock."""
    n_guessed: int = 0
    """How many tokens of this answer prompt lookup has guessed so far."""
    n_accepted: int = 0
    """How many of those came true, each of which saved a pass through the model."""

    @property
    def tokens_per_second(self) -> float:
        """Of decoding, up to this token; 0 for the first."""
        return self.index / self.decode_seconds if self.decode_seconds else 0.0


@dataclass(frozen=True, slots=True)
class ContextShifted:
    """The context was full: its oldest tokens were dropped and the cache is filled anew from the rest."""

    n_dropped: int
    n_kept: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer. Nothing follows it."""

    reason: str
    """`max_tokens`, `end_of_text`, `stop` (a stop string), `stopped` (by the user), `context` (full)."""
    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    text: str
    """Without the stop string and without end-of-text."""
    tokens_per_second: float
    """Of decoding, by the engine's own clock; 0 when fewer than two tokens were generated."""
    rest: str = ""
    """What had been held back and is part of the text after all."""
    n_guessed: int = 0
    """As in TokenEvent, of the whole answer."""
    n_accepted: int = 0


Event = Started | Progress | TokenEvent | ContextShifted | Finished


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file of a model is."""

    name: str
    phase: str
    """`waiting`, `downloading`, `checking`, `ready`."""
    done: int
    """Bytes; while it is checked, those that are."""
    total: int | None
    """None where the server does not say."""


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far a download is; told about ten times a second, and when a phase begins."""

    name: str
    phase: str
    """`looking up`, `downloading`, `checking`."""
    host: str
    """Who sends it, "" while nobody is asked."""
    done: int = 0
    """Bytes that are here, what an earlier run brought included."""
    total: int = 0
    bytes_per_second: float = 0.0
    """Over the last seconds; falls to 0 when nothing comes."""
    eta_seconds: float | None = None
    """None in the first seconds, and where nobody would believe it."""
    note: str = ""
    """What goes wrong: `no data for 12 s, trying again (2/6)`."""
    files: tuple[FileProgress, ...] = ()


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Every file is there and checked. Nothing follows it."""

    name: str
    path: Path
    size_bytes: int
    fetched_bytes: int
    """What the network brought in this run: 0 where all was here already."""


@dataclass(frozen=True, slots=True)
class DownloadStopped:
    """It was wished to end; what came is kept and the next download goes on from there. Nothing follows it."""

    name: str
    done: int
    total: int


DownloadEvent = DownloadProgress | Downloaded | DownloadStopped
