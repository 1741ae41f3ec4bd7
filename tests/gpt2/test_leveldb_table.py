"""A table gives back what was put in, however it is cut into blocks; damage and bombs are a ValueError."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui.gpt2.crc32c import crc32c, mask
from picogpt_tui.gpt2.leveldb_table import MOST_TABLE_BYTES, read_table

from .tf_writer import Pairs, block, table, varint

PAIRS: Pairs = [(b"", b"header"), *((f"model/h{i}/ln".encode(), bytes([i])) for i in range(9))]


def by_hand(*blocks: bytes, index: bytes | None = None, kind: int = 0) -> bytes:
    """A table of data blocks as they are given, and of an index block if one is given."""
    out = b""
    handles: list[bytes] = []
    for raw in [*blocks, block([]), index]:
        if raw is None:
            last = b"\xff"
            raw = block([(last * (i + 1), handle) for i, handle in enumerate(handles[:-1])], 1)
        handles.append(varint(len(out)) + varint(len(raw)))
        trailer = bytes([kind if len(handles) <= len(blocks) else 0])
        out += raw + trailer + mask(crc32c(raw + trailer)).to_bytes(4, "little")
    return out + (handles[-2] + handles[-1]).ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def entry(n_shared: int, key: bytes, value: bytes = b"", n_value: int | None = None) -> bytes:
    return varint(n_shared) + varint(len(key)) + varint(len(value) if n_value is None else n_value) + key + value


def restarts(*starts: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in [*starts, len(starts)])


@pytest.mark.parametrize("snappy", [False, True])
@pytest.mark.parametrize("restart_interval", [1, 2, 16])
@pytest.mark.parametrize("block_size", [1, 30, 2**18])
def test_what_was_put_in_comes_out(snappy: bool, restart_interval: int, block_size: int) -> None:
    raw = table(PAIRS, snappy=snappy, restart_interval=restart_interval, block_size=block_size)
    assert list(read_table(raw)) == PAIRS


@given(
    st.dictionaries(st.binary(max_size=20), st.binary(max_size=200), max_size=40),
    st.booleans(),
    st.integers(1, 20),
    st.integers(1, 500),
)
def test_any_keys_and_values(pairs: dict[bytes, bytes], snappy: bool, restart_interval: int, block_size: int) -> None:
    raw = table(sorted(pairs.items()), snappy=snappy, restart_interval=restart_interval, block_size=block_size)
    assert list(read_table(raw)) == sorted(pairs.items())


@pytest.mark.parametrize(
    "raw, says",
    [
        pytest.param(b"", "does not end as a table does", id="empty"),
        pytest.param(table(PAIRS)[:-1], "does not end as a table does", id="a byte short"),
        pytest.param(table(PAIRS)[1:], "past the end|checksum", id="a byte short in front"),
        pytest.param(table(PAIRS) + b"\0", "does not end as a table does", id="a byte too many"),
        pytest.param(b"\xff" * 40 + bytes.fromhex("57fb808b247547db"), "no number", id="no handles"),
        pytest.param(
            (varint(2**63) * 4).ljust(40, b"\0") + bytes.fromhex("57fb808b247547db"), "past the end", id="far handles"
        ),
        pytest.param(table(PAIRS, kind=2), "unknown type 2", id="a block of an unknown type"),
        pytest.param(by_hand(b"\x00\x03abc", kind=1), "within a piece", id="packed bytes that are none"),
        pytest.param(by_hand(b""), "without its end", id="an empty block"),
        pytest.param(by_hand(b"\0\0\0\xff"), "without its end", id="more restarts than bytes"),
        pytest.param(by_hand(entry(1, b"a") + restarts(0)), "does not fit", id="a first key that shares"),
        pytest.param(by_hand(entry(0, b"a", n_value=1) + restarts(0)), "does not fit", id="a value past the end"),
        pytest.param(by_hand(entry(0, b"a" * 513) + restarts(0)), "does not fit", id="a key too long"),
        pytest.param(
            by_hand(entry(0, b"a" * 300) + entry(300, b"a" * 213) + restarts(0)), "does not fit", id="one that grows"
        ),
        pytest.param(by_hand(b"\x80" + restarts(0)), "no number|does not fit", id="an entry cut short"),
        pytest.param(by_hand(block([(b"b", b""), (b"a", b"")])), "out of order", id="keys that fall"),
        pytest.param(by_hand(block([(b"a", b""), (b"a", b"")])), "out of order", id="a key twice"),
        pytest.param(by_hand(block([(b"b", b"")]), block([(b"a", b"")])), "out of order", id="blocks that fall"),
        pytest.param(
            by_hand(block(PAIRS), index=block([(b"m", b"\0" + varint(len(block(PAIRS))))])),
            "wrong block",
            id="a key past its block's last",
        ),
        pytest.param(
            by_hand(block([]), index=block([(b"a", b"\0\x08"), (b"b", b"\0\x08")])), "overlap", id="a block twice"
        ),
        pytest.param(by_hand(block([]), index=block([(b"a", b"\0")])), "no number", id="half a handle"),
    ],
)
def test_damage_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(read_table(raw))


def test_a_bomb_is_refused() -> None:
    """Packed zeros of three megabytes, in blocks of which none is too large."""
    pairs = [(b"%d" % i, bytes(MOST_TABLE_BYTES // 3)) for i in range(9)]
    raw = table(pairs, snappy=True, block_size=1)
    assert len(raw) < MOST_TABLE_BYTES // 4
    read: Pairs = []
    with pytest.raises(ValueError, match="bytes where at most"):
        read.extend(read_table(raw))
    assert sum(len(value) for _, value in read) < MOST_TABLE_BYTES
