"""HTTP by requests within the bounds of the call, as in `_wire.bounded_http`.

For drivers whose SDK takes a `requests.Session`; only they import this.

    session.mount("https://", BoundedAdapter())
    with bounded(deadline):
        session.get(url)                    # without a timeout of requests, which begins anew for every read
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from secretsource.providers._wire.bounded_http import BoundedConnection, BoundedPoolConnection, bounded_pool

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

__all__ = ["BoundedAdapter", "ClosedSocket", "NoSocket"]


class NoSocket(OSError):
    """An error: there is no Unix socket at the path."""


class ClosedSocket(OSError):
    """An error: this user may not connect to the Unix socket."""


class BoundedAdapter(HTTPAdapter):
    """The adapter that sends the calls of a `requests.Session`.

    Args:
        socket_path: A Unix socket to connect to, for every host in a URL.
        options: As for `HTTPAdapter`.
    """

    def __init__(self, *, socket_path: str | None = None, **options: Any) -> None:
        self._socket_path = socket_path
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Do the same as the original, with bounded pools."""
        super().init_poolmanager(*arguments, **options)
        path = self._socket_path
        _bound(self.poolmanager, BoundedPoolConnection if path is None else _connection_to(path))

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Do the same as the original, with bounded pools."""
        # The proxy looks up the name of a host; this machine may be unable to.
        kind = BoundedConnection if proxy.lower().startswith("socks") else BoundedPoolConnection
        return _bound(super().proxy_manager_for(proxy, **options), kind)

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """Do the same as the original, but do not expand a compressed answer: a short one could become huge."""
        resp.headers.discard("Content-Encoding")
        return super().build_response(req, resp)


class _UnixConnection(BoundedConnection):
    """A mixin for a connection class of urllib3; it connects to a Unix socket."""

    socket_path: str

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self.socket_path)
        except BaseException as error:
            connection.close()
            known: dict[type, type[OSError]] = {FileNotFoundError: NoSocket, PermissionError: ClosedSocket}
            if type(error) in known:
                raise known[type(error)] from error
            raise
        return connection


def _connection_to(path: str) -> type[_UnixConnection]:
    """Return the connection class of one socket; urllib3 makes connections by class."""
    return type("UnixConnection", (_UnixConnection,), {"socket_path": path})


def _bound(pools: Any, kind: type[BoundedConnection]) -> Any:
    """Let a pool manager of urllib3 make bounded connections."""
    pools.pool_classes_by_scheme = {
        scheme: bounded_pool(pool, kind) for scheme, pool in pools.pool_classes_by_scheme.items()
    }
    return pools
