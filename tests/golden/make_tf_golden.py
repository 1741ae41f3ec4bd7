"""Make the TensorFlow checkpoint in tests/golden/tf: `python -m tests.golden.make_tf_golden`, once.

TensorFlow writes it with the Saver that OpenAI used, variables named and shaped as in
https://github.com/openai/gpt-2/blob/master/src/model.py; a Snappy of other hands packs a copy of the index. Neither is
needed to run the suite: make an environment of its own with `pip install tensorflow-cpu cramjam` and this package.
Weights are not stored twice: `checkpoints.random_tensors` makes them again from the seed. `about.json` says what made
the files.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from picogpt_tui.gpt2.config import GPT2Config
from tests.gpt2.checkpoints import random_tensors
from tests.gpt2.tf_writer import openai_tensors

HERE = Path(__file__).parent / "tf"
CONFIG = GPT2Config(13, n_ctx=7, n_embd=4, n_head=2, n_layer=11)
"""Eleven blocks: h10 sorts before h2."""
SEED = 300


def main() -> None:
    """Write the files."""
    HERE.mkdir(exist_ok=True)
    _write_checkpoint()
    index = (HERE / "model.ckpt.index").read_bytes()
    (HERE / "index.snappy").write_bytes(bytes(import_module("cramjam").snappy.compress_raw(index)))
    about = {
        "made_by": "python -m tests.golden.make_tf_golden",
        "made_on": date.today().isoformat(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: version(name) for name in ("tensorflow-cpu", "cramjam", "numpy")},
        "config": asdict(CONFIG),
        "seed": SEED,
    }
    (HERE / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    for path in sorted(HERE.iterdir()):
        print(path.name, path.stat().st_size, "bytes")


def _write_checkpoint() -> None:
    tf = import_module("tensorflow").compat.v1
    tensors = openai_tensors(random_tensors(CONFIG, SEED))
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.Variable(values, name=name, use_resource=False) for name, values in tensors.items()]
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(variables)
        saver.save(session, str(HERE / "model.ckpt"), write_meta_graph=False, write_state=False)


if __name__ == "__main__":
    main()
