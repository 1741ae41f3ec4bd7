"""The order of the sampling stages is remembered, and files from before it was a setting still load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui.errors import DocumentError
from picogpt_tui.session import preferences, storage
from picogpt_tui.session.chat import COMPLETE, ChatTemplate
from picogpt_tui.session.document import Document
from picogpt_tui.session.export import to_markdown
from picogpt_tui.session.preferences import Preferences
from picogpt_tui.session.sampling import unused_knobs, used_knobs
from picogpt_tui.settings import GPT_2, HUGGINGFACE, LLAMA_CPP, GenerationSettings, SamplingSettings

from .test_storage import add_answer

NO_FIELD = object()


def put(sampling: dict[str, Any], order: object) -> None:
    """Change the order in a file's sampling settings, or take the field out."""
    if order is NO_FIELD:
        del sampling["order"]
    else:
        sampling["order"] = order


def session_file(path: Path, order: object) -> Path:
    """A session with one answer that was sampled in this order."""
    document = Document("stories", COMPLETE, ChatTemplate("{prompt}", ()))
    add_answer(document, "Once", [1, 2])
    fields = storage.to_dict(document)
    put(fields["turns"][-1]["settings"]["sampling"], order)
    storage.save_fields(fields, path)
    return path


def settings_file(path: Path, order: object) -> Path:
    """Preferences whose temperature is 1.3, with this order."""
    preferences.save(Preferences(generation=GenerationSettings(SamplingSettings(temperature=1.3))), path)
    fields = json.loads(path.read_text("utf-8"))
    put(fields["generation"]["sampling"], order)
    path.write_text(json.dumps(fields), "utf-8")
    return path


@pytest.mark.parametrize("written, read", [(LLAMA_CPP, LLAMA_CPP), (NO_FIELD, HUGGINGFACE)], ids=["new", "old"])
def test_a_session_keeps_its_order_and_an_old_one_has_hugging_faces(tmp_path: Path, written: object, read: str) -> None:
    settings = storage.load(session_file(tmp_path / "one.json", written)).turns[-1].settings
    assert settings is not None
    assert settings.sampling == SamplingSettings(temperature=1.3, top_k=0, order=read)


def test_a_session_with_an_order_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Its answers could not be made again."""
    with pytest.raises(DocumentError, match=r"order must be 'huggingface', 'llama\.cpp' or 'gpt-2', not 'dice'"):
        storage.load(session_file(tmp_path / "one.json", "dice"))


@pytest.mark.parametrize("written, read", [(LLAMA_CPP, LLAMA_CPP), (NO_FIELD, HUGGINGFACE)], ids=["new", "old"])
def test_preferences_remember_the_order_and_old_ones_have_hugging_faces(
    tmp_path: Path, written: object, read: str
) -> None:
    loaded, notices = preferences.load(settings_file(tmp_path / "settings.json", written))
    assert loaded.generation.sampling == SamplingSettings(temperature=1.3, order=read)
    assert notices == []


@pytest.mark.parametrize("order", ["dice", 3, None, ["gpt-2"]])
def test_preferences_with_an_order_that_nobody_knows_are_told_of(tmp_path: Path, order: object) -> None:
    loaded, [notice] = preferences.load(settings_file(tmp_path / "settings.json", order))
    assert "order must be 'huggingface', 'llama.cpp' or 'gpt-2'" in notice
    assert loaded.generation == GenerationSettings()


@pytest.mark.parametrize(
    "order, used, unused",
    [
        (HUGGINGFACE, "repetition_penalty temperature top_k top_p min_p typical_p", ""),
        (LLAMA_CPP, "repetition_penalty top_k typical_p top_p min_p temperature", ""),
        (GPT_2, "temperature top_k top_p", "repetition_penalty min_p typical_p"),
    ],
)
def test_an_order_says_which_knobs_it_uses_one_after_another(order: str, used: str, unused: str) -> None:
    assert " ".join(used_knobs(order)) == used
    assert " ".join(unused_knobs(order)) == unused


@pytest.mark.parametrize(
    "order, told", [(HUGGINGFACE, "seed 7: 2 tokens"), (LLAMA_CPP, "seed 7, order llama.cpp: 2 tokens")]
)
def test_an_export_names_the_order_where_it_is_not_hugging_faces(order: str, told: str) -> None:
    document = Document("stories", COMPLETE, ChatTemplate("{prompt}", ()))
    add_answer(document, "Once", [1, 2])
    turn = document.version()[-1]
    turn.settings = GenerationSettings(SamplingSettings(order=order), seed=7)
    assert told in to_markdown(document)
