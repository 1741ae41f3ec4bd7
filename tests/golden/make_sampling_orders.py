"""Make the golden numbers of llama.cpp's sampling order: `python -m tests.golden.make_sampling_orders`.

Needs llama-cpp-python, which is in no extra. The logits are those of sampler.json.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from picogpt_tui.settings import LLAMA_CPP, SamplingSettings
from tests.golden.llama_cpp_peer import llama_cpp_probs

HERE = Path(__file__).parent

CHAINS = (
    SamplingSettings(temperature=0, top_k=0),
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
    SamplingSettings(temperature=2, top_k=0, top_p=0.75),
    SamplingSettings(temperature=0, top_k=7, top_p=0.87, min_p=0.06),
    SamplingSettings(temperature=1.4, top_k=7, top_p=0.87, min_p=0.06, typical_p=0.93, repetition_penalty=1.2),
)


def context(n_vocab: int) -> list[int]:
    """65 tokens: llama.cpp's penalty, which sees 64, has just left the first behind."""
    return [0, *[n_vocab // 2] * 63, n_vocab // 3]


def main() -> None:
    """Write the file."""
    known = json.loads((HERE / "sampler.json").read_text("utf-8"))["logits"]
    rows = []
    for name, values in known.items():
        logits = np.array(values, dtype=np.float32)
        for settings in CHAINS:
            kept, probs = llama_cpp_probs(logits, settings, context(logits.size))
            fields = asdict(replace(settings, order=LLAMA_CPP))
            rows.append({"logits": name, "settings": fields, "kept": kept, "probs": probs[kept].tolist()})
    about = {
        "made_by": "python -m tests.golden.make_sampling_orders",
        "made_on": date.today().isoformat(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: version(name) for name in ("llama-cpp-python", "numpy")},
    }
    lines = ",\n".join(map(json.dumps, rows))
    path = HERE / "sampling_orders.json"
    path.write_text(f'{{\n"about": {json.dumps(about)},\n"rows": [\n{lines}\n]\n}}\n', encoding="utf-8")
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
