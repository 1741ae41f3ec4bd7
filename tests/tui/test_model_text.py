"""What the models screen says of a model: its row at every width, its details, its precisions, what can be done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from picogpt_tui.events import Progress
from picogpt_tui.hub.manifest import Manifest, ModelFile
from picogpt_tui.hub.store import ADDED, BUNDLED_MODEL, PUBLISHED_SIZE, SHARED, StoredModel
from picogpt_tui.tui.downloads import FAILED, PAUSED, RUNNING, Download
from picogpt_tui.tui.model_row import head, row
from picogpt_tui.tui.model_text import Room, Shown, details, keys
from picogpt_tui.tui.precisions import Appraisal

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
    memory={"float32": 573_256_704, "int8": 203_193_412},
)
HERE = replace(AWAY, path=PLACE, size_bytes=549_603_934, manifest=MANIFEST)
SHARED_ONE = replace(AWAY, path=Path("/hf/snapshot"), is_shared=True)
BEGUN = replace(HERE, partial_bytes=200_000_000)
HALF = Download("124M", progress=on_its_way())
ROOM = Room(5_000_000_000, 80_000_000_000)
STORIES = StoredModel(
    "stories",
    BUNDLED_MODEL,
    Path("/p/stories"),
    3_600_000,
    7_400_000,
    licence="MIT",
    memory={"float32": 19_000_000, "int8": 8_200_000},
)
XL = StoredModel(
    "1558M",
    PUBLISHED_SIZE,
    None,
    1_557_611_200,
    6_431_498_619,
    memory={"float32": 6_859_588_608, "int8": 2_197_436_612},
)
APPRAISED = Appraisal({"float32": 31.7, "int8": 67.9}, has_copy=False)
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
        name, params, size, memory = "stories", "3.6M", "7.4 MB", "19 MB"
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


@pytest.mark.parametrize("precision, end", [("float32", "  ! 6.86 GB"), ("int8", "    2.20 GB")])
def test_the_row_tells_what_the_chosen_precision_takes(precision: str, end: str) -> None:
    assert row(Shown(XL, False, precision=precision), ROOM, 80).plain.endswith(end)


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
        "▸ float32     573 MB of memory                   \n"
        "  int8        203 MB of memory                   \n"
        "550 MB to fetch (80 GB free); int8 keeps a copy of 128 MB beside the model\n"
        "12 layers, 768 wide, a context of 1,024 tokens\n"
        "from Hugging Face (huggingface.co); licence MIT (modified): https://github.com/openai/gpt-2/blob/master/LICENSE",
    ),
    "other source": (
        Shown(AWAY, False, source="openai"),
        "from OpenAI's original TensorFlow checkpoint; licence MIT (modified)",
    ),
    "here": (
        Shown(HERE, False, appraisal=APPRAISED),
        "124M  /models/124M\n"
        "▸ float32     573 MB of memory     about 32 tok/s\n"
        "  int8        203 MB of memory     about 68 tok/s\n"
        "int8 keeps a copy of 128 MB beside the model\n"
        "12 layers, 768 wide, a context of 1,024 tokens\n"
        "from hub.example: openai-community/gpt2 at 607a30d783df; licence mit\n"
        "  config.json                       665 B  git-sha1:10c66461e4c1     \n"
        "  model.safetensors                548 MB  sha256:a                  ",
    ),
    "bundled": (
        Shown(STORIES, True),
        "stories  in the package\n"
        "▸ float32      19 MB of memory                      in use\n"
        "  int8        8.2 MB of memory                   \n"
        "trained on public-domain fairy tales, MIT licence",
    ),
    "shared": (
        Shown(SHARED_ONE, False, appraisal=APPRAISED),
        "\nint8 keeps a copy of 128 MB\n12 layers, 768 wide, a context of 1,024 tokens\nfrom huggingface.co",
    ),
    "shared, where": (Shown(SHARED_ONE, False), "124M  /hf/snapshot (the Hugging Face cache, used in place)\n"),
    "its copy is kept": (
        Shown(HERE, False, appraisal=replace(APPRAISED, has_copy=True)),
        "\nits int8 copy of 128 MB is kept\n",
    ),
    "nobody knows yet whether a copy is kept": (Shown(HERE, False), " of memory                   \n \n12 layers"),
    "to fetch again": (Shown(replace(HERE, missing=("config.json",)), False), "\n665 B to fetch (80 GB free); int8 k"),
    "begun": (Shown(BEGUN, False), "\n350 MB to fetch (80 GB free); int8 keeps"),
    "a folder": (
        Shown(StoredModel("own", "local", Path("/m/own"), None, 1), False),
        "own  /m/own\n"
        "▸ float32          ? of memory                   \n"
        "  int8             ? of memory                   \n"
        "a folder of yours",
    ),
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
    for shown, n_still in ((running, 5), (checking, 6), (Shown(HERE, False), 6)):
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


PRECISION_LINES = {
    "the user's choice": (
        Shown(HERE, False, precision="int8", appraisal=APPRAISED),
        "  float32     573 MB of memory     about 32 tok/s",
        "▸ int8        203 MB of memory     about 68 tok/s",
    ),
    "suggested": (
        Shown(XL, False, precision="int8", appraisal=Appraisal({"float32": 2.8, "int8": 0.512})),
        "  float32  ! 6.86 GB of memory    about 2.8 tok/s   more than is free",
        "▸ int8       2.20 GB of memory   about 0.51 tok/s   suggested",
    ),
    "in use": (
        Shown(HERE, True, in_use="int8", appraisal=Appraisal({"float32": 9.6, "int8": 1234.0})),
        "▸ float32     573 MB of memory     about 10 tok/s",
        "  int8        203 MB of memory  about 1,234 tok/s   in use",
    ),
    "in use and suggested": (
        Shown(replace(XL, path=PLACE), True, precision="int8", in_use="int8"),
        "  float32  ! 6.86 GB of memory                      more than is free",
        "▸ int8       2.20 GB of memory                      in use, suggested",
    ),
}


@pytest.mark.parametrize("shown, float32, int8", PRECISION_LINES.values(), ids=PRECISION_LINES)
def test_both_precisions_are_told_in_columns(shown: Shown, float32: str, int8: str) -> None:
    """By what they take and how fast they are, a person chooses."""
    assert details(shown, ROOM, 76).plain.split("\n")[1:3] == [float32, int8]


@pytest.mark.parametrize("width", [36, 40, 56, 69, 70, 76, 116])
def test_a_precision_is_one_line_and_its_numbers_stay_when_the_speed_comes(width: int) -> None:
    for shown, _, _ in PRECISION_LINES.values():
        before = details(replace(shown, appraisal=Appraisal()), ROOM, width).plain.split("\n")[1:3]
        for line, then in zip(details(shown, ROOM, width).plain.split("\n")[1:3], before, strict=True):
            assert cell_len(line) <= width
            assert len(line) == len(then)
            assert line[:19] == then[:19]


WORDS = {
    "here": (Shown(HERE, False), "enter use, v verify, r repair, x delete"),
    "in use": (Shown(HERE, True), "v verify, r repair"),
    "in use otherwise": (Shown(HERE, True, in_use="int8"), "enter load in float32, v verify, r repair"),
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
    usual = ["i int8", "a add", *(["y path"] if shown.model.path else []), "esc back"]
    assert can == [*words.split(", "), *usual]


def test_the_key_for_precision_says_what_it_switches_to_and_all_keys_fit_in_a_line() -> None:
    can = [f"{key} {word}" for key, _, word in keys(Shown(HERE, False, precision="int8"))]
    assert "i float32" in can
    assert len("  ".join(can)) <= 78
