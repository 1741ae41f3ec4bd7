"""Make the golden numbers of lens and attribution: `python -m tests.golden.make_lens_golden`.

Needs the `oracle` extra (transformers, torch). Weights are not stored: `checkpoints.random_tensors` makes them again.
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
import numpy.typing as npt

from picogpt_tui.gpt2.config import GPT2Config
from tests.golden.lens_peer import transformers_lens, transformers_parts, transformers_seen
from tests.golden.peers import transformers_model
from tests.gpt2.checkpoints import random_ids, random_tensors

PATH = Path(__file__).parent / "lens.npz"
# n_vocab, n_ctx, n_embd, n_head, n_layer
CONFIGS = (
    GPT2Config(29, 7, 10, 5, 1),
    GPT2Config(53, 11, 15, 3, 3, layer_norm_epsilon=0.2),
    GPT2Config(97, 9, 14, 1, 4),
)


def pairs_of(config: GPT2Config) -> list[tuple[int, int, int]]:
    """Position, a and b of some attributions: every position, many tokens."""
    n = config.n_vocab
    return [(position, (5 * position + 2) % n, (11 * position + 17) % n) for position in range(config.n_ctx)]


def main() -> None:
    """Write the file."""
    libraries = {name: version(name) for name in ("torch", "transformers", "numpy")}
    about: dict[str, Any] = {"made_by": "python -m tests.golden.make_lens_golden"}
    about |= {"made_on": date.today().isoformat(), "python": platform.python_version(), "machine": platform.machine()}
    about |= {"libraries": libraries, "cases": []}
    arrays: dict[str, npt.NDArray[Any]] = {}
    for index, config in enumerate(CONFIGS):
        seed, ids = 600 + index, random_ids(config, config.n_ctx, seed=610 + index)
        model = transformers_model(config, random_tensors(config, seed)).double()
        seen = transformers_seen(model, ids)
        arrays[f"logits_{index}"] = transformers_lens(model, seen).astype(np.float32)
        found = [transformers_parts(model, seen, ids, *pair) for pair in pairs_of(config)]
        arrays[f"parts_{index}"] = np.array([list(parts.values()) for parts in found])
        names, pairs = list(found[0]), pairs_of(config)
        about["cases"].append({"config": asdict(config), "seed": seed, "ids": ids, "parts": names, "pairs": pairs})
    everything: dict[str, Any] = {"about": np.array(json.dumps(about)), **arrays}
    np.savez_compressed(PATH, **everything)
    print(PATH.name, PATH.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
