"""Make the golden numbers of attention and ablation: `python -m tests.golden.make_attention_golden`.

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

from picogpt_tui.gpt2.arrays import FloatArray
from picogpt_tui.readings import Cut
from tests.golden.attention_peer import transformers_ablated, transformers_attention
from tests.golden.peers import transformers_model
from tests.gpt2.checkpoints import random_ids, random_tensors
from tests.lens.random_models import SMALL

PATH = Path(__file__).parent / "attention.npz"
N_TOKENS = (13, 7, 11)
"""Of each of SMALL."""
CUTS = (
    ((Cut("head", 2, 1), Cut("mlp", 0, how="mean")), (Cut("position", position=4), Cut("head", 0, 2, how="mean"))),
    ((Cut("mlp", 0),), (Cut("head", 0, 4), Cut("head", 0, 0, how="mean"), Cut("position", position=2, how="mean"))),
    ((Cut("head", 1, 6, how="mean"), Cut("mlp", 1)), (Cut("position", position=0), Cut("position", position=9))),
)


def main() -> None:
    """Write the file."""
    libraries = {name: version(name) for name in ("torch", "transformers", "numpy")}
    about: dict[str, Any] = {"made_by": "python -m tests.golden.make_attention_golden"}
    about |= {"made_on": date.today().isoformat(), "python": platform.python_version(), "machine": platform.machine()}
    about |= {"libraries": libraries, "cases": []}
    arrays: dict[str, FloatArray] = {}
    for index, config in enumerate(SMALL):
        seed, ids = 500 + index, random_ids(config, N_TOKENS[index], seed=510 + index)
        model = transformers_model(config, random_tensors(config, seed))
        arrays[f"weights_{index}"], arrays[f"norms_{index}"] = transformers_attention(model, ids)
        for number, cuts in enumerate(CUTS[index]):
            arrays[f"ablated_{index}_{number}"] = transformers_ablated(model, ids, cuts)
        operations = [[asdict(cut) for cut in cuts] for cuts in CUTS[index]]
        about["cases"].append({"config": asdict(config), "seed": seed, "ids": ids, "cuts": operations})
    everything: dict[str, Any] = {"about": np.array(json.dumps(about)), **arrays}
    np.savez_compressed(PATH, **everything)
    print(PATH.name, PATH.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
