"""The caller at Google Cloud: credentials, and the project they belong to.

The search for application default credentials may take many seconds if there is no metadata server. Importing Google's
packages takes half a second. So one thread does both for all look-ups, and each look-up waits only until its own
deadline. The same holds for a token. When Google Cloud rejects credentials that were found, they are looked for anew,
at most once in `RENEWAL_PAUSE` seconds: keys are replaced on disk under a running process. Credentials that you pass in
manage themselves.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from contextlib import suppress
from threading import RLock, Thread
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource._ground.imports import load
from secretsource.providers._gcp.errors import TIMED_OUT
from secretsource.providers._wire.errand import NO_THREAD, Errands, overdue
from secretsource.providers.base import Failed, FailureCode, Identity

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from secretsource.providers._gcp.credentials import HandedCredentials, TokenRequest
    from secretsource.providers.base import NotFound

__all__ = ["Caller", "CallerSearch"]

_PACKAGES = ("google_crc32c", "google.cloud.secretmanager_v1", "secretsource.providers._wire.bounded_session")
_THEIR_CHECK = r"google\.api_core\._python_version_support$"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

RENEWAL_PAUSE = 5.0
"""Seconds between two searches that a rejection started."""

_FETCHING = Failed(
    FailureCode.TIMEOUT,
    "an access token was still being fetched when the time allowed for it was over",
    "check the network on the way to the token's source: oauth2.googleapis.com, or the metadata server",
)


class Caller(NamedTuple):
    """The caller's credentials and project.

    Attributes:
        credentials: Credentials of google-auth.
        project: The project they belong to, or None if they do not say.
    """

    credentials: Credentials
    project: str | None

    @property
    def text(self) -> str:
        """The account, if the credentials name it, and the project, for a person."""
        kind = type(self.credentials).__name__
        account = getattr(self.credentials, "service_account_email", None) or getattr(self.credentials, "account", None)
        return f"{account or kind} in project {self.project or 'of each reference'}"

    def clock_skew(self, deadline: float) -> float | None:
        """Return the seconds by which the token source's clock is ahead of ours, by asking it for a token.

        Args:
            deadline: Monotonic seconds at which it must have answered.

        Returns:
            None if there is no source, or if it returns no token: a look-up reports that.
        """
        from google.auth.transport.requests import Request

        from secretsource.providers._wire.bounded_session import SurroundedSession, bind_session

        ahead: list[float | None] = [None]
        with suppress(Exception), bind_session(SurroundedSession()) as session:
            ask = Request(session)

            def dated(*arguments: Any, **keywords: Any) -> Any:
                answer = ask(*arguments, **{**keywords, "timeout": max(0.1, deadline - monotonic())})
                ahead.append(Identity.dated("", answer.headers.get("Date"), time()).clock_skew)
                return answer

            self.credentials.refresh(dated)
        return ahead[-1]


class CallerSearch:
    """A finder of the caller; it searches once, and the next look-up repeats a failed search.

    Args:
        anonymous: True for an endpoint without TLS, which must not receive credentials.
        quota_project: The project that calls are charged to; None for the credentials' own.
        credentials: Ready-made credentials; None for the application default ones.

    Attributes:
        found: The caller, once it is known.
        handed: The credentials of the clients, once the caller is known.
    """

    def __init__(self, *, anonymous: bool, quota_project: str | None, credentials: Credentials | None) -> None:
        self._anonymous = anonymous
        self._quota_project = quota_project
        self._given = credentials
        self.reset()

    def reset(self) -> None:
        """Forget the result, and a search that is running."""
        self._lock = RLock()
        self._search: Future[Caller | Failed | NotFound] | None = None
        self.found: Caller | None = None
        self.handed: HandedCredentials | None = None
        self._errands = Errands()
        self._next_renewal = 0.0

    @property
    def has_token(self) -> bool:
        """Whether a call can be sent at once."""
        return self.handed is not None and self.handed.valid

    def refusal(self, deadline: float) -> Failed | None:
        """Return why a call cannot be sent, or None; wait for a token until ``deadline`` at most."""
        try:
            return None if self.has_token else self._errands.result("token", self._fetch_token, deadline)
        except TimeoutError as error:
            return overdue(error, _FETCHING)

    def renew(self, refused: Caller | None, deadline: float) -> bool:
        """Look for credentials other than those that Google Cloud rejected; return whether there are any.

        Args:
            refused: The rejected caller.
            deadline: Monotonic seconds at which to stop waiting.
        """
        if self.found is refused and self._is_time_to_renew():
            self._errands.begin("token", self._search_anew)
        with suppress(TimeoutError):
            self._errands.join("token", deadline)
        return self.found is not refused

    def wait(self, deadline: float) -> Caller | Failed | NotFound:
        """Return the caller, or the failure to find it, by ``deadline`` in monotonic seconds."""
        search = self._begun()
        try:
            return search.result(deadline - monotonic())
        except TimeoutError:
            return TIMED_OUT

    async def async_wait(self, deadline: float) -> Caller | Failed | NotFound:
        """Do the same as `wait`, on the running event loop."""
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
                search.set_running_or_notify_cancel()  # a look-up that stops waiting does not stop the search
                try:
                    Thread(target=self._run, args=(search,), name="secretsource-gcp-caller", daemon=True).start()
                except RuntimeError:
                    search.set_result(NO_THREAD)
                    return search
                self._search = search
            return self._search

    def _run(self, search: Future[Caller | Failed | NotFound]) -> None:
        found: Caller | Failed | NotFound
        try:
            found = self._caller()
        except Exception as error:
            from secretsource.providers._gcp.wiring import explain_search

            found = explain_search(error)
        with self._lock:
            if self._search is search:
                if isinstance(found, Caller):
                    self._keep(found)
                else:
                    self._search = None
        search.set_result(found)

    def _caller(self) -> Caller | Failed:
        _import_packages()
        from google.auth.credentials import AnonymousCredentials, with_scopes_if_required

        named = os.environ.get("GOOGLE_CLOUD_PROJECT") or os.environ.get("GCLOUD_PROJECT")
        if self._anonymous:
            return Caller(AnonymousCredentials(), named)
        if self._given is None:
            return self._ambient()
        credentials: Any = _self_signing(with_scopes_if_required(self._given, None, default_scopes=_SCOPES))
        if self._quota_project is not None and hasattr(credentials, "with_quota_project"):
            credentials = credentials.with_quota_project(self._quota_project)
        return Caller(credentials, named or getattr(credentials, "project_id", None))

    def _ambient(self) -> Caller | Failed:
        """Return the application default credentials, from the current files and environment."""
        import google.auth

        from secretsource.providers._gcp.credentials import asked

        def search(request: TokenRequest) -> Caller:
            credentials, project = google.auth.default(
                default_scopes=_SCOPES, quota_project_id=self._quota_project, request=request
            )
            return Caller(_self_signing(credentials), project)

        return asked(search)

    def _keep(self, caller: Caller) -> None:
        from secretsource.providers._gcp.credentials import HandedCredentials

        if self.handed is None:
            self.handed = HandedCredentials(caller.credentials)
        self.handed.source = caller.credentials
        self.found = caller

    def _fetch_token(self) -> Failed | None:
        """Fetch a token, with the current credentials if ours are useless by now; return a failure, or None."""
        from secretsource.providers._gcp.credentials import refresh

        assert self.found is not None
        failed = refresh(self.found.credentials)
        if failed is None or failed.retryable or not self._is_time_to_renew():
            return failed
        return self._search_anew() or failed

    def _search_anew(self) -> Failed | None:
        """Take the current credentials, unless they are the same as before."""
        from secretsource.providers._gcp.credentials import are_the_same, refresh

        assert self.found is not None
        anew = self._ambient()
        if isinstance(anew, Failed):
            return anew
        failed = refresh(anew.credentials)
        if failed is None and not are_the_same(self.found.credentials, anew.credentials):
            self._keep(anew)
        return failed

    def _is_time_to_renew(self) -> bool:
        """Return whether a search for other credentials may start now."""
        if self._anonymous or self._given is not None:
            return False
        with self._lock:
            now = monotonic()
            if now < self._next_renewal:
                return False
            self._next_renewal = now + RENEWAL_PAUSE
            return True


def _self_signing(credentials: Any) -> Any:
    """Return credentials that sign their own token if they have a key for it, as Google's clients would."""
    sign = getattr(credentials, "with_always_use_jwt_access", None)
    return credentials if sign is None else sign(True)


def _import_packages() -> None:
    """Import the packages of a call: a missing package must be known before a value is here.

    Their import warns of a Python whose time is over. Where warnings are errors, that would end it.
    """
    try:
        load(*_PACKAGES)
    except FutureWarning:
        import warnings

        warnings.filterwarnings("default", category=FutureWarning, module=_THEIR_CHECK)
        load(*_PACKAGES)
