"""A checkpoint is read as it was stored, or refused by the name of the tensor at fault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from picogpt_tui.errors import WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.params import Params
from picogpt_tui.gpt2.safetensors_file import canonical_name
from picogpt_tui.gpt2.stored_tensor import StoredTensor
from picogpt_tui.gpt2.tf_checkpoint import DATA_FILE, INDEX_FILE
from picogpt_tui.gpt2.weights import check_weights, load_params, read_header, weights_digest, weights_file

from .checkpoints import TINY, random_tensors, write_model, write_safetensors, write_tf_model

MakeModel = Callable[..., Path]


def loaded(directory: Path) -> dict[str, FloatArray]:
    *_, params = load_params(directory, TINY)
    assert isinstance(params, Params)
    return dict(params.walk())


def rewritten(directory: Path, dtypes: dict[str, str] | str = "F32", **changes: npt.NDArray[Any] | None) -> Path:
    """A directory whose weights file has tensors replaced or added, or (None) taken away; `__` stands for a dot."""
    tensors: dict[str, npt.NDArray[Any]] = dict(random_tensors(TINY, 1))
    for written, values in changes.items():
        name = written.replace("__", ".")
        if values is None:
            del tensors[name]
        else:
            tensors[name] = values
    directory.mkdir(exist_ok=True)
    write_safetensors(directory / "model.safetensors", tensors, dtypes)
    return directory


def bfloat16(values: FloatArray) -> FloatArray:
    return (values.view("<u4") & np.uint32(0xFFFF0000)).view("<f4")


@pytest.mark.parametrize(
    "dtype, stored_as",
    [
        ("F32", lambda values: values),
        ("F16", lambda values: values.astype(np.float16).astype(np.float32)),
        ("BF16", bfloat16),
    ],
)
def test_every_storage_is_read_as_float32(
    tiny_model_dir: MakeModel, dtype: str, stored_as: Callable[[FloatArray], FloatArray]
) -> None:
    tensors = loaded(tiny_model_dir(dtype=dtype))
    for name, values in random_tensors(TINY, 1).items():
        assert tensors[name].dtype == np.float32
        np.testing.assert_array_equal(tensors[name], stored_as(values), err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {"prefix": "transformer."},
        {"masks": True},
        {"lm_head": True},
        {"prefix": "transformer.", "masks": True, "lm_head": True, "dtype": "BF16"},
    ],
    ids=str,
)
def test_prefix_masks_and_a_tied_head_change_nothing(tiny_model_dir: MakeModel, options: dict[str, Any]) -> None:
    """The masks are full of infinities: they are not even looked at."""
    plain = loaded(tiny_model_dir(name="plain", dtype=options.get("dtype", "F32")))
    for name, values in loaded(tiny_model_dir(name="other", **options)).items():
        np.testing.assert_array_equal(values, plain[name], err_msg=name)


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("n_blanks", range(4))
def test_numbers_off_their_natural_addresses_are_read_all_the_same(tmp_path: Path, dtype: str, n_blanks: int) -> None:
    tensors = random_tensors(TINY, 1)
    write_safetensors(tmp_path / "model.safetensors", tensors, dtype, header_end=" " * n_blanks)
    starts = {tensor.start % 4 for tensor in read_header(tmp_path)}
    aligned = loaded(write_model(tmp_path / "aligned", dtype=dtype))
    for name, values in loaded(tmp_path).items():
        np.testing.assert_array_equal(values, aligned[name], err_msg=f"{name}, starts modulo 4: {starts}")
        assert values.flags.aligned


def test_some_of_those_addresses_are_odd(tmp_path: Path) -> None:
    """So that the test above tests something."""
    starts = set()
    for n_blanks in range(4):
        write_safetensors(tmp_path / "model.safetensors", random_tensors(TINY, 1), header_end=" " * n_blanks)
        starts.add(read_header(tmp_path)[0].start % 4)
    assert starts == {0, 1, 2, 3}


def test_float32_is_a_view_of_the_file(tmp_path: Path) -> None:
    """498 MB are mapped, not copied. Blanks bring the first number to an address it may be used at."""
    path = tmp_path / "model.safetensors"
    write_safetensors(path, random_tensors(TINY, 1))
    write_safetensors(path, random_tensors(TINY, 1), header_end=" " * (-read_header(tmp_path)[0].start % 4))
    tensors = loaded(tmp_path)
    assert not any(values.flags.writeable for values in tensors.values())


def test_the_header_lists_the_tensors_in_file_order(tmp_path: Path) -> None:
    tensors = {"z": np.zeros((3, 5), dtype=np.float32), "a": np.zeros((), dtype=np.float32)}
    write_safetensors(tmp_path / "model.safetensors", tensors, {"z": "F16"})
    start = 8 + int.from_bytes((tmp_path / "model.safetensors").read_bytes()[:8], "little")
    assert read_header(tmp_path) == [
        StoredTensor("z", "z", (3, 5), "F16", start),
        StoredTensor("a", "a", (), "F32", start + 30),
    ]


def test_progress_counts_every_tensor_and_ends_full(tiny_model_dir: MakeModel) -> None:
    *steps, _ = load_params(tiny_model_dir(), TINY)
    assert all(isinstance(step, Progress) and step.phase == "loading" for step in steps)
    counts = [step.done for step in steps if isinstance(step, Progress)]
    assert counts == list(range(len(random_tensors(TINY, 1)) + 1))
    assert isinstance(steps[-1], Progress)
    assert steps[-1].done == steps[-1].total


def test_the_digest_is_that_of_the_file(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    raw = (directory / "model.safetensors").read_bytes()
    assert weights_digest(directory) == hashlib.sha256(raw).hexdigest()


def test_a_digest_of_weights_that_are_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no model\.safetensors"):
        weights_digest(tmp_path)
    (tmp_path / INDEX_FILE).write_bytes(b"x")
    with pytest.raises(WeightsError, match=f"Cannot read .*{DATA_FILE}: No such file"):
        weights_digest(tmp_path)


# --- which of two formats ------------------------------------------------------------------------------------------


def test_safetensors_wins_where_both_are(tmp_path: Path) -> None:
    write_tf_model(write_model(tmp_path, seed=1), seed=2)
    assert weights_file(tmp_path) == tmp_path / "model.safetensors"
    np.testing.assert_array_equal(loaded(tmp_path)["wte.weight"], random_tensors(TINY, 1)["wte.weight"])
    (tmp_path / "model.safetensors").unlink()
    assert weights_file(tmp_path) == tmp_path / DATA_FILE
    np.testing.assert_array_equal(loaded(tmp_path)["wte.weight"], random_tensors(TINY, 2)["wte.weight"])


def test_the_digest_of_a_checkpoint_is_that_of_its_numbers(tmp_path: Path) -> None:
    raw = (write_tf_model(tmp_path) / DATA_FILE).read_bytes()
    assert weights_digest(tmp_path) == hashlib.sha256(raw).hexdigest()


def test_a_check_of_safetensors_looks_at_names_and_shapes_and_loads_nothing(tiny_model_dir: MakeModel) -> None:
    """A nan is only found when the weights are read."""
    directory = rewritten(tiny_model_dir(), ln_f__bias=NAN)
    size_bytes = (directory / "model.safetensors").stat().st_size
    assert list(check_weights(directory, TINY)) == [Progress("checking", size_bytes, size_bytes)]
    with pytest.raises(WeightsError, match=r"lacks the tensor ln_f\.bias"):
        next(check_weights(rewritten(directory, ln_f__bias=None), TINY))


# --- names and refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stored, canonical",
    [
        ("wte.weight", "wte.weight"),
        ("transformer.h.0.attn.c_attn.bias", "h.0.attn.c_attn.bias"),
        ("h.11.attn.bias", None),
        ("transformer.h.0.attn.masked_bias", None),
        ("lm_head.weight", "lm_head.weight"),
    ],
)
def test_canonical_name(stored: str, canonical: str | None) -> None:
    assert canonical_name(stored) == canonical


NAN, INFINITE = np.full(15, np.nan, dtype=np.float32), np.full((15, 45), 0.1, dtype=np.float32)
INFINITE[3, 4] = -np.inf


@pytest.mark.parametrize(
    "changes, dtypes, tensor, says",
    [
        pytest.param({"ln_f__bias": None}, "F32", "ln_f.bias", "lacks the tensor ln_f.bias.", id="missing"),
        pytest.param(
            {"h__1__ln_1__weight": None, "h__1__ln_1__bias": None, "ln_f__bias": None},
            "F32",
            "h.1.ln_1.weight",
            "lacks the tensor h.1.ln_1.weight and 2 more",
            id="three missing",
        ),
        pytest.param(
            {"h__3__ln_1__weight": np.ones(15)}, "F32", "h.3.ln_1.weight", "which no GPT-2", id="a 4th block"
        ),
        pytest.param(
            {"score__weight": np.ones((2, 15))}, "F32", "score.weight", "no GPT-2 of this config has", id="unknown"
        ),
        pytest.param(
            {"wpe__weight": np.ones((12, 15))}, "F32", "wpe.weight", "has shape [12, 15], the config asks for [13,",
            id="wrong shape",
        ),
        pytest.param(
            {"h__0__attn__c_attn__weight": np.ones((45, 15))}, "F32", "h.0.attn.c_attn.weight", "has shape [45, 15]",
            id="transposed",
        ),
        pytest.param({}, {"wte.weight": "I32"}, "wte.weight", "is stored as I32, not float32", id="integers"),
        pytest.param({}, {"ln_f.bias": "F64"}, "ln_f.bias", "is stored as F64, not float32", id="float64"),
        pytest.param({"h__2__ln_2__weight": NAN}, "F32", "h.2.ln_2.weight", "holds 15 values that are nan", id="nan"),
        pytest.param(
            {"h__1__attn__c_attn__weight": INFINITE}, "F16", "h.1.attn.c_attn.weight", "holds 1 values", id="infinity"
        ),
        pytest.param(
            {"transformer__wte__weight": random_tensors(TINY, 1)["wte.weight"]}, "F32", "transformer.wte.weight",
            "holds wte.weight twice", id="twice",
        ),
        pytest.param(
            {"lm_head__weight": random_tensors(TINY, 2)["wte.weight"]}, "F32", "lm_head.weight",
            "lm_head.weight differs from wte.weight", id="untied head",
        ),
        pytest.param(
            {"lm_head__weight": np.ones((5, 15))}, "F32", "lm_head.weight", "has shape [5, 15]", id="a small head"
        ),
    ],
)  # fmt: skip  # a row reads better than a tower
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], dtypes: dict[str, str] | str, tensor: str, says: str
) -> None:
    directory = rewritten(tmp_path, dtypes, **changes)
    with pytest.raises(WeightsError) as caught:
        loaded(directory)
    assert says in str(caught.value)
    assert caught.value.tensor == tensor
    assert caught.value.path == directory / "model.safetensors"


def test_large_weights_that_overflow_a_sum_are_not_called_infinite(tmp_path: Path) -> None:
    huge = np.full(15, 3e38, dtype=np.float32)
    np.testing.assert_array_equal(loaded(rewritten(tmp_path, ln_f__bias=huge))["ln_f.bias"], huge)


def header(fields: object, data: bytes = b"") -> bytes:
    text = json.dumps(fields).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00" * 7, id="shorter than its length field"),
        pytest.param(b"PK\x03\x04" + bytes(range(256)) * 40, id="a zip"),
        pytest.param((10 * 2**30).to_bytes(8, "little") + b"{}", id="a header of 10 GB"),
        pytest.param((2**64 - 1).to_bytes(8, "little") + b"{}", id="a header as long as can be said"),
        pytest.param((50).to_bytes(8, "little") + b"{}", id="a header past the end"),
        pytest.param((9).to_bytes(8, "little") + b'{"a": \xff\xfe}', id="a header that is not UTF-8"),
        pytest.param((8).to_bytes(8, "little") + b'{"a": 1,', id="a header cut short"),
        pytest.param(header([1, 2]), id="a list for a header"),
        pytest.param(header({"a": entry(0, 12, [3])}, b"\0" * 11), id="a byte short"),
        pytest.param(header({"a": entry(0, 12, [3])}, b"\0" * 13), id="a byte too many"),
        pytest.param(header({"a": entry(0, 12, [3]), "b": entry(8, 20, [3])}, b"\0" * 20), id="overlapping"),
        pytest.param(header({"a": entry(0, 12, [3]), "b": entry(16, 28, [3])}, b"\0" * 28), id="a hole"),
        pytest.param(header({"a": entry(0, 12, [4])}, b"\0" * 12), id="a shape that does not fit its bytes"),
        pytest.param(header({"a": entry(0, 12, [2**33, 2**33])}, b"\0" * 12), id="a shape that overflows"),
        pytest.param(header({"a": entry(0, 12, [3], "F31")}, b"\0" * 12), id="a dtype that is none"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.safetensors is damaged or cut short") as caught:
        loaded(tmp_path)
    assert caught.value.path == tmp_path / "model.safetensors"
    assert caught.value.tensor is None


@pytest.mark.parametrize("part", [0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(tiny_model_dir: MakeModel, part: float) -> None:
    path = tiny_model_dir() / "model.safetensors"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * part)])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        read_header(path.parent)


@pytest.mark.parametrize(
    "files, says",
    [
        ([], r"holds no model\.safetensors"),
        (["model.safetensors.index.json", "model-00001-of-00002.safetensors"], "holds sharded weights"),
        (["pytorch_model.bin"], "holds pickled weights only, which are never read"),
        (["model.pt"], "holds pickled weights only"),
        (["model.pth"], "holds pickled weights only"),
    ],
    ids=str,
)
def test_no_weights_says_what_is_there_instead(tmp_path: Path, files: list[str], says: str) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(WeightsError, match=says):
        loaded(tmp_path)
