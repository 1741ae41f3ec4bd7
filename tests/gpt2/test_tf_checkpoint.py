"""OpenAI's checkpoints give the params that safetensors gives, or are refused by name, whatever happened to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from picogpt_tui.errors import CheckpointError, WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2 import tf_checkpoint
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2_SIZES, GPT2Config
from picogpt_tui.gpt2.params import Params, expected_shapes
from picogpt_tui.gpt2.tf_checkpoint import DATA_FILE, INDEX_FILE, canonical_name, check_tensors, read_index
from picogpt_tui.gpt2.weights import check_weights, load_params, read_header

from .checkpoints import TINY, random_tensors, write_model, write_tf_model
from .tf_writer import (
    HEADER,
    Entry,
    entries_of,
    entries_of_shapes,
    field,
    index_pairs,
    openai_name,
    openai_shape,
    openai_tensors,
    table,
    write_checkpoint,
    write_index,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "tf"
ABOUT = json.loads((GOLDEN / "about.json").read_text(encoding="utf-8"))
GOLDEN_CONFIG = GPT2Config(**ABOUT["config"])
OPENAI = openai_tensors(random_tensors(TINY, 1))


def loaded(directory: Path, config: GPT2Config = TINY) -> dict[str, FloatArray]:
    *_, params = load_params(directory, config)
    assert isinstance(params, Params)
    return dict(params.walk())


def rewritten(directory: Path, **changes: npt.NDArray[Any] | None) -> Path:
    """A checkpoint with tensors replaced or added, or (None) taken away; `__` stands for a slash."""
    tensors: dict[str, npt.NDArray[Any]] = dict(OPENAI)
    for written, values in changes.items():
        name = written.replace("__", "/")
        if values is None:
            del tensors[name]
        else:
            tensors[name] = values
    return write_checkpoint(directory, tensors)


def reindexed(directory: Path, change: Callable[[Entry], Entry], header: bytes = HEADER) -> Path:
    """A good checkpoint, but for what its index says of it."""
    write_tf_model(directory)
    write_index(directory, [change(entry) for entry in entries_of(OPENAI)], header)
    return directory


# --- what TensorFlow wrote -----------------------------------------------------------------------------------------


def test_a_checkpoint_of_tensorflow_is_read() -> None:
    tensors = loaded(GOLDEN, GOLDEN_CONFIG)
    for name, values in random_tensors(GOLDEN_CONFIG, ABOUT["seed"]).items():
        np.testing.assert_array_equal(tensors[name], values, err_msg=name)
    *_, last = check_weights(GOLDEN, GOLDEN_CONFIG)
    assert last == Progress("checking", 11088, 11088)


def test_the_writer_writes_what_tensorflow_writes(tmp_path: Path) -> None:
    """So that what the tests below prove of its files holds for TensorFlow's."""
    write_checkpoint(tmp_path, openai_tensors(random_tensors(GOLDEN_CONFIG, ABOUT["seed"])))
    for name in (INDEX_FILE, DATA_FILE):
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("size, index_bytes, data_bytes", [("124M", 5215, 497759232), ("355M", 10399, 1419292672)])
def test_the_published_files_have_these_sizes(size: str, index_bytes: int, data_bytes: int) -> None:
    """Names, shapes and dtypes are those of the real files, or their index would be longer or shorter."""
    shapes = expected_shapes(GPT2_SIZES[size])
    entries = entries_of_shapes({openai_name(name): openai_shape(name, shape) for name, shape in shapes.items()})
    assert len(table(index_pairs(entries))) == index_bytes
    assert sum(entry.size for entry in entries) == data_bytes


# --- what is read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"snappy": True},
        {"restart_interval": 1},
        {"block_size": 1},
        {"snappy": True, "restart_interval": 3, "block_size": 200},
    ],
    ids=str,
)
def test_params_equal_those_of_safetensors(tmp_path: Path, options: dict[str, Any]) -> None:
    theirs = loaded(write_model(tmp_path / "safetensors"))
    for name, values in loaded(write_tf_model(tmp_path / "tf", **options)).items():
        assert values.dtype == np.float32
        assert values.shape == theirs[name].shape
        assert values.tobytes() == theirs[name].tobytes(), name


def test_embeddings_are_views_of_the_file(tmp_path: Path) -> None:
    tensors = loaded(write_tf_model(tmp_path))
    assert not tensors["wte.weight"].flags.writeable
    assert not tensors["wpe.weight"].flags.writeable


def test_names_sort_as_text(tmp_path: Path) -> None:
    names = [tensor.name for tensor in read_header(GOLDEN)]
    blocks = list(dict.fromkeys(name.split("/")[1] for name in names))
    assert blocks == ["h0", "h1", "h10", *(f"h{i}" for i in range(2, 10)), "ln_f", "wpe", "wte"]


@pytest.mark.parametrize(
    "name, canonical",
    [
        ("model/wte", "wte.weight"),
        ("model/wpe", "wpe.weight"),
        ("model/ln_f/g", "ln_f.weight"),
        ("model/h0/ln_1/g", "h.0.ln_1.weight"),
        ("model/h11/ln_2/b", "h.11.ln_2.bias"),
        ("model/h0/attn/c_attn/w", "h.0.attn.c_attn.weight"),
        ("model/h7/mlp/c_fc/b", "h.7.mlp.c_fc.bias"),
        ("model/h0/ln_1/w", "model/h0/ln_1/w"),
        ("model/h0/attn/c_fc/w", "model/h0/attn/c_fc/w"),
        ("model/h/ln_1/g", "model/h/ln_1/g"),
        ("model/h٣/ln_1/g", "model/h٣/ln_1/g"),
        ("xmodel/wte", "xmodel/wte"),
        ("model/wte/Adam", "model/wte/Adam"),
        ("global_step", "global_step"),
    ],
)
def test_canonical_name(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


def test_every_name_of_a_gpt2_has_one_of_openais() -> None:
    for name in expected_shapes(TINY):
        assert canonical_name(openai_name(name)) == name


def test_float16_is_widened(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, {name: values.astype(np.float16) for name, values in OPENAI.items()})
    values = loaded(tmp_path)["wte.weight"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, OPENAI["model/wte"].astype(np.float16))


# --- checksums -----------------------------------------------------------------------------------------------------


def test_a_check_counts_bytes_and_ends_full(tmp_path: Path) -> None:
    steps = list(check_weights(write_tf_model(tmp_path), TINY))
    size_bytes = (tmp_path / DATA_FILE).stat().st_size
    assert steps[0] == Progress("checking", 0, size_bytes, "model/h0/attn/c_attn/b")
    assert steps[-1] == Progress("checking", size_bytes, size_bytes)
    assert [step.detail for step in steps[:-1]] == sorted(OPENAI)
    assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_a_large_tensor_is_checked_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one who waits can stop it, and memory stays flat."""
    assert tf_checkpoint._PIECE_BYTES <= 64 * 10**6
    monkeypatch.setattr(tf_checkpoint, "_PIECE_BYTES", 1000)
    steps = list(check_tensors(write_tf_model(tmp_path)))
    dones = [step.done for step in steps]
    assert max(after - before for before, after in pairwise(dones)) == 1000
    assert len([step for step in steps if step.detail == "model/wte"]) == -(-OPENAI["model/wte"].nbytes // 1000)


def test_a_check_can_be_stopped(tmp_path: Path) -> None:
    """And leaves no file open, of which pytest would warn."""
    steps = check_tensors(write_tf_model(tmp_path))
    next(steps), next(steps)
    del steps


@pytest.mark.parametrize("name", ["model/h0/attn/c_attn/b", "model/h2/mlp/c_fc/w", "model/wte"])
def test_a_flipped_bit_is_found_by_the_tensors_name(tmp_path: Path, name: str) -> None:
    """Loading does not look at checksums: it would have to read everything twice."""
    path = write_tf_model(tmp_path) / DATA_FILE
    raw = bytearray(path.read_bytes())
    raw[next(entry for entry in entries_of(OPENAI) if entry.name == name).offset + 5] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=f"'{name}' does not match its checksum; fetch the file again") as caught:
        list(check_weights(tmp_path, TINY))
    assert (caught.value.tensor, caught.value.path) == (name, path)
    loaded(tmp_path)


def test_a_file_that_shrinks_while_it_is_checked_is_refused(tmp_path: Path) -> None:
    path = write_tf_model(tmp_path) / DATA_FILE
    steps = check_tensors(tmp_path)
    next(steps)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="does not match its checksum"):
        list(steps)


def test_a_check_refuses_names_and_shapes_first(tmp_path: Path) -> None:
    directory = rewritten(tmp_path, model__wpe=None)
    with pytest.raises(WeightsError, match=r"lacks the tensor wpe\.weight\."):
        next(check_weights(directory, TINY))


# --- refusals ------------------------------------------------------------------------------------------------------

NAN = np.full(15, np.nan, dtype=np.float32)
ONES = np.ones(15, dtype=np.float32)


@pytest.mark.parametrize(
    "changes, tensor, says",
    [
        pytest.param({"model__ln_f__b": None}, "ln_f.bias", "lacks the tensor ln_f.bias.", id="missing"),
        pytest.param(
            {"model__wte": None, "model__wpe": None}, "wte.weight", "lacks the tensor wte.weight and 1 more", id="two"
        ),
        pytest.param({"model__h3__ln_1__g": ONES}, "model/h3/ln_1/g", "which no GPT-2 of this", id="a 4th block"),
        pytest.param({"model__h01__ln_1__g": ONES}, "model/h01/ln_1/g", "which no GPT-2 of this", id="block 01"),
        pytest.param({"model__wte__Adam": ONES}, "model/wte/Adam", "'model/wte/Adam', which no", id="an optimizer's"),
        pytest.param({"global_step": np.ones((), dtype=np.int64)}, "global_step", "which no GPT-2", id="a scalar"),
        pytest.param(
            {"model__wpe": np.ones((12, 15), dtype=np.float32)}, "model/wpe",
            "model/wpe has shape [12, 15], the config asks for [13, 15]", id="wrong shape",
        ),
        pytest.param(
            {"model__h0__attn__c_attn__w": np.ones((2, 15, 45), dtype=np.float32)}, "model/h0/attn/c_attn/w",
            "has shape [2, 15, 45]", id="a kernel of width 2",
        ),
        pytest.param(
            {"model__wte": OPENAI["model/wte"][None]}, "model/wte", "has shape [1, 269, 15]", id="a stack of one"
        ),
        pytest.param({"model__ln_f__b": ONES.astype(np.int32)}, "model/ln_f/b", "stored as I32, not", id="integers"),
        pytest.param({"model__ln_f__b": ONES.astype(np.float64)}, "model/ln_f/b", "stored as F64, not", id="float64"),
        pytest.param({"model__h2__ln_2__g": NAN}, "model/h2/ln_2/g", "holds 15 values that are nan", id="nan"),
    ],
)  # fmt: skip
def test_what_is_no_gpt2_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], tensor: str, says: str) -> None:
    directory = rewritten(tmp_path, **changes)
    with pytest.raises(WeightsError) as caught:
        loaded(directory)
    assert says in str(caught.value)
    assert (caught.value.tensor, caught.value.path) == (tensor, directory / DATA_FILE)


def of(tensor: str, **changes: Any) -> Callable[[Entry], Entry]:
    """A change of one entry."""
    return lambda entry: replace(entry, **changes) if entry.name == tensor else entry


def same(entry: Entry) -> Entry:
    return entry


@pytest.mark.parametrize(
    "change, header, says",
    [
        pytest.param(same, b"\x08\x02\x1a\x02\x08\x01", "is in 2 shards; save", id="two shards"),
        pytest.param(same, b"\x1a\x02\x08\x01", "is in 0 shards", id="no shards"),
        pytest.param(same, b"\x08\x01\x10\x01\x1a\x02\x08\x01", "is big-endian; save", id="big-endian"),
        pytest.param(same, b"\x08\x01\x1a\x04\x08\x02\x10\x02", "a reader of version 2; this is 1", id="the future"),
        pytest.param(same, b"", "damaged or cut short (it has no header)", id="no header"),
        pytest.param(same, b"\x08", "damaged or cut short (no number", id="a header cut short"),
        pytest.param(of("model/wte", is_partitioned=True), HEADER, "'model/wte' is partitioned; save", id="slices"),
        pytest.param(of("model/wte", shard=1), HEADER, "'model/wte' is in shard 1 of 1", id="another shard"),
        pytest.param(of("model/wte", size=7), HEADER, "of shape [269, 15] has 7 bytes", id="another size"),
        pytest.param(of("model/wte", shape=(2**60, 2**60)), HEADER, "has 16,140 bytes", id="a shape that overflows"),
        pytest.param(of("model/wpe", offset=0), HEADER, "overlaps another tensor", id="overlapping"),
        pytest.param(of("model/wte", offset=2**62), HEADER, "bytes, model.ckpt.index asks for", id="past the end"),
        pytest.param(of("model/wte", dtype=0), HEADER, "is stored as TensorFlow's type 0, not", id="no dtype"),
        pytest.param(of("model/wte", dtype=7), HEADER, "is stored as TensorFlow's type 7, not", id="texts"),
        pytest.param(of("model/wte", name="model/\x1b[31m"), HEADER, r"holds 'model/\x1b[31m', which", id="escapes"),
    ],
)
def test_an_index_of_another_kind_is_refused(
    tmp_path: Path, change: Callable[[Entry], Entry], header: bytes, says: str
) -> None:
    directory = reindexed(tmp_path, change, header)
    with pytest.raises(WeightsError) as caught:
        loaded(directory)
    assert says in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write_tf_model(tmp_path)
    pairs = [*index_pairs(entries_of(OPENAI)), (b"\xff\xfe", b"")]
    (tmp_path / INDEX_FILE).write_bytes(table(pairs))
    with pytest.raises(CheckpointError, match=r"damaged or cut short .*utf-8"):
        read_index(tmp_path)


@pytest.mark.parametrize("message", [field(2, 5), field(1, b"x"), field(2, field(2, 1)), b"\x35\0\0\0"], ids=repr)
def test_an_entry_that_is_none_is_refused(tmp_path: Path, message: bytes) -> None:
    write_tf_model(tmp_path)
    (tmp_path / INDEX_FILE).write_bytes(table([(b"", HEADER), (b"model/wte", message)]))
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        read_index(tmp_path)


def test_an_index_without_tensors_lacks_them(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, {})
    with pytest.raises(WeightsError, match=r"lacks the tensor wte\.weight and 39 more"):
        loaded(tmp_path)


@pytest.mark.parametrize("gone", [INDEX_FILE, DATA_FILE])
def test_half_a_pair_says_which_half_is_missing(tmp_path: Path, gone: str) -> None:
    (write_tf_model(tmp_path) / gone).unlink()
    with pytest.raises(CheckpointError, match=f"holds no {gone}") as caught:
        loaded(tmp_path)
    assert caught.value.path == tmp_path


def test_a_folder_for_an_index_is_refused(tmp_path: Path) -> None:
    (write_tf_model(tmp_path) / INDEX_FILE).unlink()
    (tmp_path / INDEX_FILE).mkdir()
    with pytest.raises(CheckpointError, match=f"Cannot read .*{INDEX_FILE}"):
        loaded(tmp_path)


def test_an_index_larger_than_any_is_not_read(tmp_path: Path) -> None:
    with open(write_tf_model(tmp_path) / INDEX_FILE, "r+b") as file:
        file.truncate(2**40)  # a hole, no terabyte
    with pytest.raises(CheckpointError, match="is larger than any GPT-2's"):
        loaded(tmp_path)


# --- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bytes", [0, 1, 1000, -4, -1])
def test_truncated_numbers_are_refused(tmp_path: Path, n_bytes: int) -> None:
    path = write_tf_model(tmp_path) / DATA_FILE
    raw = path.read_bytes()
    path.write_bytes(raw[:n_bytes])
    with pytest.raises(CheckpointError, match=f"asks for {len(raw):,}; fetch both again") as caught:
        loaded(tmp_path)
    assert caught.value.path == path


def test_a_byte_too_many_is_refused(tmp_path: Path) -> None:
    path = write_tf_model(tmp_path) / DATA_FILE
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="fetch both again"):
        loaded(tmp_path)


def damaged(raw: bytes, rng: np.random.Generator) -> bytes:
    """A few bits flipped, bytes cut out or off, or bytes put in."""
    at = int(rng.integers(len(raw)))
    match int(rng.integers(5)):
        case 0:
            return raw[:at]
        case 1:
            return raw[:at] + raw[at + int(rng.integers(1, 9)) :]
        case 2:
            return raw[:at] + rng.bytes(int(rng.integers(1, 9))) + raw[at:]
        case 3:  # the footer has no checksum
            at = len(raw) - 1 - int(rng.integers(48))
    return raw[:at] + bytes([raw[at] ^ 1 << int(rng.integers(8))]) + raw[at + 1 :]


@pytest.mark.parametrize(
    "options",
    [{}, {"snappy": True}, {"block_size": 200}, {"snappy": True, "block_size": 500, "restart_interval": 2}],
    ids=str,
)
def test_a_damaged_index_is_read_right_or_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    write_tf_model(tmp_path, **options)
    path, rng, n_refused = tmp_path / INDEX_FILE, np.random.Generator(np.random.PCG64(11)), 0
    raw, right = path.read_bytes(), read_index(tmp_path)
    for _ in range(1000):
        path.write_bytes(damaged(raw, rng))
        try:
            assert read_index(tmp_path) == right
        except CheckpointError:
            n_refused += 1
    assert n_refused > 800  # what is left fell on the footer's padding
