"""A session for others to read: what was said, how it was made, and on demand every number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from picogpt_tui.errors import FileError, PicoGPTError, SettingError
from picogpt_tui.gpt2.language_model import LanguageModel
from picogpt_tui.session.document import Document
from picogpt_tui.session.engine import Engine
from picogpt_tui.session.exploration import Exploration
from picogpt_tui.session.export import export, free_path, render, to_json, to_markdown, to_text
from picogpt_tui.settings import GREEDY, GenerationSettings, SamplingSettings

from ..tui.scripted import ScriptedModel, engine
from .test_document import play

NASTY = "\x1b[31m\u202e\ud800 [b]"


@pytest.fixture
def on() -> Engine:
    return engine(ScriptedModel(" king. He had three sons"))


@pytest.fixture
def document(on: Engine) -> Document:
    """Two prompts and two answers, one of them generated again."""
    document = Document("scripted")
    play(document, on, "There was a", GenerationSettings(SamplingSettings(1.0, 30.0, 0), max_tokens=3, seed=8))
    document.back_to_prompt()
    play(document, on, None, GenerationSettings(GREEDY, max_tokens=2, seed=9))
    play(document, on, "and\na", GenerationSettings(SamplingSettings(1.0, 0.5, 40, 0.9), max_tokens=2, seed=5))
    return document


def test_text_is_what_the_transcript_shows(document: Document) -> None:
    assert to_text(document) == "There was a\n\n king.\n\nand\na\n\n king.\n"


def test_markdown_quotes_the_prompts_and_says_how_each_answer_was_made(document: Document) -> None:
    assert to_markdown(document) == (
        "# A session with scripted\n\n"
        "> There was a\n\n"
        " king.\n\n"
        "<sub>scripted, temperature 0, top-k off, top-p 1, seed 9: 2 tokens (max tokens)</sub>\n\n"
        "> and\n> a\n\n"
        " king.\n\n"
        "<sub>scripted, temperature 0.5, top-k 40, top-p 0.9, seed 5: 2 tokens (max tokens)</sub>\n"
    )


def test_markdown_has_the_sessions_name_if_it_has_one(document: Document) -> None:
    document.title = "The king"
    assert to_markdown(document).startswith("# The king\n\n")


@pytest.fixture
def branched(on: Engine) -> Document:
    """An answer left behind its first token, two tokens taken, three steps and the rest at once."""
    document, few = Document("scripted"), GenerationSettings(GREEDY, max_tokens=3, seed=8)
    play(document, on, "There was a", few)
    walk = Exploration(document, on.tokenizer.bytes_of, len(document.ids()) - 2)
    for word in ("\n", " old"):
        walk.take(on.tokenizer.encode(word)[0])
        walk.move_to(len(walk.path))
    for index in range(3):
        play(document, on, None, replace(few, max_tokens=1, first_draw=index))
    play(document, on, None, replace(few, seed=9))
    return document


def test_a_branch_within_an_answer_is_one_paragraph(branched: Document) -> None:
    """Where the turns meet is nothing to a reader; the only line break is the one that was taken."""
    assert to_text(branched) == "There was a\n\n king\n old king. He had three sons\n"


def test_markdown_says_how_each_part_of_a_passage_was_made(branched: Document) -> None:
    """Tokens that came one by one are counted together."""
    knobs = "scripted, temperature 0, top-k off, top-p 1, seed"
    assert to_markdown(branched) == (
        "# A session with scripted\n\n"
        "> There was a\n\n"
        " king\n old king. He had three sons\n\n"
        f"<sub>{knobs} 8: 1 token (left); by hand: 2 tokens; {knobs} 8: 3 tokens (max tokens); "
        f"{knobs} 9: 3 tokens (max tokens)</sub>\n"
    )


def test_json_tells_the_turns_of_a_passage_apart(branched: Document, on: Engine) -> None:
    turns = json.loads(to_json(branched, on))["turns"]
    assert [(turn["kind"], turn["reason"], len(turn["tokens"])) for turn in turns[1:]] == [
        ("answer", "left", 1),
        ("taken", None, 1),
        ("taken", None, 1),
        *[("answer", "max_tokens", 1)] * 3,
        ("answer", "max_tokens", 3),
    ]
    assert [token["position"] for turn in turns for token in turn["tokens"]] == list(range(len(branched.ids())))


def test_a_text_that_begins_with_a_taken_token_is_exported(on: Engine) -> None:
    document = Document("scripted")
    Exploration(document, on.tokenizer.bytes_of).take(on.tokenizer.encode("The")[0])
    assert to_text(document) == "The\n"
    assert to_markdown(document) == "# A session with scripted\n\nThe\n\n<sub>by hand: 1 token</sub>\n"


def test_an_answer_of_no_tokens_says_how_it_was_asked_for(on: Engine) -> None:
    document = Document("scripted")
    play(document, on, "hi", GenerationSettings(GREEDY, max_tokens=0, seed=1))
    how = "<sub>scripted, temperature 0, top-k off, top-p 1, seed 1: 0 tokens (max tokens)</sub>"
    assert to_markdown(document) == f"# A session with scripted\n\n> hi\n\n{how}\n"


def test_json_has_every_token_with_its_numbers(stories: LanguageModel) -> None:
    on, document = Engine(stories), Document("stories")
    document.digest = on.digest()
    play(document, on, "Once upon a time 😀", GenerationSettings(SamplingSettings(), max_tokens=5, seed=2))
    whole = json.loads(to_json(document, on))
    assert (whole["model"], whole["digest"], whole["mode"]) == ("stories", stories.digest, "complete")
    prompt, answer = whole["turns"]
    assert (prompt["kind"], prompt["reason"]) == ("prompt", None)
    assert (answer["kind"], answer["reason"]) == ("answer", "max_tokens")
    tokens = prompt["tokens"] + answer["tokens"]
    assert [token["id"] for token in tokens] == document.ids()
    assert [token["position"] for token in tokens] == list(range(len(tokens)))
    assert bytes.fromhex("".join(token["bytes"] for token in tokens)).decode("utf-8") == document.text()
    assert any(token["text"] is None for token in prompt["tokens"]), "a part of an emoji is no text"
    assert [token["label"] for token in tokens] == on.labels(document.ids())
    for node, token in zip(document.tree.path(document.end), tokens, strict=True):
        facts = document.tree.facts.get(node)
        numbers = (token["logprob"], token["rank"], token["entropy"])
        assert numbers == ((facts.logprob, facts.rank, facts.entropy) if facts else (None, None, None))
    assert all(token["logprob"] < 0 for token in answer["tokens"])


@pytest.mark.parametrize("suffix", ["txt", "md", "json"])
def test_the_files_ending_says_the_format(document: Document, on: Engine, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"new folder/tale.{suffix.upper()}"
    export(document, path, on)
    assert path.read_text(encoding="utf-8") == render(document, suffix, on)


@pytest.mark.parametrize("name", ["tale", "tale.pdf", "tale.", ".txt", "txt"])
def test_another_ending_is_refused(document: Document, on: Engine, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="format must be one of txt, md, json"):
        export(document, tmp_path / name, on)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(document: Document, on: Engine, tmp_path: Path) -> None:
    (tmp_path / "tale.txt").write_text("mine")
    (tmp_path / "link.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.txt").mkdir()
    for name in ("tale.txt", "link.txt", "folder.txt"):
        with pytest.raises(SettingError, match=r"file name must be one that is not taken, not '.*\.txt'"):
            export(document, tmp_path / name, on)
    assert (tmp_path / "tale.txt").read_text() == "mine"
    assert (tmp_path / "link.txt").is_symlink()


@pytest.mark.parametrize("suffix", ["txt", "md", "json"])
def test_text_that_utf8_cannot_hold_is_written_as_the_replacement_sign(on: Engine, tmp_path: Path, suffix: str) -> None:
    """A lone surrogate in a prompt is no reason to lose a session."""
    document = Document("scripted")
    document.title = NASTY
    play(document, on, NASTY, GenerationSettings(GREEDY, max_tokens=1, seed=1))
    path = tmp_path / f"tale.{suffix}"
    export(document, path, on)
    assert "\ufffd [b]" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".txt", "a\0b.txt", "\ud800.txt"], ids=["too long", "null byte", "surrogate"]
)
def test_a_name_that_no_file_can_have_is_one_sentence(
    document: Document, on: Engine, tmp_path: Path, name: str
) -> None:
    with pytest.raises(PicoGPTError):
        export(document, tmp_path / name, on)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(document: Document, on: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="Cannot write"):
        export(document, tmp_path / "file" / "tale.txt", on)


def test_an_empty_document_is_an_empty_text(on: Engine) -> None:
    assert to_text(Document("scripted")) == "\n"
    assert to_markdown(Document("scripted")) == "# A session with scripted\n"
    assert json.loads(to_json(Document("scripted"), on))["turns"] == []


def test_a_free_path_counts_up(tmp_path: Path) -> None:
    assert free_path(tmp_path, "tale", "md") == tmp_path / "tale.md"
    (tmp_path / "tale.md").touch()
    (tmp_path / "tale-2.md").touch()
    assert free_path(tmp_path, "tale", "md") == tmp_path / "tale-3.md"
