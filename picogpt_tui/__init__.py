"""A terminal playground for GPT-2, on a GPT-2 written in NumPy.

Importing this package imports neither numpy nor textual; `load` does, when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picogpt_tui.gpt2.language_model import LanguageModel

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(name: str = "stories", **options: Any) -> LanguageModel:
    """Load a model by its name: `stories`, `124M`, `owner/name` or a directory.

    Args:
        name: a bundled name, a published size or alias, a Hugging Face id, or a path.
        **options: see `picogpt_tui.session.models.load` (`precision="float32"` or `"int8"`).

    Returns:
        The model with its tokenizer. A second call with the same name and precision returns the same object.

    Raises:
        ModelNotFound: nothing of that name is on this machine.
        WeightsError, ConfigError, TokenizerError: the directory is damaged or not a GPT-2.

    Example:
        >>> from picogpt_tui import load
        >>> model = load("stories")
    """
    from picogpt_tui.session.models import load as load_model

    return load_model(name, **options)
