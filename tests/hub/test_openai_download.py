"""OpenAI's checkpoints from a plain server: no digest but an md5, or none; their own checksums tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import CheckpointError, Corrupt, ModelError, NotAGPT2, NotOnTheHub, TokenizerError
from picogpt_tui.events import Downloaded, DownloadEvent, DownloadStopped, Progress
from picogpt_tui.hub.download import Checks, Downloader
from picogpt_tui.hub.manifest import MANIFEST, read_manifest
from picogpt_tui.hub.patience import Patience
from picogpt_tui.session.inspection import check_config, check_model

from ..gpt2.checkpoints import write_tf_model
from .fetching import ANYTHING, BYTES, QUICK, WEIGHTS, assert_ready, fetch, files_of, folder, sentence, watched
from .loopback import Loopback

SMALL = ("hparams.json", "encoder.json", "vocab.bpe")
REAL = Checks(check_config, check_model)
INDEX, DATA = "model.ckpt.index", "model.ckpt.data-00000-of-00001"


class Container:
    """A checkpoint as OpenAI published theirs, on the plain server."""

    def __init__(self, net: Loopback, directory: Path) -> None:
        self.net = net
        self.files = files_of(write_tf_model(directory))
        self.serve()

    def serve(self, *, md5: bool = True, **changed: bytes) -> None:
        for name, content in (self.files | changed).items():
            self.net.add_plain(f"124M/{name}", content, md5=md5)

    def fetch(self, patience: Patience = QUICK, should_stop: Callable[[], bool] = lambda: False) -> list[DownloadEvent]:
        downloader = Downloader(REAL, patience=patience)
        events = downloader.download("124M", source_name="openai", should_stop=should_stop)
        return list(watched(events, folder("124M-openai"), self.files))

    def assert_ready(self, events: list[DownloadEvent]) -> Downloaded:
        return assert_ready(events, self.files, "124M-openai")

    def assert_not_ready(self) -> None:
        assert not (folder("124M-openai") / MANIFEST).exists()


@pytest.fixture
def container(hub: Loopback, tmp_path: Path) -> Container:
    return Container(hub, tmp_path / "tf")


@pytest.mark.parametrize("md5", [True, False], ids=["md5", "no md5"])
def test_openai_s_files_come_whole(container: Container, md5: bool) -> None:
    container.serve(md5=md5)
    done = container.assert_ready(container.fetch())
    assert (done.name, done.path) == ("124M-openai", paths.models_dir() / "124M-openai")
    manifest = read_manifest(done.path / MANIFEST)
    assert manifest is not None
    assert (manifest.source, manifest.repo, manifest.commit) == ("openai", "124M", "")
    kinds = {file.digest.partition(":")[0] for file in manifest.files}
    assert kinds == ({"md5"} if md5 else {"sha256"})


@pytest.mark.parametrize("md5", [True, False], ids=["md5", "no md5"])
def test_openai_s_files_go_on_from_where_they_ended(container: Container, md5: bool) -> None:
    container.serve(md5=md5)
    fault = container.net.fault(DATA, "stall", after=1000)
    path = folder("124M-openai") / f"{DATA}.part"
    events = container.fetch(should_stop=lambda: fault.reached.is_set() and path.exists() and path.stat().st_size > 999)
    assert isinstance(events[-1], DownloadStopped)
    container.net.wait_open(0)
    container.assert_ready(container.fetch())
    assert container.net.body_bytes(DATA) == len(container.files[DATA])
    assert container.net.requests(DATA, "GET")[-1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize("name", [*SMALL, INDEX, DATA])
@pytest.mark.parametrize("md5", [True, False], ids=["md5", "no md5"])
def test_a_flipped_byte_from_openai_is_found_by_md5_or_checksum(container: Container, name: str, md5: bool) -> None:
    """Without a digest a vocabulary has to be nonsense to be found out, so its first byte is flipped."""
    container.serve(md5=md5)
    container.net.fault(name, "corrupt", at=0)
    if name == "hparams.json" and not md5:  # not even looked at further; the next download begins anew
        with pytest.raises(NotAGPT2):
            container.fetch()
        assert not folder("124M-openai").exists()
    container.assert_ready(container.fetch())


@pytest.mark.parametrize(
    "name, md5, error, words",
    [
        (DATA, True, Corrupt, "its md5 is not the published one"),
        (DATA, False, Corrupt, "124M-openai came damaged twice from 127.0.0.1"),
        (INDEX, False, Corrupt, "124M-openai came damaged twice from 127.0.0.1"),
        ("encoder.json", False, NotAGPT2, "124M is no GPT-2 that can be read here"),
    ],
)
def test_bytes_from_openai_that_stay_wrong_are_refused(
    container: Container, name: str, md5: bool, error: type[Exception], words: str
) -> None:
    container.serve(md5=md5)
    container.net.fault(name, "corrupt", times=None, at=0)
    with pytest.raises(error, match=words) as caught:
        container.fetch()
    sentence(caught.value)
    assert container.net.body_bytes(name) == 2 * len(container.files[name])
    assert not (folder("124M-openai") / name).exists()
    container.assert_not_ready()
    container.net.clear_faults()
    container.assert_ready(container.fetch())


@pytest.mark.parametrize("error", [CheckpointError, TokenizerError])
def test_what_is_proven_by_digests_is_not_fetched_again_for_a_model_that_is_none(
    hub: Loopback, error: type[ModelError]
) -> None:
    def refuse(_: Path) -> Iterator[Progress]:
        yield Progress("checking", 0, 1)
        raise error("it is another thing.")

    with pytest.raises((NotAGPT2, Corrupt), match="it is another thing"):
        fetch(checks=Checks(ANYTHING.config, refuse))
    assert hub.body_bytes(WEIGHTS) == len(BYTES)


def test_a_mirror_that_answers_get_only(container: Container) -> None:
    container.net.fault("*", "status", times=None, method="HEAD", code=405)
    container.assert_ready(container.fetch())


def test_a_mirror_that_says_no_length(container: Container) -> None:
    container.net.fault("*", "status", times=None, method="HEAD", code=405)
    container.net.fault("*", "chunked", times=None, method="GET")
    container.assert_ready(container.fetch())


def test_a_file_that_openai_does_not_have(container: Container) -> None:
    del container.net._files[f"/plain/124M/{DATA}"]
    with pytest.raises(NotOnTheHub, match=r"has no 124M/model\.ckpt\.data-00000-of-00001") as caught:
        container.fetch()
    assert "check PICOGPT_OPENAI_URL" in sentence(caught.value)
    assert not folder("124M-openai").exists()
