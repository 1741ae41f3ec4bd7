"""What is looked at in files that were downloaded, before and after the weights have come."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from picogpt_tui.errors import CheckpointError, ConfigError, ModelError, TokenizerError, WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.session.inspection import check_config, check_model

from ..gpt2.checkpoints import N_TOY_VOCAB, TINY, write_config, write_model, write_tf_model

SMALL_VOCABULARY = GPT2Config(N_TOY_VOCAB - 1, n_ctx=13, n_embd=15, n_head=3, n_layer=3)


@pytest.mark.parametrize(
    "options", [{}, {"masks": True, "lm_head": True, "prefix": "transformer."}], ids=["bare", "full"]
)
def test_weights_of_every_kind_find_room_in_what_the_config_allows(options: dict[str, object], tmp_path: Path) -> None:
    write_model(tmp_path, **options)  # type: ignore[arg-type]  # each is what it should be
    assert (tmp_path / "model.safetensors").stat().st_size <= check_config(tmp_path)


def test_what_it_allows_grows_with_the_model_and_not_beyond(tmp_path: Path) -> None:
    """A repository that promises a small GPT-2 cannot bring a hundred gigabytes."""
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_head": 12,
                    "n_layer": 12})
    )  # fmt: skip
    assert 548_105_171 < check_config(tmp_path) < 2 * 548_105_171


@pytest.mark.parametrize("text", ["{}", '{"model_type": "llama"}', "[]", ""])
def test_a_config_that_is_no_gpt2_s_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError):
        check_config(tmp_path)


@pytest.mark.parametrize("write", [write_model, write_tf_model], ids=["safetensors", "checkpoint"])
def test_a_whole_model_passes_and_is_read_to_its_end(write: object, tmp_path: Path) -> None:
    assert callable(write)
    steps = list(check_model(write(tmp_path)))
    assert all(isinstance(step, Progress) for step in steps)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total > 0


def _vocabulary_too_large(directory: Path) -> None:
    write_config(directory, SMALL_VOCABULARY)


def _no_merges(directory: Path) -> None:
    (directory / "merges.txt").unlink()


def _cut(directory: Path) -> None:
    os.truncate(directory / "model.safetensors", 40_000)


def _other_config(directory: Path) -> None:
    write_config(directory, GPT2Config(TINY.n_vocab, n_ctx=13, n_embd=18, n_head=3, n_layer=3))


@pytest.mark.parametrize(
    "harm, error",
    [
        (_vocabulary_too_large, TokenizerError),
        (_no_merges, TokenizerError),
        (_cut, WeightsError),
        (_other_config, WeightsError),
    ],
    ids=lambda harm: harm.__name__,
)
def test_what_is_wrong_is_told_by_its_kind(harm: object, error: type[ModelError], tmp_path: Path) -> None:
    assert callable(harm)
    harm(write_model(tmp_path))
    with pytest.raises(error):
        list(check_model(tmp_path))


def test_a_flipped_bit_in_openai_s_checkpoint_is_found_by_its_own_checksums(tmp_path: Path) -> None:
    """No digest of it is published, so nothing else would."""
    weights = write_tf_model(tmp_path) / "model.ckpt.data-00000-of-00001"
    content = bytearray(weights.read_bytes())
    content[12_345] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError):
        list(check_model(tmp_path))
