"""`compare`: two models side by side on one text."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picogpt_tui import load

from .conftest import KING, ok, run

INT8 = ("stories", "stories", "--precision-b", "int8")


def test_json_has_both_sides_and_every_token() -> None:
    said = ok("compare", KING, *INT8, "--json").json
    side = [
        "model", "precision", "n_tokens", "n_ctx", "stride", "n_windows", "n_scored", "n_bytes", "nll", "perplexity",
        "bits_per_byte",
    ]  # fmt: skip

    assert list(said) == ["a", "b", "bos", "why", "tokens", "mean_kl"]
    assert list(said["a"]) == list(said["b"]) == side
    assert (said["a"]["precision"], said["b"]["precision"], said["why"]) == ("float32", "int8", None)
    assert list(said["tokens"][0]) == [
        "id", "text", "bytes", "byte_start", "byte_end", "logprob_a", "logprob_b", "rank_a", "rank_b", "kl",
    ]  # fmt: skip
    assert [token["id"] for token in said["tokens"]] == load("stories").tokenizer.encode(KING)


def test_each_side_is_what_score_says() -> None:
    said = ok("compare", KING, *INT8, "--no-bos", "--json").json
    scores = [ok("score", KING, "--no-bos", "--precision", name, "--json").json for name in ("float32", "int8")]

    for side, score in zip("ab", scores, strict=True):
        assert [token[f"logprob_{side}"] for token in said["tokens"]] == [one["logprob"] for one in score["tokens"]]
        assert [token[f"rank_{side}"] for token in said["tokens"]] == [one["rank"] for one in score["tokens"]]
        assert {key: said[side][key] for key in ("nll", "perplexity", "bits_per_byte", "n_scored")} == {
            key: score[key] for key in ("nll", "perplexity", "bits_per_byte", "n_scored")
        }
    assert said["tokens"][0]["kl"] is None


def test_mean_kl_is_that_of_the_scored_tokens() -> None:
    said = ok("compare", KING, *INT8, "--json").json
    kls = [token["kl"] for token in said["tokens"]]

    assert min(kls) > 0
    assert said["mean_kl"] == pytest.approx(sum(kls) / 9)


def test_people_read_bits_differences_and_sums() -> None:
    said = ok("compare", KING, *INT8, "--json").json
    header, first, *_, sizes, a, b, last = ok("compare", KING, *INT8).text.splitlines()
    token = said["tokens"][0]
    bits_a, bits_b = (-token[name] / math.log(2) for name in ("logprob_a", "logprob_b"))

    assert header.split() == ["token", "A", "bits", "B", "bits", "B", "-", "A", "KL", "bits"]
    assert first.split()[:4] == ["Once", f"{bits_a:.2f}", f"{bits_b:.2f}", f"{bits_b - bits_a:+.2f}"]
    assert first.split()[4] == f"{token['kl'] / math.log(2):.4f}"
    assert sizes == "9 tokens, 37 bytes, <|endoftext|> before them"
    assert a.startswith(f"A  stories       {said['a']['nll'] / math.log(2):.2f} bits, ")
    assert f"(perplexity {said['b']['perplexity']:.2f}), {said['b']['bits_per_byte']:.3f} a byte" in b
    n_better = sum(one["logprob_b"] > one["logprob_a"] for one in said["tokens"])
    more = (said["b"]["nll"] - said["a"]["nll"]) / math.log(2)
    mean_kl = said["mean_kl"] / math.log(2)
    assert last == f"B less A: {more:+.2f} bits; B knew {n_better} tokens better; KL(A || B) {mean_kl:.4f} bits a token"


def test_bars_go_left_where_b_knew_better_and_right_where_a_did() -> None:
    said = ok("compare", KING, *INT8, "--json").json
    rows = ok("compare", KING, *INT8).text.splitlines()[1:10]
    more = [token["logprob_a"] - token["logprob_b"] for token in said["tokens"]]
    largest = max(map(abs, more))

    for row, difference in zip(rows, more, strict=True):
        left, middle, right = row.partition("│")
        n_halves = round(abs(difference) / largest * 16)
        sides = (left, right) if difference < 0 else (right, left)
        assert middle
        assert 2 * sides[0].count("█") + sides[0].count("▐") + sides[0].count("▌") == n_halves
        assert "█" not in sides[1]


def test_a_model_beside_itself_does_not_differ() -> None:
    ran = ok("compare", KING, "stories", "stories")

    assert ran.text.splitlines()[-1] == "B less A: +0.00 bits; B knew 0 tokens better; KL(A || B) 0.0000 bits a token"


@pytest.fixture
def tiny(tiny_model_dir: Callable[..., Path]) -> str:
    """A model with another vocabulary."""
    return str(tiny_model_dir())


def test_of_different_vocabularies_only_the_sums_are_said_and_why(tiny: str) -> None:
    said = ok("compare", "the king", "stories", tiny, "--json").json
    tiny_alone = ok("score", "the king", "--model", tiny, "--json").json

    assert (said["tokens"], said["mean_kl"]) == (None, None)
    assert "different vocabularies (one has 4,096 tokens, the other 269)" in said["why"]
    assert said["a"]["bits_per_byte"] == ok("score", "the king", "--json").json["bits_per_byte"]
    assert (said["b"]["bits_per_byte"], said["b"]["n_tokens"]) == (tiny_alone["bits_per_byte"], tiny_alone["n_tokens"])
    assert (said["a"]["n_ctx"], said["b"]["n_ctx"]) == (512, 13)


def test_people_read_the_reason_and_both_bits_a_byte(tiny: str) -> None:
    said = ok("compare", "the king", "stories", tiny, "--json").json
    why, _, a, b, sizes_a, sizes_b = ok("compare", "the king", "stories", tiny).text.splitlines()

    assert why == said["why"]
    assert a.startswith("A  stories ")
    assert a.endswith(f"{said['a']['bits_per_byte']:.3f} a byte")
    assert b.endswith(f"{said['b']['bits_per_byte']:.3f} a byte")
    assert sizes_a == "A: 2 tokens, 8 bytes, <|endoftext|> before them"
    assert sizes_b == "B: 6 tokens, 8 bytes, <|endoftext|> before them"


@pytest.mark.parametrize("options", [(), ("--no-bos",)])
def test_an_empty_text_has_nothing_to_compare(tiny: str, options: tuple[str, ...]) -> None:
    said = ok("compare", "", "stories", "stories", *options, "--json").json

    assert (said["tokens"], said["mean_kl"], said["a"]["perplexity"]) == ([], None, None)
    for other in ("stories", tiny):
        assert "A  stories" in ok("compare", "", "stories", other, *options).text
        assert "nothing scored" in ok("compare", "", "stories", other, *options).text


def test_both_read_a_long_text_in_the_windows_of_the_shorter_context(tiny_model_dir: Callable[..., Path]) -> None:
    tiny, text = str(tiny_model_dir()), "the king " * 9
    said = ok("compare", text, tiny, tiny, "--stride", "4", "--json").json

    assert (said["b"]["n_ctx"], said["b"]["stride"]) == (13, 4)
    assert said["b"]["n_windows"] == 1 + math.ceil((said["b"]["n_tokens"] + 1 - 13) / 4)
    assert "windows of 13 tokens, one every 4" in ok("compare", text, tiny, tiny, "--stride", "4").text


def test_stdin_is_the_same_text() -> None:
    assert ok("compare", "-", *INT8, stdin=KING).text == ok("compare", KING, *INT8).text


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("stories", "no-such-model"), "no-such-model"),
        (("stories", "stories", "--stride", "513"), "stride must be a whole number from 1 to 512, not 513."),
        (("stories", "stories", "--precision-a", "int4"), "precision must be 'float32' or 'int8', not 'int4'."),
    ],
)
def test_what_cannot_be_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    ran = run("compare", KING, *arguments)

    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
    assert said in ran.stderr


def test_an_interrupt_prints_no_half_comparison(monkeypatch: pytest.MonkeyPatch, tiny: str) -> None:
    @contextlib.contextmanager
    def pressed() -> Iterator[Callable[[], bool]]:
        yield lambda: True

    monkeypatch.setattr("picogpt_tui.cli.scoring.stop_on_interrupt", pressed)

    for other in ("stories", tiny):
        ran = run("compare", KING, "stories", other)
        assert (ran.code, ran.stdout, ran.stderr) == (130, b"", "")
