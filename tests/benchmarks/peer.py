"""One program that runs GPT-2, measured: what `bench_peers` starts in a process of its own, once a round.

    python tests/benchmarks/peer.py KIND ARGUMENT ...

Prints one JSON object. It may run in a Python that has peers and nothing of ours, so it imports neither at its head.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

Found = dict[str, float]
"""Seconds, tokens a second, bytes: by name. What nobody can say is not there."""

N_THREADS = 2
N_CTX = 1024
PROMPT = [36235, 39141, 18765, 1143, 326, 9061, 561, 530, 1110, 1716]
LONG = [37 * i % 50000 for i in range(1000)]
WITHOUT_NUMBA = """
import json, sys
from picogpt_tui.gpt2.int8_kernel import KERNEL

def refuse():
    raise ImportError("it is not wanted here")

KERNEL._compile, KERNEL._compile_ahead = refuse, lambda: None
from picogpt_tui.session.benchmark import Measurement, measure
steps = measure(sys.argv[1], precision="int8", n_tokens=int(sys.argv[2]), prompt="Once upon a time")
print(json.dumps({step.name: step.facts for step in steps if isinstance(step, Measurement)}))
"""


def seconds_of(work: Callable[..., object], *args: object) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work(*args)
    return time.perf_counter() - began


def median_seconds(work: Callable[..., object], *args: object) -> float:
    """Of three, behind one that warms up."""
    return statistics.median([seconds_of(work, *args) for _ in range(4)][1:])


def speeds(read: Callable[[Sequence[int]], int], read_on: Callable[[Sequence[int]], int], n_tokens: int) -> Found:
    """A peer's speeds.

    Args:
        read: forget everything, read these tokens, tell the likeliest next one.
        read_on: read some more, tell the likeliest next one.
        n_tokens: how many of them.
    """
    found = {"first_token": seconds_of(read, PROMPT)}
    found |= {f"prefill_{n}": n / median_seconds(read, LONG[:n]) for n in (64, 512)}
    for ids in (PROMPT, LONG):
        id, took = read(ids), []
        for _ in range(min(n_tokens, N_CTX - len(ids))):
            began = time.perf_counter()
            id = read_on([id])
            took.append(time.perf_counter() - began)
        found[f"decode_{len(ids)}"] = 1 / statistics.median(took)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"peak_bytes": peak if sys.platform == "darwin" else peak * 1024}


def transformers(directory: str, dtype: str, n_tokens: str) -> Found:
    """GPT2LMHeadModel on torch."""
    torch, library = import_module("torch"), import_module("transformers")
    torch.set_num_threads(N_THREADS)
    began = time.perf_counter()
    model = library.GPT2LMHeadModel.from_pretrained(directory, dtype=getattr(torch, dtype)).eval()
    load, past = time.perf_counter() - began, None

    def run(ids: Sequence[int], cache: Any) -> int:
        nonlocal past
        with torch.inference_mode():
            out = model(torch.tensor([list(ids)]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        past = out.past_key_values
        return int(out.logits[0, -1].argmax())

    return {"load": load} | speeds(lambda ids: run(ids, None), lambda ids: run(ids, past), int(n_tokens))


def llama_cpp(gguf: str, n_tokens: str) -> Found:
    """llama.cpp, through llama-cpp-python."""
    library = import_module("llama_cpp")
    began = time.perf_counter()
    model = library.Llama(gguf, n_ctx=N_CTX, n_batch=512, n_threads=N_THREADS, n_threads_batch=N_THREADS, verbose=False)
    load = time.perf_counter() - began

    def read_on(ids: Sequence[int]) -> int:
        model.eval(list(ids))
        return int(model.sample(temp=0.0))

    def read(ids: Sequence[int]) -> int:
        model.reset()
        return read_on(ids)

    return {"load": load} | speeds(read, read_on, int(n_tokens))


def ours(directory: str, precision: str, n_tokens: str) -> Found:
    """`picogpt-tui bench` in this Python; `int8-numpy` is int8 as it runs where numba is not installed."""
    command = ["-m", "picogpt_tui", "bench", directory, "--precision", precision, "--tokens", n_tokens, "--json"]
    if precision == "int8-numpy":
        command = ["-c", WITHOUT_NUMBA, directory, n_tokens]
    told = json.loads(subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, check=True).stdout)
    found = {name: told[name]["seconds"] for name in ("load", "first_token")}
    for name in ("prefill_64", "prefill_512", "decode_10", "decode_1000"):
        found[name] = told[name]["tokens_per_second"]
    memory, generated = told["memory"], told["generate"]
    found |= memory | {"share": told["memory_wall"]["share"], "ready": found["load"] + found["first_token"]}
    found["generate"], found["generate_without"] = (
        generated[key] for key in ("tokens_per_second", "tokens_per_second_without_lookup")
    )
    if memory["peak_bytes"] is not None:
        found["beyond_mb"] = (memory["peak_bytes"] - memory["weights_bytes"] - memory["cache_bytes"]) / 1e6
    return {key: value for key, value in found.items() if value is not None}


def tokenizer(directory: str, library: str, text_file: str) -> Found:
    """Megabytes a second of a tokenizer that has seen the text before, with the vocabulary of a model directory."""
    text = Path(text_file).read_text(encoding="utf-8")
    encode = TOKENIZERS[library](f"{directory}/vocab.json", f"{directory}/merges.txt")
    return {"mb_per_second": len(text.encode()) / median_seconds(encode, text) / 1e6}


Encode = Callable[[str], object]


def our_tokenizer(vocab: str, merges: str) -> Encode:
    """The one that is measured against the others."""
    encode: Encode = import_module("picogpt_tui.gpt2.tokenizer").read_tokenizer(Path(vocab).parent).encode
    return encode


def tiktoken(vocab: str, merges: str) -> Encode:
    """OpenAI's, with the pattern that it has for GPT-2."""
    ranks = import_module("tiktoken.load").data_gym_to_mergeable_bpe_ranks(merges, vocab)
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
    library = import_module("tiktoken")
    encode: Encode = library.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}).encode_ordinary
    return encode


def tokenizers(vocab: str, merges: str) -> Encode:
    """Hugging Face's."""
    encode: Encode = import_module("tokenizers").ByteLevelBPETokenizer(vocab, merges).encode
    return encode


TOKENIZERS = {"ours": our_tokenizer, "tiktoken": tiktoken, "tokenizers": tokenizers}
KINDS: dict[str, Callable[..., Found]] = {
    "ours": ours,
    "transformers": transformers,
    "llama.cpp": llama_cpp,
    "tokenizer": tokenizer,
}


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    print(json.dumps(KINDS[kind](*arguments)))  # noqa: T201  # it is read
