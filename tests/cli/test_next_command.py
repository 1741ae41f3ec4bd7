"""`next`: the distribution behind the next token."""

from __future__ import annotations

import math

import pytest

from picogpt_tui import load

from .conftest import KING, ok, run


def test_it_has_the_contract_s_fields() -> None:
    said = ok("next", KING, "--json").json

    assert list(said) == ["ids", "entropy", "candidates", "other_prob"]
    assert set(said["candidates"][0]) == {
        "rank", "id", "text", "bytes", "logit", "logprob", "prob", "final_prob", "cut_by",
    }  # fmt: skip
    assert len(said["candidates"]) == 10
    assert said["ids"] == load("stories").tokenizer.encode(KING)


def test_raw_mass_is_complete_and_final_mass_is_shared_by_the_kept() -> None:
    said = ok("next", KING, "--top", "10", "--temperature", "0.7", "--top-k", "5", "--json").json
    candidates = said["candidates"]

    assert sum(c["prob"] for c in candidates) + said["other_prob"] == pytest.approx(1)
    assert sum(c["final_prob"] for c in candidates) == pytest.approx(1)
    assert [c["cut_by"] for c in candidates] == [None] * 5 + ["top_k"] * 5
    weights = [math.exp(c["logit"] / 0.7) for c in candidates[:5]]
    assert [c["final_prob"] for c in candidates[:5]] == pytest.approx([w / sum(weights) for w in weights], rel=1e-4)


def test_entropy_and_logprob_are_nats() -> None:
    said = ok("next", KING, "--top", "4096", "--json").json
    logprobs = [c["logprob"] for c in said["candidates"]]

    assert said["entropy"] == pytest.approx(-sum(math.exp(x) * x for x in logprobs), rel=1e-4)
    assert said["other_prob"] == pytest.approx(0, abs=1e-5)


def test_more_candidates_than_tokens_gives_all_of_them() -> None:
    assert len(ok("next", KING, "--top", "99999", "--json").json["candidates"]) == 4096


def test_no_candidates_leave_all_the_mass_to_the_others() -> None:
    assert ok("next", KING, "--top", "0", "--json").json["other_prob"] == 1
    assert "entropy" in ok("next", KING, "--top", "0").text


@pytest.mark.parametrize(
    "options, stage",
    [
        (("--temperature", "0"), "temperature"),
        (("--top-k", "1"), "top_k"),
        (("--top-k", "0", "--top-p", "0.1"), "top_p"),
        (("--top-k", "0", "--min-p", "0.99"), "min_p"),
        (("--top-k", "0", "--typical-p", "0.01"), "typical_p"),
    ],
)
def test_the_stage_that_cut_is_named(options: tuple[str, ...], stage: str) -> None:
    said = ok("next", KING, *options, "--json").json

    assert {c["cut_by"] for c in said["candidates"]} - {None} == {stage}
    assert f"cut by {stage.replace('_', '-')}" in ok("next", KING, *options).text


def test_it_agrees_with_what_generate_drew_from() -> None:
    said = ok("next", KING, "--json").json
    token = ok("generate", KING, "-n", "1", "--json").lines[0]

    assert [c["id"] for c in said["candidates"]] == [c["id"] for c in token["top"]]
    assert said["entropy"] == token["entropy"]


def test_people_read_percent_bits_and_ranks_from_one() -> None:
    said = ok("next", KING, "--top", "2")

    header, first, second, _, summary = said.text.splitlines()
    assert header.split() == ["rank", "token", "raw", "final"]
    assert first.split()[:3] == ["#1", "␣had", "38.2"]
    assert second.startswith("   #2  ␣was")
    bits = ok("next", KING, "--json").json["entropy"] / math.log(2)
    assert summary.startswith(f"entropy {bits:.2f} bits; 4,094 other tokens 40.3 %; sampling keeps 40 of 4,096")


def test_a_prompt_longer_than_the_context_is_read_from_its_end_as_generate_does() -> None:
    long = "the king and the queen " * 1000
    said = ok("next", "-", "--json", stdin=long)

    assert said.stderr == "note: the prompt is longer than the context of 512 tokens; its last 256 were read.\n"
    generated = ok("generate", "-", "-n", "1", "--temperature", "0", "--json", stdin=long).lines[-1]
    assert said.json["candidates"][0]["id"] == generated["ids"][0]


def test_an_empty_prompt_begins_from_end_of_text() -> None:
    assert ok("next", "", "--json").json["ids"] == [load("stories").tokenizer.end_of_text]


def test_a_bad_setting_is_one_line() -> None:
    ran = run("next", KING, "--top-p", "7")

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == "error: top p must be more than 0 and at most 1 (1 is off), not 7.0.\n"


# --- the sampling stages -------------------------------------------------------------------------------------------

KNOBS = ("--top", "6", "--top-k", "5", "--top-p", "0.8")


def test_stages_are_an_addition_to_the_contract_s_fields() -> None:
    plain, said = ok("next", KING, *KNOBS, "--json").json, ok("next", KING, *KNOBS, "--stages", "--json").json

    assert list(said) == [*plain, "stages"]
    assert {name: said[name] for name in plain} == plain
    assert [stage["name"] for stage in said["stages"]] == ["raw", "temperature", "top_k", "top_p"]
    assert all(list(stage) == ["name", "n_kept", "mass_removed", "entropy", "probs"] for stage in said["stages"])
    assert said["stages"][0]["entropy"] == said["entropy"]
    assert [stage["n_kept"] for stage in said["stages"]][:3] == [4096, 4096, 5]


def test_the_stages_go_from_raw_to_final() -> None:
    said = ok("next", KING, *KNOBS, "--repetition-penalty", "1.3", "--stages", "--json").json
    candidates = said["candidates"]

    assert said["stages"][0]["probs"] == [c["prob"] for c in candidates]
    assert said["stages"][-1]["probs"] == pytest.approx([c["final_prob"] for c in candidates])
    names = [stage["name"] for stage in said["stages"]]
    for index, candidate in enumerate(candidates):
        n_behind = names.index(candidate["cut_by"]) if candidate["cut_by"] else len(names)
        assert [stage["probs"][index] > 0 for stage in said["stages"]] == [at < n_behind for at in range(len(names))]


def test_people_read_a_line_a_stage_and_a_column_a_stage() -> None:
    said = ok("next", KING, *KNOBS, "--stages")
    stages = ok("next", KING, *KNOBS, "--stages", "--json").json["stages"]

    lines = said.text.splitlines()
    assert lines[0].split() == ["stage", "tokens", "kept", "removed", "entropy,", "bits"]
    assert lines[1].split() == ["raw", "4,096", f"{stages[0]['entropy'] / math.log(2):.2f}"]
    removed = f"{100 * stages[2]['mass_removed']:.1f}"
    assert lines[3].split() == ["top-k", "5", removed, "%", f"{stages[2]['entropy'] / math.log(2):.2f}"]
    assert lines[6].split() == ["rank", "token", "raw", "temperature", "top-k", "top-p"]
    assert lines[7].split()[:3] == ["#1", "␣had", "38.2"]
    assert lines[12].split()[-1] == "cut"
    assert lines[12].index("cut") + 3 == lines[6].index("top-k") + 5, "under the stage that cut it"
    assert lines[-1].startswith("entropy ")


@pytest.mark.parametrize("options", [("--top", "0"), ("--temperature", "1", "--top-k", "0"), ("--temperature", "0")])
def test_where_little_is_asked_little_is_shown(options: tuple[str, ...]) -> None:
    assert "raw" in ok("next", KING, "--stages", *options).text


@pytest.mark.parametrize(
    "order, names",
    [
        ("huggingface", ["raw", "temperature", "top_k", "top_p"]),
        ("llama.cpp", ["raw", "top_k", "top_p", "temperature"]),
        ("gpt-2", ["raw", "temperature", "top_k", "top_p"]),
    ],
)
def test_the_order_is_chosen_by_name(order: str, names: list[str]) -> None:
    said = ok("next", KING, *KNOBS, "--order", order, "--stages", "--json")

    assert [stage["name"] for stage in said.json["stages"]] == names
    assert said.stderr == ""


def test_generate_draws_in_that_order_too() -> None:
    """OpenAI's drops the token that crosses p, here all but the likeliest."""
    only = [line["id"] for line in ok("generate", KING, "-n", "5", "--temperature", "0", "--json").lines[:-1]]
    options = ("-n", "5", "--temperature", "1", "--top-k", "0", "--top-p", "0.05", "--seed", "1", "--json")
    drawn = ok("generate", KING, *options, "--order", "gpt-2").lines[:-1]

    assert [line["id"] for line in drawn] == only


def test_what_an_order_does_not_have_is_told() -> None:
    said = ok("next", KING, "--order", "gpt-2", "--min-p", "0.1", "--repetition-penalty", "2", "--json")

    assert said.stderr == ("note: the order gpt-2 has no such stage; without effect: --repetition-penalty, --min-p.\n")
    assert said.json == ok("next", KING, "--order", "gpt-2", "--json").json


def test_an_unknown_order_is_one_line() -> None:
    ran = run("next", KING, "--order", "alphabetical")

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == "error: order must be 'huggingface', 'llama.cpp' or 'gpt-2', not 'alphabetical'.\n"
