"""A vocabulary searched as text: parts, capitals, bytes that are no text, and regular expressions of any kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.gpt2 import token_texts
from picogpt_tui.gpt2.token_texts import TokenTexts, text_of_bytes

TOKENS = [b"the", b" the", b" The", b"", b"\xe2\x80", "’".encode(), "É".encode(), b"\n\n", b"-" * 40, b"other", b"the"]


@pytest.fixture(scope="module")
def texts() -> TokenTexts:
    return TokenTexts(TOKENS)


@pytest.mark.parametrize(
    "text, found",
    [("the", [0, 1, 2, 9, 10]), (" the", [1, 2]), ("The", [2]), ("é", [6]), ("É", [6]), ("’", [5]), ("x", [])],
)
def test_a_text_in_lower_case_finds_capitals_too(texts: TokenTexts, text: str, found: list[int]) -> None:
    assert texts.containing(text) == found


def test_every_token_holds_the_empty_text(texts: TokenTexts) -> None:
    assert texts.containing("") == list(range(len(TOKENS)))


def test_bytes_that_are_no_text_are_found_as_bytes_and_not_within_characters(texts: TokenTexts) -> None:
    assert texts.containing(text_of_bytes(b"\x80")) == [4]
    assert texts.equal_to(text_of_bytes(b"\xe2\x80")) == [4]


def test_equal_texts_are_all_found(texts: TokenTexts) -> None:
    assert texts.equal_to("the") == [0, 10]
    assert texts.equal_to("The") == []


@pytest.mark.parametrize(
    "pattern, found",
    [("^ [a-z]", [1]), ("^$", [3]), ("-{40}", [8]), (r"^\p{Lu}", [6]), ("\n", [7]), ("(?i)^ t", [1, 2])],
)
def test_a_pattern_knows_capitals(texts: TokenTexts, pattern: str, found: list[int]) -> None:
    assert texts.matching(pattern) == found


def test_a_pattern_can_take_capitals_and_small_letters_alike(texts: TokenTexts) -> None:
    assert texts.matching("^ T", ignore_case=True) == [1, 2]


@pytest.mark.parametrize("pattern", ["(", "a**", "(?a)(?u)a", "(" * 5000, r"\p{No such thing}", "[z-a]"], ids=range(6))
def test_what_is_no_pattern_is_refused_in_one_line(texts: TokenTexts, pattern: str) -> None:
    with pytest.raises(PicoGPTError, match=r"^/.*/ is not a regular expression: .*\.$"):
        texts.matching(pattern)


@pytest.mark.parametrize("pattern", ["(?R)", "a(?0)?", "(?<x>a(?&x))", "((?1))"])
def test_a_pattern_that_calls_itself_is_not_tried(texts: TokenTexts, pattern: str) -> None:
    """It would take a gigabyte before it gives up."""
    with pytest.raises(PicoGPTError, match="calls itself"):
        texts.matching(pattern)


def test_a_pattern_without_end_is_given_up(texts: TokenTexts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tries every way to cut forty dashes in ones and twos: 165 million."""
    monkeypatch.setattr(token_texts, "_SECONDS", 0.02)

    with pytest.raises(PicoGPTError, match=r"^/\(-\|--\)\+\[\^-\]/ takes too long to try on every token"):
        texts.matching("(-|--)+[^-]")


def test_many_patterns_that_take_little_each_are_given_up_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_texts, "_SECONDS", -1.0)

    with pytest.raises(PicoGPTError, match="takes too long"):
        TokenTexts([b"short"]).matching("s")


@given(pattern=st.text(st.sampled_from("ab-(|)*+?[]^$\\.{}1,:=!<>piLR /\n"), max_size=9))
def test_any_pattern_finds_something_or_is_refused(texts: TokenTexts, pattern: str) -> None:
    try:
        found = texts.matching(pattern)
    except PicoGPTError:
        return
    assert found == sorted(set(found))
