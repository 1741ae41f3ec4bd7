"""`why`: which parts of the model prefer one token to another."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui import load

from .conftest import KING, ok, run


def why(*options: str) -> Any:
    return ok("why", KING, *options, "--json").json


def test_it_has_its_fields() -> None:
    said = why()

    assert list(said) == ["ids", "position", "this", "that", "parts", "total", "difference"]
    assert set(said["this"]) == {
        "rank", "id", "text", "bytes", "logit", "logprob", "prob", "final_prob", "cut_by",
    }  # fmt: skip
    assert said["ids"] == load("stories").tokenizer.encode(KING)
    assert said["position"] == 8


def test_the_likeliest_is_held_against_the_next() -> None:
    said, following = why(), ok("next", KING, "--json").json["candidates"]

    assert [said["this"]["id"], said["that"]["id"]] == [following[0]["id"], following[1]["id"]]
    assert said["difference"] == pytest.approx(following[0]["logit"] - following[1]["logit"], abs=1e-4)


@pytest.mark.parametrize("options", [(), ("--by", "layer"), ("--precision", "int8"), ("--position", "3")])
def test_the_parts_add_up_in_nats(options: tuple[str, ...]) -> None:
    said = why(*options)

    assert math.fsum(part["value"] for part in said["parts"]) == pytest.approx(said["total"])
    assert said["total"] == pytest.approx(said["difference"], abs=1e-3)
    assert said["difference"] == pytest.approx(said["this"]["logprob"] - said["that"]["logprob"], abs=1e-4)


def test_every_part_says_where_it_belongs() -> None:
    parts = {part["name"]: (part["layer"], part["head"]) for part in why()["parts"]}

    assert len(parts) == 2 + 6 * 8 + 1
    assert (parts["wte"], parts["h.3.head.5"], parts["h.3.mlp"]) == ((None, None), (3, 5), (3, None))


def test_by_layer_attention_is_one_part() -> None:
    names = [part["name"] for part in why("--by", "layer")["parts"]]
    assert names == ["wte", "wpe", *(f"h.{i}.{part}" for i in range(6) for part in ("attn", "mlp")), "ln_f.bias"]


# -- for people --------------------------------------------------------------------------------------------------------


def test_people_read_the_largest_parts_in_bits_and_the_sum_beside_the_true_difference() -> None:
    said = why()
    parts = sorted(said["parts"], key=lambda part: -abs(part["value"]))
    head, where, _, *bars, rest, _, total, difference = ok("why", KING, "--top", "3").text.splitlines()

    assert head == "why ␣had (38.2 %) and not ␣was (21.5 %)"
    assert where == "behind ␣who (token 8), in bits: + is for ␣had, - for ␣was"
    assert [line.split()[1] for line in bars] == [part["name"] for part in parts[:3]]
    bits = [part["value"] / math.log(2) for part in parts]
    assert [float(line.split()[0]) for line in bars] == pytest.approx(bits[:3], abs=6e-4)
    assert float(rest.split()[0]) == pytest.approx(sum(bits[3:]), abs=6e-4)
    assert rest.endswith("48 other parts")
    assert total.split()[1:] == ["sum", "of", "all", "parts"]
    assert float(total.split()[0]) == pytest.approx(said["total"] / math.log(2), abs=6e-4)
    assert float(difference.split()[0]) == pytest.approx(said["difference"] / math.log(2), abs=6e-4)
    assert "the model's logit(␣had) - logit(␣was); " in difference
    assert difference.endswith(" bits apart")


def test_bars_grow_to_the_side_of_the_token_that_they_speak_for() -> None:
    lines = ok("why", KING, "--top", "9").text.splitlines()[3:12]

    assert len({line.index("│") for line in lines}) == 1
    for line in lines:
        left, right = line.split("│")
        assert line.split()[0][0] == ("+" if right else "-")
        assert bool(right) != ("█" in left)
    assert lines[0].endswith("│" + "█" * 16)


def test_all_parts_leave_no_rest() -> None:
    text = ok("why", KING, "--top", "99").text
    assert "other parts" not in text
    assert text.count("│") == 51
    assert "51 other parts" in ok("why", KING, "--top", "0").text


# -- naming a token ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [" lived", "␣lived"])
def test_a_token_is_named_by_its_text_or_its_label(name: str) -> None:
    ran = ok("why", KING, "--this", name, "--json")
    assert (ran.json["this"]["text"], ran.stderr) == (" lived", "")


def test_a_token_is_named_by_its_number() -> None:
    id = why()["that"]["id"]
    assert why("--this", f"#{id}")["this"]["text"] == " was"


def test_the_special_token_is_named_by_its_text_or_its_label() -> None:
    end_of_text = load("stories").tokenizer.end_of_text
    assert [why("--that", name)["that"]["id"] for name in ("<|endoftext|>", "⟨|endoftext|⟩")] == [end_of_text] * 2


def test_a_word_that_is_no_token_is_tried_with_a_space_and_that_is_said() -> None:
    ran = ok("why", KING, "--this", "lived", "--json")

    assert ran.json["this"]["text"] == " lived"
    assert ran.stderr == "note: --this is ␣lived, with a space before it; 'lived' is 2 tokens, li ved.\n"


def test_where_both_are_tokens_the_text_is_taken_as_written_and_the_other_named() -> None:
    ran = ok("why", KING, "--that", "the", "--json")

    assert ran.json["that"]["text"] == "the"
    assert ran.stderr == "note: --that is the, as written; ␣the is another token.\n"


@pytest.mark.parametrize(
    "name, said",
    [
        ("dragonfly", "but 'dragonfly' is 4 tokens, d ragon f ly; name another, or #ID its number."),
        ("  had", "but '  had' is 2 tokens, ␣ ␣had; name another, or #ID its number."),
        ("", "but it is empty; name another, or #ID its number."),
        ("a" * 50 + "\x1b", "aaa…' is 51 tokens, a a a a a a a a …; name another"),
    ],
    ids=["a word", "two spaces", "nothing", "a long one"],
)
def test_what_is_not_one_token_is_an_error_that_names_its_tokens(name: str, said: str) -> None:
    ran = run("why", KING, "--this", name)

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr.startswith("error: --this must be one token, ")
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["#4096", "#999999999", "⟨id 5000⟩"])
def test_a_number_of_no_token_is_an_error(name: str) -> None:
    ran = run("why", KING, "--that", name)
    assert (ran.code, ran.stderr) == (1, f"error: --that {name}: stories has the tokens #0 to #4095.\n")


def test_a_token_is_not_compared_with_itself() -> None:
    ran = run("why", KING, "--this", "lived", "--that", " lived")
    assert ran.code == 1
    assert ran.stderr.endswith("error: --this and --that are both ␣lived; name two different tokens.\n")


# -- prompts -----------------------------------------------------------------------------------------------------------


def test_a_position_counts_from_the_begin_or_from_the_end() -> None:
    assert why("--position", "4") == why("--position", "-5")
    assert run("why", KING, "--position", "9").stderr.startswith("error: position must be from -9 to 8")


def test_a_prompt_comes_from_stdin_and_a_long_one_is_read_from_its_end() -> None:
    ran = ok("why", "-", "--json", stdin="the king and the queen " * 1000)
    assert len(ran.json["ids"]) == 256
    assert "its last 256 were read" in ran.stderr


def test_no_terminal_obeys_what_the_text_holds(escape_model: Path) -> None:
    said = ok("why", KING, "--model", str(escape_model), "--top", "2")
    assert b"\x1b" not in said.stdout
    assert said.text.startswith("why ␛ (38.2 %) and not ␣was")
