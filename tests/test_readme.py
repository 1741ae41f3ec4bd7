"""What the README tells people to type works: its commands and its Python are run.

Run is every line of a shell block that calls a `picogpt-tui` command which needs no terminal, with the pipe or
redirection it stands in; the lines that install are `.ci/run`'s.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from picogpt_tui.cli import main
from picogpt_tui.hub.registry import HUGGING_FACE_FILES, OPENAI_FILES
from picogpt_tui.paths import bundled_dir

from .gpt2.checkpoints import write_tf_model
from .hub.loopback import Loopback

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NAMES = "|".join(main.list_commands(click.Context(main)))
_COMMAND = re.compile(rf"(?:^|[\s|(/])picogpt-tui (?:{_NAMES}|--help|--version)\b")


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks of these languages."""
    return [body for language, body in _BLOCK.findall(text) if language in languages]


def commands(text: str) -> list[str]:
    """The shell lines that call a command of this program; a prompt sign and a folder before it are cut off."""
    lines = "\n".join(blocks(text, "console", "bash", "sh", "shell")).replace("\\\n", " ").splitlines()
    stripped = [re.sub(r"(^\$ |\S*/bin/(?=picogpt-tui))", "", line) for line in lines]
    return [line for line in stripped if _COMMAND.search(line) and "pip install" not in line]


EXAMPLE = """
```console
$ python -m venv .venv && .venv/bin/pip install -e .
$ .venv/bin/picogpt-tui
$ picogpt-tui --model 124M
$ .venv/bin/picogpt-tui next "Once # upon" \\
    --top 3   # what could come
 had a daughter
$ printf 'The king' | picogpt-tui generate - --seed 7
```
```text
picogpt-tui generate no
```
```python
print(1)
```
"""


def test_the_commands_of_a_text_are_found() -> None:
    assert commands(EXAMPLE) == [
        'picogpt-tui next "Once # upon"      --top 3   # what could come',
        "printf 'The king' | picogpt-tui generate - --seed 7",
    ]
    assert blocks(EXAMPLE, "python") == ["print(1)\n"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Loopback]:
    """What the README downloads, in small, from this machine: by either source."""
    stories, checkpoint = bundled_dir() / "stories", write_tf_model(tmp_path / "checkpoint")
    with Loopback() as hub:
        hub.add_repo("openai-community/gpt2", {name: stories / name for name in HUGGING_FACE_FILES})
        for name in OPENAI_FILES:
            hub.add_plain(f"124M/{name}", checkpoint / name)
        yield hub


def _readme() -> str:
    return README.read_text(encoding="utf-8")


def test_the_readme_shows_commands_and_python() -> None:
    assert commands(_readme())
    assert blocks(_readme(), "python")


@pytest.mark.skipif(os.name == "nt", reason="the README's shell lines are for a POSIX shell")
@pytest.mark.parametrize("command", commands(_readme()))
def test_a_command_of_the_readme_works(command: str, tmp_path: Path, hub: Loopback) -> None:
    mirrors = {"HF_ENDPOINT": hub.endpoint, "PICOGPT_OPENAI_URL": hub.plain}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env=os.environ | mirrors | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


@pytest.mark.parametrize("code", blocks(_readme(), "python"))
def test_python_of_the_readme_works(code: str, tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
