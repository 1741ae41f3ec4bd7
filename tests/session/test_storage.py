"""A session comes back from disk as it was, and a file that is none is refused in one sentence."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picogpt_tui import paths
from picogpt_tui.errors import DocumentError, FileError
from picogpt_tui.events import Distribution, Finished, Started, TokenEvent
from picogpt_tui.readings import Cut
from picogpt_tui.session import storage
from picogpt_tui.session.branches import take
from picogpt_tui.session.chat import MODES, ChatTemplate
from picogpt_tui.session.document import NO_TURN, Document
from picogpt_tui.settings import GenerationSettings, SamplingSettings

NASTY = "\x1b[31m[bold]\u202e\ud800\x00\r\n[/] 日本 😀"
SETTINGS = GenerationSettings(SamplingSettings(temperature=1.3, top_k=0), max_tokens=9, seed=3, stop=("\nQ:",))


CUTS = (
    Cut("head", 1, 0, how="mean"),
    Cut("head", 11, 3),
    Cut("mlp", 0),
    Cut("position", position=7),
    Cut("position", position=0, how="mean"),
)


def add_answer(
    document: Document,
    typed: str | None,
    ids: list[int],
    settings: GenerationSettings = SETTINGS,
    *,
    u: float = 0.25,
    rest: str = "",
    cuts: tuple[Cut, ...] = (),
) -> None:
    """What an engine would say that reads one token where something is typed, and says these."""
    request = document.request(typed, settings, cuts)
    document.accept(request)
    document.apply(Started((*request.context_ids, *([] if typed is None else [77])), 12345))
    for index, id in enumerate(ids):
        document.apply(
            TokenEvent(index, id, "a", f"<{id}>", -id / 3, id, 1 / 7, 0.5, u, Distribution((), 1.0, 1.0, 9, 9), 1, 0.1)
        )
    document.apply(Finished("stop", request.context_ids, tuple(ids), "", 12.5, rest))


def bytes_of(id: int) -> bytes:
    """A vocabulary of letters."""
    return bytes([id + 96])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents with answers, versions, taken tokens, branches with names, and texts of any kind."""
    # a pair of lone surrogates is one character, in JSON too
    texts = st.text(st.characters(), max_size=20).map(
        lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    )
    stops = tuple(draw(st.lists(texts.filter(bool), max_size=2)))
    document = Document(draw(texts), draw(st.sampled_from(MODES)), ChatTemplate("{prompt}" + draw(texts), stops))
    document.title, document.digest = draw(texts), draw(texts)
    for _ in range(draw(st.integers(0, 5))):
        match draw(st.sampled_from(["answer", "again", "edit"])):
            case "again":
                document.back_to_prompt()
            case "edit":
                document.take_back_prompt()
        u = draw(st.just(math.nan) | st.floats(0, 1, exclude_max=True))
        typed, ids = draw(st.none() | texts), draw(st.lists(st.integers(0, 3), max_size=5))
        add_answer(document, typed, ids, u=u, rest=draw(texts), cuts=tuple(draw(st.sets(st.sampled_from(CUTS)))))
    if nodes := range(len(document.tree)):
        for _ in range(draw(st.integers(0, 3))):
            take(document, draw(st.sampled_from(nodes)), draw(st.integers(0, 3)), bytes_of)
        document.names = draw(st.dictionaries(st.sampled_from(nodes), texts, max_size=3))
        document.pruned = draw(st.sets(st.sampled_from(nodes), max_size=3))
    return document


def assert_same(loaded: Document, saved: Document) -> None:
    """Every field, and nan equal to nan."""
    for name in ("model", "digest", "mode", "template", "title", "created", "head", "names", "pruned"):
        assert getattr(loaded, name) == getattr(saved, name), name
    assert repr(loaded.turns) == repr(saved.turns)
    assert loaded.tree.all_ids() == saved.tree.all_ids()
    assert loaded.tree.facts == saved.tree.facts
    for turn in saved.turns:
        assert loaded.tree.path(turn.end) == saved.tree.path(turn.end)
    assert loaded.ids() == saved.ids()
    assert loaded.text() == saved.text()


@given(document=documents())
def test_a_document_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, document: Document) -> None:
    path = tmp_path_factory.mktemp("sessions") / "one.json"
    storage.save(document, path)
    loaded = storage.load(path)
    assert_same(loaded, document)
    assert loaded.path == path
    assert storage.to_dict(loaded) == storage.to_dict(document)


def test_a_loaded_document_goes_on_where_the_saved_one_would(tmp_path: Path) -> None:
    """The child that costs no entry, the branches and the last stop string are all there again."""
    document = Document("tiny", "chat")
    add_answer(document, "hi", [1, 2, 3])
    document.turns[document.head].cut = "\nQuestion:"
    storage.save(document, tmp_path / "one.json")
    loaded = storage.load(tmp_path / "one.json")
    settings = GenerationSettings()
    assert loaded.request("why", settings) == document.request("why", settings)
    for one in (loaded, document):
        add_answer(one, None, [1, 2])
    assert_same(loaded, document)


def test_nothing_raw_stands_in_the_file(tmp_path: Path) -> None:
    """So that a file can be shown, sent and compared as plain ASCII."""
    document = Document(NASTY)
    add_answer(document, NASTY, [1], rest=NASTY)
    document.title = NASTY
    path = tmp_path / "one.json"
    storage.save(document, path)
    assert all(0x20 <= byte < 0x7F for byte in path.read_bytes())
    assert storage.load(path).title == NASTY


def test_a_greedy_answers_nan_is_null_in_the_file() -> None:
    """JSON has no nan, and other programs refuse one."""
    document = Document("tiny")
    add_answer(document, "hi", [1, 2], u=math.nan)
    text = json.dumps(storage.to_dict(document), allow_nan=False)
    assert json.loads(text)["turns"][1]["draws"] == [None, None]


def test_a_session_from_before_there_were_cuts_has_none() -> None:
    document = Document("tiny")
    add_answer(document, "hi", [1, 2], cuts=CUTS)
    fields = json.loads(json.dumps(storage.to_dict(document)))
    assert storage.from_dict(fields).turns[1].cuts == CUTS
    del fields["turns"][1]["cuts"]
    assert storage.from_dict(fields).turns[1].cuts == ()


# --- damaged files -------------------------------------------------------------------------------------------------


@pytest.fixture
def good() -> dict[str, Any]:
    """A session of two answers to one prompt, as JSON values."""
    document = Document("tiny")
    add_answer(document, "hi", [1, 2, 3])
    document.back_to_prompt()
    add_answer(document, None, [1, 5], cuts=CUTS[:1])
    fields: dict[str, Any] = json.loads(json.dumps(storage.to_dict(document)))
    return fields


Damage = Callable[[dict[str, Any]], object]


def put(value: object, *keys: str | int) -> Damage:
    """Damage that replaces one value."""

    def do(fields: Any) -> None:
        for key in keys[:-1]:
            fields = fields[key]
        assert keys[-1] in fields or isinstance(keys[-1], int), "the test damages what is not there"
        fields[keys[-1]] = value

    return do


def lose(*keys: str | int) -> Damage:
    """Damage that removes one value."""

    def do(fields: Any) -> None:
        for key in keys[:-1]:
            fields = fields[key]
        del fields[keys[-1]]

    return do


def say_again(fields: Any) -> None:
    """Add a node that is there already, which no turn needs."""
    fields["tree"]["branches"][str(len(fields["tree"]["ids"]))] = -1
    fields["tree"]["ids"].append(fields["tree"]["ids"][0])


DAMAGES: dict[str, Damage] = {
    "another format": put("picogpt-session-3", "format"),
    "no format": lose("format"),
    "no model": lose("model"),
    "model is a list": put([], "model"),
    "model name is a number": put(5, "model", "name"),
    "digest is null": put(None, "model", "digest"),
    "unknown mode": put("sing", "mode"),
    "mode is a list": put([], "mode"),
    "template without a place": put("no place", "template", "text"),
    "template stop is a text": put("abc", "template", "stop"),
    "template stop is empty": put([""], "template", "stop"),
    "title is a number": put(1, "title"),
    "created is null": put(None, "created"),
    "head out of range": put(3, "head"),
    "head below none": put(-2, "head"),
    "head is a bool": put(True, "head"),
    "head is a float": put(1.0, "head"),
    "tree is null": put(None, "tree"),
    "ids are a text": put("123", "tree", "ids"),
    "ids are an object": put({}, "tree", "ids"),
    "id is negative": put(-1, "tree", "ids", 0),
    "id is huge": put(10**30, "tree", "ids", 0),
    "id is past every vocabulary": put(2**31, "tree", "ids", 0),
    "id is a bool": put(True, "tree", "ids", 0),
    "id is a float": put(1.0, "tree", "ids", 0),
    "fewer ids": lose("tree", "ids", -1),
    "branch to itself": put({"4": 4}, "tree", "branches"),
    "branch to a later node": put({"1": 3}, "tree", "branches"),
    "branch below the root": put({"1": -2}, "tree", "branches"),
    "branch is a bool": put({"1": True}, "tree", "branches"),
    "branch of no node": put({"x": 0}, "tree", "branches"),
    "branches is a list": put([], "tree", "branches"),
    "branch lost": put({}, "tree", "branches"),
    "one token twice": say_again,
    "facts out of range": put({"99": [-0.5, 0, 1.0, []]}, "tree", "facts"),
    "facts of the root": put({"-1": [-0.5, 0, 1.0, []]}, "tree", "facts"),
    "facts too short": put({"1": [-0.5, 0, 1.0]}, "tree", "facts"),
    "facts with a text": put({"1": ["-0.5", 0, 1.0, []]}, "tree", "facts"),
    "facts with nan": put({"1": [math.nan, 0, 1.0, []]}, "tree", "facts"),
    "facts with infinity": put({"1": [-math.inf, 0, 1.0, []]}, "tree", "facts"),
    "facts with a bool": put({"1": [-0.5, True, 1.0, []]}, "tree", "facts"),
    "facts with half a rank": put({"1": [-0.5, 0.5, 1.0, []]}, "tree", "facts"),
    "facts with a huge number": put({"1": [-(10**400), 0, 1.0, []]}, "tree", "facts"),
    "alternatives of one": put({"1": [-0.5, 0, 1.0, [[1]]]}, "tree", "facts"),
    "alternatives with a text": put({"1": [-0.5, 0, 1.0, ["12"]]}, "tree", "facts"),
    "names are a list": put([], "tree", "names"),
    "names are null": put(None, "tree", "names"),
    "name is a number": put({"1": 5}, "tree", "names"),
    "name is null": put({"1": None}, "tree", "names"),
    "name of no node": put({"x": "fine"}, "tree", "names"),
    "name of the root": put({"-1": "fine"}, "tree", "names"),
    "name out of range": put({"5": "fine"}, "tree", "names"),
    "pruned is an object": put({}, "tree", "pruned"),
    "pruned is null": put(None, "tree", "pruned"),
    "pruned out of range": put([5], "tree", "pruned"),
    "pruned below the first": put([-1], "tree", "pruned"),
    "pruned is a text": put(["1"], "tree", "pruned"),
    "pruned is a bool": put([True], "tree", "pruned"),
    "pruned is a list of lists": put([[1]], "tree", "pruned"),
    "turns is null": put(None, "turns"),
    "turns are an object": put({}, "turns"),
    "turn is a number": put(1, "turns", 0),
    "turn of another kind": put("song", "turns", 0, "kind"),
    "kind is a list": put(["taken"], "turns", 0, "kind"),
    "turn before itself": put(1, "turns", 1, "parent"),
    "turn of another beginning": put(0, "turns", 1, "end"),
    "end out of range": put(99, "turns", 1, "end"),
    "end is a bool": put(True, "turns", 1, "end"),
    "more tokens than the path has": put(2, "turns", 0, "n_tokens"),
    "other tokens than its turn had": put(1, "turns", 1, "n_tokens"),
    "tokens below none": put(-1, "turns", 1, "n_tokens"),
    "text is null": put(None, "turns", 0, "text"),
    "reason is a list": put([], "turns", 1, "reason"),
    "cut is lost": lose("turns", 1, "cut"),
    "speed is a text": put("fast", "turns", 1, "tokens_per_second"),
    "speed is a text of digits": put("12", "turns", 1, "tokens_per_second"),
    "dropped is half": put(0.5, "turns", 1, "n_dropped"),
    "dropped is infinite": put(math.inf, "turns", 1, "n_dropped"),
    "draws are a text": put("12", "turns", 1, "draws"),
    "draws hold a text": put(["x"], "turns", 1, "draws"),
    "draws hold a bool": put([True], "turns", 1, "draws"),
    "final probs are null": put(None, "turns", 1, "final_probs"),
    "cuts are an object": put({}, "turns", 2, "cuts"),
    "cut is a text": put("mlp", "turns", 2, "cuts", 0),
    "cut is a list": put(["mlp", 1], "turns", 2, "cuts", 0),
    "cut of the future": put("neuron", "turns", 2, "cuts", 0, "kind"),
    "cut to what nobody knows": put("one", "turns", 2, "cuts", 0, "how"),
    "cut of a list": put(["mlp"], "turns", 2, "cuts", 0, "kind"),
    "cut of half a layer": put(0.5, "turns", 2, "cuts", 0, "layer"),
    "cut below the first layer": put(-2, "turns", 2, "cuts", 0, "layer"),
    "cut of no kind": lose("turns", 2, "cuts", 0, "kind"),
    "settings is a list": put([], "turns", 1, "settings"),
    "settings without sampling": lose("turns", 1, "settings", "sampling"),
    "settings of the future": put({"warmth": 1}, "turns", 1, "settings", "sampling"),
    "settings out of range": put(-1.0, "turns", 1, "settings", "sampling", "temperature"),
    "stop is a text": put("abc", "turns", 1, "settings", "stop"),
    "seed is a bool": put(True, "turns", 1, "settings", "seed"),
    "first draw below none": put(-1, "turns", 1, "settings", "first_draw"),
    "first draw is half": put(0.5, "turns", 1, "settings", "first_draw"),
    "order of the future": put("any", "turns", 1, "settings", "sampling", "order"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_refused(tmp_path: Path, good: dict[str, Any], damage: Damage) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(good), encoding="utf-8")
    storage.load(path)
    damage(good)
    path.write_text(json.dumps(good), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        storage.load(path)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path} is not a whole session file (")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x00\x01\x02\xff",
        '{"format": "caf\xe9"}'.encode("latin-1"),
        b"\xff\xfe{\x00}\x00",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"format": ' + b"9" * 10_000 + b"}",
        b"null",
        b"[]",
        b'"picogpt-session-2"',
        b"5",
        b"{}",
        b"NaN",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_session_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match="session file") as caught:
        storage.load(path)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_file_that_ends_too_soon_is_refused_wherever_it_ends(tmp_path: Path, good: dict[str, Any]) -> None:
    """A full disk, or a download that broke off."""
    whole = json.dumps(good)
    path = tmp_path / "one.json"
    for n in range(0, len(whole) - 1, 37):
        path.write_text(whole[:n], encoding="utf-8")
        with pytest.raises(DocumentError):
            storage.load(path)


def test_an_error_shows_nothing_raw_of_the_file(tmp_path: Path, good: dict[str, Any]) -> None:
    good["mode"] = NASTY
    path = tmp_path / "one.json"
    path.write_text(json.dumps(good), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        storage.load(path)
    assert not set("\x1b\u202e\ud800\x00\n") & set(str(caught.value))


# --- where files cannot be read or written -------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "not there.json", tmp_path):
        with pytest.raises(FileError, match="Cannot read") as caught:
            storage.load(path)
        assert caught.value.path == path


@pytest.mark.parametrize("call", ["os.replace", "tempfile.mkstemp", "os.fsync"])
def test_what_was_there_is_untouched_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A read-only folder or a full disk; and no half-written file is left beside it."""
    path = tmp_path / "one.json"
    document = Document("tiny")
    storage.save(document, path)
    before = path.read_bytes()
    add_answer(document, "hi", [1, 2])

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(call, refused)
    with pytest.raises(FileError, match=r"Cannot write .*one\.json: Permission denied"):
        storage.save(document, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["one.json"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Here a file stands in its place; root may write anywhere, so permissions would prove nothing."""
    (tmp_path / "sessions").write_text("in the way")
    with pytest.raises(FileError, match="Cannot write"):
        storage.save(Document("tiny"), tmp_path / "sessions" / "one.json")


# --- the list ------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_the_newest_first_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    for n, name in enumerate(["old", "new", "middle"]):
        document = Document("tiny")
        document.title = name
        add_answer(document, "hi", list(range(n)))
        storage.save(document, tmp_path / f"{name}.json")
        os.utime(tmp_path / f"{name}.json", (when := {"old": 1000, "middle": 2000, "new": 3000}[name], when))
    (tmp_path / "damaged.json").write_text('{"format": "picogpt-session-2"')
    (tmp_path / "other.json").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    listed = storage.list_sessions(tmp_path)
    assert [(one.title, one.n_tokens, one.modified) for one in listed] == [
        ("new", 2, 3000.0),
        ("middle", 3, 2000.0),
        ("old", 1, 1000.0),
    ]
    assert listed[0].path == tmp_path / "new.json"
    assert listed[0].model == "tiny"


def test_without_a_folder_there_are_no_sessions() -> None:
    assert storage.list_sessions() == []
    assert not paths.sessions_dir().exists(), "looking makes nothing"


@pytest.mark.parametrize(
    "text, title",
    [
        ("Once upon a time", "Once upon a time"),
        ("  Once\nupon  ", "Once⏎upon"),
        ("x" * 300, "x" * 47 + "…"),
        ("", "empty"),
        ("  \n ", "empty"),
        ("\x1b[31mred", "␛[31mred"),
    ],
    ids=ascii,
)
def test_a_session_without_a_name_is_called_by_its_first_words(text: str, title: str) -> None:
    document = Document("tiny")
    add_answer(document, text, [])
    assert storage.title_of(document) == title


# --- file names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title, stem",
    [
        ("The King's Sons", "20260102030405-the-king-s-sons"),
        ("../../etc/passwd", "20260102030405-etc-passwd"),
        ("..", "20260102030405-session"),
        ("", "20260102030405-session"),
        ("日本", "20260102030405-session"),
        (NASTY, "20260102030405-31m-bold"),
        ("a/b\\c:d*e?f", "20260102030405-a-b-c-d-e-f"),
        ("con.", "20260102030405-con"),
        ("x" * 500, "20260102030405-" + "x" * 40),
        ("x" * 39 + " y", "20260102030405-" + "x" * 39),
    ],
    ids=ascii,
)
def test_a_session_gets_a_plain_file_name(tmp_path: Path, title: str, stem: str) -> None:
    document = Document("tiny")
    document.title, document.created = title, "2026-01-02T03:04:05+00:00"
    assert storage.session_path(document, tmp_path) == tmp_path / f"{stem}.json"


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters(), max_size=40))
def test_a_file_name_is_safe_whatever_the_file_said(title: str, text: str, created: str) -> None:
    document = Document("tiny")
    document.title, document.created = title, created
    add_answer(document, text, [])
    path = storage.session_path(document)
    assert path.parent == paths.sessions_dir()
    assert len(path.name) <= 64
    assert set(path.stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_two_sessions_of_one_second_and_one_beginning_are_two_files(tmp_path: Path) -> None:
    """Two terminals opened at once, the same prompt in both: neither may write over the other."""
    first, second = Document("tiny"), Document("tiny")
    first.created = second.created = "2026-01-02T03:04:05+00:00"
    for document in (first, second):
        add_answer(document, "The king", [1])
        storage.save(document, storage.session_path(document, tmp_path))
    assert len(storage.list_sessions(tmp_path)) == 2


def test_an_empty_document_can_be_saved_too(tmp_path: Path) -> None:
    storage.save(Document("tiny"), tmp_path / "one.json")
    loaded = storage.load(tmp_path / "one.json")
    assert loaded.is_empty
    assert loaded.head == NO_TURN
