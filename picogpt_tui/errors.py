"""Everything that can go wrong through no fault of this program.

    PicoGPTError
    ├── SettingError          a value out of its range
    ├── ModelError            a model directory cannot be used
    │   ├── ModelNotFound     nothing of that name is here
    │   │   └── ModelNotHere      but it can be downloaded
    │   ├── ConfigError       config.json is missing, damaged, or not a GPT-2's
    │   ├── TokenizerError    vocab.json or merges.txt is missing or damaged
    │   └── WeightsError      the weights are missing, damaged, or of another shape
    │       └── CheckpointError   a TensorFlow checkpoint is damaged, or not one
    ├── DownloadError         a model cannot be fetched
    │   ├── NotReachable      no answer: offline, no such host, a proxy, a certificate, a server in trouble
    │   ├── NotOnTheHub       no such repository, revision or file
    │   ├── AccessDenied      the repository is private or gated
    │   ├── NotAGPT2          what is there is no GPT-2 that this program reads
    │   ├── Corrupt           the bytes that came are not those that were promised
    │   ├── NoSpace           the disk is full, or would be
    │   └── Busy              another process works on the same model
    ├── DocumentError         a saved session cannot be read
    └── FileError             the operating system refused a file

A message is one sentence for a person: what happened, to which file or value, expected against got, what to do.
The evidence is repeated as attributes, for programs. `assert` is for our own bugs, never for these.
"""

from __future__ import annotations

from pathlib import Path


class PicoGPTError(Exception):
    """The root of all of them: catch this to catch what a user, a file or a network did."""


class SettingError(PicoGPTError):
    """A setting's value is out of its range.

    Attributes:
        name: the setting, as written in JSON (`top_p`).
        value: what was given.
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name = name
        self.value = value
        super().__init__(f"{name.replace('_', ' ')} must be {expected}, not {value!r}.")


class ModelError(PicoGPTError):
    """A model cannot be used.

    Attributes:
        path: the file or directory that is at fault, where there is one.
    """

    def __init__(self, message: str, path: Path | None = None) -> None:
        self.path = path
        super().__init__(message)


class ModelNotFound(ModelError):
    """Nothing of that name is on this machine."""


class ModelNotHere(ModelNotFound):
    """It is not on this machine, or not all of it, and can be downloaded.

    Attributes:
        name: what to download.
        rest_bytes: how much that is, about; None where nobody has asked yet.
    """

    def __init__(self, message: str, name: str, rest_bytes: int | None) -> None:
        self.name = name
        self.rest_bytes = rest_bytes
        super().__init__(message)


class ConfigError(ModelError):
    """config.json is missing, damaged, or describes another architecture."""


class TokenizerError(ModelError):
    """vocab.json or merges.txt is missing, damaged, or they disagree."""


class WeightsError(ModelError):
    """The weights are missing, damaged, or do not fit the config.

    Attributes:
        tensor: the name of the tensor at fault, or None when it is the file as a whole.
    """

    def __init__(self, message: str, path: Path | None = None, tensor: str | None = None) -> None:
        self.tensor = tensor
        super().__init__(message, path)


class CheckpointError(WeightsError):
    """A TensorFlow checkpoint is damaged, cut short, or not one."""


class DownloadError(PicoGPTError):
    """A model cannot be fetched; what came so far is kept.

    Attributes:
        name: the model, as the user called it.
        host: whom it was asked of, "" where nobody was.
    """

    def __init__(self, message: str, *, name: str = "", host: str = "") -> None:
        self.name = name
        self.host = host
        super().__init__(message)


class NotReachable(DownloadError):
    """No usable answer came: offline, no such host, a proxy, a certificate, a server in trouble."""


class NotOnTheHub(DownloadError):
    """There is no such repository, revision or file."""


class AccessDenied(DownloadError):
    """The repository is private or gated, or the token is wrong."""


class NotAGPT2(DownloadError):
    """What is there is no GPT-2 that this program reads."""


class Corrupt(DownloadError):
    """The bytes that came are not those that were promised, twice."""


class NoSpace(DownloadError):
    """The disk is full, or would be."""


class Busy(DownloadError):
    """Another process works on the same model."""


class DocumentError(PicoGPTError):
    """A saved session cannot be read, or does not belong to the model at hand."""

    def __init__(self, message: str, path: Path | None = None) -> None:
        self.path = path
        super().__init__(message)


class FileError(PicoGPTError):
    """The operating system refused to read or write a file: permissions, a full disk, a missing folder."""

    def __init__(self, action: str, path: Path, error: OSError) -> None:
        self.path = path
        super().__init__(f"Cannot {action} {path}: {error.strerror or error}.")
