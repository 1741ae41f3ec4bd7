"""`ablate`: cuts read and refused, before beside after, and texts that go on under them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from picogpt_tui import load

from .conftest import KING, ok, run

CUT = ("--cut", "h.3.head.5", "--cut", "h.2.mlp=mean")
GOING_ON = ("--max-tokens", "9", "--seed", "7")


def test_json_has_both_sides_with_the_same_candidates() -> None:
    said = ok("ablate", KING, *CUT, "--json").json

    assert list(said) == ["ids", "cuts", "kl", "before", "after"]
    assert said["ids"] == load("stories").tokenizer.encode(KING)
    assert said["cuts"] == [
        {"kind": "head", "layer": 3, "head": 5, "how": "zero"},
        {"kind": "mlp", "layer": 2, "how": "mean"},
    ]
    before, after = said["before"], said["after"]
    assert list(before) == list(after) == ["entropy", "candidates", "other_prob"]
    assert [c["id"] for c in before["candidates"]] == [c["id"] for c in after["candidates"]]
    for side in (before, after):
        assert sum(c["prob"] for c in side["candidates"]) + side["other_prob"] == pytest.approx(1)


def test_before_is_what_next_says() -> None:
    said, likeliest = (
        ok("ablate", KING, *CUT, "--top", "6", "--json").json,
        ok("next", KING, "--top", "6", "--json").json,
    )

    assert [c["id"] for c in said["before"]["candidates"][:6]] == [c["id"] for c in likeliest["candidates"]]
    assert said["before"]["entropy"] == pytest.approx(likeliest["entropy"], rel=1e-4)
    for ours, theirs in zip(said["before"]["candidates"], likeliest["candidates"], strict=False):
        assert (ours["prob"], ours["final_prob"]) == pytest.approx((theirs["prob"], theirs["final_prob"]), rel=1e-3)


def test_kl_is_nats_over_the_whole_vocabulary() -> None:
    said = ok("ablate", KING, *CUT, "--top", "4096", "--json").json

    pairs = zip(said["before"]["candidates"], said["after"]["candidates"], strict=True)
    assert said["kl"] == pytest.approx(sum(a["prob"] * (a["logprob"] - b["logprob"]) for a, b in pairs), abs=1e-5)
    assert said["kl"] > 0.01


@pytest.mark.parametrize("cut", ["h.0.mlp", "h.5.head.0", "h.5.head.0=mean", "position:0", "position:-1=mean"])
def test_each_kind_of_cut_changes_the_answer(cut: str) -> None:
    assert ok("ablate", KING, "--cut", cut, "--json").json["kl"] > 1e-5


def test_zero_is_what_a_cut_means_unless_it_says_mean() -> None:
    plain, zero, mean = (ok("ablate", KING, "--cut", f"h.1.mlp{how}", "--json").json for how in ("", "=zero", "=mean"))

    assert plain == zero
    assert mean["kl"] != pytest.approx(zero["kl"], rel=0.01)


def test_a_position_counts_from_either_end() -> None:
    from_start, from_end = (ok("ablate", KING, "--cut", f"position:{at}", "--json").json for at in ("7", "-2"))

    assert from_start == from_end
    assert from_start["cuts"] == [{"kind": "position", "position": 7, "how": "zero"}]


def test_people_read_both_sides_in_one_row_and_kl_in_bits() -> None:
    said = ok("ablate", KING, *CUT, "--top", "2")
    numbers = ok("ablate", KING, *CUT, "--top", "2", "--json").json

    lines = said.text.splitlines()
    assert lines[0] == "cut: h.3.head.5 = 0; h.2.mlp = mean"
    assert lines[2].split() == ["token", "rank", "before", "rank", "after"]
    row = lines[3].split()
    assert row[:4] == ["␣had", "#1", "38.2", "%"]
    after = numbers["after"]["candidates"][0]
    assert float(row[row.index("#1", 3) + 1]) == pytest.approx(100 * after["prob"], abs=0.06)
    assert lines[-1] == f"KL(before || after) {numbers['kl'] / math.log(2):.3g} bits"
    assert "other tokens" in lines[-3]


def test_both_texts_are_drawn_with_one_seed() -> None:
    said = ok("ablate", KING, *CUT, *GOING_ON, "--json").json

    assert list(said)[5:] == ["seed", "text_before", "text_after", "ids_before", "ids_after"]
    assert said["seed"] == 7
    assert said["text_before"] == ok("generate", KING, "--max-tokens", "9", "--seed", "7").text
    assert said["text_before"] != said["text_after"]
    for side in ("before", "after"):
        assert load("stories").tokenizer.decode(said[f"ids_{side}"]) == said[f"text_{side}"]
    assert said["ids_after"] == ok("ablate", KING, *CUT, *GOING_ON, "--json").json["ids_after"]


def test_the_first_token_under_the_cuts_is_the_likeliest_after() -> None:
    said = ok("ablate", KING, "--cut", "h.0.mlp", "-n", "1", "--temperature", "0", "--json").json

    likeliest = min(said["after"]["candidates"], key=lambda c: int(c["rank"]))
    assert said["ids_after"] == [likeliest["id"]]
    assert likeliest["final_prob"] == 1
    assert said["ids_before"] == [said["before"]["candidates"][0]["id"]]


def test_a_seed_is_drawn_and_told_where_none_is_given() -> None:
    first = ok("ablate", KING, *CUT, "-n", "9", "--json").json

    again = ok("ablate", KING, *CUT, "-n", "9", "--seed", str(first["seed"]), "--json").json
    assert again == first
    assert "seed" not in ok("ablate", KING, *CUT, "--json").json


def test_people_read_both_texts() -> None:
    said, texts = ok("ablate", KING, *CUT, *GOING_ON).text, ok("ablate", KING, *CUT, *GOING_ON, "--json").json

    assert (
        f"\n\nwithout the cuts, seed 7, 9 tokens:\n{texts['text_before']}\n\nwith the cuts, seed 7, 9 tokens:\n" in said
    )
    assert said.endswith(f"{texts['text_after']}\n")


def test_texts_end_where_the_context_is_full(tmp_path: Path) -> None:
    """A shift would put other tokens at the positions that are cut."""
    from ..gpt2.checkpoints import TINY, write_model

    where = str(write_model(tmp_path / "tiny"))
    said = ok("ablate", "the", "-m", where, "--cut", "position:0", "-n", "99", "--seed", "1", "--temperature", "9")
    n_prompt = len(ok("next", "the", "-m", where, "--json").json["ids"])
    assert f"{TINY.n_ctx + 1 - n_prompt} tokens, then the context was full:" in said.text


def test_int8_is_cut_too() -> None:
    wide, narrow = (ok("ablate", KING, *CUT, "--precision", p, "--json").json["kl"] for p in ("float32", "int8"))

    assert narrow == pytest.approx(wide, rel=0.2)
    assert narrow != wide


def test_no_terminal_obeys_the_model(escape_model: Path) -> None:
    said = ok("ablate", KING, "-m", str(escape_model), *CUT, "-n", "3", "--temperature", "0")

    assert "␛" in said.text
    assert b"\x1b" not in said.stdout


def test_a_prompt_longer_than_the_context_is_read_from_its_end_as_next_does() -> None:
    long = "the king and the queen " * 1000
    said = ok("ablate", "-", "--cut", "position:255", "--top", "3", "--json", stdin=long)

    assert "its last 256 were read, and positions count from the first of these." in said.stderr
    likeliest = ok("next", "-", "--top", "3", "--json", stdin=long).json["candidates"]
    assert [c["id"] for c in said.json["before"]["candidates"][:3]] == [c["id"] for c in likeliest]


@pytest.mark.parametrize(
    "cuts, message",
    [
        (("h.6.mlp",), "error: layer must be from 0 to 5 in the cut of h.6.mlp, not 6."),
        (("h.0.head.6",), "error: head must be from 0 to 5 in the cut of h.0.head.6, not 6."),
        (("position:9",), "error: position must be from -9 to 8 (the prompt's tokens, counted from 0), not 9."),
        (("h.1.mlp", "h.1.mlp=mean"), "error: cut must be a part that is not cut already, not 'h.1.mlp'."),
        (("position:8", "position:-1"), "error: cut must be a part that is not cut already, not 'position 8'."),
    ],
)
def test_a_cut_that_the_model_or_the_prompt_does_not_have_is_one_line(cuts: tuple[str, ...], message: str) -> None:
    ran = run("ablate", KING, *(word for cut in cuts for word in ("--cut", cut)))

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == f"{message}\n"


PARTS = "is no part: write h.LAYER.head.HEAD, h.LAYER.mlp or position:N."


@pytest.mark.parametrize(
    "cut, message",
    [
        ("h.1.hed.3", f"'h.1.hed.3' {PARTS}"),
        ("h.1.head", f"'h.1.head' {PARTS}"),
        ("h.-1.mlp", f"'h.-1.mlp' {PARTS}"),
        ("position.3", f"'position.3' {PARTS}"),
        ("", f"'' {PARTS}"),
        ("=mean", f"'' {PARTS}"),
        (f"h.{'9' * 5000}.mlp", ""),
        ("h.1.mlp=", "'h.1.mlp=' must end in =zero or =mean, or have no = at all."),
        ("h.1.mlp=median", "'h.1.mlp=median' must end in =zero or =mean, or have no = at all."),
    ],
)
def test_what_is_no_cut_is_wrong_usage_and_says_what_one_is(cut: str, message: str) -> None:
    ran = run("ablate", KING, "--cut", cut)

    assert (ran.code, ran.stdout) == (2, b"")
    assert ran.stderr.splitlines()[-1].startswith(f"error: Invalid value for '--cut': {message}")


def test_at_least_one_cut_is_needed() -> None:
    ran = run("ablate", KING)

    assert (ran.code, ran.stderr.splitlines()[-1]) == (2, "error: Missing option '--cut'.")


def test_a_bad_setting_is_one_line() -> None:
    assert run("ablate", KING, *CUT, "--max-tokens", "-1").stderr == (
        "error: max tokens must be a whole number, 0 or more, not -1.\n"
    )


def test_the_help_has_the_grammar() -> None:
    said = run("ablate", "--help").text

    for form in ("h.LAYER.head.HEAD", "h.LAYER.mlp", "position:N", "=mean"):
        assert form in said
