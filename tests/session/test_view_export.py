"""What the explorer shows as JSON, CSV and rows with tabs: whole, and readable by others."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

from picogpt_tui.errors import SettingError
from picogpt_tui.session.document import Document
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.session.tree import TokenFacts
from picogpt_tui.session.view_export import (
    Subject,
    format_of,
    to_csv,
    to_json,
    to_tabs,
    token_numbers,
    token_table,
)

from ..gpt2.checkpoints import toy_tokenizer

SUBJECT = Subject("lens", "124M", "float32", "5c81", "a\ud800b", (1, 2), 1)
TOKENIZER = toy_tokenizer()


def explored() -> Exploration:
    """Three tokens, the second of which a model was asked about: it has half a character."""
    document = Document("tiny")
    document.add_prompt("", [65, 0xC3, 10])
    document.tree.facts[1] = TokenFacts(-0.5, 2, 1.25, ((66, -0.25), (32, -2.0)))
    return Exploration(document, TOKENIZER.bytes_of)


@pytest.mark.parametrize(
    "name, format",
    [
        ("a.json", "json"),
        ("A.JSON", "json"),
        ("a.session.json", "session.json"),
        ("v1.2.csv", "csv"),
        ("a.svg", "svg"),
        ("a.html", "html"),
        ("session.txt", "txt"),
    ],
)
def test_the_ending_says_the_format(name: str, format: str) -> None:
    assert format_of(Path("folder.csv") / name) == format


@pytest.mark.parametrize("name", ["a", "a.md", "json", "a.json.gz"])
def test_another_ending_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(SettingError, match=r"one that ends in \.json, \.csv, \.svg, \.html, \.txt, \.session\.json"):
        format_of(Path(name))


def test_json_says_whose_numbers_they_are_and_holds_none_that_others_cannot_read() -> None:
    numbers = {"kl": math.nan, "rows": [(1, b"\xc3", -math.inf)], 3: None, "text": "x\udcff"}
    said = json.loads(to_json(SUBJECT, numbers), parse_constant=pytest.fail)
    assert list(said) == ["view", "model", "precision", "digest", "text", "ids", "cursor", "numbers"]
    assert said["numbers"] == {"kl": None, "rows": [[1, "c3", None]], "3": None, "text": "x\ufffd"}
    assert (said["text"], said["ids"], said["cursor"]) == ("a\ufffdb", [1, 2], 1)


def test_csv_is_read_back_as_it_was_written() -> None:
    rows: list[list[object]] = [["token", "logprob"], ['"a,b\n', -0.5], [None, math.nan]]
    assert list(csv.reader(io.StringIO(to_csv(rows)))) == [["token", "logprob"], ['"a,b\n', "-0.5"], ["", ""]]


def test_rows_with_tabs_between_are_one_line_each() -> None:
    assert to_tabs([["a\tb", "c\r\nd", 1], [None, 0.25, True]]) == "a b\tc d\t1\n\t0.25\tTrue\n"


def test_every_token_of_the_text_has_its_bytes_and_what_the_model_said_of_it() -> None:
    first, second, third = token_numbers(explored(), TOKENIZER)
    assert second == {
        "position": 1, "id": 0xC3, "text": None, "label": "⟨C3⟩", "bytes": "c3", "logprob": -0.5, "rank": 2,
        "entropy": 1.25,
        "alternatives": [
            {"id": 66, "text": "B", "label": "B", "bytes": "42", "logprob": -0.25},
            {"id": 32, "text": " ", "label": "␣", "bytes": "20", "logprob": -2.0},
        ],
    }  # fmt: skip
    assert {name: third[name] for name in ("label", "logprob", "alternatives")} == {
        "label": "⏎",
        "logprob": None,
        "alternatives": None,
    }
    assert first["position"] == 0


def test_the_same_in_rows() -> None:
    heading, first, second, third = token_table(explored(), TOKENIZER)
    assert heading == ["position", "id", "token", "bytes", "logprob", "rank", "entropy", "alternatives"]
    assert first == [0, 65, "A", "41", None, None, None, None]
    assert second == [1, 0xC3, "⟨C3⟩", "c3", -0.5, 2, 1.25, "B -0.2500 ␣ -2.0000"]
    assert len(third) == len(heading)
