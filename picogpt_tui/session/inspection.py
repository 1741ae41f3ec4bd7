"""What somebody who knows models has to say of files that were downloaded: see `hub.download.Checks`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from picogpt_tui.events import Progress
from picogpt_tui.gpt2.config import read_config
from picogpt_tui.gpt2.language_model import read_small_files
from picogpt_tui.gpt2.params import expected_shapes
from picogpt_tui.gpt2.weights import check_weights

_ITEM_BYTES = 4
_ROOM_BYTES = 64 << 20  # for a header, and whatever small a checkpoint holds besides


def check_config(directory: Path) -> int:
    """The most bytes that the weights of this config can take: float32, with the attention masks of older checkpoints.

    Raises:
        ConfigError: it is no GPT-2's.
    """
    config = read_config(directory)
    sizes = [math.prod(shape) for shape in expected_shapes(config).values()]
    masks = config.n_layer * (config.n_ctx**2 + 1)
    unembedding = config.n_vocab * config.n_embd  # some store the tied one twice
    return _ITEM_BYTES * (sum(sizes) + masks + unembedding) + _ROOM_BYTES


def check_model(directory: Path) -> Iterator[Progress]:
    """Whether a whole directory is a model: vocabulary, names and shapes, and every checksum that the files hold.

    Yields:
        Progress in bytes.

    Raises:
        ConfigError, TokenizerError, WeightsError: what is wrong; CheckpointError where bytes are damaged.
    """
    config, _ = read_small_files(directory)
    yield from check_weights(directory, config)
