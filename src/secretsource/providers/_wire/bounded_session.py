"""Bounds for a session of requests that a vendor's package made, or that you pass in.

Google's client over REST, google-auth and azure's blocking clients are built on requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import Session
from requests.adapters import HTTPAdapter

from secretsource.providers._wire.bounded_http import bounded_pool
from secretsource.providers._wire.bounded_requests import BoundedAdapter
from secretsource.providers._wire.origins import leads_home
from secretsource.providers._wire.proxies import is_here

if TYPE_CHECKING:
    from requests import Response

__all__ = ["LoyalSession", "SurroundedSession", "bind_adapters", "bind_session"]


class LoyalSession(Session):
    """A session whose calls go to one server: credentials may be in the body, which requests sends along."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = 2

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return the target of a redirect; None for another server, or away from https."""
        target = super().get_redirect_target(resp)
        return target if target is not None and leads_home(resp.url, target) else None


class SurroundedSession(LoyalSession):
    """A session that goes by the environment, but asks no proxy of it about this machine."""

    def merge_environment_settings(
        self, url: Any, proxies: dict[str, str] | None, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        """Return what requests does; for it, ``no_proxy`` among the proxies overrides that of the environment."""
        chosen = {"no_proxy": "*", **(proxies or {})} if is_here(str(url)) else proxies
        merged: dict[str, Any] = super().merge_environment_settings(url, chosen, stream, verify, cert)
        return merged


def bind_session(session: Session, **options: Any) -> Session:
    """Hold every call of a session to the bounds of the call that its thread is in.

    Args:
        session: The session, which is also returned.
        options: As for ``HTTPAdapter``, such as ``pool_maxsize``.
    """
    session.headers["Accept-Encoding"] = "identity"  # a compressed answer is not expanded
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(**options))
    return session


def bind_adapters(session: Session) -> None:
    """Bound the session's existing adapters, which may hold a certificate; compressed answers are expanded."""
    session.headers["Accept-Encoding"] = "identity"
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            pools = adapter.poolmanager
            pools.pool_classes_by_scheme = {
                scheme: bounded_pool(kind) for scheme, kind in pools.pool_classes_by_scheme.items()
            }
