"""`attention`: the layer-by-head grid, one layer, one head, and the numbers as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from picogpt_tui import load

from .conftest import KING, ok, run

N_LAYER, N_HEAD = 6, 6
WORDS = ["Once", "␣upon", "␣a", "␣time", "␣there", "␣was", "␣a", "␣king", "␣who"]


def weights(*options: str) -> list[float]:
    """Of layer 2, head 3."""
    said = ok("attention", KING, "--layer", "2", "--head", "3", "--json", *options).json
    found: list[float] = said["layers"][0]["heads"][0]["weights"]
    return found


def test_json_has_every_head_s_weights_and_norms_over_the_tokens_it_sees() -> None:
    said = ok("attention", KING, "--json").json

    assert list(said) == ["ids", "position", "layers"]
    assert said["ids"] == load("stories").tokenizer.encode(KING)
    assert said["position"] == len(said["ids"]) - 1
    assert [layer["layer"] for layer in said["layers"]] == list(range(N_LAYER))
    for layer in said["layers"]:
        assert [head["head"] for head in layer["heads"]] == list(range(N_HEAD))
        for head in layer["heads"]:
            assert len(head["weights"]) == len(head["norms"]) == len(WORDS)
            assert sum(head["weights"]) == pytest.approx(1)
            assert min(head["norms"]) >= 0


def test_json_can_be_limited_to_a_layer_or_a_head() -> None:
    whole = ok("attention", KING, "--json").json
    layer = ok("attention", KING, "--layer", "2", "--json").json
    head = ok("attention", KING, "--layer", "2", "--head", "3", "--json").json

    assert layer["layers"] == [whole["layers"][2]]
    assert head["layers"] == [{"layer": 2, "heads": [whole["layers"][2]["heads"][3]]}]


@pytest.mark.parametrize("option", ["--norm", "--no-sink"])
def test_json_is_the_same_however_people_want_to_see_it(option: str) -> None:
    assert weights(option) == weights()


def test_a_position_counts_from_either_end() -> None:
    from_start, from_end = (ok("attention", KING, "--position", p, "--json").json for p in ("4", "-5"))

    assert from_start == from_end
    assert from_start["position"] == 4
    assert len(from_start["layers"][0]["heads"][0]["weights"]) == 5


def test_the_grid_has_a_row_a_layer_and_names_the_token_each_head_looks_at_most() -> None:
    lines = ok("attention", KING).text.splitlines()

    assert lines[0] == "position 8, ␣who: the token with each head's largest weight, shaded by it"
    assert lines[3].split() == [str(head) for head in range(N_HEAD)]
    rows = lines[4:]
    assert [row.split()[0] for row in rows] == [f"h.{layer}" for layer in range(N_LAYER)]
    row = weights()
    assert rows[2].split()[1 + 3].lstrip("░▒▓█") == WORDS[row.index(max(row))] == "Once"


def test_the_shade_says_how_much() -> None:
    whole = ok("attention", KING, "--json").json
    cells = [line.split()[1:] for line in ok("attention", KING).text.splitlines()[4:]]
    for layer in range(N_LAYER):
        for head in range(N_HEAD):
            largest = max(whole["layers"][layer]["heads"][head]["weights"])
            assert cells[layer][head][0] == " ░▒▓█"[round(4 * largest)]


def test_without_the_sink_no_head_looks_at_the_first_token() -> None:
    with_it, without = ok("attention", KING).text, ok("attention", KING, "--no-sink").text

    assert "Once" in with_it
    assert "Once" not in without
    assert "the token other than the first" in without


def test_a_layer_has_a_line_a_head() -> None:
    lines = ok("attention", KING, "--layer", "2").text.splitlines()

    assert lines[0] == "h.2 at position 8, ␣who: each head's largest weight"
    assert lines[2].split() == ["head", "position", "token", "weight", "entropy", "on", "the", "first"]
    row = weights()
    head, position, token, percent, _, _, bits, *sink = lines[3 + 3].split()
    assert (head, position, token) == ("3", str(row.index(max(row))), "Once")
    assert float(percent) == pytest.approx(100 * max(row), abs=0.06)
    assert bits == "bits"
    assert float(sink[0]) == pytest.approx(100 * row[0], abs=0.06)


def test_a_head_has_a_bar_a_token_the_largest_first_and_the_text_shaded() -> None:
    lines = ok("attention", KING, "--layer", "2", "--head", "3", "--top", "4").text.splitlines()

    row = weights()
    order = sorted(range(9), key=lambda key: -row[key])
    assert lines[0].startswith("h.2.head.3 at position 8, ␣who; entropy 2.63 bits")
    assert [line.split()[:2] for line in lines[3:7]] == [[str(key), WORDS[key]] for key in order[:4]]
    assert lines[3].endswith("█" * 20)
    rest = sum(row[key] for key in order[4:])
    assert lines[7] == f"5 other tokens {100 * rest:.1f} %"
    assert lines[9] == "".join(WORDS)
    first = len(WORDS[0])
    assert lines[10][:first] == "█" * first
    assert set(lines[10][first:]) <= set(" ░▒▓")


def test_norms_are_shown_as_shares_that_sum_to_one() -> None:
    table = ok("attention", KING, "--layer", "2", "--head", "3", "--norm").text.splitlines()
    norms = ok("attention", KING, "--layer", "2", "--json").json["layers"][0]["heads"][3]["norms"]

    rows = [line.split() for line in table[3:12]]
    assert table[2].split() == ["position", "token", "share", "norm"]
    assert sum(float(row[2]) for row in rows) == pytest.approx(100, abs=0.5)
    assert float(rows[0][4]) == pytest.approx(max(norms), rel=0.01)
    assert float(rows[0][2]) == pytest.approx(100 * max(norms) / sum(norms), abs=0.06)


def test_without_the_first_token_the_bars_are_of_the_others() -> None:
    table = ok("attention", KING, "--layer", "2", "--head", "3", "--no-sink").text.splitlines()

    row = weights()
    shown = {line.split()[0]: float(line.split()[2]) for line in table[3:11]}
    assert set(shown) == {str(key) for key in range(1, 9)}
    assert shown["7"] == pytest.approx(100 * row[7] / (1 - row[0]), abs=0.06)


def test_one_token_without_the_first_leaves_nothing() -> None:
    said = ok("attention", "Once", "--no-sink", "--layer", "0")

    assert said.stderr == "note: without the first token nothing is left to look at.\n"
    assert ok("attention", "Once", "--layer", "0").stderr == ""


def test_a_long_text_is_broken_between_tokens_with_each_shade_below() -> None:
    lines = ok(
        "attention", "the king and the queen " * 9, "--layer", "0", "--head", "0", "--top", "0"
    ).text.splitlines()

    text = lines[lines.index("") + 1 :]
    pairs = text[text.index("") + 1 : -2]
    assert len(pairs) > 4
    assert all(len(line) <= 78 for line in pairs)
    assert "".join(pairs[::2]).replace("␣", " ") == "the king and the queen " * 9
    assert all(len(under) <= len(above) for above, under in zip(pairs[::2], pairs[1::2], strict=True))


def test_int8_looks_nearly_where_float32_does() -> None:
    assert weights("--precision", "int8") == pytest.approx(weights(), abs=0.05)
    assert weights("--precision", "int8") != weights()


def test_an_empty_prompt_looks_from_end_of_text() -> None:
    said = ok("attention", "", "--json").json

    assert said["ids"] == [load("stories").tokenizer.end_of_text]
    assert said["layers"][0]["heads"][0]["weights"] == [1.0]


def test_a_prompt_longer_than_the_context_is_read_from_its_end_as_next_does() -> None:
    long = "the king and the queen " * 1000
    said = ok("attention", "-", "--layer", "0", "--head", "0", "--json", stdin=long)

    assert said.stderr == (
        "note: the prompt is longer than the context of 512 tokens; its last 256 were read, "
        "and positions count from the first of these.\n"
    )
    assert said.json["ids"] == ok("next", "-", "--json", stdin=long).json["ids"][-256:]
    assert said.json["position"] == 255


def test_no_terminal_obeys_what_a_model_calls_its_tokens(escape_model: Path) -> None:
    for options in ((), ("--layer", "0"), ("--layer", "0", "--head", "0")):
        said = ok("attention", "had\x1b", "-m", str(escape_model), *options)
        assert "␛" in said.text
        assert b"\x1b" not in said.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        (("--layer", "6"), "error: layer must be from 0 to 5 in this model, not 6."),
        (("--layer", "-1"), "error: layer must be from 0 to 5 in this model, not -1."),
        (("--layer", "0", "--head", "9"), "error: head must be from 0 to 5 in this model, not 9."),
        (("--position", "9"), "error: position must be from -9 to 8 (the prompt's tokens, counted from 0), not 9."),
        (("--position", "-10"), "error: position must be from -9 to 8 (the prompt's tokens, counted from 0), not -10."),
    ],
)
def test_what_is_not_there_is_one_line(options: tuple[str, ...], message: str) -> None:
    ran = run("attention", KING, *options)

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == f"{message}\n"


@pytest.mark.parametrize("options", [("--head", "1"), ("--layer", "0", "--top", "-1")])
def test_what_makes_no_sense_is_wrong_usage(options: tuple[str, ...]) -> None:
    ran = run("attention", KING, *options)

    assert (ran.code, ran.stdout) == (2, b"")
    assert ran.stderr.splitlines()[-1].startswith("error: ")


def test_a_grid_of_many_heads_stays_readable(tmp_path: Path) -> None:
    """25 heads, as 1558M has, and one layer."""
    from picogpt_tui.gpt2.config import GPT2Config

    from ..gpt2.checkpoints import N_TOY_VOCAB, write_model

    config = GPT2Config(N_TOY_VOCAB, 16, 50, 25, 1)
    rows: Any = ok("attention", "the", "-m", str(write_model(tmp_path / "wide", config))).text.splitlines()
    assert len(rows[-1].split()) == 26
    assert len(rows[-1]) <= 7 + 25 * 5
