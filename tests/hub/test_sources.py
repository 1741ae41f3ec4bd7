"""What a source says before the first byte: whatever is wrong with a repository, a hub or the way there has a name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui import paths
from picogpt_tui.errors import (
    AccessDenied,
    Corrupt,
    ModelNotFound,
    NoSpace,
    NotAGPT2,
    NotOnTheHub,
    NotReachable,
    PicoGPTError,
    SettingError,
)
from picogpt_tui.hub.connection import Stop
from picogpt_tui.hub.download import Downloader
from picogpt_tui.hub.sources import Source, source
from picogpt_tui.hub.targets import target

from .fetching import ANYTHING, BOTH, FILES, REPO, WEIGHTS, assert_ready, fetch, notes, refused, sentence
from .loopback import GOOD_TOKEN, Loopback

EVIL = "\x1b]0;owned\x07\u202e<b>"


def without(*names: str, **more: bytes) -> dict[str, bytes]:
    return {name: content for name, content in (FILES | more).items() if name not in names}


# --- repositories -------------------------------------------------------------------------------------------------

Serve = Callable[[Loopback], object]
REPOSITORIES: dict[str, tuple[Serve, type[PicoGPTError], str]] = {
    "unknown": (
        lambda net: None,
        NotOnTheHub,
        "has no repository owner/bad, or it is private: check the name, or log in",
    ),
    "private": (
        lambda net: add(net, FILES, private=True),
        NotOnTheHub,
        "or it is private: check the name, or log in wi",
    ),
    "gated": (
        lambda net: add(net, FILES, gated="manual"),
        AccessDenied,
        "owner/bad is gated: ask for access at http://127.0.0.1:",
    ),
    "empty": (lambda net: add(net, {}), NotAGPT2, "owner/bad holds no files"),
    "no weights": (
        lambda net: add(net, without(WEIGHTS)),
        NotAGPT2,
        "holds no weights, and model.safetensors is needed",
    ),
    "pickled": (
        lambda net: add(net, without(WEIGHTS) | {"pytorch_model.bin": b"\x80\x04"}),
        NotAGPT2,
        "holds pickled weights only, which are never read, and model.safetensors is needed",
    ),
    "in pieces": (
        lambda net: add(
            net, without(WEIGHTS) | {f"{WEIGHTS}.index.json": b"{}", "model-00001-of-00002.safetensors": b""}
        ),
        NotAGPT2,
        "holds its weights in several pieces",
    ),
    "no vocabulary": (
        lambda net: add(net, without("vocab.json", "merges.txt")),
        NotAGPT2,
        "owner/bad lacks vocab.json and merges.txt, which every GPT-2 has",
    ),
    "a config of 10 GB": (
        lambda net: add(net, FILES, sizes={"config.json": 10**10}),
        NotAGPT2,
        "config.json would be 10,000,000,000 bytes, a GPT-2's has at most 67,108,864",
    ),
    "weights of 10^15 bytes": (
        lambda net: add(net, FILES, sizes={WEIGHTS: 10**15}),
        NoSpace,
        "owner/bad needs 1,000,000 GB more on the disk of",
    ),
    "another file than is told": (
        lambda net: add(net, FILES, sizes={"merges.txt": 5}),
        PicoGPTError,
        "merges.txt came wrong twice from 127.0.0.1",
    ),
    "a digest that is none": (
        lambda net: add(net, FILES, digests={WEIGHTS: "zz"}),
        PicoGPTError,
        "its sha256 is not the published one",
    ),
}


def add(net: Loopback, files: dict[str, bytes], **options: Any) -> None:
    net.add_repo("owner/bad", files, **options)


@pytest.mark.parametrize("serve, error, words", REPOSITORIES.values(), ids=REPOSITORIES)
def test_what_is_wrong_with_a_repository(hub: Loopback, serve: Serve, error: type[Exception], words: str) -> None:
    serve(hub)
    caught = refused("owner/bad")
    assert isinstance(caught, error)
    assert words in str(caught)
    if error is not PicoGPTError:  # those are found in the bytes
        assert hub.requests("*/resolve/*") == []


def test_a_revision_that_is_missing(hub: Loopback) -> None:
    caught = refused(f"{REPO}@v9")
    assert isinstance(caught, NotOnTheHub)
    assert str(caught) == "owner/tiny has no revision 'v9'; name a branch, a tag or a commit."


@pytest.mark.parametrize("options", [{"private": True}, {"gated": "auto"}], ids=["private", "gated"])
def test_who_has_logged_in_gets_it_and_only_the_hub_sees_the_token(
    hub: Loopback, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_repo("owner/closed", FILES, **options)
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    assert_ready(fetch("owner/closed"), name="owner/closed")
    tokens = {(request.origin, request.headers.get("authorization")) for request in hub.requests("*owner/closed*")}
    assert tokens == {("hub", f"Bearer {GOOD_TOKEN}"), ("cdn", None)}


def test_a_token_that_is_not_let_in_is_told_where_to_ask(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add_repo("owner/closed", FILES, gated="manual")
    monkeypatch.setenv("HF_TOKEN", "another-token")
    caught = refused("owner/closed")
    assert isinstance(caught, AccessDenied)
    assert "gives config.json to whom its owner let in: ask on the model's page" in str(caught)


def test_a_token_that_was_asked_to_be_kept_is_kept(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    assert_ready(fetch())
    assert {request.headers.get("authorization") for request in hub.requests(f"*{REPO}*")} == {None}


def test_a_password_for_git_does_not_take_the_token_s_place(
    hub: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """~/.netrc often has one for the hub, and requests would prefer it."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    hub.add_repo("owner/closed", FILES, private=True)
    assert_ready(fetch("owner/closed"), name="owner/closed")


def test_names_that_climb_in_a_listing_are_not_followed(hub: Loopback) -> None:
    climbing = ("../../evil", "/etc/evil", "..\\evil", "sub/evil", ".", "..", "nul\x00")
    hub.add_repo("owner/climbs", FILES | dict.fromkeys(climbing, b"evil"))
    assert_ready(fetch("owner/climbs"), name="owner/climbs")
    assert not list(paths.models_dir().parent.rglob("*evil*"))


HOSTILE: dict[str, Any] = {
    "a list": [],
    "null": None,
    "a number": 5,
    "a text": EVIL,
    "no name": {"sha": "a" * 40},
    "files that are numbers": {"id": REPO, "siblings": [1, 2]},
    "files without names": {"id": REPO, "siblings": [{}]},
    "names that are lists": {"id": REPO, "siblings": [{"rfilename": ["x"]}]},
    "a digest that is a number": {
        "id": REPO,
        "siblings": [{"rfilename": name, "size": 5, "lfs": {"sha256": 5, "size": 5}} for name in FILES],
    },
    "no digest": {"id": REPO, "siblings": [{"rfilename": name, "size": 5, "lfs": {}} for name in FILES]},
    "a card that is a text": {"id": REPO, "cardData": EVIL, "siblings": []},
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_of_another_shape_is_told_as_a_stranger_s(hub: Loopback, value: Any) -> None:
    body = json.dumps(value).encode()
    headers = {"Content-Type": "application/json"}
    hub.fault("/api/models/*", "status", times=None, code=200, body=body, headers=headers)
    assert isinstance(refused(), (NotReachable, NotAGPT2, Corrupt))


def test_an_answer_that_nests_without_end(hub: Loopback) -> None:
    hub.fault("/api/models/*", "status", times=None, code=200, body=b"[" * 200_000)
    assert isinstance(refused(), NotReachable)


def test_what_a_server_writes_never_reaches_the_sentence(hub: Loopback) -> None:
    headers = {"X-Error-Message": "owned \x9b31m", "X-Error-Code": "Owned"}
    hub.fault("/api/models/*", "status", times=None, code=400, body=EVIL.encode(), headers=headers)
    text = str(refused())
    assert "owned" not in text
    assert "answered 400 Bad Request to the question for owner/tiny" in text


def test_a_licence_is_shown_as_signs(hub: Loopback) -> None:
    hub.add_repo("owner/evil", FILES, licence=EVIL)
    manifest = look_up("owner/evil")
    assert manifest.licence.isprintable()


def test_a_commit_that_is_none_is_not_used(hub: Loopback) -> None:
    hub.add_repo("owner/odd", FILES, commit="../../x")
    assert look_up("owner/odd").commit == "main"


def look_up(name: str) -> Any:
    wanted = target(name)
    found: Source = source(wanted.source)
    return found.look_up(wanted, Stop())


@pytest.mark.parametrize("name", ["", "nothing", "a/b/c", "../x", "a/../b", EVIL, "x" * 5000, "owner/na--me@../x"])
def test_a_name_that_is_none_is_asked_of_nobody(hub: Loopback, name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        list(Downloader(ANYTHING).download(name))
    sentence(caught.value)
    assert hub.log == []


def test_openai_has_four_sizes(hub: Loopback) -> None:
    with pytest.raises(SettingError, match="OpenAI published four sizes"):
        list(Downloader(ANYTHING).download(REPO, source_name="openai"))


# --- a hub in trouble ---------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_three_times(
    hub: Loopback, name: str, variable: str, source_name: str, code: int
) -> None:
    hub.fault("*", "status", times=None, code=code)
    caught = refused(name, source_name=source_name)
    assert isinstance(caught, NotReachable)
    assert f"answered {code} " in str(caught)
    assert len([one for one in hub.log if "agent-harnesses" not in one.path]) == 3


def test_a_hub_that_recovers_is_believed(hub: Loopback) -> None:
    hub.fault("/api/models/*", "status", code=500)
    hub.fault("/api/models/*", "status", code=429, headers={"Retry-After": "0"})
    events = fetch()
    assert_ready(events)
    assert len(hub.requests("/api/models/*")) == 3
    assert set(notes(events)) <= {
        "answered 500 Internal Server Error, trying again (2/3)",
        "answered 429 Too Many Requests, trying again (3/3)",
    } | {note for note in notes(events) if "127.0.0.1" in note}


@pytest.mark.parametrize("code, error", [(401, AccessDenied), (403, AccessDenied), (404, NotOnTheHub)])
def test_a_refusal_without_a_word_of_why(hub: Loopback, code: int, error: type[Exception]) -> None:
    hub.fault("/api/models/*", "status", times=None, code=code)
    assert isinstance(refused(), error)
    assert len(hub.requests("/api/models/*")) == 1


@pytest.mark.parametrize(
    "name, value",
    [
        ("Content-MD5", "no base64!"),
        ("Content-MD5", "\u00e9\u00e9"),
        ("Content-MD5", "YWJj"),
        ("Content-Length", "9" * 5000),
    ],
    ids=["no base64", "no ascii", "too short", "endless"],
)
def test_headers_of_openai_s_server_that_mean_nothing(hub: Loopback, name: str, value: str) -> None:
    headers = {name: value}
    hub.fault("*", "status", times=None, method="HEAD", code=200, headers=headers)
    wanted = target("124M", "openai")
    manifest = source("openai").look_up(wanted, Stop())
    assert {file.digest for file in manifest.files} == {""}


def test_a_small_file_of_openai_s_that_is_none(hub: Loopback) -> None:
    hub.fault("encoder.json", "status", times=None, method="HEAD", code=200, headers={"Content-Length": str(10**10)})
    hub.fault("*", "status", times=None, method="HEAD", code=200)
    caught = refused("124M", source_name="openai")
    assert isinstance(caught, NotAGPT2)
    assert "encoder.json would be 10,000,000,000 bytes" in str(caught)
