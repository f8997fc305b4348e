"""Our policies in azure's own pipelines; imported with them, on the first fetch.

A pipeline is a list of policies that each request passes on its way out, and its answer on the way back. Ours hold
every request, also those for tokens, to the deadline of its call. They refuse a retry whose wait could outlast it.
"""

from __future__ import annotations

import os
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.pipeline.policies import AsyncRetryPolicy, RetryPolicy

from secretsource.providers._azure.errors import DeadlinePassed, TokenAnswer, explain_token_failure
from secretsource.providers._wire.bounded_http import bounds_of_call
from secretsource.providers._wire.errand import in_thread
from secretsource.providers.base import Identity

if TYPE_CHECKING:
    from types import TracebackType

    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from requests import Session

__all__ = [
    "AsyncBoundedRetry",
    "BoundedRetry",
    "CredentialInThread",
    "Pace",
    "TokenPace",
    "blocking_transport",
    "token_transport",
]


class Pace:
    """A hook for the requests of a pipeline: each request gets no more time than is left.

    Args:
        connection_timeout: Seconds to connect to one address, at most.
        read_timeout: Seconds to wait for an answer, at most.
        slack: Seconds beyond the time left, for a client that is ended at the deadline by other means.
    """

    def __init__(self, connection_timeout: float, read_timeout: float, slack: float = 0.0) -> None:
        self._connection_timeout = connection_timeout
        self._read_timeout = read_timeout
        self._slack = slack

    def sent(self, request: PipelineRequest[Any]) -> None:
        """Bound a request that is about to be sent."""
        left = _seconds_left()
        if left <= 0:
            raise DeadlinePassed
        options, limit = request.context.options, left + self._slack
        options["connection_timeout"] = min(options.get("connection_timeout", self._connection_timeout), limit)
        options["read_timeout"] = min(options.get("read_timeout", self._read_timeout), limit)


class TokenPace(Pace):
    """The same hook for requests for tokens; it also stores how the last one ended.

    Attributes:
        last: The last request for a token, or None before the first.
        clock_skew: Seconds by which the clock of the service is ahead of ours, where an answer had a date.
    """

    last: TokenAnswer | None = None
    clock_skew: float | None = None
    _signed_in = False

    def sent(self, request: PipelineRequest[Any]) -> None:
        """Bound one request, and note that it is running."""
        self.last = TokenAnswer(urlsplit(request.http_request.url).hostname or "", None, self._signed_in)
        super().sent(request)

    def failed(self, url: str, error: Exception) -> None:
        """Store why a request had no answer: azure-identity reports it in its own words, or not at all."""
        if self.last is not None:
            self.last = self.last._replace(failure=explain_token_failure(error, url))

    def answered(self, response: PipelineResponse[Any, Any]) -> None:
        """Store the status of an answer, and its date."""
        status: int = response.http_response.status_code
        self._signed_in = self._signed_in or status == 200
        host = urlsplit(response.http_request.url).hostname or ""
        self.last = TokenAnswer(host, status, self._signed_in)
        self.clock_skew = Identity.dated("", response.http_response.headers.get("Date"), time()).clock_skew


class _Bounded:
    """A policy that refuses a retry that would start too late; it goes before a retry policy of azure-core."""

    def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
        """Return whether to try again."""
        policy: Any = super()
        if not policy.increment(settings, response=response, error=error):
            return False
        asked = policy.get_retry_after(response) if error is None else None
        wait: float = asked or policy.get_backoff_time(settings)
        return wait < _seconds_left()


class BoundedRetry(_Bounded, RetryPolicy[Any, Any]):
    """azure-core's retry policy within our deadline."""


class AsyncBoundedRetry(_Bounded, AsyncRetryPolicy[Any, Any]):
    """The retry policy of the asynchronous client, within our deadline."""


class CredentialInThread:
    """A blocking credential for the asynchronous client: a worker thread asks it.

    Args:
        credential: A credential of `azure.identity`, or anything with its ``get_token``.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token of the blocking credential."""
        return await in_thread(partial(self._credential.get_token, *scopes, **options))

    async def close(self) -> None:
        """Do nothing: the caller owns the credential, and closes it."""

    async def __aenter__(self) -> CredentialInThread:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return


def _seconds_left() -> float:
    """Return the seconds until the call of this thread or task must end; infinite outside our calls."""
    bounds = bounds_of_call.get()
    return float("inf") if bounds is None else bounds.deadline - monotonic()


def blocking_transport(ca_cert: str | None, connections: int) -> Any:
    """Return a transport that stores one connection per thread; requests stores ten and discards the rest."""
    from azure.core.pipeline.transport import RequestsTransport

    session = _session(connections)
    session.trust_env = False
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return RequestsTransport(session=session, connection_verify=ca_cert or bundle or True)


def token_transport(pace: TokenPace, *, use_env_settings: bool = True, **options: Any) -> Any:
    """Return a transport for the requests for tokens.

    Args:
        pace: Called with the result of a request without an answer.
        use_env_settings: Whether the environment may name a proxy.
        options: As for ``RequestsTransport``.
    """
    from azure.core.pipeline.transport import RequestsTransport

    class TokenTransport(RequestsTransport):  # type: ignore[misc]  # azure loads the class when it is asked for
        def send(self, request: Any, **options: Any) -> Any:
            try:
                return super().send(request, **options)
            except Exception as error:
                pace.failed(request.url, error)
                raise

    session = _session(1)
    session.trust_env = use_env_settings
    return TokenTransport(session=session, **options)


def _session(connections: int) -> Session:
    from urllib3.util import Retry

    from secretsource.providers._wire.bounded_session import SurroundedSession, bind_session

    return bind_session(SurroundedSession(), pool_maxsize=connections, max_retries=Retry(total=False, redirect=False))
