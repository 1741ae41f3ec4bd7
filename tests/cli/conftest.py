"""A command line without a process, and a model directory to break."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from picogpt_tui.cli import main
from picogpt_tui.paths import bundled_dir

from ..gpt2.checkpoints import write_model, write_tf_model
from ..hub.loopback import Loopback

KING = "Once upon a time there was a king who"


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8")

    @property
    def json(self) -> Any:
        """The one value on stdout."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """The values on stdout, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def run(*args: str, stdin: bytes | str | None = None) -> Ran:
    """Run a command line in this process; an exception that would be a traceback fails the test."""
    result = CliRunner().invoke(main, args, input=stdin, prog_name="picogpt-tui", catch_exceptions=False)
    return Ran(result.exit_code, result.stdout_bytes, result.stderr)


def ok(*args: str, stdin: bytes | str | None = None) -> Ran:
    """Run a command line that must succeed."""
    ran = run(*args, stdin=stdin)
    assert ran.code == 0, ran.stderr
    return ran


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A copy of the bundled model, to be damaged."""
    return Path(shutil.copytree(bundled_dir() / "stories", tmp_path / "model"))


@pytest.fixture
def escape_model(model_dir: Path) -> Path:
    """A model whose likeliest word after KING is an escape character: it trades ids with " had"."""

    def trade(vocab: dict[str, int]) -> None:
        vocab["Ġhad"], vocab["ě"] = vocab["ě"], vocab["Ġhad"]

    edit_json(model_dir / "vocab.json", trade)
    return model_dir


def edit_json(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Read a JSON file, change the object in place, write it back."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    edit(fields)
    path.write_text(json.dumps(fields), encoding="utf-8")


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A hub and a container on this machine; both have a tiny 124M, the hub also `owner/model`."""
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "PICOGPT_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    theirs = {file.name: file for file in write_model(tmp_path / "published").iterdir()}
    with Loopback() as net:
        monkeypatch.setenv("HF_ENDPOINT", net.endpoint)
        monkeypatch.setenv("PICOGPT_OPENAI_URL", net.plain)
        for repo in ("openai-community/gpt2", "owner/model"):
            net.add_repo(repo, theirs)
        for file in write_tf_model(tmp_path / "published-openai").iterdir():
            net.add_plain(f"124M/{file.name}", file)
        yield net
