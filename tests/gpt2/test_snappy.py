"""Snappy's pieces are unpacked as its description says; whatever is damaged is a ValueError."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.snappy import decompress

from .tf_writer import pack

GOLDEN = Path(__file__).parents[1] / "golden" / "tf"
MOST = 2**20
LONG = bytes(range(256)) * 300


@pytest.mark.parametrize(
    "packed, expected",
    [
        pytest.param(b"\x00", b"", id="nothing"),
        pytest.param(b"\x03\x08abc", b"abc", id="a literal"),
        pytest.param(b"\x3c" + b"\xec" + bytes(60), bytes(60), id="the longest literal in one byte"),
        pytest.param(b"\x3d" + b"\xf0\x3c" + bytes(61), bytes(61), id="a length of one more byte"),
        pytest.param(b"\xac\x02" + b"\xf4\x2b\x01" + LONG[:300], LONG[:300], id="of two"),
        pytest.param(b"\x80\xd8\x04" + b"\xf8\xff\x2b\x01" + LONG, LONG, id="of three"),
        pytest.param(b"\x03" + b"\xfc\x02\x00\x00\x00abc", b"abc", id="of four"),
        pytest.param(b"\x0e" + b"\x10abcde" + b"\x15\x05", b"abcdeabcdeabcd", id="a near copy that repeats itself"),
        pytest.param(b"\x06" + b"\x08abc" + b"\x0a\x03\x00", b"abcabc", id="a copy with two bytes of offset"),
        pytest.param(b"\x06" + b"\x08abc" + b"\x0b\x03\x00\x00\x00", b"abcabc", id="with four"),
        pytest.param(b"\x41" + b"\x00a" + b"\xfe\x01\x00", b"a" * 65, id="the longest copy, of one byte"),
        pytest.param(
            b"\xb0\x02" + b"\xf4\x2b\x01" + LONG[:300] + b"\x21\x2c", LONG[:300] + LONG[:4], id="a near copy from afar"
        ),
    ],
)
def test_every_kind_of_piece(packed: bytes, expected: bytes) -> None:
    assert decompress(packed, MOST) == expected


def test_what_another_implementation_packed() -> None:
    """An index of TensorFlow, packed by the library `snap`; see make_tf_golden.py."""
    packed, index = (GOLDEN / "index.snappy").read_bytes(), (GOLDEN / "model.ckpt.index").read_bytes()
    assert len(packed) < len(index)
    assert decompress(packed, len(index)) == index


@given(st.lists(st.sampled_from([b"model/", b"h1", b"aaaaaaaaaaaa", b"\0\1\2"]) | st.binary(max_size=70)))
def test_packed_and_unpacked_is_the_same(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert decompress(pack(data), MOST) == data


@pytest.mark.parametrize(
    "packed, says",
    [
        pytest.param(b"", "no number", id="empty"),
        pytest.param(b"\x80", "no number", id="a length cut short"),
        pytest.param(b"\xff" * 11, "no number", id="a length without end"),
        pytest.param(b"\xff" * 9 + b"\x7f", "no number", id="a length of more than 64 bits"),
        pytest.param(b"\x80\x80\x80\x80\x80\x80\x01", "at most 1,048,576", id="terabytes"),
        pytest.param(b"\x05\x08abc", "fewer", id="fewer than declared"),
        pytest.param(b"\x02\x08abc", "more", id="more than declared"),
        pytest.param(b"\x04" + b"\x00a" + b"\xfe\x01\x00", "more", id="a copy of more than declared"),
        pytest.param(b"\x03\x08ab", "literal past the end", id="a literal cut short"),
        pytest.param(b"\x03\xf4\x02", "within a piece", id="a literal's length cut short"),
        pytest.param(b"\x03\xfc\xff\xff\xff\xff", "literal past the end", id="a literal of 4 GB"),
        pytest.param(b"\x07\x08abc\x01", "within a piece", id="a near copy cut short"),
        pytest.param(b"\x07\x08abc\x0e\x01", "within a piece", id="a copy cut short"),
        pytest.param(b"\x07\x08abc\x0f\x01\x00\x00", "within a piece", id="a far copy cut short"),
        pytest.param(b"\x07\x08abc\x01\x00", "before the start", id="an offset of zero"),
        pytest.param(b"\x07\x08abc\x01\x04", "before the start", id="an offset too large"),
        pytest.param(b"\x04\x01\x01", "before the start", id="a copy of nothing"),
    ],
)
def test_damage_is_refused(packed: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decompress(packed, MOST)


def test_no_damage_raises_anything_else() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    good = pack(b"model/h0/attn/c_attn/w model/h1/attn/c_attn/b " * 5)
    n_refused = 0
    for _ in range(2000):
        bad = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            bad[rng.integers(len(bad))] = rng.integers(256)
        try:
            decompress(bytes(bad[: rng.integers(len(bad) + 1)]), MOST)
        except ValueError:
            n_refused += 1
    assert 0 < n_refused < 2000  # some damage is in the letters only, which nothing here can tell


def test_a_declared_length_takes_no_memory() -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match="fewer"):
        decompress(b"\x80\x80\x80\x80\x04\x00a", 2**40)  # a gigabyte
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
