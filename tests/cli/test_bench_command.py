"""`bench`: what it tells people and programs, and what it keeps when it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picogpt_tui.events import Progress
from picogpt_tui.session import benchmark
from picogpt_tui.session.benchmark import Measurement, measure

from ..gpt2.checkpoints import write_model
from .conftest import ok, run

KEYS = [
    "machine", "load", "first_token", "int8_kernel", "prefill_64", "prefill_512", "generate", "decode_10",
    "decode_1000", "memory", "memory_wall", "tokenizer", "complete",
]  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return str(write_model(tmp_path / "tiny"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_TEXT_BYTES", 1000)
    monkeypatch.setattr(benchmark, "read_bytes_per_second", lambda: 1e9)


def test_programs_get_one_object_with_a_key_for_every_measurement(tiny: str) -> None:
    ran = ok("bench", tiny, "--tokens", "2", "--prompt", "the", "--json")
    told = ran.json

    assert list(told) == KEYS
    assert told["complete"] is True
    assert (told["load"]["model"], told["load"]["precision"]) == (tiny, "float32")
    assert list(told["decode_1000"]) == ["n_context", "n_tokens", "seconds", "tokens_per_second"]
    assert list(told["generate"]) == [
        "n_tokens", "tokens_per_second", "tokens_per_second_without_lookup", "n_guessed", "n_accepted",
    ]  # fmt: skip
    assert [line.rpartition(": ")[2] for line in ran.stderr.splitlines()[:3]] == ["measuring", "load", "first token"]


def test_people_read_a_table_with_units(tiny: str) -> None:
    lines = ok("bench", tiny, "--tokens", "2", "--prompt", " the").text.splitlines()
    column = lines[0].index(lines[0].split(None, 1)[1])
    rows = {line[:column].strip(): line[column:] for line in lines}

    assert list(rows) == [
        "machine", "cores", "software", "model", "load", "first token", "prefill of 13 tokens", "generate", "",
        "decode at context 10", "memory", "share of the memory wall", "tokenizer",
    ]  # fmt: skip
    assert rows["model"] == f"{tiny} in float32, 0.0M parameters, a context of 13 tokens"
    assert rows["first token"].endswith("seconds after a prompt of 1 token")
    assert rows["decode at context 10"].endswith(" tokens/s, median of 2")
    assert rows["tokenizer"].endswith("(1.0 kB of the vocabulary's words, drawn by Zipf's law)")
    assert all(line[column - 2 : column] == "  " for line in lines)


def interrupted_at(name: str) -> object:
    def measuring(*args: str, **options: object) -> Iterator[Progress | Measurement]:
        for step in measure(*args, **options):  # type: ignore[arg-type]  # passed on as they came
            if isinstance(step, Measurement) and step.name == name:
                raise KeyboardInterrupt
            yield step

    return measuring


def test_ctrl_c_keeps_what_was_measured(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "measure", interrupted_at("prefill_64"))
    ran = run("bench", tiny, "--tokens", "2", "--json")
    said = run("bench", tiny, "--tokens", "2")

    assert ran.code == said.code == 130
    assert list(ran.json) == [*KEYS[:4], "complete"]
    assert ran.json["complete"] is False
    assert "first token" in said.text
    assert "prefill" not in said.text


def test_the_kernel_of_int8_is_told(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def kernel(is_used: bool, trouble: str) -> object:
        return lambda *args, **options: iter([Measurement("int8_kernel", {"is_used": is_used, "trouble": trouble})])

    monkeypatch.setattr(benchmark, "measure", kernel(True, ""))
    assert ok("bench", tiny).text == "int8 kernel  compiled by numba\n"
    monkeypatch.setattr(benchmark, "measure", kernel(False, "int8 runs without numba."))
    assert ok("bench", tiny).text == "int8 kernel  int8 runs without numba.\n"


def test_what_the_system_does_not_say_is_left_out(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No peak of memory on Windows, no name of the processor, a NumPy that does not tell its BLAS."""
    machine = Measurement(
        "machine",
        {
            "processor": None, "system": "Windows AMD64", "usable_cores": 4, "memory_bytes": None, "python": "3.11.1",
            "numpy": "2.1.0", "blas": None, "numba": None, "threads": 2, "omp_num_threads": "2",
            "openblas_num_threads": None,
        },
    )  # fmt: skip
    memory = Measurement("memory", {"peak_bytes": None, "weights_bytes": 4_000_000, "cache_bytes": 2_000_000})
    monkeypatch.setattr(benchmark, "measure", lambda *args, **options: iter([machine, memory]))

    assert ok("bench", tiny).text.splitlines() == [
        "machine   unknown processor, Windows AMD64",
        "cores     4 usable cores, 2 threads, OMP_NUM_THREADS is 2",
        "software  Python 3.11.1, NumPy 2.1.0, unknown BLAS",
        "memory    4.0 MB of it weights and 2.0 MB a full context",
    ]


def test_a_dash_reads_the_prompt_from_stdin(tiny: str) -> None:
    told = ok("bench", tiny, "--tokens", "1", "--prompt", "-", "--json", stdin=" the the the").json

    assert told["first_token"]["n_prompt"] == 3


@pytest.mark.parametrize(
    "args, said",
    [
        (("--precision", "int4"), "precision must be 'float32' or 'int8', not 'int4'."),
        (("--tokens", "0"), "tokens must be a whole number, 1 or more, not 0."),
        (("124M",), "124M is not on this machine; `picogpt-tui models download 124M` fetches it (550 MB)."),
    ],
)
def test_what_cannot_be_measured_is_one_line(args: tuple[str, ...], said: str) -> None:
    ran = run("bench", *args)

    assert (ran.code, ran.stdout, ran.stderr) == (1, b"", f"error: {said}\n")


def test_a_damaged_model_is_one_line_behind_the_progress(model_dir: Path) -> None:
    (model_dir / "model.safetensors").write_bytes(b"\xff" * 64)
    ran = run("bench", str(model_dir))

    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr.splitlines()[-1].startswith("error: ")
