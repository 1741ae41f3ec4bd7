"""Text appears a whole character at a time, and the beginning of a stop string never shows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.text_stream import TextStream


def played(stop: Sequence[str], tokens: Sequence[bytes]) -> tuple[list[str], TextStream]:
    """What each token released, and last what the flush did."""
    stream = TextStream(tuple(stop))
    return [*map(stream.push, tokens), stream.flush()], stream


@pytest.mark.parametrize(
    "stop, tokens, released, stopped",
    [
        pytest.param([], [b"a", b" b"], ["a", " b", ""], False, id="plain"),
        pytest.param([], [], [""], False, id="nothing"),
        pytest.param([], [b"\xf0\x9f", b"\x98", b"\x80!"], ["", "", "😀!", ""], False, id="an emoji over three tokens"),
        pytest.param([], [b"a\xf0\x9f\x98"], ["a", "�"], False, id="half a character at the end"),
        pytest.param([], [b"\xc3", b"("], ["", "�(", ""], False, id="a byte that fits nothing"),
        pytest.param(["\n"], [b"one\ntwo"], ["one", ""], True, id="inside a token"),
        pytest.param(["END"], [b"aE", b"N", b"D b", b"c"], ["a", "", "", "", ""], True, id="over three tokens"),
        pytest.param(["END"], [b"aE", b"N", b"x"], ["a", "", "ENx", ""], False, id="held back, then not it"),
        pytest.param(["END"], [b"aEN"], ["a", "EN"], False, id="held back at the end, then let go"),
        pytest.param(["END"], [b"END"], ["", ""], True, id="the very first token"),
        pytest.param(["aab"], [b"a", b"a", b"a", b"b"], ["", "", "a", "", ""], True, id="one that overlaps itself"),
        pytest.param(["yes", "no"], [b"n", b"ye", b"s"], ["", "n", "", ""], True, id="two, the second begun first"),
        pytest.param(["b", "ab"], [b"xab"], ["x", ""], True, id="the one that begins first wins"),
        pytest.param(["bc", "abcd"], [b"abc"], ["a", ""], True, id="inside the beginning of a longer one"),
        pytest.param(["é"], [b"a\xc3", b"\xa9b"], ["a", "", ""], True, id="a stop of one character over two tokens"),
        pytest.param(["��"], [b"\xff\xffx"], ["", ""], True, id="of broken bytes"),
        pytest.param(["�"], [b"a\xe2\x80"], ["a", ""], True, id="only complete in the flush"),
    ],
)
def test_what_is_released_when(stop: list[str], tokens: list[bytes], released: list[str], stopped: bool) -> None:
    got, stream = played(stop, tokens)
    assert got == released
    assert stream.stopped is stopped
    assert stream.text == "".join(released)


@pytest.mark.parametrize(
    "unfinished, tokens, text",
    [
        pytest.param(b"\xf0\x9f", [b"\x98", b"\x80!"], "😀!", id="a character that is completed"),
        pytest.param(b"abc", [b"d"], "d", id="whole characters were shown before"),
        pytest.param(b"a\xe2\x82", [b"\xacb"], "€b", id="and one that was not"),
        pytest.param(b"\x98\x80\xc3", [b"\xa9"], "é", id="it may begin within another"),
        pytest.param(b"\x9f\x98", [b"\x80"], "�", id="whose end alone is no character"),
        pytest.param(b"\xf0\x9f\x98", [b"a"], "�a", id="one that never will be whole"),
        pytest.param(b"\xf0\x9f\x98", [], "�", id="one that is not at the end"),
    ],
)
def test_a_text_can_begin_within_a_character(unfinished: bytes, tokens: list[bytes], text: str) -> None:
    stream = TextStream((), unfinished)
    assert "".join([*map(stream.push, tokens), stream.flush()]) == stream.text == text


def test_a_character_that_is_completed_can_end_the_text() -> None:
    stream = TextStream(("😀",), b"\xf0\x9f\x98")
    assert [stream.push(b"\x80!"), stream.stopped] == ["", True]


@given(st.text("aé€😀", max_size=9), st.data())
def test_wherever_a_text_is_parted_both_parts_are_whole(text: str, data: st.DataObject) -> None:
    """Three bytes before are enough to know: a character has four."""
    raw = text.encode()
    n = data.draw(st.integers(0, len(raw)))
    stream = TextStream((), raw[max(0, n - 3) : n])
    assert raw[:n].decode("utf-8", "ignore") + stream.push(raw[n:]) == text


def test_nothing_comes_after_a_stop() -> None:
    stream = TextStream(("\n",))
    stream.push(b"a\n")
    assert [stream.push(b"b"), stream.flush(), stream.text] == ["", "", "a"]


@given(st.text("ab\n", max_size=20), st.lists(st.text("ab\n", min_size=1, max_size=3), max_size=3), st.data())
def test_however_the_text_is_cut_the_first_stop_ends_it(text: str, stops: list[str], data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)))))
    tokens = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    released, stream = played(stops, tokens)
    # by the book: a stop is found as soon as its last character has come
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop in text]
    if not ends:
        assert (stream.text, stream.stopped) == (text, False)
    else:
        assert stream.stopped
        assert any(stream.text == text[:start] for _, start in ends)
        assert len(stream.text) <= max(start for _, start in ends)
    assert "".join(released) == stream.text
    assert not any(stop in stream.text for stop in stops)
