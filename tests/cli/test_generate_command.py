"""`generate`: streamed text, JSON Lines, seeds, stops, and prompts of every kind."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from picogpt_tui import load
from picogpt_tui.events import Finished

from .conftest import KING, ok, run

GREEDY = ("--temperature", "0", "--max-tokens", "6")
NASTY = "café \u200b\u202e [bold]x[/] \x1b[31mred \x07\x00\t\r\n 你好 <|endoftext|> 👋🏽 \\"


def test_a_token_line_has_the_contract_s_fields() -> None:
    first = ok("generate", KING, *GREEDY, "--json").lines[0]

    assert list(first) == ["event", "index", "id", "text", "logprob", "rank", "entropy", "top"]
    assert list(first["top"][0]) == ["id", "text", "logit", "logprob", "prob"]
    assert (first["event"], first["index"], first["rank"], first["text"]) == ("token", 0, 0, " had")


def test_numbers_are_nats_and_raw_whatever_the_sampling() -> None:
    warm, greedy = (ok("generate", KING, "--temperature", t, "-n", "1", "--json").lines[0] for t in ("9", "0"))

    assert warm["top"] == greedy["top"]
    assert warm["entropy"] == greedy["entropy"]
    assert math.exp(greedy["logprob"]) == pytest.approx(greedy["top"][0]["prob"])


def test_the_last_line_sums_up() -> None:
    *tokens, finished = ok("generate", KING, *GREEDY, "--json").lines

    assert list(finished) == [
        "event", "reason", "prompt_ids", "ids", "text", "tokens_per_second", "seed", "n_guessed", "n_accepted",
    ]  # fmt: skip
    assert (finished["event"], finished["reason"]) == ("finished", "max_tokens")
    assert finished["ids"] == [token["id"] for token in tokens]
    assert finished["text"] == "".join(token["text"] for token in tokens)
    assert finished["prompt_ids"] == load("stories").tokenizer.encode(KING)


def test_plain_output_is_the_same_text_and_nothing_else() -> None:
    plain = ok("generate", KING, *GREEDY)

    assert plain.text == ok("generate", KING, *GREEDY, "--json").lines[-1]["text"]
    assert plain.stderr == ""


def test_prompt_lookup_guesses_where_the_text_repeats_itself_and_changes_no_token() -> None:
    again = ("generate", "One, two, three, " * 15, "--temperature", "0", "-n", "24", "--json")
    first, off = (ok(*again, *option).lines[-1] for option in ((), ("--no-prompt-lookup",)))

    assert 0 < first["n_accepted"] <= first["n_guessed"]
    assert (off["n_guessed"], off["n_accepted"]) == (0, 0)
    assert first["ids"] == off["ids"]


def test_top_says_how_many_candidates() -> None:
    assert len(ok("generate", KING, *GREEDY, "--top", "3", "--json").lines[0]["top"]) == 3
    assert ok("generate", KING, *GREEDY, "--top", "0", "--json").lines[0]["top"] == []


def test_the_same_seed_gives_the_same_text_and_another_another() -> None:
    one, two, other = (ok("generate", KING, "--seed", seed, "-n", "16").text for seed in ("7", "7", "8"))

    assert one == two != other


def test_the_drawn_seed_is_told_and_gives_the_same_text_again() -> None:
    first = ok("generate", KING, "-n", "16", "--json").lines[-1]

    assert ok("generate", KING, "-n", "16", "--seed", str(first["seed"])).text == first["text"]


def test_a_seed_means_the_same_here_and_in_python() -> None:
    *_, finished = load("stories").generate(KING, seed=7, max_tokens=16)

    assert isinstance(finished, Finished)
    assert ok("generate", KING, "--seed", "7", "-n", "16").text == finished.text


def test_a_stop_string_ends_the_text_and_is_no_part_of_it() -> None:
    finished = ok("generate", KING, "--temperature", "0", "--stop", "very", "--stop", "###", "--json").lines[-1]

    assert finished["reason"] == "stop"
    assert finished["text"] == " had a daughter, and she was "


def test_what_could_have_begun_a_stop_string_is_printed_in_the_end() -> None:
    """The text ends with ", and", held back because "and then" may follow."""
    args = ("generate", KING, "--temperature", "0", "--max-tokens", "5")

    assert ok(*args, "--stop", "and then").text == ok(*args).text == " had a daughter, and"


def test_a_full_context_shifts_and_says_so_or_stops() -> None:
    prompt, few = "the king " * 255, ("--seed", "1", "-n", "4")
    shifted = ok("generate", prompt, *few, "--json").lines
    stopped = ok("generate", prompt, *few, "--when-full", "stop", "--json").lines

    notes = [line for line in shifted if line["event"] == "context_shifted"]
    assert notes == [{"event": "context_shifted", "n_dropped": 257, "n_kept": 256}]
    assert len(shifted[-1]["ids"]) == 4
    assert stopped[-1]["reason"] == "context"
    assert "context of 512 tokens was full once" in ok("generate", prompt, *few).stderr


def test_a_prompt_longer_than_the_context_goes_on_from_its_end() -> None:
    long = "the queen and the cat " * 1000 + KING

    assert len(ok("generate", "-", *GREEDY, "--json", stdin=long).lines[-1]["ids"]) == 6


def test_five_megabytes_of_prompt_are_read() -> None:
    assert len(ok("generate", "-", *GREEDY, "--json", stdin="the king " * 555_556).lines[-1]["ids"]) == 6


def test_an_empty_prompt_begins_from_end_of_text() -> None:
    model = load("stories")
    finished = ok("generate", "", *GREEDY, "--json").lines[-1]

    assert finished["prompt_ids"] == [model.tokenizer.end_of_text]
    assert len(finished["ids"]) == 6


def test_no_tokens_asked_none_given() -> None:
    assert ok("generate", KING, "-n", "0").text == ""


def test_a_dash_reads_stdin_byte_for_byte() -> None:
    ids = ok("generate", "-", *GREEDY, "--json", stdin=NASTY).lines[-1]["prompt_ids"]

    assert load("stories").tokenizer.decode_bytes(ids) == NASTY.encode()


def test_stdin_that_is_not_utf8_is_read_with_replacement() -> None:
    ids = ok("generate", "-", *GREEDY, "--json", stdin=b"a\xffb\x80\r\n").lines[-1]["prompt_ids"]

    assert load("stories").tokenizer.decode(ids) == "a\ufffdb\ufffd\r\n"


def test_a_lone_surrogate_in_an_argument_is_read_with_replacement() -> None:
    """Such is what Python makes of an argument that is not UTF-8."""
    ids = ok("generate", "a\udcffb", *GREEDY, "--json").lines[-1]["prompt_ids"]

    assert load("stories").tokenizer.decode(ids) == "a\ufffdb"


@pytest.mark.parametrize("prompt", [NASTY, "[/]", "\x1b]0;title\x07", "\u202egnirts", "\x00"])
def test_json_is_ascii_without_control_characters(prompt: str) -> None:
    out = ok("generate", "-", "--max-tokens", "4", "--json", stdin=prompt).stdout

    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in out)


def test_a_pipe_gets_the_model_s_bytes_as_they_are(escape_model: Path) -> None:
    assert ok("generate", KING, *GREEDY, "--model", str(escape_model)).stdout.startswith(b"\x1b")


def test_top_k_beyond_the_vocabulary_keeps_all() -> None:
    seeded = ("generate", KING, "--seed", "3", "-n", "8", "--top-k")

    assert ok(*seeded, "999999").text == ok(*seeded, "0").text


@pytest.mark.parametrize(
    "option, value, said",
    [
        ("--temperature", "-1", "temperature must be 0 (greedy) or more, not -1.0"),
        ("--temperature", "nan", "temperature must be 0 (greedy) or more, not nan"),
        ("--temperature", "inf", "temperature must be 0 (greedy) or more, not inf"),
        ("--top-k", "-1", "top k must be"),
        ("--top-p", "0", "top p must be"),
        ("--top-p", "1.5", "top p must be"),
        ("--top-p", "nan", "top p must be"),
        ("--min-p", "2", "min p must be"),
        ("--typical-p", "0", "typical p must be"),
        ("--repetition-penalty", "0", "repetition penalty must be"),
        ("--max-tokens", "-1", "max tokens must be"),
        ("--seed", "-1", "seed must be"),
        ("--seed", "4294967296", "seed must be"),
        ("--stop", "", "stop must be"),
        ("--top", "-1", "top n must be"),
        ("--precision", "float64", "precision must be"),
    ],
)
def test_a_value_out_of_range_is_one_line(option: str, value: str, said: str) -> None:
    ran = run("generate", KING, option, value)

    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
    assert ran.stderr.startswith(f"error: {said}")


@pytest.mark.parametrize(
    "args",
    [
        ("generate",),
        ("generate", KING, "more"),
        ("generate", KING, "--temperature", "warm"),
        ("generate", KING, "--top-k", "1.5"),
        ("generate", KING, "--when-full", "explode"),
        ("generate", KING, "--no-such-option"),
        ("no-such-command",),
        ("models", "remove"),
    ],
)
def test_a_command_line_that_cannot_be_understood_exits_2(args: tuple[str, ...]) -> None:
    ran = run(*args)

    assert (ran.code, ran.stdout) == (2, b"")
    assert ran.stderr.splitlines()[-1].startswith("error: ")


def test_every_line_of_json_stands_alone() -> None:
    for line in ok("generate", KING, "-n", "4", "--json").text.splitlines():
        assert json.loads(line)["event"] in ("token", "finished")
