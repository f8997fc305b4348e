"""Who asks Google Cloud: credentials, and the project they belong to.

The search for application default credentials may take many seconds (a metadata server that is not there), and
importing Google's packages half of one. So one thread does both, however many look-ups wait for it, and each waits no
longer than it has time.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource.providers._gcp.errors import TIMED_OUT, explain
from secretsource.providers.base import Failed, FailureCode, Identity

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from secretsource.providers.base import NotFound

__all__ = ["Caller", "CallerSearch"]

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

_NO_THREAD = Failed(
    FailureCode.UNAVAILABLE,
    "no thread could be started to look for credentials",
    "raise the limit of threads, or ask before the interpreter shuts down",
)


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        credentials: Credentials of google-auth.
        project: The project they belong to, or None where they do not say.
    """

    credentials: Credentials
    project: str | None

    @property
    def text(self) -> str:
        """Who asks, for a person: the account where the credentials say it, and the project."""
        kind = type(self.credentials).__name__
        account = getattr(self.credentials, "service_account_email", None) or getattr(self.credentials, "account", None)
        return f"{account or kind} in project {self.project or 'of each reference'}"

    def clock_skew(self, deadline: float) -> float | None:
        """Seconds by which the clock of the source of tokens is ahead of ours; it is asked for a token.

        Args:
            deadline: Monotonic seconds at which it must have answered.

        Returns:
            None where there is nobody to ask, or no token to be had: that is for a look-up to say.
        """
        from google.auth.transport.requests import Request
        from requests import Session

        ahead: list[float | None] = [None]
        with suppress(Exception), Session() as session:
            ask = Request(session)

            def dated(*arguments: Any, **keywords: Any) -> Any:
                answer = ask(*arguments, **{**keywords, "timeout": max(0.1, deadline - monotonic())})
                ahead.append(Identity.dated("", answer.headers.get("Date"), time()).clock_skew)
                return answer

            self.credentials.refresh(dated)
        return ahead[-1]


class CallerSearch:
    """Finds the caller once; a search that failed is begun again by the next look-up.

    Args:
        anonymous: True for an endpoint without TLS, which must not see credentials.
        quota_project: The project that calls are charged to; None for the credentials' own.
        credentials: Ready-made credentials; None for the application default ones.

    Attributes:
        found: The caller, once it is known.
    """

    def __init__(self, *, anonymous: bool, quota_project: str | None, credentials: Credentials | None) -> None:
        self._anonymous = anonymous
        self._quota_project = quota_project
        self._given = credentials
        self.reset()

    def reset(self) -> None:
        """Forget what was found, and a search that is under way."""
        self._lock = Lock()
        self._search: Future[Caller | Failed | NotFound] | None = None
        self.found: Caller | None = None

    def wait(self, deadline: float) -> Caller | Failed | NotFound:
        """The caller, or why there is none, by ``deadline`` in monotonic seconds."""
        search = self._begun()
        try:
            return search.result(deadline - monotonic())
        except TimeoutError:
            return TIMED_OUT

    async def async_wait(self, deadline: float) -> Caller | Failed | NotFound:
        """As `wait`, on the running event loop."""
        search = self._begun()
        if not search.done():
            try:
                async with asyncio.timeout(deadline - monotonic()):
                    await asyncio.wrap_future(search)
            except TimeoutError:
                return TIMED_OUT
        return search.result()

    def _begun(self) -> Future[Caller | Failed | NotFound]:
        with self._lock:
            if self._search is None:
                search: Future[Caller | Failed | NotFound] = Future()
                search.set_running_or_notify_cancel()  # a look-up that stops waiting does not stop it
                try:
                    Thread(target=self._run, args=(search,), name="secretsource-gcp-caller", daemon=True).start()
                except RuntimeError:
                    search.set_result(_NO_THREAD)
                    return search
                self._search = search
            return self._search

    def _run(self, search: Future[Caller | Failed | NotFound]) -> None:
        found: Caller | Failed | NotFound
        try:
            found = self._caller()
        except Exception as error:
            found = explain(error, making=True)
        with self._lock:
            if self._search is search:
                if isinstance(found, Caller):
                    self.found = found
                else:
                    self._search = None
        search.set_result(found)

    def _caller(self) -> Caller:
        _import_packages()
        import google.auth
        from google.auth.credentials import AnonymousCredentials, with_scopes_if_required

        named = os.environ.get("GOOGLE_CLOUD_PROJECT") or os.environ.get("GCLOUD_PROJECT")
        if self._anonymous:
            return Caller(AnonymousCredentials(), named)
        if self._given is None:
            return Caller(*google.auth.default(default_scopes=_SCOPES, quota_project_id=self._quota_project))
        credentials: Any = with_scopes_if_required(self._given, None, default_scopes=_SCOPES)
        if self._quota_project is not None and hasattr(credentials, "with_quota_project"):
            credentials = credentials.with_quota_project(self._quota_project)
        return Caller(credentials, named or getattr(credentials, "project_id", None))


def _import_packages() -> None:
    """Import what a call needs: that something is missing must be known before a value is here."""
    from importlib import import_module

    for package in ("google_crc32c", "google.cloud.secretmanager_v1"):
        import_module(package)
