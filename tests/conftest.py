"""What every test gets: no home, no network, and models small enough to play with."""

from __future__ import annotations

import os
import socket

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before NumPy is loaded: a worker for each core is enough, and threads that wait for each other by keeping a core
    # busy make everything ten times as slow where there are more of them than cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from picogpt_tui.gpt2.config import GPT2Config
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.paths import bundled_dir

from .gpt2.checkpoints import TINY, random_params, toy_tokenizer, write_model

FULL = os.environ.get("PICOGPT_FULL") == "1"
"""Whether to run the long comparisons in full length."""
SHARED = Path(os.environ.get("PICOGPT_SHARED") or Path(__file__).parents[2] / "shared")
"""GPT-2's vocabulary and the corpus, which are no part of the project; what needs them is skipped without."""

# A test is no stopwatch, and an ordinary run always tries the same examples.
settings.register_profile("picogpt", deadline=None, database=None, derandomize=not FULL)
settings.load_profile("picogpt")


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the real home, and none speaks to anyone but this machine."""
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PICOGPT_HOME", str(home / "picogpt"))
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _only_loopback(getattr(socket.socket, name)))


def _only_loopback(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        is_network = self.family in (socket.AF_INET, socket.AF_INET6)
        if is_network and address[0] not in ("127.0.0.1", "::1", "localhost"):
            pytest.fail(f"a test spoke to {address}")  # not an Exception: no one can catch it by accident
        return connect(self, address)

    return guarded


@pytest.fixture
def tiny_config() -> GPT2Config:
    """A shape of which no two sizes are equal."""
    return TINY


@pytest.fixture
def tiny_model() -> LanguageModel:
    """A random model with the toy vocabulary, never on disk."""
    return LanguageModel("tiny", Path("nowhere"), TINY, random_params(TINY), toy_tokenizer())


@pytest.fixture
def tiny_model_dir(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a model directory; its options are those of `write_model`, and `name`."""

    def make(config: GPT2Config = TINY, *, name: str = "tiny", **options: Any) -> Path:
        return write_model(tmp_path / name, config, **options)

    return make


@pytest.fixture(scope="session")
def stories() -> LanguageModel:
    """The bundled model, loaded once."""
    *_, model = read_model(bundled_dir() / "stories", "stories")
    assert isinstance(model, LanguageModel)
    return model
