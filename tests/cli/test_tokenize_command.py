"""`tokenize`: no byte is lost, whatever the text."""

from __future__ import annotations

import pytest

from picogpt_tui import load

from .conftest import ok, run

TEXTS = {
    "plain": "Once upon a time",
    "spaces": " ",
    "line breaks": "a\r\nb\r\n\n\nc\rd",
    "controls": "\x1b[31mred\x1b[0m \x00\x07\x7f\t",
    "markup": "[bold]x[/]",
    "bidi and invisible": "\u202e\u2066\u200b\ufeff",
    "scripts": "你好 naïve 👋🏽 e\u0301",
    "long word": "x" * 5000,
    "special as text": "<|endoftext|>",
    "a megabyte": "the king said " * 75_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_joined_the_bytes_are_the_text(text: str) -> None:
    tokens = ok("tokenize", "-", "--json", stdin=text.encode()).json["tokens"]

    assert b"".join(bytes.fromhex(token["bytes"]) for token in tokens) == text.encode()
    ends = [token["byte_end"] for token in tokens]
    assert [token["byte_start"] for token in tokens] == [0, *ends[:-1]]
    assert ends[-1] == len(text.encode())


def test_a_token_has_the_contract_s_fields() -> None:
    token = ok("tokenize", "é", "--json").json["tokens"][0]

    assert token == {"id": token["id"], "text": None, "bytes": "c3", "byte_start": 0, "byte_end": 1}


def test_no_text_no_tokens() -> None:
    assert ok("tokenize", "", "--json").json == {"tokens": []}
    assert ok("tokenize", "").stdout == b""


def test_people_read_a_line_a_token() -> None:
    model = load("stories").tokenizer
    king, newline = model.encode("king"), model.encode("\n")
    lines = ok("tokenize", "king\n").text.splitlines()

    assert lines[-1].split() == [str(newline[0]), "⏎", "0a"]
    assert len(lines) == len(king) + 1


def test_plain_output_holds_nothing_that_a_terminal_obeys() -> None:
    out = ok("tokenize", "-", stdin="".join(TEXTS.values()).encode()).text

    assert not set(out) & {*map(chr, range(0x0A)), *map(chr, range(0x0B, 0x20)), "\x7f", "\u202e", "\u200b", "\ufeff"}


def test_columns_line_up_where_characters_are_wide() -> None:
    """A wide character takes two cells, so its row has one space less."""
    from picogpt_tui.cli.output import n_cells, pad

    assert [n_cells(text) for text in ("ab", "你", "e\u0301")] == [2, 2, 1]
    assert pad("你", 4) == "你  "


def test_end_of_text_is_a_token_only_when_asked_for() -> None:
    end = load("stories").tokenizer.end_of_text
    text = "one<|endoftext|>"

    assert ok("tokenize", text, "--special", "--json").json["tokens"][-1]["id"] == end
    assert all(token["id"] != end for token in ok("tokenize", text, "--json").json["tokens"])


def test_an_unknown_model_is_one_line() -> None:
    ran = run("tokenize", "x", "--model", "no-such-model")

    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
