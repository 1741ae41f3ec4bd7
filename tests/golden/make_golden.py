"""Make the golden numbers: `python -m tests.golden.make_golden`.

Needs the `oracle` extra (transformers, torch, tokenizers), and GPT-2's vocabulary as encoder.json and vocab.bpe in
$PICOGPT_SHARED/data/gpt2-vocab. Weights are not stored: `checkpoints.random_tensors` makes them again from the seed.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.gpt2.config import GPT2Config, read_config
from picogpt_tui.gpt2.params import Params
from picogpt_tui.gpt2.weights import load_params
from picogpt_tui.paths import bundled_dir
from picogpt_tui.settings import SamplingSettings
from tests.conftest import SHARED
from tests.golden.peers import (
    peer_tokenizer,
    transformers_chain,
    transformers_logits,
    transformers_model,
    transformers_probs,
)
from tests.gpt2.checkpoints import random_ids, random_tensors

HERE = Path(__file__).parent

# n_vocab, n_ctx, n_embd, n_head, n_layer, epsilon; every case runs at its full n_ctx
CONFIGS = (
    GPT2Config(11, 1, 4, 2, 1),
    GPT2Config(13, 7, 6, 3, 1),
    GPT2Config(97, 13, 20, 5, 2),
    GPT2Config(53, 31, 21, 21, 3),
    GPT2Config(257, 33, 40, 8, 5, layer_norm_epsilon=0.1),
    GPT2Config(61, 19, 18, 1, 13),
    GPT2Config(101, 64, 48, 12, 7),
)
STORIES_PROMPT = "Once upon a time"

STRINGS = (
    "",
    " ",
    "  ",
    "   leading and trailing   ",
    "Once upon a time, there was a king.",
    "don't won't I'll you've we're I'm he'd it's 'tis '' 'S 'LL o'clock",
    "abc123def 3.14159 1,000,000 ٣٤٥ ½ Ⅷ ²",
    "a\nb\n\nc\r\nd\te\x0bf\x0cg \n \t h",
    "\n\n\n\n  \n",
    "trailing newline\n",
    "no\u00a0break\u2003em\u3000ideographic\u2028line\u2029paragraph\u0085next",
    "\x00\x01\x1b[31mred\x1b[0m\x7f\x9b",
    "[bold]markup[/bold] [/] \\[x]",
    "<|endoftext|>",
    "before<|endoftext|>after <|endoftext|>",
    "naïve café — “quotes” … ‘single’",
    "e\u0301 a\u0300\u0301 \u0301alone",
    "Ελληνικά кириллица עברית العربية हिन्दी ไทย",
    "日本語のテキスト 中文 한국어",
    "😀👍🏽👨‍👩‍👧‍👦🇳🇴 ☃️ ❤️\ufe0f",
    "\u202eevil\u202c \u200bzero\u200d\u2060width\ufeff",
    "\ufffd\ufffe\uffff\U0010ffff\ue000",
    "https://example.com/a?b=c&d=e#f user@example.org",
    "def f(x):\n    return {x: [1, 2], 'y': \"z\"}  # comment\n",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "!!!???...---===*** !!! ???",
    "ĠĊ ġ Ā ÿ Ń",
    "A" * 7 + " " * 9 + "b" * 5 + "\n" * 6 + "1" * 11,
    "ſ ß ẞ İ ı ﬁ ǆ 𝔊𝔬𝔱𝔥𝔦𝔠 𝟙𝟚",
    "x\u200d'll 's's'd 've'",
)

CHAINS = (
    SamplingSettings(temperature=0.7, top_k=0),
    SamplingSettings(temperature=2.5, top_k=0),
    SamplingSettings(temperature=1, top_k=1),
    SamplingSettings(temperature=1, top_k=3),
    SamplingSettings(temperature=1, top_k=1000),
    SamplingSettings(temperature=1, top_k=0, top_p=0.05),
    SamplingSettings(temperature=1, top_k=0, top_p=0.62),
    SamplingSettings(temperature=1, top_k=0, top_p=0.93),
    SamplingSettings(temperature=1, top_k=0, min_p=0.13),
    SamplingSettings(temperature=1, top_k=0, min_p=1),
    SamplingSettings(temperature=1, top_k=0, typical_p=0.21),
    SamplingSettings(temperature=1, top_k=0, typical_p=0.83),
    SamplingSettings(temperature=1, top_k=0, repetition_penalty=1.3),
    SamplingSettings(temperature=1, top_k=0, repetition_penalty=0.6),
    SamplingSettings(temperature=0.8, top_k=5, top_p=0.91),
    SamplingSettings(temperature=1.4, top_k=7, top_p=0.87, min_p=0.06, typical_p=0.93, repetition_penalty=1.2),
)


def main() -> None:
    """Write the three files."""
    _write_logits()
    _write_sampler()
    _write_tokenizer()


def sampler_logits() -> dict[str, FloatArray]:
    """Random, and ridden with ties."""
    rng = np.random.Generator(np.random.PCG64(7))
    return {
        "random": rng.normal(0, 3, 23).astype(np.float32),
        "peaked": (rng.normal(0, 1, 17) * 9).astype(np.float32),
        "small whole numbers": rng.integers(-3, 4, 29).astype(np.float32),
        "all equal": np.full(11, 0.5, dtype=np.float32),
        "two values": np.where(np.arange(13) % 3 == 0, np.float32(2), np.float32(-1)),
        "one token": np.array([-4.25], dtype=np.float32),
    }


def _provenance(*libraries: str) -> dict[str, Any]:
    return {
        "made_by": "python -m tests.golden.make_golden",
        "made_on": date.today().isoformat(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: version(name) for name in libraries},
    }


def _write_logits() -> None:
    about = _provenance("torch", "transformers", "numpy")
    arrays: dict[str, FloatArray] = {}
    cases = []
    for index, config in enumerate(CONFIGS):
        seed, ids = 100 + index, random_ids(config, config.n_ctx, seed=200 + index)
        arrays[f"case_{index}"] = transformers_logits(transformers_model(config, random_tensors(config, seed)), ids)
        cases.append({"config": asdict(config), "seed": seed, "ids": ids})
    directory = bundled_dir() / "stories"
    config = read_config(directory)
    *_, params = load_params(directory, config)
    assert isinstance(params, Params)
    ids = peer_tokenizer(directory / "vocab.json", directory / "merges.txt").encode(STORIES_PROMPT).ids
    arrays["stories"] = transformers_logits(transformers_model(config, dict(params.walk())), ids)
    about |= {"cases": cases, "stories": {"prompt": STORIES_PROMPT, "ids": ids}}
    path = HERE / "logits.npz"
    everything: dict[str, Any] = {"about": np.array(json.dumps(about)), **arrays}
    np.savez_compressed(path, **everything)
    print(path.name, path.stat().st_size, "bytes")


def _write_sampler() -> None:
    rows = []
    for name, logits in sampler_logits().items():
        ids = [0, logits.size // 2, 0]
        for settings in CHAINS:
            shaped = transformers_chain(logits, settings, ids)
            probs = transformers_probs(shaped)
            kept = np.flatnonzero(np.isfinite(shaped)).tolist()
            kept_probs = [float(probs[id]) for id in kept]
            rows.append({"logits": name, "ids": ids, "settings": asdict(settings), "kept": kept, "probs": kept_probs})
    logits_lists = {name: logits.tolist() for name, logits in sampler_logits().items()}
    about = _provenance("torch", "transformers", "numpy")
    _write_json("sampler.json", {"about": about, "logits": logits_lists, "rows": rows})


def _write_tokenizer() -> None:
    stories, gpt2 = bundled_dir() / "stories", SHARED / "data" / "gpt2-vocab"
    peers = {
        "stories": peer_tokenizer(stories / "vocab.json", stories / "merges.txt"),
        "gpt2": peer_tokenizer(gpt2 / "encoder.json", gpt2 / "vocab.bpe"),
    }
    rows = [{"text": text} | {name: peer.encode(text).ids for name, peer in peers.items()} for text in STRINGS]
    _write_json("tokenizer.json", {"about": _provenance("tokenizers"), "rows": rows})


def _write_json(name: str, document: dict[str, Any]) -> None:
    """One line a row, so that a change reads well."""
    parts = [f'"about": {json.dumps(document["about"])}']
    if "logits" in document:
        parts.append(f'"logits": {json.dumps(document["logits"])}')
    parts.append('"rows": [\n' + ",\n".join(map(json.dumps, document["rows"])) + "\n]")
    path = HERE / name
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
