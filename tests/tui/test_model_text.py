"""What the models screen says of a model: its row at every width, its details, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Progress
from picogpt_tui.hub.manifest import Manifest, ModelFile
from picogpt_tui.hub.store import ADDED, BUNDLED_MODEL, PUBLISHED_SIZE, SHARED, StoredModel
from picogpt_tui.tui.downloads import FAILED, PAUSED, RUNNING, Download
from picogpt_tui.tui.model_text import Room, Shown, details, head, keys, row

from .scripted import on_its_way

EVIL = "m\x1b[31m\u202e\n[bold]x[/]"
PLACE = Path("/models/124M")
FILES = (
    ModelFile("config.json", 665, "git-sha1:10c66461e4c1"),
    ModelFile("model.safetensors", 548_105_171, "sha256:a"),
)
MANIFEST = Manifest(
    "124M", "huggingface", "openai-community/gpt2", "main", "607a30d783df" * 3, "mit", "hub.example", FILES
)
AWAY = StoredModel(
    "124M",
    PUBLISHED_SIZE,
    None,
    124_439_808,
    549_603_934,
    licence="MIT (modified)",
    host="huggingface.co",
    memory={"float32": 573_256_704},
)
HERE = replace(AWAY, path=PLACE, size_bytes=549_603_934, manifest=MANIFEST)
SHARED_ONE = replace(AWAY, path=Path("/hf/snapshot"), is_shared=True)
BEGUN = replace(HERE, partial_bytes=200_000_000)
HALF = Download("124M", progress=on_its_way())
ROOM = Room(5_000_000_000, 80_000_000_000)
STORIES = StoredModel(
    "stories", BUNDLED_MODEL, Path("/p/stories"), 3_600_000, 7_400_000, licence="MIT", memory={"float32": 10**7}
)
STATES = {
    "here": (Shown(HERE, False), "● here"),
    "in use": (Shown(HERE, True), "● here"),
    "bundled": (Shown(STORIES, True), "● here, bundled"),
    "shared": (Shown(SHARED_ONE, False), "● here, shared"),
    "not here": (Shown(AWAY, False), "○ not here"),
    "partial": (Shown(BEGUN, False), "◐ partial 36 %"),
    "paused": (Shown(BEGUN, False, replace(HALF, state=PAUSED)), "◐ paused 36 %"),
    "partial of what": (Shown(replace(BEGUN, manifest=None), False), "◐ partial"),
    "asked for": (Shown(AWAY, False, Download("124M")), "↓ looking up"),
    "looking up": (Shown(AWAY, False, Download("124M", progress=on_its_way(phase="looking up"))), "↓ looking up"),
    "running": (Shown(AWAY, False, HALF), "↓ ███╌╌╌╌╌  37 %"),
    "failed": (Shown(AWAY, False, replace(HALF, state=FAILED)), "✗ stopped at 37 %"),
    "failed at once": (Shown(AWAY, False, Download("124M", state=FAILED)), "✗ failed"),
    "incomplete": (Shown(replace(HERE, missing=("vocab.json",)), False), "◐ incomplete"),
    "checking": (Shown(HERE, False, verifying=Progress("checking", 3, 4)), "◌ checking  75 %"),
}


@pytest.mark.parametrize("shown, state", STATES.values(), ids=STATES)
def test_every_state_has_a_sign_and_a_word(shown: Shown, state: str) -> None:
    mark = "▸ " if shown.is_current else "  "
    name, params, size, memory = ("124M", "124M", "550 MB", "573 MB")
    if shown.model is STORIES:
        name, params, size, memory = "stories", "3.6M", "7.4 MB", "10 MB"
    line = f"{mark}{name:27}{params:>8}{size:>10}  {state:18}{memory:>10}"
    assert row(shown, ROOM, 80).plain == line
    assert len(line) == len(head(80))


@pytest.mark.parametrize(
    "model, end",
    [
        (replace(AWAY, memory={"float32": 5_000_000_001}), "  ! 5.00 GB"),
        (replace(AWAY, memory={"float32": 5_000_000_000}), "    5.00 GB"),
        (StoredModel("owner/name", ADDED, None, None, 0), "          ?"),
    ],
    ids=["too large", "just fits", "unknown"],
)
def test_a_model_larger_than_the_memory_is_marked(model: StoredModel, end: str) -> None:
    """By a sign as well as by its colour."""
    assert row(Shown(model, False), ROOM, 80).plain.endswith(end)


@pytest.mark.parametrize(
    "width, words",
    [
        (40, "name state"),
        (60, "name size state"),
        (80, "name params size state memory"),
        (100, "name params size state memory licence"),
        (120, "name params size state memory licence host"),
    ],
)
def test_the_most_wanted_columns_stay_longest(width: int, words: str) -> None:
    assert head(width).split() == words.split()


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 99, 100, 120, 160, 200])
@pytest.mark.parametrize("name", ["124M", "a" * 100, "小さい" * 20, EVIL])
def test_every_row_is_as_wide_as_the_head_and_finds_room(width: int, name: str) -> None:
    for shown, _ in STATES.values():
        model = replace(shown.model, name=name, licence=EVIL * 3, host=EVIL * 3)
        line = row(replace(shown, model=model), ROOM, width).plain
        assert cell_len(line) == cell_len(head(width))
        assert cell_len(line) <= max(width - 3, 30)
        assert not {"\x1b", "\u202e", "\n"} & set(line)


def test_without_knowing_the_memory_nothing_is_too_large() -> None:
    shown = Shown(replace(AWAY, memory={"float32": 10**12}), False)
    assert "!" not in row(shown, Room(None, None), 80).plain
    assert Room(None, None).in_words == ""
    assert Room(None, 10**9).in_words == "1.00 GB of disk"


DETAILS = {
    "not here": (
        Shown(AWAY, False),
        "124M  not on this machine\n"
        "from Hugging Face (huggingface.co); licence MIT (modified): https://github.com/openai/gpt-2/blob/master/LICENSE\n"
        "12 layers, 768 wide, a context of 1,024 tokens\n"
        "550 MB to fetch (80 GB free), 573 MB of memory to run (5.00 GB free)",
    ),
    "other source": (
        Shown(AWAY, False, source="openai"),
        "from OpenAI's original TensorFlow checkpoint; licence MIT (modified)",
    ),
    "here": (
        Shown(HERE, False),
        "124M  /models/124M\n"
        "from hub.example: openai-community/gpt2 at 607a30d783df; licence mit\n"
        "12 layers, 768 wide, a context of 1,024 tokens\n"
        "573 MB of memory to run (5.00 GB free)\n"
        "  config.json                       665 B  git-sha1:10c66461e4c1     \n"
        "  model.safetensors                548 MB  sha256:a                  ",
    ),
    "bundled": (Shown(STORIES, True), "stories  in the package\ntrained on public-domain fairy tales, MIT licence"),
    "shared": (
        Shown(SHARED_ONE, False),
        "124M  /hf/snapshot (the Hugging Face cache, used in place)\nfrom huggingface.co\n",
    ),
    "to fetch again": (Shown(replace(HERE, missing=("config.json",)), False), "\n665 B to fetch (80 GB free), 573 MB"),
    "begun": (Shown(BEGUN, False), "350 MB to fetch (80 GB free), 573 MB of memory to run"),
    "a folder": (Shown(StoredModel("own", "local", Path("/m/own"), None, 1), False), "own  /m/own\na folder of yours"),
    "running": (
        Shown(AWAY, False, replace(HALF, progress=on_its_way(note="no data for 12 s"))),
        "↓ 124M         downloading █▉╌╌╌  37 %     203 MB/548 MB   9.1 MB/s     38 s\n"
        "  no data for 12 s\n"
        "  config.json                       ✓              665 B                    \n",
    ),
    "paused": (Shown(BEGUN, False, replace(HALF, state=PAUSED)), "Ⅱ 124M         p goes on"),
    "failed": (Shown(AWAY, False, Download("124M", state=FAILED, sentence="It broke.")), "\n✗ It broke."),
    "damaged": (Shown(HERE, False, finding="✗ vocab.json is damaged"), "\n✗ vocab.json is damaged\n"),
    "incomplete": (Shown(replace(HERE, missing=("vocab.json", "x")), False), "\nlacks vocab.json, x\n"),
    "checking": (
        Shown(HERE, False, verifying=Progress("checking", 1, 4, "model.safetensors")),
        "checking █████████╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  25 %  model.safetensors",
    ),
}  # fmt: skip


@pytest.mark.parametrize("shown, said", DETAILS.values(), ids=DETAILS)
def test_details(shown: Shown, said: str) -> None:
    assert said in details(shown, ROOM, 76).plain


@pytest.mark.parametrize("width", [36, 56, 76, 116])
def test_what_moves_in_the_details_is_never_wrapped(width: int) -> None:
    running = Shown(AWAY, False, replace(HALF, progress=on_its_way("a" * 50, weights="小さい" * 20)))
    checking = Shown(HERE, False, verifying=Progress("checking", 1, 4, "model.ckpt.data-00000-of-00001"))
    for shown, n_still in ((running, 4), (checking, 4), (Shown(HERE, False), 4)):
        moving = details(shown, ROOM, width).plain.split("\n")[n_still:]
        assert moving
        assert [line for line in moving if cell_len(line) > width] == []


def test_no_detail_says_what_a_terminal_would_obey() -> None:
    files = (ModelFile(EVIL, 1, f"sha256:{EVIL}"),)
    manifest = Manifest(EVIL, "huggingface", EVIL, EVIL, EVIL, EVIL, EVIL, files)
    model = StoredModel(EVIL, "local", Path(EVIL), None, 7, (), None, False, EVIL, EVIL, manifest)
    for shown in (
        Shown(model, False),
        Shown(replace(model, manifest=None, missing=(EVIL,)), False),
        Shown(model, False, verifying=Progress("checking", 1, 2, EVIL)),
        Shown(model, False, Download(EVIL, None, FAILED, None, EVIL)),
        Shown(model, False, Download(EVIL, None, RUNNING, on_its_way(EVIL, note=EVIL, weights=EVIL, host=EVIL))),
    ):
        for line in details(shown, ROOM, 80).plain.split("\n"):
            assert not {"\x1b", "\u202e"} & set(line)
        assert "[bold]x[/]" in details(shown, ROOM, 80).plain


WORDS = {
    "here": (Shown(HERE, False), "enter use, v verify, r repair, x delete"),
    "in use": (Shown(HERE, True), "v verify, r repair"),
    "checking": (Shown(HERE, False, verifying=Progress("checking", 1, 2)), "enter use, c cancel"),
    "bundled": (Shown(STORIES, False), "enter use, v verify"),
    "shared": (Shown(SHARED_ONE, False), "enter use, v verify"),
    "not here": (Shown(AWAY, False), "enter download, s other source"),
    "running": (Shown(AWAY, False, HALF), "p pause, c cancel"),
    "paused": (Shown(BEGUN, False, replace(HALF, state=PAUSED)), "enter resume, x delete"),
    "partial": (Shown(BEGUN, False), "enter resume, x delete"),
    "incomplete": (Shown(replace(HERE, missing=("config.json",)), False), "enter download, x delete"),
    "failed": (Shown(AWAY, False, Download("124M", state=FAILED)), "enter download, s other source"),
    "added": (Shown(StoredModel("owner/name", ADDED, None, None, 0), False), "enter download, x delete"),
    "added and shared": (
        Shown(StoredModel("owner/name", SHARED, PLACE, None, 0, is_shared=True), False),
        "enter use, v verify",
    ),
}


@pytest.mark.parametrize("shown, words", WORDS.values(), ids=WORDS)
def test_keys(shown: Shown, words: str) -> None:
    can = [f"{key} {word}" for key, _, word in keys(shown)]
    usual = ["a add", *(["y copy path"] if shown.model.path else []), "esc back"]
    assert can == [*words.split(", "), *usual]
