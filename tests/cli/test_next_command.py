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
