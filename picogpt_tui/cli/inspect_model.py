"""`picogpt-tui inspect`: what a checkpoint holds, read from its header alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from picogpt_tui.cli.missing import find_or_fetch
from picogpt_tui.cli.options import complete_model, examples, json_option
from picogpt_tui.cli.output import write_json, write_lines


@dataclass(frozen=True)
class _Checkpoint:
    config: dict[str, Any]
    n_params: int
    n_params_non_embedding: int
    tensors: list[dict[str, Any]]
    """name, shape and dtype, in the order of the forward pass."""


@click.command("inspect", epilog=examples("picogpt-tui inspect stories", "picogpt-tui inspect ./my-model --json"))
@click.argument("model", shell_complete=complete_model)
@json_option("Print one JSON object: config, parameter counts, tensors.")
def inspect(model: str, as_json: bool) -> None:
    """Show the shape, parameter counts and tensors of MODEL.

    MODEL is a name or a directory.

    Only the file's header is read, so the largest model takes no longer than the smallest. Names are those of the
    checkpoint without its "transformer." prefix, in the order of the forward pass; those of OpenAI's own checkpoints
    are respelled in the same way. Mask buffers and a stored copy of the tied embedding are not weights of their own
    and are left out: the tensors' sizes add up to the parameters.
    """
    directory = find_or_fetch(model)
    checkpoint = _read(directory)
    if as_json:
        write_json(asdict(checkpoint))
    else:
        write_lines(_report(directory, checkpoint))


def _read(directory: Path) -> _Checkpoint:
    import numpy as np

    from picogpt_tui.gpt2.config import read_config
    from picogpt_tui.gpt2.params import expected_shapes, params_from_tensors
    from picogpt_tui.gpt2.weights import read_tensors

    config = read_config(directory)
    stored = read_tensors(directory, config)
    one = np.zeros(1, dtype=np.float32)  # seen in every shape, so that the sizes are there and no memory is
    params = params_from_tensors(
        {name: np.broadcast_to(one, shape) for name, shape in expected_shapes(config).items()}, config
    )
    tensors = [{"name": name, "shape": list(array.shape), "dtype": stored[name].dtype} for name, array in params.walk()]
    return _Checkpoint(asdict(config), params.n_params, params.n_params_non_embedding, tensors)


def _report(directory: Path, checkpoint: _Checkpoint) -> list[str]:
    facts: dict[str, object] = {"directory": directory} | checkpoint.config
    facts["parameters"] = f"{checkpoint.n_params:,}"
    facts["without positions"] = f"{checkpoint.n_params_non_embedding:,}"
    wide = max(map(len, facts))
    widest = max(len(tensor["name"]) for tensor in checkpoint.tensors)
    shapes = [" x ".join(map(str, tensor["shape"])) for tensor in checkpoint.tensors]
    long = max(map(len, shapes))
    return [
        *(f"{name:<{wide}}  {'-' if value is None else value}" for name, value in facts.items()),
        "",
        *(
            f"{tensor['name']:<{widest}}  {shape:>{long}}  {tensor['dtype']}"
            for tensor, shape in zip(checkpoint.tensors, shapes, strict=True)
        ),
    ]
