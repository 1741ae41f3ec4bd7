"""Load a model by name, once: everyone who asks for the same directory gets the same object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from picogpt_tui.errors import SettingError, WeightsError
from picogpt_tui.events import Progress
from picogpt_tui.gpt2.language_model import LanguageModel, read_model
from picogpt_tui.gpt2.weights import weights_file
from picogpt_tui.hub.store import canonical_name, find_model
from picogpt_tui.session.quantized import int8_files
from picogpt_tui.settings import FLOAT32, PRECISIONS

_Key = tuple[Path, str, int, int]


class _Shared:
    """The models in memory, by directory, precision, and the weights file's time and size (a changed one is new)."""

    def __init__(self) -> None:
        self._models: dict[_Key, LanguageModel] = {}
        self._lock = Lock()

    def get(self, directory: Path, precision: str) -> LanguageModel | None:
        with self._lock:
            return self._models.get(_key(directory, precision))

    def put(self, directory: Path, model: LanguageModel) -> LanguageModel:
        """Keep this model and no other that nobody uses: the program plays with one at a time."""
        with self._lock:
            key = _key(directory, model.precision)
            known = self._models.get(key, model)  # another thread may have been faster
            self._models.clear()
            self._models[key] = known
            return known


_SHARED = _Shared()


def _key(directory: Path, precision: str) -> _Key:
    try:
        stat = weights_file(directory).stat()
    except (OSError, WeightsError):
        return directory, precision, 0, 0
    return directory, precision, stat.st_mtime_ns, stat.st_size


def load_steps(name: str, *, precision: str = FLOAT32) -> Iterator[Progress | LanguageModel]:
    """Load a model: yields Progress as it is read, and the model last (at once if it is in memory).

    Raises:
        SettingError: an unknown precision.
        ModelNotFound, ConfigError, TokenizerError, WeightsError: see `errors`.
    """
    if precision not in PRECISIONS:
        raise SettingError("precision", precision, " or ".join(map(repr, PRECISIONS)))
    directory = find_model(name)
    if (known := _SHARED.get(directory, precision)) is not None:
        yield known
        return
    for step in read_model(directory, canonical_name(name), precision, int8_files(directory)):
        yield step if isinstance(step, Progress) else _SHARED.put(directory, step)


def load(name: str, *, precision: str = FLOAT32) -> LanguageModel:
    """Load a model by its name; see `load_steps` for the errors."""
    *_, model = load_steps(name, precision=precision)
    assert isinstance(model, LanguageModel)
    return model
