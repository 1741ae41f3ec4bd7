"""`score`: how likely a text is."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from picogpt_tui import load

from .conftest import KING, edit_json, ok, run

LONG = "the king and the queen sat in a small red house " * 60
"""660 tokens: more than the 512 that the bundled model sees."""


def test_it_has_the_contract_s_fields() -> None:
    said = ok("score", KING, "--json").json

    assert list(said) == [
        "bos", "n_tokens", "n_ctx", "stride", "n_windows", "n_scored", "n_bytes", "tokens", "nll", "perplexity",
        "bits_per_byte",
    ]  # fmt: skip
    assert list(said["tokens"][0]) == [
        "id", "text", "bytes", "byte_start", "byte_end", "logprob", "rank", "entropy", "top_prob",
    ]  # fmt: skip
    assert [token["id"] for token in said["tokens"]] == load("stories").tokenizer.encode(KING)
    assert (said["n_tokens"], said["n_scored"], said["n_bytes"], said["n_windows"]) == (9, 9, len(KING), 1)


def test_the_sums_are_those_of_the_tokens() -> None:
    said = ok("score", KING, "--json").json
    nll = -sum(token["logprob"] for token in said["tokens"])

    assert said["nll"] == pytest.approx(nll)
    assert said["perplexity"] == pytest.approx(math.exp(nll / 9))
    assert said["bits_per_byte"] == pytest.approx(nll / math.log(2) / len(KING))


def test_the_bytes_of_the_tokens_are_the_text() -> None:
    text = "naïve 👋🏽\r\n\x1b[31m"
    tokens = ok("score", "-", "--json", stdin=text.encode()).json["tokens"]

    assert b"".join(bytes.fromhex(token["bytes"]) for token in tokens) == text.encode()
    assert tokens[-1]["byte_end"] == len(text.encode())


def test_a_token_s_numbers_are_those_that_next_gives_it() -> None:
    first, second = ok("next", KING, "--json").json["candidates"][:2]
    entropy = ok("next", KING, "--json").json["entropy"]
    token = ok("score", KING + second["text"], "--no-bos", "--json").json["tokens"][-1]

    assert (token["id"], token["rank"]) == (second["id"], 1)
    assert token["logprob"] == pytest.approx(second["logprob"], abs=1e-4)
    assert token["entropy"] == pytest.approx(entropy, abs=1e-4)
    assert token["top_prob"] == pytest.approx(first["prob"], abs=1e-4)


def test_with_nothing_before_it_the_first_token_has_no_numbers() -> None:
    said = ok("score", KING, "--no-bos", "--json").json
    first, second = said["tokens"][:2]

    assert (first["logprob"], first["rank"], first["entropy"], first["top_prob"]) == (None, None, None, None)
    assert second["logprob"] < 0
    assert (said["bos"], said["n_tokens"], said["n_scored"]) == (False, 9, 8)
    assert ok("score", KING, "--no-bos").text.splitlines()[1].split() == ["Once", "-", "-", "-", "-"]


@pytest.mark.parametrize("text, options", [("", ()), ("", ("--no-bos",)), ("king", ("--no-bos",))])
def test_where_nothing_is_scored_there_is_no_perplexity(text: str, options: tuple[str, ...]) -> None:
    said = ok("score", text, *options, "--json")

    assert (said.json["nll"], said.json["perplexity"], said.json["bits_per_byte"]) == (0, None, None)
    assert len(said.json["tokens"]) == bool(text)
    assert "perplexity" not in ok("score", text, *options).text


def test_people_read_bits_ranks_from_one_and_the_convention() -> None:
    said = ok("score", KING, "--json").json
    header, first, *_, sizes, sums, ranks = ok("score", KING).text.splitlines()
    token = said["tokens"][0]
    bits, entropy = -token["logprob"] / math.log(2), token["entropy"] / math.log(2)

    assert header == "token     bits     rank     prob  entropy bits"
    assert first.split()[:3] == ["Once", f"{bits:.2f}", f"#{token['rank'] + 1}"]
    assert first.split()[-2:] == [f"{entropy:.2f}", "█" * int(bits) + "▋"]
    assert sizes == "9 tokens, 37 bytes, <|endoftext|> before them"
    a_token, a_byte = said["nll"] / math.log(2) / 9, said["bits_per_byte"]
    assert f"{a_token:.2f} a token (perplexity {said['perplexity']:.2f}), {a_byte:.3f} a byte; mean entropy" in sums
    assert ranks == "ranks: 8 in #1 to #10, 1 in #11 to #100, 0 in #101 to #1,000, 0 beyond"


def test_gltr_s_buckets_count_every_scored_token() -> None:
    said = ok("score", "zebra king 9 the", "--no-bos", "--json").json
    ranks = [token["rank"] for token in said["tokens"] if token["rank"] is not None]
    counts = [sum(low <= rank < high for rank in ranks) for low, high in ((0, 10), (10, 100), (100, 1000))]
    line = ok("score", "zebra king 9 the", "--no-bos").text.splitlines()[-1]

    assert counts[-1] > 0
    assert line == (
        f"ranks: {counts[0]} in #1 to #10, {counts[1]} in #11 to #100, {counts[2]} in #101 to #1,000, "
        f"{len(ranks) - sum(counts)} beyond"
    )


def test_a_text_longer_than_the_context_is_read_in_windows() -> None:
    ran = ok("score", "-", "--json", stdin=LONG)
    said = ran.json

    assert (said["n_ctx"], said["stride"], said["n_scored"]) == (512, 256, said["n_tokens"])
    assert said["n_windows"] == 1 + math.ceil((said["n_tokens"] + 1 - 512) / 256)
    assert ran.stderr == "stories: scoring\n"
    assert f"{said['n_windows']} windows of 512 tokens, one every 256" in ok("score", "-", stdin=LONG).text


def test_a_stride_as_long_as_the_context_leaves_a_token_a_window_unscored() -> None:
    said = ok("score", "-", "--stride", "512", "--json", stdin=LONG).json

    assert (said["n_windows"], said["n_tokens"] - said["n_scored"]) == (2, 1)
    assert said["tokens"][511]["logprob"] is None
    assert (
        "bytes, <|endoftext|> before them, 1 not scored, 2 windows"
        in ok("score", "-", "--stride", "512", stdin=LONG).text
    )


@pytest.mark.parametrize("stride", ["0", "513", "-1"])
def test_a_stride_that_does_not_fit_is_one_line(stride: str) -> None:
    ran = run("score", KING, "--stride", stride)

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == f"error: stride must be a whole number from 1 to 512, not {stride}.\n"


def test_a_short_text_has_no_progress_to_tell() -> None:
    assert ok("score", KING).stderr == ""


def test_a_summary_leaves_the_tokens_out() -> None:
    whole, sums = ok("score", KING, "--json").json, ok("score", KING, "--summary", "--json").json
    del whole["tokens"]

    assert sums == whole
    assert ok("score", KING, "--summary").text.splitlines() == ok("score", KING).text.splitlines()[-3:]


def test_stdin_is_the_same_text() -> None:
    assert ok("score", "-", "--json", stdin=KING).json == ok("score", KING, "--json").json


def test_bytes_that_are_not_utf_8_are_told() -> None:
    ran = ok("score", "-", "--json", stdin="a\ufffd".encode() + b"\xffb\x80")

    assert ran.stderr == "note: the text is not UTF-8 in 2 places; U+FFFD was read there.\n"
    assert ran.json["n_bytes"] == len("a\ufffd\ufffdb\ufffd".encode())
    assert ok("score", "-", "--summary", stdin="a\ufffd".encode()).stderr == ""


def test_a_line_holds_nothing_that_a_terminal_obeys() -> None:
    out = ok("score", "-", stdin="\x1b[31m[bold]\u202e\u200b\x07 你好\t\n").text

    assert not set(out) & {*map(chr, range(0x0A)), *map(chr, range(0x0B, 0x20)), "\x7f", "\u202e", "\u200b"}


def test_int8_scores_nearly_the_same() -> None:
    exact, rounded = (ok("score", KING, "--json", "--precision", one).json["nll"] for one in ("float32", "int8"))

    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.05)


def test_a_perplexity_that_no_float_holds_is_null(model_dir: Path) -> None:
    """ln_f's gain makes the model so sure of itself that a surprise costs thousands of nats."""
    tensors = load_file(model_dir / "model.safetensors")
    name = next(name for name in tensors if name.endswith("ln_f.weight"))
    save_file(tensors | {name: tensors[name] * np.float32(3000)}, model_dir / "model.safetensors")
    arguments = "score", "zebra", "--model", str(model_dir)

    assert json.loads(ok(*arguments, "--json").text, parse_constant=pytest.fail)["perplexity"] is None
    assert "(perplexity inf)" in ok(*arguments).text


def test_a_model_without_end_of_text_says_how_to_go_on(tiny_model_dir: Callable[..., Path]) -> None:
    model = tiny_model_dir()
    edit_json(model / "vocab.json", lambda vocab: vocab.pop("<|endoftext|>"))
    edit_json(model / "config.json", lambda config: config.update(eos_token_id=None))
    ran = run("score", "the king", "--model", str(model))

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr.endswith("has no <|endoftext|> to put before the text; score it without (--no-bos).\n")
    assert ok("score", "the king", "--model", str(model), "--no-bos", "--json").json["n_scored"] > 1


def test_an_interrupt_prints_no_half_score(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def pressed() -> Iterator[Callable[[], bool]]:
        yield lambda: True

    monkeypatch.setattr("picogpt_tui.cli.scoring.stop_on_interrupt", pressed)
    ran = run("score", KING)

    assert (ran.code, ran.stdout, ran.stderr) == (130, b"", "")
