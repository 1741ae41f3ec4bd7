"""One process at a time fills a folder, and all downloads of a program share two places."""

from __future__ import annotations

import threading

import pytest

from picogpt_tui.errors import Busy
from picogpt_tui.hub.download import Downloader
from picogpt_tui.hub.transfer import Transfer

from .fetching import (
    ANYTHING,
    BYTES,
    FILES,
    QUICK,
    REPO,
    WEIGHTS,
    Process,
    assert_ready,
    assert_right,
    assert_stopped,
    fetch,
    folder,
    sentence,
)
from .loopback import Loopback

SIZE = len(BYTES)
HERE = 700_001


def test_another_thread_or_process_is_told_who_is_at_work(hub: Loopback) -> None:
    fault = hub.fault(WEIGHTS, "stall", after=HERE)
    events = Downloader(ANYTHING, patience=QUICK).download(REPO)
    while not fault.reached.is_set():
        next(events)
    with pytest.raises(Busy, match=r"This program itself .* is at work on owner/tiny; wait until it is done") as caught:
        fetch()
    sentence(caught.value)
    events.close()  # type: ignore[attr-defined]  # it is a generator
    hub.clear_faults()
    assert_ready(fetch())


def test_another_process_is_named_by_its_number_and_a_killed_one_holds_nothing(hub: Loopback) -> None:
    process = Process(hold=True)
    process.wait_until(0)
    with pytest.raises(Busy, match=f"Process {process.pid} .* is at work on owner/tiny; wait until it is done, or sto"):
        fetch()
    process.kill()
    assert_ready(fetch())


class Crowd:
    """Counts how many files run at the same time."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._lock = threading.Lock()
        self.n, self.most = 0, 0
        run = Transfer.run

        def counted(transfer: Transfer) -> object:
            with self._lock:
                self.n += 1
                self.most = max(self.most, self.n)
            try:
                return run(transfer)
            finally:
                with self._lock:
                    self.n -= 1

        patch.setattr(Transfer, "run", counted)


@pytest.mark.parametrize("n_files", [1, 2])
def test_no_more_files_than_allowed_over_all_downloads(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, n_files: int
) -> None:
    names = ["owner/a", "owner/b", "owner/c"]
    for name in names:
        hub.add_repo(name, FILES)
    crowd, downloader = Crowd(monkeypatch), Downloader(ANYTHING, n_files=n_files, patience=QUICK)
    faults = [hub.fault(WEIGHTS, "stall", after=HERE) for _ in range(n_files)]
    threads = [threading.Thread(target=fetch, args=(name,), kwargs={"downloader": downloader}) for name in names]
    for thread in threads:
        thread.start()
    assert all(fault.reached.wait(30) for fault in faults)
    hub.release()
    for thread in threads:
        thread.join()
    for name in names:
        assert_right(folder(name))
    assert crowd.most == n_files


def test_one_that_is_told_to_end_leaves_the_other_alone(hub: Loopback) -> None:
    hub.add_repo("owner/other", FILES)
    downloader = Downloader(ANYTHING, patience=QUICK)
    fault = hub.fault(f"*owner/other*{WEIGHTS}", "stall", after=HERE)
    other = threading.Thread(target=fetch, args=("owner/other",), kwargs={"downloader": downloader})
    other.start()
    assert fault.reached.wait(30)
    stalled = hub.fault(f"*{REPO}*{WEIGHTS}", "stall", after=HERE)
    assert_stopped(fetch(downloader=downloader, should_stop=stalled.reached.is_set))
    hub.release()
    other.join()
    assert_right(folder("owner/other"))
