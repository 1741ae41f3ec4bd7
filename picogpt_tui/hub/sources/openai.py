"""OpenAI's own container: the original TensorFlow checkpoints, as plain files.

https://github.com/openai/gpt-2/blob/master/download_model.py names them. No digests are published but what the server
says: a length and, on a whole file, `Content-MD5`
(https://learn.microsoft.com/rest/api/storageservices/get-blob-properties). The checkpoint's own index holds a CRC32C of
every tensor besides.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote

import requests

from picogpt_tui.errors import NotOnTheHub, NotReachable
from picogpt_tui.hub.answers import TryAgain, is_busy, number, retry_after, said
from picogpt_tui.hub.connection import Stop, open_session
from picogpt_tui.hub.manifest import Manifest, ModelFile
from picogpt_tui.hub.registry import CHECKPOINT, OPENAI, OPENAI_FILES, OPENAI_URL, published
from picogpt_tui.hub.sources.address import check_small, checked_address
from picogpt_tui.hub.targets import Target
from picogpt_tui.hub.trouble import WEB_PAGE, host_of, not_reachable, proxy_refuses

_TIMEOUT_SECONDS = (10.0, 12.0)


class OpenAI:
    """The container, or the one `PICOGPT_OPENAI_URL` names."""

    def host(self) -> str:
        """Whom one speaks to."""
        return host_of(_base_url())

    def look_up(self, target: Target, stop: Stop) -> Manifest:
        """Ask for the length and the digest of each file.

        Raises:
            NotOnTheHub: one is not there.
            NotReachable: no usable answer.
            NotAGPT2: a file is larger than it can be.
            TryAgain: the server is busy.
        """
        model = published(target.repo)
        assert model is not None
        with open_session(stop, {}) as session:
            files = tuple(self._file(session, target.repo, name) for name in OPENAI_FILES)
        for file in files:
            if file.name not in CHECKPOINT:
                check_small(file.name, file.size_bytes, target)
        return Manifest(target.name, OPENAI, target.repo, "", "", model.licence, self.host(), files)

    def url(self, manifest: Manifest, file_name: str) -> str:
        """Where a file is."""
        return f"{_base_url()}/{quote(manifest.repo)}/{quote(file_name)}"

    def headers(self) -> Mapping[str, str]:
        """Nothing: anyone may read."""
        return {}

    def _file(self, session: requests.Session, folder: str, name: str) -> ModelFile:
        host = self.host()
        try:
            answer = session.head(f"{_base_url()}/{folder}/{name}", allow_redirects=True, timeout=_TIMEOUT_SECONDS)
        except (requests.RequestException, ValueError) as error:  # ValueError: sent to an address that is none
            raise not_reachable(error, host) from error
        status = answer.status_code
        if status in (404, 410):
            raise NotOnTheHub(f"{host} has no {folder}/{name} ({status}); check PICOGPT_OPENAI_URL.", host=host)
        if status in (405, 501):  # a mirror that answers GET only: the length comes with the bytes
            return ModelFile(name, None)
        if status == 407:
            raise NotReachable(proxy_refuses(host), host=host)
        if status != 200:
            what = said(host, status)
            refusal = NotReachable(f"{what} to the question for {name}; try again later.", host=host)
            raise TryAgain(what, refusal, retry_after(answer.headers)) if is_busy(status) else refusal
        if "text/html" in answer.headers.get("Content-Type", "").lower():
            raise NotReachable(WEB_PAGE.format(host=host, what=name), host=host)
        return ModelFile(name, number(answer.headers.get("Content-Length", "")), _md5(answer))


def _base_url() -> str:
    return checked_address("PICOGPT_OPENAI_URL", OPENAI_URL)


def _md5(answer: requests.Response) -> str:
    try:
        digest = base64.b64decode(answer.headers.get("Content-MD5", ""), validate=True)
    except ValueError:  # no base64, or no ASCII
        return ""
    return f"md5:{digest.hex()}" if len(digest) == 16 else ""
