"""How much memory a model takes, against what the model itself allocates."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.kv_cache import KVCache
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.hub import memory
from picogpt_tui.hub.memory import Shape, available_bytes, needed_bytes, read_shape


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_it_is_the_weights_and_the_cache_that_the_model_allocates(
    precision: str, tiny_model_dir: Callable[[], Path], tiny_config: GPT2Config
) -> None:
    cache = KVCache(tiny_config)
    *_, model = read_model(tiny_model_dir(), "tiny", precision)
    assert isinstance(model, LanguageModel)
    shape = Shape(tiny_config.n_vocab, tiny_config.n_ctx, tiny_config.n_embd, tiny_config.n_layer)
    assert shape.n_params == model.params.n_params
    assert shape.needed_bytes(precision) == model.params.nbytes + cache.nbytes


@pytest.mark.parametrize(
    "n_params, n_layer, n_embd, precision, expected",
    [
        (124_439_808, 12, 768, "float32", 573_256_704),
        (124_439_808, 12, 768, "int8", 203_193_412),
        (1_557_611_200, 48, 1600, "float32", 6_859_590_400),
        (1_557_611_200, 48, 1600, "int8", 2_200_000_000),
    ],
)
def test_the_published_sizes(n_params: int, n_layer: int, n_embd: int, precision: str, expected: int) -> None:
    needed = needed_bytes(n_params=n_params, n_layer=n_layer, n_ctx=1024, n_embd=n_embd, precision=precision)
    assert needed == pytest.approx(expected, rel=0 if expected % 1000 else 0.01)


def test_a_shape_is_read_from_either_config_and_none_from_a_folder_without(tmp_path: Path) -> None:
    assert read_shape(tmp_path) is None
    (tmp_path / "hparams.json").write_text('{"n_vocab": 7, "n_ctx": 5, "n_embd": 4, "n_head": 2, "n_layer": 3}')
    assert read_shape(tmp_path) == Shape(7, 5, 4, 3)
    (tmp_path / "config.json").write_text('{"vocab_size": 11, "n_positions": 6, "n_embd": 4, "n_layer": 2}')
    assert read_shape(tmp_path) == Shape(11, 6, 4, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says it in a file")
@pytest.mark.parametrize(
    "text, expected",
    [("MemTotal: 9 kB\nMemAvailable:   1234 kB\n", 1234 * 1024), ("MemTotal: 9 kB\n", None), ("MemAvailable:\n", None)],
)
def test_what_linux_says_is_free(
    text: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    everything = available_bytes() if expected is None else expected
    assert available_bytes() == everything
    assert everything is not None
    assert (everything > 1e8) == (expected is None)  # where it does not say, all there is is the answer


def test_this_machine_says_something() -> None:
    available = available_bytes()
    assert available is not None
    assert available > 0
