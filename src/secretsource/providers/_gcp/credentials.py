"""The credentials that bear our calls: renewed by one thread, and only handed over by all others.

google-auth fetches a token in the thread of the caller, or in one of gRPC's, by connections without a limit. Here a
call takes the token that is there, and the clients keep their credentials when others are found under them.
Imported with google-auth, by the first search for the caller.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials as ServiceAccount
from requests import Session

from secretsource.providers._bounded_http import bounded
from secretsource.providers._bounded_session import bind_session
from secretsource.providers._gcp.wiring import explain_search

if TYPE_CHECKING:
    from secretsource.providers.base import Failed

__all__ = ["HandedCredentials", "are_the_same", "refresh"]

LONGEST = 30.0
"""Seconds for one token; callers wait until their own deadline."""


class HandedCredentials(Credentials):
    """What our clients take for their credentials.

    Args:
        source: The credentials of google-auth that were found, or given; they may be replaced.
    """

    def __init__(self, source: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.source = source

    @property
    def valid(self) -> bool:
        """Whether a call can be sent with the token that is there."""
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
        """Fetch a token, for a client that must have one at once."""
        self.source.refresh(request)

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        """Put the token into the headers of a call."""
        self.source.before_request(request, method, url, headers)


def refresh(source: Any) -> Failed | None:
    """Fetch a token, which may take long; why there is none.

    Args:
        source: Credentials of google-auth.
    """
    try:
        with bounded(monotonic() + LONGEST), bind_session(Session()) as session:
            source.refresh(Request(session))
    except Exception as error:
        return explain_search(error)
    return None


def are_the_same(one: Any, other: Any) -> bool:
    """Whether Google Cloud would say the same to both: they have one key, or one token."""
    if isinstance(one, ServiceAccount) and isinstance(other, ServiceAccount):
        return bool(one.signer_email == other.signer_email and one.signer.key_id == other.signer.key_id)
    return type(one) is type(other) and one.token == other.token
