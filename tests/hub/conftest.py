"""The fake hub with a small model, asked in place of the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fetching import FILES, REPO, use
from .loopback import Loopback
from .one_file import Bench


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with Loopback() as net:
        net.add_repo(REPO, FILES)
        use(net, monkeypatch)
        yield net


@pytest.fixture
def bench(hub: Loopback, tmp_path: Path) -> Bench:
    return Bench(hub, tmp_path)
