"""Who may import whom: the table of the design, held against every import statement and against real processes.

Imports inside functions and for type checkers count as well: a part that must not know another must not know its types.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "picogpt_tui"
SHARED = {"errors", "events", "paths", "quantities", "readings", "settings", "visible"}
ANYTHING = {"gpt2", "lens", "train", "hub", "session", "tui"}


@dataclass(frozen=True)
class Part:
    """What a part of the package may import, besides the standard library and itself."""

    ours: set[str]
    """Modules below picogpt_tui, each with all below it."""
    theirs: set[str] = field(default_factory=set)
    """Third-party packages."""
    only_inside_functions: set[str] = field(default_factory=set)
    """Third-party packages that a module must not import as it is imported itself."""
    only_in: dict[str, str] = field(default_factory=dict)
    """Third-party packages that one module alone may import."""


TABLE = {
    "shared": Part(SHARED, {"platformdirs"}),
    # numba: nobody imports that module as he is imported himself; see the tests of what a start loads
    "gpt2": Part(
        SHARED - {"paths"}, {"numpy", "regex", "safetensors", "numba"}, only_in={"numba": "gpt2.int8_compiled"}
    ),
    "lens": Part({"gpt2"} | SHARED - {"paths"}, {"numpy"}),
    "train": Part({"gpt2"} | SHARED - {"paths"}, {"numpy"}),
    # urllib3: the transport of requests, whose errors come through
    "hub": Part(SHARED, {"requests", "urllib3", "huggingface_hub", "filelock"}, {"huggingface_hub", "filelock"}),
    "session": Part({"gpt2", "lens", "hub.registry", "hub.store"} | SHARED),
    "tui": Part({"session", "hub", "train.trainer"} | SHARED, {"textual", "rich"}),  # rich: Textual's own cells
    "cli": Part(ANYTHING | SHARED, {"click", "numpy", "textual"}, {"numpy", "textual"}),
    "__init__": Part({"gpt2", "session"}),
    "__main__": Part({"cli"}),
}


@dataclass(frozen=True)
class Import:
    """One module that one line imports."""

    importer: str
    """Dotted, below picogpt_tui."""
    line: int
    module: str
    """Dotted and absolute."""
    is_lazy: bool
    """Whether it stands in a function, or is for type checkers only."""

    @property
    def part(self) -> str:
        head = self.importer.partition(".")[0]
        return "shared" if head in SHARED else head

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: {self.module}"


def imports_of(source: str, importer: str) -> Iterator[Import]:
    """Every import statement of a source, wherever it stands."""
    tree = ast.parse(source)
    lazy = [node for node in ast.walk(tree) if _is_lazy(node)]
    inside = {id(node) for one in lazy for node in ast.walk(one)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level] if node.level else [_full_name(node.module or "", a.name) for a in node.names]
        yield from (Import(importer, getattr(node, "lineno", 0), name, id(node) in inside) for name in names)


def _is_lazy(node: ast.AST) -> bool:
    """Whether what it holds is not run when the module is imported: a function, or what is for type checkers only."""
    is_for_checkers = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return is_for_checkers or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _full_name(module: str, name: str) -> str:
    """`from picogpt_tui import paths` is about picogpt_tui.paths, `from picogpt_tui.paths import f` too."""
    inner = PACKAGE.joinpath(*module.split(".")[1:], name)
    is_module = module.split(".")[0] == PACKAGE.name and (inner.is_dir() or inner.with_suffix(".py").is_file())
    return f"{module}.{name}" if is_module else module


def fault(found: Import) -> str | None:
    """Why the table forbids this import, or None."""
    if found.module.startswith("."):
        return "relative import"
    part = TABLE.get(found.part)
    if part is None:
        return "a part that the table does not know"
    package, _, ours = found.module.partition(".")
    if package == PACKAGE.name:
        allowed = part.ours | {found.part}
        is_allowed = not ours or any(ours == name or ours.startswith(f"{name}.") for name in allowed)
        return None if is_allowed else f"{found.part} must not know {ours}"
    if package in sys.stdlib_module_names:
        return None
    if package not in part.theirs or part.only_in.get(package, found.importer) != found.importer:
        return f"{found.part} must not use {package}"
    if package in part.only_inside_functions and not found.is_lazy:
        return f"{package} belongs inside the function that needs it"
    return None


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@pytest.mark.parametrize("path", _sources(), ids=_dotted)
def test_a_module_imports_only_what_its_part_may(path: Path) -> None:
    found = imports_of(path.read_text(encoding="utf-8"), _dotted(path))

    assert [f"{one}: {why}" for one in found if (why := fault(one))] == []


@pytest.mark.parametrize(
    "importer, source, said",
    [
        ("tui.app", "import numpy as np", "tui must not use numpy"),
        ("tui.app", "def f():\n    from picogpt_tui.gpt2.config import GPT2Config", "tui must not know gpt2.config"),
        ("tui.app", "if TYPE_CHECKING:\n    from picogpt_tui import gpt2", "tui must not know gpt2"),
        ("cli.generate", "import numpy", "numpy belongs inside the function that needs it"),
        ("gpt2.model", "import requests", "gpt2 must not use requests"),
        ("gpt2.int8", "def f():\n    import numba", "gpt2 must not use numba"),
        ("gpt2.model", "from . import ops", "relative import"),
        ("session.engine", "from picogpt_tui.hub.download import fetch", "session must not know hub.download"),
        ("hub.store", "from picogpt_tui.session import models", "hub must not know session.models"),
        ("visible", "import textual", "shared must not use textual"),
        ("gadgets.new", "import os", "a part that the table does not know"),
    ],
)
def test_the_scan_sees_what_is_forbidden(importer: str, source: str, said: str) -> None:
    assert [fault(one) for one in imports_of(source, importer)] == [said]


@pytest.mark.parametrize(
    "importer, source",
    [
        ("cli.generate", "def f():\n    import numpy"),
        ("hub.locks", "if TYPE_CHECKING:\n    from filelock import FileLock"),
        ("gpt2.int8_compiled", "import numba"),
        ("tui.app", "from picogpt_tui import __version__, paths"),
        ("session.engine", "from picogpt_tui.hub.store import find_model"),
    ],
)
def test_the_scan_lets_the_allowed_pass(importer: str, source: str) -> None:
    assert [fault(one) for one in imports_of(source, importer)] in ([None], [None, None])


def _loaded_by(module: str) -> set[str]:
    """The third-party packages in a fresh process after this import."""
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize("module", ["picogpt_tui", "picogpt_tui.cli"])
def test_the_package_and_its_command_line_start_light(module: str) -> None:
    assert _loaded_by(module) & {"numpy", "textual", "requests", "huggingface_hub"} == set()


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["models", "list"], ["generate", "--help"]], ids=" ".join)
def test_help_and_lists_load_neither_numpy_nor_textual(args: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "picogpt_tui", *args]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}

    assert "click" in loaded
    assert loaded & {"numpy", "textual"} == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "session").glob("*.py")), ids=_dotted)
def test_a_session_needs_no_screen(path: Path) -> None:
    assert _loaded_by(f"picogpt_tui.{_dotted(path)}") & {"textual", "click"} == set()


def test_the_app_is_drawn_before_numpy_is_loaded() -> None:
    """Its first paint waits for nothing that only the model needs."""
    loaded = _loaded_by("picogpt_tui.tui.app")

    assert "textual" in loaded
    assert "numpy" not in loaded
