"""From a name a user types to what is asked of whom, and the folder it comes into."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from picogpt_tui import paths
from picogpt_tui.errors import ModelNotFound, SettingError
from picogpt_tui.hub.registry import BUNDLED, HUGGING_FACE, OPENAI, PUBLISHED, SOURCES, PublishedModel, published
from picogpt_tui.visible import one_line

MAIN = "main"
_OPENAI_END = "-openai"
_LONGEST_TYPO = 60
_PART = r"[A-Za-z0-9](?:[\w.-]{0,94}[\w-])?"
_HUB_ID = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>[\w][\w./-]{{0,200}}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """What to fetch."""

    name: str
    """As the program calls it from now on."""
    source: str
    repo: str
    """`owner/name`, or the size in OpenAI's container."""
    revision: str
    folder: str
    """Below the models directory."""

    @property
    def directory(self) -> Path:
        """Where it comes to."""
        return paths.models_dir() / self.folder


def target(name: str, source: str | None = None) -> Target:
    """What is meant by a published size, an alias, or `owner/name[@revision]`.

    Raises:
        ModelNotFound: it is no name of something that can be fetched.
        SettingError: there is no such source, or not for this model.
    """
    if source is not None and source not in SOURCES:
        raise SettingError("source", source, " or ".join(map(repr, SOURCES)))
    if model := published(name):
        source = source or HUGGING_FACE
        repo = model.name if source == OPENAI else model.repo
        shown = model.folder(source)
        return Target(shown, source, repo, "" if source == OPENAI else MAIN, shown)
    if (size := openai_size(name)) and source in (None, OPENAI):
        return target(size.name, OPENAI)
    if source == OPENAI:
        raise SettingError("source", source, f"'huggingface' for {one_line(name)!r}: OpenAI published four sizes")
    if repo_and_revision := hub_id(name):
        return Target(name, HUGGING_FACE, *repo_and_revision, folder_of(name))
    known = ", ".join(model.name for model in PUBLISHED)
    what = f"{name} is bundled" if name in BUNDLED else f"There is no model {one_line(name)!r} to download{meant(name)}"
    raise ModelNotFound(f"{what}; name one of {known}, or owner/name or owner/name@revision of the Hugging Face hub.")


def is_fetchable(name: str) -> bool:
    """Whether a download can be asked for by this name."""
    return bool(published(name) or openai_size(name) or hub_id(name))


def openai_size(name: str) -> PublishedModel | None:
    """The published size that is called so where it comes from OpenAI (`124M-openai`), or None."""
    size = name.lower().removesuffix(_OPENAI_END)
    return published(size) if size != name.lower() else None


def meant(name: str, others: Iterable[str] = ()) -> str:
    """The names that one may have meant, in brackets, "" where none is near; `others` besides those of the program."""
    if not 1 < len(name) <= _LONGEST_TYPO:
        return ""
    import difflib  # for a typing error alone

    known = {other.lower(): other for other in (*others, *BUNDLED)}
    known |= {one.lower(): one for model in PUBLISHED for one in (model.name, model.alias)}
    near = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.7)
    return f" (did you mean {' or '.join(one_line(known[one], 80) for one in near)}?)" if near else ""


def hub_id(name: str) -> tuple[str, str] | None:
    """Repository and revision (`main` where none is named) of a Hugging Face id, or None where it is none."""
    found = _HUB_ID.fullmatch(name)
    if found is None or ".." in name or "--" in name.replace("@", "/").split("/")[0]:
        return None
    return found["repo"], found["revision"] or MAIN


def folder_of(name: str) -> str:
    """The folder of a hub model below the models directory."""
    return name.replace("/", "--")


def name_of(folder: str) -> str:
    """The other way round."""
    return folder.replace("--", "/", 1)
