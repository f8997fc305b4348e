"""The `requests.Session` of one connection to Vault: bounded in time and size, and true to one server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.providers._wire.bounded_requests import BoundedAdapter
from secretsource.providers._wire.bounded_session import LoyalSession

if TYPE_CHECKING:
    from requests import Response

__all__ = ["VaultSession"]

INDEX = "X-Vault-Index"

CONNECTIONS = 64
"""Connections that are stored, not opened: a burst of threads must not throw them away."""


class VaultSession(LoyalSession):
    """One session for all threads; it reads nothing from the environment.

    Args:
        socket_path: A Unix socket of Vault or its agent; None to connect to the host of a URL.
    """

    def __init__(self, socket_path: str | None = None) -> None:
        super().__init__()
        self.trust_env = False
        for scheme in ("https://", "http://"):
            self.mount(scheme, BoundedAdapter(pool_maxsize=CONNECTIONS, socket_path=socket_path))

    def send_along(self, response: Response) -> None:
        """Make later reads see the write that this answer confirms."""
        if index := response.headers.get(INDEX):
            headers: Any = self.headers.copy()  # not changed in place: other threads are iterating over it
            headers[INDEX] = index
            self.headers = headers
