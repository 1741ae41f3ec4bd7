"""What the model reads when somebody types: words that do not run together, and a form without a word twice."""

from __future__ import annotations

import pytest

from picogpt_tui.errors import SettingError
from picogpt_tui.session.chat import ChatTemplate, compose

FORM = ChatTemplate("Q: {prompt}\nA:", ("\nQ:",))


@pytest.mark.parametrize(
    "text_so_far, typed, appended",
    [
        ("", "there was", "there was"),
        ("Once upon a time", "there was", " there was"),
        ("Once upon a time ", "there was", "there was"),
        ("Once upon a time", " there was", " there was"),
        ("Once upon a time\n", "there was", "there was"),
        ("Once upon a time", "\nthere was", "\nthere was"),
        ("Once upon a time", "", ""),
        ("", "", ""),
        ("said he", ", and", ", and"),
        ("said he", "!", "!"),
        ("(said he", ")", ")"),
        ("the king", "'s son", "'s son"),
        ("the king", "’s son", "’s son"),
        ("he said", "(softly)", " (softly)"),
        ("he said", "“Go!”", " “Go!”"),
        ("日本", "語", " 語"),
        ("a\u00a0", "b", "b"),
    ],
    ids=ascii,
)
def test_compose_without_a_template(text_so_far: str, typed: str, appended: str) -> None:
    assert compose(text_so_far, typed, None) == appended


@pytest.mark.parametrize(
    "text_so_far, cut, appended",
    [
        ("", "", "Q: why?\nA:"),
        ("Fine.", "", "\nQ: why?\nA:"),
        ("Fine.\n", "", "Q: why?\nA:"),
        ("Fine.", "\nQ:", " why?\nA:"),
        ("Fine.\n", "\nQ:", " why?\nA:"),
        ("Fine.\n", "Q:", " why?\nA:"),
        ("Fine.", "###", "\nQ: why?\nA:"),
    ],
    ids=["first", "own line", "already on one", "begun", "begun after a line", "begun without", "another stop"],
)
def test_compose_in_a_template(text_so_far: str, cut: str, appended: str) -> None:
    """A model that was stopped at `Q:` has read it; were it written again, the form would stutter from then on."""
    assert compose(text_so_far, "why?", FORM, cut) == appended


def test_without_a_template_a_cut_changes_nothing() -> None:
    assert compose("Fine.", "why?", None, "\nQ:") == " why?"


@pytest.mark.parametrize("typed", ["", "why?", "{prompt}", "{0} {x} %s \\1", "a\nb"], ids=ascii)
def test_what_is_typed_goes_into_the_form_as_it_is(typed: str) -> None:
    assert FORM.fill(typed) == f"Q: {typed}\nA:"


def test_every_place_in_the_form_is_filled() -> None:
    assert ChatTemplate("{prompt} {prompt}").fill("ha") == "ha ha"


@pytest.mark.parametrize(
    "text, stop, name",
    [
        ("Question and answer:", ("\n",), "chat template"),
        ("", (), "chat template"),
        ("{Prompt}", (), "chat template"),
        ("{prompt}", ("\n", ""), "stop"),
    ],
)
def test_a_template_that_cannot_work_is_refused(text: str, stop: tuple[str, ...], name: str) -> None:
    with pytest.raises(SettingError) as caught:
        ChatTemplate(text, stop)
    assert caught.value.name == name


def test_the_default_template_stops_where_the_next_question_would_begin() -> None:
    template = ChatTemplate()
    assert ("\n" + template.fill("hi")).startswith(template.stop)
