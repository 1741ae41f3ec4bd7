"""A model one can talk to: what it refuses, and that its directory's parts must fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picogpt_tui.errors import ConfigError, ModelError, SettingError, TokenizerError
from picogpt_tui.events import Finished, Progress, Started
from picogpt_tui.gpt2 import language_model
from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.int8_kernel import Kernel
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.reader import NEVER_WORTH_IT, WORTH_IT, WORTH_IT_COMPILED

from .checkpoints import N_TOY_VOCAB, TINY, random_ids, write_config
from .kernels import absent_kernel, compiled, use_kernel

MakeModel = Callable[..., Path]


def test_logits_of_every_position(tiny_model: LanguageModel) -> None:
    ids = random_ids(TINY, TINY.n_ctx)
    logits = tiny_model.logits(ids)
    assert logits.shape == (TINY.n_ctx, TINY.n_vocab)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(tiny_model.logits(ids[:5]), logits[:5], atol=1e-5)


@pytest.mark.parametrize(
    "ids, says",
    [
        ([], "sees 1 to 13 tokens at once, not 0"),
        ([1] * 14, "sees 1 to 13 tokens at once, not 14"),
        ([1, -1], "has no token -1, only 0 to 268"),
        ([TINY.n_vocab], "has no token 269, only 0 to 268"),
    ],
    ids=str,
)
def test_ids_that_cannot_be_run_are_refused(tiny_model: LanguageModel, ids: list[int], says: str) -> None:
    """A negative id would quietly be counted from the end."""
    with pytest.raises(ConfigError, match=says):
        tiny_model.logits(ids)


def test_generate_takes_text_and_options(tiny_model: LanguageModel) -> None:
    events = list(tiny_model.generate(" the", max_tokens=3, seed=5, temperature=2, top_k=7))
    assert events[0] == Started(tuple(tiny_model.tokenizer.encode(" the")), 5)
    assert isinstance(events[-1], Finished)
    assert len(events[-1].ids) == 3


def test_one_stop_text_need_not_be_wrapped(stories: LanguageModel) -> None:
    """Python would take a text for the sequence of its characters, and stop at the first "e"."""
    texts = []
    for stop in ("the", ["the"]):
        *_, end = stories.generate("Once upon a time", max_tokens=60, seed=1, stop=stop)
        assert isinstance(end, Finished)
        texts.append(end.text)
    assert texts[0] == texts[1]
    assert "e" in texts[0]


def test_generate_refuses_settings_out_of_range(tiny_model: LanguageModel) -> None:
    with pytest.raises(SettingError, match="top p must be"):
        tiny_model.generate("a", top_p=1.5)


def test_the_bundled_model_tells_a_story(stories: LanguageModel) -> None:
    *_, end = stories.generate("Once upon a time", max_tokens=20, temperature=0, top_k=0)
    assert isinstance(end, Finished)
    assert end.text.startswith(" there was")


def test_read_model_yields_progress_and_the_model_last(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    *steps, model = read_model(directory, "mine")
    assert steps
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(model, LanguageModel)
    assert (model.name, model.directory, model.config, model.precision) == ("mine", directory, TINY, "float32")
    assert model.digest == hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()


def test_a_vocabulary_with_more_tokens_than_the_model_is_refused(tiny_model_dir: MakeModel) -> None:
    config = GPT2Config(N_TOY_VOCAB - 1, 13, 15, 3, 1)
    with pytest.raises(TokenizerError, match=f"has ids up to {N_TOY_VOCAB - 1}, the model only {N_TOY_VOCAB - 1}"):
        list(read_model(tiny_model_dir(config), "tiny"))


def test_a_model_may_have_more_rows_than_its_vocabulary_has_tokens(tiny_model_dir: MakeModel) -> None:
    *_, model = read_model(tiny_model_dir(), "tiny")
    assert isinstance(model, LanguageModel)
    assert model.tokenizer.n_vocab < model.config.n_vocab


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "vocab.json", "merges.txt"])
def test_a_directory_that_lacks_a_file_says_which(tiny_model_dir: MakeModel, missing: str) -> None:
    directory = tiny_model_dir()
    (directory / missing).unlink()
    with pytest.raises(ModelError) as caught:
        list(read_model(directory, "tiny"))
    assert missing in str(caught.value)
    assert caught.value.path == directory


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"x")], ids=["nothing", "a file"])
def test_what_is_no_directory_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "model")
    with pytest.raises(ConfigError, match="is not a directory"):
        list(read_model(tmp_path / "model", "model"))


def test_another_architecture_is_refused_before_its_weights_are_read(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    write_config(directory, TINY, model_type="gpt_neo")
    (directory / "model.safetensors").write_bytes(b"not even looked at")
    with pytest.raises(ConfigError, match="model_type is 'gpt_neo'"):
        list(read_model(directory, "neo"))


def test_openais_file_names_load_too(tiny_model_dir: MakeModel) -> None:
    directory = tiny_model_dir()
    fields = {"n_vocab": TINY.n_vocab, "n_ctx": 13, "n_embd": 15, "n_head": 3, "n_layer": 3}
    (directory / "config.json").unlink()
    (directory / "hparams.json").write_text(json.dumps(fields))
    (directory / "vocab.json").rename(directory / "encoder.json")
    (directory / "merges.txt").rename(directory / "vocab.bpe")
    *_, model = read_model(directory, "openai")
    assert isinstance(model, LanguageModel)
    assert model.config.n_layer == 3


@pytest.mark.parametrize(
    "precision, is_compiled, is_small, worth",
    [
        ("float32", False, True, WORTH_IT),
        ("float32", True, False, WORTH_IT),
        ("int8", False, False, WORTH_IT),
        ("int8", True, False, WORTH_IT_COMPILED),
        ("int8", True, True, NEVER_WORTH_IT),
    ],
)
def test_the_cheaper_a_token_alone_the_more_a_guess_has_to_bring(
    monkeypatch: pytest.MonkeyPatch,
    tiny_model_dir: MakeModel,
    precision: str,
    is_compiled: bool,
    is_small: bool,
    worth: int,
) -> None:
    kernel = Kernel(lambda: compiled(lambda rows, scales, x, y: None), lambda: None) if is_compiled else absent_kernel()
    assert use_kernel(monkeypatch, kernel, language_model).wait() == is_compiled
    monkeypatch.setattr(language_model, "_SMALL_BYTES", 1e9 if is_small else 0)
    *_, model = read_model(tiny_model_dir(), "tiny", precision)
    assert isinstance(model, LanguageModel)
    assert model.worth_guessing == worth
