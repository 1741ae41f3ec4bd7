"""Text to ids and back: nothing lost, equal to the `tokenizers` library, and a label for every id."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from picogpt_tui.cli.output import n_cells
from picogpt_tui.errors import TokenizerError
from picogpt_tui.gpt2.tokenizer import WORD, IncrementalDecoder, Tokenizer, cut_words, read_tokenizer
from picogpt_tui.gpt2.tokenizer_files import byte_alphabet
from picogpt_tui.paths import bundled_dir
from picogpt_tui.visible import is_hidden

from ..conftest import FULL, SHARED
from ..golden.peers import peer_tokenizer
from .checkpoints import END_OF_TEXT_ID, N_TOY_VOCAB, toy_tokenizer, toy_vocab, write_vocab

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "tokenizer.json").read_text("utf-8"))
FILES = {
    "stories": (bundled_dir() / "stories" / "vocab.json", bundled_dir() / "stories" / "merges.txt"),
    "gpt2": (SHARED / "data" / "gpt2-vocab" / "encoder.json", SHARED / "data" / "gpt2-vocab" / "vocab.bpe"),
}


@pytest.fixture(scope="module", params=["stories", "gpt2"])
def vocabulary(request: pytest.FixtureRequest) -> str:
    """The name of a vocabulary that is here."""
    name = str(request.param)
    if not FILES[name][0].is_file():
        pytest.skip(f"no {FILES[name][0]}: set PICOGPT_SHARED")
    return name


@pytest.fixture(scope="module")
def tokenizer(vocabulary: str) -> Tokenizer:
    """Ours, of this vocabulary."""
    return read_tokenizer(FILES[vocabulary][0].parent)


@pytest.fixture(scope="module")
def peer(vocabulary: str) -> Any:
    """The `tokenizers` library, of this vocabulary."""
    pytest.importorskip("tokenizers")
    return peer_tokenizer(*FILES[vocabulary])


PIECES = ["'s", "'t", "'ll", "'ve", "'re", "'d", "'m", "'S", "’s", "<|endoftext|>", " the", "and", "king"]
PIECES += ["1", "42", "٣", "½", "²", "Ⅷ", "é", "e\u0301", "ß", "İ", "ſ", "न", "ी", "语", "한", "Ġ", "_"]
PIECES += ["--", "...", "“", "\ufffd", "😀", "👍🏽", "👨‍👩‍👧", "☃️", "🇳🇴", "\u200d", "\u202e", "\x00", "\x1b[31m"]


def nasty_texts() -> st.SearchStrategy[str]:
    """Any text, and texts of what breaks tokenizers: blanks of all kinds, apostrophes, digits, marks, emoji.

    Characters are those that this Python's Unicode knows, so that no library can disagree on what is a letter by being
    newer than another.
    """
    known = st.characters(exclude_categories=["Cs", "Cn"])
    blanks = " \t\n\r\x0b\x0c\x1c\x1f\x85\u00a0\u1680\u2003\u2028\u2029\u202f\u3000\u200b\u2060\ufeff"
    alphabet = st.one_of(known, st.sampled_from(blanks), st.sampled_from(PIECES), st.sampled_from("abcXYZ019'!-. "))
    return st.lists(alphabet, max_size=24).map("".join)


# --- equality with the trusted implementation ---------------------------------------------------------------------


@pytest.mark.parametrize("row", GOLDEN["rows"], ids=lambda row: ascii(row["text"])[:40])
def test_ids_equal_the_golden_ones(vocabulary: str, tokenizer: Tokenizer, row: dict[str, Any]) -> None:
    assert tokenizer.encode(row["text"]) == row[vocabulary]
    assert tokenizer.decode(row[vocabulary]) == row["text"]


def test_the_golden_ids_say_where_they_come_from() -> None:
    assert set(GOLDEN["about"]["libraries"]) == {"tokenizers"}


@settings(max_examples=100_000 if FULL else 300)
@given(text=nasty_texts())
def test_ids_equal_those_of_the_tokenizers_library(tokenizer: Tokenizer, peer: Any, text: str) -> None:
    assert tokenizer.encode(text) == peer.encode(text).ids


@pytest.mark.parametrize("name", ["valid.txt", pytest.param("train.txt", id="train.txt, in a full run")])
def test_the_corpus_is_cut_as_by_the_tokenizers_library(tokenizer: Tokenizer, peer: Any, name: str) -> None:
    path = SHARED / "data" / "corpus" / name
    if not path.is_file() or (name == "train.txt" and not FULL):
        pytest.skip(f"{name} is compared where it is, the large one with PICOGPT_FULL=1")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for start in range(0, len(lines), 500):
        text = "".join(lines[start : start + 500])
        ids = tokenizer.encode(text)
        assert ids == peer.encode(text).ids
        assert tokenizer.decode(ids) == text


# --- round trips ---------------------------------------------------------------------------------------------------


@given(text=nasty_texts())
def test_decoding_gives_the_text_back(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()


@given(raw=st.binary(max_size=12))
def test_any_bytes_can_be_written_and_read(raw: bytes) -> None:
    """Models emit bytes, not characters: what is no UTF-8 becomes U+FFFD as Python has it."""
    tokenizer = toy_tokenizer()
    assert tokenizer.decode_bytes(list(raw)) == raw
    assert tokenizer.decode(list(raw)) == raw.decode("utf-8", "replace")


def test_every_token_alone_is_known_by_its_bytes(tokenizer: Tokenizer) -> None:
    assert sorted({**tokenizer.token_bytes, **tokenizer.special}) == list(range(tokenizer.n_vocab))
    assert len(set(tokenizer.token_bytes.values())) == len(tokenizer.token_bytes)
    assert {bytes([byte]) for byte in range(256)} <= set(tokenizer.token_bytes.values())


def test_the_numbers_of_the_vocabularies(vocabulary: str, tokenizer: Tokenizer) -> None:
    assert tokenizer.n_vocab == {"stories": 4096, "gpt2": 50257}[vocabulary]
    assert tokenizer.end_of_text == tokenizer.n_vocab - 1


@pytest.mark.parametrize(
    "text, read_as",
    [
        ("\ud800", "\ufffd"),
        ("a\udfffb", "a\ufffdb"),
        ("\udc80\udc80 ", "\ufffd\ufffd "),
        ("\ud83d\ude00", "😀"),
        ("😀\ude00\ud83d", "😀\ufffd\ufffd"),
    ],
    ids=ascii,
)
def test_lone_surrogates_are_read_as_replacement_characters(tokenizer: Tokenizer, text: str, read_as: str) -> None:
    assert tokenizer.encode(text) == tokenizer.encode(read_as)


def test_a_long_text_without_a_blank() -> None:
    text = "thein" * 40_000
    assert toy_tokenizer().decode(toy_tokenizer().encode(text)) == text


def test_a_remembered_word_is_not_handed_out_to_be_changed() -> None:
    tokenizer = toy_tokenizer()
    tokenizer.encode("the").append(7)
    tokenizer.encode(" the the")[0] = 7
    assert tokenizer.decode(tokenizer.encode("the the the")) == "the the the"


# --- special tokens ------------------------------------------------------------------------------------------------


def test_special_text_typed_by_a_user_stays_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a<|endoftext|>b")
    assert tokenizer.end_of_text not in ids
    assert tokenizer.decode(ids) == "a<|endoftext|>b"


@pytest.mark.parametrize(
    "text, shape",
    [
        ("<|endoftext|>", ["*"]),
        ("a<|endoftext|>b", ["a", "*", "b"]),
        ("<|endoftext|><|endoftext|>", ["*", "*"]),
        ("<|endoftext|", ["<|endoftext|"]),
        ("", []),
    ],
)
def test_special_text_becomes_its_token_where_it_is_asked_for(
    tokenizer: Tokenizer, text: str, shape: list[str]
) -> None:
    end = tokenizer.end_of_text
    assert end is not None
    expected = [id for part in shape for id in ([end] if part == "*" else tokenizer.encode(part))]
    assert tokenizer.encode(text, allow_special=True) == expected
    assert tokenizer.decode(expected) == text


def test_a_vocabulary_without_end_of_text(tmp_path: Path) -> None:
    vocab, merges = toy_vocab()
    del vocab["<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text("\n".join(merges))
    tokenizer = read_tokenizer(tmp_path)
    assert tokenizer.end_of_text is None
    assert tokenizer.decode(tokenizer.encode("<|endoftext|>", allow_special=True)) == "<|endoftext|>"


def test_padding_ids_have_no_bytes() -> None:
    """A model may have more rows than its vocabulary has tokens."""
    tokenizer = toy_tokenizer()
    assert tokenizer.bytes_of(N_TOY_VOCAB + 3) == b""
    assert tokenizer.text_of(N_TOY_VOCAB + 3) == ""
    assert tokenizer.decode([ord("a"), N_TOY_VOCAB, ord("b")]) == "ab"


# --- tokens and their merges ---------------------------------------------------------------------------------------


def test_a_token_is_known_by_its_bytes_and_by_the_merge_that_makes_it() -> None:
    tokenizer = toy_tokenizer()
    the = tokenizer.id_of_bytes(b" the")

    assert the == 258
    assert tokenizer.made_by(the) == (2, 256, 257)
    assert tokenizer.rank_of(256, 257) == 2


def test_what_no_merge_makes_has_none() -> None:
    tokenizer = toy_tokenizer()

    assert tokenizer.made_by(ord("a")) is None
    assert tokenizer.rank_of(ord("a"), ord("b")) is None
    assert tokenizer.id_of_bytes(b"ab") is None
    assert tokenizer.id_of_bytes(b"<|endoftext|>") is None


def test_of_several_merges_that_make_a_token_the_first_counts() -> None:
    tokens = {byte: bytes([byte]) for byte in range(256)} | {256: b"ab", 257: b"bc", 258: b"abc"}
    merges = {(97, 98): (0, 256), (98, 99): (1, 257), (97, 257): (3, 258), (256, 99): (2, 258)}

    assert Tokenizer(tokens, merges, {}).made_by(258) == (2, 256, 99)


def test_each_token_s_merge_joins_its_bytes(tokenizer: Tokenizer) -> None:
    for id in range(256, tokenizer.n_vocab, 997):
        made_by = tokenizer.made_by(id)
        if made_by is not None:
            rank, left, right = made_by
            assert tokenizer.bytes_of(left) + tokenizer.bytes_of(right) == tokenizer.bytes_of(id)
            assert tokenizer.rank_of(left, right) == rank


# --- offsets and streams -------------------------------------------------------------------------------------------


@given(text=nasty_texts())
def test_offsets_cover_the_text_without_gap(tokenizer: Tokenizer, text: str) -> None:
    ids, raw = tokenizer.encode(text), text.encode()
    spans = tokenizer.offsets(ids)
    assert b"".join(raw[start:end] for start, end in spans) == raw
    assert [raw[start:end] for start, end in spans] == [tokenizer.bytes_of(id) for id in ids]


def test_offsets_count_bytes_not_characters() -> None:
    tokenizer = toy_tokenizer()
    assert tokenizer.offsets(tokenizer.encode("é the")) == [(0, 1), (1, 2), (2, 6)]


@given(raw=st.one_of(st.binary(max_size=16), st.text(max_size=6).map(str.encode)), data=st.data())
def test_decoding_in_pieces_equals_decoding_at_once(raw: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)))))
    decoder = IncrementalDecoder()
    pieces = [decoder.push(raw[a:b]) for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert "".join([*pieces, decoder.flush()]) == raw.decode("utf-8", "replace")


def test_an_emoji_over_several_tokens_comes_as_one_character() -> None:
    """Decoding token by token shows three replacement characters, a trap many programs fell into."""
    tokenizer, decoder = toy_tokenizer(), IncrementalDecoder()
    ids = tokenizer.encode("😀!")
    assert [tokenizer.bytes_of(id) for id in ids] == [b"\xf0\x9f\x98", b"\x80", b"!"]
    assert [decoder.push(tokenizer.bytes_of(id)) for id in ids] == ["", "😀", "!"]
    assert [tokenizer.text_of(id) for id in ids] == [None, None, "!"]


# --- labels --------------------------------------------------------------------------------------------------------


def test_labels_are_unique_and_read_back(tokenizer: Tokenizer) -> None:
    labels = [tokenizer.label(id) for id in range(tokenizer.n_vocab + 3)]
    assert len(set(labels)) == len(labels)
    assert [tokenizer.id_of_label(label) for label in labels] == list(range(len(labels)))


def test_labels_are_printable_and_as_wide_as_they_seem(tokenizer: Tokenizer) -> None:
    for id in range(tokenizer.n_vocab + 3):
        label = tokenizer.label(id)
        assert label
        assert label.isprintable(), ascii(label)
        assert unicodedata.category(label[0]) not in ("Mn", "Me", "Mc"), ascii(label)
        assert not any(unicodedata.bidirectional(char) in ("RLE", "LRE", "RLO", "LRO", "PDF") for char in label)
        assert cell_len(label) == sum(map(cell_len, label)), ascii(label)


def test_labels_take_the_cells_that_both_the_screen_and_the_command_line_count(tokenizer: Tokenizer) -> None:
    """Columns line up in both: Textual lays out by rich's table, the commands by `output.n_cells`."""
    for id in range(tokenizer.n_vocab + 3):
        label = tokenizer.label(id)
        assert cell_len(label) == n_cells(label) > 0, ascii(label)


def test_no_label_hides_anything(tokenizer: Tokenizer) -> None:
    """What takes no cell is a mark on a letter before it; nothing is a control, or turns the line around."""
    for id in range(tokenizer.n_vocab + 3):
        label = tokenizer.label(id)
        for before, char in pairwise(f" {label}"):
            assert not is_hidden(char), ascii(label)
            assert cell_len(char) > 0 or unicodedata.category(before)[0] in "LM", ascii(label)
            assert unicodedata.category(char) != "Cc", ascii(label)
            assert unicodedata.bidirectional(char) not in ("LRI", "RLI", "FSI", "PDI", "BN"), ascii(label)


@pytest.mark.parametrize(
    "text, label",
    [(" king", "␣king"), ("\n", "⏎"), ("\n\n", "⏎⏎"), ("\t", "⇥"), ("don", "don"), ("\x1b", "␛"), ("\x7f", "␡")],
)
def test_labels_of_text(text: str, label: str) -> None:
    tokens = {byte: bytes([byte]) for byte in range(256)} | {300: text.encode()} if len(text) > 1 else None
    tokenizer = Tokenizer(tokens, {}, {}) if tokens else toy_tokenizer()
    assert tokenizer.label(300 if tokens else ord(text)) == label


@pytest.mark.parametrize(
    "id, label",
    [(END_OF_TEXT_ID, "⟨|endoftext|⟩"), (N_TOY_VOCAB + 1, f"⟨id {N_TOY_VOCAB + 1}⟩"), (0xC3, "⟨C3⟩"), (260, "⟨F0 9F⟩")],
)
def test_labels_of_what_is_no_text(id: int, label: str) -> None:
    assert toy_tokenizer().label(id) == label
    assert toy_tokenizer().id_of_label(label) == id


SPECIAL = {300: "\x1b[31m\n red", 301: "\u202e", 302: "<|\u200b|>", 303: "\u200b", 304: " ", 305: "<|pad ☃|>"}


def test_labels_of_hostile_special_tokens_are_as_tame_as_all_others() -> None:
    """A vocabulary is a file: its special tokens may hold whatever a terminal obeys."""
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, {}, SPECIAL)
    labels = [tokenizer.label(id) for id in SPECIAL]
    assert all(label.isprintable() for label in labels), labels
    assert len(set(labels)) == len(labels), labels
    assert [tokenizer.id_of_label(label) for label in labels] == list(SPECIAL)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no such label",
        "⟨id ²⟩",
        "⟨id ⟩",
        "⟨id 12",
        "⟨id -1⟩",
        f"⟨id {'9' * 5000}⟩",
        "⟨U+110000⟩",
        "⟨U+FFFFFFFFFFFFFFFFF⟩",
        "⟨U+D800⟩",
        "\ud800",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_what_is_no_label_has_no_id(text: str) -> None:
    assert toy_tokenizer().id_of_label(text) is None


# --- files ---------------------------------------------------------------------------------------------------------


def test_the_alphabet_is_gpt2s() -> None:
    alphabet = byte_alphabet()
    assert sorted(alphabet.values()) == list(range(256))
    assert (alphabet["Ġ"], alphabet["Ċ"], alphabet["ĉ"], alphabet["!"], alphabet["Ń"]) == (32, 10, 9, 33, 173)


@pytest.mark.parametrize("names", [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")])
def test_both_pairs_of_file_names_are_read(tmp_path: Path, names: tuple[str, str]) -> None:
    write_vocab(tmp_path, names)
    tokenizer = read_tokenizer(tmp_path)
    assert tokenizer.token_bytes == toy_tokenizer().token_bytes
    assert tokenizer.encode(" the inner 😀") == toy_tokenizer().encode(" the inner 😀")


def test_merges_with_and_without_a_first_line_and_with_windows_line_ends(tmp_path: Path) -> None:
    _, merges = toy_vocab()
    write_vocab(tmp_path)
    expected = toy_tokenizer().encode(" the inner 😀")
    for text in ("\n".join(merges), "\r\n".join(["#version: 0.2", *merges, "", ""])):
        (tmp_path / "merges.txt").write_bytes(text.encode())
        assert read_tokenizer(tmp_path).encode(" the inner 😀") == expected


def test_the_rank_is_the_line_not_the_id(tmp_path: Path) -> None:
    """Ids may stand in any order; the order of the merges decides."""
    vocab, _ = toy_vocab()
    (tmp_path / "vocab.json").write_text(json.dumps(vocab | {"bc": 400, "ab": 401}))
    (tmp_path / "merges.txt").write_text("a b\nb c\n")
    assert read_tokenizer(tmp_path).encode("abc bc") == [401, ord("c"), ord(" "), 400]


Damage = Callable[[dict[str, Any], list[str]], tuple[object, object]]


@pytest.mark.parametrize(
    "damage, at_fault, says",
    [
        pytest.param(lambda v, m: (None, m), None, "holds no vocab.json or encoder.json", id="no vocab"),
        pytest.param(lambda v, m: (v, None), None, "holds no merges.txt or vocab.bpe", id="no merges"),
        pytest.param(lambda v, m: (b'{"a": ', m), "vocab.json", "is not valid JSON", id="vocab cut short"),
        pytest.param(lambda v, m: (b"", m), "vocab.json", "is not valid JSON", id="vocab empty"),
        pytest.param(lambda v, m: (b"[" * 100_000, m), "vocab.json", "is not valid JSON", id="vocab without end"),
        pytest.param(lambda v, m: (b"\xff{}", m), "vocab.json", "is not UTF-8 text (byte 0)", id="vocab not UTF-8"),
        pytest.param(lambda v, m: ([1], m), "vocab.json", "must hold a JSON object", id="vocab a list"),
        pytest.param(lambda v, m: ({}, m), "vocab.json", "must hold a JSON object", id="vocab an empty object"),
        pytest.param(lambda v, m: (v | {"a": "5"}, m), "vocab.json", "must hold a JSON object", id="a text for an id"),
        pytest.param(lambda v, m: (v | {"a": -1}, m), "vocab.json", "must hold a JSON object", id="an id below zero"),
        pytest.param(lambda v, m: (v | {"a": 10**9}, m), "vocab.json", "must hold a JSON object", id="a gigantic id"),
        pytest.param(lambda v, m: (v | {"a": True}, m), "vocab.json", "must hold a JSON object", id="true for an id"),
        pytest.param(lambda v, m: (v | {"a": v["b"]}, m), "vocab.json", "a different id each", id="two of one id"),
        pytest.param(lambda v, m: (v | {"\ud800": 400}, m), "vocab.json", "lone surrogate", id="half a character"),
        pytest.param(
            lambda v, m: ({k: i for k, i in v.items() if k != "Ġ"}, m), "vocab.json", "no token for the byte 0x20",
            id="a byte without a token",
        ),
        pytest.param(lambda v, m: (v, b"\xff"), "merges.txt", "is not UTF-8 text (byte 0)", id="merges not UTF-8"),
        pytest.param(lambda v, m: (v, [*m, "a"]), "merges.txt", "line 8: 'a' is not two tokens", id="half a merge"),
        pytest.param(lambda v, m: (v, [*m, "a b c"]), "merges.txt", "line 8: 'a b c'", id="three in a line"),
        pytest.param(lambda v, m: (v, [*m, "q q"]), "merges.txt", "line 8: 'q q' is not", id="a join without a token"),
        pytest.param(lambda v, m: (v, ["☃ q", *m]), "merges.txt", "line 2: '☃ q' is not", id="a part without a token"),
    ],
)  # fmt: skip  # a row reads better than a tower
def test_a_damaged_vocabulary_is_refused_by_name(
    tmp_path: Path, damage: Damage, at_fault: str | None, says: str
) -> None:
    vocab, merges = damage(*toy_vocab())
    if vocab is not None:
        (tmp_path / "vocab.json").write_bytes(vocab if isinstance(vocab, bytes) else json.dumps(vocab).encode())
    if isinstance(merges, list):
        merges = "\n".join(["#version: 0.2", *merges]).encode()
    if isinstance(merges, bytes):
        (tmp_path / "merges.txt").write_bytes(merges)
    with pytest.raises(TokenizerError) as caught:
        read_tokenizer(tmp_path)
    assert says in str(caught.value)
    assert caught.value.path == (tmp_path / at_fault if at_fault else tmp_path)


# --- one file for both ---------------------------------------------------------------------------------------------


def tokenizer_json(**changes: Any) -> dict[str, Any]:
    """What newer programs write in place of the two files; `changes` replace parts of it."""
    vocab, merges = toy_vocab()
    fields: dict[str, Any] = {
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "added_tokens": [{"id": vocab.pop("<|endoftext|>"), "content": "<|endoftext|>"}],
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    }
    return fields | {
        name: fields[name] | change if isinstance(change, dict) and fields[name] else change
        for name, change in changes.items()
    }


@pytest.mark.parametrize("as_pairs", [False, True], ids=["merges as texts", "merges as pairs"])
def test_one_file_says_the_same_as_two(tmp_path: Path, as_pairs: bool) -> None:
    fields = tokenizer_json()
    if as_pairs:
        fields["model"]["merges"] = [merge.split() for merge in fields["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(fields))
    one, two = read_tokenizer(tmp_path), toy_tokenizer()
    assert one.token_bytes == two.token_bytes
    assert one.end_of_text == two.end_of_text
    assert one.encode(" the inner 😀") == two.encode(" the inner 😀")


def test_two_files_come_before_one(tmp_path: Path) -> None:
    write_vocab(tmp_path)
    (tmp_path / "tokenizer.json").write_text("damaged")
    assert read_tokenizer(tmp_path).token_bytes == toy_tokenizer().token_bytes


@pytest.mark.parametrize(
    "changes, says",
    [
        pytest.param({"model": {"type": "Unigram"}}, "model type is 'Unigram'; only 'BPE'", id="another model"),
        pytest.param({"model": {"byte_fallback": True}}, "byte_fallback is True", id="byte fallback"),
        pytest.param({"pre_tokenizer": {"type": "Metaspace"}}, "pre_tokenizer type is 'Metaspace'", id="another cut"),
        pytest.param({"pre_tokenizer": {"add_prefix_space": True}}, "add_prefix_space is True", id="a space before"),
        pytest.param({"pre_tokenizer": None}, "pre_tokenizer type is None", id="no cut"),
        pytest.param({"pre_tokenizer": "ByteLevel"}, "pre_tokenizer add_prefix_space is 'ByteLevel'", id="a text"),
        pytest.param({"normalizer": {"type": "NFC"}}, "normalizer type is 'NFC'", id="a normalizer"),
        pytest.param({"model": {"vocab": []}}, "from token to a different id each", id="vocab a list"),
        pytest.param({"model": {"merges": None}}, "a list of merges, not NoneType", id="no merges"),
        pytest.param({"model": {"merges": [["a"]]}}, "merge 0: 'a' is not two tokens", id="half a merge"),
        pytest.param({"model": {"merges": [7]}}, "merge 0: '7' is not two tokens", id="a number"),
        pytest.param({"model": []}, "a JSON object with a model", id="model a list"),
    ],
)
def test_another_kind_of_tokenizer_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer_json(**changes)))
    with pytest.raises(TokenizerError) as caught:
        read_tokenizer(tmp_path)
    assert says in str(caught.value)
    assert caught.value.path == tmp_path / "tokenizer.json"


SPACES = " \n\r\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0\u2028\u3000"
NASTY_TEXTS = st.text(
    st.one_of(
        st.sampled_from(" \n\r\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0\u2028\u3000'sdmtlvre.é1²½aZ!"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)


@settings(max_examples=500)
@given(NASTY_TEXTS)
def test_words_are_cut_as_the_one_pattern_cuts_them(text: str) -> None:
    """ASCII by another library, other text line by line: the words are the same."""
    assert list(cut_words(text)) == WORD.findall(text)


def test_every_ascii_character_is_cut_alike() -> None:
    for a in map(chr, range(128)):
        for text in (a, f"x{a}y", f" {a} ", f"{a}{a}'s{a}1{a}"):
            assert list(cut_words(text)) == WORD.findall(text)
