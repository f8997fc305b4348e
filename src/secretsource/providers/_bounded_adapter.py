"""What a `requests.Session` sends with, so that its calls keep one deadline and one size.

Google's client over REST, google-auth and azure's blocking clients are built on requests. An answer is asked for and
taken as it is, because a short compressed one could become a huge one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from secretsource.providers._bounded_http import BoundedPoolConnection

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

__all__ = ["BoundedAdapter", "bind_adapters", "bind_session"]

ENCODING = "Content-Encoding"


class BoundedAdapter(HTTPAdapter):
    """An adapter whose calls keep the bounds of the call that their thread is in."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As the original, with bounded connections."""
        super().init_poolmanager(*arguments, **options)
        _bind_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As the original, with bounded connections."""
        return _bind_pools(super().proxy_manager_for(proxy, **options))

    def add_headers(self, request: PreparedRequest, **_: Any) -> None:
        """Ask for an answer that is not compressed."""
        request.headers["Accept-Encoding"] = "identity"

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """As the original, but an answer that is compressed all the same stays so."""
        resp.headers.discard(ENCODING)
        return super().build_response(req, resp)


def bind_session(session: Session, **options: Any) -> Session:
    """Let every call of a session keep the bounds of the call that its thread is in.

    Args:
        session: The session, which is also returned.
        options: As for ``HTTPAdapter``, such as ``pool_maxsize``.
    """
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(**options))
    return session


def bind_adapters(session: Session) -> None:
    """The same with the adapters that a session has, which may hold a certificate; compressed answers are expanded."""
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            _bind_pools(adapter.poolmanager)


def _bind_pools(pools: Any) -> Any:
    pools.pool_classes_by_scheme = {
        scheme: _bounded_pool(kind) for scheme, kind in pools.pool_classes_by_scheme.items()
    }
    return pools


@cache
def _bounded_pool(kind: Any) -> Any:
    if issubclass(kind.ConnectionCls, BoundedPoolConnection):  # requests keeps the manager of a proxy
        return kind
    connection = type(f"Bounded{kind.ConnectionCls.__name__}", (BoundedPoolConnection, kind.ConnectionCls), {})
    return type(f"Bounded{kind.__name__}", (kind,), {"ConnectionCls": connection})
