"""`vocab`: what is found, its numbers against those of `next`, and the limits of what can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from picogpt_tui import load
from picogpt_tui.gpt2.language_model import LanguageModel

from ..gpt2.checkpoints import N_TOY_VOCAB, write_model
from .conftest import KING, ok, run


def test_what_is_found_is_told_with_its_bytes() -> None:
    said = ok("vocab", "= king", "--json").json
    token = {"id": 559, "text": " king", "bytes": b" king".hex(), "label": "␣king"}

    assert said == {"question": "= king", "n_found": 1, "tokens": [token]}


def test_a_token_that_is_no_text_has_none() -> None:
    token = ok("vocab", "=⟨E2⟩", "--json").json["tokens"][0]

    assert (token["text"], token["bytes"], token["label"]) == (None, "e2", "⟨E2⟩")


def test_only_so_many_are_listed_and_all_are_counted() -> None:
    said = ok("vocab", "", "--top", "3", "--json").json

    assert (said["n_found"], [token["id"] for token in said["tokens"]]) == (4096, [0, 1, 2])


def test_people_read_ids_tokens_and_bytes() -> None:
    lines = ok("vocab", "#262..270", "--top", "2").text.splitlines()

    assert [line.split() for line in lines] == [
        ["id", "token", "bytes"],
        ["#262", "in", "69", "6e"],
        ["#263", "nd", "6e", "64"],
        [],
        ["found", "9", "of", "4,096", "tokens,", "2", "of", "them", "listed"],
    ]


def test_nothing_found_is_no_error() -> None:
    assert ok("vocab", "zzzz", "--json").json == {"question": "zzzz", "n_found": 0, "tokens": []}
    assert ok("vocab", "zzzz").text.splitlines()[-1] == "found 0 of 4,096 tokens"


# --- after a prompt ------------------------------------------------------------------------------------------------


def test_its_numbers_are_those_of_next() -> None:
    neutral = ("--temperature", "1", "--top-k", "0")
    said = ok("vocab", "", "--prompt", KING, "--top", "7", "--json").json
    likeliest = ok("next", KING, "--top", "7", *neutral, "--json").json

    assert said["ids"] == likeliest["ids"]
    assert said["prob"] == pytest.approx(1)
    for ours, theirs in zip(said["candidates"], likeliest["candidates"], strict=True):
        assert {key: ours[key] for key in ours if key != "label"} == {
            key: theirs[key] for key in ours if key != "label"
        }


def test_the_mass_is_of_all_that_is_found() -> None:
    he, she = (ok("vocab", f"={word}", "--prompt", KING, "--json").json for word in (" he", " she"))
    both = ok("vocab", "/^ s?he$/", "--prompt", KING, "--top", "1", "--json").json

    assert (both["n_found"], len(both["candidates"])) == (2, 1)
    assert both["prob"] == pytest.approx(he["prob"] + she["prob"])


def test_people_read_percent_and_ranks_from_one() -> None:
    likeliest = ok("next", KING, "--top", "1", "--temperature", "1", "--top-k", "0", "--json").json["candidates"][0]
    lines = ok("vocab", f"#{likeliest['id']}", "--prompt", KING).text.splitlines()

    assert lines[0].split() == ["rank", "token", "prob", "logit"]
    assert lines[1].split()[:2] == ["#1", "␣had"]
    assert lines[-1] == f"found 1 of 4,096 tokens; together {100 * likeliest['prob']:.1f} %"


def test_a_prompt_is_read_from_stdin() -> None:
    assert ok("vocab", "king", "--prompt", "-", "--json", stdin=KING).json["ids"] == load("stories").tokenizer.encode(
        KING
    )


def test_an_empty_prompt_begins_from_end_of_text() -> None:
    assert ok("vocab", "king", "--prompt", "", "--json").json["ids"] == [load("stories").tokenizer.end_of_text]


def test_a_prompt_longer_than_the_context_is_read_from_its_end_as_next_does() -> None:
    long = "the king and the queen " * 1000
    said = ok("vocab", "", "--prompt", "-", "--top", "1", "--json", stdin=long)

    assert said.stderr == "note: the prompt is longer than the context of 512 tokens; its last 256 were read.\n"
    assert said.json["candidates"][0]["id"] == ok("next", "-", "--json", stdin=long).json["candidates"][0]["id"]


# --- neighbours ----------------------------------------------------------------------------------------------------


def test_the_nearest_tokens_are_told_with_their_cosine(stories: LanguageModel) -> None:
    said = ok("vocab", " king", "--near", "--top", "3", "--json").json
    cosines = [near["cosine"] for near in said["neighbours"]]

    assert (said["id"], said["label"]) == (stories.tokenizer.id_of_label("␣king"), "␣king")
    assert "␣queen" in [near["label"] for near in said["neighbours"]]
    assert cosines == sorted(cosines, reverse=True)
    assert 0 < cosines[0] < 1


def test_people_read_the_nearest_first() -> None:
    lines = ok("vocab", "= king", "--near", "--top", "2").text.splitlines()

    assert lines[0] == "nearest to #559 ␣king"
    assert lines[2].split() == ["id", "token", "cosine"]
    assert len(lines) == 5


def test_int8_has_nearly_the_same_neighbours() -> None:
    exact, rounded = (
        ok("vocab", "= king", "--near", "--top", "1", "--precision", precision, "--json").json["neighbours"][0]
        for precision in ("float32", "int8")
    )

    assert rounded["id"] == exact["id"]
    assert rounded["cosine"] == pytest.approx(exact["cosine"], abs=0.02)


# --- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question, options, said",
    [
        ("/(/", (), "error: /(/ is not a regular expression: "),
        ("#4096", (), "error: There is no token #4096; ids go from #0 to #4095, the smaller first.\n"),
        ("/king/", ("--near",), "error: /king/ finds 12 tokens where one is needed: "),
        ("zzzz", ("--near",), "error: zzzz finds no token; ask for a part of its text, or for its id as #262.\n"),
    ],
)
def test_what_cannot_be_asked_is_one_line(question: str, options: tuple[str, ...], said: str) -> None:
    ran = run("vocab", question, *options)

    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (1, b"", 1)
    assert ran.stderr.startswith(said)


def test_two_questions_at_once_are_refused() -> None:
    ran = run("vocab", "king", "--near", "--prompt", "x")

    assert (ran.code, ran.stdout) == (2, b"")
    assert "--near and --prompt are two questions" in ran.stderr


def test_any_model_has_a_vocabulary(tmp_path: Path) -> None:
    model = str(write_model(tmp_path / "tiny"))

    assert ok("vocab", "", "--model", model, "--json").json["n_found"] == N_TOY_VOCAB
    assert (
        len(ok("vocab", "", "--prompt", "the", "--top", "999", "--model", model, "--json").json["candidates"])
        == N_TOY_VOCAB
    )


def test_plain_output_holds_nothing_that_a_terminal_obeys() -> None:
    for options in ((), ("--prompt", "\x1b[31m"), ("--near",)):
        question = "= king" if "--near" in options else ""
        out = ok("vocab", question, "--top", "5000", *options).text
        assert not set(out) & {*map(chr, range(0x0A)), *map(chr, range(0x0B, 0x20)), "\x7f", "\u202e", "\u200b"}
