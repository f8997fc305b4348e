"""The `requests.Session` of one connection to Vault: bounded in time and size, and true to one server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import Session

from secretsource.providers._bounded_requests import BoundedAdapter
from secretsource.providers._origins import leads_home

if TYPE_CHECKING:
    from requests import Response

__all__ = ["VaultSession"]

INDEX = "X-Vault-Index"

CONNECTIONS = 64
"""Connections that are kept, not opened: a burst of threads must not throw them away."""


class VaultSession(Session):
    """One session for all threads; nothing of the environment is read.

    Args:
        socket_path: A Unix socket where Vault, or its agent, listens; None to connect to the host of a URL.
    """

    def __init__(self, socket_path: str | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 2
        for scheme in ("https://", "http://"):
            self.mount(scheme, BoundedAdapter(pool_maxsize=CONNECTIONS, socket_path=socket_path))

    def get_redirect_target(self, resp: Response) -> str | None:
        """Where an answer sends us; None for another server, since a login has its credentials in its body, too."""
        target = super().get_redirect_target(resp)
        return target if target is not None and leads_home(resp.url, target) else None

    def send_along(self, response: Response) -> None:
        """Have reads from here on see what the call wrote that was answered so."""
        if index := response.headers.get(INDEX):
            headers: Any = self.headers.copy()  # not changed in place: other threads are going through it
            headers[INDEX] = index
            self.headers = headers
