"""The sampling knobs: stepped, typed, clicked, and re-shaping what is shown without running the model."""

from __future__ import annotations

import json

import pytest

from picogpt_tui import paths
from picogpt_tui.tui.knobs import SPECS
from picogpt_tui.tui.messages import SettingsChanged
from picogpt_tui.tui.widgets.knob import Knob

from .playing import Play, playing, write_settings
from .scripted import OPEN, TALE, ScriptedModel


def _knob(play: Play, name: str) -> Knob:
    return play.stage.sampling.query_one(f"#knob-{name}", Knob)


async def _go_to(play: Play, name: str) -> None:
    """Press the keys that lead to a knob."""
    await play.press("ctrl+t")
    names = [spec.name for spec in SPECS]
    await play.press(*["down"] * names.index(name))
    assert play.app.focused is _knob(play, name)


async def test_arrows_step_and_the_setting_is_remembered() -> None:
    async with playing() as play:
        await _go_to(play, "temperature")
        await play.press("right")
        assert play.main.settings.sampling.temperature == pytest.approx(0.85)
        await play.press("left", "left")
        assert play.main.settings.sampling.temperature == pytest.approx(0.75)
        assert "T 0.75" in play.screen
    saved = json.loads(paths.settings_file().read_text())
    assert saved["generation"]["sampling"]["temperature"] == pytest.approx(0.75)


async def test_turning_a_knob_reshapes_without_running_the_model() -> None:
    """The logits are still there; only what sampling makes of them changes."""
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.until(lambda: "46.0%" in play.screen)
        n_runs = play.model.n_runs
        await _go_to(play, "top_k")
        await play.press("2", "enter")
        await play.until(lambda: "top-k" in play.stage.next_token.text)
        await play.press("1", "enter")
        await play.until(lambda: "100.0%" in play.stage.next_token.text)
        assert play.model.n_runs == n_runs


async def test_turning_a_knob_behind_an_answer_keeps_the_mark() -> None:
    write_settings(generation={"max_tokens": 2, "sampling": {"temperature": 0}})
    async with playing(ScriptedModel(TALE, OPEN)) as play:
        await play.answer("There was a")
        n_runs = play.model.n_runs
        await _go_to(play, "temperature")
        await play.press(*"0.5", "enter")
        await play.until(lambda: "final" in play.stage.next_token.text)
        assert "▸" in play.stage.next_token.text
        assert play.model.n_runs == n_runs


@pytest.mark.parametrize(
    "name, typed, value",
    [
        ("temperature", "1.3", 1.3),
        ("top_k", "7", 7),
        ("top_p", "0.42", 0.42),
        ("typical_p", "0.9", 0.9),
        ("max_tokens", "12", 12),
        ("seed", "99", 99),
        ("seed", "4294967295", 4294967295),
    ],
)
async def test_a_value_is_typed(name: str, typed: str, value: float) -> None:
    async with playing() as play:
        await _go_to(play, name)
        await play.press(*typed)
        assert f"{typed}▏" in play.screen
        await play.press("enter")
        assert _knob(play, name).value == value
        assert "▏" not in _knob(play, name).render_line(0).text


@pytest.mark.parametrize(
    "name, typed, sentence",
    [
        ("top_p", "2", "top p must be more than 0 and at most 1"),
        ("top_p", "0", "top p must be"),
        ("top_k", "1.5", "top k must be a whole number"),
        ("temperature", "1.2.3", "temperature must be 0 (greedy) or more, not nan"),
        ("max_tokens", "0.5", "max tokens must be a whole number"),
        ("seed", "1.5", "seed must be a whole number"),
        ("repetition_penalty", "0", "repetition penalty must be more than 0"),
    ],
)
async def test_a_value_that_cannot_be_is_refused_in_a_sentence(name: str, typed: str, sentence: str) -> None:
    async with playing() as play:
        before = _knob(play, name).value
        await _go_to(play, name)
        await play.press(*typed, "enter")
        await play.until(lambda: sentence in play.notice)
        assert _knob(play, name).value == before


async def test_escape_leaves_what_was_typed() -> None:
    async with playing() as play:
        await _go_to(play, "top_k")
        await play.press("9", "escape")
        assert _knob(play, "top_k").value == 40
        assert not play.told(SettingsChanged)


async def test_leaving_the_knob_takes_what_was_typed() -> None:
    async with playing() as play:
        await _go_to(play, "top_k")
        await play.press("9", "tab")
        await play.until(lambda: play.main.settings.sampling.top_k == 9)


async def test_backspace_corrects_and_on_the_seed_means_random() -> None:
    write_settings(generation={"seed": 5})
    async with playing() as play:
        await _go_to(play, "seed")
        await play.press("1", "2", "backspace", "enter")
        await play.until(lambda: play.main.settings.seed == 1)
        await play.press("backspace")
        await play.until(lambda: play.main.settings.seed is None)
        assert "random" in play.screen


async def test_the_mouse_sets_a_value_on_the_slider() -> None:
    async with playing() as play:
        knob = _knob(play, "temperature")
        await play.pilot.click(knob, offset=(knob.size.width - 1, 0))
        await play.until(lambda: play.main.settings.sampling.temperature == 2)


@pytest.mark.parametrize(
    "key, temperature, top_k",
    [("alt+p", 1.0, 0), ("alt+u", 0.8, 40), ("alt+g", 0.0, 0)],
    ids=["pure", "usual", "greedy"],
)
async def test_presets(key: str, temperature: float, top_k: int) -> None:
    write_settings(generation={"sampling": {"temperature": 0.3, "top_k": 3, "min_p": 0.1}})
    async with playing() as play:
        await play.press(key)
        sampling = play.main.settings.sampling
        assert (sampling.temperature, sampling.top_k, sampling.min_p) == (temperature, top_k, 0)
        assert _knob(play, "top_k").value == top_k


async def test_digits_go_into_the_prompt_while_that_has_the_focus() -> None:
    async with playing() as play:
        await play.type("12")
        assert play.main.prompt.text == "12"


async def test_the_order_steps_through_the_names_of_three_programs_and_digits_are_for_the_prompt() -> None:
    """It is no number: what is typed there goes where text goes."""
    async with playing() as play:
        await _go_to(play, "order")
        await play.press("left")
        assert play.main.settings.sampling.order == "huggingface"
        for order in ("llama.cpp", "gpt-2", "gpt-2"):
            await play.press("right")
            assert play.main.settings.sampling.order == order
            assert order in _knob(play, "order").render_line(0).text
        await play.press("2")
        await play.until(lambda: play.main.prompt.text == "2")
        assert play.main.settings.sampling.order == "gpt-2"
    saved = json.loads(paths.settings_file().read_text())
    assert saved["generation"]["sampling"]["order"] == "gpt-2"


async def test_a_knob_that_the_order_has_no_use_for_says_so_in_place_of_its_slider() -> None:
    write_settings(generation={"sampling": {"order": "gpt-2", "min_p": 0.1}})
    async with playing() as play:
        for name in ("min_p", "typical_p", "repetition_penalty"):
            assert "not in gpt-2" in _knob(play, name).render_line(0).text
        assert "●" in _knob(play, "top_p").render_line(0).text
        await _go_to(play, "order")
        await play.press("left")
        assert "●" in _knob(play, "min_p").render_line(0).text
        assert "0.1" in _knob(play, "min_p").render_line(0).text
