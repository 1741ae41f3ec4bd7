"""A download goes on from wherever it ended, and no byte comes twice but where it was wrong."""

from __future__ import annotations

import random

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import Corrupt
from picogpt_tui.hub.download import Downloader
from picogpt_tui.hub.manifest import MANIFEST, UNFINISHED

from .fetching import (
    ANYTHING,
    BYTES,
    FILES,
    N_ALL,
    N_SMALL,
    QUICK,
    REPO,
    WEIGHTS,
    Process,
    assert_ready,
    assert_unfinished,
    begin,
    fetch,
    folder,
    part_bytes,
    sent,
    sentence,
)
from .loopback import Loopback

SIZE = len(BYTES)
HERE = 700_001


@pytest.mark.parametrize("n_bytes", [1, HERE, SIZE - 1])
def test_going_on_asks_for_the_rest_alone(hub: Loopback, n_bytes: int) -> None:
    begin(hub, n_bytes)
    n_before = sent(hub)
    n_api = len(hub.requests("/api/models/*"))
    done = assert_ready(fetch())
    assert hub.requests(WEIGHTS)[-1].headers["range"] == f"bytes={n_bytes}-"
    assert sent(hub) == N_ALL
    assert done.fetched_bytes == N_ALL - n_before
    assert len(hub.requests("/api/models/*")) == n_api  # nor is anything looked up again


@pytest.mark.parametrize("seed", range(5))
def test_going_on_after_a_kill(hub: Loopback, seed: int) -> None:
    """SIGKILL at random moments: what was written is a beginning, the folder is free, no byte comes twice."""
    n_bytes = random.Random(seed).randrange(1, SIZE)
    hub.fault(WEIGHTS, "stall", after=n_bytes)
    process = Process()
    process.wait_until(N_SMALL + n_bytes)
    process.kill()
    hub.wait_open(0)
    assert_unfinished()
    assert part_bytes() == BYTES[:n_bytes]
    assert_ready(fetch())
    assert sent(hub) == N_ALL


@pytest.mark.parametrize("seed", range(3))
def test_going_on_after_a_kill_in_full_flow(hub: Loopback, seed: int) -> None:
    """As above, while bytes come: what was on its way is lost, what was written is not."""
    hub.bytes_per_second = 3e6
    process = Process()
    process.wait_until(random.Random(seed).randrange(N_SMALL, N_ALL - 600_000))
    process.kill()
    assert_unfinished()
    here, hub.bytes_per_second = len(part_bytes()), None
    assert 0 < here < SIZE
    hub.log.clear()
    assert_ready(fetch())
    assert sent(hub, WEIGHTS) == SIZE - here


def test_a_kill_between_the_last_byte_and_the_name(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(hub, HERE)
    (folder() / f"{WEIGHTS}.part").write_bytes(BYTES)
    (folder() / f".{WEIGHTS}.part.json.x7k").write_text("a half")
    (folder() / f".{UNFINISHED}.a1b").write_text("another")
    hub.log.clear()
    assert_ready(fetch())
    assert hub.requests(WEIGHTS) == []


def test_a_file_that_is_lost_is_fetched_alone(hub: Loopback) -> None:
    fetch()
    (folder() / "merges.txt").unlink()
    hub.log.clear()
    assert assert_ready(fetch()).fetched_bytes == len(FILES["merges.txt"])
    assert [request.path.rpartition("/")[2] for request in hub.requests()] == ["merges.txt"]


def test_main_moves_on_while_it_is_under_way(hub: Loopback) -> None:
    """All files are of the commit that it began with."""
    begin(hub, HERE)
    hub.add_repo(REPO, FILES | {WEIGHTS: BYTES[::-1], "merges.txt": b"newer"})
    assert_ready(fetch())


def test_a_version_that_is_gone_gives_way_to_the_present_one(hub: Loopback) -> None:
    begin(hub, HERE)
    newer = FILES | {"merges.txt": b"newer"}
    hub._hub.repos[REPO].commits.clear()
    hub.add_repo(REPO, newer)
    assert_ready(fetch(files=newer), newer)
    assert sent(hub, WEIGHTS) == SIZE  # it is the same file in both


DAMAGED = [
    "",
    "{}",
    "[]",
    "null",
    "[" * 100_000,
    '{"format": 1}',
    '{"format": 99}',
    '{"format": 1, "name": "x", "source": "huggingface", "repo": "x", "revision": "", "commit": "", "licence": "", '
    '"host": "", "files": [{"name": "../../evil", "size_bytes": 1, "digest": ""}]}',
    '{"format": 1, "name": "x", "source": "openai", "repo": "124M", "revision": "", "commit": "", "licence": "", '
    '"host": "", "files": [{"name": "config.json", "size_bytes": 1, "digest": ""}]}',
]


@pytest.mark.parametrize("name", [MANIFEST, UNFINISHED])
@pytest.mark.parametrize("text", DAMAGED, ids=lambda text: text[:12] or "empty")
def test_a_damaged_manifest_means_to_look_up_again(hub: Loopback, name: str, text: str) -> None:
    """And what is here stays, where it is right; a name that climbs out of the folder is never followed."""
    begin(hub, HERE)
    (folder() / UNFINISHED).unlink()
    (folder() / name).write_text(text)
    # the helper that watches takes a folder with a manifest for a model, which this one is not
    (*_, done) = Downloader(ANYTHING, patience=QUICK).download(REPO)
    assert_ready([done])
    assert hub.body_bytes(WEIGHTS) == SIZE
    assert {path.name for path in paths.models_dir().iterdir()} == {".locks", folder().name}
    assert not (paths.models_dir().parent / "evil").exists()


def test_a_manifest_that_promises_other_bytes_is_looked_up_again(hub: Loopback) -> None:
    """One that was damaged and can still be read would be believed for ever."""
    begin(hub, HERE)
    path = folder() / UNFINISHED
    path.write_text(path.read_text().replace(str(SIZE), str(SIZE + 1)))
    assert_ready(fetch())


# --- wrong bytes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_flipped_byte_is_found_and_the_file_fetched_once_more(hub: Loopback, name: str) -> None:
    hub.fault(name, "corrupt", at=1)
    events = fetch()
    assert_ready(events)
    assert hub.body_bytes(name) == 2 * len(FILES[name])


def test_bytes_that_stay_wrong_are_refused_by_name(hub: Loopback) -> None:
    hub.fault(WEIGHTS, "corrupt", times=None, at=HERE)
    with pytest.raises(Corrupt) as caught:
        fetch()
    assert sentence(caught.value).startswith(f"{WEIGHTS} came wrong twice from 127.0.0.1:")
    assert "its sha256 is not the published one" in str(caught.value)
    assert not (folder() / WEIGHTS).exists()
    assert_unfinished()
    hub.clear_faults()
    assert_ready(fetch())
