"""The credentials that our calls carry: one thread renews them, and all others use them.

google-auth fetches a token in the caller's thread, or in one of gRPC's, by connections without a limit. Here a call
takes the current token, and the clients keep their credentials object when others are found under it. Imported with
google-auth, by the first search for the caller.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials as ServiceAccount

from secretsource.providers._gcp.wiring import explain_search
from secretsource.providers._wire.bounded_http import bounded
from secretsource.providers._wire.bounded_session import SurroundedSession, bind_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from secretsource.providers.base import Failed

    Asked = TypeVar("Asked")

__all__ = ["HandedCredentials", "TokenRequest", "are_the_same", "asked", "refresh"]

LONGEST = 30.0
"""Seconds for one token, or one search; callers wait until their own deadline."""


class HandedCredentials(Credentials):
    """The credentials object of our clients.

    Args:
        source: The credentials of google-auth, found or passed in; they may be replaced.
    """

    def __init__(self, source: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google.auth has no types here
        self.source = source

    @property
    def valid(self) -> bool:
        """Whether a call can be sent with the current token."""
        return bool(self.source.valid)

    @property
    def universe_domain(self) -> Any:
        """The cloud that they belong to."""
        return self.source.universe_domain

    @property
    def quota_project_id(self) -> Any:
        """The project that calls are charged to."""
        return self.source.quota_project_id

    def refresh(self, request: Any) -> None:
        """Fetch a token, for a client that must have it at once."""
        self.source.refresh(request)

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        """Put the token into the headers of a call."""
        self.source.before_request(request, method, url, headers)


class TokenRequest(Request):
    """A question to the source of a token.

    Attributes:
        status: The HTTP status of the last answer, which google-auth's errors do not have; 0 before the first.
    """

    status = 0

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Do the same as the original, and note the status."""
        self.status = 0
        answer = super().__call__(*arguments, **keywords)  # type: ignore[no-untyped-call]  # as above
        self.status = answer.status
        return answer


def asked(question: Callable[[TokenRequest], Asked]) -> Asked | Failed:
    """Return what a question to the source of tokens comes to, which may take long, or the failure.

    Args:
        question: A call of google-auth with a transport.
    """
    with bounded(monotonic() + LONGEST), bind_session(SurroundedSession()) as session:
        request = TokenRequest(session)
        try:
            return question(request)
        except Exception as error:
            return explain_search(error, request.status)


def refresh(source: Any) -> Failed | None:
    """Fetch a token; return the reason if that fails.

    Args:
        source: Credentials of google-auth.
    """
    failed: Failed | None = asked(source.refresh)
    return failed


def are_the_same(one: Any, other: Any) -> bool:
    """Return whether Google Cloud would treat both alike: they have the same key or the same token."""
    if isinstance(one, ServiceAccount) and isinstance(other, ServiceAccount):
        return bool(one.signer_email == other.signer_email and one.signer.key_id == other.signer.key_id)
    return type(one) is type(other) and one.token == other.token
