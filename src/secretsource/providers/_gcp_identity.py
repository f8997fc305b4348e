"""Who asks Google Cloud: credentials, and the project they belong to.

The search for application default credentials may take many seconds (a metadata server that is not there), and
importing Google's packages half of one. So one thread does both, however many callers wait for it, and each waits no
longer than it has time.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource.providers._gcp_errors import TIMED_OUT, explain

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from secretsource.providers.base import Failed, NotFound

__all__ = ["Identity", "IdentitySearch"]

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class Identity(NamedTuple):
    """Who asks.

    Attributes:
        credentials: Credentials of google-auth.
        project: The project they belong to, or None where they do not say.
    """

    credentials: Credentials
    project: str | None


class IdentitySearch:
    """Finds the identity once; a search that failed is begun again by the next caller.

    Args:
        anonymous: True for an endpoint without TLS, which must not see credentials.
        quota_project: The project that calls are charged to; None for the credentials' own.
        credentials: Ready-made credentials; None for the application default ones.
    """

    def __init__(self, *, anonymous: bool, quota_project: str | None, credentials: Credentials | None) -> None:
        self._anonymous = anonymous
        self._quota_project = quota_project
        self._given = credentials
        self.reset()

    def reset(self) -> None:
        """Forget what was found, and a search that is under way."""
        self._lock = Lock()
        self._search: Future[Identity | Failed | NotFound] | None = None

    def wait(self, deadline: float) -> Identity | Failed | NotFound:
        """The identity, or why there is none, by ``deadline`` in monotonic seconds."""
        search = self._begun()
        try:
            return search.result(deadline - monotonic())
        except TimeoutError:
            return TIMED_OUT

    async def async_wait(self, deadline: float) -> Identity | Failed | NotFound:
        """As `wait`, on the running event loop."""
        search = self._begun()
        if not search.done():
            try:
                async with asyncio.timeout(deadline - monotonic()):
                    await asyncio.wrap_future(search)
            except TimeoutError:
                return TIMED_OUT
        return search.result()

    def _begun(self) -> Future[Identity | Failed | NotFound]:
        with self._lock:
            if self._search is None:
                self._search = Future()
                self._search.set_running_or_notify_cancel()  # a caller that stops waiting does not stop the search
                Thread(target=self._run, args=(self._search,), name="secretsource-gcp-identity", daemon=True).start()
            return self._search

    def _run(self, search: Future[Identity | Failed | NotFound]) -> None:
        found: Identity | Failed | NotFound
        try:
            found = self._identity()
        except Exception as error:
            found = explain(error, making=True)
        if not isinstance(found, Identity):
            with self._lock:
                if self._search is search:
                    self._search = None
        search.set_result(found)

    def _identity(self) -> Identity:
        _import_packages()
        import google.auth
        from google.auth.credentials import AnonymousCredentials, with_scopes_if_required

        named = os.environ.get("GOOGLE_CLOUD_PROJECT") or os.environ.get("GCLOUD_PROJECT")
        if self._anonymous:
            return Identity(AnonymousCredentials(), named)  # type: ignore[no-untyped-call]
        if self._given is None:
            return Identity(*google.auth.default(default_scopes=_SCOPES, quota_project_id=self._quota_project))
        credentials: Any = with_scopes_if_required(self._given, None, default_scopes=_SCOPES)  # type: ignore[no-untyped-call]
        if self._quota_project is not None and hasattr(credentials, "with_quota_project"):
            credentials = credentials.with_quota_project(self._quota_project)
        return Identity(credentials, named or getattr(credentials, "project_id", None))


def _import_packages() -> None:
    """Import what a call needs: that something is missing must be known before a value is here."""
    from importlib import import_module

    for package in ("google_crc32c", "google.cloud.secretmanager_v1"):
        import_module(package)
