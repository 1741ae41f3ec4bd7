"""The Hugging Face hub, through `huggingface_hub`: metadata, token, endpoint, offline switch, and its names of errors.

One question (`GET /api/models/NAME/revision/REV?blobs=true`) tells the commit, the licence, and of every file its size
and sha256 or git-sha1. The files are then asked for by that commit, so all are of one version.
https://huggingface.co/docs/huggingface_hub/package_reference/hf_api
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from picogpt_tui.errors import AccessDenied, NotAGPT2, NotOnTheHub, NotReachable
from picogpt_tui.hub.answers import TryAgain, is_busy, retry_after, said
from picogpt_tui.hub.connection import USER_AGENT, Stop
from picogpt_tui.hub.manifest import Manifest, ModelFile
from picogpt_tui.hub.registry import HUGGING_FACE, HUGGING_FACE_FILES, NEWER_HUGGING_FACE_FILES, WEIGHTS, published
from picogpt_tui.hub.sources.address import check_small, checked_address
from picogpt_tui.hub.targets import Target
from picogpt_tui.hub.trouble import WEB_PAGE, host_of, not_reachable, proxy_refuses
from picogpt_tui.visible import one_line

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

_TIMEOUT_SECONDS = 10.0
_COMMIT = re.compile("[0-9a-f]{40}")
_OFFLINE = "HF_HUB_OFFLINE is set, so nothing is asked of the hub; unset it to download."
_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


class HuggingFace:
    """The hub, or the one `HF_ENDPOINT` names."""

    def host(self) -> str:
        """Whom one speaks to."""
        return host_of(_endpoint())

    def look_up(self, target: Target, stop: Stop) -> Manifest:
        """Ask which commit the revision is, and for its files.

        Raises:
            NotOnTheHub, AccessDenied, NotAGPT2, NotReachable: what the hub says, or that it says nothing.
            TryAgain: the hub is busy.
        """
        try:
            return self._manifest(self._info(target), target)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # an answer that is no JSON, or another one's
            message = WEB_PAGE.format(host=self.host(), what="data")
            raise NotReachable(message, name=target.name, host=self.host()) from error

    def _manifest(self, info: ModelInfo, target: Target) -> Manifest:
        files = {one.rfilename: one for one in info.siblings or []}
        names = self._needed(set(files), target)
        licence = getattr(info.card_data, "license", None)
        model = published(target.name)
        if info.gated and not self.headers():
            raise AccessDenied(self._gated(target), name=target.name, host=self.host())
        return Manifest(
            name=target.name,
            source=HUGGING_FACE,
            repo=target.repo,
            revision=target.revision,
            commit=info.sha if info.sha and _COMMIT.fullmatch(info.sha) else target.revision,
            licence=model.licence if model else one_line(str(licence or "not stated"), 60),
            host=self.host(),
            files=tuple(self._file(files[name], target) for name in names),
        )

    def url(self, manifest: Manifest, file_name: str) -> str:
        """Where a file of this commit is."""
        from huggingface_hub import hf_hub_url, is_offline_mode

        if is_offline_mode():
            raise NotReachable(_OFFLINE, name=manifest.name, host=self.host())
        return hf_hub_url(manifest.repo, file_name, revision=manifest.commit, endpoint=_endpoint())

    def headers(self) -> Mapping[str, str]:
        """The user's token, if there is one; requests keeps it from other hosts."""
        from huggingface_hub import constants, get_token

        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _gated(self, target: Target) -> str:
        repo = one_line(target.repo, 100)
        scheme = _endpoint().partition(":")[0]
        return f"{repo} is gated: ask for access at {scheme}://{self.host()}/{repo}, then {_LOG_IN}."

    def _info(self, target: Target) -> ModelInfo:
        from huggingface_hub import HfApi, errors

        # the library hands its HTTP client's errors through; which client that is changes with its version
        transport_error: type[Exception] = getattr(errors, "HTTPError", OSError)
        host, repo = self.host(), one_line(target.repo, 100)
        api = HfApi(endpoint=_endpoint(), user_agent=USER_AGENT)
        try:
            return api.model_info(target.repo, revision=target.revision, files_metadata=True, timeout=_TIMEOUT_SECONDS)
        except errors.GatedRepoError as error:
            raise AccessDenied(self._gated(target), name=target.name, host=host) from error
        except errors.RepositoryNotFoundError as error:
            message = f"{host} has no repository {repo}, or it is private: check the name, or {_LOG_IN}."
            raise NotOnTheHub(message, name=target.name, host=host) from error
        except errors.RevisionNotFoundError as error:
            message = f"{repo} has no revision {one_line(target.revision, 80)!r}; name a branch, a tag or a commit."
            raise NotOnTheHub(message, name=target.name, host=host) from error
        except errors.OfflineModeIsEnabled as error:
            raise NotReachable(_OFFLINE, name=target.name, host=host) from error
        except errors.HfHubHTTPError as error:
            raise _refusal(error, repo, host) from error
        except (transport_error, OSError) as error:
            raise not_reachable(error, host, target.name) from error

    def _needed(self, names: set[str], target: Target) -> tuple[str, ...]:
        """Which of a repository's files make a model; what it lacks is said before anything is fetched."""
        repo = one_line(target.repo, 100)
        if not names:
            raise NotAGPT2(f"{repo} holds no files; choose another repository.", name=target.name)
        if WEIGHTS not in names:
            message = f"{repo} holds {_other_weights(names)}, and {WEIGHTS} is needed; choose another repository."
            raise NotAGPT2(message, name=target.name)
        for needed in (HUGGING_FACE_FILES, NEWER_HUGGING_FACE_FILES):
            if names.issuperset(needed):
                return needed
        missing = [name for name in HUGGING_FACE_FILES if name not in names]
        message = f"{repo} lacks {' and '.join(missing)}, which every GPT-2 has; choose another repository."
        raise NotAGPT2(message, name=target.name)

    def _file(self, sibling: Any, target: Target) -> ModelFile:
        size = sibling.size
        if not isinstance(size, int) or size < 0:
            size = None
        if sibling.rfilename != WEIGHTS:
            check_small(sibling.rfilename, size, target)
        lfs, blob_id = sibling.lfs, sibling.blob_id
        digest = f"sha256:{lfs.sha256.lower()}" if lfs is not None and lfs.sha256 else ""
        if not digest and blob_id and size is not None:
            digest = f"git-sha1:{blob_id.lower()}"
        return ModelFile(sibling.rfilename, size, digest)


def _endpoint() -> str:
    from huggingface_hub import constants

    # the library reads its variables once, when it is imported; asked for here, they hold for this moment
    return checked_address("HF_ENDPOINT", constants.ENDPOINT)


def _refusal(error: Any, repo: str, host: str) -> Exception:
    status = getattr(error.response, "status_code", 0)
    if status == 407:
        return NotReachable(proxy_refuses(host), host=host)
    if status in (401, 403):
        return AccessDenied(f"{host} does not let us see {repo} ({status}); {_LOG_IN}.", host=host)
    if status == 404:
        return NotOnTheHub(f"{host} has nothing at {repo} (404); check the name, or HF_ENDPOINT.", host=host)
    what = said(host, status)
    refusal = NotReachable(f"{what} to the question for {repo}; try again later.", host=host)
    return TryAgain(what, refusal, retry_after(error.response.headers)) if is_busy(status) else refusal


def _other_weights(names: set[str]) -> str:
    if f"{WEIGHTS}.index.json" in names:
        return "its weights in several pieces"
    if any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names):
        return "pickled weights only, which are never read"
    return "no weights"
