"""Make the golden numbers of scoring and comparing: `python -m tests.golden.make_score_golden`.

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

from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.paths import bundled_dir
from tests.golden.peers import transformers_model
from tests.golden.score_peer import transformers_kl, transformers_score
from tests.gpt2.checkpoints import random_ids, random_tensors
from tests.lens.random_models import SMALL

PATH = Path(__file__).parent / "score.json"
# index into SMALL, tokens, stride: the strides overlap, do not, and leave a last window of one token
CASES = ((0, 41, 6), (0, 27, 13), (1, 30, 1), (1, 11, 5), (2, 50, 9), (2, 24, 23))
TEXT = (
    "Once upon a time there was a king who had three daughters. He was kind, but he didn't like the naïve café in the "
    "village, \u201cbecause,\u201d he said, \u201cnobody there knows 3.14159 of anything.\u201d\n\nThe end. 😀\n"
)
STORIES_CONTEXT, STORIES_STRIDE = 29, 17


def main() -> None:
    """Write the file."""
    libraries = {name: version(name) for name in ("torch", "transformers")}
    about = {"made_by": "python -m tests.golden.make_score_golden", "made_on": date.today().isoformat()}
    about |= {"python": platform.python_version(), "machine": platform.machine()}
    document = {"about": about | {"libraries": libraries}, "cases": [_case(*case) for case in CASES]}
    document |= {"comparisons": [_comparison(index) for index in range(len(SMALL))], "stories": _stories()}
    parts = [f"{json.dumps(key)}: {_lines(value)}" for key, value in document.items()]
    PATH.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    print(PATH.name, PATH.stat().st_size, "bytes")


def _case(index: int, n_tokens: int, stride: int) -> dict[str, Any]:
    config, seed = SMALL[index], 300 + index
    ids = random_ids(config, n_tokens, seed=400 + n_tokens)
    model = transformers_model(config, random_tensors(config, seed))
    known = transformers_score(model, ids, config.n_ctx, stride)
    return {"config": asdict(config), "seed": seed, "ids": ids, "stride": stride} | asdict(known)


def _comparison(index: int) -> dict[str, Any]:
    config, seeds = SMALL[index], (310 + index, 320 + index)
    ids = random_ids(config, config.n_ctx, seed=410)
    model_a, model_b = (transformers_model(config, random_tensors(config, seed)) for seed in seeds)
    return {"config": asdict(config), "seeds": seeds, "ids": ids, "kl": transformers_kl(model_a, model_b, ids)}


def _stories() -> dict[str, Any]:
    *_, stories = read_model(bundled_dir() / "stories", "stories")
    assert isinstance(stories, LanguageModel)
    ids = [stories.tokenizer.end_of_text, *stories.tokenizer.encode(TEXT)]
    model = transformers_model(stories.config, dict(stories.params.walk()))
    known = transformers_score(model, [id for id in ids if id is not None], STORIES_CONTEXT, STORIES_STRIDE)
    return {"text": TEXT, "n_ctx": STORIES_CONTEXT, "stride": STORIES_STRIDE, "ids": ids} | asdict(known)


def _lines(value: Any) -> str:
    """One line a row, so that a change reads well."""
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if isinstance(value, list) else json.dumps(value)


if __name__ == "__main__":
    main()
