"""`tokenize`: no byte is lost, whatever the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from picogpt_tui import load
from picogpt_tui.gpt2.tokenizer_files import byte_alphabet

from ..gpt2.checkpoints import write_model
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


# --- characters over several tokens --------------------------------------------------------------------------------


def test_a_bracket_holds_the_tokens_of_one_character_together() -> None:
    lines = ok("tokenize", "é!").text.splitlines()

    assert [line.split()[1:] for line in lines] == [["⟨C3⟩", "c3", "┐"], ["⟨A9⟩", "a9", "┘", "é"], ["!", "21"]]


# --- merge by merge ------------------------------------------------------------------------------------------------


SHORT = {name: text for name, text in TEXTS.items() if name != "a megabyte"}


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT.keys())
def test_a_trace_leaves_the_contract_s_tokens_as_they_are(text: str) -> None:
    plain = ok("tokenize", "-", "--json", stdin=text.encode()).json
    traced = ok("tokenize", "-", "--trace", "--json", stdin=text.encode()).json

    assert traced["tokens"] == plain["tokens"]
    assert [id for word in traced["words"] for id in word["tokens"]] == [token["id"] for token in plain["tokens"]]


def test_a_traced_word_is_told_from_bytes_to_tokens() -> None:
    tokenizer = load("stories").tokenizer
    (word,) = ok("tokenize", " up", "--trace", "--json").json["words"]

    assert word == {
        "byte_start": 0,
        "byte_end": 3,
        "pieces": [tokenizer.id_of_label(char) for char in "␣up"],
        "merges": [
            {"rank": 80, "at": 0, "left": 220, "right": 84, "merged": tokenizer.id_of_label("␣u")},
            {"rank": 129, "at": 0, "left": tokenizer.id_of_label("␣u"), "right": 79, "merged": word["tokens"][0]},
        ],
        "tokens": tokenizer.encode(" up"),
    }


def test_people_see_each_merge_with_its_rank_and_the_pieces_behind_it() -> None:
    lines = ok("tokenize", " up", "--trace").text.splitlines()

    assert [line.split() for line in lines] == [
        ["bytes", "0", "to", "3", "␣up"],
        ["bytes", "␣", "u", "p"],
        ["#81", "␣u", "␣u", "p"],
        ["#130", "␣up", "␣up"],
        ["tokens", "␣up", "=", "385"],
        [],
    ]


def test_a_trace_says_why_the_tokens_stay_apart_and_what_a_leading_space_would_do() -> None:
    lines = ok("tokenize", "Unbelievable", "--trace").text.splitlines()

    assert lines[-3].strip() == "no merge joins any two of them"
    assert lines[-1] == "with a leading space it begins ␣U, not U"


def test_of_two_tokens_that_together_are_one_a_trace_says_how_that_is_made(tmp_path: Path) -> None:
    vocab = {**byte_alphabet(), "ab": 256, "bc": 257, "abc": 258}
    model = write_model(tmp_path / "model")
    (model / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (model / "merges.txt").write_text("a b\nb c\na bc\n", encoding="utf-8")
    lines = ok("tokenize", "abc", "--trace", "--model", str(model)).text.splitlines()

    assert lines[-3].strip() == "ab | c: no merge joins them: abc is made of a and bc (merge #3)"


def test_a_trace_of_a_long_word_shows_the_pieces_around_each_join() -> None:
    lines = ok("tokenize", "x" * 5000, "--trace").text.splitlines()

    assert max(map(len, lines)) < 200
    assert "…" in lines[1]


def test_a_word_too_long_to_follow_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picogpt_tui.gpt2.bpe_trace.LONGEST_WORD_BYTES", 4)
    lines = ok("tokenize", " kings", "--trace").text.splitlines()

    assert lines[1].split(maxsplit=1) == ["bytes", "6 of them: too long to follow merge by merge"]
    assert ok("tokenize", " kings", "--trace", "--json").json["words"][0]["merges"] == []


def test_a_trace_of_nothing_is_nothing() -> None:
    assert ok("tokenize", "", "--trace").stdout == b""
    assert ok("tokenize", "", "--trace", "--json").json == {"tokens": [], "words": []}


def test_a_text_that_begins_with_a_space_needs_no_other() -> None:
    assert "leading space" not in ok("tokenize", " up", "--trace").text


@pytest.mark.parametrize("other", [("--special",), ("--versus", "characters")], ids=" ".join)
def test_a_trace_is_one_view_at_a_time(other: tuple[str, ...]) -> None:
    ran = run("tokenize", "x", "--trace", *other)

    assert (ran.code, ran.stdout) == (2, b"")
    assert "--trace goes with neither" in ran.stderr


# --- beside another tokenizer --------------------------------------------------------------------------------------


def test_another_tokenizer_is_laid_beside_by_bytes() -> None:
    lines = ok("tokenize", "né up", "--versus", "characters").text.splitlines()

    assert [line.split() for line in lines] == [
        ["byte", "stories", "characters"],
        ["0", "n", "n"],
        ["1", "⟨C3⟩", "⟨A9⟩", "é"],
        ["3", "␣up", "␣", "u", "p"],
        [],
        ["4", "tokens,", "1.50", "bytes", "each", "5", "tokens,", "1.20", "bytes", "each"],
        ["both", "cut", "at", "3", "of", "6", "bytes"],
    ]


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT.keys())
def test_both_ways_of_cutting_hold_all_bytes_and_agree_where_both_end(text: str) -> None:
    said = ok("tokenize", "-", "--versus", "characters", "--json", stdin=text.encode()).json
    ours, theirs = said["tokens"], said["versus"]["tokens"]

    assert ours == ok("tokenize", "-", "--json", stdin=text.encode()).json["tokens"]
    assert [token["text"] for token in theirs] == list(text)
    assert said["agree"] == sorted({t["byte_end"] for t in ours} & {t["byte_end"] for t in theirs})
    assert said["versus"]["bytes_per_token"] == pytest.approx(len(text.encode()) / len(text))
    assert said["bytes_per_token"] == pytest.approx(len(text.encode()) / len(ours))


def test_another_model_cuts_with_its_own_vocabulary(tmp_path: Path) -> None:
    other = str(write_model(tmp_path / "other"))
    said = ok("tokenize", " then", "--versus", other, "--json").json

    assert said["versus"]["name"] == other
    assert [token["text"] for token in said["versus"]["tokens"]] == [" the", "n"]
    assert [token["id"] for token in said["versus"]["tokens"]] == [258, ord("n")]


def test_of_no_text_nothing_is_counted_by_the_token() -> None:
    said = ok("tokenize", "", "--versus", "characters", "--json").json

    assert said["versus"] == {"name": "characters", "bytes_per_token": None, "tokens": []}
    assert (said["tokens"], said["bytes_per_token"], said["agree"]) == ([], None, [])
    assert "0 tokens" in ok("tokenize", "", "--versus", "characters").text


@pytest.mark.parametrize("options", [("--trace",), ("--versus", "characters")], ids=" ".join)
def test_no_view_holds_what_a_terminal_obeys(options: tuple[str, ...]) -> None:
    out = ok("tokenize", "-", *options, stdin="".join(SHORT.values()).encode()).text

    assert not set(out) & {*map(chr, range(0x0A)), *map(chr, range(0x0B, 0x20)), "\x7f", "\u202e", "\u200b", "\ufeff"}
