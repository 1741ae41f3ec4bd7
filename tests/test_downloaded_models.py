"""From a server to logits: what is downloaded with the real checks loads, and what is no model of ours does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picogpt_tui import load
from picogpt_tui.errors import Corrupt, NotAGPT2
from picogpt_tui.events import Downloaded
from picogpt_tui.hub.download import Checks, Downloader
from picogpt_tui.hub.registry import CHECKPOINT, OPENAI, OPENAI_FILES
from picogpt_tui.hub.store import stored_model
from picogpt_tui.hub.upkeep import Verified, verify
from picogpt_tui.session.inspection import check_config, check_model

from .gpt2.checkpoints import TINY, toy_vocab, write_config, write_model, write_tf_model
from .hub.fetching import use
from .hub.loopback import Loopback

REPO = "owner/tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with Loopback() as net:
        use(net, monkeypatch)
        yield net


def serve(hub: Loopback, directory: Path, *left_out: str) -> None:
    """Put a model directory on the hub."""
    hub.add_repo(REPO, {path.name: path for path in directory.iterdir() if path.name not in left_out})


def serve_openai(hub: Loopback, directory: Path, *, md5: bool = True) -> None:
    """Put a checkpoint into OpenAI's container."""
    for name in OPENAI_FILES:
        hub.add_plain(f"124M/{name}", directory / name, md5=md5)


def download(name: str, source: str | None = None) -> Downloaded:
    *_, done = Downloader(Checks(check_config, check_model)).download(name, source_name=source)
    assert isinstance(done, Downloaded)
    return done


def is_sound(name: str) -> bool:
    *_, found = verify(name, check_model)
    assert isinstance(found, Verified)
    return not found.damaged and found.is_recorded


def test_a_model_of_the_hub(hub: Loopback, tmp_path: Path) -> None:
    directory = write_model(tmp_path / "tiny", masks=True, prefix="transformer.")
    serve(hub, directory)
    download(REPO)
    assert np.array_equal(load(REPO).logits([1, 2, 3]), load(str(directory)).logits([1, 2, 3]))
    assert is_sound(REPO)


def test_openais_checkpoint_is_the_same_model(hub: Loopback, tmp_path: Path) -> None:
    serve_openai(hub, write_tf_model(tmp_path / "checkpoint"))
    download("124M", OPENAI)
    published = load(str(write_model(tmp_path / "tiny")))
    assert np.array_equal(load("124M").logits([1, 2, 3]), published.logits([1, 2, 3]))
    assert stored_model("124M").licence == "MIT (modified)"
    assert is_sound("124M")


def test_a_repository_with_its_vocabulary_in_one_file(hub: Loopback, tmp_path: Path) -> None:
    directory = write_model(tmp_path / "tiny")
    vocab, merges = toy_vocab()
    fields = {"model": {"type": "BPE", "vocab": vocab, "merges": merges}, "pre_tokenizer": {"type": "ByteLevel"}}
    (directory / "tokenizer.json").write_text(json.dumps(fields))
    serve(hub, directory, "vocab.json", "merges.txt")
    done = download(REPO)
    assert {path.name for path in done.path.iterdir()} == {
        "config.json", "tokenizer.json", "model.safetensors", "manifest.json",
    }  # fmt: skip
    assert load(REPO).tokenizer.encode(" the inner 😀") == load(str(directory)).tokenizer.encode(" the inner 😀")


def test_what_its_config_calls_another_kind_is_never_fetched(hub: Loopback, tmp_path: Path) -> None:
    directory = write_model(tmp_path / "tiny")
    write_config(directory, TINY, model_type="llama")
    serve(hub, directory)
    with pytest.raises(NotAGPT2, match=r"owner/tiny is no GPT-2 that can be read here: .*model_type is 'llama'"):
        download(REPO)
    assert hub.requests("*model.safetensors") == []
    assert stored_model(REPO).path is None


def test_weights_of_another_shape_are_told_when_they_have_come(hub: Loopback, tmp_path: Path) -> None:
    directory = write_model(tmp_path / "tiny")
    write_config(directory, replace(TINY, n_layer=2))
    serve(hub, directory)
    with pytest.raises(NotAGPT2, match=r"holds 'h\.2\."):
        download(REPO)
    assert not stored_model(REPO).is_here


def test_a_checkpoint_that_comes_damaged_twice_is_refused_by_the_tensor(hub: Loopback, tmp_path: Path) -> None:
    """Nobody publishes a digest of it, but its index has one of every tensor."""
    directory = write_tf_model(tmp_path / "checkpoint")
    data = directory / CHECKPOINT[1]
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 1
    data.write_bytes(raw)
    serve_openai(hub, directory, md5=False)
    with pytest.raises(Corrupt, match=r"came damaged twice from 127\.0\.0\.1"):
        download("124M", OPENAI)
    assert hub.body_bytes(f"*{CHECKPOINT[1]}") == 2 * len(raw)
    assert not stored_model("124M").is_here
