"""`lens`: what every layer would say, in the contract's form and for people."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui import load

from .conftest import KING, ok, run

ROWS = ["embed"] + [f"h.{layer}.{part}" for layer in range(6) for part in ("attn", "mlp")]
"""Of `stories`, which has six layers."""


def test_it_has_the_contract_s_fields() -> None:
    said = ok("lens", KING, "--json").json

    assert list(said) == ["ids", "position", "layers"]
    assert [row["name"] for row in said["layers"]] == ROWS
    assert all(list(row) == ["name", "entropy", "kl", "candidates"] for row in said["layers"])
    assert set(said["layers"][0]["candidates"][0]) == {
        "rank", "id", "text", "bytes", "logit", "logprob", "prob", "final_prob", "cut_by",
    }  # fmt: skip
    assert said["ids"] == load("stories").tokenizer.encode(KING)
    assert said["position"] == len(said["ids"]) - 1


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_last_row_is_what_next_says(precision: str) -> None:
    last = ok("lens", KING, "--top", "5", "--precision", precision, "--json").json["layers"][-1]
    said = ok("next", KING, "--top", "5", "--precision", precision, "--json").json

    assert [c["id"] for c in last["candidates"]] == [c["id"] for c in said["candidates"]]
    assert [c["prob"] for c in last["candidates"]] == pytest.approx([c["prob"] for c in said["candidates"]], rel=1e-3)
    assert last["entropy"] == pytest.approx(said["entropy"], rel=1e-3)
    assert last["kl"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("position, same", [("0", "-9"), ("4", "-5"), ("8", "-1")])
def test_a_position_counts_from_the_begin_or_from_the_end(position: str, same: str) -> None:
    """And what comes behind it is not looked at: it is the lens of the prompt that ends there."""
    said = ok("lens", KING, "--position", position, "--json").json
    tokenizer = load("stories").tokenizer
    shorter = ok("lens", tokenizer.decode(said["ids"][: int(position) + 1]), "--json").json

    assert said["position"] == int(position)
    assert ok("lens", KING, "--position", same, "--json").json == said
    assert [row["candidates"][0]["id"] for row in said["layers"]] == [
        row["candidates"][0]["id"] for row in shorter["layers"]
    ]


def test_entropy_and_kl_are_nats_over_the_whole_vocabulary() -> None:
    rows = ok("lens", KING, "--top", "4096", "--json").json["layers"]
    answer = {c["id"]: c["logprob"] for c in rows[-1]["candidates"]}

    for row in rows:
        logprobs = {c["id"]: c["logprob"] for c in row["candidates"]}
        assert row["entropy"] == pytest.approx(-sum(math.exp(x) * x for x in logprobs.values()), rel=1e-3, abs=1e-5)
        kl = sum(math.exp(log_p) * (log_p - logprobs[id]) for id, log_p in answer.items())
        assert row["kl"] == pytest.approx(kl, rel=1e-3, abs=1e-5)


def test_people_read_bits_percent_and_ranks_from_one() -> None:
    lines = ok("lens", KING).text.splitlines()
    row = ok("lens", KING, "--json").json["layers"][-1]

    units, header, *rows = lines
    assert units.split() == ["bits", "bits", "of", "␣had"]
    assert header.split() == ["row", "entropy", "KL", "rank", "likeliest"]
    assert [line.split()[0] for line in rows[:-2]] == ROWS
    assert rows[0].split()[3] == "#3,014"
    bits = f"{row['entropy'] / math.log(2):.2f}"
    assert rows[len(ROWS) - 1].split() == [
        "h.5.mlp", bits, "0.00", "#1", "␣had", "38.2", "%", "␣was", "21.5", "%", "␣lived", "4.40", "%",
    ]  # fmt: skip
    assert rows[-1] == "behind ␣who (token 8); rank of ␣had from embed to h.5.mlp, full is #1: ▁▅▅▃▅▆▆▇██▇██"


def test_no_candidates_leave_the_measures() -> None:
    assert all(row["candidates"] == [] for row in ok("lens", KING, "--top", "0", "--json").json["layers"])
    assert ok("lens", KING, "--top", "0").text.splitlines()[2].split() == ["embed", "0.21", "25.63", "#3,014"]


# -- the grid ----------------------------------------------------------------------------------------------------------


def grid(*options: str) -> Any:
    return ok("lens", KING, "--grid", *options, "--json").json


def test_the_grid_has_a_cell_for_every_row_and_position() -> None:
    said = grid()

    assert list(said) == ["ids", "positions", "watched", "layers"]
    assert said["positions"] == list(range(9))
    assert [row["name"] for row in said["layers"]] == ROWS
    assert all(len(row["cells"]) == 9 for row in said["layers"])
    assert set(said["layers"][0]["cells"][0]) == {
        "id", "text", "bytes", "prob", "entropy", "kl", "rank", "watched_prob",
    }  # fmt: skip


def test_the_grid_watches_what_came_next_and_at_the_end_what_the_model_would_say() -> None:
    said = grid()

    assert said["watched"][:-1] == said["ids"][1:]
    assert said["watched"][-1] == said["layers"][-1]["cells"][-1]["id"]


def test_the_grid_ends_at_the_position_and_says_there_what_the_lens_says() -> None:
    said, one = grid("--position", "4"), ok("lens", KING, "--position", "4", "--json").json

    assert said["positions"] == [0, 1, 2, 3, 4]
    for row, single in zip(said["layers"], one["layers"], strict=True):
        assert row["cells"][-1]["id"] == single["candidates"][0]["id"]
        assert row["cells"][-1]["kl"] == pytest.approx(single["kl"], rel=1e-3, abs=1e-5)


def test_people_get_as_many_columns_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "42")
    lines = ok("lens", KING, "--grid").text.splitlines()

    assert lines[0].split() == ["position", "6", "7", "8"]
    assert lines[1].split() == ["read", "␣a", "␣king", "␣who"]
    assert lines[3].split() == ["embed", "␣a", "endoft", "␣who"]
    assert lines[15].split() == ["h.5.mlp", "␣great", "▸␣who", "▸␣had"]
    assert lines[17].split() == ["next", "␣king", "␣who", "␣had"]
    assert lines[18] == "the last 3 of 9 positions: a wider terminal shows more, --json all"
    assert all(len(line) <= 42 for line in lines[:18])


def test_a_terminal_with_room_for_all_shows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = ok("lens", KING, "--grid").text.splitlines()

    assert lines[0].split()[1:] == [str(position) for position in range(9)]
    assert lines[-1].startswith("next")


def test_one_column_is_shown_however_narrow_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "5")
    assert ok("lens", KING, "--grid").text.splitlines()[0].split() == ["position", "8"]


# -- prompts -----------------------------------------------------------------------------------------------------------


def test_a_prompt_longer_than_the_context_is_read_from_its_end_as_next_does() -> None:
    long = "the king and the queen " * 1000
    said, following = ok("lens", "-", "--json", stdin=long), ok("next", "-", "--json", stdin=long)

    assert "its last 256 were read" in said.stderr
    assert len(said.json["ids"]) == 256
    assert said.json["layers"][-1]["candidates"][0]["id"] == following.json["candidates"][0]["id"]


def test_an_empty_prompt_is_end_of_text() -> None:
    assert ok("lens", "", "--json").json["ids"] == [load("stories").tokenizer.end_of_text]


def test_no_terminal_obeys_what_the_text_holds(escape_model: Path) -> None:
    for options in (("--top", "5"), ("--grid",)):
        said = ok("lens", f"{KING}\x1b[31m", "--model", str(escape_model), "--position", "-5", *options)
        assert b"\x1b" not in said.stdout
        assert "␛" in said.text


@pytest.mark.parametrize("position", ["9", "-10", "1000000"])
def test_a_position_that_is_not_there_is_one_line(position: str) -> None:
    ran = run("lens", KING, "--position", position)

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr.startswith("error: position must be from -9 to 8")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [("--top", "-1"), ("--top", "x"), ("--position", "x")])
def test_what_is_no_number_is_wrong_usage(options: tuple[str, ...]) -> None:
    assert run("lens", KING, *options).code == 2
