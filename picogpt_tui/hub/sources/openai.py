"""OpenAI's own container: the original TensorFlow checkpoints, as plain files.

https://github.com/openai/gpt-2/blob/master/download_model.py names them. No digests are published but what the server
says: a length and, on a whole file, `Content-MD5`
(https://learn.microsoft.com/rest/api/storageservices/get-blob-properties). The checkpoint's own index holds a CRC32C of
every tensor besides.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import requests

from picogpt_tui.errors import NotOnTheHub, NotReachable
from picogpt_tui.hub.connection import Stop, open_session
from picogpt_tui.hub.manifest import Manifest, ModelFile
from picogpt_tui.hub.registry import OPENAI, OPENAI_FILES, OPENAI_URL, published
from picogpt_tui.hub.targets import Target
from picogpt_tui.hub.trouble import WEB_PAGE, not_reachable
from picogpt_tui.visible import one_line

_TIMEOUT_SECONDS = (10.0, 12.0)


class OpenAI:
    """The container, or the one `PICOGPT_OPENAI_URL` names."""

    def host(self) -> str:
        """Whom one speaks to."""
        return one_line(urlsplit(_base_url()).netloc, 100)

    def look_up(self, target: Target, stop: Stop) -> Manifest:
        """Ask for the length and the digest of each file.

        Raises:
            NotOnTheHub: one is not there.
            NotReachable: no usable answer.
        """
        model = published(target.repo)
        assert model is not None
        with open_session(stop, {}) as session:
            files = tuple(self._file(session, target.repo, name) for name in OPENAI_FILES)
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
        except requests.RequestException as error:
            raise not_reachable(error, host) from error
        if answer.status_code in (404, 410):
            raise NotOnTheHub(f"{host} has no {folder}/{name}; check PICOGPT_OPENAI_URL.", host=host)
        if answer.status_code in (405, 501):  # a mirror that answers GET only: the length comes with the bytes
            return ModelFile(name, None)
        if answer.status_code != 200:
            raise NotReachable(f"{host} answered {answer.status_code} to the question for {name}.", host=host)
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise NotReachable(WEB_PAGE.format(host=host, what=name), host=host)
        length = answer.headers.get("Content-Length", "")
        return ModelFile(name, int(length) if length.isdecimal() else None, _md5(answer))


def _base_url() -> str:
    return (os.environ.get("PICOGPT_OPENAI_URL") or OPENAI_URL).rstrip("/")


def _md5(answer: requests.Response) -> str:
    try:
        digest = base64.b64decode(answer.headers.get("Content-MD5", ""), validate=True)
    except binascii.Error:
        return ""
    return f"md5:{digest.hex()}" if len(digest) == 16 else ""
