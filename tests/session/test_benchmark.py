"""What is measured of a model: everything, in its order, whatever its context holds."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from picogpt_tui.errors import ModelNotFound, SettingError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.session import benchmark
from picogpt_tui.session.benchmark import Measurement, measure, sample_text
from picogpt_tui.session.machine import machine, peak_bytes

from ..gpt2.checkpoints import TINY, toy_tokenizer
from ..gpt2.kernels import absent_kernel, use_kernel

MakeModel = Callable[..., Path]
STEPS = [
    "load", "first_token", "int8_kernel", "prefill_64", "prefill_512", "generate", "decode_10", "decode_1000",
    "memory", "memory_wall", "tokenizer",
]  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little to do: what is told does not depend on how long it took."""
    monkeypatch.setattr(benchmark, "_TEXT_BYTES", 1000)
    monkeypatch.setattr(benchmark, "read_bytes_per_second", lambda: 1e9)


def found_in(directory: Path, precision: str = "float32", n_tokens: int = 3, prompt: str = "the") -> dict[str, Any]:
    steps = measure(str(directory), precision=precision, n_tokens=n_tokens, prompt=prompt)
    return {step.name: step.facts for step in steps if isinstance(step, Measurement)}


def test_every_measurement_is_announced_before_it_begins(tiny_model_dir: MakeModel) -> None:
    first, *steps = measure(str(tiny_model_dir()), precision="float32", n_tokens=3, prompt="the")
    announced, told = steps[::2], steps[1::2]

    assert isinstance(first, Measurement)
    assert first.name == "machine"
    assert [step.name for step in told if isinstance(step, Measurement)] == STEPS
    assert [step.done for step in announced if isinstance(step, Progress)] == list(range(len(STEPS)))
    assert {(step.phase, step.total) for step in announced if isinstance(step, Progress)} == {("measuring", len(STEPS))}


def test_a_short_context_is_measured_as_far_as_it_goes(tiny_model_dir: MakeModel) -> None:
    """Thirteen tokens: a prefill fills them, and one that is decoded needs a place of its own."""
    found = found_in(tiny_model_dir())

    assert [found[name]["n_tokens"] for name in ("prefill_64", "prefill_512")] == [13, 13]
    assert [found[name]["n_context"] for name in ("decode_10", "decode_1000")] == [10, 10]


@pytest.mark.parametrize(
    "n, n_ctx, fits", [(10, 1024, 10), (1000, 1024, 1000), (1000, 512, 500), (1000, 100, 90), (10, 10, 9), (10, 1, 0)]
)
def test_decoding_behind_what_does_not_fit_is_measured_behind_a_round_number(n: int, n_ctx: int, fits: int) -> None:
    assert benchmark._fitting(n, n_ctx) == fits


def test_one_token_is_enough_and_has_no_speed_of_generating(tiny_model_dir: MakeModel) -> None:
    found = found_in(tiny_model_dir(), n_tokens=1)

    assert found["generate"]["tokens_per_second"] is None
    assert found["decode_10"]["n_tokens"] == 1


@pytest.mark.parametrize("prompt", ["", "the " * 50])
def test_any_prompt_is_continued(prompt: str, tiny_model_dir: MakeModel) -> None:
    """None at all begins from end of text; one that is too long is read from its end."""
    assert list(found_in(tiny_model_dir(), prompt=prompt))[1:] == STEPS


def test_the_memory_of_weights_and_cache_is_counted(tiny_model_dir: MakeModel) -> None:
    found = found_in(tiny_model_dir())
    n_params, wpe = found["load"]["n_params"], TINY.n_ctx * TINY.n_embd

    assert found["memory"]["weights_bytes"] == 4 * n_params
    assert found["memory"]["cache_bytes"] == 4 * 2 * TINY.n_layer * TINY.n_ctx * TINY.n_embd
    assert found["memory_wall"]["bytes_per_token"] == 4 * (n_params - wpe)
    speed = found["decode_10"]["tokens_per_second"]
    assert found["memory_wall"]["share"] == pytest.approx(4 * (n_params - wpe) * speed / 1e9)


def test_the_weights_are_read_anew(tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the program has them in memory already: loading is what is measured."""
    directory, read = tiny_model_dir(), []

    def reading(directory: Path, *args: Any) -> Iterator[Progress | LanguageModel]:
        read.append(directory)
        return read_model(directory, *args)

    monkeypatch.setattr(benchmark, "read_model", reading)
    found_in(directory)
    found_in(directory)

    assert read == [directory, directory]


def test_int8_waits_for_its_kernel_and_says_why_there_is_none(
    tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = use_kernel(monkeypatch, absent_kernel(), benchmark)
    found = found_in(tiny_model_dir(), "int8")

    assert found["int8_kernel"] == {"is_used": False, "trouble": kernel.trouble}
    assert "numba (it is not installed)" in kernel.trouble


def test_float32_needs_no_kernel(tiny_model_dir: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    use_kernel(monkeypatch, absent_kernel(), benchmark)
    found = found_in(tiny_model_dir())

    assert found["int8_kernel"] == {"is_used": False, "trouble": ""}


@pytest.mark.parametrize(
    "options, said",
    [
        ({"precision": "float64"}, "precision must be 'float32' or 'int8', not 'float64'"),
        ({"n_tokens": 0}, "tokens must be a whole number, 1 or more, not 0"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is(options: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"precision": "float32", "n_tokens": 1, "prompt": ""} | options
    with pytest.raises(SettingError, match=re.escape(said)):
        next(measure("no such model", **given))


def test_a_model_that_is_not_here_is_said_so() -> None:
    with pytest.raises(ModelNotFound):
        next(measure("nothing", precision="float32", n_tokens=1, prompt=""))


def test_the_text_for_the_tokenizer_is_always_the_same_and_as_long_as_asked(stories: LanguageModel) -> None:
    text = sample_text(stories.tokenizer, 5000)

    assert len(text) == len(text.encode()) == 5000
    assert text == sample_text(stories.tokenizer, 5000)
    assert stories.tokenizer.decode(stories.tokenizer.encode(text)) == text


def test_a_vocabulary_without_words_has_a_text_too() -> None:
    tokenizer = toy_tokenizer()

    assert set(sample_text(tokenizer, 300).split()) >= {"the"}
    tokenizer.token_bytes = {id: raw for id, raw in tokenizer.token_bytes.items() if len(raw) == 1}
    assert sample_text(tokenizer, 300).startswith(" text text")


def test_the_machine_is_described_in_plain_data() -> None:
    facts = machine()

    assert list(facts) == [
        "processor", "system", "usable_cores", "memory_bytes", "python", "numpy", "blas", "numba", "threads",
        "omp_num_threads", "openblas_num_threads",
    ]  # fmt: skip
    assert facts["python"] == sys.version.split()[0].rstrip("+")


def test_the_peak_of_memory_is_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than Python takes, less than any machine has; unknown where there is no such call."""
    peak = peak_bytes()
    assert peak is not None
    assert 1e7 < peak < 1e12
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_bytes() is None
